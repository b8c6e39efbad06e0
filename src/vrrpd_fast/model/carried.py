"""What a MASTER carries: addresses, routes and rules, and how it announces them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from msgspec import Struct

from vrrpd_fast.model.vocabulary import FAMILIES, Family


class VirtualAddress(Struct, frozen=True, kw_only=True, order=False):
    """One line of virtual_ipaddress; `dev` is always filled in, `scope` is the rtnetlink number.

    The flags are those of ip-address(8); `preferred_lft` is in seconds, None for ever. An address that is not
    `is_tracked` (no_track) is not put back when someone removes it.
    """

    address: IPv4Address | IPv6Address
    prefixlen: int
    dev: str
    scope: int = 0
    label: str | None = None
    broadcast: IPv4Address | None = None
    peer: IPv4Address | IPv6Address | None = None
    peer_prefixlen: int = 0
    home: bool = False
    nodad: bool = True  # IPv6 only
    mngtmpaddr: bool = False
    noprefixroute: bool = False
    autojoin: bool = False
    preferred_lft: int | None = None
    is_tracked: bool = True

    @property
    def family(self) -> Family:
        return FAMILIES[self.address.version]

    @property
    def kernel_prefixlen(self) -> int:
        """The length by which the kernel knows it: its peer's, if it has one (ifa_prefixlen)."""
        return self.prefixlen if self.peer is None else self.peer_prefixlen

    def __str__(self) -> str:
        return f"{self.address}/{self.prefixlen}"


class Encapsulation(Struct, frozen=True, kw_only=True):
    """How packets on a route are wrapped (`encap` of ip-route(8)): `kind` is mpls, ip, ip6 or ila."""

    kind: str
    labels: tuple[int, ...] = ()  # mpls, outermost first
    id: int = 0  # ip, ip6: the tunnel's key
    source: IPv4Address | IPv6Address | None = None
    destination: IPv4Address | IPv6Address | None = None
    tos: int = 0
    ttl: int = 0
    flags: int = 0
    locator: int = 0  # ila


class NextHop(Struct, frozen=True, kw_only=True):
    """Where a route leads: a router (`via`), an interface, or both; `weight` 1..256 among several."""

    via: IPv4Address | IPv6Address | None = None
    dev: str | None = None
    weight: int = 1
    onlink: bool = False
    realm: int = 0  # source realm << 16 | destination realm
    encapsulation: Encapsulation | None = None


class VirtualRoute(Struct, frozen=True, kw_only=True):
    """One line of virtual_routes, `text` as it stands there; numbers are those of linux/rtnetlink.h.

    `protocol` None is our own; a route with another is known by its contents only. One that is not
    `is_tracked` (no_track) is not put back when someone removes it.
    """

    text: str
    destination: IPv4Network | IPv6Network
    kind: int = 1  # RTN_UNICAST
    source: IPv6Network | None = None  # `from`, IPv6 only
    preferred_source: IPv4Address | IPv6Address | None = None  # `src`
    tos: int = 0
    table: int = 254  # main
    vrf: str | None = None  # the table is that of this device
    scope: int = 0
    protocol: int | None = None
    metric: int = 0
    next_hops: tuple[NextHop, ...] = ()
    metrics: tuple[tuple[int, int], ...] = ()  # (RTAX_ number, value)
    congestion_control: str | None = None
    preference: int | None = None  # ICMPV6_ROUTER_PREF_, IPv6 only
    expires: int | None = None  # seconds, IPv6 only
    ttl_propagate: bool | None = None
    is_exclusive: bool = False  # `add`: not beside a route of another to the same destination
    is_appended: bool = False  # `append`: behind other routes to the same destination
    is_tracked: bool = True

    @property
    def family(self) -> Family:
        return FAMILIES[self.destination.version]

    @property
    def devices(self) -> set[str]:
        """Interfaces it needs."""
        named = {hop.dev for hop in self.next_hops if hop.dev is not None}
        return named if self.vrf is None else named | {self.vrf}

    def __str__(self) -> str:
        return f"route {self.text}"


class VirtualRule(Struct, frozen=True, kw_only=True):
    """One line of virtual_rules, `text` as it stands there; `action` is FR_ACT_ of linux/fib_rules.h.

    `preference` is None in what config/rules.py has just parsed, if the line has none; not in a Config.
    """

    text: str
    family: Family
    preference: int | None = None
    action: int = 1  # FR_ACT_TO_TBL
    table: int = 0  # 0: none, as with l3mdev
    goto: int | None = None  # the preference of another rule
    inverts: bool = False  # `not`
    source: IPv4Network | IPv6Network | None = None
    destination: IPv4Network | IPv6Network | None = None
    tos: int = 0
    mark: int | None = None
    mark_mask: int | None = None
    iif: str | None = None
    oif: str | None = None
    realm: int = 0  # source realm << 16 | destination realm
    suppress_prefixlength: int | None = None
    suppress_ifgroup: int | None = None
    tunnel_id: int | None = None
    uid_range: tuple[int, int] | None = None
    l3mdev: bool = False
    protocol: int | None = None
    ip_protocol: int | None = None
    sport: tuple[int, int] | None = None
    dport: tuple[int, int] | None = None
    is_tracked: bool = True

    def __str__(self) -> str:
        return f"rule {self.text}"


class Garp(Struct, frozen=True, kw_only=True):
    """Gratuitous ARP / unsolicited NA policy of one instance; delays and intervals in seconds."""

    master_delay: float = 5.0
    master_repeat: int = 5
    master_refresh: float = 0.0
    master_refresh_repeat: int = 1
    lower_prio_delay: float = 5.0
    lower_prio_repeat: int = 5
    # Seconds between announcements of one address on each interface but the instance's own; 0: none.
    # Without `all` keepalived means those with a virtual MAC only, and there are none yet.
    extra_if: float = 0.0
    extra_if_all: bool = False


class Pacing(Struct, frozen=True, kw_only=True):
    """Least seconds between two announcements on these interfaces together (garp_group); 0: no limit.

    Without interfaces: on each interface that no other Pacing names, by itself (vrrp_garp_interval,
    vrrp_gna_interval). No interface is named twice.
    """

    interfaces: tuple[str, ...] = ()
    garp_interval: float = 0.0
    gna_interval: float = 0.0


class Firewall(Struct, frozen=True, kw_only=True):
    """The nftables table that keeps packets from addresses of instances without accept."""

    table: str = "vrrpd-fast"
    priority: int = -1
    counters: bool = False
