"""What is tracked: entries `NAME [weight N] [reverse|noreverse]`, or objects, and track_file blocks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import UNSET, Struct, UnsetType

from vrrpd_fast import model
from vrrpd_fast.config.addresses import EntryError, interface_fault, whole_number
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import (
    TrackBfdEntry,
    TrackFile,
    TrackFileEntry,
    TrackInterfaceEntry,
    TrackProbeEntry,
    TrackProcessEntry,
    TrackScriptEntry,
    VrrpInstance,
    VrrpSyncGroup,
)
from vrrpd_fast.config.schema.base import stated
from vrrpd_fast.model import Track, TrackKind

# The blocks that define what is tracked; links need none.
DEFINITIONS = {
    TrackKind.SCRIPT: "vrrp_script",
    TrackKind.FILE: "track_file",
    TrackKind.PROBE: "vrrp_probe",
    TrackKind.PROCESS: "vrrp_track_process",
    TrackKind.BFD: "bfd_instance",
}
_LARGEST = 253  # a weight, unless _LARGER has another
_LARGER = {TrackKind.FILE: 254, TrackKind.PROCESS: 254}

Entry = (
    str
    | TrackScriptEntry
    | TrackInterfaceEntry
    | TrackFileEntry
    | TrackProbeEntry
    | TrackProcessEntry
    | TrackBfdEntry
)


class Definition(Protocol):
    """What a definition says for those who track it and say nothing else."""

    @property
    def weight(self) -> int: ...
    @property
    def reverse(self) -> bool: ...


Definitions = Mapping[TrackKind, Mapping[str, Definition]]


class Interest(Struct, frozen=True):
    """What an entry says; UNSET is left to the default of what is tracked."""

    name: str
    weight: int | UnsetType = UNSET
    reverse: bool | UnsetType = UNSET


def interest(entry: Entry, most: int = _LARGEST) -> Interest:
    """One entry of a track list, with a weight of at most `most`; raises EntryError."""
    if isinstance(entry, TrackInterfaceEntry):
        return Interest(entry.interface, entry.weight, entry.reverse)
    if not isinstance(entry, str):
        return Interest(entry.name, entry.weight, entry.reverse)
    words = entry.split()
    if not words:
        raise EntryError("is empty")
    weight: int | UnsetType = UNSET
    reverse: bool | UnsetType = UNSET
    position = 1
    while position < len(words):
        word = words[position]
        if word not in ("weight", "reverse", "noreverse"):
            raise EntryError(
                f"unknown word {quoted(word)} after {quoted(words[0])}; known are weight, reverse, noreverse"
            )
        if (weight if word == "weight" else reverse) is not UNSET:
            raise EntryError("stands twice", word)
        if word != "weight":
            reverse = word == "reverse"
        elif position + 1 == len(words):
            raise EntryError("needs a value", word)
        else:
            position += 1
            weight = whole_number(words[position], -most, most, word)
        position += 1
    return Interest(words[0], weight, reverse)


def tracks(
    block: VrrpInstance | VrrpSyncGroup, definitions: Definitions, path: Path, problems: Problems
) -> tuple[Track, ...]:
    """All that the instance or sync group at `path` tracks, in the order of TrackKind."""
    found: list[Track] = []
    if block.track_interface:
        found += _interfaces(block, path, problems)
    for kind, known in definitions.items():
        if entries := getattr(block, f"track_{kind}"):
            found += _defined(entries, kind, known, path, problems)
    return tuple(found)


def _defined(
    entries: Sequence[Entry],
    kind: TrackKind,
    known: Mapping[str, Definition],
    path: Path,
    problems: Problems,
) -> Iterator[Track]:
    """The entries of a list whose names are defined."""
    definition = DEFINITIONS[kind]
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        where = (*path, f"track_{kind}", index)
        try:
            wanted = interest(entry, _LARGER.get(kind, _LARGEST))
        except EntryError as error:
            problems.malformed(where, error.in_line)
            problems.incomplete(path[:1])  # it may be the only one that tracks this
            continue
        defined = known.get(wanted.name)
        if defined is None:
            nearest = problems.suggestion(wanted.name, known)
            problems.error(where, f"there is no {definition} {quoted(wanted.name)}{nearest}", (definition,))
            continue
        if wanted.name in seen:
            problems.error(where, f"{quoted(wanted.name)} is tracked twice")
        seen.add(wanted.name)
        yield Track(
            kind=kind,
            name=wanted.name,
            weight=stated(wanted.weight, defined.weight),
            reverse=stated(wanted.reverse, defined.reverse),
        )


def _interfaces(block: VrrpInstance | VrrpSyncGroup, path: Path, problems: Problems) -> Iterator[Track]:
    """track_interface; an instance's own is left out."""
    seen: set[str] = set()
    for index, entry in enumerate(block.track_interface):
        where = (*path, "track_interface", index)
        try:
            wanted = interest(entry)
        except EntryError as error:
            problems.malformed(where, error.in_line)
            continue
        if fault := interface_fault(wanted.name):
            problems.error(where, fault)
        elif isinstance(block, VrrpInstance) and wanted.name == block.interface:
            why = "dont_track_primary leaves out" if block.dont_track_primary else "is tracked anyway"
            problems.warning(where, f"{wanted.name} is the interface of the instance, which {why}")
            continue
        if wanted.name in seen:
            problems.error(where, f"{quoted(wanted.name)} is tracked twice")
        seen.add(wanted.name)
        yield Track(
            kind=TrackKind.INTERFACE,
            name=wanted.name,
            weight=stated(wanted.weight, 0),
            reverse=stated(wanted.reverse, False),
        )


def value_file(name: str, block: TrackFile, problems: Problems) -> model.ValueFile:
    """A track_file; `init_file` is `NUMBER`, `[NUMBER] overwrite` in text."""
    path = ("track_file", name)
    if not block.file.startswith("/"):
        problems.error((*path, "file"), f"{quoted(block.file)} is not an absolute path")
    elif block.file.endswith("/") or "\0" in block.file:
        problems.error((*path, "file"), f"{quoted(block.file)} is not the name of a file")
    initial: int | None = None
    overwrite = False
    if isinstance(block.init_file, int):
        initial = block.init_file
    elif block.init_file is not UNSET:
        words = block.init_file.split()
        overwrite = words[-1:] == ["overwrite"]
        try:
            numbers = words[:-1] if overwrite else words
            initial = whole_number(numbers[0], -(2**31), 2**31 - 1, "init_file") if numbers else 0
            if len(numbers) > 1:
                raise EntryError(f"unknown word {quoted(numbers[1])}; known is overwrite")
        except EntryError as error:
            problems.malformed((*path, "init_file"), str(error))
    return model.ValueFile(name=name, path=block.file, initial=initial, overwrite=overwrite)
