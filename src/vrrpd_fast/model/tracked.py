"""What virtual routers track, but for probes, and their interest in it."""

import enum
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from vrrpd_fast.model.vocabulary import FAMILIES, Family


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
        return FAMILIES[self.neighbour.version]
