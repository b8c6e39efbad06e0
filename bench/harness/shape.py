"""A bench's population: how many links, virtual routers and addresses, and what each side calls them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from vrrpd_fast.engine import wire
from vrrpd_fast.model import VRRP_GROUP4, VRRP_GROUP6

FIRST_VIRTUAL = 16  # host number of the first virtual address on a link; .1 is the daemon, .2 the other side
OUR_PRIORITY = 100
MASTER_PRIORITY = 200
OWNER_PRIORITY = 255
GROUP_MAC = bytes.fromhex("01005e000012")
GROUP_MAC6 = bytes.fromhex("333300000012")
_SOURCE_MAC = bytes.fromhex("020000000002")
_LINKS = IPv4Network("10.0.0.0/8")
_LINK_BITS = 12  # host bits: 255 virtual routers with 15 addresses each fit
_LINK_LOCAL = int(IPv6Address("fe80::"))
_UNIQUE_LOCAL = int(IPv6Address("fd00::"))


@dataclass(frozen=True)
class Router:
    """One virtual router: `link` counts from 0, `vrid` from 1 on each link."""

    link: int
    vrid: int
    interval_cs: int
    addresses: tuple[IPv4Address, ...] | tuple[IPv6Address, ...]

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.addresses[0].version

    @property
    def name(self) -> str:
        return f"r{self.link}_{self.vrid}"


@dataclass(frozen=True)
class Shape:
    """VRRPv3 on `links` links, each with `per_link` virtual routers of `addresses` addresses.

    The last `ipv6` of a link are IPv6, the first address of each link-local (RFC 9568 5.2.9). With `slow_cs`,
    a multiple of `interval_cs`, every other virtual router of a link advertises at that interval.
    """

    links: int
    per_link: int
    interval_cs: int = 10
    addresses: int = 1
    ipv6: int = 0
    slow_cs: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.links <= 4096 and 0 < self.per_link <= 255 and 0 < self.addresses <= 15):
            raise ValueError(f"no room for {self}")
        if not 0 <= self.ipv6 <= self.per_link or self.slow_cs % self.interval_cs:
            raise ValueError(f"makes no sense: {self}")

    @property
    def count(self) -> int:
        return self.links * self.per_link

    @property
    def longest_cs(self) -> int:
        """The longest interval between adverts."""
        return max(self.interval_cs, self.slow_cs)

    @property
    def memberships(self) -> int:
        """How often a daemon of all virtual routers joins a VRRP group: per link and family."""
        return self.links * len(self.families)

    @property
    def families(self) -> list[int]:
        """4, 6 or both."""
        return [4] * (self.ipv6 < self.per_link) + [6] * (self.ipv6 > 0)

    @property
    def per_second(self) -> float:
        """Adverts a second when each virtual router has one master."""
        return self.links * sum(100 / self.interval(vrid) for vrid in range(1, self.per_link + 1))

    def interval(self, vrid: int) -> int:
        """Centiseconds between adverts of this virtual router on every link."""
        return self.slow_cs if self.slow_cs and vrid % 2 == 0 else self.interval_cs

    @property
    def down_ns(self) -> int:
        """From the last advert heard to taking over by the protocol (RFC 9568 6.1), at our priority."""
        interval_ns = self.interval_cs * 10_000_000
        return 3 * interval_ns + (256 - OUR_PRIORITY) * interval_ns // 256

    def interfaces(self) -> list[str]:
        return [f"v{link}" for link in range(self.links)]

    def host(self, link: int, number: int) -> IPv4Address:
        return _LINKS[(link << _LINK_BITS) + number]

    @staticmethod
    def link_local(number: int) -> IPv6Address:
        """A host's own address, the same on every link."""
        return IPv6Address(_LINK_LOCAL + number)

    def prefixlen(self) -> int:
        return 32 - _LINK_BITS

    def routers(self) -> Iterator[Router]:
        for link in range(self.links):
            for vrid in range(1, self.per_link + 1):
                first = FIRST_VIRTUAL + (vrid - 1) * self.addresses
                numbers = range(first, first + self.addresses)
                interval_cs = self.interval(vrid)
                if vrid <= self.per_link - self.ipv6:
                    yield Router(link, vrid, interval_cs, tuple(self.host(link, each) for each in numbers))
                else:
                    yield Router(link, vrid, interval_cs, _virtual6(link, numbers))


def _virtual6(link: int, numbers: Sequence[int]) -> tuple[IPv6Address, ...]:
    """A link-local address, then unique local ones; none of them is on another link too."""
    bases = (_LINK_LOCAL, *[_UNIQUE_LOCAL] * (len(numbers) - 1))
    return tuple(
        IPv6Address(base | (link + 1) << 16 | number) for base, number in zip(bases, numbers, strict=True)
    )


def plan(shape: Shape, phases: int, host: int = 2, priority: int = MASTER_PRIORITY) -> str:
    """The adverts of all virtual routers as sender.c reads them; neighbours are in different phases.

    `phases` is per `interval_cs`; the plan covers the longest interval.
    """
    lines = []
    for number, router in enumerate(shape.routers()):
        is_ipv4 = router.family == 4
        source = shape.host(router.link, host) if is_ipv4 else shape.link_local(host)
        group = VRRP_GROUP4 if is_ipv4 else VRRP_GROUP6
        datagram = wire.pack_advert(
            family=router.family,
            version=3,
            vrid=router.vrid,
            priority=priority,
            interval_cs=router.interval_cs,
            addresses=[address.packed for address in router.addresses],
            source=source.packed,
            destination=group.packed,
        )
        ethernet = (
            GROUP_MAC + _SOURCE_MAC + b"\x08\x00" if is_ipv4 else GROUP_MAC6 + _SOURCE_MAC + b"\x86\xdd"
        )
        own_phases = phases * router.interval_cs // shape.interval_cs
        for phase in range(number % own_phases, phases * shape.longest_cs // shape.interval_cs, own_phases):
            lines.append(f"v{router.link} {phase} {(ethernet + datagram).hex()}\n")
    return "".join(lines)
