"""Through which socket adverts leave for least: a batch of 250 over 100 links, four ways in turn, bare C."""

from collections.abc import Mapping

from harness import shape
from harness.network import Wire
from harness.pairs import Effort, Metric, Scenario
from harness.programs import FLOOR, Programs
from harness.shape import Shape

_ROUNDS_PER_S = 100  # of the window
_SHAPE = Shape(100, 3)
_BATCH = 250


def batch() -> list[str]:
    """The first virtual routers of all links and as many of the last as there is room for, link by link."""
    lines = shape.plan(_SHAPE, phases=1, host=1).splitlines()
    last = lines[_SHAPE.per_link - 1 :: _SHAPE.per_link]
    return [line for line in lines if line not in last[_BATCH - len(lines) :]]


def _measure(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    del subject  # there is one only
    with Wire(_SHAPE) as wire:
        rounds = str(int(effort.window_s * _ROUNDS_PER_S))
        said = wire.near.run(str(programs.directory / "sendpath"), rounds, given="\n".join(batch()))
    return {name: float(ns) for name, ns in map(str.split, said.splitlines())}


SCENARIOS = (
    Scenario(
        "sendpath",
        f"ways to send: {_BATCH} adverts, {_SHAPE.links} links, one socket",
        (FLOOR,),
        (
            Metric("raw", "CPU per advert: raw IP, IP_HDRINCL and IP_PKTINFO, sendmmsg", "ns"),
            Metric("packet", "AF_PACKET SOCK_DGRAM, sendmmsg (vrrpd-fast's way)", "ns"),
            Metric("bypass", "the same with PACKET_QDISC_BYPASS", "ns"),
            Metric("ring", "PACKET_TX_RING, one send per link", "ns"),
        ),
        _measure,
    ),
)
