"""Resolved values as most tests want them."""

from ipaddress import ip_address
from typing import Any

from vrrpd_fast.model import VRRP_GROUP4, VRRP_GROUP6, Family, Instance, Track, TrackKind, VirtualAddress
from vrrpd_fast.net.links import Link

MAC = bytes.fromhex("020000000a00")


def packed(text: str) -> bytes:
    return ip_address(text).packed


def virtual(text: str, dev: str = "a0", **more: Any) -> VirtualAddress:
    """An address from its text, 10.9.9.9/24."""
    address, _, length = text.partition("/")
    return VirtualAddress(
        address=ip_address(address), prefixlen=int(length or (128 if ":" in text else 32)), dev=dev, **more
    )


def instance(name: str = "VI", *addresses: str, **more: Any) -> Instance:
    """A virtual router of version 3 at 100 ms on a0, with one address unless others are named."""
    family = more.get("family", Family.IPV4)
    texts = addresses or (("10.9.9.9/24",) if family == 4 else ("fe80::9/64",))
    fields: dict[str, Any] = {
        "name": name,
        "interface": "a0",
        "family": family,
        "virtual_router_id": 51,
        "version": 3,
        "priority": 100,
        "advert_int_cs": 10,
        "group": VRRP_GROUP4 if family == 4 else VRRP_GROUP6,
    }
    fields["virtual_addresses"] = tuple(virtual(text, more.get("interface", "a0")) for text in texts)
    return Instance(**fields | more)


def link(name: str = "a0", index: int = 2, **more: Any) -> Link:
    """An interface that is up, with 10.0.0.1 and fe80::1."""
    fields: dict[str, Any] = {
        "serial": index,
        "up": True,
        "mtu": 1500,
        "mac": MAC,
        "ipv4": packed("10.0.0.1"),
        "ipv6": packed("fe80::1"),
    }
    return Link(name=name, index=index, **fields | more)


def on_script(name: str, weight: int = 0, reverse: bool = False) -> Track:
    return Track(kind=TrackKind.SCRIPT, name=name, weight=weight, reverse=reverse)


def on_link(name: str, weight: int = 0, reverse: bool = False) -> Track:
    return Track(kind=TrackKind.INTERFACE, name=name, weight=weight, reverse=reverse)


def on_file(name: str, weight: int = 1, reverse: bool = False) -> Track:
    return Track(kind=TrackKind.FILE, name=name, weight=weight, reverse=reverse)
