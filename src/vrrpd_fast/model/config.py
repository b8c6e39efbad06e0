"""A whole configuration, and what may be wrong with a file."""

import enum
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct, field

from vrrpd_fast.model.carried import Firewall, Garp, Pacing, VirtualAddress, VirtualRoute, VirtualRule
from vrrpd_fast.model.probes import Probe
from vrrpd_fast.model.process import Dumps, Fifo, InterfaceDelay, Notify, Process
from vrrpd_fast.model.tracked import BfdSession, ProcessCount, Script, Track, TrackKind, ValueFile
from vrrpd_fast.model.vocabulary import VRRP_GROUP4, Family


class Peer(Struct, frozen=True, kw_only=True):
    """One line of unicast_peer: adverts from there must have a TTL in this range."""

    address: IPv4Address | IPv6Address
    min_ttl: int = 0
    max_ttl: int = 255

    @property
    def is_limited(self) -> bool:
        return self.min_ttl > 0 or self.max_ttl < 255


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


class ConfigError(Exception):
    """The configuration cannot be used; `findings` has at least one error."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(f) for f in findings))
        self.findings = findings
