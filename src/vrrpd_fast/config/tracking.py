"""track_script and track_interface entries: `NAME [weight N] [reverse|noreverse]`, or an object."""

from msgspec import UNSET, Struct, UnsetType

from vrrpd_fast import model
from vrrpd_fast.config.addresses import EntryError, interface_fault, whole_number
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import TrackInterfaceEntry, TrackScriptEntry, VrrpInstance, VrrpSyncGroup
from vrrpd_fast.config.schema.base import stated


class Interest(Struct, frozen=True):
    """What an entry says; UNSET is left to the default of what is tracked."""

    name: str
    weight: int | UnsetType = UNSET
    reverse: bool | UnsetType = UNSET


def interest(entry: str | TrackScriptEntry | TrackInterfaceEntry) -> Interest:
    """One entry of a track list; raises EntryError."""
    if isinstance(entry, TrackScriptEntry):
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
            weight = whole_number(words[position], -253, 253, word)
        position += 1
    return Interest(words[0], weight, reverse)


def track_scripts(
    block: VrrpInstance | VrrpSyncGroup, scripts: dict[str, model.Script], path: Path, problems: Problems
) -> tuple[model.TrackScript, ...]:
    """track_script of the instance or sync group at `path`."""
    tracked: dict[str, model.TrackScript] = {}
    for index, entry in enumerate(block.track_script):
        where = (*path, "track_script", index)
        try:
            wanted = interest(entry)
        except EntryError as error:
            problems.malformed(where, error.in_line)
            problems.incomplete(path[:1])  # it may be the only one that tracks its script
            continue
        script = scripts.get(wanted.name)
        if script is None:
            nearest = problems.suggestion(wanted.name, scripts)
            problems.error(where, f"there is no vrrp_script {quoted(wanted.name)}{nearest}", ("vrrp_script",))
            continue
        if wanted.name in tracked:
            problems.error(where, f"{quoted(wanted.name)} is tracked twice")
        tracked[wanted.name] = model.TrackScript(
            name=wanted.name,
            weight=stated(wanted.weight, script.weight),
            reverse=stated(wanted.reverse, script.reverse),
        )
    return tuple(tracked.values())


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
