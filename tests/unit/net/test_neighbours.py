"""Neighbours as the kernel tells them; what is done about them is in tests/lab/test_probe_kinds.py."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrrpd_fast.net import neighbours, rtnl
from vrrpd_fast.net.neighbours import Nud
from vrrpd_fast.net.rtnl import attribute

RTM_NEWNEIGH, DST = 28, 1
HOST = socket.inet_aton("10.9.0.2")
HOST6 = socket.inet_pton(socket.AF_INET6, "fe80::2")


def told(*attributes: bytes, family: int = 2, state: int = 2, kind: int = RTM_NEWNEIGH) -> bytes:
    body = struct.pack("=BxxxiHBB", family, 7, state, 0, 1) + b"".join(attributes)
    return rtnl.HEADER.pack(rtnl.HEADER.size + len(body), kind, 0, 1, 1) + body


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, HOST), (socket.AF_INET6, HOST6)])
def test_an_entry(family: int, host: bytes) -> None:
    mac = attribute(2, bytes(6))
    assert neighbours.parse(told(mac, attribute(DST, host), family=family)) == (7, host, Nud.REACHABLE)


def test_what_is_no_entry() -> None:
    assert neighbours.parse(told()) is None
    assert neighbours.parse(told(attribute(DST, HOST6))) is None
    assert neighbours.parse(told(attribute(DST, HOST), kind=29)) is None
    assert neighbours.parse(told()[: rtnl.HEADER.size + 3]) is None


@given(st.binary(max_size=80), st.integers(0, 0xFFFF))
def test_noise_is_read_or_refused(noise: bytes, state: int) -> None:
    neighbours.parse(noise)
    neighbours.parse(told(noise, state=state))
