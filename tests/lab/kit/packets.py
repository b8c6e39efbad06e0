"""Adverts as the lab reads and crafts them: struct and the RFCs, nothing of the daemon's own code."""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

ETH_IPV4, ETH_IPV6, ETH_ARP = 0x0800, 0x86DD, 0x0806
PROTOCOL_VRRP = 112
GROUP4, GROUP6 = IPv4Address("224.0.0.18"), IPv6Address("ff02::12")
GROUP4_MAC, GROUP6_MAC = "01:00:5e:00:00:12", "33:33:00:00:00:12"

IP = IPv4Address | IPv6Address


def ones_complement(data: bytes) -> int:
    """The Internet checksum of `data` (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(int(word) for (word,) in struct.iter_unpack("!H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def pseudo_header(source: IP, destination: IP, length: int) -> bytes:
    if source.version == 4:
        return source.packed + destination.packed + struct.pack("!BBH", 0, PROTOCOL_VRRP, length)
    return source.packed + destination.packed + struct.pack("!IHBB", length, 0, 0, PROTOCOL_VRRP)


def mac_text(data: bytes) -> str:
    return data.hex(":")


def mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


@dataclass(frozen=True)
class Advert:
    """One VRRP advert as seen on a switch port. Raw fields; nothing is judged here."""

    time_ns: int
    sender: str  # the node whose port it came in at
    lan: int
    source_mac: str
    destination_mac: str
    source: IP
    destination: IP
    ttl: int
    tos: int
    message: bytes

    @property
    def version(self) -> int:
        return self.message[0] >> 4

    @property
    def type(self) -> int:
        return self.message[0] & 15

    @property
    def vrid(self) -> int:
        return self.message[1]

    @property
    def priority(self) -> int:
        return self.message[2]

    @property
    def count(self) -> int:
        return self.message[3]

    @property
    def reserved(self) -> int:
        """Version 3's four reserved bits; version 2's authentication type."""
        return self.message[4] >> 4 if self.version == 3 else self.message[4]

    @property
    def interval_cs(self) -> int:
        if self.version == 3:
            return int.from_bytes(self.message[4:6], "big") & 0xFFF
        return self.message[5] * 100

    @property
    def _address_bytes(self) -> int:
        return 4 if self.source.version == 4 else 16

    @property
    def addresses(self) -> list[str]:
        size = self._address_bytes
        raw = self.message[8 : 8 + self.count * size]
        kind = type(self.source)
        return [str(kind(raw[i : i + size])) for i in range(0, len(raw) - size + 1, size)]

    @property
    def trailer(self) -> bytes:
        """What follows the addresses: eight bytes of authentication data in version 2, nothing in 3."""
        return self.message[8 + self.count * self._address_bytes :]

    @property
    def checksum_forms(self) -> set[str]:
        """Which of the forms `message` (the message alone) and `pseudo` (with pseudo-header) hold."""
        forms = set()
        if ones_complement(self.message) == 0:
            forms.add("message")
        if (
            ones_complement(pseudo_header(self.source, self.destination, len(self.message)) + self.message)
            == 0
        ):
            forms.add("pseudo")
        return forms


def read_advert(time_ns: int, sender: str, lan: int, frame: bytes) -> Advert | None:
    """The advert in an Ethernet frame, or None when it is something else."""
    ethertype = int.from_bytes(frame[12:14], "big")
    packet = frame[14:]
    source: IP
    destination: IP
    if ethertype == ETH_IPV4 and packet[9] == PROTOCOL_VRRP:
        header = (packet[0] & 15) * 4
        message = packet[header : int.from_bytes(packet[2:4], "big")]
        source, destination = IPv4Address(packet[12:16]), IPv4Address(packet[16:20])
        ttl, tos = packet[8], packet[1]
    elif ethertype == ETH_IPV6 and packet[6] == PROTOCOL_VRRP:
        message = packet[40 : 40 + int.from_bytes(packet[4:6], "big")]
        source, destination = IPv6Address(packet[8:24]), IPv6Address(packet[24:40])
        ttl, tos = packet[7], int.from_bytes(packet[0:2], "big") >> 4 & 0xFF
    else:
        return None
    if len(message) < 8:
        return None
    return Advert(
        time_ns=time_ns,
        sender=sender,
        lan=lan,
        source_mac=mac_text(frame[6:12]),
        destination_mac=mac_text(frame[0:6]),
        source=source,
        destination=destination,
        ttl=ttl,
        tos=tos,
        message=message,
    )


@dataclass(frozen=True)
class Announcement:
    """A gratuitous ARP or an unsolicited neighbour advertisement: `mac` claims `address`."""

    time_ns: int
    sender: str
    lan: int
    kind: str  # "arp" or "na"
    mac: str
    source_mac: str
    address: str
    operation: int  # ARP operation; NA flags byte (R 0x80, S 0x40, O 0x20)
    destination: str  # MAC for ARP, IPv6 destination for NA
    source: str
    hop_limit: int


def read_announcement(time_ns: int, sender: str, lan: int, frame: bytes) -> Announcement | None:
    """The announcement in an Ethernet frame, or None; ordinary ARP and solicited NA are none."""
    ethertype = int.from_bytes(frame[12:14], "big")
    packet = frame[14:]
    if ethertype == ETH_ARP and len(packet) >= 28 and packet[14:18] == packet[24:28]:
        address = str(IPv4Address(packet[14:18]))
        return Announcement(
            time_ns=time_ns,
            sender=sender,
            lan=lan,
            kind="arp",
            mac=mac_text(packet[8:14]),
            source_mac=mac_text(frame[6:12]),
            address=address,
            operation=int.from_bytes(packet[6:8], "big"),
            destination=mac_text(frame[0:6]),
            source=address,
            hop_limit=0,
        )
    if ethertype == ETH_IPV6 and packet[6] == 58 and packet[40] == 136 and not packet[44] & 0x40:
        option = packet[64:72]
        return Announcement(
            time_ns=time_ns,
            sender=sender,
            lan=lan,
            kind="na",
            mac=mac_text(option[2:8]) if option[:2] == b"\x02\x01" else "",
            source_mac=mac_text(frame[6:12]),
            address=str(IPv6Address(packet[48:64])),
            operation=packet[44],
            destination=str(IPv6Address(packet[24:40])),
            source=str(IPv6Address(packet[8:24])),
            hop_limit=packet[7],
        )
    return None


def craft_message(
    *,
    version: int,
    vrid: int,
    priority: int,
    interval_cs: int,
    addresses: list[IP],
    source: IP,
    destination: IP,
    type: int = 1,
    count: int | None = None,
    reserved: int = 0,
    auth_type: int = 0,
    auth_data: bytes = b"\0" * 8,
    checksum: str = "good",
    trailing: bytes = b"",
    cut: int | None = None,
) -> bytes:
    """A VRRP message, wrong in exactly the ways asked for.

    `checksum`: good (the form of the version), message, pseudo or wrong. `cut` keeps only so many bytes
    before the checksum is made, `trailing` is appended before it, so that nothing but the length is wrong.
    """
    word = reserved << 12 | interval_cs if version == 3 else auth_type << 8 | interval_cs // 100
    body = b"".join(address.packed for address in addresses)
    listed = len(addresses) if count is None else count
    head = struct.pack("!BBBBHH", version << 4 | type, vrid, priority, listed, word, 0)
    message = head + body + (auth_data if version == 2 else b"") + trailing
    if cut is not None:
        message = message[:cut]
    form = checksum if checksum != "good" else ("message" if version == 2 else "pseudo")
    covered = message if form == "message" else pseudo_header(source, destination, len(message)) + message
    value = ones_complement(covered)
    if checksum == "wrong":
        value ^= 0x5555
    return message if len(message) < 8 else message[:6] + value.to_bytes(2, "big") + message[8:]


def craft_datagram(
    source: IP, destination: IP, message: bytes, *, ttl: int = 255, options: bytes = b""
) -> bytes:
    """The IP datagram that carries a message; IPv4 `options` lengthen the header (multiples of 4)."""
    if source.version == 4:
        header = struct.pack(
            "!BBHHHBBH",
            0x45 + len(options) // 4,
            0xC0,
            20 + len(options) + len(message),
            0,
            0x4000,
            ttl,
            PROTOCOL_VRRP,
            0,
        )
        header += source.packed + destination.packed + options
        return header[:10] + ones_complement(header).to_bytes(2, "big") + header[12:] + message
    header = struct.pack("!IHBB", 0x6C000000, len(message), PROTOCOL_VRRP, ttl)
    return header + source.packed + destination.packed + message
