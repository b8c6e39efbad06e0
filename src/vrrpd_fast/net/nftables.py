"""nf_tables requests as bytes (linux/netfilter/nf_tables.h, nfnetlink.h): as much of them as a shield needs.

Packed by struct: libnftables and the nft command cost a process or a library that may not be there, and
pyroute2's codec takes 40 µs an element where this takes 1.
"""

import struct
from collections.abc import Iterable

from vrrpd_fast.net import rtnl
from vrrpd_fast.net.rtnl import attribute

NF_IPV4, NF_IPV6 = 2, 10  # NFPROTO_
HOOK_INPUT, HOOK_OUTPUT = 1, 3  # NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT

TABLE_OWNED = 2  # NFT_TABLE_F_OWNER, since 5.12: ours alone, gone with our socket, spared by `flush ruleset`

_SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES
NEWTABLE, DELTABLE, NEWCHAIN, NEWRULE, NEWSET, NEWSETELEM, DELSETELEM = (
    _SUBSYSTEM | number for number in (0, 2, 3, 6, 9, 12, 14)
)
_BATCH_BEGIN, _BATCH_END = 16, 17
_NFGEN = struct.Struct("!BBH")  # struct nfgenmsg: family, version, resource
_NESTED = 0x8000

# Types of a set's key as nft(8) shows them, and their length.
IPV4_ADDRESS, IPV6_ADDRESS, IPV6_ADDRESS_AND_LINK = (7, 4), (8, 16), (8 << 6 | 20, 20)

_REGISTER_1, _REGISTER_2 = 1, 2  # of 16 bytes each, one behind the other
_META_OIF, _META_IIF, _META_L4PROTO = 5, 4, 16
_PAYLOAD_NETWORK, _PAYLOAD_TRANSPORT = 1, 2
_NF_DROP, _NF_ACCEPT = 0, 1
_CMP_EQ = 0
_ICMPV6 = 58

Expression = bytes


def batch() -> tuple[bytes, bytes]:
    """What stands before and behind messages that are carried out together or not at all."""
    begin = rtnl.HEADER.pack(20, _BATCH_BEGIN, rtnl.NLM_F_REQUEST, 0, 0) + _NFGEN.pack(0, 0, 10)
    end = rtnl.HEADER.pack(20, _BATCH_END, rtnl.NLM_F_REQUEST, 0, 0) + _NFGEN.pack(0, 0, 10)
    return begin, end


def message(kind: int, family: int, *attributes: bytes) -> bytearray:
    """One request; new things may be there already."""
    flags = rtnl.NLM_F_REQUEST
    if kind == NEWRULE:
        flags |= rtnl.NLM_F_CREATE | rtnl.NLM_F_APPEND
    elif kind not in (DELTABLE, DELSETELEM):
        flags |= rtnl.NLM_F_CREATE
    body = _NFGEN.pack(family, 0, 0) + b"".join(attributes)
    return bytearray(rtnl.HEADER.pack(rtnl.HEADER.size + len(body), kind, flags, 0, 0) + body)


def table(kind: int, family: int, name: str, flags: int = 0) -> bytearray:
    return message(kind, family, _string(1, name), *([_number(2, flags)] if flags else []))


def chain(family: int, table_name: str, name: str, hook: int, priority: int) -> bytearray:
    """A base chain of type filter that accepts what none of its rules decides."""
    where = _nested(4, _number(1, hook), _number(2, priority & 0xFFFFFFFF))
    return message(
        NEWCHAIN,
        family,
        _string(1, table_name),
        _string(3, name),
        where,
        _number(5, _NF_ACCEPT),
        _string(7, "filter"),
    )


def address_set(family: int, table_name: str, name: str, key: tuple[int, int], number: int) -> bytearray:
    """A set; `number` tells it from others in the same batch."""
    kind, length = key
    return message(
        NEWSET,
        family,
        _string(1, table_name),
        _string(2, name),
        _number(3, 0),
        _number(4, kind),
        _number(5, length),
        _number(10, number),
    )


def elements(kind: int, family: int, table_name: str, set_name: str, keys: Iterable[bytes]) -> bytearray:
    """NEWSETELEM or DELSETELEM."""
    listed = b"".join(_nested(1, _nested(1, attribute(1, key))) for key in keys)
    return message(kind, family, _string(1, table_name), _string(2, set_name), _nested(3, listed))


def rule(family: int, table_name: str, chain_name: str, *expressions: Expression) -> bytearray:
    """A rule behind those that the chain has."""
    return message(NEWRULE, family, _string(1, table_name), _string(2, chain_name), _nested(4, *expressions))


def network_field(offset: int, length: int) -> Expression:
    """Load some bytes of the IP header."""
    return _payload(_PAYLOAD_NETWORK, offset, length)


def link_index(*, incoming: bool) -> Expression:
    """Load the interface behind a 16-byte address loaded before."""
    return _expression("meta", _number(2, _META_IIF if incoming else _META_OIF), _number(1, _REGISTER_2))


def in_set(name: str, number: int) -> Expression:
    """Go on only if what is loaded is in the set."""
    return _expression("lookup", _string(1, name), _number(2, _REGISTER_1), _number(4, number))


def icmpv6_type(number: int) -> tuple[Expression, ...]:
    """Go on only with ICMPv6 messages of this type."""
    return (
        _expression("meta", _number(2, _META_L4PROTO), _number(1, _REGISTER_1)),
        _equals(_ICMPV6),
        _payload(_PAYLOAD_TRANSPORT, 0, 1),
        _equals(number),
    )


def counter() -> Expression:
    return _expression("counter")


def accept() -> Expression:
    return _verdict(_NF_ACCEPT)


def drop() -> Expression:
    return _verdict(_NF_DROP)


def _equals(value: int) -> Expression:
    data = _nested(3, attribute(1, bytes([value])))
    return _expression("cmp", _number(1, _REGISTER_1), _number(2, _CMP_EQ), data)


def _payload(base: int, offset: int, length: int) -> Expression:
    fields = enumerate((_REGISTER_1, base, offset, length), 1)
    return _expression("payload", *(_number(kind, value) for kind, value in fields))


def _verdict(verdict: int) -> Expression:
    return _expression("immediate", _number(1, 0), _nested(2, _nested(2, _number(1, verdict))))


def _expression(name: str, *attributes: bytes) -> Expression:
    return _nested(1, _string(1, name), _nested(2, *attributes))


def _nested(kind: int, *parts: bytes) -> bytes:
    return attribute(kind | _NESTED, b"".join(parts))


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!I", value))


def _string(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode() + b"\0")
