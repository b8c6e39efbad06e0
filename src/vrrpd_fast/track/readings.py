"""What everything that a virtual router tracks says at a moment, in one form."""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from vrrpd_fast.model import JSON, Instance, Reason
from vrrpd_fast.net.links import Link
from vrrpd_fast.track.priority import Fault, contribution, contribution_of_value


class Judge(Protocol):
    """What is needed of a script tracker."""

    @property
    def state(self) -> bool | None: ...

    def describe(self) -> JSON: ...


class Counter(Protocol):
    """What is needed of a file tracker."""

    value: int

    def describe(self) -> JSON: ...


class Reading(Struct, frozen=True):
    """One tracker of a virtual router: `part` is what it adds; `reason` and `text` name it as a fault."""

    name: str
    weight: int
    reverse: bool
    part: int | Fault
    reason: Reason
    text: str
    describe: Callable[[], JSON]

    def status(self) -> JSON:
        """Its entry in the status contract."""
        part = self.part.value if isinstance(self.part, Fault) else self.part
        return {**self.describe(), "weight": self.weight, "reverse": self.reverse, "contribution": part}


class Trackers:
    """Where readings come from: links, scripts and files by name."""

    def __init__(
        self,
        link: Callable[[str], Link | None],
        script: Callable[[str], Judge],
        file: Callable[[str], Counter],
    ) -> None:
        self._link = link
        self._script = script
        self._file = file

    def readings(self, instance: Instance) -> Iterator[Reading]:
        """All that this instance tracks, the most basic first."""
        for link in instance.track_interfaces:
            known = self._link(link.interface)
            up = known is not None and known.up
            yield Reading(
                link.interface,
                link.weight,
                link.reverse,
                contribution(link.weight, link.reverse, up),
                Reason.TRACKED_INTERFACE,
                f"tracked interface {link.interface} is {_word(up)}",
                _Described({"name": link.interface, "type": "interface", "state": _word(up)}),
            )
        for script in instance.track_scripts:
            judge = self._script(script.name)
            yield Reading(
                script.name,
                script.weight,
                script.reverse,
                contribution(script.weight, script.reverse, judge.state),
                Reason.TRACKED_SCRIPT,
                f"vrrp_script {script.name} is {_word(bool(judge.state))}",
                judge.describe,
            )
        for file in instance.track_files:
            counter = self._file(file.name)
            yield Reading(
                file.name,
                file.weight,
                file.reverse,
                contribution_of_value(file.weight, file.reverse, counter.value),
                Reason.TRACKED_FILE,
                f"track_file {file.name} has the value {counter.value}",
                counter.describe,
            )


class _Described(Struct, frozen=True):
    """What is described already."""

    entry: JSON

    def __call__(self) -> JSON:
        return self.entry


def _word(up: bool) -> str:
    return "up" if up else "down"
