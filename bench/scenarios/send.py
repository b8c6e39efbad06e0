"""Processor time per advert sent. Nobody listens on the other end of the links: only the sender differs.

How a daemon's adverts lie in time decides how often it wakes. A daemon that starts alone becomes MASTER of
everything at once, and keepalived's adverts stay in one lump: its best case. After a takeover from a master
whose adverts were spread evenly, keepalived wakes for each of them.
"""

from collections.abc import Mapping

from harness.network import Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import FLOOR, KEEPALIVED, OURS, Programs
from harness.shape import OUR_PRIORITY, Shape
from harness.steady import observe, wait_for_members, wait_for_rate


def measure(
    shape: Shape, spread: bool, programs: Programs, subject: str, effort: Effort
) -> Mapping[str, float]:
    with Wire(shape) as wire:
        if subject == FLOOR:
            process = programs.sender(wire.near, shape, host=1, priority=OUR_PRIORITY)
        elif spread:
            master = programs.sender(wire.far, shape, phases=shape.count)
            process = programs.daemon(wire.near, subject, shape)
            wait_for_members(wire.near, shape.memberships, programs.last_words)
            wire.far.stop(master)
        else:
            process = programs.daemon(wire.near, subject, shape)
        wait_for_rate(wire.near, shape.per_second, programs.last_words, shape.longest_cs / 100)
        window = observe(wire.near, [process.pid], effort.window_s)
    return {
        "cpu": window.cpu_ns[0] / window.packets / 1000,
        "rate": 100 * window.packets / window.seconds / shape.per_second,
    }


def scenario(
    name: str, title: str, shape: Shape, limit: float, spread: bool = False, in_quick: bool = True
) -> Scenario:
    return Scenario(
        name,
        title,
        (OURS, KEEPALIVED, FLOOR),
        (
            Metric("cpu", "CPU per advert sent", "µs", Budget(limit, True)),
            Metric("rate", "adverts sent of nominal", "%"),
        ),
        lambda programs, subject, effort: measure(shape, spread, programs, subject, effort),
        in_quick=in_quick,
    )


_LINKS = Shape(100, 5)
_SPREAD = "after a spread-out master"

SCENARIOS = (
    scenario("send-lan", "send: 200 VRs @100 ms, 1 link, started alone", Shape(1, 200), 0.25),
    scenario("send-links", "send: 500 VRs @100 ms, 100 links, started alone", _LINKS, 0.4),
    scenario("send-spread", f"send: 500 VRs @100 ms, 100 links, {_SPREAD}", _LINKS, 0.4, spread=True),
    scenario(
        "send-2000",
        f"send: 2000 VRs @100 ms, 500 links, {_SPREAD}",
        Shape(500, 4),
        0.4,
        spread=True,
        in_quick=False,
    ),
)
