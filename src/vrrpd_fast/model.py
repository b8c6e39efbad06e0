"""The shared vocabulary: what every part of vrrpd-fast means by an instance, a transition, a script.

These are *resolved* values: a reader (config/) has already applied defaults and global_defs, so that nobody
downstream asks "and if it is unset?". Imports nothing of ours. Durations are seconds as the operator wrote
them where they are policy, and carry their unit in the name where they touch the protocol (`_cs`, `_ns`).
"""

import enum
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from msgspec import Struct, field

NS_PER_CS = 10_000_000
NS_PER_S = 1_000_000_000

# By which addresses (IFA_PROTO), routes (rtm_protocol) and rules (FRA_PROTOCOL) of ours are known in the
# kernel: the number of VRRP among IP protocols, which no routing daemon has.
OWNER_TAG = 112

VRRP_GROUP4 = IPv4Address("224.0.0.18")
VRRP_GROUP6 = IPv6Address("ff02::12")


class Family(enum.IntEnum):
    """Address family of a virtual router; the value is the IP version."""

    IPV4 = 4
    IPV6 = 6


# Looking it up is five times as fast as making it, which thousands of addresses feel.
_FAMILIES = {int(family): family for family in Family}


class State(enum.IntEnum):
    """States as users and scripts of keepalived know them; RFC 9568 says Initialize and Active."""

    INIT = 0
    BACKUP = 1
    MASTER = 2
    FAULT = 3


class Reason(enum.IntEnum):
    """Why a virtual router changed its state. The values are those of `enum reason` in engine/machine.pxd."""

    NONE = 0
    STARTUP = 1  # no protocol cause: it was started, or started again
    OWNER = 2  # priority 255 starts as MASTER (RFC 9568 6.4.1)
    NO_ADVERT = 3  # the down timer ran out (6.4.2)
    RESIGNED = 4  # priority 0 heard, then the skew time ran out (6.4.2)
    PREEMPT = 5  # a master of lower priority was heard and ignored until the down timer ran out
    HIGHER_PRIORITY = 6  # 6.4.3
    HIGHER_ADDRESS = 7  # equal priority, the sender's primary address is higher (6.4.3)
    SHUTDOWN = 8
    INTERFACE_DOWN = 9
    INTERFACE_GONE = 10
    NO_ADDRESS = 11  # the interface has no primary address of the family
    TRACKED_SCRIPT = 12
    TRACKED_INTERFACE = 13
    RECOVERED = 14  # what caused FAULT is over
    RECONFIGURED = 15
    NO_PEERS = 16  # unicast without a peer (unicast_fault_no_peer)
    SYNC_GROUP = 17  # another member of its vrrp_sync_group made it
    TRACKED_FILE = 18
    TRACKED_PROCESS = 19
    TRACKED_PROBE = 20
    TRACKED_BFD = 21
    OPERATOR = 22  # vrrpctl resign


class Complaint(enum.IntEnum):
    """What is said once about the adverts of a virtual router, until its state changes.

    The values are those of `enum reject` in engine/wire.pxd and `enum complaint` in engine/checks.pxd.
    """

    TTL = 1
    SHORT = 2
    VERSION = 3
    TYPE = 4
    LENGTH = 5
    CHECKSUM = 6
    PEER = 9
    AUTHENTICATION = 10
    INTERVAL_REFUSED = 11
    NO_ADDRESSES = 12
    ADDRESSES_REFUSED = 13
    INTERVAL = 14  # adopted
    ADDRESSES = 15  # accepted
    SECOND_OWNER = 16
    NOT_LINK_LOCAL = 17  # accepted


class BfdSession(Struct, frozen=True, kw_only=True):
    """A bfd_instance: one session of RFC 5880 with a neighbour. Intervals are those of the wire, µs."""

    name: str
    neighbour: IPv4Address | IPv6Address
    source: IPv4Address | IPv6Address | None = None  # None: as the kernel routes to the neighbour
    interface: str = ""  # of a link-local neighbour
    min_tx_us: int = 10_000
    min_rx_us: int = 10_000
    idle_tx_us: int = 1_000_000  # instead of min_tx_us while the session is not Up
    multiplier: int = 5
    is_passive: bool = False
    is_multihop: bool = False
    ttl: int = 255  # or hop limit
    least_ttl: int = 255  # of packets that are accepted; 0: any

    @property
    def family(self) -> Family:
        return _FAMILIES[self.neighbour.version]


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
        return _FAMILIES[self.address.version]

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
        return _FAMILIES[self.destination.version]

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


class Peer(Struct, frozen=True, kw_only=True):
    """One line of unicast_peer: adverts from there must have a TTL in this range."""

    address: IPv4Address | IPv6Address
    min_ttl: int = 0
    max_ttl: int = 255

    @property
    def is_limited(self) -> bool:
        return self.min_ttl > 0 or self.max_ttl < 255


class Command(Struct, frozen=True, kw_only=True):
    """A notify, FIFO, startup or shutdown script: a command line, and who runs it.

    script_user is applied; `user` None is the daemon's own user.
    """

    script: str
    user: str | None = None
    group: str | None = None


class Notify(Struct, frozen=True, kw_only=True):
    """What an instance runs and writes when its state changes (keepalived's notify_* words)."""

    master: Command | None = None
    backup: Command | None = None
    fault: Command | None = None
    stop: Command | None = None
    deleted: Command | None = None
    every: Command | None = None  # `notify`: with four more arguments
    master_rx_lower_pri: Command | None = None
    tells_deleted: bool = False  # notify_deleted stands there: DELETED instead of FAULT when it is removed
    priority_changes: bool = False


class Fifo(Struct, frozen=True, kw_only=True):
    """A notify FIFO, whose file it is, and the script that reads it."""

    path: str
    user: str | None = None
    group: str | None = None
    script: Command | None = None


class InterfaceDelay(Struct, frozen=True, kw_only=True):
    """A link's change counts only after it has lasted so many seconds (interface_up_down_delays)."""

    down: float = 0.0
    up: float = 0.0


class Process(Struct, frozen=True, kw_only=True):
    """How the daemon itself runs; what is None is left as it is."""

    net_namespace: str | None = None
    priority: int | None = None  # nice
    rt_priority: int | None = None  # SCHED_RR
    rlimit_rttime_us: int | None = None  # of CPU time at real-time priority without a pause
    max_auto_priority: int | None = None
    min_auto_priority_delay_us: int = 1_000_000
    cpu_affinity: tuple[int, ...] = ()
    no_swap: bool = False
    netlink_buffer: int | None = None  # bytes, of the link monitor
    netlink_buffer_force: bool = False
    # Of the advert sockets (vrrp_rx_bufs_policy): bytes, or "mtu" or "advert" for so much times
    # receive_multiplier of every instance together.
    receive_buffer: int | str | None = None
    receive_multiplier: int = 3
    name: str | None = None
    umask: int | None = None
    startup_delay: float = 0.0  # seconds from the start until instances take part
    delay_after_boot: float = 0.0  # seconds of /proc/uptime before which they do not
    log_unknown_vrids: bool = False
    disable_local_igmp: bool = False
    startup_script: Command | None = None
    startup_script_timeout: float = 10.0
    shutdown_script: Command | None = None
    shutdown_script_timeout: float = 10.0


class Dumps(Struct, frozen=True, kw_only=True):
    """Where keepalived's dumps go when a signal asks for them."""

    data: str = "/tmp/keepalived.data"
    stats: str = "/tmp/keepalived.stats"
    json: str = "/tmp/keepalived.json"
    json_version: int = 1


class Firewall(Struct, frozen=True, kw_only=True):
    """The nftables table that keeps packets from addresses of instances without accept."""

    table: str = "vrrpd-fast"
    priority: int = -1
    counters: bool = False


class TrackKind(enum.StrEnum):
    """What can be tracked, the most basic first; keys of a configuration say it as track_KIND."""

    INTERFACE = "interface"
    SCRIPT = "script"
    FILE = "file"
    PROCESS = "process"
    PROBE = "probe"
    BFD = "bfd"


class Track(Struct, frozen=True, kw_only=True):
    """An instance's interest in something that is up or down, or a number.

    Weight 0 means FAULT while it is down, or the number is not 0.
    """

    kind: TrackKind
    name: str
    weight: int = 0
    reverse: bool = False


class ValueFile(Struct, frozen=True, kw_only=True):
    """A track_file: a number in a file. `initial` is written into one that is not there, or, with
    `overwrite`, into any.
    """

    name: str
    path: str
    initial: int | None = None
    overwrite: bool = False


class Script(Struct, frozen=True, kw_only=True):
    """A vrrp_script. Interval and timeout in seconds; `user` None runs it as the daemon's own user."""

    name: str
    script: str
    interval: float = 1.0
    timeout: float = 1.0
    rise: int = 1
    fall: int = 1
    init_fail: bool = False
    user: str | None = None
    group: str | None = None


class ProbeKind(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What a probe asks. The tag of each kind is its word in the file.

    Settings cross to the helper process as msgpack: their fields are texts, numbers, tuples of these.
    """

    @property
    def word(self) -> str:
        return str(type(self).__struct_config__.tag)

    @property
    def target(self) -> str:
        """What is asked, for people: an address, a file, a name."""
        raise NotImplementedError


class TcpProbe(ProbeKind, frozen=True, kw_only=True, tag="tcp"):
    """Up while something accepts connections; with `expect` while it says that, once `send` is sent."""

    address: str
    port: int
    source: str | None = None
    send: str | None = None
    expect: str | None = None

    @property
    def target(self) -> str:
        return _endpoint(self.address, self.port)


class UnixProbe(ProbeKind, frozen=True, kw_only=True, tag="unix"):
    """TcpProbe for a stream socket of this machine; a path that begins with @ is an abstract name."""

    path: str
    send: str | None = None
    expect: str | None = None

    @property
    def target(self) -> str:
        return self.path


class HttpProbe(ProbeKind, frozen=True, kw_only=True, tag="http"):
    """Up while a request gets an answer of an expected status, and with an expected body.

    `host` is the name in the request, `expect` a text and `matches` a regular expression to be found in the
    body; `status` has the first and the last of each range.
    """

    address: str
    port: int = 80
    source: str | None = None
    host: str | None = None
    method: str = "GET"
    path: str = "/"
    status: tuple[tuple[int, int], ...] = ((200, 299),)
    expect: str | None = None
    matches: str | None = None

    @property
    def target(self) -> str:
        return f"{self.word}://{_endpoint(self.host or self.address, self.port)}{self.path}"


class HttpsProbe(HttpProbe, frozen=True, kw_only=True, tag="https"):
    """HttpProbe over TLS; `host` is also the name that the certificate is asked for and has to have."""

    port: int = 443
    verify: bool = True
    ca_file: str | None = None  # instead of the system's
    certificate_days: int = 0  # that the certificate has to be valid for still


class SystemdProbe(ProbeKind, frozen=True, kw_only=True, tag="systemd"):
    """Up while a unit of systemd is in one of these states (ActiveState)."""

    unit: str
    states: tuple[str, ...] = ("active", "reloading")

    @property
    def target(self) -> str:
        return self.unit


class IcmpProbe(ProbeKind, frozen=True, kw_only=True, tag="icmp"):
    """Up while echo requests are answered; sent through `interface` from `source` if told."""

    address: str
    interface: str | None = None
    source: str | None = None

    @property
    def target(self) -> str:
        return self.address


class DnsProbe(ProbeKind, frozen=True, kw_only=True, tag="dns"):
    """Up while a server answers with `rcode`; for NOERROR with a record of the type (`expect`: this one)."""

    server: str
    port: int = 53
    source: str | None = None
    name: str
    type: str = "A"
    rcode: str = "NOERROR"
    expect: str | None = None

    @property
    def target(self) -> str:
        return f"{self.name} {self.type} at {_endpoint(self.server, self.port)}"


class ProcessProbe(ProbeKind, frozen=True, kw_only=True, tag="process"):
    """Up while at least `quorum` processes of this name run."""

    name: str
    quorum: int = 1

    @property
    def target(self) -> str:
        return self.name


class RouteProbe(ProbeKind, frozen=True, kw_only=True, tag="route"):
    """Up while `table` has the prefix, or packets `to` an address have a way; with a next hop as told."""

    prefix: str | None = None
    table: int = 254  # RT_TABLE_MAIN
    to: str | None = None
    source: str | None = None
    via: str | None = None
    dev: str | None = None

    @property
    def target(self) -> str:
        return str(self.prefix or self.to)


class NeighbourProbe(ProbeKind, frozen=True, kw_only=True, tag="neighbour"):
    """Up while a neighbour answers ARP or ND; `passive`: while the kernel has a link-layer address for it."""

    address: str
    interface: str
    passive: bool = False

    @property
    def target(self) -> str:
        return f"{self.address} on {self.interface}"


class GatewayProbe(ProbeKind, frozen=True, kw_only=True, tag="gateway"):
    """Up while the gateway of an interface's network answers: the one named, or that of the default route."""

    interface: str
    address: str | None = None
    family: str = "ipv4"
    table: int = 254  # RT_TABLE_MAIN, in which the default route is
    ask: str = "neighbour"  # or icmp

    @property
    def target(self) -> str:
        return f"{self.address or self.family} on {self.interface}"


class ValueProbe(ProbeKind, frozen=True, kw_only=True, tag="value"):
    """Up while the value in a file is as expected (probe/kinds/condition.py)."""

    path: str
    expect: str

    @property
    def target(self) -> str:
        return f"{self.path} {self.expect}"


AnyProbeKind = (
    TcpProbe
    | UnixProbe
    | HttpProbe
    | HttpsProbe
    | SystemdProbe
    | IcmpProbe
    | DnsProbe
    | ProcessProbe
    | RouteProbe
    | NeighbourProbe
    | GatewayProbe
    | ValueProbe
)


class Probe(Struct, frozen=True, kw_only=True):
    """A vrrp_probe: what is asked and how its answers are judged, as of a Script. Durations in seconds."""

    name: str
    kind: AnyProbeKind
    interval: float = 1.0
    timeout: float = 1.0
    rise: int = 1
    fall: int = 1
    init_fail: bool = False


class ProcessCount(Struct, frozen=True, kw_only=True):
    """A vrrp_track_process: how many processes there should be that are called, or started, so.

    `command` is the name of the process (ps -o comm) alone, or `by_command` its command line, of which
    `match` tells how much has to be there: exact, partial (more words may follow) or initial (and the last
    may go on). A single word has any parameters. Delays in seconds.
    """

    name: str
    command: tuple[str, ...]
    by_command: bool = False
    match: str = "exact"
    quorum: int = 1
    quorum_max: int | None = None
    fork_delay: float = 0.0
    terminate_delay: float = 0.0


class Instance(Struct, frozen=True, kw_only=True):
    """One virtual router, every default applied. `priority` 255 makes it the owner of its addresses.

    `interface` is "" for a unicast one that names none: its adverts go where the routes lead and are heard
    wherever they arrive, every address of it names its `dev`, and no link is its own to watch.
    """

    name: str
    interface: str
    family: Family
    virtual_router_id: int
    version: int
    priority: int
    advert_int_cs: int
    preempt: bool = True
    preempt_delay: float = 0.0  # seconds
    down_timer_adverts: int = 3
    lower_prio_no_advert: bool = False
    accept: bool = True
    checksum: str = "rfc5798"  # form sent over IPv4 with version 3: rfc5798 (pseudo-header) or rfc9568 (none)
    check_addresses: bool = False  # strict: an advert that lists other addresses is discarded (version 3)
    source_ip: IPv4Address | IPv6Address | None = None  # mcast_src_ip or unicast_src_ip
    group: IPv4Address | IPv6Address = VRRP_GROUP4
    unicast_peers: tuple[Peer, ...] = ()
    unicast_ttl: int = 255
    check_unicast_src: bool = False  # adverts come from unicast_peers only
    is_unicast: bool = False  # also with an empty list of peers, which is FAULT (unicast_fault_no_peer)
    virtual_addresses: tuple[VirtualAddress, ...] = ()  # in adverts, in the order of the file
    excluded_addresses: tuple[VirtualAddress, ...] = ()  # carried, but not in adverts
    routes: tuple[VirtualRoute, ...] = ()
    rules: tuple[VirtualRule, ...] = ()
    promote_secondaries: bool = False
    auth_pass: bytes = b""  # version 2, type 1 (RFC 2338 5.3.6); at most 8 bytes, none when empty
    higher_prio_send_advert: bool = False
    owner_ignore_adverts: bool = False
    skip_check_adv_addr: bool = False  # an unchanged master's address list is not looked at again
    strict: bool = False
    track_src_ip: bool = False
    dont_track_primary: bool = False
    notify: Notify = field(default_factory=Notify)
    garp: Garp = field(default_factory=Garp)
    tracks: tuple[Track, ...] = ()  # sorted by kind

    @property
    def is_owner(self) -> bool:
        return self.priority == 255

    @property
    def is_shielded(self) -> bool:
        """Whether packets to its addresses are dropped (RFC 9568 6.4.3, Accept_Mode false)."""
        return not self.accept and not self.is_owner

    def tracked(self, kind: TrackKind) -> Iterator[Track]:
        """What it tracks of one kind."""
        return (track for track in self.tracks if track.kind is kind)

    @property
    def all_addresses(self) -> tuple[VirtualAddress, ...]:
        return self.virtual_addresses + self.excluded_addresses


class SyncGroup(Struct, frozen=True, kw_only=True):
    """A vrrp_sync_group: names of instances that change their states together."""

    name: str
    members: tuple[str, ...]
    notify: Notify = field(default_factory=Notify)


class Config(Struct, frozen=True, kw_only=True):
    """A whole configuration, checked: names are unique, references resolve."""

    router_id: str
    instances: dict[str, Instance] = {}
    scripts: dict[str, Script] = {}
    files: dict[str, ValueFile] = {}
    probes: dict[str, Probe] = {}
    processes: dict[str, ProcessCount] = {}
    bfd: dict[str, BfdSession] = {}
    damping: dict[tuple[TrackKind, str], float] = {}  # seconds, of what has it (track/damping.py)
    sync_groups: dict[str, SyncGroup] = {}  # no instance is in two
    process: Process = field(default_factory=Process)
    pacing: tuple[Pacing, ...] = ()
    interface_delays: dict[str, InterfaceDelay] = {}
    dynamic_interfaces: bool = False
    notify_fifo: Fifo | None = None
    vrrp_notify_fifo: Fifo | None = None
    fifo_states_on_reload: bool = False
    script_security: bool = False
    firewall: Firewall = field(default_factory=Firewall)
    dumps: Dumps = field(default_factory=Dumps)


class Severity(enum.StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Finding(Struct, frozen=True, kw_only=True):
    """Something wrong in a configuration file. Line and column count from 1; 0 is the file as a whole."""

    file: str
    line: int
    column: int
    severity: Severity
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"


class Transition(Struct, frozen=True, kw_only=True):
    """A state change as the engine reports it; what the peer's fields mean depends on `reason`."""

    handle: int
    old: State
    new: State
    reason: Reason
    at_ns: int  # CLOCK_MONOTONIC
    master_address: IPv4Address | IPv6Address | None  # last master heard, or who outranked us
    master_priority: int
    silence_ns: int  # since the last accepted advert; -1 when none was heard
    down_interval_ns: int  # the down timer that ran out: down_timer_adverts × interval + skew
    skew_ns: int
    deadline_ns: int = -1  # the down deadline that made it MASTER; -1: none did
    sent_ns: int = -1  # when the adverts that belong to it had been given to the kernel; -1: not known


class Snapshot(Struct, frozen=True, kw_only=True):
    """What the engine knows of one virtual router now."""

    state: State
    priority: int  # effective
    master_interval_cs: int
    master_address: IPv4Address | IPv6Address | None
    master_priority: int
    statistics: dict[str, int]


class ConfigError(Exception):
    """The configuration cannot be used; `findings` has at least one error."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(f) for f in findings))
        self.findings = findings


JSON = dict[str, Any]


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
