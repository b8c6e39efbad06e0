"""VRRP packets, slow and obvious: the oracle of vrrpd_fast.engine.wire and the maker of malformed packets.

Written from the text of RFC 9568 section 5 and 7.1, RFC 3768 (version 2), RFC 791 and RFC 8200, with numbers
where the compiled code has tricks. The makers refuse nothing: whatever field a test wants to be wrong, is.
"""

import struct
from typing import Any, NamedTuple

GROUPS = {4: bytes([224, 0, 0, 18]), 6: bytes.fromhex("ff02") + bytes(13) + b"\x12"}


class Advert(NamedTuple):
    """Fields as on the wire; the same, in the same order, as those of wire.Advert."""

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
    auth_data: bytes  # version 2: the 8 bytes behind the addresses


def words_sum(data: bytes) -> int:
    """The sum of the 16-bit words, as an ordinary number."""
    if len(data) % 2:
        data += b"\0"
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def checksum(data: bytes) -> int:
    """RFC 1071: carries are added back in, then the complement is taken."""
    total = words_sum(data)
    while total > 65535:
        total = total // 65536 + total % 65536
    return 65535 - total


def pseudo_header(source: bytes, destination: bytes, length: int) -> bytes:
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, 112, length)
    return source + destination + struct.pack("!IBBBB", length, 0, 0, 0, 112)


def message(
    *,
    source: bytes,
    destination: bytes,
    addresses: tuple[bytes, ...] | list[bytes],
    version: int = 3,
    type: int = 1,
    vrid: int = 51,
    priority: int = 100,
    count: int | None = None,
    interval_cs: int = 100,
    reserve: int = 0,
    auth_type: int = 0,
    auth_data: bytes | None = None,
    trailer: bytes = b"",
    form: str = "rfc5798",
    checksum_error: int = 0,
) -> bytes:
    """A VRRP message. `count` None is the true one; `checksum_error` is added to the right checksum."""
    if version == 2:
        fifth_and_sixth = struct.pack("!BB", auth_type, interval_cs // 100)
    else:
        fifth_and_sixth = struct.pack("!H", reserve * 4096 + interval_cs)
    if auth_data is None:
        auth_data = bytes(8) if version == 2 else b""
    start = struct.pack(
        "!BBBB", version * 16 + type, vrid, priority, len(addresses) if count is None else count
    )
    rest = b"".join(addresses) + auth_data + trailer
    covered = start + fifth_and_sixth + b"\0\0" + rest
    if len(source) == 16 or (version == 3 and form == "rfc5798"):
        covered = pseudo_header(source, destination, len(covered)) + covered
    value = (checksum(covered) + checksum_error) % 65536
    return start + fifth_and_sixth + struct.pack("!H", value) + rest


def ipv4(
    payload: bytes,
    *,
    source: bytes,
    destination: bytes,
    ttl: int = 255,
    options: bytes = b"",
    header_words: int | None = None,
    total_length: int | None = None,
    fragment: int = 0x4000,
    ip_version: int = 4,
) -> bytes:
    """An IPv4 datagram (RFC 791 3.1). None stands for the true value; `fragment` is flags and offset."""
    true_words = (20 + len(options)) // 4
    header = struct.pack(
        "!BBHHHBBH4s4s",
        ip_version * 16 + (true_words if header_words is None else header_words),
        0xC0,
        20 + len(options) + len(payload) if total_length is None else total_length,
        0,
        fragment,
        ttl,
        112,
        0,
        source,
        destination,
    )
    header += options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(payload: bytes, *, source: bytes, destination: bytes, ttl: int = 255) -> bytes:
    """An IPv6 datagram without extension headers (RFC 8200 3)."""
    return struct.pack("!IHBB", 0x6C000000, len(payload), 112, ttl) + source + destination + payload


def datagram(
    *,
    family: int,
    source: bytes,
    destination: bytes,
    ttl: int = 255,
    **fields: Any,
) -> bytes:
    """A whole datagram; `fields` are those of message()."""
    payload = message(source=source, destination=destination, **fields)
    wrap = ipv4 if family == 4 else ipv6
    return wrap(payload, source=source, destination=destination, ttl=ttl)


def judge_ipv4(data: bytes, expected_version: int = 0, any_ttl: bool = False) -> tuple[str, Advert | None]:
    """The reason why an IPv4 datagram is refused, or ("accepted", advert)."""
    if len(data) < 20:
        return "short", None
    first, _, total_length, _, fragment, ttl, _, _, source, destination = struct.unpack(
        "!BBHHHBBH4s4s", data[:20]
    )
    if ttl != 255 and not any_ttl:
        return "ttl", None
    header_length = first % 16 * 4
    more_fragments = fragment & 0x2000 != 0
    offset = fragment % 0x2000
    if first // 16 != 4 or header_length < 20 or header_length > len(data) or more_fragments or offset > 0:
        return "short", None
    payload = data[header_length:total_length]
    return judge_message(payload, total_length - header_length, source, destination, expected_version, ttl)


def judge_ipv6(
    data: bytes,
    source: bytes,
    destination: bytes,
    hop_limit: int = 255,
    expected_version: int = 0,
    any_ttl: bool = False,
) -> tuple[str, Advert | None]:
    """The same for a message that came over IPv6; a hop limit of -1 was not told."""
    if hop_limit != 255 and (not any_ttl or hop_limit == -1):
        return "ttl", None
    return judge_message(data, len(data), source, destination, expected_version, hop_limit)


def judge_message(
    data: bytes, promised_length: int, source: bytes, destination: bytes, expected_version: int, ttl: int
) -> tuple[str, Advert | None]:
    family = 4 if len(source) == 4 else 6
    size = len(source)
    if len(data) < 8:
        return "short", None
    version, kind = divmod(data[0], 16)
    vrid, priority, count = data[1], data[2], data[3]
    allowed = {(2, 4), (3, 4), (3, 6)}
    if (version, family) not in allowed or expected_version not in (0, version):
        return "version", None
    if kind != 1:
        return "type", None
    needed = 8 + count * size + (8 if version == 2 else 0)
    if len(data) != needed or promised_length != needed:
        return "length", None
    found = struct.unpack("!H", data[6:8])[0]
    without = data[:6] + b"\0\0" + data[8:]
    plain = checksum(without)
    pseudo = checksum(pseudo_header(source, destination, len(data)) + without)
    right = {(2, 4): {plain}, (3, 4): {plain, pseudo}, (3, 6): {pseudo}}[version, family]
    if 0 in right:
        right.add(65535)  # the other zero of ones' complement
    if found not in right:
        return "checksum", None
    if vrid == 0:
        return "vrid", None
    addresses = tuple(data[8 + i * size : 8 + (i + 1) * size] for i in range(count))
    if version == 2:
        auth_type, interval_cs = data[4], data[5] * 100
    else:
        auth_type, interval_cs = 0, (data[4] % 16) * 256 + data[5]
    multicast = destination[0] // 16 == 14 if family == 4 else destination[0] == 255
    return "accepted", Advert(
        family,
        version,
        kind,
        vrid,
        priority,
        interval_cs,
        auth_type,
        multicast,
        source,
        destination,
        addresses,
        ttl,
        data[-8:] if version == 2 else b"",
    )
