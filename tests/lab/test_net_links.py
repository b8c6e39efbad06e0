"""The link monitor against a real kernel, on uvloop and on stock asyncio."""

import asyncio
import itertools
import json
import socket
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
import uvloop

from lab.kit.netns import closed_later, in_new_namespace, ip, show
from lab.kit.waiting import wait_until
from vrrpd_fast.model import VirtualAddress
from vrrpd_fast.net import carried, links, vips
from vrrpd_fast.net.carried import Carried
from vrrpd_fast.net.links import Link, LinkMonitor
from vrrpd_fast.net.messages import Key
from vrrpd_fast.net.netlink import Netlink

NewLoop = Callable[[], asyncio.AbstractEventLoop]
on_both_loops = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])

LINKS = ("link add a0 type veth peer name b0", "link set a0 up", "link set b0 up")


def sysctl(name: str, value: int) -> None:
    Path("/proc/sys", name).write_text(str(value))


def packed(text: str) -> bytes:
    return (IPv6Address(text) if ":" in text else IPv4Address(text)).packed


def links_up(*more: str) -> None:
    """Make the veth pair a0–b0, wait for its carrier, which takes a while, and go on with `more`."""
    ip(*LINKS)
    wait_until(
        lambda: json.loads(show("-j", "link", "show", "a0"))[0]["operstate"] == "UP", 5, "a0 has its carrier"
    )
    if more:
        ip(*more)


class Counting(LinkMonitor):
    """Counts messages, to see how many are read in one turn of the loop."""

    messages = 0

    def _message(self) -> None:
        self.messages += 1
        super()._message()


class Watch:
    """A monitor on a loop of its own, and all that it has told."""

    def __init__(self, new_loop: NewLoop = uvloop.new_event_loop, receive_buffer: int = 8 << 20) -> None:
        self.loop = closed_later(new_loop())
        self.netlink = closed_later(Netlink())
        self.virtual: set[bytes] = set()
        self.watched: set[bytes] = set()
        self.changes: list[set[str]] = []
        self.lost: list[Key] = []
        self.resyncs = 0
        self.monitor = closed_later(
            Counting(
                self.loop,
                {self.netlink.port_id},
                lambda _, address: address in self.virtual,
                self.changes.append,
                lambda *key: self.lost.append(key),
                self._resynced,
                is_watched=lambda address: address in self.watched,
                receive_buffer=receive_buffer,
            )
        )

    def _resynced(self) -> None:
        self.resyncs += 1

    def link(self, name: str = "a0") -> Link:
        found = self.monitor.get(name)
        assert found is not None
        return found

    def prepare(self, *texts: str) -> vips.PreparedAddresses:
        """Virtual addresses on a0, written as ADDRESS/PREFIXLEN."""
        addresses = []
        for text in texts:
            address, _, prefixlen = text.partition("/")
            value = IPv6Address(address) if ":" in address else IPv4Address(address)
            addresses.append(VirtualAddress(address=value, prefixlen=int(prefixlen), dev="a0"))
            self.virtual.add(value.packed)
        return vips.PreparedAddresses(addresses, lambda name: self.link(name).index)

    def add(self, prepared: vips.PreparedAddresses) -> None:
        assert carried.add(self.netlink, prepared.additions) == []

    def remove(self, prepared: vips.PreparedAddresses) -> None:
        assert carried.remove(self.netlink, prepared.removals, self._removed) == []

    def _removed(self, each: Carried) -> None:
        assert isinstance(each, vips.Prepared)
        self.monitor.removed(*each.key)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Run the loop until something is so."""
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, f"not within 10 s: {what}"
            self.turn()

    def turn(self) -> None:
        self.loop.call_later(0.002, self.loop.stop)
        self.loop.run_forever()

    def settle(self) -> None:
        """Run until a change made now has been told, and with it all before."""
        mtu = self.link("lo").mtu - 1
        ip(f"link set lo mtu {mtu}")
        self.until(lambda: self.link("lo").mtu == mtu, "lo has its new MTU")

    def assert_true_to_kernel(self) -> None:
        """Run until the monitor holds what a new one reads."""
        self.settle()
        fresh = Watch()
        fresh.virtual = self.virtual
        fresh.monitor.reelect()
        fresh.turn()

        def view(monitor: LinkMonitor) -> dict[str, object]:
            names = [entry["ifname"] for entry in json.loads(show("-j", "link"))]
            found = {name: monitor.get(name) for name in names}
            return {
                name: link
                and (link.index, link.up, link.mtu, link.mac, link.ipv4, link.ipv6, set(link.addresses))
                for name, link in found.items()
            }

        truth = view(fresh.monitor)
        deadline = time.monotonic() + 5
        while view(self.monitor) != truth and time.monotonic() < deadline:
            self.turn()
        assert view(self.monitor) == truth


@on_both_loops
@in_new_namespace
def test_what_is_there_at_the_start_is_no_news(new_loop: NewLoop) -> None:
    links_up("link set a0 address 02:00:00:00:00:01 mtu 1400", "addr add 10.0.0.1/24 dev a0")
    ip("addr add fe80::1/64 dev a0 nodad", "addr add 2001:db8::1/64 dev a0 nodad")
    watch = Watch(new_loop)
    link = watch.link()
    assert (link.name, link.up, link.mtu, link.mac) == ("a0", True, 1400, bytes.fromhex("020000000001"))
    assert link.ipv4 == packed("10.0.0.1")
    assert link.ipv6 == packed("fe80::1")
    assert {(4, packed("10.0.0.1"), 24), (6, packed("2001:db8::1"), 64)} <= set(link.addresses)
    assert watch.monitor.by_index(link.index) is link
    assert not watch.link("lo").up
    assert watch.monitor.get("nothing") is None
    watch.turn()
    assert watch.changes == []


@on_both_loops
@in_new_namespace
def test_links_go_down_come_up_lose_their_carrier_and_change(new_loop: NewLoop) -> None:
    links_up()
    watch = Watch(new_loop)
    index = watch.link().index
    ip("link set a0 down")
    watch.until(lambda: not watch.link().up, "a0 is down")
    assert any("a0" in names for names in watch.changes)
    ip("link set a0 up")
    watch.until(lambda: watch.link().up, "a0 is up")
    ip("link set b0 down")
    watch.until(lambda: not watch.link().up, "a0 has no carrier")
    ip("link set b0 up")
    watch.until(lambda: watch.link().up, "a0 has its carrier back")
    watch.changes.clear()
    ip("link set a0 address 02:00:00:00:00:77")
    watch.until(lambda: watch.link().mac == bytes.fromhex("020000000077"), "a0 has a new MAC")
    assert watch.changes == [{"a0"}]
    assert watch.link().index == index


@on_both_loops
@in_new_namespace
def test_a_link_that_is_deleted_and_made_again_is_another(new_loop: NewLoop) -> None:
    links_up("addr add 10.0.0.1/24 dev a0")
    watch = Watch(new_loop)
    index = watch.link().index
    ip("link del a0")
    watch.until(lambda: watch.monitor.get("a0") is None, "a0 is gone")
    assert watch.monitor.by_index(index) is None
    assert any("a0" in names for names in watch.changes)
    watch.changes.clear()
    links_up()
    watch.until(lambda: watch.monitor.get("a0") and watch.link().up, "a0 is back")
    assert watch.link().index != index
    assert watch.link().ipv4 is None
    assert any("a0" in names for names in watch.changes)
    watch.assert_true_to_kernel()


@in_new_namespace
def test_deleted_and_made_again_before_anyone_looks() -> None:
    links_up()
    watch = Watch()
    index = watch.link().index
    ip("link del a0", *LINKS)
    watch.settle()
    assert watch.link().index != index
    assert any("a0" in names for names in watch.changes)


@in_new_namespace
def test_made_again_with_the_same_index_it_is_another_all_the_same() -> None:
    links_up("addr add 10.0.0.1/24 dev a0")
    watch = Watch()
    before = watch.link()
    ip("link del a0", f"link add a0 index {before.index} type bridge", "link set a0 up")
    watch.settle()
    assert watch.link().index == before.index
    assert watch.link().serial != before.serial
    assert not watch.link().addresses
    assert any("a0" in names for names in watch.changes)


@in_new_namespace
def test_serials_are_never_used_again() -> None:
    links_up()
    watch = Watch()
    serials = {watch.link("lo").serial, watch.link("a0").serial, watch.link("b0").serial}
    for _ in range(3):
        ip("link del a0", *LINKS)
        watch.settle()
        serials |= {watch.link("a0").serial, watch.link("b0").serial}
    assert len(serials) == 9


@in_new_namespace
def test_a_watched_address_is_news_and_others_are_not() -> None:
    """One that is neither primary nor virtual, but sent from (track_src_ip)."""
    links_up("addr add 10.0.0.1/24 dev a0")
    watch = Watch()
    watch.watched.add(packed("10.0.0.7"))
    wanted, other = IPv4Address("10.0.0.7"), IPv4Address("10.0.0.8")
    for command, is_there in (("add", True), ("del", False)):
        watch.changes.clear()
        ip(f"addr {command} {other}/24 dev a0")
        watch.until(lambda there=is_there: watch.monitor.has(other) is there, "the other one is read")
        assert not any("a0" in names for names in watch.changes)
        ip(f"addr {command} {wanted}/32 dev a0")
        watch.until(lambda there=is_there: watch.link().has(wanted) is there, "the watched one is read")
        assert any("a0" in names for names in watch.changes)
        assert watch.monitor.has(wanted) is is_there
    watch.assert_true_to_kernel()


@in_new_namespace
def test_the_buffer_grows_and_is_never_smaller_than_usual() -> None:
    watch = Watch()
    for asked, bytes_ in ((0, links.RECEIVE_BUFFER), (20 << 20, 20 << 20), (1000, links.RECEIVE_BUFFER)):
        watch.monitor.enlarge(asked)
        option = socket.SO_RCVBUF
        assert watch.monitor._socket.getsockopt(socket.SOL_SOCKET, option) == 2 * bytes_


@in_new_namespace
def test_a_new_name_is_news_of_both_names() -> None:
    links_up("link set a0 down")
    watch = Watch()
    link = watch.link()
    ip("link set a0 name c0", "link set b0 down", "link set b0 name a0")
    watch.until(lambda: watch.monitor.get("c0") and watch.monitor.get("b0") is None, "all is renamed")
    assert watch.link("c0") is link
    assert watch.link("a0").index != link.index
    assert {"a0", "b0", "c0"} <= set().union(*watch.changes)
    watch.assert_true_to_kernel()


@in_new_namespace
def test_a_bridge_speaking_of_its_port_is_not_the_link() -> None:
    links_up("link add br0 type bridge", "link set br0 up", "link set b0 master br0")
    watch = Watch()
    index = watch.link("b0").index
    ip("link set b0 nomaster")  # RTM_DELLINK of family AF_BRIDGE
    watch.settle()
    assert watch.link("b0").index == index
    assert watch.link("b0").up
    watch.assert_true_to_kernel()


@in_new_namespace
def test_the_primary_address_is_neither_virtual_nor_secondary() -> None:
    links_up()
    watch = Watch()
    watch.add(watch.prepare("10.0.0.100/24"))
    watch.settle()
    assert watch.link().ipv4 is None
    # Behind the virtual address of the same subnet the kernel calls it secondary; there is no other.
    ip("addr add 10.0.0.1/24 dev a0")
    watch.until(lambda: watch.link().ipv4 == packed("10.0.0.1"), "a secondary address serves")
    ip("addr add 10.1.0.1/24 dev a0")
    watch.until(lambda: watch.link().ipv4 == packed("10.1.0.1"), "a primary address is better")
    ip("addr del 10.1.0.1/24 dev a0", "addr del 10.0.0.1/24 dev a0")
    watch.until(lambda: watch.link().ipv4 is None, "none is left")
    assert watch.lost == []
    watch.assert_true_to_kernel()


@in_new_namespace
def test_the_owners_address_serves_although_it_is_virtual() -> None:
    links_up("addr add 10.0.0.1/24 dev a0")
    watch = Watch()
    prepared = watch.prepare("10.0.0.1/24")
    watch.monitor.reelect()
    watch.turn()
    assert watch.link().ipv4 == packed("10.0.0.1")
    watch.add(prepared)  # the owner becomes master: the address is marked as ours
    ip("addr add 127.0.0.5/8 dev lo")
    watch.settle()
    watch.monitor.reelect()
    watch.turn()
    assert watch.link().ipv4 == packed("10.0.0.1")


@in_new_namespace
def test_what_becomes_virtual_is_no_primary_address_any_more() -> None:
    links_up("addr add 10.0.0.1/24 dev a0", "addr add 10.0.0.2/24 dev a0")
    watch = Watch()
    watch.virtual.add(packed("10.0.0.1"))
    watch.monitor.reelect()
    watch.until(lambda: watch.link().ipv4 == packed("10.0.0.2"), "the other address serves")
    assert watch.changes == [{"a0"}]


@on_both_loops
@in_new_namespace
def test_a_link_local_address_serves_when_its_uniqueness_is_known(new_loop: NewLoop) -> None:
    links_up()
    sysctl("net/ipv6/neigh/a0/retrans_time_ms", 300)
    watch = Watch(new_loop)
    key = (6, packed("fe80::77"), 64)
    ip("addr add fe80::77/64 dev a0", "addr add 2001:db8::7/64 dev a0 nodad")
    watch.until(lambda: key in watch.link().addresses, "the address is there")
    assert watch.link().ipv6 is None
    watch.until(lambda: watch.link().ipv6 == packed("fe80::77"), "the address may be used")
    ip("addr del fe80::77/64 dev a0")
    watch.until(lambda: watch.link().ipv6 is None, "the address is gone")


@in_new_namespace
def test_a_duplicate_link_local_address_does_not_serve() -> None:
    links_up()
    sysctl("net/ipv6/neigh/a0/retrans_time_ms", 200)
    ip("addr add fe80::77/64 dev b0 nodad")
    watch = Watch()
    ip("addr add fe80::77/64 dev a0")
    watch.until(lambda: "dadfailed" in show("-6", "addr", "show", "dev", "a0"), "the duplicate is found")
    watch.settle()
    assert watch.link().ipv6 is None


@on_both_loops
@in_new_namespace
def test_a_virtual_address_removed_by_others_is_told_and_by_us_is_not(new_loop: NewLoop) -> None:
    links_up("addr add 10.0.0.1/24 dev a0")
    watch = Watch(new_loop)
    prepared = watch.prepare("10.0.0.100/24", "10.0.0.101/32", "2001:db8::100/64", "2001:db8::101/128")
    watch.add(prepared)
    watch.remove(prepared)
    watch.add(prepared)
    watch.remove(prepared)
    watch.settle()
    assert watch.lost == []
    assert set(watch.link().addresses) == {(4, packed("10.0.0.1"), 24)}

    watch.add(prepared)
    watch.settle()
    ip("addr del 10.0.0.100/24 dev a0", "addr del 2001:db8::101/128 dev a0")
    watch.until(lambda: len(watch.lost) == 2, "both are told")
    assert set(watch.lost) == {
        (watch.link().index, packed("10.0.0.100"), 24),
        (watch.link().index, packed("2001:db8::101"), 128),
    }
    # Nobody was told of a change of the link, for nothing changed that adverts depend on.
    assert not any("a0" in names for names in watch.changes)


@in_new_namespace
def test_secondaries_that_fall_with_a_primary_of_ours_are_told() -> None:
    sysctl("net/ipv4/conf/default/promote_secondaries", 0)
    links_up("addr add 10.9.0.1/24 dev a0")
    watch = Watch()
    leaving = watch.prepare("10.0.0.100/24")
    staying = watch.prepare("10.0.0.101/24", "10.0.0.102/24")
    watch.add(leaving)
    watch.add(staying)
    ip("addr add 10.0.0.7/24 dev a0")
    watch.settle()
    watch.remove(leaving)
    watch.settle()
    assert set(watch.lost) == set(staying.keys)
    assert set(watch.link().addresses) >= {(4, packed("10.9.0.1"), 24)}
    watch.assert_true_to_kernel()


@in_new_namespace
def test_what_a_link_going_down_takes_along_is_not_lost_to_anyone() -> None:
    links_up("addr add 10.0.0.1/24 dev a0")
    watch = Watch()
    watch.add(watch.prepare("10.0.0.100/24", "2001:db8::100/64"))
    watch.settle()
    ip("link set a0 down")
    watch.settle()
    assert not watch.link().up
    ip("link del a0")
    watch.settle()
    assert watch.lost == []


@in_new_namespace
def test_what_is_swept_away_while_the_link_stays_up_is_lost() -> None:
    links_up("addr add 10.0.0.1/24 dev a0")
    watch = Watch()
    watch.add(watch.prepare("10.0.0.100/24", "2001:db8::100/64"))
    watch.settle()
    sysctl("net/ipv6/conf/a0/disable_ipv6", 1)
    watch.until(lambda: watch.lost, "the IPv6 address is told")
    assert watch.lost == [(watch.link().index, packed("2001:db8::100"), 64)]
    assert watch.link().up


@on_both_loops
@in_new_namespace
def test_a_storm_of_2000_events_is_read_in_slices(new_loop: NewLoop) -> None:
    links_up()
    watch = Watch(new_loop)
    monitor = watch.monitor
    ip(*(f"link set a0 mtu {1300 + number % 7}" for number in range(2000)))
    counts = [0]

    def tick() -> None:
        counts.append(monitor.messages)
        watch.loop.call_soon(tick)

    monitor.messages = 0
    watch.loop.call_soon(tick)
    watch.until(lambda: monitor.messages >= 2000, "all events are read")
    watch.until(lambda: watch.link().mtu == 1300 + 1999 % 7, "the last event is read")
    watch.turn()
    slices = [after - before for before, after in itertools.pairwise(counts)]
    assert max(slices) <= links.SLICE_MESSAGES
    assert sum(1 for count in slices if count) >= 2000 // links.SLICE_MESSAGES
    assert monitor.overruns == 0
    # One word per slice, not per event.
    assert len(watch.changes) <= sum(1 for count in slices if count)


@on_both_loops
@in_new_namespace
def test_lost_notifications_lead_to_a_fresh_look(new_loop: NewLoop, caplog: pytest.LogCaptureFixture) -> None:
    links_up("link add c0 type veth peer name d0", "addr add 10.0.0.1/24 dev a0")
    watch = Watch(new_loop, receive_buffer=4096)
    prepared = watch.prepare("10.0.0.100/24", "10.0.0.101/24", "2001:db8::100/64")
    watch.add(prepared)
    watch.settle()
    watch.changes.clear()
    ip(*(f"link set b0 mtu {1300 + number % 7}" for number in range(300)))
    ip(
        "link del c0",
        "link add e0 type veth peer name f0",
        "addr del 10.0.0.101/24 dev a0",
        "addr del 2001:db8::100/64 dev a0",
        "addr del 10.0.0.1/24 dev a0",
        "addr add 10.5.0.1/24 dev a0",
        "link set b0 mtu 1399",
    )
    begun = time.monotonic()
    watch.until(lambda: watch.resyncs, "all is read again")
    assert time.monotonic() - begun < 1
    assert watch.monitor.overruns > 0
    assert "dropped link notifications" in caplog.text
    # 10.0.0.100 was a secondary address and fell with its primary.
    assert sorted(watch.lost) == sorted(prepared.keys)
    assert {"a0", "b0", "c0", "d0", "e0", "f0"} <= set().union(*watch.changes)
    assert watch.monitor.get("c0") is None
    assert watch.link().ipv4 == packed("10.5.0.1")
    watch.assert_true_to_kernel()


@in_new_namespace
def test_a_storm_that_goes_on_while_all_is_read_again_ends_in_the_truth() -> None:
    ip("link set lo up", *(f"link add a{n} type veth peer name b{n}" for n in range(40)))
    watch = Watch(receive_buffer=8192)
    prepared = watch.prepare(*(f"10.0.{n}.100/24" for n in range(100)))
    for part in range(10):
        ip(*(f"link set a{n} mtu {1300 + part}" for n in range(40)))
        watch.add(prepared)
        ip(*(f"link set a{n} up" for n in range(40)))
        watch.turn()
        ip(*(f"link set a{n} {'down' if part % 2 else 'up'}" for n in range(40)))
    ip("addr flush dev a0")
    watch.until(lambda: watch.resyncs, "all is read again")
    watch.settle()
    assert watch.monitor.overruns > 0
    watch.assert_true_to_kernel()


@in_new_namespace
def test_nothing_is_told_after_close() -> None:
    links_up()
    watch = Watch()
    ip("link set a0 down")
    watch.monitor.reelect()
    watch.monitor.close()
    watch.turn()
    assert watch.changes == []
    watch.monitor.close()
