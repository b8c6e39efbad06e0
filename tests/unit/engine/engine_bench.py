"""Engines on real sockets: two namespaces joined by links a0–b0, a1–b1, …, served by one thread.

The thread's own namespace (netns.in_new_namespace) has the a side, a Place the b side.
"""

import ctypes
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.kit.netns import closed_later, ip
from lab.kit.packets import (
    ETH_IPV4,
    ETH_IPV6,
    GROUP4,
    GROUP4_MAC,
    GROUP6,
    GROUP6_MAC,
    IP,
    mac_bytes,
    read_advert,
)
from lab.kit.packets import Advert as Seen
from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.engine.membership import Memberships
from vrrpd_fast.engine.sockets import Sockets
from vrrpd_fast.engine.steady import SteadyFilter
from vrrpd_fast.engine.wire import pack_advert
from vrrpd_fast.model import State

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SO_TIMESTAMPNS = 35
VIP4, VIP6 = IPv4Address("10.9.9.9"), IPv6Address("fe80::9")
_libc = ctypes.CDLL(None, use_errno=True)


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Place:
    """Another network namespace; `with place:` the thread is there, and what it opens stays there."""

    def __init__(self) -> None:
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _call(_libc.unshare(CLONE_NEWNET))
        self._there = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        Path("/proc/sys/net/ipv6/conf/default/addr_gen_mode").write_text("1")
        _call(_libc.setns(self._home, CLONE_NEWNET))

    @property
    def path(self) -> str:
        """How ip(8) finds it."""
        return f"/proc/{os.getpid()}/fd/{self._there}"

    def __enter__(self) -> None:
        _call(_libc.setns(self._there, CLONE_NEWNET))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _call(_libc.setns(self._home, CLONE_NEWNET))

    def close(self) -> None:
        os.close(self._there)
        os.close(self._home)


def mac(side: str, number: int) -> str:
    return f"02:00:00:00:{side}0:{number:02x}"


def address(side: str, number: int, family: int = 4) -> IP:
    """The primary address of a0 is 10.0.0.1 and fe80::1, that of b0 10.0.0.2 and fe80::2."""
    last = 1 if side == "a" else 2
    return IPv4Address(f"10.0.{number}.{last}") if family == 4 else IPv6Address(f"fe80::{last}")


def linked(links: int = 1) -> Place:
    """Make that many links; both ends are up and have their addresses."""
    place = closed_later(Place())
    make: list[str] = []
    here: list[str] = []
    there: list[str] = []
    for n in range(links):
        make.append(
            f"link add a{n} address {mac('a', n)} type veth "
            f"peer name b{n} address {mac('b', n)} netns {place.path}"
        )
        for side, commands in (("a", here), ("b", there)):
            commands += [
                f"link set {side}{n} up",
                f"addr add {address(side, n)}/24 dev {side}{n}",
                f"addr add {address(side, n, 6)}/64 dev {side}{n} nodad",
            ]
    ip(*make, *here)
    with place:
        ip(*there)
    return place


class Node:
    """An engine with all its sockets: in the thread's own namespace, or on the b side in a Place.

    With `absorbs` the kernel filter takes what a steady master sends.
    """

    def __init__(self, place: Place | None = None, *, absorbs: bool = False) -> None:
        self.side = "a" if place is None else "b"
        self.hooks = 0
        self._place = nullcontext() if place is None else place
        with self._place:
            self.sockets = closed_later(Sockets())
        self.memberships = closed_later(Memberships())
        receive6, unicast6 = self.sockets.receive6, self.sockets.unicast6
        assert receive6 is not None and unicast6 is not None
        steady = closed_later(SteadyFilter(1)) if absorbs else None
        if steady is not None:
            steady.attach(self.sockets.receive4.fileno())
            steady.attach(receive6.fileno())
        self.engine = Engine(
            self._hook,
            receive4=self.sockets.receive4.fileno(),
            receive6=receive6.fileno(),
            packet=self.sockets.packet.fileno(),
            unicast4=self.sockets.unicast4.fileno(),
            unicast6=unicast6.fileno(),
            steady=steady,
        )
        self.readers: dict[int, Callable[[], None]] = {
            self.engine.timer_fd: self.engine.on_timer,
            self.sockets.receive4.fileno(): self.engine.on_readable4,
            receive6.fileno(): self.engine.on_readable6,
        }

    def _hook(self) -> None:
        self.hooks += 1

    def add(
        self,
        link: int = 0,
        *,
        vrid: int = 51,
        family: int = 4,
        version: int = 3,
        priority: int = 100,
        interval_cs: int = 10,
        peers: Sequence[IP] = (),
        equip: bool = True,
        **more: Any,
    ) -> int:
        """A virtual router that is ready to start."""
        device = f"{self.side}{link}"
        source = address(self.side, link, family)
        with self._place:
            ifindex = socket.if_nametoindex(device)
            if not peers:
                self.memberships.join(ifindex, group(family))
        handle = self.engine.add(
            ifindex=ifindex,
            family=family,
            vrid=vrid,
            version=version,
            priority=priority,
            advert_int_cs=interval_cs,
            addresses=[vip(family).packed],
            peers=[peer.packed for peer in peers],
            **more,
        )
        self.engine.move(handle, ifindex, source.packed)
        if equip:
            values = {"vrid": vrid, "priority": priority, "interval_cs": interval_cs, "version": version}
            datagrams = [advert(source, peer, **values) for peer in peers or (group(family),)]
            self.engine.equip(handle, datagrams)
        return handle

    def start(self, *handles: int) -> None:
        for handle in handles:
            self.engine.start(handle, self.engine.now_ns())
        self.engine.settle()

    def state(self, handle: int) -> State:
        return self.engine.snapshot(handle).state

    def counter(self, handle: int, name: str) -> int:
        return self.engine.snapshot(handle).statistics[name]


class Tap:
    """What arrives on an interface, with the kernel's time stamps."""

    def __init__(self, device: str) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self._socket = closed_later(
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL))
        )
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((device, ETH_P_ALL))
        self.readers: dict[int, Callable[[], None]] = {self._socket.fileno(): self._read}

    def _read(self) -> None:
        frame, beside, _, name = self._socket.recvmsg(9000, 64)
        if name[2] != PACKET_OUTGOING:
            seconds, nanoseconds = struct.unpack("qq", beside[0][2])
            self.frames.append((seconds * 1_000_000_000 + nanoseconds, frame))

    def forget(self) -> None:
        """Everything up to now, read or not."""
        with suppress(BlockingIOError):
            while True:
                self._read()
        self.frames.clear()

    @property
    def adverts(self) -> list[Seen]:
        read = (read_advert(time_ns, "", 0, frame) for time_ns, frame in self.frames)
        return [each for each in read if each is not None]


class Talker:
    """Sends datagrams as they are out of any interface of the namespace where it was made."""

    def __init__(self) -> None:
        self._socket = closed_later(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0))

    def say(self, device: str, datagram: bytes, to: str | None = None) -> None:
        is_ipv4 = datagram[0] >> 4 == 4
        target = to or (GROUP4_MAC if is_ipv4 else GROUP6_MAC)
        kind = ETH_IPV4 if is_ipv4 else ETH_IPV6
        self._socket.sendto(datagram, (device, kind, 0, 0, mac_bytes(target)))


def vip(family: int) -> IP:
    return VIP4 if family == 4 else VIP6


def group(family: int) -> IP:
    return GROUP4 if family == 4 else GROUP6


def advert(source: IP, destination: IP | None = None, **values: Any) -> bytes:
    """The datagram of an advert for the address that all virtual routers here have."""
    family = source.version
    fields = {"version": 3, "vrid": 51, "priority": 100, "interval_cs": 10, **values}
    destination = destination if destination is not None else group(family)
    return pack_advert(
        family=family,
        addresses=[vip(family).packed],
        source=source.packed,
        destination=destination.packed,
        **fields,
    )


def serve(*served: Node | Tap, until: Callable[[], object], timeout: float = 5.0, what: str = "") -> None:
    """Do what the loop would, until the condition holds; AssertionError when it does not in time."""
    readers = {fd: reader for each in served for fd, reader in each.readers.items()}
    poll = select.poll()
    for fd in readers:
        poll.register(fd, select.POLLIN)
    deadline = time.monotonic() + timeout
    while not until():
        left = deadline - time.monotonic()
        assert left > 0, f"not within {timeout} s: {what or until}"
        for fd, _ in poll.poll(min(left * 1000 + 1, 20)):
            readers[fd]()


def serve_for(*served: Node | Tap, seconds: float) -> None:
    end = time.monotonic() + seconds
    serve(*served, until=lambda: time.monotonic() >= end, timeout=seconds + 5)
