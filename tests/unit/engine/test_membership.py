"""Multicast groups, as the kernel tells which it is in."""

import errno
import os
import socket
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from lab.kit.netns import closed_later, in_new_namespace, ip
from unit.engine.engine_bench import Node, Talker, address, advert, linked, serve
from vrrpd_fast.engine.membership import Memberships
from vrrpd_fast.model import VRRP_GROUP4, VRRP_GROUP6

Group = IPv4Address | IPv6Address
LINKS = 25  # more than the 20 groups that one socket may be in
GROUPS = pytest.mark.parametrize("group", [VRRP_GROUP4, VRRP_GROUP6])


def members(group: Group) -> set[str]:
    """The interfaces on which this namespace is in a group."""
    found, device = set(), ""
    if group.version == 6:
        for line in Path("/proc/thread-self/net/igmp6").read_text().splitlines():
            _, device, packed, *_ = line.split()
            if packed == group.packed.hex():
                found.add(device)
        return found
    for line in Path("/proc/thread-self/net/igmp").read_text().splitlines()[1:]:
        if not line.startswith("\t"):
            device = line.split()[1]
        elif int(line.split()[0], 16).to_bytes(4, "little") == group.packed:
            found.add(device)
    return found


def make(*names: str) -> dict[str, int]:
    """Interfaces that are up, and their indexes."""
    pairs = zip(names[::2], names[1::2], strict=True)
    ip(*(f"link add {one} type veth peer name {other}" for one, other in pairs))
    ip(*(f"link set {name} up" for name in names))
    return {name: socket.if_nametoindex(name) for name in names}


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.lab
@GROUPS
@in_new_namespace
def test_more_links_than_one_socket_can_join(group: Group) -> None:
    links = make(*(f"v{n}" for n in range(2 * LINKS)))
    before = descriptors()
    memberships = Memberships()
    for index in links.values():
        memberships.join(index, group)
    assert members(group) == set(links)
    assert descriptors() - before <= 1 + 2 * LINKS // 20
    for index in links.values():
        memberships.leave(index, group)
    assert members(group) == set()

    # Room that was given up is used again.
    after = descriptors()
    for index in links.values():
        memberships.join(index, group)
    assert members(group) == set(links)
    assert descriptors() == after
    memberships.close()
    assert members(group) == set()
    assert descriptors() == before


@pytest.mark.lab
@GROUPS
@in_new_namespace
def test_a_group_is_left_by_the_last_who_joined_it(group: Group) -> None:
    links = make("v0", "v1")
    memberships = closed_later(Memberships())
    other = IPv4Address("224.0.0.99") if group.version == 4 else IPv6Address("ff02::99")
    for _ in range(3):
        memberships.join(links["v0"], group)
    memberships.join(links["v1"], group)
    memberships.join(links["v0"], other)
    memberships.leave(links["v0"], group)
    memberships.leave(links["v0"], group)
    assert members(group) == {"v0", "v1"}
    memberships.leave(links["v0"], group)
    assert members(group) == {"v1"}
    assert members(other) == {"v0"}
    with pytest.raises(KeyError):
        memberships.leave(links["v0"], group)


@pytest.mark.lab
@GROUPS
@in_new_namespace
def test_a_link_that_is_deleted_and_made_again(group: Group) -> None:
    memberships = closed_later(Memberships())
    for _ in range(25):  # more often than one socket can join: what is gone takes no room
        links = make("v0", "v1")
        memberships.join(links["v0"], group)
        assert members(group) == {"v0"}
        before = descriptors()
        ip("link del v0")
        memberships.leave(links["v0"], group)
    assert descriptors() == before


@pytest.mark.lab
@GROUPS
@in_new_namespace
def test_no_such_link(group: Group) -> None:
    memberships = closed_later(Memberships())
    before = descriptors()
    with pytest.raises(OSError, match="No such device") as caught:
        memberships.join(4711, group)
    assert caught.value.errno == errno.ENODEV
    assert descriptors() == before
    links = make("v0", "v1")
    memberships.join(links["v0"], group)  # a refusal leaves nothing behind
    assert members(group) == {"v0"}


@pytest.mark.lab
@pytest.mark.parametrize("family", [4, 6])
@in_new_namespace
def test_the_receive_socket_hears_what_a_holder_has_joined(family: int) -> None:
    """The raw socket itself is in no group (IP_MULTICAST_ALL)."""
    place = linked()
    node = Node()
    with place:
        talker = Talker()
    handle = node.add(family=family)
    node.start(handle)
    talker.say("b0", advert(address("b", 0, family), priority=200))
    serve(node, until=lambda: node.counter(handle, "advertisement_rcvd") == 1)
