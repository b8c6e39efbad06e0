"""Requests to the kernel over an AF_NETLINK socket of our own.

The socket stays off the loop: rtnetlink handles a request inside send(), and the answer waits when send()
returns. One Netlink belongs to one thread at a time; a worker thread opens its own.
"""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from msgspec import Struct

from vrrpd_fast.net import rtnl
from vrrpd_fast.system import enlarge_buffer

MESSAGES_PER_SEND = 32  # about 0.2 ms of address adds; the loop is held no longer by one send
_BUFFER_BYTES = 1 << 20
_ANSWER_BYTES = 1 << 16
_DUMP_ATTEMPTS = 10

# linux/netlink.h; Python's socket module has no names for them.
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NETLINK_GET_STRICT_CHK = 12
_NLMSGERR_ATTR_MSG = 1
NETFILTER = 12  # NETLINK_NETFILTER

_SEQUENCE = struct.Struct("=I")
_FLAGS = struct.Struct("=H")
_ERROR = struct.Struct("=i")
_FLAGS_AT, _SEQUENCE_AT = 6, 8
_SEQUENCE_MASK = 0x7FFFFFFF


class NetlinkError(Struct, frozen=True):
    """A message the kernel refused: its place in the sequence given, errno, the kernel's words for it."""

    index: int
    errno: int
    text: str

    def __str__(self) -> str:
        name = errno.errorcode.get(self.errno, str(self.errno))
        return f"{self.text} ({name})"


class Netlink:
    """A netlink socket for requests; `port_id` marks the notifications that they cause."""

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        try:
            for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
                self._socket.setsockopt(SOL_NETLINK, option, 1)
            with contextlib.suppress(OSError):  # before 4.20: a dump has more than was asked for
                self._socket.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
            enlarge_buffer(self._socket, socket.SO_RCVBUF, _BUFFER_BYTES)
            enlarge_buffer(self._socket, socket.SO_SNDBUF, _BUFFER_BYTES)
            self._socket.bind((0, 0))
        except BaseException:
            self._socket.close()
            raise
        self.port_id: int = self._socket.getsockname()[0]
        self._sequence = 0
        self._answer = bytearray(_ANSWER_BYTES)

    def close(self) -> None:
        self._socket.close()

    def transact(self, messages: Sequence[bytearray]) -> list[NetlinkError]:
        """Have the kernel carry out messages in order; refused ones come back and stop none behind them.

        The messages carry no NLM_F_ACK; their sequence numbers are overwritten.
        """
        failures: list[NetlinkError] = []
        for first in range(0, len(messages), MESSAGES_PER_SEND):
            self._send(messages[first : first + MESSAGES_PER_SEND], first, failures)
        return failures

    def transact_whole(
        self, messages: Sequence[bytearray], begin: bytes = b"", end: bytes = b""
    ) -> list[NetlinkError]:
        """The same for messages that belong together (nfnetlink.h: a batch), between `begin` and `end`."""
        failures: list[NetlinkError] = []
        self._send(messages, 0, failures, begin, end)
        return failures

    def dump(self, message: bytes | bytearray) -> list[memoryview]:
        """Answers to a request with NLM_F_DUMP or, if it is for one thing, NLM_F_ACK; header and all.

        OSError when the kernel refuses it.
        """
        for _ in range(_DUMP_ATTEMPTS):
            with contextlib.suppress(InterruptedError):
                return [answer for part in self.parts(message) for answer in part]
        raise OSError(errno.EAGAIN, "the kernel's tables changed during every attempt to read them")

    def parts(self, message: bytes | bytearray) -> Iterator[list[memoryview]]:
        """The same as the kernel hands it out, some 32 KiB at a time, for whoever has other things to do.

        InterruptedError at the end when answers were lost or the tables changed meanwhile. Whoever reads no
        further must close this socket: the kernel goes on where it was, and refuses another dump.
        """
        request = bytearray(message)
        sequence = self._take_sequence(1)
        _SEQUENCE.pack_into(request, _SEQUENCE_AT, sequence)
        self._socket.send(request)
        is_torn = False
        while (data := self._receive()) is not None:
            view = memoryview(bytes(data))
            found: list[memoryview] = []
            for kind, flags, answered_sequence, start, end in rtnl.messages(view):
                if answered_sequence != sequence:
                    continue
                is_torn = is_torn or bool(flags & rtnl.NLM_F_DUMP_INTR)
                if kind == rtnl.NLMSG_DONE:
                    yield found
                    if is_torn:
                        raise InterruptedError(errno.EINTR, "the tables changed while they were read")
                    return
                if kind == rtnl.NLMSG_ERROR:
                    number, text = _reason(view, flags, start, end)
                    if number:
                        raise OSError(number, text)
                    yield found
                    return  # the end of an answer that is not a dump
                found.append(view[start - rtnl.HEADER.size : end])
            yield found
        raise InterruptedError(errno.EINTR, "the kernel's answer was lost")

    def _send(
        self,
        messages: Sequence[bytearray],
        first: int,
        failures: list[NetlinkError],
        begin: bytes = b"",
        end: bytes = b"",
    ) -> None:
        sequence = self._take_sequence(len(messages))
        for offset, message in enumerate(messages):
            _SEQUENCE.pack_into(message, _SEQUENCE_AT, sequence + offset)
        if begin:  # what is refused as a whole is refused in its name
            begin = begin[:_SEQUENCE_AT] + _SEQUENCE.pack(sequence) + begin[_SEQUENCE_AT + _SEQUENCE.size :]
        last = messages[-1]
        # Failures are answered in any case; one ACK behind the last tells that all have been handled.
        (flags,) = _FLAGS.unpack_from(last, _FLAGS_AT)
        _FLAGS.pack_into(last, _FLAGS_AT, flags | rtnl.NLM_F_ACK)
        try:
            self._socket.send(b"".join((begin, *messages, end)))
        except OSError as error:
            number = error.errno or errno.EIO
            failures.extend(
                NetlinkError(first + offset, number, os.strerror(number)) for offset in range(len(messages))
            )
            return
        finally:
            _FLAGS.pack_into(last, _FLAGS_AT, flags)
        self._collect(sequence, len(messages), first, failures)

    def _collect(self, sequence: int, count: int, first: int, failures: list[NetlinkError]) -> None:
        """Read answers up to that of the last message sent."""
        answered = False
        while not answered:
            data = self._receive()
            if data is None:
                # Everything has been handled, but what became of it was dropped (ENOBUFS): say so, for
                # the last.
                failures.append(
                    NetlinkError(first + count - 1, errno.ENOBUFS, "the kernel's answer was lost")
                )
                return
            for kind, flags, answered_sequence, start, end in rtnl.messages(data):
                offset = answered_sequence - sequence
                if kind != rtnl.NLMSG_ERROR or not 0 <= offset < count:
                    continue  # left over from a request that was given up
                number, text = _reason(data, flags, start, end)
                if number:
                    failures.append(NetlinkError(first + offset, number, text))
                answered = answered or offset == count - 1

    def _receive(self) -> memoryview | None:
        """The next datagram, valid until the next call; None when none waits."""
        while True:
            try:
                size = self._socket.recv_into(self._answer, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise  # ENOBUFS is told once; what is queued is still good, what it lacks shows by itself
            else:
                return memoryview(self._answer)[:size]

    def _take_sequence(self, count: int) -> int:
        """The first of `count` sequence numbers, never 0, which is that of notifications."""
        if self._sequence + count > _SEQUENCE_MASK:
            self._sequence = 0
        first = self._sequence + 1
        self._sequence += count
        return first


def _reason(data: rtnl.Buffer, flags: int, start: int, end: int) -> tuple[int, str]:
    """errno (0 for an ACK) and text of a struct nlmsgerr, the kernel's own (NETLINK_EXT_ACK) if any."""
    if end - start < _ERROR.size:
        return errno.EBADMSG, "the kernel's answer is cut off"
    number = -_ERROR.unpack_from(data, start)[0]
    header = start + _ERROR.size
    if number and flags & rtnl.NLM_F_ACK_TLVS and end - header >= rtnl.HEADER.size:
        length = rtnl.HEADER.unpack_from(data, header)[0]
        carried = rtnl.HEADER.size if flags & rtnl.NLM_F_CAPPED else (length + 3) & ~3
        for kind, value, value_end in rtnl.attributes(data, header + carried, end):
            text = bytes(data[value:value_end]).rstrip(b"\0").decode("utf-8", "replace")
            if kind == _NLMSGERR_ATTR_MSG and text:
                return number, text
    return number, os.strerror(number)
