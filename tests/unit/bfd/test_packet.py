"""BFD Control packets: every check of RFC 5880 6.8.6 that needs no session, against the reference."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import bfd
from vrrpd_fast.bfd.packet import REFUSALS, Control, pack, parse

GOOD = bfd.Packet(
    state=bfd.UP,
    my_discriminator=0x01020304,
    your_discriminator=0x0A0B0C0D,
    diagnostic=7,
    flags=bfd.POLL,
    multiplier=5,
    min_tx_us=10_000,
    min_rx_us=20_000,
)


def test_a_packet_as_on_the_wire() -> None:
    control = Control(7, 3, 0x20, 5, 0x01020304, 0x0A0B0C0D, 10_000, 20_000)
    data = bytes.fromhex("27e00518 01020304 0a0b0c0d 00002710 00004e20 00000000")
    assert pack(control) == data == GOOD.encode()
    assert parse(data) == (0, control)


def test_what_follows_the_packet_is_no_fault() -> None:
    assert parse(GOOD.encode() + b"padding")[0] == 0


@pytest.mark.parametrize(
    ("at", "value", "verdict"),
    [
        (0, b"\x07", "version"),
        (0, b"\x47", "version"),
        (3, b"\x17", "length"),
        (3, b"\x19", "length"),
        (1, b"\xe4", "length"),  # with authentication 24 bytes are too few
        (2, b"\x00", "multiplier"),
        (1, b"\xe1", "multipoint"),
        (4, bytes(4), "discriminator"),
        (8, bytes(4), "state"),
    ],
)
def test_each_refusal(at: int, value: bytes, verdict: str) -> None:
    data = bytearray(GOOD.encode())
    data[at : at + len(value)] = value
    assert REFUSALS[parse(bytes(data))[0]] == verdict


def test_short() -> None:
    for length in range(24):
        assert REFUSALS[parse(GOOD.encode()[:length])[0]] == "short"


@given(st.binary(max_size=60))
def test_any_bytes_are_judged_as_the_reference_does(data: bytes) -> None:
    check(data)


@given(st.data())
def test_almost_good_packets_too(data: st.DataObject) -> None:
    packet = bytearray(GOOD.encode() + data.draw(st.binary(max_size=6)))
    for _ in range(data.draw(st.integers(0, 3))):
        packet[data.draw(st.integers(0, 11))] = data.draw(
            st.sampled_from([0, 1, 24, 26, 30, 255, 0x20, 0x44])
        )
    check(bytes(packet))


def check(data: bytes) -> None:
    verdict, control = parse(data)
    assert REFUSALS[verdict] == (bfd.refusal(data) or "accepted")
    if control is not None:
        again = pack(control)
        assert again[:3] == data[:3]
        assert again[4:20] == data[4:20]
        assert struct.unpack(">I", again[20:])[0] == 0
