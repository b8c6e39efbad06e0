"""track_script and track_interface entries: `NAME [weight N] [reverse|noreverse]`, or an object."""

import re

from msgspec import UNSET, Struct, UnsetType

from vrrpd_fast.config.addresses import EntryError
from vrrpd_fast.config.problems import quoted
from vrrpd_fast.config.schema import TrackInterfaceEntry, TrackScriptEntry

_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,6}")


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
        if word == "weight" and weight is UNSET:
            position += 1
            weight = _weight(words[position] if position < len(words) else "")
        elif word in ("reverse", "noreverse") and reverse is UNSET:
            reverse = word == "reverse"
        else:
            stated = (
                "stands twice" if word in ("weight", "reverse", "noreverse") else "is not weight or reverse"
            )
            raise EntryError(f"{quoted(word)} after {quoted(words[0])} {stated}")
        position += 1
    return Interest(words[0], weight, reverse)


def _weight(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise EntryError(f"weight needs a whole number in -253..253, not {quoted(text)}")
    if not -253 <= int(text) <= 253:
        raise EntryError(f"weight {int(text)} is not in -253..253")
    return int(text)
