"""The kernel filter on real raw sockets, in namespaces of the test's own.

Every packet goes to two sockets, one with the filter and one without; what the second hears, judged by the
slow rule of reference.steady, is what the first must hear. Where eBPF is not allowed, every test that needs
it asserts the error that says so.
"""

import errno
import functools
import os
import resource
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.kit.netns import closed_later, in_new_namespace, ip, show
from lab.kit.waiting import wait_until
from reference import codec
from reference.steady import Armed, absorbs_ipv4, absorbs_ipv6, is_bpf_allowed
from vrrpd_fast.engine import steady
from vrrpd_fast.engine.membership import Memberships
from vrrpd_fast.engine.sockets import IP_PKTINFO, IPPROTO_VRRP
from vrrpd_fast.engine.steady import ROOM_MAX, SteadyFilter, SteadyFilterError

LINKS = 2
SO_MEMINFO = 55  # asm-generic/socket.h
SK_MEMINFO_DROPS = 8  # linux/sock_diag.h
SO_RCVBUFFORCE = 33
ETHERTYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}
GROUP_MAC = {4: bytes.fromhex("01005e000012"), 6: bytes.fromhex("333300000012")}
SOURCES = {4: bytes([10, 0, 0, 1]), 6: bytes.fromhex("fe80") + bytes(13) + b"\x01"}
HEADER = {4: 20, 6: 40}
SENTINEL_VRID = 255


class Heard(NamedTuple):
    """One packet as a socket gives it; `ip` is the IP header, `message` what follows it."""

    ifindex: int
    ip: bytes
    message: bytes


def needs_bpf(test: Callable[..., None]) -> Callable[..., None]:
    """In a namespace of its own where eBPF is allowed; the error that there is elsewhere."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        if is_bpf_allowed():
            in_new_namespace(test)(*arguments, **named)
        else:
            with pytest.raises(SteadyFilterError, match="CAP_BPF") as caught:
                SteadyFilter(4)
            assert caught.value.errno == errno.EPERM

    return run


def receiver(family: int) -> socket.socket:
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    sock = closed_later(socket.socket(kind, socket.SOCK_RAW | socket.SOCK_NONBLOCK, IPPROTO_VRRP))
    if family == 4:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    return sock


def hear(sock: socket.socket) -> list[Heard]:
    """Everything that waits in a raw socket."""
    heard: list[Heard] = []
    while True:
        try:
            data, control, _, name = sock.recvmsg(2048, 256)
        except BlockingIOError:
            return heard
        told = {(level, kind): value for level, kind, value in control}
        if sock.family == socket.AF_INET:
            (ifindex,) = struct.unpack("=i8x", told[socket.IPPROTO_IP, IP_PKTINFO])
            header = 4 * (data[0] & 0x0F)
            heard.append(Heard(ifindex, data[:header], data[header:]))
        else:
            address, ifindex = struct.unpack("=16sI", told[socket.IPPROTO_IPV6, socket.IPV6_PKTINFO])
            (hop_limit,) = struct.unpack("=i", told[socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT])
            source = socket.inet_pton(socket.AF_INET6, name[0].partition("%")[0])
            header6 = codec.ipv6(data, source=source, destination=address, ttl=hop_limit)[:40]
            heard.append(Heard(ifindex, header6, data))


class Wire:
    """Two links, a filtered and an unfiltered socket of each family, and a filter.

    All packets are sent on one processor, so that they arrive in the order in which they were sent.
    """

    def __init__(self, slots: int = 8, room: int = ROOM_MAX) -> None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        ip(*(f"link add a{i} type veth peer name b{i}" for i in range(LINKS)))
        ip(*(f"link set {end}{i} up" for i in range(LINKS) for end in "ab"))
        # Until the kernel has noticed the carrier a link has no queue, and loses packets without a word.
        wait_until(
            lambda: show("-o", "link", "show", "up").count("state UP") == 2 * LINKS, 5, "links that are up"
        )
        groups = closed_later(Memberships())
        self.ifindex = [socket.if_nametoindex(f"b{i}") for i in range(LINKS)]
        self.senders = []
        for i in range(LINKS):
            groups.join(self.ifindex[i], IPv4Address(codec.GROUPS[4]))
            groups.join(self.ifindex[i], IPv6Address(codec.GROUPS[6]))
            sender = closed_later(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            sender.bind((f"a{i}", 0))
            self.senders.append(sender)
        self.filter = closed_later(SteadyFilter(slots, room))
        self.filtered = {family: receiver(family) for family in (4, 6)}
        self.open = {family: receiver(family) for family in (4, 6)}
        for sock in self.filtered.values():
            self.filter.attach(sock.fileno())

    def advert(self, family: int, count: int = 3, link: int = 0, **fields: Any) -> Armed:
        size = 4 if family == 4 else 16
        addresses = [(b"\xfe\x80" + bytes(16) + struct.pack("!H", i + 1))[-size:] for i in range(count)]
        named: dict[str, Any] = {"source": SOURCES[family], "destination": codec.GROUPS[family]}
        named |= {"addresses": addresses} | fields
        return Armed(self.ifindex[link], named["source"], named["destination"], codec.message(**named))

    def datagram(self, armed: Armed, **wrong: Any) -> bytes:
        make = codec.ipv4 if len(armed.source) == 4 else codec.ipv6
        return make(armed.message, source=armed.source, destination=armed.destination, **wrong)

    def arm(self, slot: int, armed: Armed) -> None:
        """Bound and armed for exactly this advert."""
        family = 4 if len(armed.source) == 4 else 6
        self.filter.bind(slot, armed.ifindex, family, armed.message[1])
        assert self.filter.arm(slot, armed.source, armed.destination, armed.message)

    def send(self, family: int, datagram: bytes, link: int = 0) -> None:
        self.senders[link].send(
            GROUP_MAC[family] + bytes.fromhex("020000000001") + ETHERTYPE[family] + datagram
        )

    def collect(self, family: int) -> tuple[list[Heard], list[Heard]]:
        """What the filtered and the unfiltered socket have heard of all that was sent so far."""
        self.send(family, self.datagram(self.advert(family, vrid=SENTINEL_VRID)))
        both = []
        for sock in (self.filtered[family], self.open[family]):
            heard: list[Heard] = []

            def is_complete(sock: socket.socket = sock, heard: list[Heard] = heard) -> bool:
                heard += hear(sock)
                return bool(heard) and heard[-1].message[1:2] == bytes([SENTINEL_VRID])

            wait_until(is_complete, 5, "the last packet sent", pause=0.0005)
            both.append(heard[:-1])
        return both[0], both[1]

    def judge(self, family: int, slot: int, armed: Armed, packets: list[tuple[int, bytes]]) -> int:
        """Send (link, datagram)s, each to the entry armed; sockets and counter must agree with the rule.

        How many were absorbed.
        """
        taken = 0
        for link, datagram in packets:
            assert self.filter.arm(slot, armed.source, armed.destination, armed.message)
            before = self.filter.absorbed(slot)
            self.send(family, datagram, link)
            filtered, everything = self.collect(family)
            passed = [heard for heard in everything if not self.is_absorbed(family, armed, heard)]
            assert filtered == passed
            assert self.filter.absorbed(slot) - before == len(everything) - len(passed)
            taken += len(everything) - len(passed)
        return taken

    @staticmethod
    def is_absorbed(family: int, armed: Armed, heard: Heard) -> bool:
        """By the rule."""
        if family == 4:
            return absorbs_ipv4(armed, heard.ifindex, heard.ip + heard.message)
        return absorbs_ipv6(armed, heard.ifindex, heard.ip, heard.message)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def mended(datagram: bytes) -> bytes:
    """With the right IPv4 header checksum, without which no socket sees the packet."""
    if len(datagram) < 20 or datagram[0] >> 4 != 4 or not 20 <= 4 * (datagram[0] & 0x0F) <= len(datagram):
        return datagram
    end = 4 * (datagram[0] & 0x0F)
    header = datagram[:10] + b"\0\0" + datagram[12:end]
    return header[:10] + struct.pack("!H", codec.checksum(header)) + header[12:] + datagram[end:]


FAMILIES = pytest.mark.parametrize("family", [4, 6])


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_absorbed_adverts_never_reach_the_socket(family: int) -> None:
    wire = Wire()
    armed = wire.advert(family)
    wire.arm(3, armed)
    datagram = wire.datagram(armed)
    before = time.monotonic_ns()
    for _ in range(1000):
        wire.send(family, datagram)
    filtered, everything = wire.collect(family)
    after = time.monotonic_ns()
    assert (len(filtered), len(everything)) == (0, 1000)
    assert wire.filter.absorbed(3) == 1000
    assert before < wire.filter.last_seen_ns(3) < after
    assert [wire.filter.absorbed(slot) for slot in range(8) if slot != 3] == [0] * 7
    drops = wire.filtered[family].getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
    assert struct.unpack("=9I", drops)[SK_MEMINFO_DROPS] == 0


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_last_seen_is_when_the_last_one_came(family: int) -> None:
    wire = Wire()
    armed = wire.advert(family)
    wire.arm(0, armed)
    for _ in range(20):
        before = time.monotonic_ns()
        wire.send(family, wire.datagram(armed))
        wire.collect(family)
        assert before < wire.filter.last_seen_ns(0) < time.monotonic_ns()
    seen_ns = wire.filter.last_seen_ns(0)
    wire.send(family, wire.datagram(armed, ttl=254))
    wire.collect(family)
    assert wire.filter.last_seen_ns(0) == seen_ns


@pytest.mark.lab
@FAMILIES
@pytest.mark.parametrize("count", [1, 3, 14, 15])
@needs_bpf
def test_every_single_bit(family: int, count: int) -> None:
    wire = Wire()
    armed = wire.advert(family, count)
    wire.arm(0, armed)
    good = wire.datagram(armed)
    packets = [(0, mended(flipped(good, bit))) for bit in range(8 * len(good))]
    taken = wire.judge(family, 0, armed, [(0, good), *packets, (0, good)])
    # The two good ones, and of the flipped ones those that say nothing about VRRP: class, flow label or
    # identification, two bits of the fragment field; the checksum's come mended.
    harmless = 8 + 16 + 2 + 16 if family == 4 else 8 + 20
    assert taken == 2 + harmless


@pytest.mark.lab
@pytest.mark.parametrize(("family", "count"), [(4, 100), (4, 255), (6, 40), (6, 90)])
@needs_bpf
def test_every_byte_of_a_long_advert(family: int, count: int) -> None:
    wire = Wire()
    armed = wire.advert(family, count)
    wire.arm(0, armed)
    good = wire.datagram(armed)
    packets = [(0, flipped(good, 8 * byte + byte % 8)) for byte in range(HEADER[family], len(good))]
    assert wire.judge(family, 0, armed, [(0, good), *packets, (0, good)]) == 2


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_what_is_not_the_advert(family: int) -> None:
    wire = Wire()
    armed = wire.advert(family)
    wire.arm(0, armed)
    good = wire.datagram(armed)
    other_source = armed.source[:-1] + b"\x02"
    strangers = {
        "another link": (1, good),
        "another VRID": (0, wire.datagram(wire.advert(family, vrid=52))),
        "another source, itself right": (0, wire.datagram(wire.advert(family, source=other_source))),
        "another priority": (0, wire.datagram(wire.advert(family, priority=99))),
        "priority 0": (0, wire.datagram(wire.advert(family, priority=0))),
        "another interval": (0, wire.datagram(wire.advert(family, interval_cs=99))),
        "another version": (0, wire.datagram(wire.advert(family, version=2))),
        "a wrong checksum": (0, wire.datagram(wire.advert(family, checksum_error=1))),
        "fewer addresses": (0, wire.datagram(wire.advert(family, 2))),
        "more addresses": (0, wire.datagram(wire.advert(family, 4))),
        "trailing bytes": (0, wire.datagram(armed._replace(message=armed.message + bytes(4)))),
        "a byte too few": (0, wire.datagram(armed._replace(message=armed.message[:-1]))),
        "no message": (0, wire.datagram(armed._replace(message=b""))),
        "half a header": (0, wire.datagram(armed._replace(message=armed.message[:7]))),
        "TTL 254": (0, wire.datagram(armed, ttl=254)),
        "TTL 1": (0, wire.datagram(armed, ttl=1)),
    }
    if family == 4:
        strangers["IP options"] = (0, wire.datagram(armed, options=bytes([1, 1, 1, 0])))
    for what, packet in strangers.items():
        wire.arm(0, armed)
        wire.send(family, packet[1], packet[0])
        filtered, everything = wire.collect(family)
        assert len(everything) == len(filtered) == 1, what
    assert wire.filter.absorbed(0) == 0
    assert wire.judge(family, 0, armed, [*strangers.values(), (0, good)]) == 1


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_behind_what_differs_nothing_is_absorbed(family: int) -> None:
    """Whatever waits in the socket was first: what comes later must not be taken account of before it."""
    wire = Wire()
    armed = wire.advert(family)
    good = wire.datagram(armed)
    last = wire.datagram(wire.advert(family, priority=0))
    wire.arm(0, armed)
    for datagram in (good, last, good, good):
        wire.send(family, datagram)
    filtered, everything = wire.collect(family)
    assert filtered == everything[1:]
    assert not wire.filter.is_armed(0)
    wire.arm(0, armed)
    wire.send(family, good)
    assert wire.collect(family)[0] == []
    # Others' adverts change nothing.
    wire.send(family, wire.datagram(wire.advert(family, vrid=52)))
    wire.send(family, wire.datagram(wire.advert(family, priority=0)), 1)
    assert len(wire.collect(family)[0]) == 2
    assert wire.filter.is_armed(0)
    # Another TTL is another advert: a unicast virtual router may heed it.
    for datagram in (wire.datagram(armed, ttl=254), good):
        wire.send(family, datagram)
    assert len(wire.collect(family)[0]) == 2
    assert not wire.filter.is_armed(0)


@pytest.mark.lab
@needs_bpf
def test_ipv6_extension_headers_pass() -> None:
    wire = Wire()
    armed = wire.advert(6)
    wire.arm(0, armed)
    plain = wire.datagram(armed)
    padding = bytes([112, 0, 1, 4, 0, 0, 0, 0])  # destination options: PadN of 6 bytes
    longer = struct.pack("!H", len(padding) + len(armed.message))
    wire.send(6, plain[:4] + longer + bytes([60]) + plain[7:40] + padding + armed.message)
    filtered, everything = wire.collect(6)
    assert [heard.message for heard in filtered] == [armed.message]
    assert len(everything) == 1 and wire.filter.absorbed(0) == 0


@pytest.mark.lab
@needs_bpf
def test_a_family_is_not_the_other() -> None:
    """The same VRID on the same link in both families, of which one is armed."""
    wire = Wire()
    four, six = wire.advert(4), wire.advert(6)
    wire.arm(0, four)
    wire.send(6, wire.datagram(six))
    assert len(wire.collect(6)[0]) == 1
    wire.arm(1, six)
    wire.send(6, wire.datagram(six))
    wire.send(4, wire.datagram(four))
    assert (wire.collect(6)[0], wire.collect(4)[0]) == ([], [])
    assert (wire.filter.absorbed(0), wire.filter.absorbed(1)) == (1, 1)


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A change of a datagram: bits, a byte, a cut, an extension, a swap of two bytes, or nothing at all."""
    kind = draw(st.sampled_from(["none", "bits", "byte", "cut", "extend", "swap"]))
    places = draw(st.lists(st.integers(0, 1 << 16), min_size=1, max_size=3))
    value = draw(st.integers(0, 255))

    def change(datagram: bytes) -> bytes:
        data = bytearray(datagram)
        if kind == "bits":
            for place in places:
                data[place // 8 % len(data)] ^= 1 << place % 8
        elif kind == "byte":
            data[places[0] % len(data)] = value
        elif kind == "swap":
            one, two = places[0] % len(data), places[-1] % len(data)
            data[one], data[two] = data[two], data[one]
        elif kind == "cut":
            del data[-1 - places[0] % 40 :]
        elif kind == "extend":
            data += bytes([value]) * (1 + places[0] % 8)
        if kind in ("cut", "extend") and value % 2 and len(data) >= 20:  # and the IP header agrees
            if data[0] >> 4 == 4:
                data[2:4] = struct.pack("!H", len(data))
            elif len(data) >= 40:
                data[4:6] = struct.pack("!H", len(data) - 40)
        return mended(bytes(data))

    return change


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_damage_of_every_kind(family: int) -> None:
    """Filter and rule are given the same packets: 150 adverts, each in up to 40 forms."""
    wire = Wire()

    @given(
        count=st.integers(1, 90),
        priority=st.integers(0, 255),
        interval_cs=st.integers(1, 4095),
        forms=st.lists(st.tuples(st.integers(0, 1), damage()), min_size=1, max_size=40),
    )
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def differential(
        count: int, priority: int, interval_cs: int, forms: list[tuple[int, Callable[[bytes], bytes]]]
    ) -> None:
        armed = wire.advert(family, count, priority=priority, interval_cs=interval_cs)
        wire.arm(0, armed)
        good = wire.datagram(armed)
        assert wire.judge(family, 0, armed, [(0, good), *((link, form(good)) for link, form in forms)]) >= 1

    differential()


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_disarming_takes_effect_at_once(family: int) -> None:
    wire = Wire()
    armed = wire.advert(family)
    wire.arm(0, armed)
    good = wire.datagram(armed)
    for turn in range(1, 101):
        wire.send(family, good)
        wire.filter.disarm(0)
        assert not wire.filter.is_armed(0)
        wire.send(family, good)
        assert wire.filter.arm(0, armed.source, armed.destination, armed.message)
        wire.send(family, good)
        filtered, everything = wire.collect(family)
        assert (len(filtered), len(everything)) == (1, 3)
        assert wire.filter.absorbed(0) == 2 * turn


@pytest.mark.lab
@needs_bpf
def test_bindings() -> None:
    wire = Wire()
    armed = wire.advert(4)
    good = wire.datagram(armed)
    wire.arm(0, armed)
    assert wire.judge(4, 0, armed, [(0, good), (1, good)]) == 1
    # On to another link: the count stays, what was armed does not.
    wire.filter.bind(0, wire.ifindex[1], 4, 51)
    assert not wire.filter.is_armed(0)
    assert wire.filter.arm(0, armed.source, armed.destination, armed.message)
    assert wire.judge(4, 0, armed._replace(ifindex=wire.ifindex[1]), [(0, good), (1, good)]) == 1
    assert wire.filter.absorbed(0) == 2
    with pytest.raises(SteadyFilterError, match="File exists") as caught:
        wire.filter.bind(1, wire.ifindex[1], 4, 51)
    assert caught.value.errno == errno.EEXIST
    # Given back: nothing is left of it, and the next one may have its place.
    wire.filter.unbind(0)
    assert (wire.filter.absorbed(0), wire.filter.last_seen_ns(0), wire.filter.is_armed(0)) == (0, 0, False)
    assert wire.filter.arm(0, armed.source, armed.destination, armed.message)
    wire.send(4, good, 1)
    assert len(wire.collect(4)[0]) == 1
    wire.filter.unbind(0)
    wire.filter.bind(1, wire.ifindex[1], 4, 51)
    # The same again changes nothing but that it is disarmed.
    assert wire.filter.arm(1, armed.source, armed.destination, armed.message)
    wire.filter.bind(1, wire.ifindex[1], 4, 51)
    assert not wire.filter.is_armed(1)


@pytest.mark.lab
@needs_bpf
def test_growing() -> None:
    wire = Wire(slots=2, room=64)
    armed, long = wire.advert(4), wire.advert(4, 200)
    good = wire.datagram(armed)
    wire.arm(1, armed)
    assert not wire.filter.arm(1, long.source, long.destination, long.message)
    wire.arm(1, armed)
    assert wire.judge(4, 1, armed, [(0, good)] * 3) == 3
    seen_ns = wire.filter.last_seen_ns(1)
    for slots, room in ((1, 64), (2, 63)):
        with pytest.raises(ValueError, match="does not shrink"):
            wire.filter.grow(slots, room)
    wire.filter.grow(5000, 1000)
    assert (wire.filter.slots, wire.filter.room) == (5000, 1024)
    assert (wire.filter.absorbed(1), wire.filter.last_seen_ns(1)) == (3, seen_ns)
    assert not wire.filter.is_armed(1)
    wire.send(4, good)
    assert len(wire.collect(4)[0]) == 1
    assert wire.filter.arm(1, armed.source, armed.destination, armed.message)
    wire.send(4, good)
    wire.send(4, good)
    assert wire.collect(4)[0] == []
    assert wire.filter.absorbed(1) == 5
    assert wire.filter.arm(1, long.source, long.destination, long.message)
    assert wire.judge(4, 1, long, [(0, wire.datagram(long)), (0, good)]) == 1
    six = wire.advert(6, 30)
    wire.arm(4999, six)
    assert wire.judge(6, 4999, six, [(0, wire.datagram(six))]) == 1


@pytest.mark.lab
@needs_bpf
def test_growth_that_fails_changes_nothing() -> None:
    wire = Wire(slots=2)
    armed = wire.advert(4)
    wire.arm(0, armed)
    wire.filter.attach(wire.open[4].fileno())
    wire.open[4].close()
    with pytest.raises(SteadyFilterError, match="growth: "):
        wire.filter.grow(4, ROOM_MAX)
    assert wire.filter.slots == 2
    assert wire.filter.is_armed(0)
    wire.send(4, wire.datagram(armed))
    wire.open[4] = receiver(4)
    assert wire.collect(4) == ([], [])
    assert wire.filter.absorbed(0) == 1


@pytest.mark.lab
@needs_bpf
def test_without_the_filter_everything_is_heard() -> None:
    wire = Wire()
    armed = wire.advert(4)
    wire.arm(0, armed)
    good = wire.datagram(armed)
    wire.filter.detach(wire.filtered[4].fileno())
    wire.send(4, good)
    assert len(wire.collect(4)[0]) == 1
    # A socket that still has the program when its filter is gone hears everything, too.
    forgotten = SteadyFilter(1)
    forgotten.attach(wire.filtered[4].fileno())
    forgotten.bind(0, armed.ifindex, 4, 51)
    assert forgotten.arm(0, armed.source, armed.destination, armed.message)
    wire.send(4, good)
    assert wire.collect(4)[0] == []
    del forgotten
    wire.send(4, good)
    assert len(wire.collect(4)[0]) == 1
    wire.filter.close()
    assert (wire.filter.slots, wire.filter.program_fd) == (0, -1)


# Sends, 20,000 a second, what it is given as lines of hexadecimal, over and over.
SENDER = """
import os, socket, sys, time
name, total = sys.argv[1], int(sys.argv[2])
frames = [bytes.fromhex(line) for line in sys.stdin]
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sock.bind((name, 0))
start = time.monotonic()
for i in range(total):
    if i % 100 == 0:
        time.sleep(max(0.0, start + i / 20_000 - time.monotonic()))
    sock.send(frames[i % len(frames)])
"""


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_no_differing_advert_is_lost_while_entries_change(family: int) -> None:
    """Two adverts are armed in turn, as fast as can be, while both come, and mixtures that are neither."""
    wire = Wire()
    one = wire.advert(family, 20, priority=100)
    two = wire.advert(family, 20, priority=101)
    # They differ in the first chunk (priority, checksum) and in the last.
    one, two = (each._replace(message=each.message[:-1] + bytes([i])) for i, each in enumerate((one, two)))
    half = len(one.message) // 2
    mixtures = [one.message[:half] + two.message[half:], two.message[:half] + one.message[half:]]
    datagrams = [
        wire.datagram(each)
        for each in (one, one._replace(message=mixtures[0]), two, one._replace(message=mixtures[1]), one, two)
    ]
    ethernet = GROUP_MAC[family] + bytes.fromhex("020000000001") + ETHERTYPE[family]
    total = 6 * 4000
    wire.filter.bind(0, one.ifindex, family, 51)
    sender = subprocess.Popen(
        [sys.executable, "-c", SENDER, "a0", str(total)], stdin=subprocess.PIPE, text=True
    )
    os.sched_setaffinity(sender.pid, set(range(os.cpu_count() or 1)))
    assert sender.stdin is not None
    with sender.stdin:
        sender.stdin.write("".join(f"{(ethernet + datagram).hex()}\n" for datagram in datagrams))
    turns = 0
    while sender.poll() is None:
        for armed in (one, two) * 50:
            wire.filter.arm(0, armed.source, armed.destination, armed.message)
            wire.filter.disarm(0)
            wire.filter.arm(0, armed.source, armed.destination, armed.message)
        turns += 100
    assert sender.returncode == 0
    filtered, everything = wire.collect(family)
    assert len(everything) == total
    assert turns > 1000
    passed = [heard.message for heard in filtered]
    for mixture in mixtures:
        assert passed.count(mixture) == total // 6
    assert wire.filter.absorbed(0) == total - len(passed)
    assert 0 < wire.filter.absorbed(0) < 4 * total // 6


def test_sizes_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        SteadyFilter(0)
    for room in (0, ROOM_MAX + 1):
        with pytest.raises(ValueError, match=f"room for messages of {room} bytes"):
            SteadyFilter(1, room)
    with pytest.raises(OverflowError):
        SteadyFilter(1 << 32)


@pytest.mark.lab
@needs_bpf
def test_more_than_the_kernel_has() -> None:
    with pytest.raises(SteadyFilterError, match="kernel filter: map of"):
        SteadyFilter(1 << 28)


@pytest.mark.lab
@needs_bpf
def test_slots_and_adverts_that_do_not_exist() -> None:
    kernel_filter = closed_later(SteadyFilter(4, 65))
    assert (kernel_filter.slots, kernel_filter.room) == (4, 128)
    for slot in (-1, 4):
        for call in (kernel_filter.unbind, kernel_filter.disarm, kernel_filter.absorbed):
            with pytest.raises(IndexError, match=f"no slot {slot}"):
                call(slot)
    for family, vrid in ((5, 1), (4, 256), (6, -1)):
        with pytest.raises(ValueError, match="no such virtual router"):
            kernel_filter.bind(0, 1, family, vrid)
    for source, destination in ((bytes(4), bytes(16)), (bytes(5), bytes(5))):
        with pytest.raises(ValueError, match="4 or 16 bytes"):
            kernel_filter.arm(0, source, destination, bytes(20))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        number = sock.fileno()
    with pytest.raises(SteadyFilterError, match="attach: Bad file descriptor"):
        kernel_filter.attach(number)


def in_another_process(*command: str) -> str:
    """What opening a filter says there."""
    program = "from vrrpd_fast.engine.steady import SteadyFilter; SteadyFilter(4); print('open')"
    run = subprocess.run(
        [*command, sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    return (run.stdout + run.stderr).splitlines()[-1]


def test_not_in_a_user_namespace() -> None:
    said = in_another_process("unshare", "--user", "--map-root-user", "--net")
    assert said.endswith(
        "[Errno 1] kernel filter: map of virtual routers: Operation not permitted "
        "(needs CAP_BPF in the initial user namespace)"
    )


@pytest.mark.lab
@needs_bpf
def test_cap_bpf_is_enough() -> None:
    bounds = ["--bounding-set=-all,+bpf,+dac_read_search", "--inh-caps=-all,+bpf,+dac_read_search"]
    assert (
        in_another_process(
            "setpriv", *bounds, "--ambient-caps=-all,+bpf,+dac_read_search", "--reuid=65534", "--clear-groups"
        )
        == "open"
    )


@pytest.mark.lab
@needs_bpf
def test_not_with_a_clock_of_its_own() -> None:
    assert in_another_process("unshare", "--time", "--monotonic", "0") == "open"
    said = in_another_process("unshare", "--time", "--monotonic", "100")
    assert "[Errno 95] kernel filter: clock of a time namespace" in said


@pytest.mark.parametrize(
    ("offsets", "own"),
    [
        ("monotonic           0         0\nboottime            0         0\n", False),
        ("monotonic           0         0\nboottime           10         0\n", False),
        ("monotonic          10         0\nboottime            0         0\n", True),
        ("monotonic          -1 999999999\nboottime            0         0\n", True),
        ("monotonic           0         1\n", True),
        ("", False),
    ],
)
def test_time_offsets(offsets: str, own: bool) -> None:
    assert steady.has_own_clock(offsets) is own


def test_locked_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lifted only when it is limited, and never mind when that is not allowed."""
    limits = [(65536, 65536)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))
    assert steady.raise_memlock()
    assert limits[-1] == (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert not steady.raise_memlock()
    limits[:] = [(65536, 65536)]

    def refuse(_: int, pair: tuple[int, int]) -> None:
        raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert not steady.raise_memlock()


@pytest.mark.parametrize(("number", "advice"), list(steady.ADVICE.items()))
def test_advice(number: int, advice: str) -> None:
    error = steady.failure(-number, "program", "what the verifier said")
    assert error.errno == number
    assert str(error) == f"[Errno {number}] kernel filter: program: {os.strerror(number)} ({advice})"
    assert error.log == "what the verifier said"
