"""Prepared messages are what pyroute2 would encode, and what the kernel sends is read whatever its state."""

import socket
import struct
import subprocess
import sys
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrrpd_fast.model import OWNER_TAG, VirtualAddress
from vrrpd_fast.net import messages, rtnl

LABELS = st.none() | st.text("abcdef0123456789:.-", min_size=1, max_size=15)
IPV4 = st.builds(
    VirtualAddress,
    address=st.ip_addresses(v=4),
    prefixlen=st.integers(0, 32),
    dev=st.just("eth0"),
    scope=st.sampled_from([0, 200, 253, 254]),
    label=LABELS,
    broadcast=st.none() | st.ip_addresses(v=4),
    peer=st.none() | st.ip_addresses(v=4),
    peer_prefixlen=st.integers(0, 32),
    noprefixroute=st.booleans(),
    autojoin=st.booleans(),
    preferred_lft=st.none() | st.integers(0, 1 << 31),
)
IPV6 = st.builds(
    VirtualAddress,
    address=st.ip_addresses(v=6),
    prefixlen=st.integers(0, 128),
    dev=st.just("eth0"),
    peer=st.none() | st.ip_addresses(v=6),
    peer_prefixlen=st.integers(0, 128),
    home=st.booleans(),
    nodad=st.booleans(),
    mngtmpaddr=st.booleans(),
    noprefixroute=st.booleans(),
    autojoin=st.booleans(),
    preferred_lft=st.none() | st.integers(0, 1 << 31),
)


def by_pyroute2(command: int, address: VirtualAddress, ifindex: int) -> bytes:
    """The same request, encoded by pyroute2 from scratch."""
    new = command == rtnl.RTM_NEWADDR
    text = str(address.address)
    peer = text if address.peer is None else str(address.peer)
    attributes: list[tuple[str, Any]] = [("IFA_LOCAL", text), ("IFA_ADDRESS", peer)]
    flags = 0
    if new:
        flags |= 0x02 if address.nodad and address.address.version == 6 else 0
        flags |= 0x10 * address.home | 0x100 * address.mngtmpaddr
        flags |= 0x200 * address.noprefixroute | 0x400 * address.autojoin
    if new and address.broadcast is not None:
        attributes.append(("IFA_BROADCAST", str(address.broadcast)))
    if new and address.label is not None:
        attributes.append(("IFA_LABEL", address.label))
    if flags > 0xFF:
        attributes.append(("IFA_FLAGS", flags))
    if new and address.preferred_lft is not None:
        lifetimes = {"ifa_preferred": address.preferred_lft, "ifa_valid": 0xFFFFFFFF}
        attributes.append(("IFA_CACHEINFO", lifetimes))
    if new:
        attributes.append(("IFA_PROTO", OWNER_TAG))
    message = rtnl.ifaddrmsg()
    message["family"] = socket.AF_INET if address.address.version == 4 else socket.AF_INET6
    message["prefixlen"] = address.prefixlen if address.peer is None else address.peer_prefixlen
    message["flags"] = flags & 0xFF
    message["scope"] = address.scope if new else 0
    message["index"] = ifindex
    message["attrs"] = attributes
    message["header"]["type"] = command
    create = rtnl.NLM_F_CREATE | rtnl.NLM_F_REPLACE
    message["header"]["flags"] = rtnl.NLM_F_REQUEST | (create if new else 0)
    message.encode()
    return bytes(message.data)


@given(IPV4 | IPV6, st.integers(1, 1 << 20))
def test_a_patched_template_is_the_encoding(address: VirtualAddress, ifindex: int) -> None:
    assert messages.new_address(address, ifindex) == by_pyroute2(rtnl.RTM_NEWADDR, address, ifindex)
    assert messages.del_address(address, ifindex) == by_pyroute2(rtnl.RTM_DELADDR, address, ifindex)


def test_messages_of_one_shape_share_no_bytes() -> None:
    one, two = (
        messages.new_address(VirtualAddress(address=IPv4Address(a), prefixlen=24, dev="a"), 1)
        for a in ("10.0.0.1", "10.0.0.2")
    )
    before = bytes(two)
    messages.retarget(one, 77)
    assert bytes(two) == before
    assert messages.parse_address(one, 16, len(one)) == (
        (77, IPv4Address("10.0.0.1").packed, 24),
        0,
        OWNER_TAG,
    )


@given(IPV4 | IPV6)
def test_an_address_is_read_back(address: VirtualAddress) -> None:
    message = messages.new_address(address, 5)
    parsed = messages.parse_address(message, 16, len(message))
    assert parsed is not None
    assert (parsed[0], parsed[2]) == ((5, address.address.packed, address.kernel_prefixlen), OWNER_TAG)
    assert bool(parsed[1] & rtnl.IFA_F_NODAD) is (address.address.version == 6 and address.nodad)


def test_a_peer_is_not_taken_for_the_address_and_long_flags_win() -> None:
    local, peer = IPv4Address("10.0.0.1").packed, IPv4Address("10.0.0.9").packed
    body = rtnl.IFADDR.pack(socket.AF_INET, 32, 0xFF, 0, 7)
    body += rtnl.ATTRIBUTE.pack(8, rtnl.IFA_ADDRESS) + peer + rtnl.ATTRIBUTE.pack(8, rtnl.IFA_LOCAL) + local
    body += rtnl.ATTRIBUTE.pack(8, rtnl.IFA_FLAGS) + struct.pack("=I", 0x200)
    assert messages.parse_address(body, 0, len(body)) == ((7, local, 32), 0x200, 0)


@given(IPV4 | IPV6, st.data())
def test_a_cut_message_gives_the_address_or_nothing(address: VirtualAddress, data: st.DataObject) -> None:
    message = messages.new_address(address, 5)
    end = data.draw(st.integers(16, len(message)))
    parsed = messages.parse_address(message[:end], 16, end)
    assert parsed is None or parsed[0] == (5, address.address.packed, address.kernel_prefixlen)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_walked(data: bytes) -> None:
    for _, start, end in rtnl.attributes(data, 0, len(data)):
        assert 0 <= start <= end <= len(data)
    for _, _, _, start, end in rtnl.messages(data):
        assert 0 <= start <= end <= len(data)
    parsed = messages.parse_address(data, 0, len(data))
    assert parsed is None or len(parsed[0][1]) in (4, 16)


@pytest.mark.parametrize("length", range(4))
def test_an_attribute_that_does_not_advance_ends_the_walk(length: int) -> None:
    assert list(rtnl.attributes(rtnl.ATTRIBUTE.pack(length, 1) + bytes(12), 0, 16)) == []


def test_pyroute2_itself_stays_unloaded_and_usable() -> None:
    program = """
import sys
from ipaddress import IPv6Address
from vrrpd_fast.model import VirtualAddress
from vrrpd_fast.net import messages
messages.new_address(VirtualAddress(address=IPv6Address("::1"), prefixlen=128, dev="a"), 1)
assert not [name for name in sys.modules if name.startswith("pyroute2")]
import pyroute2
assert pyroute2.netlink.rtnl.ifaddrmsg.ifaddrmsg and pyroute2.IPRoute
"""
    subprocess.run([sys.executable, "-c", program], check=True)
