"""Memory of a daemon that is MASTER of thousands of virtual routers."""

from collections.abc import Mapping

from harness.network import Wire
from harness.pairs import Budget, Metric, Scenario
from harness.process import memory_kb
from harness.programs import KEEPALIVED, OURS, Programs
from harness.shape import Shape
from harness.steady import wait_for_rate


def _measure(shape: Shape, programs: Programs, subject: str) -> Mapping[str, float]:
    with Wire(shape) as wire:
        process = programs.daemon(wire.near, subject, shape)
        wait_for_rate(wire.near, shape.per_second, programs.last_words, shape.interval_cs / 100)
        memory = memory_kb(process.pid)
    return {"pss": memory["Pss"] / 1024, "rss": memory["Rss"] / 1024}


def _scenario(shape: Shape, limit_mb: float) -> Scenario:
    return Scenario(
        f"memory-{shape.count}",
        f"memory: MASTER of {shape.count} VRs @1 s, {shape.links} links",
        (OURS, KEEPALIVED),
        (
            Metric("pss", "memory of the process tree, PSS", "MB", Budget(limit_mb, False)),
            Metric("rss", "the same as the sum of RSS", "MB"),
        ),
        lambda programs, subject, effort: _measure(shape, programs, subject),
        pairs_max=1,
        in_quick=shape.count == 2000,
    )


SCENARIOS = (_scenario(Shape(8, 250, 100), 60), _scenario(Shape(40, 250, 100), 90))
