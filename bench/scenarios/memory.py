"""Memory of a daemon that is MASTER of 1000 virtual routers."""

from collections.abc import Mapping

from harness.network import Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.process import memory_kb
from harness.programs import KEEPALIVED, OURS, Programs
from harness.shape import Shape
from harness.steady import wait_for_rate

_SHAPE = Shape(4, 250)


def _measure(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    with Wire(_SHAPE) as wire:
        process = programs.daemon(wire.near, subject, _SHAPE)
        wait_for_rate(wire.near, _SHAPE.per_second, programs.last_words)
        memory = memory_kb(process.pid)
    return {"pss": memory["Pss"] / 1024, "rss": memory["Rss"] / 1024}


SCENARIOS = (
    Scenario(
        "memory-1000",
        "memory: MASTER of 1000 VRs @100 ms, 4 links",
        (OURS, KEEPALIVED),
        (
            Metric("pss", "memory of the process tree, PSS", "MB", Budget(60, False, "2000 VRs")),
            Metric("rss", "the same as the sum of RSS", "MB"),
        ),
        _measure,
        pairs_max=1,
    ),
)
