"""What went over the LANs, kept by the kernel in shared memory: a tap that takes no processor time."""

import ctypes
import mmap
import os
import socket
import struct
from collections.abc import Iterator

from lab.kit.net import Net, Port
from lab.kit.nsenter import socket_in
from lab.kit.packets import Advert, Announcement, read_advert, read_announcement

ETH_P_ALL = 0x0003
ETH_P_IP = 0x0800
SO_ATTACH_FILTER = 26  # asm-generic/socket.h
SOL_PACKET = 263  # linux/socket.h, and below linux/if_packet.h
PACKET_RX_RING = 5
PACKET_STATISTICS = 6
PACKET_VERSION = 10
PACKET_IGNORE_OUTGOING = 23
TPACKET_V2 = 1
BLOCK = 1 << 20
SLOT = 512  # of which some 80 bytes are the kernel's; an advert with 16 IPv6 addresses fits
HEADER = struct.Struct("=IIIHHII")  # status, length, what was kept of it, MAC, network, seconds, nanoseconds
IFINDEX = struct.Struct("=i")
IFINDEX_AT = 32 + 4  # in the sockaddr_ll behind the header

_libc = ctypes.CDLL(None, use_errno=True)


class Ring:
    """Frames as they enter the switch from the nodes, `room` at most; read when the test has time for it."""

    def __init__(self, net: Net, room: int = 1 << 16) -> None:
        self.adverts: list[Advert] = []
        self.announcements: list[Announcement] = []
        self._room = room
        self._next = 0
        links = {link["ifname"]: link["ifindex"] for link in net.ip_json("switch", "link", "show")}
        self._ports: dict[int, Port] = {links[port.peer]: port for port in net.ports.values()}
        self._socket = socket_in(net.switch, socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        size = struct.pack("=4I", BLOCK, room * SLOT // BLOCK, SLOT, room)
        self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, size)
        self._memory = mmap.mmap(self._socket.fileno(), room * SLOT)

    def start(self, port: Port | None = None) -> None:
        """Keep what comes from now on, at all ports or at one."""
        ifindex = next((index for index, each in self._ports.items() if each == port), 0)
        # struct sockaddr_ll; the socket module has no word for all links
        where = struct.pack("=HHi12x", socket.AF_PACKET, socket.htons(ETH_P_ALL), ifindex)
        if _libc.bind(self._socket.fileno(), where, len(where)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def read(self) -> None:
        """Take over what has come since the last time. AssertionError when there was more than fits."""
        for time_ns, port, frame in self._new():
            advert = read_advert(time_ns, port.node, port.lan, frame)
            if advert is not None:
                self.adverts.append(advert)
                continue
            announcement = read_announcement(time_ns, port.node, port.lan, frame)
            if announcement is not None:
                self.announcements.append(announcement)
        assert self._next < self._room, "the ring is full"

    def _new(self) -> Iterator[tuple[int, Port, bytes]]:
        while self._next < self._room:
            at = self._next * SLOT
            status, _, kept, mac, _, seconds, nanoseconds = HEADER.unpack_from(self._memory, at)
            if not status:
                return
            self._next += 1
            (ifindex,) = IFINDEX.unpack_from(self._memory, at + IFINDEX_AT)
            port = self._ports.get(ifindex)
            if port is not None:  # a bridge hands multicast to itself, too
                frame = self._memory[at + mac : at + mac + kept]
                yield seconds * 1_000_000_000 + nanoseconds, port, frame

    def by_router(self, sender: str) -> dict[tuple[int, int], list[Advert]]:
        """The adverts of a node, by LAN and VRID."""
        self.read()
        found: dict[tuple[int, int], list[Advert]] = {}
        for advert in self.adverts:
            if advert.sender == sender:
                found.setdefault((advert.lan, advert.vrid), []).append(advert)
        return found

    def close(self) -> None:
        self._memory.close()
        self._socket.close()


class Counter:
    """How many IPv4 packets of one sender have come in at a node's port, whether or not anybody took them."""

    def __init__(self, net: Net, node: str, sender: str, lan: int = 0) -> None:
        self._count = 0
        self._socket = socket_in(net.namespace(node), socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        # A classic filter: load the word at 12 (the source); if it is the sender's, keep 64 bytes, else none.
        instructions = (
            (0x20, 0, 0, 12),
            (0x15, 0, 1, int(net.port(sender, lan).ipv4)),
            (6, 0, 0, 64),
            (6, 0, 0, 0),
        )
        code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in instructions))
        program = struct.pack("@HP", len(instructions), ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        self._socket.bind((net.port(node, lan).interface, ETH_P_IP))

    def read(self) -> int:
        """Since the start; those that found no room in this socket are counted, too."""
        counts = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)  # and they begin at 0 again
        self._count += struct.unpack("=2I", counts)[0]
        return self._count

    def close(self) -> None:
        self._socket.close()
