"""The routing table of a VRF device (linux/if_link.h: IFLA_VRF_TABLE)."""

import struct

from vrrpd_fast.net import rtnl
from vrrpd_fast.net.netlink import Netlink

_IFLA_LINKINFO, _IFLA_INFO_KIND, _IFLA_INFO_DATA, _IFLA_VRF_TABLE = 18, 1, 2, 1
_UINT32 = struct.Struct("=I")


def vrf_table(netlink: Netlink, ifindex: int) -> int | None:
    """None when the interface is no VRF device, or is gone."""
    header = rtnl.HEADER.pack(
        rtnl.HEADER.size + rtnl.IFINFO.size, rtnl.RTM_GETLINK, rtnl.NLM_F_REQUEST | rtnl.NLM_F_ACK, 0, 0
    )
    try:
        answers = netlink.dump(header + rtnl.IFINFO.pack(0, 0, ifindex, 0, 0))
    except OSError:
        return None
    return next(map(table_of, answers), None)


def table_of(message: rtnl.Buffer) -> int | None:
    """The table in an RTM_NEWLINK message, if it is of a VRF device."""
    info = _find(message, rtnl.HEADER.size + rtnl.IFINFO.size, len(message), _IFLA_LINKINFO)
    if info is None:
        return None
    kind, data = _find(message, *info, _IFLA_INFO_KIND), _find(message, *info, _IFLA_INFO_DATA)
    if kind is None or data is None or bytes(message[slice(*kind)]).rstrip(b"\0") != b"vrf":
        return None
    table = _find(message, *data, _IFLA_VRF_TABLE)
    return None if table is None else int(_UINT32.unpack_from(message, table[0])[0])


def _find(message: rtnl.Buffer, start: int, end: int, wanted: int) -> tuple[int, int] | None:
    return next(
        ((first, last) for kind, first, last in rtnl.attributes(message, start, end) if kind == wanted), None
    )
