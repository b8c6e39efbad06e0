"""The shared vocabulary: what every part of vrrpd-fast means by an instance, a transition, a script.

These are *resolved* values: a reader (config/) has already applied defaults and global_defs, so that nobody
downstream asks "and if it is unset?". Imports nothing of ours. Durations are seconds as the operator wrote
them where they are policy, and carry their unit in the name where they touch the protocol (`_cs`, `_ns`).
"""

import enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from msgspec import Struct, field

NS_PER_CS = 10_000_000
NS_PER_S = 1_000_000_000

# IFA_PROTO value by which addresses of ours are known in the kernel (linux/if_addr.h; VRRP is protocol 112).
OWNER_TAG = 112

VRRP_GROUP4 = IPv4Address("224.0.0.18")
VRRP_GROUP6 = IPv6Address("ff02::12")


class Family(enum.IntEnum):
    """Address family of a virtual router; the value is the IP version."""

    IPV4 = 4
    IPV6 = 6


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


class Complaint(enum.IntEnum):
    """What is said once about the adverts of a virtual router, until its state changes.

    The values are those of `enum reject` in engine/wire.pxd and `enum complaint` in engine/machine.pxd.
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


class VirtualAddress(Struct, frozen=True, kw_only=True, order=False):
    """One line of virtual_ipaddress; `dev` is always filled in, `scope` is the rtnetlink number."""

    address: IPv4Address | IPv6Address
    prefixlen: int
    dev: str
    scope: int = 0
    label: str | None = None
    broadcast: IPv4Address | None = None

    @property
    def family(self) -> Family:
        return Family(self.address.version)

    def __str__(self) -> str:
        return f"{self.address}/{self.prefixlen}"


class Garp(Struct, frozen=True, kw_only=True):
    """Gratuitous ARP / unsolicited NA policy of one instance; delays and intervals in seconds."""

    master_delay: float = 5.0
    master_repeat: int = 5
    master_refresh: float = 0.0
    master_refresh_repeat: int = 1
    lower_prio_delay: float = 5.0
    lower_prio_repeat: int = 5


class TrackScript(Struct, frozen=True, kw_only=True):
    """An instance's interest in a vrrp_script. Weight 0 means FAULT while the script fails."""

    name: str
    weight: int = 0
    reverse: bool = False


class TrackInterface(Struct, frozen=True, kw_only=True):
    """An instance's interest in a link. Weight 0 means FAULT while the link is down."""

    interface: str
    weight: int = 0
    reverse: bool = False


class Script(Struct, frozen=True, kw_only=True):
    """A vrrp_script. Interval and timeout in seconds; `user` None runs it as the daemon's own user."""

    name: str
    script: str
    interval: float = 1.0
    timeout: float = 1.0
    weight: int = 0
    reverse: bool = False
    rise: int = 1
    fall: int = 1
    init_fail: bool = False
    user: str | None = None
    group: str | None = None


class Instance(Struct, frozen=True, kw_only=True):
    """One virtual router, every default applied. `priority` 255 makes it the owner of its addresses."""

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
    unicast_peers: tuple[IPv4Address | IPv6Address, ...] = ()
    virtual_addresses: tuple[VirtualAddress, ...] = ()  # in adverts, in the order of the file
    excluded_addresses: tuple[VirtualAddress, ...] = ()  # carried, but not in adverts
    garp: Garp = field(default_factory=Garp)
    track_scripts: tuple[TrackScript, ...] = ()
    track_interfaces: tuple[TrackInterface, ...] = ()

    @property
    def is_owner(self) -> bool:
        return self.priority == 255

    @property
    def all_addresses(self) -> tuple[VirtualAddress, ...]:
        return self.virtual_addresses + self.excluded_addresses


class Config(Struct, frozen=True, kw_only=True):
    """A whole configuration, checked: names are unique, references resolve."""

    router_id: str
    instances: dict[str, Instance] = {}
    scripts: dict[str, Script] = {}


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
