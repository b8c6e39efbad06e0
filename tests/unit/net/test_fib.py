"""Questions to routing tables, and answers that are read, or refused, byte by byte."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from vrrpd_fast.net import fib, rtnl
from vrrpd_fast.net.fib import Hop, Route
from vrrpd_fast.net.rtnl import attribute

RTM_NEWROUTE, RTM_GETROUTE = 24, 26
DST, SRC, OIF, GATEWAY, PRIORITY, MULTIPATH, TABLE, VIA = 1, 2, 4, 5, 6, 9, 15, 18
NET = socket.inet_aton("10.1.0.0")
GATE = socket.inet_aton("10.9.0.2")
GATE6 = socket.inet_pton(socket.AF_INET6, "fe80::1")


def u32(value: int) -> bytes:
    return struct.pack("=I", value)


def route(*attributes: bytes, length: int = 16, kind: int = 1, flags: int = 0, family: int = 2) -> bytes:
    body = rtnl.RTMSG.pack(family, length, 0, 0, 254, 3, 0, kind, flags) + b"".join(attributes)
    return rtnl.HEADER.pack(rtnl.HEADER.size + len(body), RTM_NEWROUTE, 2, 1, 1) + body


def next_hop(index: int, *attributes: bytes, flags: int = 0) -> bytes:
    way = b"".join(attributes)
    return struct.pack("=HBBi", 8 + len(way), flags, 0, index) + way


def test_one_next_hop() -> None:
    message = route(attribute(TABLE, u32(77)), attribute(DST, NET), attribute(PRIORITY, u32(20)))
    message += attribute(GATEWAY, GATE) + attribute(OIF, u32(3))
    assert fib.parse(message) == Route(NET, 16, 77, fib.UNICAST, 20, (Hop(3, GATE),))


def test_several_next_hops_and_those_that_cannot_be_used() -> None:
    hops = next_hop(3, attribute(GATEWAY, GATE)) + next_hop(4, flags=1) + next_hop(5, flags=16)
    via = attribute(VIA, struct.pack("=H", socket.AF_INET6) + GATE6)
    found = fib.parse(route(attribute(DST, NET), attribute(MULTIPATH, hops + next_hop(6, via))))
    assert found is not None
    assert found.hops == (Hop(3, GATE), Hop(4, None, False), Hop(5, None, False), Hop(6, GATE6))


def test_a_link_without_carrier_cannot_be_used() -> None:
    found = fib.parse(route(attribute(DST, NET), attribute(OIF, u32(3)), flags=16))
    assert found is not None and found.hops == (Hop(3, None, False),)


def test_the_default_route_has_no_destination() -> None:
    found = fib.parse(route(attribute(OIF, u32(3)), length=0))
    assert found is not None and (found.destination, found.length, found.table) == (bytes(4), 0, 254)
    assert fib.destination_of(route(length=16)) is None  # but another one has


def test_what_is_no_route() -> None:
    whole = route(attribute(DST, NET))
    assert fib.parse(whole[: rtnl.HEADER.size + 5]) is None
    assert fib.parse(route(attribute(DST, NET), length=33)) is None
    assert fib.parse(route(attribute(DST, NET), family=7)) is None
    assert fib.parse(route(attribute(DST, NET + NET))) is None
    assert fib.parse(route(attribute(DST, NET), attribute(GATEWAY, b"12345"), attribute(OIF, u32(1)))) is None
    assert fib.parse(whole[:4] + struct.pack("=H", RTM_GETROUTE) + whole[6:]) is None


@given(st.binary(max_size=120))
def test_noise_is_read_or_refused(noise: bytes) -> None:
    fib.parse(noise)
    found = fib.parse(route(noise))
    assert found is None or (len(found.destination), found.length) == (4, 16)
    hops = fib.parse(route(attribute(DST, NET), attribute(MULTIPATH, noise)))
    assert hops is None or all(hop.via is None or len(hop.via) in (4, 16) for hop in hops.hops)


def test_questions() -> None:
    question = fib.lookup(NET, source=GATE, ifindex=5, fib_match=True)
    length, kind, flags, _, _ = rtnl.HEADER.unpack_from(question)
    assert (length, kind, flags) == (len(question), RTM_GETROUTE, 5)  # REQUEST | ACK
    family, bits, source_bits, *_, route_flags = rtnl.RTMSG.unpack_from(question, rtnl.HEADER.size)
    assert (family, bits, source_bits, route_flags) == (socket.AF_INET, 32, 32, 0x3000)
    start = rtnl.HEADER.size + rtnl.RTMSG.size
    held = {kind: question[first:last] for kind, first, last in rtnl.attributes(question, start, length)}
    assert held == {DST: NET, SRC: GATE, OIF: u32(5)}
    dump = fib.table_dump(socket.AF_INET6, 1000, 7)
    assert rtnl.HEADER.unpack_from(dump)[2] == 0x301  # REQUEST | DUMP
    assert rtnl.RTMSG.unpack_from(dump, rtnl.HEADER.size)[4] == 252  # it has no room for 1000
    held = {kind: dump[first:last] for kind, first, last in rtnl.attributes(dump, start, len(dump))}
    assert held == {TABLE: u32(1000), OIF: u32(7)}
