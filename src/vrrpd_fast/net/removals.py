"""Word of routes and rules that someone removed.

On a router with a full routing table most removals are those of routing daemons: a socket filter lets
through only routes of the protocols that we carry. IPv4 routes that go with their link are not told at all:
who carries them adds them when the link is back.
"""

import asyncio
import ctypes
import errno
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Hashable, Iterable

from vrrpd_fast.net import routes, rtnl, rules
from vrrpd_fast.system import enlarge_buffer

SLICE_MESSAGES = 256
SLICE_NS = 500_000
RECEIVE_BUFFER = 4 << 20  # bytes; some 5000 routes flushed at once
_DATAGRAM_BYTES = 1 << 16
_CLOCK_EVERY = 16

# linux/filter.h, linux/bpf_common.h
_SO_ATTACH_FILTER = 26
_INSTRUCTION = struct.Struct("=HBBI")
_LOAD_HALF, _LOAD_BYTE, _JUMP_EQUAL, _RETURN = 0x28, 0x30, 0x15, 0x06
_TYPE_AT, _PROTOCOL_AT = 4, rtnl.HEADER.size + 5


class RemovalMonitor:
    """What others than `own_ports` removed: `on_removed(key)`, of a route (routes.Key) or rule (rules.Key).

    `on_overrun()`: the kernel dropped notifications, any may be gone. Both come from the loop, in slices.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        own_ports: set[int],
        on_removed: Callable[[Hashable], None],
        on_overrun: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._own_ports = own_ports
        self._on_removed = on_removed
        self._on_overrun = on_overrun
        self._buffer = bytearray(_DATAGRAM_BYTES)
        self._turn: asyncio.Handle | None = None
        self._socket = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            socket.NETLINK_ROUTE,
        )
        try:
            enlarge_buffer(self._socket, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self.listen_to(())
            groups = rtnl.RTMGRP_IPV4_ROUTE | rtnl.RTMGRP_IPV6_ROUTE
            self._socket.bind((0, groups | rtnl.RTMGRP_IPV4_RULE | rtnl.RTMGRP_IPV6_RULE))
        except BaseException:
            self._socket.close()
            raise
        # As in links.py: libuv gives up a descriptor with an error pending, as ENOBUFS is.
        self._watched = select.epoll()
        self._watched.register(self._socket, select.EPOLLIN)
        loop.add_reader(self._watched.fileno(), self._readable)

    def listen_to(self, protocols: Iterable[int]) -> None:
        """Hear of routes with these rtm_protocol numbers, and of all rules."""
        program = _program(sorted(set(protocols)))
        held = ctypes.create_string_buffer(program, len(program))
        head = struct.pack("HP", len(program) // _INSTRUCTION.size, ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)

    def close(self) -> None:
        """Stop listening. No callback comes afterwards."""
        if self._watched.closed:
            return
        self._loop.remove_reader(self._watched.fileno())
        self._watched.close()
        if self._turn is not None:
            self._turn.cancel()
        self._socket.close()

    def _readable(self) -> None:
        if self._turn is None:
            self._slice()

    def _slice(self) -> None:
        self._turn = None
        until_ns = time.monotonic_ns() + SLICE_NS
        for done in range(1, SLICE_MESSAGES + 1):
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._on_overrun()
                continue
            self._datagram(size)
            if done % _CLOCK_EVERY == 0 and time.monotonic_ns() >= until_ns:
                break
        self._turn = self._loop.call_soon(self._slice)

    def _datagram(self, size: int) -> None:
        """A notification; each is a datagram of its own."""
        if size < rtnl.HEADER.size:
            return
        length, kind, _, _, port = rtnl.HEADER.unpack_from(self._buffer)
        if port in self._own_ports or length > size:
            return
        parsed: tuple[Hashable, int] | None = None
        if kind == rtnl.RTM_DELROUTE:
            parsed = routes.parse(self._buffer, rtnl.HEADER.size, length)
        elif kind == rtnl.RTM_DELRULE:
            parsed = rules.parse(self._buffer, rtnl.HEADER.size, length)
        if parsed is not None:
            self._on_removed(parsed[0])


def _program(protocols: list[int]) -> bytes:
    """Removals of rules, and of routes with these protocols; nothing else."""
    after = len(protocols)
    code = [(_LOAD_HALF, 0, 0, _TYPE_AT)]
    # To the verdicts at the end, from the instruction behind this one: 0 refuses, 1 takes.
    code += [(_JUMP_EQUAL, after + 3, 0, _loaded(rtnl.RTM_DELRULE))]
    code += [(_JUMP_EQUAL, 0, after + 1, _loaded(rtnl.RTM_DELROUTE)), (_LOAD_BYTE, 0, 0, _PROTOCOL_AT)]
    code += [(_JUMP_EQUAL, after - place, 0, number) for place, number in enumerate(protocols)]
    code += [(_RETURN, 0, 0, 0), (_RETURN, 0, 0, 0xFFFFFFFF)]
    return b"".join(_INSTRUCTION.pack(*each) for each in code)


def _loaded(kind: int) -> int:
    """A message type, which has the machine's byte order, as the filter loads it, in the network's."""
    return int.from_bytes(kind.to_bytes(2, sys.byteorder), "big")
