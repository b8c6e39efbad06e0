"""Sending and receiving with both families on every link, in each an interval of 100 ms and one of 1 s."""

from harness.shape import Shape
from scenarios import receive, send

_SHAPE = Shape(500, 4, addresses=2, ipv6=2, slow_cs=100)
_WHAT = "1000 IPv4 and 1000 IPv6 VRs × 2 addresses, half @100 ms, half @1 s, 500 links"

SCENARIOS = (
    send.scenario(
        "mix-send", f"send: {_WHAT}, after a spread-out master", _SHAPE, 0.4, spread=True, in_quick=False
    ),
    receive.scenario("mix-receive", f"receive: {_WHAT}", _SHAPE, 0.02, in_quick=False),
)
