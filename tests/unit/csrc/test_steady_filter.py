"""csrc/steady_filter by itself: loaded for every size, and run on packets by BPF_PROG_TEST_RUN.

Both ways of ordering its loads are tried, whatever this processor needs. Where eBPF is not allowed, every
test that needs it asserts the error that says so.
"""

import ctypes
import errno
import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path

import pytest

from reference import codec
from reference.steady import Armed, absorbs_ipv4, is_bpf_allowed

HERE = Path(__file__).parent
CSRC = HERE.parents[2] / "csrc"
STRICT = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
CHUNK, ROOM_MAX, HEADER = 64, 1472, 64
LOOPBACK = 1
ETHERNET = bytes(12) + b"\x08\x00"
SOURCE, DESTINATION = bytes([10, 0, 0, 1]), codec.GROUPS[4]


class Entry(ctypes.Structure):
    _fields_ = (
        ("last_seen_ns", ctypes.c_uint64),
        ("absorbed", ctypes.c_uint64),
        ("armed", ctypes.c_uint32),
        ("generation", ctypes.c_uint32),
        ("length", ctypes.c_uint16),
        ("room", ctypes.c_uint16),
        ("unused", ctypes.c_uint32),
        ("source", ctypes.c_uint8 * 16),
        ("destination", ctypes.c_uint8 * 16),
        ("message", ctypes.c_uint8 * ROOM_MAX),
    )


class Filter(ctypes.Structure):
    _fields_ = (
        ("slots", c_uint32),
        ("room", c_uint32),
        ("keys_fd", c_int),
        ("entries_fd", c_int),
        ("program_fd", c_int),
        ("failed", c_char_p),
        ("entries", c_void_p),
    )


@pytest.fixture(scope="module", params=["", "-DSTEADY_WEAK_ORDER"], ids=["native", "weak-order"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("steady") / "steady.so"
    compiler = [*shlex.split(os.environ.get("CC", "cc")), *STRICT, *filter(None, [request.param])]
    source = HERE / "test_steady_filter.c"
    subprocess.run([*compiler, f"-I{CSRC}", "-shared", "-fPIC", "-o", path, source], check=True)
    library = ctypes.CDLL(str(path))
    library.steady_filter_open.argtypes = [POINTER(Filter), c_uint32, c_uint32, c_char_p, c_size_t]
    library.steady_filter_bind.argtypes = [
        POINTER(Filter),
        c_uint32,
        c_uint32,
        ctypes.c_uint8,
        ctypes.c_uint8,
    ]
    library.steady_filter_unbind.argtypes = [POINTER(Filter), c_uint32, ctypes.c_uint8, ctypes.c_uint8]
    library.steady_filter_close.argtypes = [POINTER(Filter)]
    library.try_frame.argtypes = [POINTER(Filter), c_char_p, c_uint32, c_uint32, POINTER(c_uint32)]
    library.try_frame.restype = c_int64
    library.entry_of.argtypes = [POINTER(Filter), c_uint32]
    library.entry_of.restype = POINTER(Entry)
    library.arm.argtypes = [POINTER(Entry), c_char_p, c_char_p, c_char_p, c_size_t]
    library.load_nonsense.argtypes = [c_char_p, c_size_t]
    return library


class Rig:
    """An open filter and packets for it; closed by the fixture that makes it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.filter = Filter()

    def open(self, slots: int, room: int) -> int:
        result: int = self.library.steady_filter_open(self.filter, slots, room, None, 0)
        return result

    def is_refused(self) -> bool:
        """True where eBPF is not allowed, when the error is the right one."""
        result = self.open(4, ROOM_MAX)
        if is_bpf_allowed():
            assert result == 0, (os.strerror(-result), self.filter.failed)
            return False
        assert result == -errno.EPERM
        assert self.filter.failed == b"map of virtual routers"
        assert (self.filter.keys_fd, self.filter.entries_fd, self.filter.program_fd) == (-1, -1, -1)
        return True

    def entry(self, slot: int = 0) -> Entry:
        entry: Entry = self.library.entry_of(self.filter, slot).contents
        return entry

    def arm(self, armed: Armed, slot: int = 0) -> bool:
        source, destination = armed.source.ljust(16, b"\0"), armed.destination.ljust(16, b"\0")
        return bool(
            self.library.arm(self.entry(slot), source, destination, armed.message, len(armed.message))
        )

    def verdict(self, datagram: bytes, times: int = 1) -> int:
        frame = ETHERNET + datagram
        result: int = self.library.try_frame(self.filter, frame, len(frame), times, c_uint32())
        assert result >= 0, os.strerror(-result)
        return result

    def is_absorbed(self, datagram: bytes) -> bool:
        """The verdict on one packet, which the entry's counter must confirm; it is armed as it was before."""
        before, armed = self.entry().absorbed, self.entry().armed
        verdict = self.verdict(datagram)
        assert verdict in (0, 0xFFFFFFFF)
        assert self.entry().absorbed - before == (verdict == 0)
        self.entry().armed = armed
        return verdict == 0


@pytest.fixture
def rig(library: ctypes.CDLL) -> Iterator[Rig]:
    rig = Rig(library)
    yield rig
    if rig.filter.program_fd > 0:
        library.steady_filter_close(rig.filter)


def advert(count: int, version: int = 3, vrid: int = 51) -> Armed:
    addresses = [bytes([10, 0, 1 + i // 250, 1 + i % 250]) for i in range(count)]
    message = codec.message(
        source=SOURCE, destination=DESTINATION, addresses=addresses, version=version, vrid=vrid
    )
    return Armed(LOOPBACK, SOURCE, DESTINATION, message)


def datagram(armed: Armed, **wrong: object) -> bytes:
    return codec.ipv4(armed.message, source=armed.source, destination=armed.destination, **wrong)  # type: ignore[arg-type]


def prepare(rig: Rig, armed: Armed) -> None:
    assert rig.library.steady_filter_bind(rig.filter, 0, LOOPBACK, 4, armed.message[1]) == 0
    assert rig.arm(armed)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# 14 and 15 addresses, 30 and 31: the message ends with a chunk, and 4 bytes behind it.
@pytest.mark.parametrize("count", [1, 2, 3, 14, 15, 30, 31])
@pytest.mark.parametrize("version", [2, 3])
def test_every_single_bit(rig: Rig, count: int, version: int) -> None:
    armed = advert(count, version)
    if rig.is_refused():
        return
    prepare(rig, armed)
    good = datagram(armed)
    assert rig.is_absorbed(good)
    for bit in range(8 * len(good)):
        packet = flipped(good, bit)
        assert rig.is_absorbed(packet) == absorbs_ipv4(armed, LOOPBACK, packet), divmod(bit, 8)


@pytest.mark.parametrize("count", [100, 254, 255])
def test_every_byte_of_a_long_advert(rig: Rig, count: int) -> None:
    armed = advert(count)
    if rig.is_refused():
        return
    prepare(rig, armed)
    good = datagram(armed)
    assert rig.is_absorbed(good)
    for byte in range(20, len(good)):
        assert not rig.is_absorbed(flipped(good, 8 * byte + byte % 8)), byte


@pytest.mark.parametrize("length", [*range(1, 24), 63, 64, 65, 127, 128, 129, 1471, 1472])
def test_a_message_of_any_length(rig: Rig, length: int) -> None:
    """Also of lengths that no advert has: nothing rests on them being multiples of 4."""
    armed = Armed(LOOPBACK, SOURCE, DESTINATION, bytes([0x31, 7]) + bytes(range(1, 255)) * 6)
    armed = armed._replace(message=armed.message[:length])
    if rig.is_refused():
        return
    assert rig.library.steady_filter_bind(rig.filter, 0, LOOPBACK, 4, 7) == 0
    assert rig.arm(armed) == (length >= 8)
    assert rig.is_absorbed(datagram(armed)) == (length >= 8)
    for other in (armed.message[:-1], armed.message + b"\0", armed.message[:-1] + b"\xff"):
        assert not rig.is_absorbed(datagram(armed._replace(message=other)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl": 254},
        {"fragment": 0x2000},
        {"fragment": 0x0001},
        {"fragment": 0x6000},
        {"options": bytes([1, 1, 1, 0])},
        {"total_length": 39},
        {"total_length": 41},
        {"ip_version": 5},
    ],
)
def test_an_ip_header_that_is_not_ordinary(rig: Rig, wrong: dict[str, int | bytes]) -> None:
    armed = advert(3)
    if rig.is_refused():
        return
    prepare(rig, armed)
    assert rig.is_absorbed(datagram(armed))
    assert not rig.is_absorbed(datagram(armed, **wrong))


def test_what_an_ip_header_may_say(rig: Rig) -> None:
    """Its checksum the kernel has seen to; don't-fragment and the class are the sender's business."""
    armed = advert(3)
    if rig.is_refused():
        return
    prepare(rig, armed)
    good = datagram(armed)
    assert rig.is_absorbed(datagram(armed, fragment=0))
    assert rig.is_absorbed(good[:1] + b"\0" + good[2:])
    assert rig.is_absorbed(good[:4] + b"\xab\xcd" + good[6:])


def test_bytes_behind_the_datagram(rig: Rig) -> None:
    armed = advert(3)
    if rig.is_refused():
        return
    prepare(rig, armed)
    assert not rig.is_absorbed(datagram(armed) + b"\0")


@pytest.mark.parametrize("length", range(20, 28))
def test_a_stump(rig: Rig, length: int) -> None:
    armed = advert(3)
    if rig.is_refused():
        return
    prepare(rig, armed)
    assert not rig.is_absorbed(datagram(armed, total_length=length)[:length])


def test_who_is_not_bound_or_not_armed(rig: Rig) -> None:
    armed = advert(3)
    if rig.is_refused():
        return
    assert rig.arm(armed)
    assert not rig.is_absorbed(datagram(armed))
    for ifindex, family, vrid in ((LOOPBACK + 1, 4, 51), (LOOPBACK, 6, 51), (LOOPBACK, 4, 52)):
        assert rig.library.steady_filter_bind(rig.filter, 0, ifindex, family, vrid) == 0
        assert not rig.is_absorbed(datagram(armed))
    assert rig.library.steady_filter_bind(rig.filter, 0, LOOPBACK, 4, 51) == 0
    assert rig.is_absorbed(datagram(armed))
    assert rig.library.steady_filter_bind(rig.filter, 1, LOOPBACK, 4, 51) == -errno.EEXIST
    rig.entry().armed = 0
    assert not rig.is_absorbed(datagram(armed))
    assert rig.arm(armed)
    assert rig.is_absorbed(datagram(armed))
    assert rig.library.steady_filter_unbind(rig.filter, LOOPBACK, 4, 51) == 0
    assert not rig.is_absorbed(datagram(armed))
    assert rig.library.steady_filter_unbind(rig.filter, LOOPBACK, 4, 51) == -errno.ENOENT


def test_a_slot_that_does_not_exist(rig: Rig) -> None:
    armed = advert(3)
    if rig.is_refused():
        return
    assert rig.arm(armed)
    assert rig.library.steady_filter_bind(rig.filter, 4, LOOPBACK, 4, 51) == 0
    assert not rig.is_absorbed(datagram(armed))


def test_when_and_how_often(rig: Rig) -> None:
    armed = advert(3)
    if rig.is_refused():
        return
    prepare(rig, armed)
    assert rig.entry().last_seen_ns == 0
    for total in (1, 2, 3):
        before = time.monotonic_ns()
        rig.verdict(datagram(armed))
        assert before <= rig.entry().last_seen_ns <= time.monotonic_ns()
        assert rig.entry().absorbed == total
    seen_ns = rig.entry().last_seen_ns
    rig.verdict(datagram(armed, ttl=254))
    assert not rig.is_absorbed(datagram(armed))  # nothing overtakes what waits to be read
    assert (rig.entry().last_seen_ns, rig.entry().absorbed) == (seen_ns, 3)
    assert rig.arm(armed)
    rig.verdict(datagram(armed), times=1000)
    assert rig.entry().absorbed == 1003


def test_arming_again(rig: Rig) -> None:
    """Nothing is written for the same advert; another one is another generation, however short."""
    long, short = advert(40), advert(1)
    if rig.is_refused():
        return
    prepare(rig, long)
    generation = rig.entry().generation
    assert rig.entry().armed == generation != 0
    assert rig.arm(long)
    assert rig.entry().generation == generation
    assert rig.arm(short)
    assert rig.entry().armed == rig.entry().generation == generation + 1
    assert rig.is_absorbed(datagram(short)) and not rig.is_absorbed(datagram(long))
    assert rig.arm(long)
    assert rig.is_absorbed(datagram(long)) and not rig.is_absorbed(datagram(short))
    rig.entry().generation = 0xFFFFFFFF
    assert rig.arm(short)
    assert rig.entry().armed == 1


def test_an_advert_without_room(rig: Rig) -> None:
    """It is never armed, and what was armed before it no longer is."""
    if rig.is_refused():
        return
    rig.library.steady_filter_close(rig.filter)
    assert rig.open(4, CHUNK) == 0
    prepare(rig, advert(14))
    assert not rig.arm(advert(15))
    assert rig.entry().armed == 0
    assert not rig.is_absorbed(datagram(advert(14))) and not rig.is_absorbed(datagram(advert(15)))


def test_an_entry_without_a_filter(library: ctypes.CDLL) -> None:
    entry = Entry()
    before = bytes(entry)
    assert library.arm(entry, bytes(16), bytes(16), bytes(20), 20) == 0
    assert bytes(entry) == before


def test_every_size_loads(rig: Rig) -> None:
    if rig.is_refused():
        return
    rig.library.steady_filter_close(rig.filter)
    for room in range(CHUNK, ROOM_MAX + 1, CHUNK):
        assert rig.open(1, room) == 0
        rig.library.steady_filter_close(rig.filter)
        assert rig.library.check_jumps(room) > 0


@pytest.mark.parametrize(("slots", "room"), [(0, CHUNK), (1, 0), (1, CHUNK + 1), (1, ROOM_MAX + CHUNK)])
def test_sizes_that_make_no_sense(rig: Rig, slots: int, room: int) -> None:
    assert rig.open(slots, room) == -errno.EINVAL
    assert rig.filter.failed == b"size"


def test_code_that_does_not_fit(library: ctypes.CDLL) -> None:
    count = library.check_jumps(ROOM_MAX)
    assert library.assemble_into(count) == count
    assert library.assemble_into(count - 1) == -errno.E2BIG


def test_what_the_verifier_says(library: ctypes.CDLL) -> None:
    log = ctypes.create_string_buffer(1 << 16)
    result = library.load_nonsense(log, len(log))
    if is_bpf_allowed():
        assert result == -errno.EACCES
        assert b"R0 !read_ok" in log.value
    else:
        assert result == -errno.EPERM
    assert library.load_nonsense(None, 0) == result
