"""2000 virtual routers lose their master at the same moment: how the storm goes on, share by share.

The bare sender's adverts leave in one burst per interval, so that all down timers end together. Times are the
kernel's, beyond the protocol's time, taken on the old master's side of the links.
"""

import time
from collections.abc import Mapping, Sequence

from harness import records
from harness.daemon import Daemon, text
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import KEEPALIVED, OURS, Programs, finish_capture
from harness.shape import Shape
from harness.steady import wait_for_members

SHARES = (1, 10, 25, 50, 75, 90, 99, 100)  # %
_SHAPE = Shape(8, 250)
_STORM_S = 2.0


def _measure(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    output = programs.directory / "records"
    with Wire(_SHAPE) as wire:
        names = {f"v{link}": link for link in range(_SHAPE.links)}
        links = {index: names[name] for index, name in wire.far.indexes().items() if name in names}
        sender = programs.sender(wire.far, _SHAPE, phases=1)
        daemon = Daemon(programs, wire.near, subject, text(subject, _SHAPE))
        wait_for_members(wire.near, _SHAPE.links, daemon.last_words)
        capture = programs.capture(wire.far, output)
        time.sleep(2 * _SHAPE.interval_cs / 100)
        wire.far.stop(sender)
        time.sleep(_STORM_S)
        finish_capture(capture)
        last_words = daemon.last_words()
    try:
        takeover = records.judge(records.read(output.read_bytes()), _SHAPE, links)
    except ValueError as error:
        raise BenchError(f"{subject}: {error}; log:\n{last_words}") from error
    return _shares("advert", takeover.adverts_ns) | _shares("arp", takeover.announcements_ns)


def _shares(kind: str, late_ns: Sequence[int]) -> dict[str, float]:
    """Milliseconds until this share was done, by metric."""
    ordered = sorted(late_ns)
    return {f"{kind}-{share}": ordered[(len(ordered) * share - 1) // 100] / 1e6 for share in SHARES}


def _metrics(kind: str, title: str, last: Budget) -> list[Metric]:
    return [
        Metric(f"{kind}-{share}", f"{title}: {share} %", "ms", last if share == 100 else None)
        for share in SHARES
    ]


SCENARIOS = (
    Scenario(
        "timeline-2000",
        f"takeover: {_SHAPE.count} VRs @100 ms, {_SHAPE.links} links, all at the same moment",
        (OURS, KEEPALIVED),
        (
            *_metrics("advert", "first adverts", Budget(3, False)),
            *_metrics("arp", "first gratuitous ARPs", Budget(1, True)),
        ),
        _measure,
        in_quick=False,
    ),
)
