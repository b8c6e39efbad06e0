"""Virtual rules as rtnetlink messages (linux/fib_rules.h, ip-rule(8)), ready before they are needed."""

import errno
import socket
import struct
from collections.abc import Iterable
from typing import ClassVar

from vrrpd_fast.model import OWNER_TAG, Family, VirtualRule
from vrrpd_fast.net import rtnl
from vrrpd_fast.net.carried import Carried
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.net.rtnl import attribute

# Family and preference: by what a rule is known when its removal is told.
Key = tuple[int, int]

_AF = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_FAMILIES: dict[int, Family] = {number: family for family, number in _AF.items()}

_FRA_DST, _FRA_SRC, _FRA_IIFNAME, _FRA_GOTO, _FRA_PRIORITY, _FRA_FWMARK, _FRA_FLOW = 1, 2, 3, 4, 6, 10, 11
_FRA_TUN_ID, _FRA_SUPPRESS_IFGROUP, _FRA_SUPPRESS_PREFIXLEN, _FRA_TABLE, _FRA_FWMASK = 12, 13, 14, 15, 16
_FRA_OIFNAME, _FRA_L3MDEV, _FRA_UID_RANGE, _FRA_PROTOCOL, _FRA_IP_PROTO = 17, 19, 20, 21, 22
_FRA_SPORT_RANGE, _FRA_DPORT_RANGE = 23, 24
_FIB_RULE_INVERT = 2
_TABLE_ELSEWHERE = 252  # RT_TABLE_COMPAT: the number is in FRA_TABLE
_UINT32 = struct.Struct("=I")
_RANGE16 = struct.Struct("=HH")
_RANGE32 = struct.Struct("=II")


class PreparedRule(Carried, eq=False, kw_only=True):
    """A rule with the messages that add and remove it; the interfaces in it need not exist."""

    absent: ClassVar[frozenset[int]] = frozenset({errno.ENOENT, errno.ESRCH})

    rule: VirtualRule
    key: Key

    @property
    def is_tracked(self) -> bool:
        return self.rule.is_tracked

    @property
    def devices(self) -> set[str]:
        return set()

    def __str__(self) -> str:
        return str(self.rule)


def prepare(rule: VirtualRule) -> PreparedRule:
    """ValueError when it has no preference yet."""
    if rule.preference is None:
        raise ValueError(f"{rule} has no preference")
    body = _body(rule)
    # A rule is known by all that it says; the same one twice would have to be removed twice.
    flags = rtnl.NLM_F_REQUEST | rtnl.NLM_F_CREATE | rtnl.NLM_F_EXCL
    return PreparedRule(
        add=_message(rtnl.RTM_NEWRULE, flags, body),
        remove=_message(rtnl.RTM_DELRULE, rtnl.NLM_F_REQUEST, body),
        rule=rule,
        key=(int(rule.family), rule.preference),
    )


def parse(buffer: rtnl.Buffer, start: int, end: int) -> tuple[Key, int] | None:
    """Key and FRA_PROTOCOL of the struct fib_rule_hdr there; None when it is broken or of another family."""
    if end - start < rtnl.RTMSG.size:
        return None
    family = _FAMILIES.get(buffer[start])
    if family is None:
        return None
    preference = protocol = 0
    for kind, value, value_end in rtnl.attributes(buffer, start + rtnl.RTMSG.size, end):
        if kind == _FRA_PRIORITY and value_end - value >= _UINT32.size:
            (preference,) = _UINT32.unpack_from(buffer, value)
        elif kind == _FRA_PROTOCOL and value_end > value:
            protocol = buffer[value]
    return (int(family), preference), protocol


def removals_of_tagged(netlink: Netlink) -> list[bytearray]:
    """A removal for every rule in the kernel that carries our owner tag."""
    request = rtnl.HEADER.pack(
        rtnl.HEADER.size + rtnl.RTMSG.size, rtnl.RTM_GETRULE, rtnl.NLM_F_REQUEST | rtnl.NLM_F_DUMP, 0, 0
    ) + bytes(rtnl.RTMSG.size)
    removals = []
    for message in netlink.dump(request):
        parsed = parse(message, rtnl.HEADER.size, len(message))
        if parsed is not None and parsed[1] == OWNER_TAG:
            removal = bytearray(message)
            rtnl.HEADER.pack_into(removal, 0, len(removal), rtnl.RTM_DELRULE, rtnl.NLM_F_REQUEST, 0, 0)
            removals.append(removal)
    return removals


def _message(command: int, flags: int, body: bytes) -> bytearray:
    return bytearray(rtnl.HEADER.pack(rtnl.HEADER.size + len(body), command, flags, 0, 0) + body)


def _body(rule: VirtualRule) -> bytes:
    source, destination = rule.source, rule.destination
    return rtnl.RTMSG.pack(
        _AF[rule.family],
        0 if destination is None else destination.prefixlen,
        0 if source is None else source.prefixlen,
        rule.tos,
        rule.table if rule.table <= 255 else _TABLE_ELSEWHERE,
        0,
        0,
        rule.action,
        _FIB_RULE_INVERT if rule.inverts else 0,
    ) + b"".join(_attributes(rule))


def _attributes(rule: VirtualRule) -> Iterable[bytes]:
    yield attribute(_FRA_PRIORITY, _UINT32.pack(rule.preference or 0))
    yield attribute(_FRA_PROTOCOL, bytes([OWNER_TAG if rule.protocol is None else rule.protocol]))
    for number, network in ((_FRA_SRC, rule.source), (_FRA_DST, rule.destination)):
        if network is not None:
            yield attribute(number, network.network_address.packed)
    for number, name in ((_FRA_IIFNAME, rule.iif), (_FRA_OIFNAME, rule.oif)):
        if name is not None:
            yield attribute(number, name.encode() + b"\0")
    for number, value in (
        (_FRA_TABLE, rule.table or None),
        (_FRA_GOTO, rule.goto),
        (_FRA_FWMARK, rule.mark),
        (_FRA_FWMASK, rule.mark_mask),
        (_FRA_FLOW, rule.realm or None),
        (_FRA_SUPPRESS_PREFIXLEN, rule.suppress_prefixlength),
        (_FRA_SUPPRESS_IFGROUP, rule.suppress_ifgroup),
    ):
        if value is not None:
            yield attribute(number, _UINT32.pack(value))
    if rule.tunnel_id is not None:
        yield attribute(_FRA_TUN_ID, struct.pack("!Q", rule.tunnel_id))
    if rule.l3mdev:
        yield attribute(_FRA_L3MDEV, b"\x01")
    if rule.uid_range is not None:
        yield attribute(_FRA_UID_RANGE, _RANGE32.pack(*rule.uid_range))
    if rule.ip_protocol is not None:
        yield attribute(_FRA_IP_PROTO, bytes([rule.ip_protocol]))
    for number, ports in ((_FRA_SPORT_RANGE, rule.sport), (_FRA_DPORT_RANGE, rule.dport)):
        if ports is not None:
            yield attribute(number, _RANGE16.pack(*ports))
