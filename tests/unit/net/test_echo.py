"""ICMP echo without a socket: which reply answers which request, and that no other does."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP

from vrrpd_fast.engine import wire
from vrrpd_fast.net.echo import Echo, Full

HOST = bytes([10, 0, 0, 2])
OTHER = bytes([10, 0, 0, 3])


def reply(request: bytes, version: int = 4, options: bytes = b"") -> bytes:
    """What the host that was asked sends, as a raw socket reads it."""
    kind = 0 if version == 4 else 129
    answer = struct.pack("!BBH", kind, 0, 0) + request[4:]
    if version == 6:
        return answer
    answer = answer[:2] + wire.checksum(answer).to_bytes(2, "big") + answer[4:]
    return bytes([0x45 + len(options) // 4]) + bytes(19) + options + answer


def test_a_request_is_what_scapy_makes_of_it() -> None:
    sequence, packet = Echo(4, 0x1234).request(HOST, b"odd payload")
    read = ICMP(packet)
    assert (read.type, read.code, read.id, read.seq) == (8, 0, 0x1234, sequence)
    assert bytes(read.payload) == b"odd payload"
    assert wire.checksum(packet) == 0
    assert bytes(ICMP(type=8, id=0x1234, seq=sequence) / b"odd payload") == packet


@pytest.mark.parametrize("version", [4, 6])
def test_a_reply_counts_once(version: int) -> None:
    echo = Echo(version, 7)
    first, one = echo.request(HOST, b"first")
    second, two = echo.request(OTHER, b"second")
    assert echo.answered(reply(two, version), OTHER) == second
    assert echo.answered(reply(one, version), HOST) == first
    assert echo.answered(reply(one, version), HOST) is None


def test_ip_options_are_stepped_over() -> None:
    echo = Echo(4, 7)
    sequence, packet = echo.request(HOST, b"x")
    assert echo.answered(reply(packet, options=bytes(8)), HOST) == sequence


def test_what_is_no_answer() -> None:
    echo = Echo(4, 7)
    sequence, packet = echo.request(HOST, b"0123456789abcdef")
    good = reply(packet)
    assert echo.answered(good, OTHER) is None  # from somebody else
    for position in range(20, len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 1
        assert echo.answered(bytes(damaged), HOST) is None, position
    assert echo.answered(good + b"more", HOST) is None
    assert echo.answered(good[:-1], HOST) is None
    assert echo.answered(reply(packet)[:24], HOST) is None
    assert echo.answered(b"", HOST) is None
    assert echo.answered(bytes(IP(dst="10.0.0.2") / packet), HOST) is None  # our own request
    assert echo.answered(good, HOST) == sequence


def test_nobody_waits_for_one_that_was_given_up() -> None:
    echo = Echo(6, 7)
    sequence, packet = echo.request(HOST, b"x")
    echo.forget(sequence)
    assert echo.answered(reply(packet, 6), HOST) is None


def test_sequence_numbers_are_those_that_are_free() -> None:
    echo = Echo(4, 7)
    numbers = [echo.request(HOST, b"")[0] for _ in range(0x10000)]
    assert len(set(numbers)) == 0x10000
    with pytest.raises(Full):
        echo.request(HOST, b"")
    echo.forget(4242)
    assert echo.request(HOST, b"")[0] == 4242
    with pytest.raises(ValueError):
        Echo(4, 7).request(HOST, bytes(65508))


@given(st.binary(max_size=100), st.sampled_from([4, 6]), st.binary(max_size=16))
def test_noise_answers_nothing(noise: bytes, version: int, sender: bytes) -> None:
    echo = Echo(version, 7)
    echo.request(HOST, b"secret")
    assert echo.answered(noise, sender) is None


@given(st.binary(max_size=300))
def test_the_checksum_of_any_payload(payload: bytes) -> None:
    echo = Echo(4, 0)
    sequence, packet = echo.request(HOST, payload)
    assert wire.checksum(packet) == 0
    assert echo.answered(reply(packet), HOST) == sequence
