"""Sending and receiving with IPv6 alone."""

from harness.shape import Shape
from scenarios import receive, send

_SHAPE = Shape(500, 4, addresses=2, ipv6=4)
_WHAT = "2000 IPv6 VRs × 2 addresses @100 ms, 500 links"

SCENARIOS = (
    send.scenario(
        "ipv6-send", f"send: {_WHAT}, after a spread-out master", _SHAPE, 0.4, spread=True, in_quick=False
    ),
    receive.scenario("ipv6-receive", f"receive: {_WHAT}", _SHAPE, 0.02, in_quick=False),
)
