"""Virtual addresses as keepalived writes them in one line, or as an object, to model.VirtualAddress."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from vrrpd_fast.config.problems import quoted
from vrrpd_fast.config.schema import AddressEntry
from vrrpd_fast.config.words import meaning
from vrrpd_fast.model import VirtualAddress

Address = IPv4Address | IPv6Address

# rtnetlink numbers of the scopes (linux/rtnetlink.h)
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}

_NAME_LENGTH = 15  # IFNAMSIZ without the terminating zero; the kernel counts bytes
_LIMITED_BROADCAST = IPv4Address("255.255.255.255")
_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,10}")
_BAD_IN_NAME = re.compile(r"[\s/:]")
_ALIASES = {"broadcast": "brd"}
_OPTIONS = ("dev", "brd", "label", "scope", "peer", "preferred_lft")
_FLAGS = {
    "home": "home",
    "-nodad": "dad",
    "mngtmpaddr": "mngtmpaddr",
    "noprefixroute": "noprefixroute",
    "autojoin": "autojoin",
    "no_track": "no_track",
}
# Words that addresses of the family do not have, and what stands for each when it is not stated.
_NOT_OF_FAMILY = {
    4: (("home", "home", False), ("-nodad", "dad", False), ("mngtmpaddr", "mngtmpaddr", False)),
    6: (("brd", "brd", UNSET), ("label", "label", UNSET), ("scope", "scope", UNSET)),
}
_LONGEST_LIFETIME = 2**32 - 2  # one less than for ever (linux/if_addr.h: INFINITY_LIFE_TIME)


class EntryError(ValueError):
    """An entry that cannot be used; `key` is the word of it that is wrong, unless it is the first."""

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key

    @property
    def in_line(self) -> str:
        """The message for an entry that is one line, where no word has a place of its own."""
        return str(self) if self.key is None else f"{self.key}: {self}"


def whole_number(text: str, low: int, high: int, key: str) -> int:
    """A number of a line, judged as validate.py judges one of an object; raises EntryError."""
    if not _WHOLE_NUMBER.fullmatch(text):
        raise EntryError(f"{quoted(text)} is not a whole number", key)
    if not low <= int(text) <= high:
        raise EntryError(f"{int(text)} is not in {low}..{high}", key)
    return int(text)


def parse_address(text: str) -> Address:
    """One IPv4 or IPv6 address without length or zone; raises EntryError."""
    # inet_pton is as strict as ipaddress and several times faster, which thousands of addresses feel.
    try:
        if ":" in text:
            return IPv6Address(inet_pton(AF_INET6, text))
        return IPv4Address(inet_pton(AF_INET, text))
    except (OSError, ValueError) as error:
        reason = "is not an IP address"
        if "%" in text:
            reason = "has a zone after %; the interface is told by dev"
        raise EntryError(f"{quoted(text)} {reason}") from error


@lru_cache(maxsize=16384)
def interface_fault(name: str) -> str | None:
    """Why the kernel has no interface of that name, or None."""
    if len(name.encode(errors="replace")) > _NAME_LENGTH:
        return f"{quoted(name)} is longer than the {_NAME_LENGTH} characters an interface name has"
    if not name or name in (".", "..") or not name.isprintable() or _BAD_IN_NAME.search(name):
        return f"{quoted(name)} is not an interface name"
    return None


def unknown_word(word: str, known: Iterable[str]) -> str:
    """What to say of a word after the address of a line."""
    if re.match(r"[0-9]+\.|[0-9a-fA-F]*:", word):
        return f"{quoted(word)}: every address has a line of its own, and its length stands after a /"
    return f"unknown word {quoted(word)} after the address; known are {', '.join(known)}"


def split_line(line: str) -> AddressEntry:
    """`ADDRESS[/LENGTH]` and options, with a value or alone, as the object form; raises EntryError."""
    words = line.split()
    if not words:
        raise EntryError("is empty")
    options: dict[str, Any] = {}
    position = 1
    while position < len(words):
        word = _ALIASES.get(words[position], words[position])
        if (told := meaning(AddressEntry, word)) is not None:
            raise EntryError(told, word)
        if word not in _OPTIONS and word not in _FLAGS:
            raise EntryError(unknown_word(word, (*_OPTIONS, *_FLAGS)))
        key = _FLAGS.get(word, word)
        if key in options:
            raise EntryError("stands twice", word)
        if word in _FLAGS:
            options[key] = True
            position += 1
            continue
        if position + 1 == len(words):
            raise EntryError("needs a value", word)
        options[key] = words[position + 1]
        position += 2
    if "preferred_lft" in options:
        options["preferred_lft"] = _lifetime(options["preferred_lft"])
    return AddressEntry(address=words[0], **options)


def virtual_address(entry: str | AddressEntry, interface: str) -> VirtualAddress:
    """One entry of virtual_ipaddress on its `dev`, by default `interface`; raises EntryError."""
    if isinstance(entry, str):
        entry = split_line(entry)
    address, prefixlen = _with_length(entry.address)
    if fault := _unusable(address):
        raise EntryError(f"{address} is {fault}, which no router can share")
    dev = interface
    if entry.dev is not UNSET:
        dev = entry.dev
        if fault := interface_fault(dev):
            raise EntryError(fault, "dev")
    peer, peer_prefixlen = (None, 0) if entry.peer is UNSET else _peer(entry.peer, address)
    for word, field, unstated in _NOT_OF_FAMILY[address.version]:
        if getattr(entry, field) is not unstated:
            other = 10 - address.version
            raise EntryError(f"is for IPv{other} only, {address} is IPv{address.version}", word)
    lifetime = entry.preferred_lft
    if lifetime is UNSET:
        # A host address of IPv6 is deprecated, so that it is never the source of our own connections.
        lifetime = 0 if prefixlen == 128 else "forever"
    return VirtualAddress(
        address=address,
        prefixlen=prefixlen,
        dev=dev,
        scope=_scope(entry.scope),
        label=_label(entry.label),
        broadcast=None if entry.brd is UNSET else _broadcast(entry.brd, address, prefixlen),
        peer=peer,
        peer_prefixlen=peer_prefixlen,
        home=entry.home,
        nodad=not entry.dad,
        mngtmpaddr=entry.mngtmpaddr,
        noprefixroute=entry.noprefixroute,
        autojoin=entry.autojoin,
        preferred_lft=None if lifetime == "forever" else lifetime,
        is_tracked=not entry.no_track,
    )


def _peer(text: str, address: Address) -> tuple[Address, int]:
    try:
        peer, prefixlen = _with_length(text)
    except EntryError as error:
        raise EntryError(str(error), "peer") from error
    if peer.version != address.version:
        raise EntryError(f"{peer} is IPv{peer.version}, {address} is IPv{address.version}", "peer")
    return peer, prefixlen


def _lifetime(text: str) -> int | Literal["forever"]:
    if text == "forever":
        return "forever"
    if not text.isdigit():
        raise EntryError(f'{quoted(text)} is not a whole number or "forever"', "preferred_lft")
    return whole_number(text, 0, _LONGEST_LIFETIME, "preferred_lft")


def _with_length(text: str) -> tuple[Address, int]:
    host, slash, length = text.partition("/")
    address = parse_address(host)
    longest = address.max_prefixlen
    if not slash:
        return address, longest
    if not (length.isascii() and length.isdigit() and len(length) <= 3 and 1 <= int(length) <= longest):
        raise EntryError(f"{quoted(text)}: the prefix length of {address} is a number in 1..{longest}")
    return address, int(length)


def _unusable(address: Address) -> str | None:
    if address.is_multicast:
        return "a multicast address"
    if address.is_loopback:
        return "a loopback address"
    if address.is_unspecified:
        return "the unspecified address"
    if address == _LIMITED_BROADCAST:
        return "the broadcast address"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return "an IPv4-mapped address"
    return None


def _scope(scope: str | int | UnsetType) -> int:
    if scope is UNSET:
        return 0
    if isinstance(scope, int):
        return scope
    if scope in SCOPES:
        return SCOPES[scope]
    if scope.isascii() and scope.isdigit():
        return whole_number(scope, 0, 255, "scope")
    raise EntryError(f"{quoted(scope)} is not one of {', '.join(SCOPES)} or 0..255", "scope")


def _label(label: str | UnsetType) -> str | None:
    if label is UNSET:
        return None
    if len(label.encode(errors="replace")) > _NAME_LENGTH:
        raise EntryError(f"{quoted(label)} is longer than {_NAME_LENGTH} characters", "label")
    if not label.isprintable() or any(c.isspace() for c in label):
        raise EntryError(f"{quoted(label)} has a character that no label has", "label")
    return label


def _broadcast(brd: str, address: Address, prefixlen: int) -> IPv4Address:
    if brd in ("+", "-"):
        if prefixlen > 30:
            raise EntryError(f"{brd}: {address}/{prefixlen} has no host bits to set; write a length", "brd")
        network = IPv4Network((int(address), prefixlen), strict=False)
        return network.broadcast_address if brd == "+" else network.network_address
    try:
        return IPv4Address(inet_pton(AF_INET, brd))
    except (OSError, ValueError) as error:
        raise EntryError(f"{quoted(brd)} is not an IPv4 address, + or -", "brd") from error
