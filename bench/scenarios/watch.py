"""A takeover of many addresses while a third router watches, whose patience is a little longer.

The old master, the bare sender, dies; the daemon of priority 100 takes over. Another one of priority 50 waits
19.5 ms longer (at 100 ms). It must find nothing to do: no first advert may come that late, and no second one
be held up by addresses. Times are the kernel's, taken where the third router listens.
"""

import time
from collections.abc import Mapping
from itertools import pairwise

from harness import records
from harness.daemon import Daemon, text
from harness.lan import Lan
from harness.network import BenchError
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import KEEPALIVED, OURS, Programs, finish_capture
from harness.shape import MASTER_PRIORITY, OUR_PRIORITY, Shape
from harness.steady import wait_for_members

_WATCHER_PRIORITY = 50
_SETTLE_S = 1.0
_STORM_S = 3.0
_FULL = Shape(8, 128, addresses=5)
_QUICK = Shape(2, 128, addresses=5)
_HEIR, _WATCHER, _OLD = range(3)


def _measure(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    shape = _FULL if effort.window_s >= 5 else _QUICK
    output = programs.directory / "records"
    with Lan(shape, [range(shape.links)] * 3) as lan:
        watcher, old = lan.nodes[_WATCHER], lan.nodes[_OLD]
        names = {f"v{link}": link for link in range(shape.links)}
        links = {index: names[name] for index, name in watcher.indexes().items() if name in names}
        sender = programs.sender(old, shape, host=_OLD + 1)
        heir = Daemon(programs, lan.nodes[_HEIR], subject, text(subject, shape))
        third = Daemon(programs, watcher, subject, text(subject, shape, priority=_WATCHER_PRIORITY))
        for daemon in (heir, third):
            wait_for_members(daemon.node, shape.links, daemon.last_words)
        time.sleep(_SETTLE_S)
        before = heir.transitions()
        capture = programs.capture(watcher, output)
        time.sleep(2 * shape.interval_cs / 100)
        old.stop(sender)
        time.sleep(_STORM_S)
        finish_capture(capture)
        changes = heir.transitions() - before
        last_words = heir.last_words()
    heard: dict[tuple[int, int], int] = {}
    sent: dict[tuple[int, int], list[int]] = {}
    third_claims = set()
    for record in records.read(output.read_bytes()):
        if not record.is_advert:
            continue
        key = links[record.ifindex], record.vrid
        if record.outgoing:
            third_claims.add(key)
        elif record.priority == MASTER_PRIORITY:
            heard[key] = record.at_ns
        elif record.priority == OUR_PRIORITY:
            sent.setdefault(key, []).append(record.at_ns)
    if len(heard) != shape.count or sum(len(times) > 1 for times in sent.values()) != shape.count:
        raise BenchError(f"{subject}: not everything was taken over; log:\n{last_words}")
    return {
        "third": len(third_claims),
        "again": changes - shape.count,
        "late": max(times[0] - heard[key] - shape.down_ns for key, times in sent.items()) / 1e6,
        "second": max(times[1] - times[0] for times in sent.values()) / 1e6,
        "gap": max(late - early for times in sent.values() for early, late in pairwise(times)) / 1e6,
    }


_DOWN_MS = _FULL.down_ns // 1_000_000

SCENARIOS = (
    Scenario(
        "watch",
        f"takeover watched by a third router: {_FULL.count} VRs × {_FULL.addresses} addresses @100 ms,"
        f" {_FULL.links} links (quick: {_QUICK.count})",
        (OURS, KEEPALIVED),
        (
            Metric("third", "VRs the third router claimed", "count", Budget(0, False)),
            Metric("again", "further changes of state of the new master", "count", Budget(0, False)),
            Metric("late", "last first advert late by", "ms"),
            Metric("second", "longest gap from first to second advert", "ms", Budget(_DOWN_MS, False)),
            Metric("gap", "longest gap of all", "ms", Budget(_DOWN_MS, False)),
        ),
        _measure,
        pairs_max=3,
    ),
)
