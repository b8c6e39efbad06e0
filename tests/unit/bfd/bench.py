"""Sessions without sockets: a clock, and two of them that hear each other."""

from typing import Any

from reference.bfd import Packet
from vrrpd_fast.bfd.packet import REFUSALS
from vrrpd_fast.bfd.session import Sessions

OURS, NEIGHBOUR, OTHER = (bytes((192, 0, 2, last)) for last in (1, 2, 3))
DISCRIMINATOR = 0x5EED
MS = 1_000_000


def settings(**more: Any) -> dict[str, Any]:
    return {
        "min_tx_us": 10_000,
        "min_rx_us": 10_000,
        "idle_tx_us": 1_000_000,
        "multiplier": 3,
        "is_passive": False,
        "least_ttl": 255,
    } | more


class Bench:
    """One session of ours towards NEIGHBOUR, and what it sent as (ns, packet)."""

    def __init__(self, start: bool = True, **more: Any) -> None:
        self.now_ns = 1_000 * MS
        self.sessions = Sessions(7)
        self.sent: list[tuple[int, bytes]] = []
        arguments = {"source": OURS} | settings(**more)
        self.handle = self.sessions.add(
            self.now_ns, neighbour=NEIGHBOUR, discriminator=DISCRIMINATOR, **arguments
        )
        if start:
            self.take()

    @property
    def told(self) -> dict[str, Any]:
        return self.sessions.describe(self.handle)

    @property
    def state(self) -> int:
        return self.sessions.state(self.handle)

    def take(self) -> list[bytes]:
        packets = [packet for _, packet in self.sessions.take()]
        self.sent += [(self.now_ns, packet) for packet in packets]
        return packets

    def hear(self, packet: Packet, source: bytes = NEIGHBOUR, destination: bytes = OURS, **more: Any) -> str:
        """A packet of the neighbour; the verdict in words."""
        verdict = self.sessions.hear(self.now_ns, source, destination, packet.encode(), **more)
        return REFUSALS[verdict]

    def wait(self, ns: int) -> list[bytes]:
        """Let time pass; what was sent in it."""
        end_ns = self.now_ns + ns
        before = len(self.sent)
        while 0 <= (next_ns := self.sessions.next_ns()) <= end_ns:
            self.now_ns = max(self.now_ns, next_ns)
            self.sent += [(self.now_ns, packet) for _, packet in self.sessions.advance(self.now_ns)]
        self.now_ns = end_ns
        return [packet for _, packet in self.sent[before:]]

    def come_up(self, **fields: Any) -> None:
        """As with a neighbour of the same intervals that has answered our poll."""
        more = {"min_tx_us": 10_000, "min_rx_us": 10_000, "your_discriminator": DISCRIMINATOR} | fields
        for state, flags in ((1, 0), (2, 0), (3, 0), (3, 0x10)):
            self.hear(Packet(**({"state": state, "flags": flags} | more)))
            self.take()
