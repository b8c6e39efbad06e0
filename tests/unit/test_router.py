"""Policy of one virtual router: a real engine without sockets, and a made-up world around it."""

import errno
import logging
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from lab.kit.packets import Advert, read_advert
from unit.engine.engine_bench import advert as pack
from unit.samples import instance, link, on_file, on_link, on_script, packed, virtual
from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.model import (
    VRRP_GROUP4,
    VRRP_GROUP6,
    Complaint,
    Family,
    Instance,
    Peer,
    State,
    TrackKind,
    ValueFile,
)
from vrrpd_fast.net.links import Link
from vrrpd_fast.router import Surroundings, VirtualRouter, identity
from vrrpd_fast.story import Story
from vrrpd_fast.track.file import FileTracker
from vrrpd_fast.track.interface import InterfaceTracker
from vrrpd_fast.track.priority import Fault, contribution
from vrrpd_fast.track.readings import Tracked

START_NS = 10**12
DOWN_NS = 360_937_500
FAMILIES = pytest.mark.parametrize("family", [Family.IPV4, Family.IPV6])


class Recorder(Engine):
    """Remembers with which datagrams a virtual router was equipped last."""

    def __init__(self) -> None:
        super().__init__(lambda: None, receive4=-1, receive6=-1, packet=-1, unicast4=-1, unicast6=-1)
        self.equipped: dict[int, list[Advert]] = {}
        self.times_equipped = 0

    def equip(self, handle: int, datagrams: Sequence[bytes]) -> None:
        super().equip(handle, datagrams)
        self.times_equipped += 1
        self.equipped[handle] = [read(datagram) for datagram in datagrams]


def read(datagram: bytes) -> Advert:
    kind = b"\x08\x00" if datagram[0] >> 4 == 4 else b"\x86\xdd"
    advert = read_advert(0, "", 0, bytes(12) + kind + datagram)
    assert advert is not None
    return advert


class Groups:
    """Memberships without a kernel."""

    def __init__(self) -> None:
        self.joined: list[tuple[int, IPv4Address | IPv6Address]] = []
        self.calls = 0
        self.refusal: OSError | None = None

    def join(self, ifindex: int, group: IPv4Address | IPv6Address) -> None:
        self.calls += 1
        if self.refusal is not None:
            raise self.refusal
        self.joined.append((ifindex, group))

    def leave(self, ifindex: int, group: IPv4Address | IPv6Address) -> None:
        self.calls += 1
        self.joined.remove((ifindex, group))


class Script:
    def __init__(self, name: str, state: bool | None) -> None:
        self.name = name
        self.state = state

    @property
    def text(self) -> str:
        return f"vrrp_script {self.name} is {'up' if self.state else 'down'}"

    def part(self, weight: int, reverse: bool) -> int | Fault:
        return contribution(weight, reverse, self.state)

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "type": "script", "state": "up" if self.state else "down"}


class World:
    def __init__(self) -> None:
        self.now_ns = START_NS
        self.engine = Recorder()
        self.groups = Groups()
        self.links: dict[str, Link] = {"a0": link()}
        self.scripts: dict[str, Script] = {}
        self.files: dict[str, FileTracker] = {}
        self.claims: list[tuple[str, State]] = []
        self.native: set[str] = set()
        self.waits: str | None = None
        self.priorities: list[tuple[str, int]] = []
        self.recorded: list[tuple[str, dict[str, Any]]] = []
        self.changed: list[str] = []
        self.routers: list[VirtualRouter] = []

    def router(self, name: str = "VI", *addresses: str, **more: Any) -> VirtualRouter:
        return self.make(instance(name, *addresses, **more))

    def make(self, made: Instance) -> VirtualRouter:
        around = Surroundings(
            engine=self.engine,
            memberships=self.groups,  # type: ignore[arg-type]
            find_tracked=self._find,
            link=self._link,
            claim=lambda router: self.claims.append((router.name, router.state)),
            is_native=lambda address: str(address.address) in self.native,
            waits=lambda: self.waits,
            tell_priority=lambda router: self.priorities.append((router.name, router.priority)),
            record=lambda event, **facts: self.recorded.append((event, facts)),
            tell_changed=lambda router: self.changed.append(router.name),
            vrf_table=lambda device: None,
            is_here=lambda address: any(link.has(address) for link in self.links.values()),
        )
        router = VirtualRouter(made, around)
        self.routers.append(router)
        self.evaluate(router)
        return router

    def _link(self, name: str) -> Link | None:
        return self.links.get(name)

    def _find(self, kind: TrackKind, name: str) -> Tracked:
        if kind is TrackKind.INTERFACE:
            return InterfaceTracker(name, (link := self.links.get(name)) is not None and link.up)
        return self.scripts[name] if kind is TrackKind.SCRIPT else self.files[name]

    def script(self, name: str, state: bool | None) -> Script:
        self.scripts[name] = Script(name, state)
        return self.scripts[name]

    def evaluate(self, router: VirtualRouter) -> None:
        router.evaluate(self.now_ns)
        self.drain()

    def change(self, router: VirtualRouter, name: str = "a0", **fields: Any) -> None:
        """Something about a link is different now."""
        for field, value in fields.items():
            setattr(self.links[name], field, value)
        router.link_changed(name, self.now_ns)
        self.drain()

    def remove(self, router: VirtualRouter, name: str = "a0") -> None:
        del self.links[name]
        router.link_changed(name, self.now_ns)
        self.drain()

    def sleep(self, nanoseconds: int) -> None:
        self.now_ns += nanoseconds
        self.engine.advance(self.now_ns)
        self.drain()

    def drain(self) -> None:
        by_handle = {router.handle: router for router in self.routers}
        for event in self.engine.drain(100):
            router = by_handle[event.handle]
            story = Story(f"test-{len(self.recorded)}", router.name, event.at_ns)
            router.on_transition(event, story)
            router.tell(event, story)

    def master(self, router: VirtualRouter) -> VirtualRouter:
        self.sleep(DOWN_NS + 100_000)
        assert router.state is State.MASTER
        self.engine.take_due()
        return router

    def effective(self, router: VirtualRouter) -> int:
        assert self.engine.snapshot(router.handle).priority == router.priority
        return router.priority


@pytest.fixture
def world() -> World:
    return World()


# -- links


@FAMILIES
def test_on_a_good_link_it_listens_waits_and_takes_over(world: World, family: Family) -> None:
    router = world.router(family=family)
    group = VRRP_GROUP4 if family == 4 else VRRP_GROUP6
    assert (router.state, router.reason) == (State.BACKUP, "started")
    assert world.groups.joined == [(2, group)]
    (advert,) = world.engine.equipped[router.handle]
    assert str(advert.source) == ("10.0.0.1" if family == 4 else "fe80::1")
    assert advert.destination == group
    assert (advert.priority, advert.interval_cs, advert.vrid) == (100, 10, 51)
    assert advert.addresses == (["10.9.9.9"] if family == 4 else ["fe80::9"])
    assert world.claims == []
    world.master(router)
    assert router.reason == "no advert heard for 361 ms (3 × 100 ms + skew 61 ms)"
    assert world.claims == [("VI", State.MASTER)]
    assert router.generation == 2
    assert abs(router.last_transition - time.time() - (world.now_ns - world.engine.now_ns()) / 1e9) < 1


FAULTS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "gone": (None, "interface a0 does not exist"),
    "down": ({"up": False}, "interface a0 is down"),
    "address": ({"ipv4": None, "ipv6": None}, "interface a0 has no IPv4 address of its own"),
    "address6": (
        {"ipv4": None, "ipv6": None},
        "interface a0 has no usable IPv6 link-local address of its own",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("state", [State.BACKUP, State.MASTER])
def test_what_is_wrong_with_a_link_is_fault_until_it_is_over(
    world: World, caplog: pytest.LogCaptureFixture, fault: str, state: State
) -> None:
    router = world.router(family=Family.IPV6 if fault == "address6" else Family.IPV4)
    if state is State.MASTER:
        world.master(router)
    wrong, reason = FAULTS[fault]
    caplog.clear()
    if wrong is None:
        world.remove(router)
    else:
        world.change(router, **wrong)
    assert (router.state, router.reason) == (State.FAULT, reason)
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.WARNING, f"instance VI: {state.name} -> FAULT: {reason}")
    ]
    assert world.engine.take_due() == ([(router.handle, True)] if state is State.MASTER else [])
    assert world.claims[1:] == ([("VI", State.FAULT)] if state is State.MASTER else [])
    assert (world.groups.joined == []) == (fault == "gone")
    world.sleep(10 * DOWN_NS)
    assert router.state is State.FAULT

    world.links["a0"] = link(index=7 if fault == "gone" else 2)
    world.change(router)
    assert (router.state, router.reason) == (State.BACKUP, "recovered")
    assert [index for index, _ in world.groups.joined] == [7 if fault == "gone" else 2]
    world.master(router)


def test_the_reason_of_a_fault_is_the_newest(world: World, caplog: pytest.LogCaptureFixture) -> None:
    del world.links["a0"]
    router = world.router()
    assert router.reason == "interface a0 does not exist"
    assert world.groups.joined == []
    world.links["a0"] = link(index=9, up=False)
    world.change(router)
    assert router.reason == "interface a0 is down"
    assert "instance VI: still FAULT: interface a0 is down" in caplog.messages
    world.change(router, mtu=9000)
    assert caplog.messages.count("instance VI: still FAULT: interface a0 is down") == 1


def test_a_group_that_cannot_be_joined_is_fault_and_tried_again(world: World) -> None:
    """Deaf, it would be a second MASTER."""
    world.groups.refusal = OSError(errno.ENOBUFS, "No buffer space available")
    router = world.router()
    assert (router.state, router.reason) == (
        State.FAULT,
        "cannot listen on interface a0: No buffer space available",
    )
    world.groups.refusal = None
    world.evaluate(router)
    assert router.state is State.BACKUP
    assert world.groups.joined == [(2, VRRP_GROUP4)]


def test_a_link_that_is_gone_before_it_was_joined(world: World) -> None:
    """The kernel knows already; the monitor will tell in a moment."""
    world.groups.refusal = OSError(errno.ENODEV, "No such device")
    router = world.router()
    assert router.reason == "cannot listen on interface a0: No such device"
    world.groups.refusal = None
    world.remove(router)
    assert router.reason == "interface a0 does not exist"
    assert world.groups.joined == []
    world.links["a0"] = link(index=3)
    world.change(router)
    assert router.state is State.BACKUP


def test_interfaces_may_exchange_their_names(world: World) -> None:
    """Two virtual routers of one VRID: neither may come to the other's index before that has left it."""
    world.links["a1"] = link("a1", 3, ipv4=packed("10.0.1.1"))
    one, other = world.router("VI_1"), world.router("VI_2", interface="a1")
    world.links = {"a0": link("a0", 3, ipv4=packed("10.0.1.1")), "a1": link("a1", 2)}
    for router in (one, other):
        router.detach()
    for router, name in ((one, "a0"), (other, "a1")):
        world.change(router, name)
    assert [router.state for router in (one, other)] == [State.BACKUP] * 2
    assert sorted(index for index, _ in world.groups.joined) == [2, 3]
    assert str(world.engine.equipped[one.handle][0].source) == "10.0.1.1"
    for index, router in ((3, one), (2, other)):
        assert heard(world, router, index) == 1


def test_another_interface_with_the_index_of_the_old_one_is_joined_anew(world: World) -> None:
    """Deleted and created again before anybody looked: the kernel has left the group with the old one."""
    router = world.router()
    before = world.groups.calls
    world.links["a0"] = link(serial=77)
    router.detach()
    assert world.groups.joined == []
    world.change(router)
    assert world.groups.joined == [(2, VRRP_GROUP4)]
    assert world.groups.calls == before + 2
    assert heard(world, router, 2) == 1


def heard(world: World, router: VirtualRouter, ifindex: int, source: str = "10.0.0.66") -> int:
    """How many adverts a virtual router accepts of one that comes in on an interface."""
    before = world.engine.snapshot(router.handle).statistics["advertisement_rcvd"]
    datagram = pack(IPv4Address(source), priority=90)
    world.engine.receive_ipv4(world.now_ns, ifindex, datagram)
    return world.engine.snapshot(router.handle).statistics["advertisement_rcvd"] - before


def test_detach_leaves_a_good_link_alone(world: World) -> None:
    router = world.router()
    calls = world.groups.calls
    router.detach()
    assert world.groups.calls == calls
    assert heard(world, router, 2) == 1


def test_a_link_that_was_detached_and_is_the_same_after_all(world: World) -> None:
    router = world.router()
    a0 = world.links.pop("a0")
    router.detach()
    world.links["a0"] = a0
    world.change(router)
    assert heard(world, router, 2) == 1
    assert world.groups.joined == [(2, VRRP_GROUP4)]


# -- the source address


def test_a_new_source_address_is_packed_at_once(world: World) -> None:
    router = world.master(world.router())
    world.change(router, ipv4=packed("10.0.0.77"))
    assert router.state is State.MASTER
    assert str(world.engine.equipped[router.handle][0].source) == "10.0.0.77"
    assert heard(world, router, 2, source="10.0.0.77") == 0  # our own
    assert heard(world, router, 2, source="10.0.0.1") == 1
    times = world.engine.times_equipped
    world.change(router, mtu=9000)
    assert world.engine.times_equipped == times


def test_mcast_src_ip_is_the_source_whatever_the_link_has(world: World) -> None:
    world.links["a0"].ipv4 = None
    router = world.router(source_ip=IPv4Address("10.0.0.50"))
    assert router.state is State.BACKUP
    assert str(world.engine.equipped[router.handle][0].source) == "10.0.0.50"


def test_the_release_leaves_with_the_address_that_was_lost(world: World) -> None:
    router = world.master(world.router())
    world.change(router, ipv4=None)
    assert str(world.engine.equipped[router.handle][0].source) == "10.0.0.1"
    assert world.engine.take_due() == [(router.handle, True)]


def test_unicast_has_a_datagram_for_each_peer_and_joins_nothing(world: World) -> None:
    peers = (IPv4Address("10.0.0.2"), IPv4Address("10.0.0.3"))
    router = world.router(is_unicast=True, unicast_peers=tuple(Peer(address=peer) for peer in peers))
    assert [advert.destination for advert in world.engine.equipped[router.handle]] == list(peers)
    world.remove(router)
    world.links["a0"] = link(index=5)
    world.change(router)
    router.close()
    assert world.groups.calls == 0


# -- trackers


@pytest.mark.parametrize(
    ("weight", "reverse", "state", "expected"),
    [
        (2, False, True, 102),
        (2, False, False, 100),
        (2, False, None, 100),
        (-2, False, True, 100),
        (-2, False, False, 98),
        (-2, False, None, 100),
        (2, True, True, 98),
        (2, True, False, 100),
        (-2, True, False, 102),
        (200, False, True, 254),
        (-200, False, False, 1),
        (0, False, True, 100),
        (0, True, False, 100),
    ],
)
def test_a_script_moves_the_priority_that_is_sent(
    world: World, weight: int, reverse: bool, state: bool | None, expected: int
) -> None:
    world.script("chk", state)
    router = world.router(tracks=(on_script("chk", weight=weight, reverse=reverse),))
    assert router.state is State.BACKUP
    assert world.effective(router) == expected
    (tracking,) = router.status()["tracking"]
    part = expected - 100 if abs(weight) < 100 else weight
    assert tracking == {
        "name": "chk",
        "type": "script",
        "state": "up" if state else "down",
        "weight": weight,
        "reverse": reverse,
        "contribution": part,
    }


@pytest.mark.parametrize(("reverse", "state"), [(False, False), (True, True)])
def test_a_script_without_weight_decides_whether_it_takes_part(
    world: World, reverse: bool, state: bool
) -> None:
    script = world.script("chk", state)
    router = world.router(tracks=(on_script("chk", reverse=reverse),))
    reason = f"vrrp_script chk is {'up' if state else 'down'}"
    assert (router.state, router.reason) == (State.FAULT, reason)
    assert router.status()["tracking"][0]["contribution"] == "fault"
    script.state = not state
    world.evaluate(router)
    assert (router.state, router.reason) == (State.BACKUP, "recovered")
    world.master(router)
    script.state = state
    world.evaluate(router)
    assert (router.state, router.reason) == (State.FAULT, reason)
    assert world.engine.take_due() == [(router.handle, True)]


def test_an_unknown_script_is_waited_for(world: World) -> None:
    script = world.script("chk", None)
    router = world.router(tracks=(on_script("chk"),))
    world.sleep(10 * DOWN_NS)
    assert (router.state, router.reason) == (State.INIT, "waits for the first result of vrrp_script chk")
    assert router.status()["tracking"][0]["contribution"] == "waiting"
    script.state = True
    world.evaluate(router)
    assert (router.state, router.reason) == (State.BACKUP, "started")
    # A script that is unknown again (a reload changed it) disturbs nobody who takes part.
    world.master(router)
    script.state = None
    world.evaluate(router)
    assert router.state is State.MASTER
    assert router.reason.startswith("no advert")


def test_after_a_fault_it_waits_for_the_script_and_says_so(world: World) -> None:
    script = world.script("chk", None)
    world.links["a0"].up = False
    router = world.router(tracks=(on_script("chk"),))
    assert router.reason == "interface a0 is down"
    world.change(router, up=True)
    assert (router.state, router.reason) == (State.FAULT, "waits for the first result of vrrp_script chk")
    script.state = True
    world.evaluate(router)
    assert (router.state, router.reason) == (State.BACKUP, "recovered")


@pytest.mark.parametrize(
    ("weight", "reverse", "value", "expected"),
    [(2, False, 10, 120), (2, True, 10, 80), (1, False, 900, 254), (-1, False, 99, 1), (5, False, 0, 100)],
)
def test_the_number_in_a_file_moves_the_priority(
    world: World, weight: int, reverse: bool, value: int, expected: int
) -> None:
    file = world.files["load"] = FileTracker(ValueFile(name="load", path="/run/load"))
    router = world.router(tracks=(on_file("load", weight=weight, reverse=reverse),))
    file.value = value
    world.evaluate(router)
    assert (router.state, world.effective(router)) == (State.BACKUP, expected)
    (tracking,) = router.status()["tracking"]
    assert (tracking["type"], tracking["path"], tracking["value"]) == ("file", "/run/load", value)
    assert (tracking["weight"], tracking["reverse"]) == (weight, reverse)


@pytest.mark.parametrize(("weight", "value"), [(0, 1), (0, -7), (1, -254), (-254, 1)])
def test_the_number_in_a_file_is_a_fault(world: World, weight: int, value: int) -> None:
    file = world.files["load"] = FileTracker(ValueFile(name="load", path="/run/load"))
    router = world.router(tracks=(on_file("load", weight=weight),))
    file.value = value
    world.evaluate(router)
    assert (router.state, router.reason) == (State.FAULT, f"track_file load has the value {value}")
    assert router.status()["tracking"][0]["contribution"] == "fault"
    file.value = 0
    world.evaluate(router)
    assert router.state is State.BACKUP


def test_contributions_add_up_and_are_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one, other = world.script("one", True), world.script("other", True)
    world.links["up1"] = link("up1", 8)
    router = world.router(
        tracks=(on_link("up1", weight=5), on_script("one", weight=2), on_script("other", weight=-30))
    )
    assert world.effective(router) == 107
    assert "instance VI: priority 100 -> 107 (100 base, +5 up1, +2 one = 107)" in caplog.messages
    one.state = other.state = False
    world.change(router, "up1", up=False)
    assert world.effective(router) == 70
    assert (
        "instance VI: priority 107 -> 70 (100 base, +0 up1 down, +0 one down, -30 other down = 70)"
        in caplog.messages
    )


def test_an_owner_keeps_255(world: World) -> None:
    world.script("chk", False)
    router = world.router(priority=255, tracks=(on_script("chk", weight=-50),))
    assert world.effective(router) == 255
    assert (router.state, router.reason) == (State.MASTER, "owner of its addresses (priority 255)")


@pytest.mark.parametrize("how", ["down", "gone"])
def test_a_tracked_interface_without_weight(world: World, how: str) -> None:
    world.links["up1"] = link("up1", 8)
    router = world.master(world.router(tracks=(on_link("up1"),)))
    if how == "down":
        world.change(router, "up1", up=False)
    else:
        world.remove(router, "up1")
    assert (router.state, router.reason) == (State.FAULT, "tracked interface up1 is down")
    assert router.status()["tracking"] == [
        {"name": "up1", "type": "interface", "state": "down", "weight": 0, "reverse": False}
        | {"contribution": "fault"}
    ]
    world.links["up1"] = link("up1", 9)
    world.change(router, "up1")
    assert router.state is State.BACKUP


# -- another configuration


def test_reconfigure_changes_it_in_place(world: World) -> None:
    router = world.master(world.router())
    calls = world.groups.calls
    router.reconfigure(
        instance("VI", "10.9.9.9/24", "10.9.9.10/24", priority=120, advert_int_cs=20), world.now_ns
    )
    world.drain()
    assert router.state is State.MASTER
    assert router.generation == 2
    assert world.groups.calls == calls
    (advert,) = world.engine.equipped[router.handle]
    assert (advert.priority, advert.interval_cs) == (120, 20)
    assert advert.addresses == ["10.9.9.9", "10.9.9.10"]
    assert world.effective(router) == 120
    assert [str(each.address) for each in router.addresses.additions] == ["10.9.9.9/24", "10.9.9.10/24"]


def test_reconfigure_finds_new_trackers_at_once(world: World) -> None:
    world.script("chk", False)
    router = world.master(world.router())
    tracked = (on_script("chk", weight=-10),)
    router.reconfigure(instance("VI", tracks=tracked), world.now_ns)
    assert world.engine.equipped[router.handle][0].priority == 90
    assert world.effective(router) == 90
    router.reconfigure(instance("VI", tracks=(on_script("chk"),)), world.now_ns)
    world.drain()
    assert (router.state, router.reason) == (State.FAULT, "vrrp_script chk is down")
    router.reconfigure(instance("VI"), world.now_ns)
    world.drain()
    assert (router.state, router.reason) == (State.BACKUP, "recovered")


@pytest.mark.parametrize(
    "more",
    [
        {"interface": "a1"},
        {"virtual_router_id": 52},
        {"version": 2, "advert_int_cs": 100},
        {"is_unicast": True, "unicast_peers": (Peer(address=IPv4Address("10.0.0.2")),)},
        {"group": IPv4Address("224.0.0.99")},
        {"family": Family.IPV6},
    ],
)
def test_what_makes_it_another_virtual_router(more: dict[str, Any]) -> None:
    assert identity(instance("VI", **more)) != identity(instance("VI"))


@pytest.mark.parametrize(
    "more",
    [
        {"priority": 1},
        {"advert_int_cs": 99},
        {"preempt": False},
        {"virtual_addresses": (virtual("10.1.1.1/32"),)},
        {"tracks": (on_script("chk"),)},
        {"source_ip": IPv4Address("10.0.0.9")},
    ],
)
def test_what_does_not(more: dict[str, Any]) -> None:
    assert identity(instance("VI", **more)) == identity(instance("VI"))


def test_an_owner_leaves_addresses_alone_that_are_there_without_it(world: World) -> None:
    world.native = {"10.9.9.9"}
    owner = world.router("VI_1", "10.9.9.9/24", "10.9.9.10/24", priority=255)
    assert [str(each.address) for each in owner.addresses.additions] == ["10.9.9.10/24"]
    assert world.engine.equipped[owner.handle][0].addresses == ["10.9.9.9", "10.9.9.10"]
    other = world.router("VI_2", "10.9.9.9/24", virtual_router_id=52)
    assert [str(each.address) for each in other.addresses.additions] == ["10.9.9.9/24"]


def test_what_an_owner_has_added_stays_its_own(world: World) -> None:
    """A kernel that keeps no owner tags shows it as anybody's; a reload must not forget whose it is."""
    owner = world.router("VI", "10.9.9.9/24", priority=255)
    world.native = {"10.9.9.9", "10.9.9.10"}
    owner.reconfigure(instance("VI", "10.9.9.9/24", "10.9.9.10/24", priority=255), world.now_ns)
    assert [str(each.address) for each in owner.addresses.additions] == ["10.9.9.9/24"]


def test_excluded_addresses_are_carried_and_not_advertised(world: World) -> None:
    router = world.router(excluded_addresses=(virtual("10.9.9.200/32"),))
    assert world.engine.equipped[router.handle][0].addresses == ["10.9.9.9"]
    assert [str(each.address) for each in router.addresses.additions] == ["10.9.9.9/24", "10.9.9.200/32"]
    assert router.status()["virtual_addresses"] == ["10.9.9.9/24", "10.9.9.200/32"]


def test_addresses_follow_their_own_device(world: World) -> None:
    router = world.router(virtual_addresses=(virtual("10.9.9.9/24"), virtual("10.8.8.8/24", "a1")))
    assert [each.ifindex for each in router.addresses.additions] == [2]
    world.links["a1"] = link("a1", 6)
    world.change(router, "a1")
    assert [each.ifindex for each in router.addresses.additions] == [2, 6]
    assert router.state is State.BACKUP


# -- the end, and what is told


def test_release_and_close(world: World) -> None:
    router = world.master(world.router())
    router.release(world.now_ns)
    assert world.engine.take_due() == [(router.handle, True)]
    world.drain()
    assert (router.state, router.reason) == (State.INIT, "stopped")
    router.close()
    assert world.groups.joined == []
    with pytest.raises(IndexError):
        world.engine.snapshot(router.handle)


def test_complaints_are_told_with_the_instance(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.router().on_complaint(Complaint.INTERVAL, IPv4Address("10.0.0.2"))
    assert caplog.messages == [
        "instance VI: advert from 10.0.0.2 with another interval than ours; it is adopted"
    ]


def test_status_of_a_backup_and_of_a_master(world: World) -> None:
    router = world.router()
    heard(world, router, 2)
    router.reconfigure(instance("VI", priority=80), world.now_ns)
    heard(world, router, 2)
    status = router.status()
    assert (status["state"], status["master_address"], status["master_priority"]) == (
        "BACKUP",
        "10.0.0.66",
        90,
    )
    assert (status["priority"], status["effective_priority"]) == (80, 80)
    assert (status["advert_int"], status["master_advert_int"]) == (0.1, 0.1)
    assert (status["name"], status["interface"], status["address_family"]) == ("VI", "a0", "ipv4")
    assert (status["virtual_router_id"], status["version"]) == (51, 3)
    assert status["statistics"]["advertisement_rcvd"] == 2
    world.sleep(10 * DOWN_NS)
    status = router.status()
    assert (status["state"], status["master_address"], status["master_priority"]) == (
        "MASTER",
        "10.0.0.1",
        80,
    )
    assert status["reason"].startswith("no advert from 10.0.0.66 for 3.6")


# -- when it may take part, and what it does without


def test_nobody_takes_part_before_the_start_is_over(world: World) -> None:
    """FAULT is FAULT meanwhile; the down timer runs from the end of the delay."""
    world.waits = "waits 2 s more"
    router, owner = world.router("VI"), world.router("owner", priority=255, virtual_router_id=7)
    down = world.router("down", interface="a9", virtual_router_id=8)
    world.sleep(10 * DOWN_NS)
    assert [each.state for each in (router, owner, down)] == [State.INIT, State.INIT, State.FAULT]
    assert router.reason == owner.reason == "waits 2 s more"
    assert "a9" in down.reason
    world.waits = None
    for each in (router, owner, down):
        world.evaluate(each)
    assert [each.state for each in (router, owner, down)] == [State.BACKUP, State.MASTER, State.FAULT]
    world.sleep(DOWN_NS - 10_000_000)
    assert router.state is State.BACKUP


def test_dont_track_primary_takes_a_link_that_is_down_for_good(world: World) -> None:
    router = world.master(world.router(dont_track_primary=True))
    world.change(router, up=False)
    assert router.state is State.MASTER
    world.remove(router)
    assert router.state is State.FAULT


def test_the_source_address_must_be_there_only_if_that_is_tracked(world: World) -> None:
    source = IPv4Address("10.0.0.77")
    plain = world.router("VI_1", source_ip=source)
    tracked = world.router("VI_2", source_ip=source, track_src_ip=True, virtual_router_id=7)
    assert (plain.state, tracked.state) == (State.BACKUP, State.FAULT)
    assert tracked.reason == "the source address 10.0.0.77 is not on interface a0"
    world.change(tracked, addresses={(4, source.packed, 16): 0})
    assert tracked.state is State.BACKUP
    world.change(tracked, addresses={})
    assert tracked.state is State.FAULT


def test_without_an_interface_the_source_address_may_be_anywhere(world: World) -> None:
    source = IPv4Address("10.0.0.77")
    world.links["a1"] = link("a1", 3)
    router = world.router(
        interface="",
        is_unicast=True,
        unicast_peers=(Peer(address=IPv4Address("10.0.0.9")),),
        source_ip=source,
        track_src_ip=True,
    )
    assert router.reason == "the source address 10.0.0.77 is not on any interface"
    world.change(router, "a1", addresses={(4, source.packed, 24): 0})
    assert router.state is State.BACKUP


def test_without_an_interface_the_routes_tell_the_source_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes: dict[str, IPv4Address] = {}
    monkeypatch.setattr("vrrpd_fast.router.source_towards", lambda peer: routes.get(str(peer)))
    peer = Peer(address=IPv4Address("10.7.0.9"))
    made = world.router(interface="", is_unicast=True, unicast_peers=(peer,))
    assert (made.state, made.reason) == (State.FAULT, "no route leads to 10.7.0.9")
    routes["10.7.0.9"] = IPv4Address("10.0.0.5")
    world.evaluate(made)
    assert made.state is State.BACKUP
    assert str(world.engine.equipped[made.handle][0].source) == "10.0.0.5"
