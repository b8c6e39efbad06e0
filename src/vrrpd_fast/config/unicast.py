"""Addresses of routers: sources of adverts, unicast peers, multicast groups."""

from collections.abc import Iterable
from ipaddress import IPv6Address

from msgspec import UNSET, Struct

from vrrpd_fast import model
from vrrpd_fast.config.addresses import Address, EntryError, parse_address, unknown_word, whole_number
from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.config.schema import PeerEntry, VrrpInstance
from vrrpd_fast.config.schema.base import stated

_LIMITS = ("min_ttl", "max_ttl")


def multicast_group(text: str, usual: Address, path: Path, problems: Problems) -> Address:
    """A group of the family of `usual`, which is taken when the text is none."""
    try:
        address = parse_address(text)
    except EntryError as error:
        problems.error(path, str(error))
        return usual
    if address.version != usual.version or not address.is_multicast:
        problems.error(path, f"{address} is not an IPv{usual.version} multicast address like {usual}")
    elif isinstance(address, IPv6Address) and address.packed[1] & 0x0F != 2:
        problems.warning(path, f"{address} has not the scope of one link, as {usual} has")
    return address


def source_key(block: VrrpInstance) -> str:
    """The word by which the source of adverts is stated."""
    return "mcast_src_ip" if block.unicast_src_ip is UNSET else "unicast_src_ip"


def source(block: VrrpInstance, path: Path, problems: Problems) -> Address | None:
    """Where adverts come from; None is the primary address of the interface."""
    key = source_key(block)
    text = block.mcast_src_ip if block.unicast_src_ip is UNSET else block.unicast_src_ip
    return None if text is UNSET else _router(text, (*path, key), problems)


class Ours(Struct, frozen=True):
    """What no peer can be: our own source address, or one of the virtual addresses."""

    family: model.Family
    source: Address | None
    source_key: str
    virtual: Iterable[model.VirtualAddress]


def peers(
    entries: list[str | PeerEntry], ours: Ours, path: Path, problems: Problems
) -> tuple[model.Peer, ...]:
    """unicast_peer; what is no peer is noted and left out."""
    virtual = {address.address for address in ours.virtual}
    found: dict[Address, model.Peer] = {}
    for index, entry in enumerate(entries):
        where = (*path, "unicast_peer", index)
        if isinstance(entry, str):
            try:
                entry = _split_line(entry)
            except EntryError as error:
                problems.malformed(where, error.in_line)
                continue
            address = _router(entry.address, where, problems)
        else:
            address = _router(entry.address, (*where, "address"), problems)
        low, high = stated(entry.min_ttl, 0), stated(entry.max_ttl, 255)
        if low > high:
            problems.error(where, f"min_ttl {low} is above max_ttl {high}: nothing would be accepted")
        if address is None:
            continue
        if address.version != ours.family:
            problems.error(
                where,
                f"{address} is IPv{address.version} and the virtual addresses are IPv{ours.family:d}",
                (*path, "virtual_ipaddress"),
            )
        if address == ours.source:
            problems.error(where, f"{address} is our own {ours.source_key}; list only the other routers")
        if address in virtual:
            problems.error(where, f"{address} is a virtual address; list the routers' own addresses")
        if address in found:
            problems.error(where, f"{address} stands twice")
        found[address] = model.Peer(address=address, min_ttl=low, max_ttl=high)
    return tuple(found.values())


def _split_line(line: str) -> PeerEntry:
    words = line.split()
    if not words:
        raise EntryError("is empty")
    limits: dict[str, int] = {}
    for position in range(1, len(words), 2):
        word = words[position]
        if word not in _LIMITS:
            raise EntryError(unknown_word(word, _LIMITS))
        if word in limits:
            raise EntryError("stands twice", word)
        if position + 1 == len(words):
            raise EntryError("needs a value", word)
        limits[word] = whole_number(words[position + 1], 0, 255, word)
    return PeerEntry(address=words[0], **limits)


def _router(text: str, path: Path, problems: Problems) -> Address | None:
    """An address of one router; problems are noted."""
    try:
        address = parse_address(text.strip())
    except EntryError as error:
        problems.malformed(path, str(error))
        return None
    if address.is_multicast or address.is_unspecified:
        problems.error(path, f"{address} is not the address of one router")
    return address
