"""ICMP echo, version 4 and 6: one raw socket of a family for all probes, replies told apart by net/echo.py.

A socket filter lets through only replies with our identifier, so that those of other programs, and floods of
forged ones, wake nobody. The payload of each request is random: who does not see it cannot answer it.
"""

import ctypes
import os
import socket
import struct
import time
from contextlib import suppress
from ipaddress import ip_address

from vrrpd_fast.model import IcmpProbe
from vrrpd_fast.net.echo import Echo, Full
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome
from vrrpd_fast.probe.kinds.links import index_of
from vrrpd_fast.system import enlarge_buffer

_PAYLOAD_BYTES = 32
_READ_BYTES = 2048
_PER_WAKE = 1024  # a thousand probes may be answered while something else has the loop
_BUFFER_BYTES = 1 << 20
_IP_PKTINFO = 8  # linux/in.h
_PKTINFO4 = struct.Struct("=i4s4x")  # struct in_pktinfo: interface, source
_PKTINFO6 = struct.Struct("=16si")  # struct in6_pktinfo: source, interface

# linux/icmp.h, linux/icmpv6.h: a bit for each type that is not to be heard.
_ICMP_FILTER, _ICMP6_FILTER = 1, 1
_SOL_RAW = 255
_ECHO_REPLY, _ECHO_REPLY6 = 0, 129

# linux/filter.h, linux/bpf_common.h
_SO_ATTACH_FILTER = 26
_INSTRUCTION = struct.Struct("=HBBI")
_LOAD_IP_LENGTH, _LOAD_HALF_BEHIND_IP, _LOAD_HALF = 0xB1, 0x48, 0x28
_JUMP_EQUAL, _RETURN = 0x15, 0x06
_IDENTIFIER_AT = 4


def make(settings: IcmpProbe, context: Context) -> Check:
    """The check of an icmp block."""
    return EchoCheck(settings, context)


def echo_4(context: Context) -> "Pinger":
    """The socket of all checks of IPv4 addresses."""
    return Pinger(context, 4)


def echo_6(context: Context) -> "Pinger":
    """The socket of all checks of IPv6 addresses."""
    return Pinger(context, 6)


class EchoCheck:
    """Asks one address; up when the reply comes in time."""

    def __init__(self, settings: IcmpProbe, context: Context) -> None:
        self._context = context
        self._address, _, zone = settings.address.partition("%")
        self._packed = ip_address(self._address).packed
        self._interface = settings.interface or zone or None
        self._source = (
            b"" if settings.source is None else ip_address(settings.source.partition("%")[0]).packed
        )
        self._pinger: Pinger | None = None
        self._sequence: int | None = None  # while a reply is waited for
        self._sent_ns = 0
        self._conclude: Conclude | None = None

    def begin(self, conclude: Conclude) -> None:
        self._pinger = self._context.shared(echo_4 if len(self._packed) == 4 else echo_6)
        ifindex = 0 if self._interface is None else index_of(self._interface)
        self._conclude = conclude
        self._sent_ns = time.monotonic_ns()
        self._sequence = self._pinger.ask(self, self._address, self._packed, self._source, ifindex)

    def answered(self) -> None:
        """The reply has come."""
        assert self._conclude is not None
        self._sequence = None
        took_ms = (time.monotonic_ns() - self._sent_ns) / 1e6
        self._conclude(Outcome(True, f"answered in {took_ms:.1f} ms"))

    def abandon(self) -> None:
        if self._pinger is not None and self._sequence is not None:
            self._pinger.forget(self._sequence)
            self._sequence = None

    def close(self) -> None:
        """The socket is of all."""


class Pinger:
    """A raw socket, and who waits for which reply."""

    def __init__(self, context: Context, version: int) -> None:
        """OSError without CAP_NET_RAW, or when this machine lacks the family."""
        self._loop = context.loop
        self._version = version
        self._echo = Echo(version, int.from_bytes(os.urandom(2), "big"))
        self._waiting: dict[int, EchoCheck] = {}
        self._socket = _raw_socket(version, self._echo.identifier)
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def ask(self, check: EchoCheck, address: str, packed: bytes, source: bytes, ifindex: int) -> int:
        """Send a request, from `source` (empty: the kernel chooses) out of an interface (0: by the routes);
        its sequence number. OSError when it cannot be sent."""
        try:
            sequence, packet = self._echo.request(packed, os.urandom(_PAYLOAD_BYTES))
        except Full:
            raise OSError(0, "too many requests are under way") from None
        ancillary = []
        if self._version == 4:
            if source or ifindex:
                info = _PKTINFO4.pack(ifindex, source or bytes(4))
                ancillary = [(socket.IPPROTO_IP, _IP_PKTINFO, info)]
            target: tuple[object, ...] = (address, 0)
        else:
            if source or ifindex:
                info = _PKTINFO6.pack(source or bytes(16), ifindex)
                ancillary = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)]
            target = (address, 0, 0, ifindex)
        try:
            self._socket.sendmsg([packet], ancillary, 0, target)
        except OSError:
            self._echo.forget(sequence)
            raise
        self._waiting[sequence] = check
        return sequence

    def forget(self, sequence: int) -> None:
        """Nobody waits for this reply any more."""
        if self._waiting.pop(sequence, None) is not None:
            self._echo.forget(sequence)

    def _readable(self) -> None:
        for _ in range(_PER_WAKE):
            try:
                data, sender = self._socket.recvfrom(_READ_BYTES)
            except OSError:  # nothing more, or an error that belongs to no request
                return
            packed = b""
            with suppress(ValueError):
                packed = ip_address(sender[0].partition("%")[0]).packed
            sequence = self._echo.answered(data, packed)
            if sequence is not None:
                self._waiting.pop(sequence).answered()


def _raw_socket(version: int, identifier: int) -> socket.socket:
    family, protocol = (
        (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    raw = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
    try:
        enlarge_buffer(raw, socket.SO_RCVBUF, _BUFFER_BYTES)
        if version == 4:
            raw.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF & ~(1 << _ECHO_REPLY)))
        else:
            words = [0xFFFFFFFF] * 8
            words[_ECHO_REPLY6 // 32] &= ~(1 << _ECHO_REPLY6 % 32)
            raw.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))
        program = _program(version, identifier)
        held = ctypes.create_string_buffer(program, len(program))
        head = struct.pack("HP", len(program) // _INSTRUCTION.size, ctypes.addressof(held))
        raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
    except BaseException:
        raw.close()
        raise
    return raw


def _program(version: int, identifier: int) -> bytes:
    """Packets with this identifier, whose place is behind the IP header of version 4."""
    load = (
        [(_LOAD_IP_LENGTH, 0, 0, 0), (_LOAD_HALF_BEHIND_IP, 0, 0, _IDENTIFIER_AT)]
        if version == 4
        else [(_LOAD_HALF, 0, 0, _IDENTIFIER_AT)]
    )
    code = [*load, (_JUMP_EQUAL, 0, 1, identifier), (_RETURN, 0, 0, 0xFFFFFFFF), (_RETURN, 0, 0, 0)]
    return b"".join(_INSTRUCTION.pack(*each) for each in code)
