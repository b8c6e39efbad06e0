"""All virtual routers lose their master at once: how late is the last advert, the last announced address?

The old master is the bare sender and dies by SIGKILL. Times are the kernel's, taken on the old master's side
of the links; every virtual router is judged by the last advert it heard itself.
"""

import time
from collections.abc import Mapping
from statistics import median

from harness import records
from harness.network import BenchError, Wire
from harness.pairs import Budget, Metric, Scenario
from harness.programs import KEEPALIVED, OURS, Programs, finish_capture
from harness.shape import Shape
from harness.steady import wait_for_members

_STORM_S = 3.0  # from the old master's end to the end of the capture


def _measure(shape: Shape, storm_s: float, programs: Programs, subject: str) -> Mapping[str, float]:
    output = programs.directory / "records"
    with Wire(shape) as wire:
        links = {
            index: int(name[1:]) for index, name in wire.far.indexes().items() if name in shape.interfaces()
        }
        sender = programs.sender(wire.far, shape)
        programs.daemon(wire.near, subject, shape)
        wait_for_members(wire.near, shape.memberships, programs.last_words)
        capture = programs.capture(wire.far, output)
        time.sleep(2 * shape.interval_cs / 100)
        wire.far.stop(sender)
        time.sleep(storm_s)
        finish_capture(capture)
    try:
        takeover = records.judge(records.read(output.read_bytes()), shape, links)
    except ValueError as error:
        raise BenchError(f"{subject}: {error}; log:\n{programs.last_words()}") from error
    return {
        "advert": max(takeover.adverts_ns) / 1e6,
        "median": median(takeover.adverts_ns) / 1e6,
        "arp": max(takeover.announcements_ns) / 1e6,
        "gap": max(takeover.gaps_ns) / 1e6,
    }


def scenario(
    name: str, title: str, shape: Shape, storm_s: float = _STORM_S, in_quick: bool = True
) -> Scenario:
    return Scenario(
        name,
        title,
        (OURS, KEEPALIVED),
        (
            Metric("advert", "last advert late by", "ms", Budget(3, False, "2000 VRs")),
            Metric("median", "median advert late by", "ms"),
            Metric("arp", "last gratuitous ARP or NA late by", "ms", Budget(1, True)),
            Metric("gap", "longest gap from first to second advert", "ms"),
        ),
        lambda programs, subject, effort: _measure(shape, storm_s, programs, subject),
        in_quick=in_quick,
    )


# A link has room for 255 virtual routers of a family, so 500 need at least two.
SCENARIOS = (
    scenario("takeover-500", "takeover: 500 VRs @100 ms, 2 links", Shape(2, 250)),
    scenario(
        "takeover-500x10", "takeover: 500 VRs × 10 addresses @100 ms, 2 links", Shape(2, 250, addresses=10)
    ),
)
