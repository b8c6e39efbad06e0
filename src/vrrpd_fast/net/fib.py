"""Questions to the kernel's routing tables (rtnetlink(7), linux/rtnetlink.h), and its answers.

Two questions there are: which way a packet would take (`ip route get`, with `fib_match` the entry of a table
that decides it), and what one table holds. The kernel tells a table in the order of addresses, with an IPv4
prefix before those inside it, with an IPv6 prefix behind them: whoever looks for a prefix is done when an
address comes that is behind `last_address`.
"""

import errno
import socket
import struct
from ipaddress import IPv4Network, IPv6Network

from msgspec import Struct

from vrrpd_fast.net import rtnl
from vrrpd_fast.net.netlink import Netlink

# RTN_ of linux/rtnetlink.h: kinds of routes by which packets get somewhere.
UNICAST, LOCAL = 1, 2
MAIN_TABLE = 254

_AF = {4: socket.AF_INET, 16: socket.AF_INET6}
_SIZES = {family: size for size, family in _AF.items()}
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH = 1, 2, 4, 5, 6, 9
_RTA_TABLE, _RTA_VIA = 15, 18
_RTM_F_LOOKUP_TABLE, _RTM_F_FIB_MATCH = 0x1000, 0x2000
_RTNH_F_DEAD, _RTNH_F_LINKDOWN = 1, 16
_TABLE_ELSEWHERE = 252  # RT_TABLE_COMPAT: the number is in RTA_TABLE
_NEXT_HOP = struct.Struct("=HBBi")  # struct rtnexthop: length, flags, weight - 1, interface
_UINT32 = struct.Struct("=I")
_FAMILY = struct.Struct("=H")


class Hop(Struct, frozen=True):
    """A next hop: through which interface, to which gateway (packed; None: the destination itself)."""

    ifindex: int
    via: bytes | None = None
    is_usable: bool = True  # its interface is up and has a carrier


class Route(Struct, frozen=True):
    """An entry of a routing table, or the kernel's answer to a lookup."""

    destination: bytes  # packed, all of 4 or 16 bytes
    length: int
    table: int
    kind: int
    metric: int
    hops: tuple[Hop, ...]


def lookup(
    destination: bytes, *, source: bytes | None = None, ifindex: int = 0, fib_match: bool = False
) -> bytes:
    """Ask which way a packet would take; addresses are packed, `ifindex` is the interface it is bound to."""
    bits = 8 * len(destination)
    flags = _RTM_F_FIB_MATCH if fib_match else 0
    if len(destination) == 4:  # IPv6 tells the table anyway, and refuses the flag
        flags |= _RTM_F_LOOKUP_TABLE
    body = rtnl.RTMSG.pack(
        _AF[len(destination)], bits, 0 if source is None else bits, 0, 0, 0, 0, 0, flags
    ) + rtnl.attribute(_RTA_DST, destination)
    if source is not None:
        body += rtnl.attribute(_RTA_SRC, source)
    if ifindex:
        body += rtnl.attribute(_RTA_OIF, _UINT32.pack(ifindex))
    return _request(body, rtnl.NLM_F_REQUEST | rtnl.NLM_F_ACK)


def table_dump(family: int, table: int, ifindex: int = 0) -> bytes:
    """Ask for what a table holds: AF_INET or AF_INET6; with `ifindex` only what leads through that."""
    body = rtnl.RTMSG.pack(family, 0, 0, 0, table if table <= 255 else _TABLE_ELSEWHERE, 0, 0, 0, 0)
    body += rtnl.attribute(_RTA_TABLE, _UINT32.pack(table))
    if ifindex:
        body += rtnl.attribute(_RTA_OIF, _UINT32.pack(ifindex))
    return _request(body, rtnl.NLM_F_REQUEST | rtnl.NLM_F_DUMP)


def last_address(network: IPv4Network | IPv6Network) -> bytes:
    """Behind it in a table the prefix does not come any more."""
    return (network.network_address if network.version == 4 else network.broadcast_address).packed


def _request(body: bytes, flags: int) -> bytes:
    return rtnl.HEADER.pack(rtnl.HEADER.size + len(body), rtnl.RTM_GETROUTE, flags, 0, 0) + body


def parse(message: rtnl.Buffer) -> Route | None:
    """The route in a message, header and all; None when it is broken, or a cache entry in a dump."""
    found = destination_of(message)
    if found is None:
        return None
    destination, length = found
    start = rtnl.HEADER.size
    _, _, _, _, table, _, _, kind, flags = rtnl.RTMSG.unpack_from(message, start)
    size, metric, ifindex = len(destination), 0, 0
    via: bytes | None = None
    hops: tuple[Hop, ...] = ()
    for number, value, end in rtnl.attributes(message, start + rtnl.RTMSG.size, len(message)):
        if number in (_RTA_TABLE, _RTA_PRIORITY, _RTA_OIF) and end - value == 4:
            (plain,) = _UINT32.unpack_from(message, value)
            if number == _RTA_TABLE:
                table = plain
            elif number == _RTA_PRIORITY:
                metric = plain
            else:
                ifindex = plain
        elif number in (_RTA_GATEWAY, _RTA_VIA):
            via = _gateway(message, number, value, end)
        elif number == _RTA_MULTIPATH:
            hops += _next_hops(message, value, end)
    if ifindex:
        hops += (Hop(ifindex, via, not flags & (_RTNH_F_DEAD | _RTNH_F_LINKDOWN)),)
    if any(hop.via is not None and len(hop.via) not in _AF for hop in hops) or size not in _AF:
        return None
    return Route(destination, length, table, kind, metric, hops)


def destination_of(message: rtnl.Buffer) -> tuple[bytes, int] | None:
    """Only the destination of a route in a message and its length; None as in parse."""
    start = rtnl.HEADER.size
    if len(message) - start < rtnl.RTMSG.size:
        return None
    kind = rtnl.HEADER.unpack_from(message)[1]
    family, length, *_ = rtnl.RTMSG.unpack_from(message, start)
    size = _SIZES.get(family)
    if kind != rtnl.RTM_NEWROUTE or size is None or length > 8 * size:
        return None
    for number, value, end in rtnl.attributes(message, start + rtnl.RTMSG.size, len(message)):
        if number == _RTA_DST and end - value == size:
            return bytes(message[value:end]), length
    return (bytes(size), 0) if length == 0 else None


def _gateway(message: rtnl.Buffer, number: int, value: int, end: int) -> bytes:
    """RTA_GATEWAY, or RTA_VIA with a family of its own in front."""
    return bytes(message[value + (_FAMILY.size if number == _RTA_VIA else 0) : end])


def _next_hops(message: rtnl.Buffer, start: int, end: int) -> tuple[Hop, ...]:
    hops: list[Hop] = []
    while end - start >= _NEXT_HOP.size:
        length, flags, _, ifindex = _NEXT_HOP.unpack_from(message, start)
        if length < _NEXT_HOP.size or start + length > end:
            break
        via: bytes | None = None
        for number, value, stop in rtnl.attributes(message, start + _NEXT_HOP.size, start + length):
            if number in (_RTA_GATEWAY, _RTA_VIA):
                via = _gateway(message, number, value, stop)
        hops.append(Hop(ifindex, via, not flags & (_RTNH_F_DEAD | _RTNH_F_LINKDOWN)))
        start += (length + 3) & ~3
    return tuple(hops)


def ask(netlink: Netlink, request: bytes) -> Route | None:
    """The kernel's answer to a lookup; None: there is no way at all. OSError when it refuses (a route that
    leads nowhere, an interface that is gone)."""
    try:
        answers = netlink.dump(request)
    except OSError as error:
        if error.errno == errno.ENETUNREACH:
            return None
        raise
    return next(filter(None, map(parse, answers)), None)
