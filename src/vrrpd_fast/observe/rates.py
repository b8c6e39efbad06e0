"""What happened between two snapshots of a daemon: how far every counter has moved."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from vrrpd_fast.observe.segment import Snapshot

Counts = dict[str, int]

# Of STATUS.md's counters those that are right to move; all others count what somebody does wrong.
REGULAR = frozenset(
    (
        *("master_transitions", "advertisement_rcvd", "advertisement_sent", "kernel_absorbed"),
        *("priority_zero_pkts_rcvd", "priority_zero_pkts_sent"),
    )
)
# Of the engine's counters those of what was lost.
LOSSES = ("send_failed", "send_dropped", "receive_dropped", "events_lost", "link_overruns")


def errors(statistics: Mapping[str, int]) -> Counts:
    """The counters of errors that have moved."""
    return {name: count for name, count in statistics.items() if count and name not in REGULAR}


def totals(instances: list[dict[str, Any]]) -> Counts:
    """The counters of all of them together."""
    sums: Counts = {}
    for each in instances:
        for name, count in each["statistics"].items():
            sums[name] = sums.get(name, 0) + count
    return sums


class Span(Struct, frozen=True):
    """Two snapshots of one daemon, `seconds` apart by its own clock; the first of them, to be compared with.

    A virtual router that is new, or was made anew, has counted from zero.
    """

    seconds: float
    before: dict[str, Counts]  # counters by name of the virtual router
    engine: dict[str, Any]
    unattributed: Counts
    lateness: dict[int, int]

    @classmethod
    def between(cls, old: "Snapshot", new: "Snapshot") -> "Span | None":
        """None if the second one is not later, or of another run."""
        seconds = new.written - old.written
        if seconds <= 0 or old.pid != new.pid or old.started != new.started:
            return None
        before = {each["name"]: each["statistics"] for each in old.instances}
        return cls(seconds, before, old.engine, old.unattributed, old.lateness)

    def of(self, instance: dict[str, Any]) -> Counts:
        """How far the counters of a virtual router have moved."""
        return moved(self.before.get(instance["name"], {}), instance["statistics"])

    def latest_tick(self, new: "Snapshot") -> int | None:
        """How late, in ns, no tick between them was; None if there was none."""
        late = [bound for bound, count in new.lateness.items() if count > self.lateness.get(bound, 0)]
        return max(late, default=None)


def moved(before: Mapping[str, int], after: Mapping[str, int]) -> Counts:
    """How far counters have moved; those that have gone back were made anew."""
    if any(after[name] < count for name, count in before.items() if name in after):
        before = {}
    return {name: count - before.get(name, 0) for name, count in after.items()}
