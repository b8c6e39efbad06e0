"""Packets byte for byte: ours, those of keepalived, and what scapy and tshark make of them.

OURS was made with scapy 2.8 and is what pack_advert must give. HEARD was captured from keepalived 2.2.7; its
IP header differs from ours (identification, DF, flow label), the VRRP message must not.
"""

import struct
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from scapy.config import conf
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.vrrp import VRRP, VRRPv3
from scapy.packet import Packet

from reference import codec
from vrrpd_fast.engine import wire

LINKTYPE_RAW = 101


@dataclass(frozen=True)
class Golden:
    family: int
    version: int
    vrid: int
    priority: int
    interval_cs: int
    source: str
    destination: str
    addresses: tuple[str, ...]
    hex: str

    def pack(self, checksum: str = "rfc5798") -> bytes:
        return wire.pack_advert(
            family=self.family,
            version=self.version,
            vrid=self.vrid,
            priority=self.priority,
            interval_cs=self.interval_cs,
            source=ip_address(self.source).packed,
            destination=ip_address(self.destination).packed,
            addresses=[ip_address(a).packed for a in self.addresses],
            checksum=checksum,
        )


GROUP4 = "224.0.0.18"
GROUP6 = "ff02::12"

OURS = [
    Golden(4, 2, 51, 100, 100, "192.0.2.1", GROUP4, ("192.0.2.254",),
           "45c0002800004000ff70d891c0000201e0000012213364010001b7cbc00002fe0000000000000000"),
    Golden(4, 2, 1, 255, 100, "10.0.0.1", GROUP4, ("10.0.0.1",),
           "45c0002800004000ff7090920a000001e00000122101ff010001d5fa0a0000010000000000000000"),
    Golden(4, 2, 255, 0, 25500, "172.16.255.2", GROUP4, ("172.16.255.254", "172.16.255.253", "10.9.8.7"),
           "45c0003000004000ff70ef77ac10ff02e000001221ff000300ff72d0ac10fffeac10fffd0a090807"
           "0000000000000000"),
    Golden(4, 3, 51, 100, 100, "192.0.2.1", GROUP4, ("192.0.2.254",),
           "45c0002000004000ff70d899c0000201e000001231336401006404d8c00002fe"),
    Golden(4, 3, 128, 254, 1, "198.51.100.7", "198.51.100.8", ("203.0.113.1", "203.0.113.2"),
           "45c0002400004000ff702633c6336407c63364083180fe020001037fcb007101cb007102"),
    Golden(4, 3, 10, 102, 4095, "192.0.2.3", GROUP4, ("192.0.2.100",),
           "45c0002000004000ff70d897c0000203e0000012310a66010ffff3fdc0000264"),
    Golden(6, 3, 51, 100, 100, "fe80::1", GROUP6, ("fe80::51",),
           "6c000000001870fffe800000000000000000000000000001ff020000000000000000000000000012"
           "3133640100646d76fe800000000000000000000000000051"),
    Golden(6, 3, 10, 1, 10, "fe80::a00:27ff:fe4e:66a1", GROUP6, ("fe80::10", "2001:db8::10"),
           "6c000000002870fffe800000000000000a0027fffe4e66a1ff020000000000000000000000000012"
           "310a0102000a0c72fe80000000000000000000000000001020010db8000000000000000000000010"),
    Golden(6, 3, 200, 0, 4095, "fe80::1", "fe80::2", ("fe80::c8",),
           "6c000000001870fffe800000000000000000000000000001fe800000000000000000000000000002"
           "31c800010fffc161fe8000000000000000000000000000c8"),
]  # fmt: skip

HEARD = [
    Golden(4, 2, 51, 100, 100, "192.0.2.1", GROUP4, ("192.0.2.254", "192.0.2.253"),
           "45c0002c00010000ff70188dc0000201e0000012213364020001f4ccc00002fec00002fd"
           "0000000000000000"),
    Golden(4, 2, 51, 0, 100, "192.0.2.1", GROUP4, ("192.0.2.254", "192.0.2.253"),
           "45c0002c00070000ff701887c0000201e000001221330002000158cdc00002fec00002fd"
           "0000000000000000"),
    Golden(4, 3, 52, 110, 25, "192.0.2.1", GROUP4, ("192.0.2.252",),
           "45c0002000010000ff701899c0000201e000001231346e010019fb23c00002fc"),
    Golden(6, 3, 53, 120, 30, "fe80::ff:fe00:1", GROUP6, ("fe80::53", "2001:db8::53"),
           "6c0a7014002870fffe80000000000000000000fffe000001ff020000000000000000000000000012"
           "31357802001e2c9bfe80000000000000000000000000005320010db8000000000000000000000053"),
]  # fmt: skip

MANY4 = tuple(str(IPv4Address("10.1.0.0") + n) for n in range(255))
MANY6 = ("fe80::1:0", *(str(IPv6Address("2001:db8::") + n) for n in range(254)))
LONGEST = [
    Golden(4, 2, 7, 100, 100, "192.0.2.1", GROUP4, MANY4, ""),
    Golden(4, 3, 7, 100, 100, "192.0.2.1", GROUP4, MANY4, ""),
    Golden(6, 3, 7, 100, 100, "fe80::1", GROUP6, MANY6, ""),
]


def judge(datagram: bytes) -> tuple[int, wire.Advert | None]:
    if datagram[0] >> 4 == 4:
        return wire.judge_ipv4(datagram)
    return wire.judge_ipv6(datagram[40:], datagram[8:24], datagram[24:40], datagram[7])


@pytest.mark.rfc("P1", "P3", "P6", "P8", "P10", "P14")
@pytest.mark.parametrize("golden", OURS)
def test_packs_to_the_byte(golden: Golden) -> None:
    assert golden.pack().hex() == golden.hex


@pytest.mark.parametrize("golden", OURS)
def test_patches_to_the_byte(golden: Golden) -> None:
    datagram = bytearray(golden.pack())
    for priority in (0, 255, golden.priority):
        wire.set_priority(datagram, priority)
    assert datagram.hex() == golden.hex


@pytest.mark.parametrize("golden", HEARD)
def test_packs_the_message_that_keepalived_sends(golden: Golden) -> None:
    start = 20 if golden.family == 4 else 40
    assert golden.pack()[start:].hex() == golden.hex[2 * start :]


@pytest.mark.parametrize("golden", OURS + HEARD)
def test_reads_what_is_in_it(golden: Golden) -> None:
    verdict, advert = judge(bytes.fromhex(golden.hex))
    assert verdict == 0
    assert advert is not None
    assert (advert.family, advert.version, advert.vrid) == (golden.family, golden.version, golden.vrid)
    assert (advert.priority, advert.interval_cs) == (golden.priority, golden.interval_cs)
    assert str(ip_address(advert.source)) == golden.source
    assert str(ip_address(advert.destination)) == golden.destination
    assert tuple(str(ip_address(a)) for a in advert.addresses) == golden.addresses


# scapy


def with_scapy(golden: Golden) -> Packet:
    ip = (
        IP(src=golden.source, dst=golden.destination, ttl=255, tos=0xC0, id=0, flags="DF")
        if golden.family == 4
        else IPv6(src=golden.source, dst=golden.destination, hlim=255, tc=0xC0)
    )
    layer, unit = (VRRP, 100) if golden.version == 2 else (VRRPv3, 1)
    return ip / layer(
        vrid=golden.vrid,
        priority=golden.priority,
        adv=golden.interval_cs // unit,
        addrlist=list(golden.addresses),
    )


@pytest.mark.parametrize("golden", OURS + LONGEST)
def test_scapy_packs_the_same(golden: Golden) -> None:
    assert bytes(with_scapy(golden)) == golden.pack()


@pytest.mark.parametrize("golden", OURS + LONGEST)
def test_scapy_reads_ours(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "max_list_count", 255)  # scapy stops at 100 addresses otherwise
    packet = (IP if golden.family == 4 else IPv6)(golden.pack())
    layer = packet[VRRP if golden.version == 2 else VRRPv3]
    assert (layer.version, layer.type, layer.vrid) == (golden.version, 1, golden.vrid)
    assert (layer.priority, layer.ipcount) == (golden.priority, len(golden.addresses))
    assert tuple(layer.addrlist) == golden.addresses


# tshark


def dissect(datagrams: list[bytes], path: Path, fields: list[str], *options: str) -> list[dict[str, str]]:
    """What tshark says of each datagram; several values of a field are joined by commas."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW))
        for datagram in datagrams:
            file.write(struct.pack("<IIII", 0, 0, len(datagram), len(datagram)) + datagram)
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|", *options]
    for field in fields:
        command += ["-e", field]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [dict(zip(fields, line.split("|"), strict=True)) for line in output.splitlines()]


HEALTH = ["vrrp.checksum.status", "ip.checksum.status", "_ws.malformed", "_ws.expert.message"]
CHECK_IP = ("-o", "ip.check_checksum:TRUE")
AS_IN_V2 = ("-o", "vrrp.v3_checksum_as_in_v2:TRUE")  # RFC 9568's form


def test_tshark_reads_ours(tmp_path: Path) -> None:
    goldens = OURS + LONGEST
    fields = [*HEALTH, "vrrp.version", "vrrp.type", "vrrp.virt_rtr_id", "vrrp.prio", "vrrp.addr_count"]
    fields += ["vrrp.adver_int", "vrrp.short_adver_int", "vrrp.ip_addr", "vrrp.ipv6_addr"]
    fields += ["ip.len", "ipv6.plen", "ip.ttl", "ipv6.hlim", "ip.dsfield.dscp", "ipv6.tclass.dscp"]
    told = dissect([golden.pack() for golden in goldens], tmp_path / "ours.pcap", fields, *CHECK_IP)
    assert len(told) == len(goldens)
    for golden, is_said in zip(goldens, told, strict=True):
        is_ipv4 = golden.family == 4
        length = len(golden.pack())
        assert is_said == {
            "vrrp.checksum.status": "1",
            "ip.checksum.status": "1" if is_ipv4 else "",
            "_ws.malformed": "",
            "_ws.expert.message": "",
            "vrrp.version": str(golden.version),
            "vrrp.type": "1",
            "vrrp.virt_rtr_id": str(golden.vrid),
            "vrrp.prio": str(golden.priority),
            "vrrp.addr_count": str(len(golden.addresses)),
            "vrrp.adver_int": str(golden.interval_cs // 100) if golden.version == 2 else "",
            "vrrp.short_adver_int": str(golden.interval_cs) if golden.version == 3 else "",
            "vrrp.ip_addr": ",".join(golden.addresses) if is_ipv4 else "",
            "vrrp.ipv6_addr": "" if is_ipv4 else ",".join(golden.addresses),
            "ip.len": str(length) if is_ipv4 else "",
            "ipv6.plen": "" if is_ipv4 else str(length - 40),
            "ip.ttl": "255" if is_ipv4 else "",
            "ipv6.hlim": "" if is_ipv4 else "255",
            "ip.dsfield.dscp": "48" if is_ipv4 else "",
            "ipv6.tclass.dscp": "" if is_ipv4 else "48",
        }


@pytest.mark.rfc("P10")
def test_tshark_knows_both_forms_of_the_checksum(tmp_path: Path) -> None:
    goldens = [golden for golden in OURS if (golden.family, golden.version) == (4, 3)]
    for form, options, status in (
        ("rfc9568", AS_IN_V2, "1"),
        ("rfc9568", (), "0"),
        ("rfc5798", AS_IN_V2, "0"),
        ("rfc5798", (), "1"),
    ):
        datagrams = [golden.pack(form) for golden in goldens]
        told = dissect(datagrams, tmp_path / "forms.pcap", ["vrrp.checksum.status"], *options)
        assert told == [{"vrrp.checksum.status": status}] * len(goldens)


def test_tshark_finds_nothing_wrong_after_patching(tmp_path: Path) -> None:
    datagrams = []
    for golden in OURS:
        datagram = bytearray(golden.pack())
        for priority in (0, 1, 254, 255):
            wire.set_priority(datagram, priority)
            datagrams.append(bytes(datagram))
    told = dissect(datagrams, tmp_path / "patched.pcap", ["vrrp.checksum.status", "vrrp.prio"])
    expected = [{"vrrp.checksum.status": "1", "vrrp.prio": str(p)} for p in (0, 1, 254, 255)]
    assert told == expected * len(OURS)


def test_tshark_and_wire_agree_on_bad_checksums(tmp_path: Path) -> None:
    golden = OURS[0]
    bad = codec.datagram(
        family=4,
        version=2,
        source=ip_address(golden.source).packed,
        destination=ip_address(golden.destination).packed,
        addresses=[ip_address(a).packed for a in golden.addresses],
        checksum_error=1,
    )
    assert wire.REJECTS[judge(bad)[0]][0] == "checksum"
    assert dissect([bad], tmp_path / "bad.pcap", ["vrrp.checksum.status"]) == [{"vrrp.checksum.status": "0"}]
