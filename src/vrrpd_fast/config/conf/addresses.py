"""What keepalived does with virtual addresses that an instance cannot have as they are written."""

from typing import Any

from vrrpd_fast.config.addresses import EntryError, parse_address
from vrrpd_fast.config.check import most_addresses
from vrrpd_fast.config.conf.places import Places
from vrrpd_fast.config.conf.teller import Teller
from vrrpd_fast.config.problems import Path
from vrrpd_fast.model import Family

_LISTED = "virtual_ipaddress"
_EXCLUDED = "virtual_ipaddress_excluded"
_ONLY_IPV4 = ("label", "scope")


def is_ipv6(entry: str) -> bool:
    """Whether a line of virtual_ipaddress begins with an IPv6 address."""
    return ":" in entry.partition(" ")[0]


class Addresses:
    """The two address lists of one instance."""

    def __init__(self, block: dict[str, Any], path: Path, version: int, places: Places, tell: Teller) -> None:
        self._block = block
        self._path = path
        self._version = version
        self._places = places
        self._tell = tell
        self._seen: set[tuple[str | None, Any]] = set()

    def rewrite(self) -> None:
        """Drop what stands twice or is of another family, move what an advert has no room for."""
        listed = self._block.get(_LISTED, [])
        if not listed:
            return
        family = is_ipv6(listed[0])
        room = most_addresses(Family.IPV6 if family else Family.IPV4, self._version)
        if len(listed) == 1 and not self._block.get(_EXCLUDED) and not family:
            return  # the usual instance
        kept = [index for index in range(len(listed)) if self._is_kept(_LISTED, index, family)]
        self._keep(_LISTED, kept)
        listed = self._block[_LISTED]
        if self._block.get(_EXCLUDED):
            count = len(self._block[_EXCLUDED])
            self._keep(_EXCLUDED, [i for i in range(count) if self._is_kept(_EXCLUDED, i, None)])
        if len(listed) > room:
            self._move(listed, room)

    def _keep(self, key: str, kept: list[int]) -> None:
        entries = self._block[key]
        if len(kept) != len(entries):
            self._places.keep((*self._path, key), kept)
            self._block[key] = [entries[index] for index in kept]

    def _is_kept(self, key: str, index: int, family: bool | None) -> bool:
        """Whether an entry stays; `family` tells whether it has to be IPv6, None that it does not matter."""
        entry = self._block[key][index]
        path = (*self._path, key, index)
        if family is not None and is_ipv6(entry) is not family:
            self._tell(
                path,
                f"{entry.partition(' ')[0]} is left out, as keepalived does: it is IPv{4 if family else 6} "
                f"and the first address is IPv{6 if family else 4}; {_EXCLUDED} takes both",
            )
            return False
        words = entry.split()
        if is_ipv6(entry):
            words = self._without(words, path)
            self._block[key][index] = " ".join(words)
        dev = words[words.index("dev") + 1 :][:1] if "dev" in words else [self._block.get("interface")]
        try:
            where = (dev[0], parse_address(words[0].partition("/")[0]))
        except (EntryError, IndexError):
            return True  # the schema tells what is wrong with it
        if where in self._seen:
            self._tell(
                path, f"{words[0]} is left out: {where[1]} on {where[0]} stands twice in this instance"
            )
            return False
        self._seen.add(where)
        return True

    def _without(self, words: list[str], path: Path) -> list[str]:
        """An IPv6 entry without the words that only IPv4 has."""
        for word in _ONLY_IPV4:
            if word in words:
                at = words.index(word)
                self._tell(
                    path, f"{word} is left out, as keepalived does: {words[0]} is IPv6, which has none"
                )
                words = words[:at] + words[at + 2 :]
        return words

    def _move(self, listed: list[str], room: int) -> None:
        self._tell(
            (*self._path, _LISTED, room),
            f"{len(listed)} addresses, an advert has room for {room}: those from here on become "
            f"{_EXCLUDED}, as in keepalived",
        )
        excluded = self._block.setdefault(_EXCLUDED, [])
        self._places.move_tail((*self._path, _LISTED), room, (*self._path, _EXCLUDED), len(excluded))
        excluded += listed[room:]
        del listed[room:]
