"""VRRP packets as bytes: pack, patch, parse and judge (RFC 9568 section 5, RFC 3768 section 5 for version 2).

Addresses are packed: 4 bytes for IPv4, 16 for IPv6. Intervals are centiseconds in both versions. A datagram
includes its IP header; a message is what follows the IPv6 header, which never reaches a raw socket.
"""

from collections.abc import Sequence
from typing import NamedTuple

__pyx_capi__: dict[str, object]  # for cimport

REJECTS: tuple[tuple[str, str], ...]
"""(reason, counter) in the order of the checks; a verdict is an index into it and 0 means accepted."""

class Advert(NamedTuple):
    """An advert that passed the checks R1 to R6 of RFC 9568 7.1; fields as on the wire."""

    family: int
    version: int
    type: int
    vrid: int
    priority: int
    interval_cs: int
    auth_type: int
    multicast: bool
    source: bytes
    destination: bytes
    addresses: tuple[bytes, ...]
    ttl: int
    auth_data: bytes

def pack_advert(
    *,
    family: int,
    version: int,
    vrid: int,
    priority: int,
    interval_cs: int,
    addresses: Sequence[bytes],
    source: bytes,
    destination: bytes,
    checksum: str = "rfc5798",
    ttl: int = 255,
    auth_pass: bytes = b"",
) -> bytes:
    """A whole datagram, IP header included. ValueError names the field that cannot be packed.

    Version 3 takes 1–4095 cs, version 2 whole seconds (100–25500 cs). `checksum` matters to version 3 over
    IPv4 only: "rfc5798" covers the pseudo-header, "rfc9568" the message alone. `auth_pass` (up to 8 bytes)
    is the password of version 2 (RFC 2338 5.3.6).
    """

def set_priority(datagram: bytearray, priority: int) -> None:
    """Change the priority of a packed datagram in place, with its checksum (RFC 1624)."""

def checksum(data: bytes) -> int:
    """The Internet checksum of `data` (RFC 1071) as the number that goes on the wire."""

def judge_ipv4(
    datagram: bytes, expected_version: int = 0, any_ttl: bool = False
) -> tuple[int, Advert | None]:
    """Verdict and, when it is 0, the advert. `expected_version` 0 takes 2 and 3, `any_ttl` leaves R1 out."""

def judge_ipv6(
    message: bytes,
    source: bytes,
    destination: bytes,
    hop_limit: int = 255,
    expected_version: int = 0,
    any_ttl: bool = False,
) -> tuple[int, Advert | None]:
    """The same for a message that came over IPv6; version 2 is always refused there."""

def vrid_ipv4(datagram: bytes) -> int:
    """The VRID of a datagram before any check; -1 when it is too short to have one."""

def vrid_ipv6(message: bytes) -> int:
    """The VRID of a message before any check; -1 when it is too short to have one."""

def self_test() -> None:
    """Pack, patch and judge known packets; RuntimeError when this build gets one wrong."""
