"""The daemon itself, and what it runs and writes for others."""

from msgspec import Struct


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
