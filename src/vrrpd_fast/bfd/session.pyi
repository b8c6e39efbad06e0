"""BFD sessions, sans I/O (RFC 5880 section 6); see session.pyx.

Time comes in as `now_ns` (CLOCK_MONOTONIC nanoseconds), packets as bytes; addresses are packed.
"""

from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class Sessions:
    def __init__(self, seed: int = 1) -> None:
        """`seed` is of the numbers that jitter takes; discriminators come from the caller."""

    def add(
        self,
        now_ns: int,
        *,
        neighbour: bytes,
        discriminator: int,
        source: bytes | None = None,
        is_bound: bool = False,
        scope: int = 0,
        is_multihop: bool = False,
        min_tx_us: int,
        min_rx_us: int,
        idle_tx_us: int,
        multiplier: int,
        is_passive: bool,
        least_ttl: int,
    ) -> int:
        """A session in state Down, which begins to send; returns its handle.

        Without `source` nothing is sent until set_source(). `is_bound`: packets that come to another address
        of ours are not for it. `scope` is the interface of a link-local neighbour. Packets with a TTL or hop
        limit below `least_ttl` are refused. ValueError when packets could not tell it from another session.
        """

    def change(
        self,
        handle: int,
        now_ns: int,
        *,
        min_tx_us: int,
        min_rx_us: int,
        idle_tx_us: int,
        multiplier: int,
        is_passive: bool,
        least_ttl: int,
    ) -> None:
        """Other settings, whatever the state: what must wait for a poll does (RFC 5880 6.8.3)."""

    def set_source(self, handle: int, now_ns: int, source: bytes | None) -> None:
        """The address that packets leave from; None: there is none, and nothing is sent."""

    def shut(self, handle: int, now_ns: int) -> None:
        """AdminDown, for good: a packet that says so is due (RFC 5880 6.8.16)."""

    def remove(self, handle: int) -> None:
        """Forget a session; nothing is sent."""

    def hear(
        self,
        now_ns: int,
        source: bytes,
        destination: bytes,
        data: bytes,
        *,
        ttl: int = 255,
        ifindex: int = 1,
        is_multihop: bool = False,
    ) -> int:
        """A packet as it was received; returns an index of packet.REFUSALS, 0 when it was taken."""

    def advance(self, now_ns: int) -> list[tuple[int, bytes]]:
        """What is due by time; returns take()."""

    def take(self) -> list[tuple[int, bytes]]:
        """The packets that are due, with the sessions that send them."""

    def next_ns(self) -> int:
        """When advance() may have something to do, -1: never."""

    def drain(self, limit: int) -> list[int]:
        """Sessions whose state has changed since they were last drained, at most `limit` of them."""

    def state(self, handle: int) -> int:
        """RFC 5880 4.1: 0 AdminDown, 1 Down, 2 Init, 3 Up."""

    def describe(self, handle: int) -> dict[str, Any]:
        """Everything that can be told of a session; times in CLOCK_MONOTONIC ns, intervals in µs."""

    def refusals(self) -> dict[str, int]:
        """How many packets were refused, by reason."""
