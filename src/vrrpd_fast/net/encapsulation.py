"""How packets on a route are wrapped: linux/lwtunnel.h, linux/mpls_iptunnel.h, linux/ila.h."""

import struct

from vrrpd_fast.model import Encapsulation
from vrrpd_fast.net.rtnl import attribute

_RTA_ENCAP_TYPE, _RTA_ENCAP = 21, 22
_NESTED = 0x8000
_TYPES = {"mpls": 1, "ip": 2, "ila": 3, "ip6": 4}  # enum lwtunnel_encap_types
_MPLS_IPTUNNEL_DST = 1
_ILA_ATTR_LOCATOR = 1
# LWTUNNEL_IP_ and LWTUNNEL_IP6_, which have the same numbers.
_ID, _DST, _SRC, _TTL, _TOS, _FLAGS = 1, 2, 3, 4, 5, 6
_LABEL_SHIFT = 12  # struct mpls_label: label, class, bottom of stack, TTL
_BOTTOM_OF_STACK = 1 << 8
_TYPE = struct.Struct("=H")


def encapsulation_attributes(wrapped: Encapsulation) -> bytes:
    """RTA_ENCAP_TYPE and RTA_ENCAP."""
    if wrapped.kind == "mpls":
        inner = attribute(_MPLS_IPTUNNEL_DST, _label_stack(wrapped.labels))
    elif wrapped.kind == "ila":
        inner = attribute(_ILA_ATTR_LOCATOR, struct.pack("!Q", wrapped.locator))
    else:
        inner = _tunnel(wrapped)
    return attribute(_RTA_ENCAP_TYPE, _TYPE.pack(_TYPES[wrapped.kind])) + attribute(
        _RTA_ENCAP | _NESTED, inner
    )


def _label_stack(labels: tuple[int, ...]) -> bytes:
    entries = [label << _LABEL_SHIFT for label in labels]
    entries[-1] |= _BOTTOM_OF_STACK
    return struct.pack(f"!{len(entries)}I", *entries)


def _tunnel(wrapped: Encapsulation) -> bytes:
    parts = []
    if wrapped.id:
        parts.append(attribute(_ID, struct.pack("!Q", wrapped.id)))
    if wrapped.destination is not None:
        parts.append(attribute(_DST, wrapped.destination.packed))
    if wrapped.source is not None:
        parts.append(attribute(_SRC, wrapped.source.packed))
    if wrapped.ttl:
        parts.append(attribute(_TTL, bytes([wrapped.ttl])))
    if wrapped.tos:
        parts.append(attribute(_TOS, bytes([wrapped.tos])))
    if wrapped.flags:
        parts.append(attribute(_FLAGS, struct.pack("!H", wrapped.flags)))
    return b"".join(parts)
