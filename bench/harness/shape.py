"""A bench's population: how many links, virtual routers and addresses, and what each side calls them."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from vrrpd_fast.engine import wire
from vrrpd_fast.model import VRRP_GROUP4

FIRST_VIRTUAL = 16  # host number of the first virtual address on a link; .1 is the daemon, .2 the other side
OUR_PRIORITY = 100
MASTER_PRIORITY = 200
GROUP_MAC = bytes.fromhex("01005e000012")
_SOURCE_MAC = bytes.fromhex("020000000002")
_LINKS = IPv4Network("10.0.0.0/8")
_LINK_BITS = 12  # host bits: 255 virtual routers with 15 addresses each fit


@dataclass(frozen=True)
class Router:
    """One virtual router: `link` counts from 0, `vrid` from 1 on each link."""

    link: int
    vrid: int
    addresses: tuple[IPv4Address, ...]

    @property
    def name(self) -> str:
        return f"r{self.link}_{self.vrid}"


@dataclass(frozen=True)
class Shape:
    """VRRPv3 over IPv4 on `links` links, each with `per_link` virtual routers of `addresses` addresses."""

    links: int
    per_link: int
    interval_cs: int = 10
    addresses: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.links <= 4096 and 0 < self.per_link <= 255 and 0 < self.addresses <= 15):
            raise ValueError(f"no room for {self}")

    @property
    def count(self) -> int:
        return self.links * self.per_link

    @property
    def longest_cs(self) -> int:
        """The longest interval between adverts."""
        return self.interval_cs

    @property
    def per_second(self) -> float:
        """Adverts a second when each virtual router has one master."""
        return self.count * 100 / self.interval_cs

    @property
    def down_ns(self) -> int:
        """From the last advert heard to taking over by the protocol (RFC 9568 6.1), at our priority."""
        interval_ns = self.interval_cs * 10_000_000
        return 3 * interval_ns + (256 - OUR_PRIORITY) * interval_ns // 256

    def interfaces(self) -> list[str]:
        return [f"v{link}" for link in range(self.links)]

    def host(self, link: int, number: int) -> IPv4Address:
        return _LINKS[(link << _LINK_BITS) + number]

    def prefixlen(self) -> int:
        return 32 - _LINK_BITS

    def routers(self) -> Iterator[Router]:
        for link in range(self.links):
            for vrid in range(1, self.per_link + 1):
                first = FIRST_VIRTUAL + (vrid - 1) * self.addresses
                yield Router(
                    link, vrid, tuple(self.host(link, first + number) for number in range(self.addresses))
                )


def plan(shape: Shape, phases: int, host: int = 2, priority: int = MASTER_PRIORITY) -> str:
    """The adverts of all virtual routers as sender.c reads them; neighbours are in different phases."""
    lines = []
    for number, router in enumerate(shape.routers()):
        datagram = wire.pack_advert(
            family=4,
            version=3,
            vrid=router.vrid,
            priority=priority,
            interval_cs=shape.interval_cs,
            addresses=[address.packed for address in router.addresses],
            source=shape.host(router.link, host).packed,
            destination=VRRP_GROUP4.packed,
        )
        frame = GROUP_MAC + _SOURCE_MAC + b"\x08\x00" + datagram
        lines.append(f"v{router.link} {number % phases} {frame.hex()}\n")
    return "".join(lines)
