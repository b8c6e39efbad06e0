"""Sync groups: a real engine without sockets, and members that are no more than their faults."""

import pytest

from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.engine.wire import pack_advert
from vrrpd_fast.groups import Fault, Group, Groups
from vrrpd_fast.model import VRRP_GROUP4, Reason, State, SyncGroup, Transition

START_NS = 10**12
DOWN_NS = 3_609_375_000 + 20_000  # priority 100 at 1 s, and a tick of the wheel
BROKEN = (Reason.INTERFACE_DOWN, "interface b0 is down")


class One:
    """A member on an interface of its own."""

    def __init__(self, world: "World", name: str, ifindex: int, priority: int) -> None:
        self.name = name
        self.ifindex = ifindex
        self.state = State.INIT
        self.own_fault: Fault | None = None
        self.is_waiting = False
        self.patience_ns = 4 * 10**9
        self.group: Group | None = None
        self.handle = world.engine.add(
            ifindex=ifindex,
            family=4,
            vrid=1,
            version=3,
            priority=priority,
            advert_int_cs=100,
            addresses=[bytes((10, ifindex, 0, 1))],
        )
        world.engine.move(self.handle, ifindex, bytes((10, ifindex, 0, 10)))


class World:
    def __init__(self, *names: str, priority: int = 100) -> None:
        self.now_ns = START_NS
        self.engine = Engine(lambda: None, receive4=-1, receive6=-1, packet=-1, unicast4=-1, unicast6=-1)
        self.reconsidered: list[str] = []
        self.groups = Groups(self.engine, self.reconsidered.append)
        self.told: list[State] = []
        self.members = {name: One(self, name, number, priority) for number, name in enumerate(names, 1)}

    def configure(self, *names: str) -> None:
        group = SyncGroup(name="G", members=names)
        self.groups.configure({"G": group} if names else {}, self.members)

    def start(self, *names: str) -> None:
        for name in names or self.members:
            self.engine.start(self.members[name].handle, self.now_ns, Reason.STARTUP)
        self.drain()

    def drain(self) -> None:
        """What the fleet does after every wake-up."""
        by_handle = {member.handle: member for member in self.members.values()}
        while events := self.engine.drain(64):
            for event in events:
                self.follow(by_handle[event.handle], event)
        for handle in self.engine.take_ready():
            group = by_handle[handle].group
            if group is not None:
                group.lead(self.now_ns)
        for event in self.engine.drain(64):
            self.follow(by_handle[event.handle], event)

    def follow(self, member: One, event: Transition) -> None:
        member.state = event.new
        group = member.group
        if group is not None and (group.begin(event) or group.follow(event, self.now_ns)):
            self.told.append(group.state)

    def sleep(self, duration_ns: int) -> None:
        self.now_ns += duration_ns
        self.engine.advance(self.now_ns)
        self.drain()

    def hear(self, name: str, priority: int) -> None:
        number = self.members[name].ifindex
        packet = pack_advert(
            family=4,
            version=3,
            vrid=1,
            priority=priority,
            interval_cs=100,
            addresses=[bytes((10, number, 0, 1))],
            source=bytes((10, number, 0, 20)),
            destination=VRRP_GROUP4.packed,
        )
        assert self.engine.receive_ipv4(self.now_ns, number, packet) == 0
        self.drain()

    @property
    def states(self) -> dict[str, str]:
        return {name: member.state.name for name, member in self.members.items()}

    def due(self) -> list[tuple[str, bool]]:
        names = {member.handle: name for name, member in self.members.items()}
        return [(names[handle], release) for handle, release in self.engine.take_due()]


@pytest.fixture
def pair() -> World:
    world = World("a", "b")
    world.configure("a", "b")
    world.start()
    return world


@pytest.fixture
def masters(pair: World) -> World:
    pair.sleep(DOWN_NS)
    assert pair.states == {"a": "MASTER", "b": "MASTER"}
    pair.due()
    pair.told.clear()
    pair.reconsidered.clear()
    return pair


def test_all_lead_when_nobody_hears_a_master(pair: World) -> None:
    pair.sleep(DOWN_NS)
    assert pair.states == {"a": "MASTER", "b": "MASTER"}
    assert pair.due() == [("a", False), ("b", False)]
    assert pair.told == [State.BACKUP, State.MASTER]


def test_nobody_leads_while_one_hears_a_master(pair: World) -> None:
    for _ in range(8):
        pair.hear("b", 200)
        pair.sleep(10**9)
    assert pair.states == {"a": "BACKUP", "b": "BACKUP"}
    assert pair.due() == []
    pair.sleep(DOWN_NS)
    assert pair.states == {"a": "MASTER", "b": "MASTER"}


def test_one_that_yields_takes_the_others_with_it(masters: World) -> None:
    masters.hear("a", 200)
    assert masters.states == {"a": "BACKUP", "b": "BACKUP"}
    assert masters.due() == [("b", True)]  # whoever waits there need not wait longer
    assert masters.told == [State.BACKUP]
    masters.hear("b", 200)
    assert masters.states == {"a": "BACKUP", "b": "BACKUP"}


def test_a_fault_is_everybody_s(masters: World) -> None:
    member, group = masters.members["b"], masters.members["b"].group
    assert group is not None
    member.own_fault = BROKEN
    group.member_changed("b")
    assert masters.reconsidered == ["a"]
    fault = group.fault_of_others("a")
    assert fault == (Reason.SYNC_GROUP, "vrrp_sync_group G: b is FAULT: interface b0 is down")
    assert group.fault_of_others("b") is None
    for name in ("b", "a"):
        masters.engine.stop(masters.members[name].handle, masters.now_ns, State.FAULT, BROKEN[0])
    masters.drain()
    assert masters.told == [State.FAULT]
    assert masters.due() == [("b", True), ("a", True)]


def test_a_group_that_begins_with_a_fault_tells_it_when_all_have_it() -> None:
    world = World("a", "b")
    world.configure("a", "b")
    for name in ("a", "b"):
        assert world.told == []
        world.engine.stop(world.members[name].handle, world.now_ns, State.FAULT, BROKEN[0])
        world.drain()
    assert world.told == [State.FAULT]


def test_members_wait_for_each_other() -> None:
    world = World("a", "b")
    world.configure("a", "b", "c")
    a, b = world.members["a"], world.members["b"]
    assert a.group is not None
    assert a.group.waits_for("a") == "c"
    world.reconsidered.clear()
    world.configure("a", "b")
    assert a.group.waits_for("a") is None
    b.is_waiting = True
    assert (a.group.waits_for("a"), a.group.waits_for("b")) == ("b", None)
    world.configure("a")
    assert a.group.waits_for("a") is None
    assert "a" in world.reconsidered


def test_the_last_one_that_comes_has_the_others_look_again() -> None:
    world = World("a", "b", "c")
    last = world.members.pop("c")
    world.configure("a", "b", "c")
    world.reconsidered.clear()
    world.groups.join(last)
    assert world.reconsidered == ["a", "b"]


def test_masters_do_not_stay_with_one_that_follows_another_master() -> None:
    """A reload brings them together; they have the time in which it could get ready."""
    world = World("a", "b")
    world.configure()
    world.start()
    for _ in range(5):
        world.hear("b", 200)
        world.sleep(10**9)
    assert world.states == {"a": "MASTER", "b": "BACKUP"}
    world.configure("a", "b")
    for _ in range(6):
        assert world.states["a"] == "MASTER"
        world.groups.mend(world.now_ns)
        world.drain()
        world.hear("b", 200)
        world.sleep(10**9)
    assert world.states == {"a": "BACKUP", "b": "BACKUP"}
    assert world.told == [State.BACKUP]
    world.sleep(DOWN_NS)
    assert world.states == {"a": "MASTER", "b": "MASTER"}


def test_a_group_of_virtual_routers_that_run_has_their_state(masters: World) -> None:
    masters.groups.configure({"H": SyncGroup(name="H", members=("a", "b"))}, masters.members)
    assert [group.state for group in masters.groups] == [State.MASTER]
    masters.hear("a", 200)
    assert masters.told == [State.BACKUP]


def test_a_member_that_does_not_run_keeps_the_others_from_leading() -> None:
    world = World("a", "b")
    world.configure("a", "b", "missing")
    world.start()
    world.sleep(DOWN_NS)
    assert world.states == {"a": "BACKUP", "b": "BACKUP"}


def test_owners_lead_when_the_last_of_them_has_started() -> None:
    world = World("a", "b", priority=255)
    world.configure("a", "b")
    world.start("a")
    assert world.states == {"a": "BACKUP", "b": "INIT"}
    world.start("b")
    assert world.states == {"a": "MASTER", "b": "MASTER"}


def test_who_comes_into_a_group_of_masters_takes_over_when_it_would_alone() -> None:
    world = World("a", "b", "c")
    world.configure("a", "b")
    world.start("a", "b")
    world.sleep(DOWN_NS)
    world.configure("a", "b", "c")
    world.start("c")
    assert world.states == {"a": "MASTER", "b": "MASTER", "c": "BACKUP"}
    world.sleep(DOWN_NS)
    assert world.states == {"a": "MASTER", "b": "MASTER", "c": "MASTER"}


def test_who_leaves_a_group_goes_on_alone(masters: World) -> None:
    masters.configure("a")
    assert masters.members["b"].group is None
    masters.hear("a", 200)
    assert masters.states == {"a": "BACKUP", "b": "MASTER"}


def test_a_fault_that_leaves_the_group_is_no_longer_the_others(masters: World) -> None:
    masters.members["b"].own_fault = BROKEN
    masters.reconsidered.clear()
    masters.configure("a")
    assert set(masters.reconsidered) == {"a", "b"}
    group = masters.members["a"].group
    assert group is not None and group.fault_of_others("a") is None


def test_a_group_that_stays_is_the_same(masters: World) -> None:
    before = masters.members["a"].group
    masters.configure("a", "b")
    assert masters.members["a"].group is before
    assert masters.reconsidered == []


def test_without_groups_nothing_is_gated() -> None:
    world = World("a")
    world.configure()
    assert not world.groups.are_there
    world.start()
    world.sleep(DOWN_NS)
    assert world.states == {"a": "MASTER"}
