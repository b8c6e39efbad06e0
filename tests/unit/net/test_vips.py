"""Which addresses of a virtual router can be had, and on which link."""

from ipaddress import IPv4Address

from vrrpd_fast.model import VirtualAddress
from vrrpd_fast.net import messages
from vrrpd_fast.net.vips import PreparedAddresses


def address(text: str, dev: str) -> VirtualAddress:
    return VirtualAddress(address=IPv4Address(text), prefixlen=24, dev=dev)


ONE, TWO, THREE = address("10.0.0.1", "a"), address("10.0.0.2", "b"), address("10.0.0.3", "a")


def test_addresses_go_in_order_and_leave_in_reverse() -> None:
    prepared = PreparedAddresses([ONE, TWO, THREE], {"a": 4, "b": 5}.get)
    assert [entry.address for entry in prepared.additions] == [ONE, TWO, THREE]
    assert [entry.address for entry in prepared.removals] == [THREE, TWO, ONE]
    assert [entry.add for entry in prepared.additions] == [
        messages.new_address(ONE, 4),
        messages.new_address(TWO, 5),
        messages.new_address(THREE, 4),
    ]
    assert prepared.covers(5, TWO.address.packed, 24)
    assert not prepared.covers(4, TWO.address.packed, 24)
    assert not prepared.covers(5, TWO.address.packed, 25)


def test_an_interface_that_comes_and_goes_takes_its_addresses_along() -> None:
    prepared = PreparedAddresses([ONE, TWO], {"b": 5}.get)
    assert prepared.missing == [ONE]
    assert [entry.address for entry in prepared.additions] == [TWO]

    prepared.retarget("a", 9)
    assert prepared.missing == []
    entry = prepared.find(9, ONE.address.packed, 24)
    assert entry is not None
    assert (entry.add, entry.remove) == (messages.new_address(ONE, 9), messages.del_address(ONE, 9))

    prepared.retarget("b", None)
    assert prepared.missing == [TWO]
    assert list(prepared.keys) == [(9, ONE.address.packed, 24)]
