"""Adverts on their way to a state machine: bytes made and judged by the codec's oracle."""

from dataclasses import dataclass
from typing import Any

from reference import codec
from vrrpd_fast.engine.machine import Machine

TTL = 255


@dataclass(frozen=True)
class Arrival:
    """One packet as the kernel hands it over: an IPv4 datagram, or an IPv6 message with its addresses."""

    family: int
    data: bytes
    source: bytes
    destination: bytes
    hop_limit: int = TTL

    def deliver(self, machine: Machine, now_ns: int, ifindex: int) -> int:
        if self.family == 4:
            return machine.receive_ipv4(now_ns, ifindex, self.data)
        return machine.receive_ipv6(now_ns, ifindex, self.data, self.source, self.destination, self.hop_limit)

    @property
    def vrid(self) -> int | None:
        """The VRID before any check; None when the packet has no VRRP message to look into."""
        message = self.data
        if self.family == 4:
            if len(message) < 20:
                return None
            header = message[0] % 16 * 4
            is_fragment = message[6] % 64 or message[7]
            if message[0] // 16 != 4 or header < 20 or is_fragment:
                return None
            message = message[header:]
        return message[1] if len(message) >= 2 else None

    def judge(self, version: int, any_ttl: bool = False) -> codec.Advert | str:
        """What R1 to R6 say of it, for a router of that version (0: of either)."""
        if self.family == 4:
            reason, advert = codec.judge_ipv4(self.data, version, any_ttl)
        else:
            reason, advert = codec.judge_ipv6(
                self.data, self.source, self.destination, self.hop_limit, version, any_ttl
            )
        return reason if advert is None else advert

    def mutated(self, position: int, value: int) -> "Arrival":
        """With one byte XORed; `position` counts from anywhere."""
        data = bytearray(self.data)
        data[position % len(data)] ^= value
        return Arrival(self.family, bytes(data), self.source, self.destination, self.hop_limit)

    def cut(self, length: int) -> "Arrival":
        return Arrival(self.family, self.data[:length], self.source, self.destination, self.hop_limit)


def arrival(
    *,
    family: int,
    source: bytes,
    destination: bytes | None = None,
    ttl: int = TTL,
    **fields: Any,
) -> Arrival:
    """A packet; `fields` are those of codec.message, which refuses nothing."""
    if destination is None:
        destination = codec.GROUPS[family]
    data = codec.message(source=source, destination=destination, **fields)
    if family == 4:
        data = codec.ipv4(data, source=source, destination=destination, ttl=ttl)
    return Arrival(family, data, source, destination, ttl)
