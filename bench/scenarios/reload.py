"""A reload that adds one virtual router: how long do the others, MASTER all the time, fall silent?

Gaps are measured where adverts arrive, by the kernel's clock, from before the reload until well after it.
"""

import time
from collections.abc import Mapping
from itertools import pairwise

from harness import records
from harness.daemon import Daemon, text, without_last
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import KEEPALIVED, OURS, Programs, finish_capture
from harness.shape import Shape
from harness.steady import wait_for_rate

_BEFORE_INTERVALS = 2
_AFTER_S = 5.0
_AFTER_INTERVALS = 5  # the one that was added is MASTER by then


def _measure(shape: Shape, programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    output = programs.directory / "records"
    configuration = text(subject, shape)
    interval_s = shape.interval_cs / 100
    with Wire(shape) as wire:
        daemon = Daemon(programs, wire.near, subject, without_last(subject, configuration))
        wait_for_rate(wire.near, shape.per_second, daemon.last_words, interval_s)
        capture = programs.capture(wire.far, output)
        time.sleep(_BEFORE_INTERVALS * interval_s)
        daemon.reload(configuration)
        time.sleep(_AFTER_S + _AFTER_INTERVALS * interval_s)
        finish_capture(capture)
        last_words = daemon.last_words()
    times: dict[tuple[int, int], list[int]] = {}
    for record in records.read(output.read_bytes()):
        if record.is_advert and not record.outgoing:
            times.setdefault((record.ifindex, record.vrid), []).append(record.at_ns)
    if len(times) != shape.count:
        raise BenchError(f"{subject}: {len(times)} of {shape.count} advertise; log:\n{last_words}")
    return {"gap": max(late - early for each in times.values() for early, late in pairwise(each)) / 1e6}


def _scenario(shape: Shape, limit_ms: float) -> Scenario:
    return Scenario(
        f"reload-{shape.count}",
        f"reload: one added to {shape.count - 1} VRs @{shape.interval_cs * 10} ms, {shape.links} links",
        (OURS, KEEPALIVED),
        (Metric("gap", "longest gap between adverts", "ms", Budget(limit_ms, False)),),
        lambda programs, subject, effort: _measure(shape, programs, subject, effort),
        pairs_max=3,
        in_quick=False,
    )


SCENARIOS = (_scenario(Shape(8, 250), 115), _scenario(Shape(40, 250, 100), 1100))
