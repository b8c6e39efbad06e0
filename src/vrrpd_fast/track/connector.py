"""The kernel's process events (NETLINK_CONNECTOR, linux/cn_proc.h): who forks, executes, is renamed, ends.

They are told in the initial network namespace only, and only to the initial pid and user namespaces. From
another network namespace a socket of the initial one is opened, which needs CAP_SYS_ADMIN and CAP_SYS_PTRACE.
"""

import contextlib
import ctypes
import enum
import errno
import os
import socket
import struct

from vrrpd_fast import system

_NETLINK_CONNECTOR = 11  # linux/netlink.h
_NLMSG_DONE = 3
_CN_IDX_PROC = _CN_VAL_PROC = 1  # linux/connector.h; the index is the multicast group too
_LISTEN, _IGNORE = 1, 2  # enum proc_cn_mcast_op
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_BUFFER = 4 << 20  # bytes: some 5000 events

_NLMSGHDR = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_CN_MSG = struct.Struct("=IIIIHH")  # index, value, sequence, acknowledgement, length, flags
_WHAT = _NLMSGHDR.size + _CN_MSG.size  # struct proc_event: what, processor, time stamp, data
_DATA = _WHAT + 16
_FOUR = struct.Struct("=IIII")


class What(enum.IntEnum):
    """What happened (enum proc_cn_event)."""

    ACKNOWLEDGED = 0
    FORK = 1
    EXEC = 2
    COMM = 0x200
    EXIT = 0x80000000


Event = tuple[What, int, int]  # what happened, to which process, and, of FORK, whose child it is


class Refused(OSError):
    """The kernel does not tell us; `strerror` says why."""


class Connector:
    """A socket that hears of processes, not of their other threads. Refused when there can be none."""

    def __init__(self) -> None:
        """May move this thread to the initial network namespace; other threads stay where they are."""
        try:
            self._socket = _listening()
        except ConnectionRefusedError:
            try:
                system.enter_initial_network()
                self._socket = _listening()
            except OSError as error:
                raise Refused(error.errno, f"not in this network namespace ({error.strerror})") from error
        except OSError as error:
            raise Refused(error.errno, error.strerror) from error

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Event | None:
        """The next event; None when there is no more now. OSError ENOBUFS: some were lost."""
        while True:
            try:
                message, (port, _) = self._socket.recvfrom(4096)
            except BlockingIOError:
                return None
            if port == 0 and (event := decode(message)) is not None:
                return event

    def close(self) -> None:
        with contextlib.suppress(OSError):  # kernels before 6.6 go on telling nobody otherwise
            self._socket.send(_request(_IGNORE))
        self._socket.close()


def decode(message: bytes) -> Event | None:
    """An event as the kernel sends it; None for what does not concern a process as a whole."""
    if len(message) < _DATA + _FOUR.size:
        return None
    (number,) = struct.unpack_from("=I", message, _WHAT)
    first, second, third, fourth = _FOUR.unpack_from(message, _DATA)
    match number:
        case What.FORK if third == fourth:
            return What.FORK, third, second  # the parent's thread group: a thread may have forked
        case What.EXEC:
            return What.EXEC, second, 0
        case What.COMM if first == second:
            return What.COMM, first, 0
        case What.EXIT if first == second:
            return What.EXIT, first, 0
    return None


def _listening() -> socket.socket:
    """A socket to which the kernel tells process events; ConnectionRefusedError in a namespace without."""
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _NETLINK_CONNECTOR)
    try:
        system.enlarge_buffer(events, socket.SO_RCVBUF, _BUFFER)
        _attach_filter(events)
        events.bind((0, _CN_IDX_PROC))
        events.send(_request(_LISTEN))
        _await_acknowledgement(events)
    except BaseException:
        events.close()
        raise
    return events


def _await_acknowledgement(events: socket.socket) -> None:
    """It is there when send() returns, perhaps behind events that others listen to; none is a refusal."""
    while True:
        try:
            message = events.recv(4096)
        except BlockingIOError:
            raise OSError(errno.EPERM, "not in this pid or user namespace") from None
        what, code = struct.unpack_from("=I", message, _WHAT), struct.unpack_from("=I", message, _DATA)
        if what[0] == What.ACKNOWLEDGED:
            if code[0]:
                raise OSError(code[0], os.strerror(code[0]))
            return


def _request(operation: int) -> bytes:
    size = _WHAT + 4
    return (
        _NLMSGHDR.pack(size, _NLMSG_DONE, 0, 0, os.getpid())
        + _CN_MSG.pack(_CN_IDX_PROC, _CN_VAL_PROC, 0, 0, 4, 0)
        + struct.pack("=I", operation)
    )


def _attach_filter(events: socket.socket) -> None:
    """Let the kernel drop what `decode` would, so that threads and changes of users wake nobody."""
    load, copy, keep, drop = 0x20, 0x07, (0x06, 0, 0, 0xFFFFFFFF), (0x06, 0, 0, 0)  # linux/bpf_common.h
    equals, equals_x = 0x15, 0x1D
    first, second, third, fourth = (_DATA + 4 * number for number in range(4))
    program = [
        (load, 0, 0, _WHAT),
        (equals, 14, 0, socket.htonl(What.ACKNOWLEDGED)),
        (equals, 13, 0, socket.htonl(What.EXEC)),
        (equals, 3, 0, socket.htonl(What.FORK)),
        (equals, 6, 0, socket.htonl(What.COMM)),
        (equals, 5, 0, socket.htonl(What.EXIT)),
        drop,
        (load, 0, 0, third),  # of a fork: the child, and its thread group
        (copy, 0, 0, 0),
        (load, 0, 0, fourth),
        (equals_x, 5, 4, 0),
        (load, 0, 0, first),  # of the others: the thread, and its group
        (copy, 0, 0, 0),
        (load, 0, 0, second),
        (equals_x, 1, 0, 0),
        drop,
        keep,
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    events.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("@HP", len(program), ctypes.addressof(code)),
    )
