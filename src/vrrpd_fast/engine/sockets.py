"""The sockets of the data plane, opened and set up; the engine gets their descriptors.

One raw receive socket per address family hears every link (a raw socket per link would make the kernel walk
them all for every packet). Which groups the host listens to is membership.py's business.
"""

import errno
import socket
import struct
from collections.abc import Callable, Collection

from vrrpd_fast.model import Family, Instance, Process
from vrrpd_fast.system import enlarge_buffer

IPPROTO_VRRP = 112
IP_PKTINFO = 8  # linux/in.h; the socket module has no name for it
IPV6_HDRINCL = 36  # linux/in6.h
SO_MEMINFO = 55  # asm-generic/socket.h

# 10,000 adverts that arrive at once fit: an skb of an advert is charged about 800 bytes.
BUFFER_BYTES = 16 << 20
# What one advert of each virtual router takes, at least, and of them all.
ADVERT_ROOM = 1024
LEAST_ROOM = 65536


class Sockets:
    """Every socket of the data plane; `receive6` and `unicast6` are None on a host without IPv6.

    PermissionError (EPERM) without CAP_NET_RAW.
    """

    def __init__(self) -> None:
        self.receive4 = _receiver(socket.AF_INET)
        self.receive6: socket.socket | None = None
        self.unicast6: socket.socket | None = None
        self.packet = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
        enlarge_buffer(self.packet, socket.SO_SNDBUF, BUFFER_BYTES)
        self.unicast4 = socket.socket(
            socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_RAW
        )
        enlarge_buffer(self.unicast4, socket.SO_SNDBUF, BUFFER_BYTES)
        try:
            self.receive6 = _receiver(socket.AF_INET6)
            self.unicast6 = socket.socket(
                socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_RAW
            )
            self.unicast6.setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
            enlarge_buffer(self.unicast6, socket.SO_SNDBUF, BUFFER_BYTES)
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:
                raise

    def drops(self) -> int:
        """Adverts that the kernel dropped for want of room in a receive buffer, since the start."""
        ears = [each for each in (self.receive4, self.receive6) if each is not None]
        # sk_meminfo: nine 32-bit numbers, the last of them drops (linux/sock_diag.h)
        return sum(
            struct.unpack("=9I", each.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))[8] for each in ears
        )

    def resize(self, size: int) -> None:
        """How many bytes may wait in each receive buffer, as the kernel charges them."""
        for each in (self.receive4, self.receive6):
            if each is not None:
                enlarge_buffer(each, socket.SO_RCVBUF, size)

    def close(self) -> None:
        for each in (self.receive4, self.receive6, self.packet, self.unicast4, self.unicast6):
            if each is not None:
                each.close()


def receive_bytes(process: Process, instances: Collection[Instance], mtu: Callable[[str], int]) -> int:
    """Receive buffer as vrrp_rx_bufs_policy wants it; `mtu` tells that of an interface.

    keepalived has a socket for each interface, here one hears them all: the sum of what theirs would have,
    but always room for an advert of each virtual router.
    """
    policy = process.receive_buffer
    if policy is None:
        return BUFFER_BYTES
    if policy == "mtu":
        size = sum(mtu(instance.interface) for instance in instances) * process.receive_multiplier
    elif policy == "advert":
        size = sum(map(_advert_bytes, instances)) * process.receive_multiplier
    else:
        size = int(policy)
    return max(size, ADVERT_ROOM * len(instances), LEAST_ROOM)


def _advert_bytes(instance: Instance) -> int:
    """Of the whole datagram."""
    header, each = (20, 4) if instance.family is Family.IPV4 else (40, 16)
    trailer = 8 if instance.version == 2 else 0  # authentication data
    return header + 8 + each * len(instance.virtual_addresses) + trailer


def _receiver(family: socket.AddressFamily) -> socket.socket:
    receiver = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, IPPROTO_VRRP)
    if family == socket.AF_INET:
        receiver.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    enlarge_buffer(receiver, socket.SO_RCVBUF, BUFFER_BYTES)
    return receiver
