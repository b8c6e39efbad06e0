"""Virtual routes as rtnetlink messages (rtnetlink(7), linux/rtnetlink.h), ready before they are needed.

Packed by struct: pyroute2's rtmsg takes 130 µs a route and does not know encap ip, ip6 and ila, expires,
ttl-propagate and fastopen_no_cookie.
"""

import errno
import socket
import struct
from collections.abc import Callable, Iterable
from typing import ClassVar

from vrrpd_fast.model import OWNER_TAG, Family, NextHop, VirtualRoute
from vrrpd_fast.net import rtnl
from vrrpd_fast.net.carried import Carried
from vrrpd_fast.net.encapsulation import encapsulation_attributes
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.net.rtnl import attribute

# Family, table, destination and its length, TOS, metric: by what a route is known when its removal is told.
Key = tuple[int, int, bytes, int, int, int]

_AF = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_FAMILIES = {number: family for family, number in _AF.items()}
_ADDRESS_SIZE = {socket.AF_INET: 4, socket.AF_INET6: 16}

_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC = 1, 2, 4, 5, 6, 7
_RTA_METRICS, _RTA_MULTIPATH, _RTA_FLOW, _RTA_TABLE, _RTA_VIA, _RTA_PREF = 8, 9, 11, 15, 18, 20
_RTA_EXPIRES, _RTA_TTL_PROPAGATE = 23, 26
_RTAX_CC_ALGO = 16
_RTNH_F_ONLINK = 4
_RTM_F_CLONED = 0x200
_NEXT_HOP = struct.Struct("=HBBi")  # struct rtnexthop: length, flags, weight - 1, interface
_FAMILY = struct.Struct("=H")
_UINT32 = struct.Struct("=I")
_FLAGS_AT = rtnl.HEADER.size + 8

_IPV6_METRIC = 1024  # IP6_RT_PRIO_USER of linux/ipv6_route.h: what metric 0 becomes
_UNICAST = 1
_TABLE_ELSEWHERE = 252  # RT_TABLE_COMPAT: the number is in RTA_TABLE
_SCOPE_NOWHERE = 255  # in a removal: whatever the scope is


class PreparedRoute(Carried, eq=False, kw_only=True):
    """A route with the messages that add and remove it, for the interfaces as they are now."""

    absent: ClassVar[frozenset[int]] = frozenset({errno.ESRCH, errno.ENOENT, errno.ENODEV, errno.ENETUNREACH})

    route: VirtualRoute
    key: Key

    @property
    def is_tracked(self) -> bool:
        return self.route.is_tracked

    @property
    def devices(self) -> set[str]:
        return self.route.devices

    def __str__(self) -> str:
        return str(self.route)


class PreparedExclusiveRoute(PreparedRoute, eq=False, kw_only=True):
    """A route with the word `add`: one that is there already is another's."""

    present: ClassVar[frozenset[int]] = frozenset()


def prepare(
    route: VirtualRoute, index_of: Callable[[str], int | None], vrf_table: Callable[[str], int | None]
) -> PreparedRoute | None:
    """None while an interface that it names does not exist."""
    indexes = {name: index_of(name) for name in route.devices}
    table = route.table if route.vrf is None else vrf_table(route.vrf)
    if table is None or None in indexes.values():
        return None
    numbers = {name: index for name, index in indexes.items() if index is not None}
    made = PreparedExclusiveRoute if route.is_exclusive else PreparedRoute
    return made(
        add=_message(route, numbers, table, adds=True),
        remove=_message(route, numbers, table, adds=False),
        route=route,
        key=_key(route, table),
    )


def parse(buffer: rtnl.Buffer, start: int, end: int) -> tuple[Key, int] | None:
    """Key and rtm_protocol of the struct rtmsg there; None when it is broken, or a cache entry."""
    if end - start < rtnl.RTMSG.size:
        return None
    family, length, _, tos, table, protocol, _, _, flags = rtnl.RTMSG.unpack_from(buffer, start)
    size = _ADDRESS_SIZE.get(family)
    if size is None or flags & _RTM_F_CLONED:
        return None
    destination, metric = bytes(size), 0
    for kind, value, value_end in rtnl.attributes(buffer, start + rtnl.RTMSG.size, end):
        if kind == _RTA_DST and value_end - value == size:
            destination = bytes(buffer[value:value_end])
        elif kind == _RTA_TABLE:
            (table,) = _UINT32.unpack_from(buffer, value)
        elif kind == _RTA_PRIORITY:
            (metric,) = _UINT32.unpack_from(buffer, value)
    return (int(_FAMILIES[family]), table, destination, length, tos, metric), protocol


def removals_of_tagged(netlink: Netlink) -> list[bytearray]:
    """A removal for every route that carries our owner tag: what the kernel shows of it, sent back."""
    removals = []
    for family in _AF.values():
        body = rtnl.RTMSG.pack(family, 0, 0, 0, 0, OWNER_TAG, 0, 0, 0)
        header = rtnl.HEADER.pack(
            rtnl.HEADER.size + len(body), rtnl.RTM_GETROUTE, rtnl.NLM_F_REQUEST | rtnl.NLM_F_DUMP, 0, 0
        )
        for message in netlink.dump(header + body):
            parsed = parse(message, rtnl.HEADER.size, len(message))
            if parsed is not None and parsed[1] == OWNER_TAG:
                removal = bytearray(message)
                rtnl.HEADER.pack_into(removal, 0, len(removal), rtnl.RTM_DELROUTE, rtnl.NLM_F_REQUEST, 0, 0)
                _UINT32.pack_into(
                    removal, _FLAGS_AT, 0
                )  # what the kernel tells there (linkdown) it does not take
                removals.append(removal)
    return removals


def _key(route: VirtualRoute, table: int) -> Key:
    destination = route.destination
    metric = route.metric or (_IPV6_METRIC if route.family is Family.IPV6 else 0)
    packed = destination.network_address.packed
    return int(route.family), table, packed, destination.prefixlen, route.tos, metric


def _message(route: VirtualRoute, indexes: dict[str, int], table: int, *, adds: bool) -> bytearray:
    destination, source = route.destination, route.source
    parts = [
        attribute(_RTA_DST, destination.network_address.packed),
        attribute(_RTA_TABLE, _UINT32.pack(table)),
    ]
    if source is not None:
        parts.append(attribute(_RTA_SRC, source.network_address.packed))
    if route.metric:
        parts.append(attribute(_RTA_PRIORITY, _UINT32.pack(route.metric)))
    flags = 0
    if len(route.next_hops) == 1:
        hop = route.next_hops[0]
        flags = _RTNH_F_ONLINK if hop.onlink else 0
        if hop.dev is not None:
            parts.append(attribute(_RTA_OIF, _UINT32.pack(indexes[hop.dev])))
        parts.append(_way(hop, route.family, adds=adds))
    elif route.next_hops:
        hops = b"".join(_next_hop(hop, route.family, indexes, adds=adds) for hop in route.next_hops)
        parts.append(attribute(_RTA_MULTIPATH, hops))
    if adds:
        parts += _options(route)
    body = rtnl.RTMSG.pack(
        _AF[route.family],
        destination.prefixlen,
        0 if source is None else source.prefixlen,
        route.tos,
        table if table <= 255 else _TABLE_ELSEWHERE,
        OWNER_TAG if route.protocol is None else route.protocol,
        route.scope if adds else _SCOPE_NOWHERE,
        route.kind,
        flags,
    ) + b"".join(parts)
    command = rtnl.RTM_NEWROUTE if adds else rtnl.RTM_DELROUTE
    return bytearray(
        rtnl.HEADER.pack(
            rtnl.HEADER.size + len(body), command, _flags(route) if adds else rtnl.NLM_F_REQUEST, 0, 0
        )
        + body
    )


def _flags(route: VirtualRoute) -> int:
    flags = rtnl.NLM_F_REQUEST | rtnl.NLM_F_CREATE
    if route.is_exclusive:
        flags |= rtnl.NLM_F_EXCL
    elif route.is_appended:
        flags |= rtnl.NLM_F_APPEND
    return flags


def _way(hop: NextHop, family: Family, *, adds: bool) -> bytes:
    """Gateway, realm and encapsulation of a next hop."""
    parts = []
    if hop.via is not None and hop.via.version == family:
        parts.append(attribute(_RTA_GATEWAY, hop.via.packed))
    elif hop.via is not None:
        via = _FAMILY.pack(_AF[Family(hop.via.version)]) + hop.via.packed
        parts.append(attribute(_RTA_VIA, via))
    if adds and hop.realm:
        parts.append(attribute(_RTA_FLOW, _UINT32.pack(hop.realm)))
    if adds and hop.encapsulation is not None:
        parts.append(encapsulation_attributes(hop.encapsulation))
    return b"".join(parts)


def _next_hop(hop: NextHop, family: Family, indexes: dict[str, int], *, adds: bool) -> bytes:
    way = _way(hop, family, adds=adds)
    flags = _RTNH_F_ONLINK if hop.onlink else 0
    index = 0 if hop.dev is None else indexes[hop.dev]
    return _NEXT_HOP.pack(_NEXT_HOP.size + len(way), flags, hop.weight - 1, index) + way


def _options(route: VirtualRoute) -> Iterable[bytes]:
    """What is set with a route but does not tell one from another."""
    if route.preferred_source is not None:
        yield attribute(_RTA_PREFSRC, route.preferred_source.packed)
    metrics = [attribute(number, _UINT32.pack(value)) for number, value in route.metrics]
    if route.congestion_control is not None:
        metrics.append(attribute(_RTAX_CC_ALGO, route.congestion_control.encode() + b"\0"))
    if metrics:
        yield attribute(_RTA_METRICS, b"".join(metrics))
    if route.preference is not None:
        yield attribute(_RTA_PREF, bytes([route.preference]))
    if route.expires is not None:
        yield attribute(_RTA_EXPIRES, _UINT32.pack(route.expires))
    if route.ttl_propagate is not None:
        yield attribute(_RTA_TTL_PROPAGATE, bytes([route.ttl_propagate]))
