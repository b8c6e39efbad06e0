"""What everything that a virtual router tracks says at a moment, in one form."""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from vrrpd_fast.model import JSON, Instance, Reason, Track, TrackKind
from vrrpd_fast.track.priority import Fault

REASONS = {
    TrackKind.INTERFACE: Reason.TRACKED_INTERFACE,
    TrackKind.SCRIPT: Reason.TRACKED_SCRIPT,
    TrackKind.FILE: Reason.TRACKED_FILE,
    TrackKind.PROCESS: Reason.TRACKED_PROCESS,
    TrackKind.PROBE: Reason.TRACKED_PROBE,
    TrackKind.BFD: Reason.TRACKED_BFD,
}

_KINDS = {
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
        return f"{_KINDS[self.track.kind]} {self.track.name}"

    @property
    def fault(self) -> tuple[Reason, str]:
        """What to say of it when `part` is a fault."""
        return REASONS[self.track.kind], self.tracked.text

    def status(self) -> JSON:
        """Its entry in the status contract."""
        track = self.track
        part = self.part.value if isinstance(self.part, Fault) else self.part
        return {
            **self.tracked.describe(),
            "weight": track.weight,
            "reverse": track.reverse,
            "contribution": part,
        }


def readings(instance: Instance, find: Find) -> Iterator[Reading]:
    """All that this instance tracks, the most basic first."""
    for track in instance.tracks:
        tracked = find(track.kind, track.name)
        yield Reading(track, tracked.part(track.weight, track.reverse), tracked)
