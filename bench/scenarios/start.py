"""From exec to the last owner advertising: a cold start, everything included.

All virtual routers have priority 255, so each advertises as soon as it can. Times are the kernel's, taken on
the other side of the links.
"""

import time
from collections.abc import Mapping

from harness import records
from harness.daemon import Daemon, text
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import KEEPALIVED, OURS, Programs, finish_capture
from harness.shape import OWNER_PRIORITY, Shape

_PATIENCE_S = 20.0


def _measure(shape: Shape, programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    output = programs.directory / "records"
    configuration = text(subject, shape, priority=OWNER_PRIORITY)
    with Wire(shape) as wire:
        capture = programs.capture(wire.far, output)
        began_ns = time.time_ns()
        daemon = Daemon(programs, wire.near, subject, configuration)
        deadline = time.monotonic() + _PATIENCE_S
        while daemon.transitions() < shape.count and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(2 * shape.interval_cs / 100)
        finish_capture(capture)
        last_words = daemon.last_words()
    first: dict[tuple[int, int], int] = {}
    for record in records.read(output.read_bytes()):
        if record.is_advert and not record.outgoing:
            first.setdefault((record.ifindex, record.vrid), record.at_ns)
    if len(first) != shape.count:
        raise BenchError(f"{subject}: {len(first)} of {shape.count} advertise; log:\n{last_words}")
    return {
        "first": (min(first.values()) - began_ns) / 1e9,
        "last": (max(first.values()) - began_ns) / 1e9,
    }


def _scenario(shape: Shape, limit_s: float) -> Scenario:
    return Scenario(
        f"start-{shape.count}",
        f"start: owner of {shape.count} VRs @1 s, {shape.links} links",
        (OURS, KEEPALIVED),
        (
            Metric("first", "first advert after exec", "s"),
            Metric("last", "last one's first advert after exec", "s", Budget(limit_s, False)),
        ),
        lambda programs, subject, effort: _measure(shape, programs, subject, effort),
        pairs_max=3,
        in_quick=False,
    )


SCENARIOS = (_scenario(Shape(8, 250, 100), 0.6), _scenario(Shape(40, 250, 100), 1.5))
