"""csrc/mmsg over a socket pair: nothing lost without a word, and where to go on is told."""

import ctypes
import errno
import os
import shlex
import socket
import subprocess
from collections.abc import Iterator
from ctypes import POINTER, Structure, c_int, c_size_t, c_uint, c_void_p
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[3] / "csrc"
STRICT = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]


class iovec(Structure):
    _fields_ = (("base", c_void_p), ("length", c_size_t))


class msghdr(Structure):
    _fields_ = (
        ("name", c_void_p),
        ("name_length", c_uint),
        ("vectors", POINTER(iovec)),
        ("vector_count", c_size_t),
        ("control", c_void_p),
        ("control_length", c_size_t),
        ("flags", c_int),
    )


class mmsghdr(Structure):
    _fields_ = (("header", msghdr), ("length", c_uint))


class Batch:
    """Messages with storage of their own."""

    def __init__(self, contents: list[bytes]) -> None:
        self.buffers = [ctypes.create_string_buffer(content, max(len(content), 1)) for content in contents]
        self.vectors = (iovec * len(contents))()
        self.headers = (mmsghdr * len(contents))()
        for i, content in enumerate(contents):
            self.vectors[i] = iovec(ctypes.addressof(self.buffers[i]), len(content))
            self.headers[i].header.vectors = ctypes.pointer(self.vectors[i])
            self.headers[i].header.vector_count = 1

    def received(self, index: int) -> bytes:
        return self.buffers[index].raw[: self.headers[index].length]


@pytest.fixture(scope="module")
def mmsg(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("mmsg") / "mmsg.so"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*compiler, *STRICT, "-shared", "-fPIC", "-o", path, CSRC / "mmsg.c"], check=True)
    return ctypes.CDLL(str(path))


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, two:
        one.setblocking(True)  # mmsg never blocks, whatever the descriptor's mode
        yield one, two


def send(mmsg: ctypes.CDLL, sock: socket.socket, batch: Batch, first: int = 0) -> tuple[int, int, int]:
    failed, last_errno = c_uint(0), c_int(0)
    rest = ctypes.byref(batch.headers, first * ctypes.sizeof(mmsghdr))
    count = len(batch.headers) - first
    done = mmsg.mmsg_send(sock.fileno(), rest, count, ctypes.byref(failed), ctypes.byref(last_errno))
    return done, failed.value, last_errno.value


def drain(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(65536, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return found


def test_a_full_queue_stops_and_tells_where(mmsg: ctypes.CDLL, pair: tuple[socket.socket, ...]) -> None:
    contents = [b"%d" % i for i in range(3000)]
    batch = Batch(contents)
    done, arrived = 0, []
    rounds = 0
    while done < len(contents):
        more, failed, _ = send(mmsg, pair[0], batch, done)
        assert failed == 0
        assert more > 0
        done += more
        rounds += 1
        arrived += drain(pair[1])
        assert len(arrived) == done
    assert arrived == contents
    assert rounds > 1


def test_a_refused_message_is_counted_and_skipped(mmsg: ctypes.CDLL, pair: tuple[socket.socket, ...]) -> None:
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    size = pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    contents = [b"a", bytes(2 * size), b"b", bytes(2 * size), b"c"]
    assert send(mmsg, pair[0], Batch(contents)) == (5, 2, errno.EMSGSIZE)
    assert drain(pair[1]) == [b"a", b"b", b"c"]


def test_a_closed_peer_fails_every_message_and_ends(
    mmsg: ctypes.CDLL, pair: tuple[socket.socket, ...]
) -> None:
    pair[1].close()
    assert send(mmsg, pair[0], Batch([b"x"])) == (1, 1, errno.ECONNREFUSED)
    assert send(mmsg, pair[0], Batch([b"x"] * 5)) == (5, 5, errno.ENOTCONN)


def test_receive_takes_what_is_there(mmsg: ctypes.CDLL, pair: tuple[socket.socket, ...]) -> None:
    for content in (b"one", b"three"):
        pair[0].send(content)
    batch = Batch([bytes(16)] * 4)
    assert mmsg.mmsg_receive(pair[1].fileno(), batch.headers, 4) == 2
    assert [batch.received(0), batch.received(1)] == [b"one", b"three"]
    assert mmsg.mmsg_receive(pair[1].fileno(), batch.headers, 4) == 0


def test_receive_tells_an_error(mmsg: ctypes.CDLL, tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file:
        assert mmsg.mmsg_receive(file.fileno(), Batch([b" "]).headers, 1) == -errno.ENOTSOCK
