"""Addresses of routers: sources of adverts, unicast peers, multicast groups."""

from ipaddress import IPv6Address

from msgspec import UNSET

from vrrpd_fast import model
from vrrpd_fast.config.addresses import Address, EntryError, parse_address
from vrrpd_fast.config.problems import Path, Problems, quoted
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


def source(block: VrrpInstance, path: Path, problems: Problems) -> Address | None:
    """Where adverts come from; None is the primary address of the interface."""
    if block.unicast_src_ip is not UNSET:
        return _router(block.unicast_src_ip, (*path, "unicast_src_ip"), problems)
    if block.mcast_src_ip is not UNSET:
        return _router(block.mcast_src_ip, (*path, "mcast_src_ip"), problems)
    return None


def peers(entries: list[str | PeerEntry], path: Path, problems: Problems) -> tuple[model.Peer, ...]:
    """unicast_peer; what is no peer is noted and left out."""
    found = []
    for index, entry in enumerate(entries):
        where = (*path, "unicast_peer", index)
        if isinstance(entry, str):
            try:
                entry = _split_line(entry)
            except EntryError as error:
                problems.malformed(where, str(error))
                continue
            address = _router(entry.address, where, problems)
        else:
            address = _router(entry.address, (*where, "address"), problems)
        low, high = stated(entry.min_ttl, 0), stated(entry.max_ttl, 255)
        if low > high:
            problems.error(where, f"min_ttl {low} is above max_ttl {high}: nothing would be accepted")
        if address is not None:
            found.append(model.Peer(address=address, min_ttl=low, max_ttl=high))
    return tuple(found)


def _split_line(line: str) -> PeerEntry:
    words = line.split()
    if not words:
        raise EntryError("is empty")
    limits: dict[str, int] = {}
    for position in range(1, len(words), 2):
        word = words[position]
        if word not in _LIMITS:
            raise EntryError(f"unknown word {quoted(word)} after the address; known are {', '.join(_LIMITS)}")
        if word in limits:
            raise EntryError(f"{word} stands twice")
        value = words[position + 1] if position + 1 < len(words) else ""
        if not (value.isascii() and value.isdigit() and len(value) <= 3 and int(value) <= 255):
            raise EntryError(f"{word} needs a whole number in 0..255, not {quoted(value)}")
        limits[word] = int(value)
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
