"""What everything that a virtual router tracks says at a moment, in one form."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from vrrpd_fast.model import JSON, Instance, Reason, Track, TrackKind
from vrrpd_fast.track.priority import Fault, effective

REASONS = {
    TrackKind.INTERFACE: Reason.TRACKED_INTERFACE,
    TrackKind.SCRIPT: Reason.TRACKED_SCRIPT,
    TrackKind.FILE: Reason.TRACKED_FILE,
    TrackKind.PROCESS: Reason.TRACKED_PROCESS,
    TrackKind.PROBE: Reason.TRACKED_PROBE,
    TrackKind.BFD: Reason.TRACKED_BFD,
}

KINDS = {
    TrackKind.INTERFACE: "interface",
    TrackKind.SCRIPT: "vrrp_script",
    TrackKind.FILE: "track_file",
    TrackKind.PROCESS: "vrrp_track_process",
    TrackKind.PROBE: "vrrp_probe",
    TrackKind.BFD: "bfd_instance",
}


class Tracked(Protocol):
    """What is needed of anything that can be tracked."""

    @property
    def text(self) -> str:
        """How it is, as a sentence."""

    def part(self, weight: int, reverse: bool) -> int | Fault:
        """What it adds to the priority of one that tracks it like this (priority.py)."""

    def describe(self) -> JSON:
        """Its entry in the status contract, but for what is each virtual router's own."""


class Judged(Tracked, Protocol):
    """One that is up or down; None when it is not known yet."""

    @property
    def state(self) -> bool | None: ...


Find = Callable[[TrackKind, str], Tracked]


class Reading(Struct, frozen=True):
    """One tracker of a virtual router: `part` is what it adds."""

    track: Track
    part: int | Fault
    tracked: Tracked

    @property
    def name(self) -> str:
        return self.track.name

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"{KINDS[self.track.kind]} {self.track.name}"

    @property
    def fault(self) -> tuple[Reason, str]:
        """What to say of it when `part` is a fault."""
        return REASONS[self.track.kind], self.tracked.text

    @property
    def term(self) -> str:
        """What it adds, with its name, or what it fails to add; empty when there is nothing to say."""
        part, described = self.part, self.tracked.describe()
        if isinstance(part, Fault):
            return ""
        is_number = self.track.kind is TrackKind.FILE
        best = 0 if is_number else -self.track.weight if self.track.reverse else self.track.weight
        if part == 0 and best <= 0:
            return ""
        word = described["value"] if is_number else described["state"]
        return f"{part:+d} {self.name}" + ("" if word == "up" and part > 0 else f" {word}")

    def status(self) -> JSON:
        """Its entry in the status contract."""
        _, _, weight, reverse, part = self.card()
        return {**self.tracked.describe(), "weight": weight, "reverse": reverse, "contribution": part}

    def card(self) -> tuple[str, str, int, bool, int | str]:
        """What of that is this virtual router's own, and of which tracker: kind and name."""
        track = self.track
        part = self.part.value if isinstance(self.part, Fault) else self.part
        return track.kind, track.name, track.weight, track.reverse, part


def explained(base: int, found: Iterable[Reading], owner: str = "base") -> str:
    """How a priority comes about: 100 base, +2 CHK-LB, -30 eth1 down = 72. `owner` is whose the first is."""
    known = list(found)
    sum_ = base + sum(one.part for one in known if isinstance(one.part, int))
    result = effective(base, (one.part for one in known))
    terms = [f"{base} {owner}", *filter(None, (one.term for one in known))]
    bound = "" if result == sum_ else " (at least)" if result > sum_ else " (at most)"
    return f"{', '.join(terms)} = {result}{bound}"


def readings(instance: Instance, find: Find) -> Iterator[Reading]:
    """All that this instance tracks, the most basic first."""
    for track in instance.tracks:
        tracked = find(track.kind, track.name)
        yield Reading(track, tracked.part(track.weight, track.reverse), tracked)
