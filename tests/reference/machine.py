"""The state machine of ONE virtual router, slow and obvious: the oracle of vrrpd_fast.engine.machine.

Written from the text of RFC 9568 sections 6 and 7.1 (version 3), RFC 3768 (version 2) and the decisions of
docs/CONFORMANCE.md, not from the compiled code. All times are integer nanoseconds. A packet comes in as
what the codec's oracle says of it: an `Advert` that passed R1 to R6, or the name of the check that it failed.
"""

from collections import Counter
from dataclasses import dataclass, field

from reference.codec import GROUPS, Advert
from reference.phase import PhaseWindow

NS_PER_S = 1_000_000_000
NS_PER_CS = 10_000_000
OWNER = 255
PHASES = 8

INIT, BACKUP, MASTER, FAULT = "INIT", "BACKUP", "MASTER", "FAULT"

# Each check of RFC 9568 7.1 moves one counter (names of RFC 8347 where it has one).
COUNTER_OF = {
    "ttl": "ip_ttl_errors",
    "short": "packet_length_errors",
    "version": "version_errors",
    "type": "invalid_type_pkts_rcvd",
    "length": "packet_length_errors",
    "checksum": "checksum_errors",
    "vrid": "vrid_errors",
    "own": "peer_errors",
    "peer": "peer_errors",
    "auth": "authentication_errors",
    "interval": "interval_errors",
    "count": "address_list_errors",
    "addresses": "address_list_errors",
}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The configuration of one virtual router; names as in Machine.add."""

    family: int
    vrid: int
    version: int
    priority: int
    advert_int_cs: int
    addresses: tuple[bytes, ...]
    preempt: bool = True
    preempt_delay_ns: int = 0
    down_timer_adverts: int = 3
    answer_losing: bool = True
    check_addresses: bool = False
    skip_check_adv_addr: bool = False
    strict: bool = False
    higher_prio_send_advert: bool = False
    owner_ignore_adverts: bool = False
    auth_pass: bytes = b""
    is_unicast: bool = False
    peers: tuple[bytes, ...] = ()
    peer_ttls: tuple[tuple[int, int], ...] = ()
    check_unicast_src: bool = False
    group: bytes | None = None

    @property
    def unicast(self) -> bool:
        return self.is_unicast or bool(self.peers)

    @property
    def hears(self) -> bytes:
        """The group of a multicast virtual router."""
        return GROUPS[self.family] if self.group is None else self.group


@dataclass(frozen=True)
class Change:
    """One transition, with the timers it was made by. `silence_ns` is -1 when no master was heard."""

    old: str
    new: str
    reason: str
    at_ns: int
    silence_ns: int
    down_interval_ns: int
    skew_ns: int


def skew_ns(version: int, priority: int, interval_cs: int) -> int:
    """RFC 9568 6.1 (T2), RFC 3768 6.1 (T5)."""
    if version == 2:
        return (256 - priority) * NS_PER_S // 256
    return (256 - priority) * interval_cs * NS_PER_CS // 256


def is_link_local(address: bytes) -> bool:
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80


@dataclass
class Router:
    """One virtual router. `sent` holds every advert as (time, release); `changes` every transition."""

    parameters: Parameters
    source: bytes
    state: str = INIT
    priority: int = 0
    master_interval_cs: int = 0
    down_deadline_ns: int | None = None
    on_skew_timer: bool = False
    ignored_lower: bool = False
    preempt_from_ns: int | None = None
    master: tuple[bytes, int] | None = None  # address and priority of the master that is followed
    heard_ns: int | None = None  # the last advert that was followed since start
    phase: PhaseWindow | None = None  # of a MASTER: when its next timer-driven advert may come
    answered_ns: int | None = None  # the last advert out of turn
    challenged: bool = False
    gated: bool = False  # in a sync group
    ready: str = ""  # the reason for which it would be MASTER, were it not gated
    yields: bool = False  # the operator had it resign
    changes: list[Change] = field(default_factory=list)
    sent: list[tuple[int, bool]] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.priority = self.parameters.priority
        self.master_interval_cs = self.parameters.advert_int_cs

    # --- parameters and timers (6.1)

    @property
    def interval_ns(self) -> int:
        return self.parameters.advert_int_cs * NS_PER_CS

    @property
    def skew_ns(self) -> int:
        return skew_ns(self.parameters.version, self.priority, self.master_interval_cs)

    @property
    def down_interval_ns(self) -> int:
        return self.parameters.down_timer_adverts * self.master_interval_cs * NS_PER_CS + self.skew_ns

    @property
    def preempts(self) -> bool:
        """B10: the owner preempts whatever Preempt_Mode says."""
        return self.priority == OWNER or self.parameters.preempt

    # --- events of the operator

    def start(self, now_ns: int, reason: str) -> None:
        if self.state not in (INIT, FAULT):
            return
        self.master_interval_cs = self.parameters.advert_int_cs
        self.heard_ns = None
        self.master = None
        if self.priority == OWNER and not self.gated:
            self._to_master(now_ns, "OWNER")  # I1
            return
        self._to_backup(now_ns, reason)  # I2
        if self.priority == OWNER:
            self.ready = "OWNER"

    def stop(self, now_ns: int, state: str, reason: str) -> None:
        if self.state == state:
            return
        if self.state == MASTER:  # A4; B4: a BACKUP sends nothing
            self._send(now_ns, release=True)
        self._enter(now_ns, state, reason)
        self.down_deadline_ns = None
        self.phase = None
        self.ready = ""

    def set_priority(self, priority: int) -> None:
        """T6: the running down timer, whichever it is, moves by the difference of the skew times."""
        before = self.skew_ns
        self.priority = priority
        if self.down_deadline_ns is not None:
            self.down_deadline_ns += self.skew_ns - before

    def change(self, now_ns: int, parameters: Parameters) -> None:
        """Other settings while it runs: the down timer moves by what its length changes; a new interval of a
        MASTER begins now, with an advert."""
        skew_before_ns, down_before_ns = self.skew_ns, self.down_interval_ns
        interval_before_ns = self.interval_ns
        self.parameters = parameters
        self.priority = parameters.priority
        follows_another = self.state != MASTER and self.heard_ns is not None
        if parameters.version == 2 or not follows_another:
            self.master_interval_cs = parameters.advert_int_cs
        if self.down_deadline_ns is not None and self.on_skew_timer:
            self.down_deadline_ns += self.skew_ns - skew_before_ns
        elif self.down_deadline_ns is not None:
            self.down_deadline_ns += self.down_interval_ns - down_before_ns
        elif self.state == MASTER and self.interval_ns != interval_before_ns:
            self.phase = PhaseWindow(now_ns, self.interval_ns)
            self._send(now_ns)

    def gate(self, gated: bool) -> None:
        self.gated = gated
        self.ready = ""

    def promote(self, now_ns: int) -> None:
        if self.state == BACKUP and self.ready:
            self._to_master(now_ns, self.ready)

    def demote(self, now_ns: int, reason: str) -> None:
        if self.state == MASTER:
            self._send(now_ns, release=True)
            self._to_backup(now_ns, reason)

    # --- timers

    def fire_down_timer(self, now_ns: int) -> None:
        """B5."""
        if self.on_skew_timer:
            reason = "RESIGNED"
        elif self.ignored_lower:
            reason = "PREEMPT"
        else:
            reason = "NO_ADVERT"
        if not self.gated:
            self._to_master(now_ns, reason)
            return
        ignored_lower = self.ignored_lower
        self.ready = self.ready or reason
        self._restart_down_timer(now_ns)
        self.ignored_lower = ignored_lower

    def fire_advert_timer(self, now_ns: int) -> None:
        """A5; whether it may fire now is for `phase` to say."""
        self._send(now_ns)

    # --- an advert comes in

    def receive(self, now_ns: int, packet: Advert | str) -> str:
        """Judge and process one packet. Returns the name of the check that it failed, or the empty string."""
        refused = packet if isinstance(packet, str) else self._judge(packet)
        if refused:
            self.counters[COUNTER_OF[refused]] += 1
            return refused
        assert isinstance(packet, Advert)
        self._count(packet)
        if self.priority == OWNER and self.parameters.owner_ignore_adverts:
            return ""
        if self.state == BACKUP:
            self._receive_as_backup(now_ns, packet)
        elif self.state == MASTER:
            self._receive_as_master(now_ns, packet)
        return ""

    def _count(self, advert: Advert) -> None:
        """What is told of an advert that passed: R9 and R12 of version 3 count what they let pass."""
        self.counters["advertisement_rcvd"] += 1
        if advert.priority == 0:
            self.counters["priority_zero_pkts_rcvd"] += 1
        if self._looks_at_addresses(advert) and not self._addresses_agree(advert):
            self.counters["address_list_errors"] += 1
        if advert.interval_cs != self.parameters.advert_int_cs:
            self.counters["interval_errors"] += 1

    def _judge(self, advert: Advert) -> str:
        """The checks of 7.1 that need to know the virtual router, in their order."""
        own = self.parameters
        if advert.source == self.source:
            return "own"  # R14
        if own.unicast:
            if advert.multicast or (own.check_unicast_src and advert.source not in own.peers):
                return "peer"  # U5
            if advert.source in own.peers and own.peer_ttls:
                least, most = own.peer_ttls[own.peers.index(advert.source)]
                if advert.ttl < least or advert.ttl > most:
                    return "ttl"  # U4
        elif advert.destination != own.hears:
            return "peer"  # U6
        if own.version == 2 and advert.auth_type != (1 if own.auth_pass else 0):
            return "auth"  # R11
        if own.auth_pass and advert.auth_data != own.auth_pass.ljust(8, b"\0"):
            return "auth"  # RFC 2338 5.3.6
        if own.version == 2 and advert.interval_cs != own.advert_int_cs:
            return "interval"  # R10
        if own.version == 3 and advert.interval_cs == 0:
            return "interval"  # R9
        if not advert.addresses:
            return "count"  # R13
        if not self._looks_at_addresses(advert):
            return ""
        if sorted(advert.addresses) != sorted(own.addresses):
            # RFC 3768 7.1 drops the packet when the sender's priority is not 255; 0 is no exception there.
            # RFC 9568 7.1 only wants it logged, unless the operator asks for more.
            if own.version == 2 and advert.priority != OWNER:
                return "addresses"
            if own.check_addresses:
                return "addresses"
        if own.strict and own.family == 6 and not is_link_local(advert.addresses[0]):
            return "addresses"
        return ""

    def _looks_at_addresses(self, advert: Advert) -> bool:
        """keepalived's skip_check_adv_addr: not when a BACKUP hears again from the master that it follows."""
        if not self.parameters.skip_check_adv_addr or self.state != BACKUP or self.heard_ns is None:
            return True
        assert self.master is not None
        return advert.source != self.master[0]

    def _addresses_agree(self, advert: Advert) -> bool:
        """R12, R13 and erratum 8300; the order of the list means nothing but its first IPv6 entry."""
        if self.parameters.family == 6 and not is_link_local(advert.addresses[0]):
            return False
        return sorted(advert.addresses) == sorted(self.parameters.addresses)

    def _receive_as_backup(self, now_ns: int, advert: Advert) -> None:
        if advert.priority == 0:  # B6
            self.down_deadline_ns = now_ns + self.skew_ns
            self.on_skew_timer = True
        elif advert.priority >= self.priority or self.yields or not self.preempts:  # B7, B9
            self.preempt_from_ns = None
            self._follow(now_ns, advert)
        elif self._preempt_delayed(now_ns):
            self._follow(now_ns, advert)
        else:  # B8
            self.ignored_lower = True

    def _preempt_delayed(self, now_ns: int) -> bool:
        """keepalived's preempt_delay: it runs from the first lower-priority advert."""
        if self.priority == OWNER or not self.parameters.preempt_delay_ns:
            return False
        if self.preempt_from_ns is None:
            self.preempt_from_ns = now_ns + self.parameters.preempt_delay_ns
        return now_ns < self.preempt_from_ns

    def _receive_as_master(self, now_ns: int, advert: Advert) -> None:
        if advert.priority == 0:  # A6
            if self._may_answer(now_ns):
                self._send(now_ns)
        elif advert.priority > self.priority:  # A7
            self._yield_to(now_ns, advert, "HIGHER_PRIORITY")
        elif advert.priority == self.priority and advert.source > self.source:
            self._yield_to(now_ns, advert, "HIGHER_ADDRESS")
        elif self._may_answer(now_ns):
            if self.parameters.answer_losing:
                self._send(now_ns)  # A8
            self.challenged = True

    # --- actions

    def _follow(self, now_ns: int, advert: Advert) -> None:
        self.ready = ""
        self.heard_ns = now_ns
        self.master = (advert.source, advert.priority)
        self.master_interval_cs = advert.interval_cs  # T4; in version 2 it is ours anyway (R10)
        self._restart_down_timer(now_ns)

    def _restart_down_timer(self, now_ns: int) -> None:
        self.down_deadline_ns = now_ns + self.down_interval_ns
        self.on_skew_timer = False
        self.ignored_lower = False

    def _yield_to(self, now_ns: int, advert: Advert, reason: str) -> None:
        if self.parameters.higher_prio_send_advert:
            self._send(now_ns)
        self.heard_ns = now_ns
        self.master = (advert.source, advert.priority)
        self.master_interval_cs = advert.interval_cs
        self._to_backup(now_ns, reason)

    def _to_backup(self, now_ns: int, reason: str) -> None:
        self._enter(now_ns, BACKUP, reason)
        self.ready = ""
        self.preempt_from_ns = None
        self.phase = None
        self._restart_down_timer(now_ns)

    def _to_master(self, now_ns: int, reason: str) -> None:
        self._enter(now_ns, MASTER, reason)
        self.ready = ""
        self.counters["master_transitions"] += 1
        self.down_deadline_ns = None
        self.master_interval_cs = self.parameters.advert_int_cs
        self.phase = PhaseWindow(now_ns, self.interval_ns)
        self._send(now_ns)

    def _enter(self, now_ns: int, state: str, reason: str) -> None:
        silence_ns = -1 if self.heard_ns is None else now_ns - self.heard_ns
        self.changes.append(
            Change(self.state, state, reason, now_ns, silence_ns, self.down_interval_ns, self.skew_ns)
        )
        self.state = state

    def _may_answer(self, now_ns: int) -> bool:
        """A9: at most one answer per eighth of the interval; the advert timer is left alone."""
        if self.answered_ns is not None and now_ns < self.answered_ns + self.interval_ns // PHASES:
            return False
        self.answered_ns = now_ns
        return True

    def _send(self, now_ns: int, release: bool = False) -> None:
        self.sent.append((now_ns, release))
        self.counters["advertisement_sent"] += 1
        if release:
            self.counters["priority_zero_pkts_sent"] += 1
