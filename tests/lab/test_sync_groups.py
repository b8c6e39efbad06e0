"""vrrp_sync_group on two LANs: pairs of ours, mixed pairs with keepalived, and what both tell of a group."""

import re

import pytest

from lab.kit.capture import Capture
from lab.kit.daemons import Daemon
from lab.kit.fixtures import Build, Tap
from lab.kit.inject import Injector
from lab.kit.net import Net, now_ns
from lab.kit.told import KINDS, FifoReader, Ground, global_defs, reload, telling
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

INTERVAL_S = 0.15
SPLIT_S = 0.02  # how long the members of a group may be in different states, given a processor
SLACK_S = {"vrrpd-fast": 0.06, "keepalived": 0.4}
PATIENCE_S = 15.0
PRIORITIES = {"r1": 200, "r2": 100}
LANS = {0: ("A", 61, "10.0.0.61"), 1: ("B", 62, "2001:db8:1::62")}  # IPv4 here, IPv6 there


def member(name: str, vrid: int, interface: str, priority: int, addresses: str, *lines: str) -> str:
    return (
        f"vrrp_instance {name} {{\n  interface {interface}\n  virtual_router_id {vrid}\n"
        f"  priority {priority}\n  version 3\n  advert_int {INTERVAL_S}\n"
        f"  virtual_ipaddress {{\n{addresses}\n}}\n" + "".join(f"  {line}\n" for line in lines) + "}\n"
    )


def group(*members: str, name: str = "G", more: str = "") -> str:
    return f"vrrp_sync_group {name} {{\n  group {{\n" + "\n".join(members) + f"\n  }}\n{more}}}\n"


def a_member(priority: int = 100, *lines: str) -> str:
    return member("A", 61, "eth0", priority, "10.0.0.61/24", *lines)


def b_member(priority: int = 100, *lines: str) -> str:
    return member("B", 62, "eth1", priority, "fe80::62/64\n2001:db8:1::62/64", *lines)


def c_member(priority: int = 100) -> str:
    return member("C", 63, "eth1", priority, "10.1.0.63/24")


def plug(net: Net, lan: int, state: str) -> None:
    """Have r1's link to a LAN go up or down."""
    net.ip("switch", "link", "set", net.port("r1", lan).peer, state)


class Pair:
    """Two routers on both LANs, r1 the preferred one; judged by what is on the wire."""

    def __init__(self, build: Build, capture: Tap, kinds: tuple[str, str]) -> None:
        self.net = build(["r1", "r2"], ["r1", "r2"])
        self.wire: Capture = capture(self.net)
        self.first, self.second = (
            telling(
                kind,
                self.net,
                node,
                global_defs() + group("A", "B") + a_member(PRIORITIES[node]) + b_member(PRIORITIES[node]),
            )
            for kind, node in zip(kinds, PRIORITIES, strict=True)
        )

    def both(self, daemon: Daemon, after_ns: int) -> None:
        """A daemon becomes master on both LANs at the same time, and soon is the only one."""
        other = self.first if daemon is self.second else self.second
        firsts = [
            self.wire.wait_advert(
                daemon.node,
                vrid=vrid,
                lan=lan,
                priority=PRIORITIES[daemon.node],
                after=after_ns,
                timeout=PATIENCE_S,
            )
            for lan, (_, vrid, _) in LANS.items()
        ]
        if daemon.kind == "vrrpd-fast":
            split_s = abs(firsts[0].time_ns - firsts[1].time_ns) / 1e9
            assert split_s < daemon.late_s(SPLIT_S), f"{split_s:.3f} s\n{self.wire.story()}"
        for first in firsts:
            self.wire.wait_adverts(3, daemon.node, lan=first.lan, after=first.time_ns)
            yielded_s = INTERVAL_S + (other.late_s(SLACK_S[other.kind]) if other.process else 0.0)
            late = self.wire.adverts(other.node, lan=first.lan, after=first.time_ns + round(yielded_s * 1e9))
            assert not [advert for advert in late if advert.priority], self.wire.story()
        for _, _, address in LANS.values():
            wait_until(lambda address=address: daemon.holds(address), 5, f"{daemon.node} has {address}")
            wait_until(lambda address=address: not other.holds(address), 5, f"{other.node} lets {address} go")


@pytest.mark.peer("keepalived")
@pytest.mark.parametrize(
    "kinds",
    [("vrrpd-fast", "vrrpd-fast"), ("keepalived", "vrrpd-fast"), ("vrrpd-fast", "keepalived")],
    ids=" before ".join,
)
def test_a_pair(build: Build, capture: Tap, kinds: tuple[str, str]) -> None:
    """Election, one link down and up, kill -9, return, stop: both addresses are always in one place."""
    pair = Pair(build, capture, kinds)
    first, second = pair.first, pair.second

    since = now_ns()
    second.start()
    pair.both(second, since)
    since = now_ns()
    first.start()
    pair.both(first, since)

    since = now_ns()
    plug(pair.net, 1, "down")
    pair.both(second, since)
    if isinstance(first, VrrpdFast):
        reason = first.wait_state("A", "FAULT")["reason"]
        assert reason == "vrrp_sync_group G: B is FAULT: interface eth1 is down"
    since = now_ns()
    plug(pair.net, 1, "up")
    pair.both(first, since)

    first.kill()
    since = now_ns()
    for address in ("10.0.0.61/24 dev eth0", "2001:db8:1::62/64 dev eth1", "fe80::62/64 dev eth1"):
        pair.net.ip("r1", "addr", "del", *address.split())  # what the killed one could not do
    pair.both(second, since)
    since = now_ns()
    first.start()
    pair.both(first, since)

    since = now_ns()
    assert first.stop() == 0
    pair.both(second, since)


class Teller:
    """r1 with a FIFO; x is the rest of the world."""

    def __init__(self, build: Build, kind: str) -> None:
        self.net = build(["r1", "x"], ["r1", "x"])
        self.ground = Ground(self.net)
        self.kind = kind
        self._reader = FifoReader(self.ground.path / "fifo")
        self._seen = 0
        self.net.at_close.append(self._reader.close)

    def start(self, text: str, *more_global: str) -> None:
        self.head = global_defs(f"vrrp_notify_fifo {self.ground.path}/fifo", *more_global)
        self.daemon = telling(self.kind, self.net, "r1", self.head + text)
        self.daemon.start()

    def until(self, state: str, name: str = "G") -> list[str]:
        """What is told until the group's next line, which must be this one: members in any order."""
        lines = wait_until(
            self._to_next_group, PATIENCE_S, f'GROUP "{name}" {state} among {self._reader.lines}'
        )
        self._seen += len(lines)
        assert lines[-1] == f'GROUP "{name}" {state} 0', self._reader.lines
        return sorted(re.sub(r'INSTANCE "(\w+)"', r"\1", line) for line in lines[:-1])

    def skip_to(self, state: str) -> None:
        """Leave out everything up to the first line of the group with this state."""
        line = f'GROUP "G" {state} 0'
        self._reader.wait(line, PATIENCE_S)
        self._seen = self._reader.lines.index(line) + 1

    def _to_next_group(self) -> list[str] | None:
        lines = self._reader.lines[self._seen :]
        ends = [index for index, line in enumerate(lines) if line.startswith("GROUP")]
        return lines[: ends[0] + 1] if ends else None


def both_are(*states: str, priority: int = 100) -> list[str]:
    return [f"{name} {state} {priority}" for name in "AB" for state in states]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_told(build: Build, kind: str) -> None:
    """A start, a master of higher priority on one LAN, a link, a reload and the end: lines in their order."""
    teller = Teller(build, kind)
    teller.start(group("A", "B") + a_member() + b_member(), "fifo_write_vrrp_states_on_reload")
    assert teller.until("BACKUP") == []  # before its members, this once
    assert teller.until("MASTER") == both_are("BACKUP", "MASTER")
    injector = Injector(teller.net, "x")
    teller.net.at_close.append(injector.close)
    injector.advert(vrid=61, priority=250, interval_cs=15, addresses=["10.0.0.61"])
    assert teller.until("BACKUP") == both_are("BACKUP")
    assert teller.until("MASTER") == both_are("MASTER")
    plug(teller.net, 1, "down")
    assert teller.until("FAULT") == both_are("FAULT")
    plug(teller.net, 1, "up")
    assert teller.until("BACKUP") == both_are("BACKUP")
    assert teller.until("MASTER") == both_are("MASTER")
    reload(teller.daemon, teller.head + group("A", "B") + a_member() + b_member())
    assert teller.until("MASTER") == []  # as it is, before its members
    assert teller.daemon.stop() == 0
    repeated = both_are("MASTER") if kind == "vrrpd-fast" else []
    assert teller.until("STOP") == sorted([*repeated, *both_are("STOP")])


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_the_start(build: Build, kind: str) -> None:
    """Nobody was BACKUP before: the members' lines first, then the group's."""
    teller = Teller(build, kind)
    plug(teller.net, 1, "down")
    teller.start(group("A", "B") + a_member() + b_member())
    assert teller.until("FAULT") == both_are("FAULT")
    plug(teller.net, 1, "up")
    assert teller.until("BACKUP") == both_are("BACKUP")
    assert teller.until("MASTER") == both_are("MASTER")


@pytest.mark.parametrize("kind", KINDS)
def test_scripts(build: Build, capture: Tap, kind: str) -> None:
    """A member's own without weight is everybody's fault; the group's with a weight moves all priorities."""
    teller = Teller(build, kind)
    wire: Capture = capture(teller.net)
    well, strong = teller.ground.path / "well", teller.ground.path / "strong"
    well.touch()
    strong.touch()
    scripts = "".join(
        f'vrrp_script {name} {{\n  script "/usr/bin/test -e {path}"\n  interval 1\n  {weight}\n}}\n'
        for name, path, weight in (("well", well, "weight 0"), ("strong", strong, "weight 20"))
    )
    tracked = "  track_script {\n    strong\n  }\n"
    own = ("track_script {", "well", "}")
    teller.start(scripts + group("A", "B", more=tracked) + a_member(100, *own) + b_member())
    for priority, act in ((120, None), (100, strong.unlink), (120, strong.touch)):
        since = now_ns()
        if act is not None:
            act()
        for lan, (_, vrid, _) in LANS.items():
            wire.wait_advert("r1", vrid=vrid, lan=lan, priority=priority, after=since, timeout=PATIENCE_S)
    teller.skip_to("MASTER")
    well.unlink()
    assert teller.until("FAULT") == both_are("FAULT", priority=120)
    well.touch()
    assert teller.until("BACKUP") == both_are("BACKUP", priority=120)
    assert teller.until("MASTER") == both_are("MASTER", priority=120)


def ours(net: Net, node: str, text: str) -> VrrpdFast:
    made = telling("vrrpd-fast", net, node, global_defs() + text)
    assert isinstance(made, VrrpdFast)
    made.start()
    return made


def change(daemon: VrrpdFast, text: str) -> None:
    """Another configuration, at work when this returns."""
    said = len(daemon.log)
    reload(daemon, global_defs() + text)
    daemon.wait_log("reloaded", timeout=PATIENCE_S, after=said)


def test_a_member_comes_and_goes(build: Build, capture: Tap) -> None:
    """With a reload of both routers; nobody loses mastership for it."""
    net = build(["r1", "r2"], ["r1", "r2"])
    wire: Capture = capture(net)

    def two(priority: int) -> str:
        return a_member(priority) + b_member(priority)

    first = ours(net, "r1", group("A", "B") + two(200))
    for name in "AB":
        first.wait_state(name, "MASTER", PATIENCE_S)
    second = ours(net, "r2", group("A", "B") + two(100))
    for name in "AB":
        second.wait_state(name, "BACKUP", PATIENCE_S)
    change(second, group("A", "B", "C") + two(100) + c_member(100))
    change(first, group("A", "B", "C") + two(200) + c_member(200))
    since = first.wait_state("C", "MASTER", PATIENCE_S)["last_transition"]
    assert second.state("C") == "BACKUP"

    change(first, group("A", "B") + two(200) + c_member(200))
    assert first.instance("C")["last_transition"] == since
    plug(net, 0, "down")
    for name in "AB":
        first.wait_state(name, "FAULT", PATIENCE_S)
    assert first.instance("C")["last_transition"] == since  # the group is no matter of it any more
    plug(net, 0, "up")
    for name in "AB":
        first.wait_state(name, "MASTER", PATIENCE_S)

    change(first, group("A", "B", "C") + two(200) + c_member(200))
    released = now_ns()
    change(first, group("A", "B") + two(200))
    wire.wait_advert("r1", vrid=63, priority=0, after=released)
    assert {entry["state"] for entry in first.status()["instances"]} == {"MASTER"}
    assert second.statistics("C")["master_transitions"] == 0


def test_a_master_and_a_backup_that_become_a_group(build: Build) -> None:
    """B follows a better one: A yields once that is clear; both lead when the better one is gone."""
    net = build(["r1", "r2"], ["r1", "r2"])
    better = ours(net, "r2", b_member(150))
    better.wait_state("B", "MASTER", PATIENCE_S)
    alone = a_member() + b_member()
    first = ours(net, "r1", alone)
    first.wait_state("A", "MASTER", PATIENCE_S)
    assert first.state("B") == "BACKUP"
    change(first, group("A", "B") + alone)
    reason = first.wait_state("A", "BACKUP", PATIENCE_S)["reason"]
    assert reason == "another member of its sync group is no MASTER any more"
    assert not first.holds("10.0.0.61")
    assert better.stop() == 0
    for name in "AB":
        first.wait_state(name, "MASTER", PATIENCE_S)
