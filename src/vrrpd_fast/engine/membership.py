"""Which multicast groups the host listens to, on which links.

A raw socket receives what any socket of the host has joined (IP_MULTICAST_ALL, on by default), so the
memberships sit on UDP sockets that are never read: the kernel allows 20 IPv4 groups per socket
(net.ipv4.igmp_max_memberships), and another holder is opened when one is full.
"""

import errno
import socket
import struct
from ipaddress import IPv4Address, IPv6Address


class Memberships:
    """Counted memberships: a group is left when the last who joined it leaves."""

    def __init__(self) -> None:
        self._holders: list[socket.socket] = []
        self._room: dict[int, list[socket.socket]] = {socket.AF_INET: [], socket.AF_INET6: []}
        self._joined: dict[tuple[int, IPv4Address | IPv6Address], tuple[socket.socket, int]] = {}

    def join(self, ifindex: int, group: IPv4Address | IPv6Address) -> None:
        """Listen to `group` on a link. OSError (ENODEV) when there is no such link."""
        key = (ifindex, group)
        if key in self._joined:
            holder, count = self._joined[key]
            self._joined[key] = (holder, count + 1)
            return
        family = socket.AF_INET if group.version == 4 else socket.AF_INET6
        room = self._room[family]
        while room:
            try:
                _join(room[-1], ifindex, group)
            except OSError as error:
                if error.errno not in (errno.ENOBUFS, errno.ENOMEM):
                    raise
                room.pop()
            else:
                self._joined[key] = (room[-1], 1)
                return
        holder = socket.socket(family, socket.SOCK_DGRAM)
        try:
            _join(holder, ifindex, group)
        except OSError:
            holder.close()
            raise
        self._holders.append(holder)
        room.append(holder)
        self._joined[key] = (holder, 1)

    def leave(self, ifindex: int, group: IPv4Address | IPv6Address) -> None:
        """Undo one join. When the link is gone the kernel has already left the group."""
        key = (ifindex, group)
        holder, count = self._joined.pop(key)
        if count > 1:
            self._joined[key] = (holder, count - 1)
            return
        try:
            _leave(holder, ifindex, group)
        except OSError as error:
            if error.errno not in (errno.ENODEV, errno.EADDRNOTAVAIL, errno.ENXIO):
                raise
        room = self._room[socket.AF_INET if group.version == 4 else socket.AF_INET6]
        if holder not in room:
            room.append(holder)

    def close(self) -> None:
        for holder in self._holders:
            holder.close()


def _request(ifindex: int, group: IPv4Address | IPv6Address) -> bytes:
    if group.version == 4:
        return struct.pack("=4s4si", group.packed, bytes(4), ifindex)  # struct ip_mreqn
    return struct.pack("=16sI", group.packed, ifindex)  # struct ipv6_mreq


def _join(holder: socket.socket, ifindex: int, group: IPv4Address | IPv6Address) -> None:
    if group.version == 4:
        holder.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, _request(ifindex, group))
    else:
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, _request(ifindex, group))


def _leave(holder: socket.socket, ifindex: int, group: IPv4Address | IPv6Address) -> None:
    if group.version == 4:
        holder.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, _request(ifindex, group))
    else:
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP, _request(ifindex, group))
