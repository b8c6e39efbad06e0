"""ICMP and ICMPv6 echo (RFC 792, RFC 4443 4) without a socket: requests, and which one a reply answers."""

import struct

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_SEQUENCES = 0x10000
_PAYLOAD_MOST = 65507 - _HEADER.size


class Full(Exception):
    """As many requests are under way as there are sequence numbers."""


class Echo:
    """Requests under way of one socket, by sequence number.

    A reply answers a request when identifier, sequence number, the address it comes from and every byte of
    the payload are those of the request; the payload is for the caller to make unguessable.
    """

    def __init__(self, version: int, identifier: int) -> None:
        self.version = version
        self.identifier = identifier
        self._next = 0
        self._waiting: dict[int, tuple[bytes, bytes]] = {}

    def request(self, address: bytes, payload: bytes) -> tuple[int, bytes]:
        """Sequence number and packet of a new request to `address` (packed).

        The checksum of ICMPv6 is the kernel's business (RFC 3542 3.1). Full when there are too many.
        """
        if len(self._waiting) >= _SEQUENCES:
            raise Full
        if len(payload) > _PAYLOAD_MOST:
            raise ValueError(f"{len(payload)} bytes do not fit into a packet")
        while self._next in self._waiting:
            self._next = (self._next + 1) % _SEQUENCES
        sequence = self._next
        self._next = (sequence + 1) % _SEQUENCES
        self._waiting[sequence] = (address, payload)
        packet = _HEADER.pack(_REQUEST[self.version], 0, 0, self.identifier, sequence) + payload
        if self.version == 4:
            packet = packet[:2] + _checksum(packet) + packet[4:]
        return sequence, packet

    def answered(self, data: bytes | memoryview, sender: bytes) -> int | None:
        """The sequence number of the request that this is the reply to; it is under way no longer.

        `data` is what a raw socket reads: for version 4 with the IP header, whose checksum the kernel has
        checked. None: it is no reply of ours, or a forged or damaged one.
        """
        start = 0
        if self.version == 4:
            if not data or data[0] >> 4 != 4:
                return None
            start = (data[0] & 15) * 4
            if start < 20:
                return None
        if len(data) - start < _HEADER.size:
            return None
        sequence: int
        kind, code, _, identifier, sequence = _HEADER.unpack_from(data, start)
        if kind != _REPLY[self.version] or code or identifier != self.identifier:
            return None
        waiting = self._waiting.get(sequence)
        if waiting is None or waiting != (sender, bytes(data[start + _HEADER.size :])):
            return None
        if self.version == 4 and _checksum(bytes(data[start:])) != b"\0\0":
            return None
        del self._waiting[sequence]
        return sequence

    def forget(self, sequence: int) -> None:
        """Nobody waits for this one any more."""
        self._waiting.pop(sequence, None)


def _checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071): a sum modulo 65535, where 0 stands for itself in both forms."""
    if len(data) % 2:
        data += b"\0"
    total = int.from_bytes(data, "big") % 0xFFFF
    return (~total & 0xFFFF).to_bytes(2, "big") if total else (b"\xff\xff" if not any(data) else b"\0\0")
