"""SIGTERM to the MASTER of thousands: how long until the last priority-0 advert has left?

Until then whoever waits behind it waits for nothing. Times are the kernel's, on the other side of the links.
"""

import signal
import time
from collections.abc import Mapping

from harness import records
from harness.daemon import Daemon, text
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import KEEPALIVED, OURS, Programs, finish_capture
from harness.shape import Shape
from harness.steady import wait_for_rate

_SHAPE = Shape(16, 250, 100)
_PATIENCE_S = 20.0


def _measure(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    output = programs.directory / "records"
    with Wire(_SHAPE) as wire:
        daemon = Daemon(programs, wire.near, subject, text(subject, _SHAPE))
        wait_for_rate(wire.near, _SHAPE.per_second, daemon.last_words, _SHAPE.interval_cs / 100)
        capture = programs.capture(wire.far, output)
        asked_ns = time.time_ns()
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.wait(_PATIENCE_S)
        ended_ns = time.time_ns()
        finish_capture(capture)
        last_words = daemon.last_words()
    goodbyes = {
        (record.ifindex, record.vrid): record.at_ns
        for record in records.read(output.read_bytes())
        if record.is_advert and not record.outgoing and record.priority == 0
    }
    if len(goodbyes) != _SHAPE.count:
        raise BenchError(f"{subject}: {len(goodbyes)} of {_SHAPE.count} said goodbye; log:\n{last_words}")
    return {"last": (max(goodbyes.values()) - asked_ns) / 1e6, "end": (ended_ns - asked_ns) / 1e6}


SCENARIOS = (
    Scenario(
        f"stop-{_SHAPE.count}",
        f"stop: SIGTERM to the MASTER of {_SHAPE.count} VRs @1 s, {_SHAPE.links} links",
        (OURS, KEEPALIVED),
        (
            Metric("last", "last priority-0 advert after", "ms", Budget(100, False)),
            Metric("end", "process ended after", "ms"),
        ),
        _measure,
        pairs_max=3,
        in_quick=False,
    ),
)
