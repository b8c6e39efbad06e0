"""pyroute2's words for rtnetlink, without the rest of pyroute2, and the walk over attributes.

`import pyroute2` runs its whole API: 90 to 180 ms and 13 MiB. The message classes and numbers used here
are a tenth of the library: 4 ms and 0.4 MiB. They are loaded below a bare parent package, which leaves
sys.modules again, so that whoever imports pyroute2 itself gets a complete one of his own.
"""

import importlib
import importlib.util
import struct
import sys
from collections.abc import Iterator
from types import ModuleType

Buffer = bytes | bytearray | memoryview

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
IFADDR = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, index
IFINFO = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
RTMSG = struct.Struct("=BBBBBBBBI")  # struct rtmsg, and struct fib_rule_hdr, which is laid out alike
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER


def _load(*names: str) -> list[ModuleType]:
    """Import submodules of pyroute2 without running its __init__."""
    if "pyroute2" in sys.modules:
        return [importlib.import_module(name) for name in names]
    spec = importlib.util.find_spec("pyroute2")
    if spec is None:
        raise ModuleNotFoundError("No module named 'pyroute2'", name="pyroute2")
    sys.modules["pyroute2"] = importlib.util.module_from_spec(spec)
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "pyroute2"]:
            del sys.modules[name]


_netlink, _rtnl, _ifaddrmsg = _load(
    "pyroute2.netlink", "pyroute2.netlink.rtnl", "pyroute2.netlink.rtnl.ifaddrmsg"
)

ifaddrmsg = _ifaddrmsg.ifaddrmsg

NLMSG_ERROR: int = _netlink.NLMSG_ERROR
NLMSG_DONE: int = _netlink.NLMSG_DONE
NLM_F_REQUEST: int = _netlink.NLM_F_REQUEST
NLM_F_ACK: int = _netlink.NLM_F_ACK
NLM_F_DUMP: int = _netlink.NLM_F_DUMP
NLM_F_DUMP_INTR: int = _netlink.NLM_F_DUMP_INTR
NLM_F_CREATE: int = _netlink.NLM_F_CREATE
NLM_F_REPLACE: int = _netlink.NLM_F_REPLACE
NLM_F_EXCL: int = _netlink.NLM_F_EXCL
NLM_F_APPEND: int = _netlink.NLM_F_APPEND
NLM_F_CAPPED: int = _netlink.NLM_F_CAPPED
NLM_F_ACK_TLVS: int = _netlink.NLM_F_ACK_TLVS

RTM_NEWLINK: int = _rtnl.RTM_NEWLINK
RTM_DELLINK: int = _rtnl.RTM_DELLINK
RTM_GETLINK: int = _rtnl.RTM_GETLINK
RTM_NEWADDR: int = _rtnl.RTM_NEWADDR
RTM_DELADDR: int = _rtnl.RTM_DELADDR
RTM_GETADDR: int = _rtnl.RTM_GETADDR
RTM_NEWROUTE: int = _rtnl.RTM_NEWROUTE
RTM_DELROUTE: int = _rtnl.RTM_DELROUTE
RTM_GETROUTE: int = _rtnl.RTM_GETROUTE
RTM_NEWRULE: int = _rtnl.RTM_NEWRULE
RTM_DELRULE: int = _rtnl.RTM_DELRULE
RTM_GETRULE: int = _rtnl.RTM_GETRULE
RTMGRP_LINK: int = _rtnl.RTMGRP_LINK
RTMGRP_IPV4_IFADDR: int = _rtnl.RTMGRP_IPV4_IFADDR
RTMGRP_IPV6_IFADDR: int = _rtnl.RTMGRP_IPV6_IFADDR
RTMGRP_IPV4_ROUTE: int = _rtnl.RTMGRP_IPV4_ROUTE
RTMGRP_IPV6_ROUTE: int = _rtnl.RTMGRP_IPV6_ROUTE
RTMGRP_IPV4_RULE: int = _rtnl.RTMGRP_IPV4_RULE
RTMGRP_IPV6_RULE: int = _rtnl.RTMGRP_IPV6_RULE

IFA_F_HOMEADDRESS: int = _ifaddrmsg.IFA_F_HOMEADDRESS
IFA_F_MANAGETEMPADDR: int = _ifaddrmsg.IFA_F_MANAGETEMPADDR
IFA_F_NOPREFIXROUTE: int = _ifaddrmsg.IFA_F_NOPREFIXROUTE
IFA_F_MCAUTOJOIN: int = _ifaddrmsg.IFA_F_MCAUTOJOIN
IFA_F_SECONDARY: int = _ifaddrmsg.IFA_F_SECONDARY
IFA_F_NODAD: int = _ifaddrmsg.IFA_F_NODAD
IFA_F_OPTIMISTIC: int = _ifaddrmsg.IFA_F_OPTIMISTIC
IFA_F_DADFAILED: int = _ifaddrmsg.IFA_F_DADFAILED
IFA_F_TENTATIVE: int = _ifaddrmsg.IFA_F_TENTATIVE

IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_FLAGS, IFA_PROTO = (
    [name for name, _ in ifaddrmsg.nla_map].index(f"IFA_{word}")
    for word in ("ADDRESS", "LOCAL", "BROADCAST", "FLAGS", "PROTO")
)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute as the kernel reads it, padded."""
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def attributes(buffer: Buffer, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Walk attributes: type, start and end of the value of each; a broken one ends the walk."""
    while end - start >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(buffer, start)
        if length < ATTRIBUTE.size or start + length > end:
            return
        yield kind & _TYPE_MASK, start + ATTRIBUTE.size, start + length
        start += (length + 3) & ~3


def messages(buffer: Buffer) -> Iterator[tuple[int, int, int, int, int]]:
    """Walk messages: type, flags, sequence, start and end of the payload; a broken one ends the walk."""
    start, end = 0, len(buffer)
    while end - start >= HEADER.size:
        length, kind, flags, sequence, _ = HEADER.unpack_from(buffer, start)
        if length < HEADER.size or start + length > end:
            return
        yield kind, flags, sequence, start + HEADER.size, start + length
        start += (length + 3) & ~3
