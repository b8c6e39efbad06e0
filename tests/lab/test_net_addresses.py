"""Virtual addresses in a real kernel: what is added, what is refused, what a crashed run left behind."""

import errno
import json
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from lab.kit.netns import closed_later, in_new_namespace, ip, show
from vrrpd_fast.model import VirtualAddress
from vrrpd_fast.net import carried, messages, vips
from vrrpd_fast.net.carried import Carried
from vrrpd_fast.net.netlink import MESSAGES_PER_SEND, Netlink

LINKS = ("link add a0 type veth peer name b0", "link set a0 up", "link set b0 up")


def index(name: str = "a0") -> int:
    return int(json.loads(show("-j", "link", "show", name))[0]["ifindex"])


def addresses(name: str = "a0") -> list[dict[str, Any]]:
    """Addresses as `ip` sees them."""
    found: list[dict[str, Any]] = json.loads(show("-j", "-d", "addr", "show", name))[0]["addr_info"]
    return found


def virtual(text: str, prefixlen: int, **more: Any) -> VirtualAddress:
    address = IPv6Address(text) if ":" in text else IPv4Address(text)
    return VirtualAddress(address=address, prefixlen=prefixlen, dev="a0", **more)


def slices(prepared: list[vips.Prepared]) -> Iterator[list[vips.Prepared]]:
    return (prepared[i : i + MESSAGES_PER_SEND] for i in range(0, len(prepared), MESSAGES_PER_SEND))


def never(each: object) -> None:
    pytest.fail(f"nothing was removed, not {each}")


def subjects(failures: list[carried.Failure]) -> list[VirtualAddress]:
    """Addresses against which the kernel said something."""
    return [failure.subject.address for failure in failures if isinstance(failure.subject, vips.Prepared)]


def ignore(*_: object) -> None:
    """Nobody is listening for removals."""


@in_new_namespace
def test_every_part_of_an_address_reaches_the_kernel() -> None:
    ip(*LINKS)
    prepared = vips.PreparedAddresses(
        [
            virtual("10.0.0.1", 24, label="a0:vip", broadcast=IPv4Address("10.0.0.255"), scope=253),
            virtual("10.0.0.2", 32),
            virtual("2001:db8::1", 64),
            virtual("2001:db8::2", 128, preferred_lft=0),
        ],
        lambda name: index(name),
    )
    assert carried.add(closed_later(Netlink()), prepared.additions) == []
    found = {entry["local"]: entry for entry in addresses()}
    assert set(found) == {"10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"}
    first = found["10.0.0.1"]
    assert (first["prefixlen"], first["label"], first["scope"]) == (24, "a0:vip", "link")
    assert first["broadcast"] == "10.0.0.255"
    assert "broadcast" not in found["10.0.0.2"]
    for text in ("2001:db8::1", "2001:db8::2"):
        assert found[text]["nodad"]
        assert not found[text].get("tentative")
    # Never chosen as a source address.
    assert found["2001:db8::2"]["deprecated"]
    assert not found["2001:db8::1"].get("deprecated")
    assert found["2001:db8::2"]["valid_life_time"] == 0xFFFFFFFF


@in_new_namespace
def test_500_addresses_come_and_go_in_slices() -> None:
    ip(*LINKS)
    netlink = closed_later(Netlink())
    texts = [f"10.{i // 250}.{i % 250}.1" for i in range(500)]
    prepared = vips.PreparedAddresses([virtual(text, 32) for text in texts], lambda _: index())
    for part in slices(prepared.additions):
        assert carried.add(netlink, part) == []
    assert [entry["local"] for entry in addresses()] == texts
    # Again: what is there already is no failure.
    for part in slices(prepared.additions):
        assert carried.add(netlink, part) == []
    removed: list[Carried] = []
    for part in slices(prepared.removals):
        assert carried.remove(netlink, part, removed.append) == []
    assert addresses() == []
    assert removed == prepared.removals
    # Again: what is not there is neither a failure nor removed.
    for part in slices(prepared.removals):
        assert carried.remove(netlink, part, never) == []


@in_new_namespace
def test_a_refusal_names_its_address_and_stops_no_other() -> None:
    ip(*LINKS)
    good = [virtual(f"10.0.0.{i}", 32) for i in range(1, 71)]
    bad = virtual("10.1.0.1", 33)
    nowhere = VirtualAddress(address=IPv4Address("10.1.0.2"), prefixlen=32, dev="gone")
    wanted = [*good[:40], bad, nowhere, *good[40:]]
    prepared = vips.PreparedAddresses(wanted, lambda name: index() if name == "a0" else 9999)
    failures = carried.add(closed_later(Netlink()), prepared.additions)
    assert subjects(failures) == [bad, nowhere]
    assert [failure.error.errno for failure in failures] == [errno.EINVAL, errno.ENODEV]
    # The kernel's own words where it has any, the errno's where not; both with the address in front.
    assert str(failures[0]).startswith("10.1.0.1/33 on a0: ")
    assert "refix length" in str(failures[0])
    assert str(failures[1]).endswith("(ENODEV)")
    assert [entry["local"] for entry in addresses()] == [str(address.address) for address in good]


@in_new_namespace
def test_a_failure_in_the_last_message_of_a_send_is_told_too() -> None:
    ip(*LINKS)
    netlink = closed_later(Netlink())
    wanted = [virtual(f"10.0.0.{i}", 33 if i == MESSAGES_PER_SEND else 32) for i in range(1, 41)]
    prepared = vips.PreparedAddresses(wanted, lambda _: index())
    assert subjects(carried.add(netlink, prepared.additions)) == [wanted[31]]
    # The socket is in step afterwards.
    assert carried.add(netlink, prepared.additions[:31]) == []
    assert netlink.transact([]) == []


@in_new_namespace
def test_every_refusal_of_many_is_told() -> None:
    ip(*LINKS)
    wanted = [virtual(f"10.{i // 250}.{i % 250}.1", 33) for i in range(200)]
    prepared = vips.PreparedAddresses(wanted, lambda _: index())
    assert subjects(carried.add(closed_later(Netlink()), prepared.additions)) == wanted


@in_new_namespace
def test_what_a_run_left_behind_is_found_by_its_tag_and_nothing_else_is() -> None:
    ip(*LINKS, "addr add 10.0.0.99/24 dev a0", "addr add 2001:db8::99/64 dev a0 nodad")
    netlink = closed_later(Netlink())
    assert messages.kernel_tags_addresses(netlink)
    assert messages.tagged_addresses(netlink) == []
    wanted = [virtual("10.0.0.1", 24), virtual("10.0.0.2", 24), virtual("2001:db8::1", 64)]
    prepared = vips.PreparedAddresses(wanted, lambda _: index())
    assert carried.add(netlink, prepared.additions) == []
    assert set(messages.tagged_addresses(netlink)) == set(prepared.keys)

    kept = (index(), IPv4Address("10.0.0.2").packed, 24)
    assert messages.withdraw_tagged(netlink, set(prepared.keys) - {kept}) == 2
    assert messages.tagged_addresses(netlink) == [kept]
    assert messages.withdraw_tagged(netlink) == 1
    assert messages.withdraw_tagged(netlink) == 0
    assert {entry["local"] for entry in addresses()} == {"10.0.0.99", "2001:db8::99"}


@in_new_namespace
def test_leftovers_of_one_subnet_all_go_though_the_first_takes_the_rest_along() -> None:
    ip(*LINKS)
    netlink = closed_later(Netlink())
    wanted = [virtual(f"10.0.0.{i}", 24) for i in range(1, 101)]
    carried.add(netlink, vips.PreparedAddresses(wanted, lambda _: index()).additions)
    assert messages.withdraw_tagged(netlink) == 100
    assert addresses() == []


@in_new_namespace
def test_a_dump_of_many_is_complete_and_a_refused_one_raises() -> None:
    ip(*LINKS)
    netlink = closed_later(Netlink())
    wanted = [virtual(f"10.{i // 250}.{i % 250}.1", 32) for i in range(1200)]
    prepared = vips.PreparedAddresses(wanted, lambda _: index())
    carried.add(netlink, prepared.additions)
    assert set(messages.tagged_addresses(netlink)) == set(prepared.keys)
    with pytest.raises(OSError):
        netlink.dump(bytearray.fromhex("10000000ff7f01030000000000000000"))  # no such message type
    assert carried.remove(netlink, prepared.removals[:1], ignore) == []
