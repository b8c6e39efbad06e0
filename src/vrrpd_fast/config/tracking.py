"""What is tracked: entries `NAME [weight N] [reverse|noreverse]`, or objects, and track_file blocks."""

from collections.abc import Mapping, Sequence

from msgspec import UNSET, Struct, UnsetType

from vrrpd_fast import model
from vrrpd_fast.config.addresses import EntryError, interface_fault, whole_number
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import (
    TrackFile,
    TrackFileEntry,
    TrackInterfaceEntry,
    TrackScriptEntry,
    VrrpInstance,
    VrrpSyncGroup,
)
from vrrpd_fast.config.schema.base import stated


class Interest(Struct, frozen=True):
    """What an entry says; UNSET is left to the default of what is tracked."""

    name: str
    weight: int | UnsetType = UNSET
    reverse: bool | UnsetType = UNSET


def interest(
    entry: str | TrackScriptEntry | TrackInterfaceEntry | TrackFileEntry, most: int = 253
) -> Interest:
    """One entry of a track list, with a weight of at most `most`; raises EntryError."""
    if isinstance(entry, TrackScriptEntry | TrackFileEntry):
        return Interest(entry.name, entry.weight, entry.reverse)
    if isinstance(entry, TrackInterfaceEntry):
        return Interest(entry.interface, entry.weight, entry.reverse)
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


def track_scripts(
    block: VrrpInstance | VrrpSyncGroup, scripts: Mapping[str, model.Script], path: Path, problems: Problems
) -> tuple[model.TrackScript, ...]:
    """track_script of the instance or sync group at `path`."""
    found = _by_name(block.track_script, "track_script", "vrrp_script", scripts, path, problems)
    return tuple(
        model.TrackScript(
            name=wanted.name,
            weight=stated(wanted.weight, scripts[wanted.name].weight),
            reverse=stated(wanted.reverse, scripts[wanted.name].reverse),
        )
        for wanted in found
    )


def track_files(
    block: VrrpInstance | VrrpSyncGroup, files: Mapping[str, TrackFile], path: Path, problems: Problems
) -> tuple[model.TrackFile, ...]:
    """track_file of the instance or sync group at `path`."""
    found = _by_name(block.track_file, "track_file", "track_file", files, path, problems)
    return tuple(
        model.TrackFile(
            name=wanted.name,
            weight=stated(wanted.weight, files[wanted.name].weight),
            reverse=stated(wanted.reverse, files[wanted.name].reverse),
        )
        for wanted in found
    )


def _by_name(
    entries: Sequence[str | TrackScriptEntry | TrackFileEntry],
    key: str,
    definition: str,
    known: Mapping[str, object],
    path: Path,
    problems: Problems,
) -> list[Interest]:
    """The entries of list `key` whose names are defined in blocks of the kind `definition`."""
    tracked: dict[str, Interest] = {}
    for index, entry in enumerate(entries):
        where = (*path, key, index)
        try:
            wanted = interest(entry, 254 if key == "track_file" else 253)
        except EntryError as error:
            problems.malformed(where, error.in_line)
            problems.incomplete(path[:1])  # it may be the only one that tracks this
            continue
        if wanted.name not in known:
            nearest = problems.suggestion(wanted.name, known)
            problems.error(where, f"there is no {definition} {quoted(wanted.name)}{nearest}", (definition,))
            continue
        if wanted.name in tracked:
            problems.error(where, f"{quoted(wanted.name)} is tracked twice")
        tracked[wanted.name] = wanted
    return list(tracked.values())


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


def track_interfaces(
    block: VrrpInstance | VrrpSyncGroup, path: Path, problems: Problems
) -> tuple[model.TrackInterface, ...]:
    """track_interface of the instance or sync group at `path`; an instance's own is left out."""
    tracked: dict[str, model.TrackInterface] = {}
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
        if wanted.name in tracked:
            problems.error(where, f"{quoted(wanted.name)} is tracked twice")
        tracked[wanted.name] = model.TrackInterface(
            interface=wanted.name,
            weight=stated(wanted.weight, 0),
            reverse=stated(wanted.reverse, False),
        )
    return tuple(tracked.values())
