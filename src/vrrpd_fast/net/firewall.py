"""Packets to and from addresses of virtual routers without accept are dropped (RFC 9568 6.4.3, 8.3.1).

One nftables table for each family that has such addresses: two chains, and sets of addresses, an IPv6
link-local address together with its interface. ARP is not touched, Neighbor Discovery let through. The kernel
takes 0.1 ms for a change of 32 elements, so that they move in the slices that move addresses.
"""

import errno
import struct
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address

from vrrpd_fast.model import Firewall
from vrrpd_fast.net import nftables as nft
from vrrpd_fast.net.netlink import NETFILTER, Netlink, NetlinkError
from vrrpd_fast.net.vips import Prepared

_VIPS, _LINK_LOCAL = "vips", "vips_link_local"
_NUMBERS = {_VIPS: 1, _LINK_LOCAL: 2}
_SOURCE_AT = {nft.NF_IPV4: (12, 4), nft.NF_IPV6: (8, 16)}  # offset and length in the IP header
_DESTINATION_AT = {nft.NF_IPV4: (16, 4), nft.NF_IPV6: (24, 16)}
_NEIGHBOR_SOLICITATION, _NEIGHBOR_ADVERTISEMENT = 135, 136
_INDEX = struct.Struct("=I")
_MOST_ELEMENTS = 1024  # in one message: an attribute has 64 KiB
_FAMILIES = {4: nft.NF_IPV4, 6: nft.NF_IPV6}  # by IP version

Element = tuple[int, str, bytes]  # family, set, key


class Shield:
    """The tables, and which virtual router wants which address in them. It belongs to one thread."""

    def __init__(self) -> None:
        self._netlink: Netlink | None = None
        self._settings = Firewall()
        self._families: set[int] = set()  # those that are to have a table
        self._tables: set[int] = set()  # those whose table is there
        self._wanted: dict[Element, set[str]] = {}

    def configure(self, settings: Firewall, versions: Iterable[int]) -> None:
        """Have tables for these IP versions. OSError if that is refused.

        Making and removing a table takes the kernel up to 10 ms: nothing for a takeover.
        """
        self._families = {_FAMILIES[version] for version in versions}
        if settings != self._settings:
            self._drop(self._tables.copy())
            self._settings = settings
        self._build({*self._families, *(family for family, _, _ in self._wanted)} - self._tables)

    def settle(self) -> None:
        """Remove the tables of families that are not configured any more."""
        self._drop(self._tables - self._families)

    def add(self, entries: Iterable[tuple[str, Prepared]]) -> None:
        """Drop what goes to these addresses, for these virtual routers. OSError if that is refused."""
        fresh = []
        for name, prepared in entries:
            element = _element(prepared)
            owners = self._wanted.setdefault(element, set())
            if not owners:
                fresh.append(element)
            owners.add(name)
        missing = {family for family, _, _ in fresh} - self._tables
        failures = self._change(nft.NEWSETELEM, [each for each in fresh if each[0] not in missing])
        # Someone may have removed a table that an old kernel could not reserve for us.
        lost = {family for family, _, _ in fresh} if failures else set()
        self._build(missing | lost)

    def remove(self, entries: Iterable[tuple[str, Prepared]]) -> None:
        """These virtual routers gave up these addresses, or accept."""
        gone = []
        for name, prepared in entries:
            element = _element(prepared)
            owners = self._wanted.get(element)
            if owners is None:
                continue
            owners.discard(name)
            if not owners:
                del self._wanted[element]
                gone.append(element)
        self._change(nft.DELSETELEM, [each for each in gone if each[0] in self._tables])

    def close(self) -> None:
        """Remove the tables."""
        self._wanted.clear()
        self._drop(self._tables.copy())
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def _change(self, kind: int, changed: Sequence[Element]) -> list[NetlinkError]:
        """One message for each set; what cannot be removed was removed by another."""
        by_set: dict[tuple[int, str], list[bytes]] = {}
        for family, name, key in changed:
            by_set.setdefault((family, name), []).append(key)
        table = self._settings.table
        return self._transact(
            [nft.elements(kind, family, table, name, keys) for (family, name), keys in by_set.items()]
        )

    def _build(self, families: Iterable[int]) -> None:
        """Make the tables of these families with all elements that are wanted in them."""
        for family in families:
            self._tables.discard(family)
            keys: dict[str, list[bytes]] = {}
            for wanted_family, name, key in self._wanted:
                if wanted_family == family:
                    keys.setdefault(name, []).append(key)
            failures: list[NetlinkError] = []
            for flags in (nft.TABLE_OWNED, 0):
                request = [*_table(family, self._settings, flags)]
                for name, listed in keys.items():
                    parts = (listed[at : at + _MOST_ELEMENTS] for at in range(0, len(listed), _MOST_ELEMENTS))
                    table = self._settings.table
                    request += [nft.elements(nft.NEWSETELEM, family, table, name, part) for part in parts]
                failures = self._transact(request)
                if not failures:
                    self._tables.add(family)
                    break
            else:
                raise OSError(failures[0].errno, f"nftables: {failures[0]}")

    def _drop(self, families: set[int]) -> None:
        table = self._settings.table
        self._transact([nft.table(nft.DELTABLE, family, table) for family in families])
        self._tables -= families

    def _transact(self, messages: Sequence[bytearray]) -> list[NetlinkError]:
        if not messages:
            return []
        if self._netlink is None:
            self._netlink = Netlink(NETFILTER)
        return self._netlink.transact_whole(messages, *nft.batch())


def remove_tables(name: str) -> int:
    """Remove the tables that an earlier run left; returns how many there were."""
    removed = 0
    try:
        netlink = Netlink(NETFILTER)
    except OSError:
        return 0  # a kernel without it has no tables
    try:
        for family in _FAMILIES.values():
            failures = netlink.transact_whole([nft.table(nft.DELTABLE, family, name)], *nft.batch())
            if not failures:
                removed += 1
            elif failures[0].errno in (errno.EPERM, errno.EBUSY):
                raise OSError(failures[0].errno, f"table {name} could not be removed: {failures[0].text}")
    finally:
        netlink.close()
    return removed


def _element(prepared: Prepared) -> Element:
    address = prepared.address.address
    if not isinstance(address, IPv6Address):
        return nft.NF_IPV4, _VIPS, address.packed
    if address.is_link_local:
        return nft.NF_IPV6, _LINK_LOCAL, address.packed + _INDEX.pack(prepared.ifindex)
    return nft.NF_IPV6, _VIPS, address.packed


def _table(family: int, settings: Firewall, flags: int) -> Iterable[bytearray]:
    """Everything but the elements; what was there under that name goes."""
    name = settings.table
    yield nft.table(nft.NEWTABLE, family, name)
    yield nft.table(nft.DELTABLE, family, name)
    yield nft.table(nft.NEWTABLE, family, name, flags)
    key = nft.IPV4_ADDRESS if family == nft.NF_IPV4 else nft.IPV6_ADDRESS
    yield nft.address_set(family, name, _VIPS, key, _NUMBERS[_VIPS])
    if family == nft.NF_IPV6:
        yield nft.address_set(family, name, _LINK_LOCAL, nft.IPV6_ADDRESS_AND_LINK, _NUMBERS[_LINK_LOCAL])
    for chain, hook, places in (
        ("in", nft.HOOK_INPUT, _DESTINATION_AT),
        ("out", nft.HOOK_OUTPUT, _SOURCE_AT),
    ):
        yield nft.chain(family, name, chain, hook, settings.priority)
        load = nft.network_field(*places[family])
        dropped = [nft.counter(), nft.drop()] if settings.counters else [nft.drop()]
        if family == nft.NF_IPV6:
            for number in (_NEIGHBOR_SOLICITATION, _NEIGHBOR_ADVERTISEMENT):
                yield nft.rule(family, name, chain, *nft.icmpv6_type(number), nft.accept())
            index = nft.link_index(incoming=chain == "in")
            found = nft.in_set(_LINK_LOCAL, _NUMBERS[_LINK_LOCAL])
            yield nft.rule(family, name, chain, load, index, found, *dropped)
        yield nft.rule(family, name, chain, load, nft.in_set(_VIPS, _NUMBERS[_VIPS]), *dropped)
