"""The VRRP state machine for thousands of virtual routers, sans I/O (RFC 9568 section 6, RFC 3768 for v2).

Time comes in as `now_ns` (CLOCK_MONOTONIC nanoseconds), packets as bytes; adverts, deadlines and transitions
come out. The same compiled code runs in the daemon and in tests.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from typing_extensions import disjoint_base

from vrrpd_fast.model import Complaint, Reason, Snapshot, State, Transition

COUNTERS: tuple[str, ...]

@disjoint_base
class Machine:
    events_lost: int
    """Transitions that Python never drained because more than a million waited."""

    def __init__(self) -> None: ...
    def add(
        self,
        *,
        ifindex: int,
        family: int,
        vrid: int,
        version: int,
        **settings: Any,
    ) -> int:
        """Add a virtual router in INIT; returns its handle. The settings are those of settings.Settings.

        Several may have one (ifindex, family, vrid): in different groups, or unicast, told apart by the
        address that adverts come to and by peers (the first that has the sender). ValueError when two have
        one group. `ifindex` 0 is for unicast without an interface: heard on any, after that one's own.
        """

    def change(
        self,
        handle: int,
        now_ns: int,
        **settings: Any,
    ) -> None:
        """Give a running virtual router other settings (as add does); its state stays, its timers follow."""

    def remove(self, handle: int) -> None:
        """Forget a virtual router; nothing is sent. Call stop() first to release mastership."""

    def move(self, handle: int, ifindex: int, source: bytes) -> None:
        """Tell on which interface the virtual router is and its primary address there (packed; tie-break)."""

    def start(self, handle: int, now_ns: int, reason: Reason = ...) -> None:
        """INIT or FAULT -> BACKUP, or MASTER for the owner (6.4.1). No effect in other states."""

    def stop(self, handle: int, now_ns: int, state: State, reason: Reason) -> None:
        """-> INIT or FAULT (`state`); a MASTER sends priority 0 (6.4.3)."""

    def set_priority(self, handle: int, priority: int, now_ns: int) -> None:
        """Change the effective priority, 1–254 (255 for the owner); re-times the running down timer."""

    def gate(self, handle: int, gated: bool) -> None:
        """Whether it is in a sync group: when its down timer runs out it is ready and not MASTER.

        The timer starts again; ready it stays until it hears a master that it follows.
        """

    def is_ready(self, handle: int) -> bool:
        """Whether it is MASTER, or would be were it not gated."""

    def take_ready(self) -> list[int]:
        """Those whose down timer has run out (again) since the last call, each once."""

    def promote(self, handle: int, now_ns: int) -> None:
        """Ready -> MASTER, for the reason for which it is ready. No effect otherwise."""

    def demote(self, handle: int, now_ns: int, reason: Reason) -> None:
        """MASTER -> BACKUP for another one's sake, with priority 0: who waits need not wait longer."""

    def yield_to_all(self, handle: int, yields: bool) -> None:
        """Whether it follows every master that it hears, as with preempt off, whatever its priority is.

        It does not leave MASTER for that (demote), and takes over when no master is heard.
        """

    def receive_ipv4(self, now_ns: int, ifindex: int, datagram: bytes) -> int:
        """Judge and process one IPv4 datagram (IP header included); returns a reject code, 0 = accepted."""

    def receive_ipv6(
        self, now_ns: int, ifindex: int, message: bytes, source: bytes, destination: bytes, hop_limit: int
    ) -> int:
        """The same for IPv6, whose header does not reach a raw socket."""

    def advance(self, now_ns: int) -> None:
        """Fire every timer that is due at `now_ns`."""

    def next_deadline_ns(self) -> int:
        """When advance() has to be called next; -1 when nothing is armed."""

    def take_due(self) -> list[tuple[int, bool]]:
        """The adverts to send now, in order: (handle, release); release is the priority-0 advert."""

    def drain(self, limit: int) -> list[Transition]:
        """Up to `limit` transitions that were not drained yet, oldest first."""

    def take_challenged(self) -> list[int]:
        """Masters that heard a losing advert since the last call, each once: to be announced anew.

        A master is listed at most 8 times an interval, however many it hears.
        """

    def report_unknown(self, wanted: bool) -> None:
        """Whether take_unknown() is to have something to give."""

    def take_unknown(self) -> tuple[int, int, IPv4Address | IPv6Address] | None:
        """A good advert for a VRID that nobody has here, at most one a second: (VRID, ifindex, from)."""

    def rival(self, handle: int) -> tuple[IPv4Address | IPv6Address, int] | None:
        """The last one of lower priority heard since the state changed, and its priority."""

    def take_complaints(self) -> list[tuple[int, Complaint, IPv4Address | IPv6Address | None]]:
        """What is wrong with adverts heard, each once until the state changes: (handle, what, from)."""

    def down_deadline_ns(self, handle: int) -> int:
        """When the down timer of a BACKUP runs out, as known now; -1 in other states."""

    def snapshot(self, handle: int) -> Snapshot:
        """State, master and counters of one virtual router."""

    def unattributed(self) -> dict[str, int]:
        """Counters of packets that belong to no virtual router of ours (wrong VRID, no VRID)."""
