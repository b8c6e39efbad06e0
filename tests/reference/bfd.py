"""A BFD session as RFC 5880 section 6 tells it, slow and obvious: what session.pyx is held to.

Written from the RFC's text, variable by variable; it knows nothing of wheels or queues. The
moment of a periodic packet is the implementation's choice within bounds: the reference is told when one was
sent and says what it had to be (`sends`), and when it may be sent (`earliest_ns`, `latest_ns`).
"""

import struct
from dataclasses import dataclass

ADMIN_DOWN, DOWN, INIT, UP = range(4)
POLL, FINAL, AUTHENTICATION, DEMAND, MULTIPOINT = 0x20, 0x10, 0x04, 0x02, 0x01


@dataclass(frozen=True)
class Settings:
    min_tx_us: int = 10_000
    min_rx_us: int = 10_000
    idle_tx_us: int = 1_000_000
    multiplier: int = 3
    is_passive: bool = False


@dataclass(frozen=True)
class Packet:
    """4.1, without authentication section."""

    state: int = DOWN
    my_discriminator: int = 99
    your_discriminator: int = 0
    diagnostic: int = 0
    flags: int = 0
    multiplier: int = 3
    min_tx_us: int = 1_000_000
    min_rx_us: int = 10_000
    version: int = 1
    length: int = 24

    def encode(self) -> bytes:
        return struct.pack(
            ">BBBBIIIII",
            self.version << 5 | self.diagnostic,
            self.state << 6 | self.flags,
            self.multiplier,
            self.length,
            self.my_discriminator,
            self.your_discriminator,
            self.min_tx_us,
            self.min_rx_us,
            0,
        )


def refusal(data: bytes) -> str | None:
    """6.8.6: what is wrong with a packet, as far as no session is needed to see it."""
    if len(data) < 24:
        return "short"
    if data[0] >> 5 != 1:
        return "version"
    if data[3] < (26 if data[1] & AUTHENTICATION else 24) or data[3] > len(data):
        return "length"
    if data[2] == 0:
        return "multiplier"
    if data[1] & MULTIPOINT:
        return "multipoint"
    if data[4:8] == bytes(4):
        return "discriminator"
    if data[8:12] == bytes(4) and data[1] >> 6 not in (DOWN, ADMIN_DOWN):
        return "state"
    return None


class Session:
    """One session. `told` are the (state, diagnostic) it went through, oldest first."""

    def __init__(self, discriminator: int, settings: Settings) -> None:
        self.settings = settings
        # 6.8.1
        self.state = self.remote_state = DOWN
        self.local_discriminator = discriminator
        self.remote_discriminator = 0
        self.diagnostic = 0
        self.desired_tx_us = settings.idle_tx_us
        self.required_rx_us = settings.min_rx_us
        self.remote_min_rx_us = 1
        self.remote_demand = False
        self.remote_multiplier = 0
        self.remote_min_tx_us = 0
        # 6.8.3: what holds until a Poll Sequence has ended
        self.tx_us = self.desired_tx_us
        self.rx_us = self.required_rx_us
        self.poll_wanted = False  # there is something to be told that no packet with P has told
        self.poll_sent = False
        self.last_sent_ns: int | None = None
        self.expires_ns: int | None = None
        self.heard_ns = 0
        self.due_change = self.due_final = False
        self.told: list[tuple[int, int]] = []

    # 6.8.2, 6.8.4
    @property
    def interval_us(self) -> int:
        return max(self.tx_us, self.remote_min_rx_us)

    @property
    def detection_us(self) -> int:
        return self.remote_multiplier * max(self.rx_us, self.remote_min_tx_us)

    @property
    def polls(self) -> bool:
        return self.poll_wanted or self.poll_sent

    @property
    def may_send(self) -> bool:
        """6.8.7: may any packet be sent?"""
        return not (self.settings.is_passive and self.remote_discriminator == 0)

    @property
    def is_periodic(self) -> bool:
        """6.8.7: are periodic packets to be sent?"""
        is_demanded = self.remote_demand and self.state == UP and self.remote_state == UP and not self.polls
        return self.may_send and self.remote_min_rx_us != 0 and not is_demanded

    def earliest_ns(self) -> int:
        """6.8.7: no periodic packet before."""
        assert self.last_sent_ns is not None
        return self.last_sent_ns + self.interval_us * 750

    def latest_ns(self) -> int:
        assert self.last_sent_ns is not None
        return self.last_sent_ns + self.interval_us * (1000 if self.settings.multiplier > 1 else 900)

    # -- events ---------------------------------------------------------------

    def hear(self, now_ns: int, packet: Packet) -> None:
        """6.8.6 from the session's selection on; `packet` is flawless."""
        self.remote_discriminator = packet.my_discriminator
        self.remote_state = packet.state
        self.remote_demand = bool(packet.flags & DEMAND)
        self.remote_min_rx_us = packet.min_rx_us
        self.remote_min_tx_us = packet.min_tx_us
        self.remote_multiplier = packet.multiplier
        if packet.flags & FINAL and self.poll_sent:
            self.poll_sent = False
            if not self.poll_wanted:
                self.tx_us, self.rx_us = self.desired_tx_us, self.required_rx_us
        self.heard_ns = now_ns
        self.expires_ns = now_ns + self.detection_us * 1000
        if self.state == ADMIN_DOWN:
            return
        if packet.state == ADMIN_DOWN:
            if self.state != DOWN:
                self.change(now_ns, DOWN, 3)
        elif self.state == DOWN:
            if packet.state == DOWN:
                self.change(now_ns, INIT, self.diagnostic)
            elif packet.state == INIT:
                self.change(now_ns, UP, 0)
        elif self.state == INIT:
            if packet.state in (INIT, UP):
                self.change(now_ns, UP, 0)
        elif packet.state == DOWN:
            self.change(now_ns, DOWN, 3)
        if packet.flags & POLL:
            self.due_final = True

    def expire(self, now_ns: int) -> None:
        """6.8.4, and bfd.RemoteDiscr of 6.8.1; what else was learnt of the neighbour is void as well."""
        self.expires_ns = None
        self.remote_discriminator = self.remote_min_tx_us = self.remote_multiplier = 0
        self.remote_state, self.remote_min_rx_us, self.remote_demand = DOWN, 1, False
        self.end_poll()
        if self.state in (INIT, UP):
            self.change(now_ns, DOWN, 1)

    def change(self, now_ns: int, state: int, diagnostic: int) -> None:
        self.state, self.diagnostic = state, diagnostic
        self.told.append((state, diagnostic))
        self.due_change = True
        self.last_sent_ns = now_ns
        self.want_tx(self.settings.min_tx_us if state == UP else self.settings.idle_tx_us)

    def configure(self, now_ns: int, settings: Settings) -> None:
        self.settings = settings
        self.want_tx(settings.min_tx_us if self.state == UP else settings.idle_tx_us)
        if settings.min_rx_us != self.required_rx_us:
            self.required_rx_us = settings.min_rx_us
            # 6.8.3: not reduced before the poll has ended
            if self.state != UP or settings.min_rx_us > self.rx_us:
                self.rx_us = settings.min_rx_us
            self.want_poll()
            if self.expires_ns is not None:
                self.expires_ns = self.heard_ns + self.detection_us * 1000

    def want_tx(self, interval_us: int) -> None:
        """6.8.3: not increased before the poll has ended."""
        if interval_us == self.desired_tx_us:
            return
        self.desired_tx_us = interval_us
        if self.state != UP or interval_us < self.tx_us:
            self.tx_us = interval_us
        self.want_poll()

    def want_poll(self) -> None:
        if self.remote_discriminator == 0:
            self.end_poll()
        else:
            self.poll_wanted = True

    def end_poll(self) -> None:
        self.poll_wanted = self.poll_sent = False
        self.tx_us, self.rx_us = self.desired_tx_us, self.required_rx_us

    def shut(self, now_ns: int) -> None:
        if self.state != ADMIN_DOWN:
            self.change(now_ns, ADMIN_DOWN, 7)

    def sends(self, is_final: bool) -> Packet:
        """The packet that is right now, an answer to a poll or not."""
        flags = FINAL if is_final else POLL if self.polls else 0
        if flags & POLL and not self.poll_sent:  # one after the other: an answer to the first is none to both
            self.poll_wanted, self.poll_sent = False, True
        return Packet(
            state=self.state,
            my_discriminator=self.local_discriminator,
            your_discriminator=self.remote_discriminator,
            diagnostic=self.diagnostic,
            flags=flags,
            multiplier=self.settings.multiplier,
            min_tx_us=self.desired_tx_us,
            min_rx_us=self.required_rx_us,
        )
