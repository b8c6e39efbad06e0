"""The table of a VRF device, from the kernel's words for a link."""

from vrrpd_fast.net import rtnl
from vrrpd_fast.net.rtnl import attribute
from vrrpd_fast.net.vrf import table_of


def link(*attributes: bytes) -> bytes:
    return bytes(rtnl.HEADER.size + rtnl.IFINFO.size) + b"".join(attributes)


def info(kind: bytes, table: int) -> bytes:
    data = attribute(1, table.to_bytes(4, "little"))
    return attribute(18, attribute(1, kind + b"\0") + attribute(2, data))


def test_a_vrf_device_has_a_table() -> None:
    assert table_of(link(attribute(3, b"blue\0"), info(b"vrf", 77))) == 77


def test_others_have_none() -> None:
    assert table_of(link(attribute(3, b"eth0\0"))) is None
    assert table_of(link(info(b"vlan", 77))) is None
    assert table_of(link(attribute(18, attribute(1, b"vrf\0")))) is None
