"""What the kernel knows of a neighbour (ARP and ND), and having it find out (linux/neighbour.h)."""

import enum
import errno
import socket
import struct

from vrrpd_fast.net import rtnl
from vrrpd_fast.net.netlink import Netlink

_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
_NDMSG = struct.Struct("=BxxxiHBB")  # struct ndmsg: family, interface, state, flags, type
_NDA_DST = 1
_NTF_USE = 1
_AF = {4: socket.AF_INET, 16: socket.AF_INET6}


class Nud(enum.IntFlag):
    """NUD_ of linux/neighbour.h; 0 (NONE): nothing is known."""

    INCOMPLETE = 0x01
    REACHABLE = 0x02
    STALE = 0x04
    DELAY = 0x08
    PROBE = 0x10
    FAILED = 0x20
    NOARP = 0x40
    PERMANENT = 0x80


NONE = Nud(0)
SETTLED = Nud.NOARP | Nud.PERMANENT  # somebody has said so: there is nothing to find out
VERIFIED = SETTLED | Nud.REACHABLE
ADDRESS_KNOWN = VERIFIED | Nud.STALE | Nud.DELAY | Nud.PROBE


def state(netlink: Netlink, ifindex: int, address: bytes) -> Nud:
    """Its state now; NONE when the kernel has no entry. OSError: there is no such interface."""
    try:
        answers = netlink.dump(_message(_RTM_GETNEIGH, 0, ifindex, NONE, 0, address))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return NONE
        raise
    for answer in answers:
        found = parse(answer)
        if found is not None and found[:2] == (ifindex, address):
            return found[2]
    return NONE


def verify(netlink: Netlink, ifindex: int, address: bytes) -> Nud:
    """Have the kernel solicit the neighbour if it is not doing so; its state at that moment.

    An address that is known is asked by unicast at once (NUD_PROBE), even if it counts as reachable; another
    one is resolved. What is settled stays as it is. OSError as in `state`, or without CAP_NET_ADMIN.
    """
    now = state(netlink, ifindex, address)
    if now & SETTLED or now & (Nud.PROBE | Nud.INCOMPLETE):
        return now
    if now & ADDRESS_KNOWN:
        request = _message(_RTM_NEWNEIGH, rtnl.NLM_F_REPLACE, ifindex, Nud.PROBE, 0, address)
        now = Nud.PROBE
    else:
        flags = rtnl.NLM_F_CREATE | rtnl.NLM_F_REPLACE
        request = _message(_RTM_NEWNEIGH, flags, ifindex, NONE, _NTF_USE, address)
        now = Nud.INCOMPLETE
    for failure in netlink.transact([bytearray(request)]):
        if failure.errno not in (errno.ENOENT, errno.EINVAL):  # it has just gone, or lost its address
            raise OSError(failure.errno, failure.text)
    return now


def parse(message: rtnl.Buffer) -> tuple[int, bytes, Nud] | None:
    """Interface, address and state in an RTM_NEWNEIGH, header and all; None when it is broken."""
    start = rtnl.HEADER.size
    if len(message) - start < _NDMSG.size or rtnl.HEADER.unpack_from(message)[1] != _RTM_NEWNEIGH:
        return None
    family, ifindex, nud, _, _ = _NDMSG.unpack_from(message, start)
    for kind, value, end in rtnl.attributes(message, start + _NDMSG.size, len(message)):
        if kind == _NDA_DST and _AF.get(end - value) == family:
            return ifindex, bytes(message[value:end]), Nud(nud & 0xFF)
    return None


def _message(command: int, flags: int, ifindex: int, nud: Nud, ntf: int, address: bytes) -> bytes:
    body = _NDMSG.pack(_AF[len(address)], ifindex, nud, ntf, 0) + rtnl.attribute(_NDA_DST, address)
    if command == _RTM_GETNEIGH:
        flags |= rtnl.NLM_F_ACK
    return rtnl.HEADER.pack(rtnl.HEADER.size + len(body), command, flags | rtnl.NLM_F_REQUEST, 0, 0) + body
