"""Announcements, byte by byte."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from vrrpd_fast.net import arp

MAC = bytes.fromhex("020000000001")


def test_gratuitous_arp_is_the_frame_that_keepalived_sends() -> None:
    # Captured from keepalived 2.2.7.
    captured = """
        ff ff ff ff ff ff 02 00 00 00 00 01 08 06 00 01
        08 00 06 04 00 01 02 00 00 00 00 01 0a 09 00 64
        ff ff ff ff ff ff 0a 09 00 64"""
    assert arp.announcement(IPv4Address("10.9.0.100"), MAC) == bytes.fromhex(captured)


def test_unsolicited_na_differs_from_keepalived_in_the_router_flag_only() -> None:
    # Captured from keepalived 2.2.7 on a host that does not forward: flags 0x20, no Router flag.
    captured = bytearray.fromhex("""
        33 33 00 00 00 01 02 00 00 00 00 01 86 dd 60 00
        00 00 00 20 3a ff 20 01 0d b8 00 00 00 00 00 00
        00 00 00 00 01 00 ff 02 00 00 00 00 00 00 00 00
        00 00 00 00 00 01 88 00 f7 2c 20 00 00 00 20 01
        0d b8 00 00 00 00 00 00 00 00 00 00 01 00 02 01
        02 00 00 00 00 01""")
    flags_at, checksum_at = 58, 56
    captured[flags_at] |= 0x80
    checksum = int.from_bytes(captured[checksum_at : checksum_at + 2], "big") - 0x8000
    captured[checksum_at : checksum_at + 2] = checksum.to_bytes(2, "big")
    assert arp.announcement(IPv6Address("2001:db8::100"), MAC) == bytes(captured)


@pytest.mark.parametrize("mac", [b"", b"\x02" * 5, b"\x02" * 20])
def test_a_link_without_an_ethernet_address_is_refused(mac: bytes) -> None:
    with pytest.raises(ValueError, match="Ethernet address"):
        arp.gratuitous_arp(mac, b"\x0a\x00\x00\x01")
    with pytest.raises(ValueError, match="Ethernet address"):
        arp.unsolicited_na(mac, bytes(16))


def test_an_address_of_the_other_family_is_refused() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        arp.gratuitous_arp(MAC, bytes(16))
    with pytest.raises(ValueError, match="16 bytes"):
        arp.unsolicited_na(MAC, bytes(4))
