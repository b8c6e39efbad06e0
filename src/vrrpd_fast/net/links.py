"""What the kernel knows of links and their addresses, kept current by its notifications.

One socket carries both the notifications and, in the same order, the answers to our dumps; so a dump may
run while notifications come in, and neither can overtake the other. All work is done in slices that a
loop full of adverts can bear. When the kernel had to drop notifications (ENOBUFS), everything is dumped
again, and what differs is reported as if it had been notified.
"""

import asyncio
import errno
import logging
import os
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct, field

from vrrpd_fast.model import OWNER_TAG, VirtualAddress
from vrrpd_fast.net import rtnl
from vrrpd_fast.net.messages import Key, parse_address
from vrrpd_fast.system import enlarge_buffer

SLICE_MESSAGES = 256
SLICE_NS = 1_000_000
RECEIVE_BUFFER = 8 << 20  # bytes; some 4000 links going down at once
_CLOCK_EVERY = 16  # messages between two looks at the clock
_DATAGRAM_BYTES = 1 << 16
_FIRST_DUMP_SECONDS = 10.0
_RETRY_SECONDS = 0.1  # after the kernel has refused a dump

_IFF_UP = 0x1
_IFF_RUNNING = 0x40
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU = 1, 3, 4
_UINT32 = struct.Struct("=I")
_IPV4_ECHO = struct.Struct("=BBxxIHH4sHH4s")  # struct ifaddrmsg, then IFA_ADDRESS, IFA_LOCAL
_OWNED = 1 << 32  # beside the IFA_F_ flags, which are 32 bits: the address was put there by us

_log = logging.getLogger(__name__)

Address = tuple[int, bytes, int]  # IP version, packed address, prefix length


class Link(Struct, kw_only=True, eq=False):
    """A network interface as it is now; `up` means administratively up with carrier (IFF_UP and IFF_RUNNING).

    `ipv4` is the primary address, `ipv6` the first link-local address that may be used; neither is a
    virtual one, but see LinkMonitor._choose for an owner. `addresses` are all of them, virtual or not, in
    the kernel's order; the values are private to the monitor.
    """

    name: str
    index: int
    serial: int = 0  # no other link of this run has it, also when the kernel uses an index again
    up: bool = False
    mtu: int = 0
    mac: bytes = b""
    ipv4: bytes | None = None
    ipv6: bytes | None = None
    addresses: dict[Address, int] = field(default_factory=dict)

    def carries(self, address: VirtualAddress) -> bool:
        """Whether the address is there, with the prefix length it is to have."""
        return (address.address.version, address.address.packed, address.kernel_prefixlen) in self.addresses

    def has(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether the address is there, with whatever prefix length."""
        version, packed = address.version, address.packed
        return any((version, packed, length) in self.addresses for length in range(address.max_prefixlen + 1))


class LinkMonitor:
    """Links by name and index, and word of what changes about them.

    - `own_ports`: port ids of our own request sockets (Netlink.port_id); their doings are no news.
    - `is_virtual(ifindex, packed)`: whether an address is one of our virtual addresses.
    - `on_change(names)`: links that came, went or changed in anything that Link shows but `addresses`, or
      among them one for which `is_watched(packed)` holds; once per slice.
    - `on_address_lost(ifindex, packed, prefixlen)`: someone else removed a virtual address from a link
      that is up; called after the on_change of the same slice.
    - `on_resync()`: after lost notifications all has been read again; `Link.addresses` can be relied on.

    The constructor reads everything there is; the callbacks come from the loop only.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        own_ports: set[int],
        is_virtual: Callable[[int, bytes], bool],
        on_change: Callable[[set[str]], None],
        on_address_lost: Callable[[int, bytes, int], None],
        on_resync: Callable[[], None] | None = None,
        *,
        is_watched: Callable[[bytes], bool] = lambda packed: False,
        receive_buffer: int = RECEIVE_BUFFER,
    ) -> None:
        self.overruns = 0  # times the kernel dropped notifications
        self._loop = loop
        self._own_ports = own_ports
        self._is_virtual = is_virtual
        self._is_watched = is_watched
        self._on_change = on_change
        self._on_address_lost = on_address_lost
        self._on_resync = on_resync
        self._serial = 0
        self._by_index: dict[int, Link] = {}
        self._by_name: dict[str, Link] = {}

        self._buffer = bytearray(_DATAGRAM_BYTES)
        self._start = self._end = 0  # what of the buffer is still to be read
        self._turn: asyncio.Handle | None = None

        # What this slice has found out.
        self._dirty: set[int] = set()
        self._changed: set[str] = set()
        self._lost: list[Key] = []
        self._shown: dict[int, tuple[object, ...]] = {}  # link index → what was last reported of it

        self._own_removal: tuple[int, int, Key] | None = None  # port, sequence, address
        self._removing: Counter[Key] = Counter()  # IPv6 addresses that we removed, still to be notified

        # A dump: whether one is due, what is being asked for (0: none runs), what it and the notifications
        # meanwhile have shown to exist, and the links yet to be compared with that.
        self._dump_due = True
        self._dump_command = 0
        self._dump_sequence = 0
        self._retry: asyncio.TimerHandle | None = None
        self._seen_links: set[int] = set()
        self._seen_addresses: set[Key] = set()
        self._sweep: list[Link] = []
        self._swept = False

        self._socket = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            socket.NETLINK_ROUTE,
        )
        try:
            enlarge_buffer(self._socket, socket.SO_RCVBUF, receive_buffer)
            self._socket.bind((0, rtnl.RTMGRP_LINK | rtnl.RTMGRP_IPV4_IFADDR | rtnl.RTMGRP_IPV6_IFADDR))
            self._port: int = self._socket.getsockname()[0]
            self._read_all()
        except BaseException:
            self._socket.close()
            raise
        # libuv stops watching a descriptor for good when it sees an error pending on it, as ENOBUFS is. An
        # epoll set is readable in that case, and never in error itself.
        self._watched = select.epoll()
        self._watched.register(self._socket, select.EPOLLIN)
        loop.add_reader(self._watched.fileno(), self._readable)

    def close(self) -> None:
        """Stop listening. No callback comes afterwards."""
        if self._watched.closed:
            return
        self._loop.remove_reader(self._watched.fileno())
        self._watched.close()
        for handle in (self._turn, self._retry):
            if handle is not None:
                handle.cancel()
        self._socket.close()

    def enlarge(self, receive_buffer: int) -> None:
        """Have room for so many bytes of notifications, and never for less than usual."""
        enlarge_buffer(self._socket, socket.SO_RCVBUF, max(receive_buffer, RECEIVE_BUFFER))

    def get(self, name: str) -> Link | None:
        return self._by_name.get(name)

    def has(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether any link has the address."""
        return any(link.has(address) for link in self._by_index.values())

    def by_index(self, index: int) -> Link | None:
        return self._by_index.get(index)

    def removed(self, ifindex: int, packed: bytes, prefixlen: int) -> None:
        """We have just removed this address, which is not a loss.

        Needed for IPv6 only: its notifications do not name the port that asked. Call it in the same turn
        of the loop as the removal, before the notification is read.
        """
        if len(packed) == 16:
            self._removing[ifindex, packed, prefixlen] += 1

    def reelect(self) -> None:
        """What is_virtual says has changed: choose all links' addresses anew, report in the next turn."""
        self._dirty.update(self._by_index)
        self._schedule()

    # -- slices

    def _readable(self) -> None:
        if self._turn is None:
            self._slice()

    def _schedule(self) -> None:
        if self._turn is None:
            self._turn = self._loop.call_soon(self._slice)

    def _slice(self) -> None:
        self._turn = None
        until_ns = time.monotonic_ns() + SLICE_NS
        for done in range(1, SLICE_MESSAGES + 1):
            if not self._step():
                break
            if done % _CLOCK_EVERY == 0 and time.monotonic_ns() >= until_ns:
                self._schedule()
                break
        else:
            self._schedule()
        self._report()

    def _step(self) -> bool:
        """Do one piece of work: a message, or comparing a link after a dump. False when all is done."""
        if self._start < self._end or self._receive():
            self._message()
        elif self._dump_due and not self._dump_command:
            self._begin_dump()
        elif self._sweep:
            self._sweep_link(self._sweep.pop())
        else:
            return False
        return True

    def _report(self) -> None:
        for index in self._dirty:
            link = self._by_index.get(index)
            if link is None:
                continue
            self._elect(link)
            shown = (link.name, link.up, link.mtu, link.mac, link.ipv4, link.ipv6)
            if self._shown.get(index) != shown:
                self._shown[index] = shown
                self._changed.add(link.name)
        self._dirty.clear()
        changed, self._changed = self._changed, set()
        lost, self._lost = self._lost, []
        swept, self._swept = self._swept, False
        if changed:
            self._on_change(changed)
        for ifindex, packed, prefixlen in lost:
            link = self._by_index.get(ifindex)
            # On a link that went down there is nothing to put back, and what is back already is not lost.
            if link is not None and link.up and (_version(packed), packed, prefixlen) not in link.addresses:
                self._on_address_lost(ifindex, packed, prefixlen)
        if swept and self._on_resync is not None:
            self._on_resync()

    # -- reading

    def _receive(self) -> bool:
        """Fetch the next datagram; False when none waits."""
        while True:
            try:
                self._start, self._end = 0, self._socket.recv_into(self._buffer)
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._overrun()
            else:
                return self._end > 0

    def _message(self) -> None:
        start = self._start
        self._start = self._end  # unless this message says where the next one begins
        if self._end - start < rtnl.HEADER.size:
            return
        length, kind, flags, sequence, port = rtnl.HEADER.unpack_from(self._buffer, start)
        if length < rtnl.HEADER.size:
            return
        end = min(start + length, self._end)
        self._start = min(start + ((length + 3) & ~3), self._end)
        body = start + rtnl.HEADER.size
        answer = port == self._port and sequence == self._dump_sequence
        if answer and flags & rtnl.NLM_F_DUMP_INTR:
            self._dump_due = True  # torn by a change
        if kind == rtnl.RTM_NEWADDR:
            if port in self._own_ports:
                self._own_address(body, end)
            else:
                self._new_address(body, end)
        elif kind == rtnl.RTM_DELADDR:
            self._del_address(body, end, port, sequence)
        elif kind == rtnl.RTM_NEWLINK:
            self._new_link(body, end)
        elif kind == rtnl.RTM_DELLINK:
            self._del_link(body, end)
        elif answer and kind in (rtnl.NLMSG_DONE, rtnl.NLMSG_ERROR):
            self._dump_done(kind == rtnl.NLMSG_ERROR)

    def _new_link(self, start: int, end: int) -> None:
        if end - start < rtnl.IFINFO.size:
            return
        family, _, index, flags, _ = rtnl.IFINFO.unpack_from(self._buffer, start)
        if family != socket.AF_UNSPEC:  # a bridge speaking of its port
            return
        name, mtu, mac = self._link_attributes(start + rtnl.IFINFO.size, end)
        link = self._by_index.get(index)
        if link is None:
            if name is None:
                return
            self._serial += 1
            link = self._by_index[index] = Link(name=name, index=index, serial=self._serial)
            self._by_name[name] = link
        elif name is not None and (name != link.name or self._by_name.get(name) is not link):
            self._forget_name(link)
            link.name = name
            self._by_name[name] = link
        link.up = flags & (_IFF_UP | _IFF_RUNNING) == _IFF_UP | _IFF_RUNNING
        link.mac = link.mac if mac is None else mac
        link.mtu = link.mtu if mtu is None else mtu
        self._dirty.add(index)
        if self._dump_command or self._sweep:
            self._seen_links.add(index)

    def _link_attributes(self, start: int, end: int) -> tuple[str | None, int | None, bytes | None]:
        """IFLA_IFNAME, IFLA_MTU, IFLA_ADDRESS; its own walk, because thirty others lie between."""
        name = mtu = None
        buffer, unpack = self._buffer, rtnl.ATTRIBUTE.unpack_from
        while end - start >= 4:
            length, kind = unpack(buffer, start)
            if length < 4 or start + length > end:
                break
            if kind == _IFLA_IFNAME:
                name = os.fsdecode(bytes(buffer[start + 4 : start + length]).rstrip(b"\0"))
            elif kind == _IFLA_MTU and length == 8:
                (mtu,) = _UINT32.unpack_from(buffer, start + 4)
            elif kind == _IFLA_ADDRESS:
                # The kernel puts it behind the other two; much more follows.
                return name, mtu, bytes(buffer[start + 4 : start + length])
            start += (length + 3) & ~3
        return name, mtu, None

    def _del_link(self, start: int, end: int) -> None:
        if end - start < rtnl.IFINFO.size:
            return
        family, _, index, _, _ = rtnl.IFINFO.unpack_from(self._buffer, start)
        link = self._by_index.get(index)
        if family == socket.AF_UNSPEC and link is not None:
            self._link_gone(link)

    def _own_address(self, start: int, end: int) -> None:
        """An address that we have added. A takeover brings thousands, and there is nothing to tell."""
        key = self._own_key(start, end)
        if key is None:
            return
        ifindex, packed, prefixlen = key
        if self._dump_command or self._sweep:
            self._seen_addresses.add(key)
        link = self._by_index.get(ifindex)
        if link is not None:
            link.addresses.setdefault((_version(packed), packed, prefixlen), _OWNED)

    def _own_key(self, start: int, end: int) -> Key | None:
        """The address in the echo of a request of ours: usually the second attribute."""
        if end - start >= _IPV4_ECHO.size:
            family, prefixlen, ifindex, _, _, _, length, kind, packed = _IPV4_ECHO.unpack_from(
                self._buffer, start
            )
            if family == socket.AF_INET and kind == rtnl.IFA_LOCAL and length == 8:
                return ifindex, packed, prefixlen
        parsed = parse_address(self._buffer, start, end)
        return parsed and parsed[0]

    def _new_address(self, start: int, end: int) -> None:
        parsed = parse_address(self._buffer, start, end)
        if parsed is None:
            return
        key, flags, protocol = parsed
        ifindex, packed, prefixlen = key
        if self._dump_command or self._sweep:
            self._seen_addresses.add(key)
        link = self._by_index.get(ifindex)
        if link is None:
            return
        address = (_version(packed), packed, prefixlen)
        if address not in link.addresses and self._is_watched(packed):
            self._changed.add(link.name)
        # The owner marks with our tag an address that was there before (RFC 9568 6.1): it stays another's.
        if protocol == OWNER_TAG and link.addresses.get(address, _OWNED) & _OWNED:
            flags |= _OWNED
        link.addresses[address] = flags
        if not (flags & _OWNED and self._is_virtual(ifindex, packed)):
            self._dirty.add(ifindex)

    def _del_address(self, start: int, end: int, port: int, sequence: int) -> None:
        own = port in self._own_ports
        if own:
            key = self._own_key(start, end)
        else:
            parsed = parse_address(self._buffer, start, end)
            key = parsed and parsed[0]
        if key is None:
            return
        self._seen_addresses.discard(key)
        if own:
            # Removing a primary IPv4 address takes its secondaries with it unless promote_secondaries is
            # set. The kernel tells of those first, with the sequence number of the same request: what is
            # followed by another was not asked for.
            previous, self._own_removal = self._own_removal, (port, sequence, key)
            if previous is not None and previous[:2] == (port, sequence):
                self._address_gone(previous[2], lost=True)
            self._address_gone(key, lost=False)
        else:
            asked = self._removing.pop(key, 0)
            if asked > 1:
                self._removing[key] = asked - 1
            self._address_gone(key, lost=not asked)

    # -- what follows from it

    def _address_gone(self, key: Key, *, lost: bool) -> None:
        ifindex, packed, prefixlen = key
        link = self._by_index.get(ifindex)
        if link is None:
            return
        link.addresses.pop((_version(packed), packed, prefixlen), None)
        if self._is_watched(packed):
            self._changed.add(link.name)
        if not self._is_virtual(ifindex, packed):
            self._dirty.add(ifindex)
            return
        if packed in (link.ipv4, link.ipv6):
            self._dirty.add(ifindex)
        if lost:
            self._lost.append(key)

    def _link_gone(self, link: Link) -> None:
        del self._by_index[link.index]
        self._shown.pop(link.index, None)
        self._seen_links.discard(link.index)
        self._removing = Counter({key: n for key, n in self._removing.items() if key[0] != link.index})
        self._forget_name(link)

    def _forget_name(self, link: Link) -> None:
        self._changed.add(link.name)
        if self._by_name.get(link.name) is link:
            del self._by_name[link.name]

    def _elect(self, link: Link) -> None:
        link.ipv4 = self._choose(link, 4)
        link.ipv6 = self._choose(link, 6)

    def _choose(self, link: Link, version: int) -> bytes | None:
        """The address adverts are sent from: the first that is not virtual, a primary before a secondary.

        A virtual address serves when there is no other and it was not put there by us: that of its owner
        (RFC 9568 6.1).
        """
        best, best_rank = None, 3
        for (address_version, packed, _), flags in link.addresses.items():
            if address_version != version or (version == 6 and not _is_usable_link_local(packed, flags)):
                continue
            if not self._is_virtual(link.index, packed):
                rank = 1 if version == 4 and flags & rtnl.IFA_F_SECONDARY else 0
            elif not flags & _OWNED:
                rank = 2
            else:
                continue
            if rank < best_rank:
                best, best_rank = packed, rank
                if rank == 0:
                    break
        return best

    # -- reading everything

    def _read_all(self) -> None:
        """The first dump, waited for."""
        deadline = time.monotonic() + _FIRST_DUMP_SECONDS
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while self._dump_due or self._dump_command or self._sweep:
            left = deadline - time.monotonic()
            if self._retry is not None or left <= 0:
                raise OSError(errno.EIO, "the kernel does not list its links")
            if not self._step():
                poll.poll(left * 1000)
        for link in self._by_index.values():
            self._elect(link)
            self._shown[link.index] = (link.name, link.up, link.mtu, link.mac, link.ipv4, link.ipv6)
        self._dirty.clear()
        self._changed.clear()
        self._lost.clear()
        self._swept = False

    def _overrun(self) -> None:
        """Notifications were dropped. None comes before the queue is empty; then we ask for everything."""
        self.overruns += 1
        self._own_removal = None
        self._removing.clear()
        if not self._dump_due:
            self._dump_due = True
            _log.warning("the kernel dropped link notifications: reading all links and addresses again")

    def _begin_dump(self) -> None:
        self._dump_due = False
        self._seen_links.clear()
        self._seen_addresses.clear()
        self._sweep.clear()
        self._request(rtnl.RTM_GETLINK, rtnl.IFINFO.size)

    def _request(self, command: int, body: int) -> None:
        self._dump_command = command
        self._dump_sequence += 1
        header = rtnl.HEADER.pack(
            rtnl.HEADER.size + body, command, rtnl.NLM_F_REQUEST | rtnl.NLM_F_DUMP, self._dump_sequence, 0
        )
        try:
            self._socket.send(header + bytes(body))
        except OSError:
            self._dump_failed()

    def _dump_done(self, failed: bool) -> None:
        command, self._dump_command = self._dump_command, 0
        if failed:
            self._dump_failed()
        elif self._dump_due:
            return  # again, as soon as the queue is empty
        elif command == rtnl.RTM_GETLINK:
            self._request(rtnl.RTM_GETADDR, rtnl.IFADDR.size)
        else:
            self._sweep = list(self._by_index.values())

    def _dump_failed(self) -> None:
        """Try again, but not at once: there may be no memory."""
        self._dump_command = 0
        self._dump_due = False
        self._retry = self._loop.call_later(_RETRY_SECONDS, self._retry_dump)

    def _retry_dump(self) -> None:
        self._retry = None
        self._dump_due = True
        self._schedule()

    def _sweep_link(self, link: Link) -> None:
        """Take from the picture what the dump did not show, as if its removal had been notified."""
        if self._by_index.get(link.index) is link:
            if link.index not in self._seen_links:
                self._link_gone(link)
            else:
                keys = [(link.index, packed, prefixlen) for _, packed, prefixlen in link.addresses]
                for key in keys:
                    if key not in self._seen_addresses:
                        self._address_gone(key, lost=True)
        self._swept = not self._sweep


def _version(packed: bytes) -> int:
    return 4 if len(packed) == 4 else 6


def _is_usable_link_local(packed: bytes, flags: int) -> bool:
    if packed[0] != 0xFE or packed[1] & 0xC0 != 0x80:  # fe80::/10
        return False
    if flags & rtnl.IFA_F_DADFAILED:
        return False
    return not flags & rtnl.IFA_F_TENTATIVE or bool(flags & rtnl.IFA_F_OPTIMISTIC)
