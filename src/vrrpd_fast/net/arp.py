"""How a virtual address is announced: gratuitous ARP, unsolicited Neighbor Advertisement, as Ethernet frames.

Byte for byte what keepalived sends for the same address and MAC, except that the Router flag of the
advertisement is always set (RFC 9568 6.4.2, 6.4.3): a virtual router is a router.
"""

import struct
from ipaddress import IPv4Address, IPv6Address

_BROADCAST = b"\xff" * 6
_ALL_NODES_MAC = b"\x33\x33\x00\x00\x00\x01"
_ALL_NODES = IPv6Address("ff02::1").packed
_ETHERTYPE_ARP = b"\x08\x06"
_ETHERTYPE_IPV6 = b"\x86\xdd"
_ARP_REQUEST = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)  # Ethernet, IPv4, address lengths, request
_NA_ROUTER_OVERRIDE = 0xA0000000
_NEXT_HEADER_ICMPV6 = 58


def announcement(address: IPv4Address | IPv6Address, mac: bytes) -> bytes:
    """The frame by which an address moves to `mac` in the neighbours' caches."""
    if isinstance(address, IPv4Address):
        return gratuitous_arp(mac, address.packed)
    return unsolicited_na(mac, address.packed)


def gratuitous_arp(mac: bytes, ip: bytes) -> bytes:
    """ARP request for an address by the address itself, broadcast (RFC 5227 3; RFC 9568 8.1.2)."""
    _check(mac, ip, 4)
    return _BROADCAST + mac + _ETHERTYPE_ARP + _ARP_REQUEST + mac + ip + _BROADCAST + ip


def unsolicited_na(mac: bytes, ip: bytes) -> bytes:
    """Neighbor Advertisement to all nodes from the address itself: R=1 S=0 O=1, TLLA (RFC 4861 7.2.6)."""
    _check(mac, ip, 16)
    option = b"\x02\x01" + mac
    tail = struct.pack("!I", _NA_ROUTER_OVERRIDE) + ip + option
    length = 4 + len(tail)
    pseudo_header = ip + _ALL_NODES + struct.pack("!II", length, _NEXT_HEADER_ICMPV6)
    checksum = _checksum(pseudo_header + b"\x88\x00\x00\x00" + tail)
    header = struct.pack("!IHBB", 6 << 28, length, _NEXT_HEADER_ICMPV6, 255) + ip + _ALL_NODES
    return _ALL_NODES_MAC + mac + _ETHERTYPE_IPV6 + header + b"\x88\x00" + checksum + tail


def _check(mac: bytes, ip: bytes, size: int) -> None:
    if len(mac) != 6:
        raise ValueError(f"not an Ethernet address: {mac.hex(':') or 'empty'}")
    if len(ip) != size:
        raise ValueError(f"an address of {size} bytes expected, got {len(ip)}")


def _checksum(data: bytes) -> bytes:
    """Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
