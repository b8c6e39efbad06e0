"""The fleet at work in a namespace: real engine, kernel, links and scripts; configurations as values."""

import asyncio
import contextlib
import errno
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from msgspec import structs

from lab.kit.netns import in_new_namespace, ip, show
from unit.engine.engine_bench import Place, Talker, Tap, address, advert, linked, mac
from unit.samples import instance, on_script, virtual
from vrrpd_fast import fleet
from vrrpd_fast.fleet import Fleet, Summary
from vrrpd_fast.model import (
    Config,
    Fifo,
    Garp,
    Instance,
    Process,
    Script,
    State,
    TrackKind,
    ValueFile,
)

pytestmark = pytest.mark.lab
INTERVAL_NS = 100_000_000
LIMIT = 10.0  # seconds for anything to happen


class Bench:
    """A fleet, the place beyond its links, and what arrives there."""

    def __init__(self, running: Fleet, place: Place) -> None:
        self.fleet = running
        self._running: Fleet | None = running
        self.place = place
        with place:
            self.tap = Tap("b0")

    async def close(self) -> None:
        """End the fleet, once."""
        running, self._running = self._running, None
        if running is not None:
            await running.close()

    async def apply(self, *instances: Instance, scripts: tuple[Script, ...] = ()) -> Summary:
        return await self.fleet.apply(config(*instances, scripts=scripts))

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        async with asyncio.timeout(LIMIT):
            while not condition():
                await asyncio.sleep(0.005)

    async def state(self, name: str, state: State) -> None:
        await self.until(lambda: self.fleet.routers[name].state is state, f"{name} is {state.name}")

    def has(self, what: str, values: set[Any]) -> bool:
        """Whether these are the values of an attribute among all virtual routers."""
        return {getattr(router, what) for router in self.fleet.routers.values()} == values

    def heard(self, vrid: int) -> list[Any]:
        """Adverts that have come over the first link."""
        self._read()
        return [each for each in self.tap.adverts if each.vrid == vrid]

    def forget(self) -> None:
        self.tap.forget()

    def _read(self) -> None:
        try:
            while True:
                self.tap._read()
        except BlockingIOError:
            return


def config(*instances: Instance, scripts: tuple[Script, ...] = ()) -> Config:
    """Of these, and of files that are not there, where one is tracked."""
    tracked = {track.name for each in instances for track in each.tracked(TrackKind.FILE)}
    return Config(
        router_id="r1",
        files={name: ValueFile(name=name, path=f"/run/nobody/{name}") for name in tracked},
        instances={each.name: each for each in instances},
        scripts={each.name: each for each in scripts},
    )


def owner(name: str = "VI", *addresses: str, vrid: int = 51, **more: Any) -> Instance:
    return instance(name, *addresses, priority=255, virtual_router_id=vrid, **more)


def addresses(device: str = "a0") -> set[str]:
    """What the kernel has on a link, without the primary addresses of `linked`."""
    found = json.loads(show("-j", "addr", "show", device))[0]["addr_info"]
    own = {str(address("a", int(device[1:]))), str(address("a", 0, 6))}
    return {entry["local"] for entry in found} - own


def work(test: Callable[[Bench], Awaitable[None]], links: int = 1, loop: Any = uvloop.new_event_loop) -> None:
    """Run a coroutine with a fleet, which is closed afterwards."""
    place = linked(links)

    errors: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        running = Fleet(asyncio.get_running_loop())
        bench = Bench(running, place)
        try:
            running.listen()
            await bench.until(lambda: all(up(running, f"a{n}") for n in range(links)), "links are up")
            await test(bench)
        finally:
            await bench.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
    assert errors == []


def up(running: Fleet, name: str) -> bool:
    found = running.links.get(name)
    return found is not None and found.up


# -- apply


@in_new_namespace
def test_added_changed_restarted_removed_and_untouched() -> None:
    async def test(bench: Bench) -> None:
        summary = await bench.apply(
            owner("stays", "10.9.0.1/32", vrid=1),
            owner("goes", "10.9.0.2/32", vrid=2),
            owner("moves", "10.9.0.3/32", vrid=3),
            owner("grows", "10.9.0.4/32", vrid=4),
        )
        assert summary == Summary(["stays", "goes", "moves", "grows"], [], [], [], 0)
        await bench.until(lambda: len(addresses()) == 4)
        await bench.until(lambda: len(bench.heard(1)) >= 3)
        before = {name: router.handle for name, router in bench.fleet.routers.items()}
        generations = {name: router.generation for name, router in bench.fleet.routers.items()}
        summary = await bench.apply(
            owner("stays", "10.9.0.1/32", vrid=1),
            owner("moves", "10.9.0.3/32", vrid=33),
            owner("grows", "10.9.0.4/32", "10.9.0.44/32", vrid=4),
            owner("comes", "10.9.0.5/32", vrid=5),
        )
        assert summary == Summary(["comes"], ["goes"], ["moves"], ["grows"], 1)
        assert str(summary) == "1 added, 1 removed, 1 restarted, 1 changed, 1 unchanged"
        await bench.until(
            lambda: addresses() == {f"10.9.0.{last}" for last in (1, 3, 4, 44, 5)}, "the new addresses"
        )
        for name in ("stays", "grows"):
            assert bench.fleet.routers[name].handle == before[name]
            assert bench.fleet.routers[name].generation == generations[name]
        await bench.until(lambda: bench.heard(33) and bench.heard(5))
        assert bench.heard(2)[-1].priority == bench.heard(3)[-1].priority == 0
        await bench.until(lambda: bench.heard(4)[-1].addresses == ["10.9.0.4", "10.9.0.44"])
        # Who was not touched was not heard to hesitate: its phase is what it was.
        await asyncio.sleep(0.2)
        times = [each.time_ns for each in bench.heard(1)][1:]
        drifts = [(later - times[0] + INTERVAL_NS // 2) % INTERVAL_NS - INTERVAL_NS // 2 for later in times]
        assert max(map(abs, drifts)) < 0.45 * INTERVAL_NS
        assert {each.priority for each in bench.heard(1)} == {255}

    work(test)


@in_new_namespace
def test_two_instances_exchange_their_vrids() -> None:
    async def test(bench: Bench) -> None:
        one, other = partial(owner, "VI_1", "10.9.0.1/32"), partial(owner, "VI_2", "10.9.0.2/32")
        await bench.apply(one(vrid=1), other(vrid=2))
        await bench.until(lambda: addresses() == {"10.9.0.1", "10.9.0.2"})
        summary = await bench.apply(one(vrid=2), other(vrid=1))
        assert summary == Summary([], [], ["VI_1", "VI_2"], [], 0)
        bench.forget()
        await bench.until(lambda: bench.heard(1) and bench.heard(2))
        assert bench.heard(1)[-1].addresses == ["10.9.0.2"]
        assert bench.heard(2)[-1].addresses == ["10.9.0.1"]
        await bench.until(lambda: addresses() == {"10.9.0.1", "10.9.0.2"})

    work(test)


@in_new_namespace
def test_an_address_changes_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The taker is changed, and has the address, long before the giver is."""
    monkeypatch.setattr(fleet, "APPLY_SLICE_NS", 0)

    async def test(bench: Bench) -> None:
        def between(**more: Any) -> list[Instance]:
            return [owner(f"VI_{vrid}", f"10.9.1.{vrid}/32", vrid=vrid, **more) for vrid in range(10, 20)]

        taker, giver = partial(owner, "taker", "10.9.0.1/32"), partial(owner, "giver", "10.9.0.3/32")
        await bench.apply(taker(vrid=1), *between(), giver("10.9.0.2/32", vrid=2))
        await bench.until(lambda: len(addresses()) == 13)
        await bench.apply(taker("10.9.0.2/32", vrid=1), *between(advert_int_cs=20), giver(vrid=2))
        await bench.until(lambda: {"10.9.0.1", "10.9.0.2", "10.9.0.3"} <= addresses())

    work(test)


@in_new_namespace
def test_an_unknown_user_of_a_script_changes_nothing() -> None:
    async def test(bench: Bench) -> None:
        tracked = (on_script("chk", weight=2),)
        script = Script(name="chk", script="/bin/true", interval=0.1)
        backup = instance("VI", priority=100, tracks=tracked)
        await bench.apply(backup, scripts=(script,))
        await bench.until(lambda: bench.fleet.routers["VI"].priority == 102)
        for bad, told in (
            (
                Script(name="bad", script="/bin/true", user="no-such"),
                "script bad: there is no user 'no-such'",
            ),
            (Script(name="bad", script="/bin/true 'unclosed"), "vrrp_script bad: script"),
        ):
            with pytest.raises(ValueError, match=told):
                await bench.apply(instance("VI", priority=50), owner("other", vrid=9), scripts=(script, bad))
            assert list(bench.fleet.routers) == ["VI"]
            assert bench.fleet.routers["VI"].instance == backup

        def runs() -> int:
            described = bench.fleet.routers["VI"].status()["tracking"][0]
            return int(described["runs"])

        before = runs()
        await bench.until(lambda: runs() > before, "the script goes on")

    work(test)


class Refusing:
    """Stands before something of the fleet, one method of which the kernel refuses for a while."""

    def __init__(self, real: Any, method: str) -> None:
        self._real = real
        self._method = method
        self.refuses = True

    def __getattr__(self, name: str) -> Any:
        if name == self._method and self.refuses:
            raise OSError(errno.ENOBUFS, "No buffer space available")
        return getattr(self._real, name)


@in_new_namespace
def test_what_the_kernel_refuses_in_a_reload_is_told_and_made_by_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One cannot let go of an address: it stops, the others are as the configuration says."""

    async def test(bench: Bench) -> None:
        first, last = partial(owner, "first", "10.9.0.1/32", vrid=1), partial(owner, "last", vrid=3)
        shrinks = partial(owner, "shrinks", "10.9.0.2/32", vrid=2)
        await bench.apply(first(), owner("shrinks", "10.9.0.2/32", "10.9.0.22/32", vrid=2), last())
        await bench.until(lambda: len(addresses()) == 4 and bench.heard(2))
        refusing = Refusing(bench.fleet._claims._netlink, "transact")
        bench.fleet._claims._netlink = refusing  # type: ignore[assignment]
        wanted = (first(advert_int_cs=20), shrinks(), last(advert_int_cs=20))
        summary = await bench.apply(*wanted)
        refused = {"shrinks": "No buffer space available"}
        assert summary == Summary([], [], [], ["first", "last"], 0, refused)
        assert str(summary) == "2 changed, 1 failed, 0 unchanged"
        assert set(bench.fleet.routers) == {"first", "last"}
        await bench.until(lambda: bench.heard(2)[-1].priority == 0)
        told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert told == [
            "instance shrinks: does not run any more: No buffer space available",
            "addresses may be left behind: No buffer space available",
        ]
        refusing.refuses = False
        summary = await bench.apply(*wanted)
        assert summary == Summary(["shrinks"], [], [], [], 2)
        await bench.until(lambda: bench.heard(2)[-1].priority == 255)
        await bench.until(lambda: {"10.9.0.1", "10.9.0.2", "10.9.9.9"} <= addresses())

    work(test)


@in_new_namespace
def test_the_start_is_over_for_all_at_once() -> None:
    async def test(bench: Bench) -> None:
        delayed = Config(
            router_id="r1",
            instances={each.name: each for each in (owner("one", vrid=1), owner("other", vrid=2))},
            process=Process(startup_delay=0.3),
        )
        await bench.fleet.apply(delayed)
        assert bench.has("state", {State.INIT})
        (status,) = await bench.fleet.status({"one"})
        assert "vrrp_startup_delay" in status["reason"]
        assert not bench.heard(1)
        await bench.until(lambda: bench.has("state", {State.MASTER}))
        await bench.until(lambda: bench.heard(1) and bench.heard(2))

    work(test)


@in_new_namespace
def test_a_missing_interface_is_an_error_unless_interfaces_are_dynamic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(bench: Bench) -> None:
        late = owner("late", interface="a9")
        await bench.apply(late)
        await bench.apply()
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
            "interface a9 does not exist: 1 virtual router FAULT until it does (dynamic_interfaces: no error)"
        ]
        caplog.clear()
        await bench.fleet.apply(Config(router_id="r1", instances={"late": late}, dynamic_interfaces=True))
        assert not any(record.levelno == logging.ERROR for record in caplog.records)

    work(test)


@in_new_namespace
def test_a_link_made_again_with_its_old_index_is_listened_to() -> None:
    """Deleted and created in one slice of the monitor; who is BACKUP hears the master there again."""

    async def test(bench: Bench) -> None:
        backup = instance("VI", priority=100)
        await bench.apply(backup)
        await bench.state("VI", State.BACKUP)
        index = bench.fleet.links.get("a0").index  # type: ignore[union-attr]
        ip(
            "link del a0",
            f"link add a0 index {index} type bridge",
            f"addr add {address('a', 0)}/16 dev a0",
            "link set a0 up",
        )
        await bench.until(lambda: bench.fleet.links.get("a0").serial > 1)  # type: ignore[union-attr]
        await bench.until(lambda: joined("a0") == 1)

    work(test)


@in_new_namespace
def test_adverts_of_strangers_are_told_once_if_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    async def test(bench: Bench) -> None:
        def strange() -> list[str]:
            said = [record.getMessage() for record in caplog.records]
            return [text for text in said if "nobody" in text]

        with bench.place:
            talker = Talker()
        stranger = advert(address("b", 0), vrid=77)
        for asked in (False, True):
            wanted = Process(log_unknown_vrids=asked)
            await bench.fleet.apply(Config(router_id="r1", instances={"VI": owner()}, process=wanted))
            await bench.state("VI", State.MASTER)
            before = sum(bench.fleet.engine.unattributed().values())
            for _ in range(3):
                talker.say("b0", stranger)
            await bench.until(lambda n=before: sum(bench.fleet.engine.unattributed().values()) == n + 3)
            await bench.until(lambda wanted=asked: bool(strange()) is wanted)
        assert strange() == [
            f"interface a0: advert from {address('b', 0)} for virtual router 77, which nobody has here"
        ]

    work(test)


@in_new_namespace
def test_interfaces_that_come_again_with_each_others_indexes() -> None:
    """Three go and come at once; each virtual router is on its own again, and in the group there only."""

    async def test(bench: Bench) -> None:
        names = ("a0", "a1", "a2")
        routers = [owner(f"VI_{name}", f"10.9.{name[1]}.1/32", interface=name, vrid=5) for name in names]
        by_device = [
            structs.replace(each, virtual_addresses=(virtual(f"10.9.{n}.1/32", names[n]),))
            for n, each in enumerate(routers)
        ]
        await bench.apply(*by_device)
        await bench.until(lambda: bench.has("state", {State.MASTER}))
        indexes = [bench.fleet.links.get(name).index for name in names]  # type: ignore[union-attr]
        commands = [f"link del {name}" for name in names]
        for name, index in zip(names, indexes[1:] + indexes[:1], strict=True):
            commands += [
                f"link add {name} index {index} type veth peer name c{name[1]}",
                f"addr add {address('a', int(name[1]))}/16 dev {name}",
                f"link set c{name[1]} up",
                f"link set {name} up",
            ]
        ip(*commands)

        def is_back() -> bool:
            found = [bench.fleet.links.get(name) for name in names]
            if [link and link.index for link in found] != indexes[1:] + indexes[:1]:
                return False
            return bench.has("state", {State.MASTER}) and [joined(name) for name in names] == [1, 1, 1]

        await bench.until(is_back, "all are MASTER again")
        await bench.until(lambda: all(f"10.9.{n}.1" in addresses(name) for n, name in enumerate(names)))

    work(test, links=3)


def joined(device: str) -> int:
    """How many users the group of VRRP has on a link (/proc/net/igmp: an index line, then its groups)."""
    here = False
    for line in Path("/proc/thread-self/net/igmp").read_text().splitlines():
        if line[:1].isdigit():
            here = line.split()[1] == device
        elif here and line.split()[0] == "120000E0":
            return int(line.split()[1])
    return 0


@in_new_namespace
def test_an_owner_does_not_lose_its_own_address() -> None:
    """It was there before us, with another prefix length; neither a reload nor the end takes it."""

    async def test(bench: Bench) -> None:
        ip("addr add 10.9.0.1/24 dev a0")
        await bench.until(lambda: (4, bytes((10, 9, 0, 1)), 24) in bench.fleet.links.get("a0").addresses)  # type: ignore[union-attr]
        await bench.apply(owner("VI", "10.9.0.1/32", "10.9.0.2/32"))
        await bench.until(lambda: addresses() == {"10.9.0.1", "10.9.0.2"})
        lengths = {
            entry["prefixlen"]
            for entry in json.loads(show("-j", "addr", "show", "a0"))[0]["addr_info"]
            if entry["local"] == "10.9.0.1"
        }
        assert lengths == {24}
        await bench.apply(owner("VI", "10.9.0.3/32"))
        await bench.until(lambda: addresses() == {"10.9.0.1", "10.9.0.3"})
        await bench.apply()
        assert addresses() == {"10.9.0.1"}

    work(test)


@in_new_namespace
def test_another_label_is_another_address_and_the_rest_stays() -> None:
    async def test(bench: Bench) -> None:
        await bench.apply(owner("VI", virtual_addresses=(virtual("10.9.0.1/32"), virtual("10.9.0.2/32"))))
        await bench.until(lambda: addresses() == {"10.9.0.1", "10.9.0.2"})
        labelled = (virtual("10.9.0.1/32", label="a0:vip"), virtual("10.9.0.2/32"))
        await bench.apply(owner("VI", virtual_addresses=labelled))

        def label() -> str:
            found = json.loads(show("-j", "addr", "show", "a0"))[0]["addr_info"]
            return next((each["label"] for each in found if each["local"] == "10.9.0.1"), "")

        await bench.until(lambda: label() == "a0:vip")
        assert addresses() == {"10.9.0.1", "10.9.0.2"}

    work(test)


@in_new_namespace
def test_refresh_can_be_switched_on_by_a_reload() -> None:
    async def test(bench: Bench) -> None:
        quiet = Garp(master_repeat=1, master_delay=0)
        await bench.apply(owner("VI", garp=quiet))
        await bench.until(lambda: addresses() == {"10.9.9.9"})
        await bench.apply(owner("VI", garp=Garp(master_repeat=1, master_delay=0, master_refresh=0.05)))
        await bench.until(lambda: arps(bench) >= 5)

    work(test)


def arps(bench: Bench) -> int:
    bench._read()
    return sum(frame[12:14] == b"\x08\x06" for _, frame in bench.tap.frames)


# -- scripts


@in_new_namespace
def test_a_script_that_a_reload_changes_does_not_shake_the_priority(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        tracked = (on_script("chk", weight=2),)
        gate = tmp_path / "gate"
        slow = f"while [ ! -e {gate} ]; do sleep 0.02; done; exit 1"
        await bench.apply(instance("VI", tracks=tracked), scripts=(Script(name="chk", script="/bin/true"),))
        router = bench.fleet.routers["VI"]
        await bench.until(lambda: router.priority == 102)
        for _ in range(2):  # changed twice: the last verdict still counts
            changed = instance("VI", tracks=tracked, preempt=not router.instance.preempt)
            script = Script(name="chk", script=slow, timeout=5.0 + router.instance.preempt)
            await bench.apply(changed, scripts=(script,))
            ip("link set a0 mtu 1400", "link set a0 mtu 1500")  # has it evaluated
            await asyncio.sleep(0.05)
            assert router.priority == 102
        gate.touch()
        await bench.until(lambda: router.priority == 100, "the first verdict of the new script")

    work(test)


@in_new_namespace
def test_scripts_come_and_go_with_one_helper() -> None:
    async def test(bench: Bench) -> None:
        script = Script(name="chk", script="/bin/true")
        tracked = instance("VI", tracks=(on_script("chk", weight=2),))
        helpers = set()
        for _ in range(3):
            await bench.apply(tracked, scripts=(script,))
            await bench.until(lambda: bench.fleet.routers["VI"].priority == 102)
            helpers.add(bench.fleet._spawner.pid)
            await bench.apply(instance("VI"))
            assert bench.fleet.routers["VI"].priority == 100
            assert (await bench.fleet.status(set()))[0]["tracking"] == []
        assert len(helpers) == 1

    work(test)


@in_new_namespace
def test_status_can_be_asked_for_while_a_configuration_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script goes away together with those who track it, not before them."""
    monkeypatch.setattr(fleet, "APPLY_SLICE_NS", 0)

    async def test(bench: Bench) -> None:
        tracked = (on_script("chk", weight=2),)
        names = [(f"VI_{vrid}", vrid) for vrid in range(1, 30)]
        before = [instance(name, virtual_router_id=vrid, tracks=tracked) for name, vrid in names]
        await bench.apply(*before, scripts=(Script(name="chk", script="/bin/true"),))
        asked = 0

        async def ask() -> None:
            nonlocal asked
            while True:
                await bench.fleet.status(set())
                for router in bench.fleet.routers.values():
                    router.evaluate(bench.fleet.engine.now_ns())
                asked += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(ask())
        await asyncio.sleep(0)
        await bench.apply(*(instance(name, virtual_router_id=vrid) for name, vrid in names))
        assert not task.done() or task.exception() is None
        assert asked >= 9  # each takes three turns of the loop
        task.cancel()
        assert {router.priority for router in bench.fleet.routers.values()} == {100}

    work(test)


@in_new_namespace
def test_one_script_moves_everybody_who_tracks_it(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        gate = tmp_path / "gate"
        script = Script(name="chk", script=f"/usr/bin/test -e {gate}", interval=0.05)
        tracked = (on_script("chk", weight=2),)
        tracking = [instance(f"VI_{vrid}", virtual_router_id=vrid, tracks=tracked) for vrid in range(1, 41)]
        await bench.apply(*tracking, instance("free", virtual_router_id=99), scripts=(script,))
        for exists, priority in ((True, 102), (False, 100)):
            (gate.touch if exists else gate.unlink)()
            await bench.until(partial(bench.has, "priority", {100, priority}))
            assert bench.fleet.routers["free"].priority == 100
        assert {router.priority for router in bench.fleet.routers.values()} == {100}

    work(test)


# -- links


@in_new_namespace
def test_many_link_changes_are_served_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adverts of the others leave between them."""
    served: list[int] = []
    serve = Fleet._serve

    def counting(self: Fleet) -> None:
        before = len(self._work)
        serve(self)
        served.append(before - len(self._work))

    monkeypatch.setattr(Fleet, "_serve", counting)

    async def test(bench: Bench) -> None:
        crowd = [instance(f"VI_{vrid}", interface="a1", virtual_router_id=vrid) for vrid in range(1, 101)]
        await bench.apply(owner("other"), *crowd)
        served.clear()
        for command, state in (("down", State.FAULT), ("up", State.BACKUP)):
            ip(f"link set a1 {command}")
            await bench.until(partial(bench.has, "state", {State.MASTER, state}))
        assert sum(served) >= 200
        assert max(served) == fleet.ROUTERS_PER_SLICE
        assert bench.fleet.routers["other"].state is State.MASTER

    work(test, links=2)


@in_new_namespace
def test_interfaces_exchange_their_names() -> None:
    async def test(bench: Bench) -> None:
        await bench.apply(owner("VI_0", "10.9.0.1/32"), owner("VI_1", "10.9.0.2/32", interface="a1"))
        await bench.until(lambda: addresses("a0") == {"10.9.0.1"} and addresses("a1") == {"10.9.0.2"})
        ip("link set a0 name x", "link set a1 name a0", "link set x name a1")
        index = socket.if_nametoindex("a0")
        await bench.until(lambda: bench.fleet.routers["VI_0"]._ifindex == index, "VI_0 has moved")
        await bench.until(lambda: bench.has("state", {State.MASTER}))
        bench.forget()
        await bench.until(lambda: len(bench.heard(51)) > 3)
        assert {each.addresses[0] for each in bench.heard(51)} == {"10.9.0.2"}

    work(test, links=2)


@in_new_namespace
def test_another_interface_comes_back_to_a_master() -> None:
    """It carries some of the addresses; deleted and made again, or down and up, it has them again."""

    async def test(bench: Bench) -> None:
        carried = (virtual("10.9.0.1/32"), virtual("10.8.0.1/32", "a1"), virtual("2001:db8::1/128", "a1"))
        await bench.apply(owner("VI", excluded_addresses=carried[1:], virtual_addresses=carried[:1]))
        everything = {"10.8.0.1", "2001:db8::1"}
        await bench.until(lambda: addresses("a1") == everything)
        ip("link set a1 down")
        await bench.until(lambda: addresses("a1") == {"10.8.0.1"})  # the kernel drops the IPv6 one
        ip("link set a1 up")
        await bench.until(lambda: addresses("a1") == everything)
        ip("link del a1")
        await bench.until(lambda: bench.fleet.links.get("a1") is None)
        ip("link add a1 type veth peer name b1", "link set a1 up", "link set b1 up")
        await bench.until(lambda: addresses("a1") == everything)
        assert bench.fleet.routers["VI"].generation == 1

    work(test, links=2)


@in_new_namespace
def test_a_link_that_goes_while_a_configuration_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    """The monitor has not heard of it yet: the group cannot be joined, and that is a fault, not the end."""

    async def test(bench: Bench) -> None:
        ip("link del a1")
        await bench.apply(owner("VI_0"), instance("VI_1", interface="a1"))
        assert bench.fleet.routers["VI_0"].state in (State.INIT, State.MASTER)
        await bench.state("VI_1", State.FAULT)
        await bench.until(lambda: bench.fleet.routers["VI_1"].reason == "interface a1 does not exist")
        await bench.state("VI_0", State.MASTER)

    work(test, links=2)


# -- addresses, and the end


@pytest.mark.parametrize("how", ["reload", "close"])
@in_new_namespace
def test_a_primary_address_takes_its_secondaries_with_it(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """The kernel removes what another virtual router still has; who is about to leave does not care."""
    monkeypatch.setattr(fleet, "MESSAGES_PER_SEND", 1)

    async def test(bench: Bench) -> None:
        Path("/proc/sys/net/ipv4/conf/a0/promote_secondaries").write_text("0")
        crowd = [owner(f"VI_{n}", f"10.9.9.{n}/24", vrid=n) for n in range(1, 6)]
        await bench.apply(*crowd)
        await bench.until(lambda: len(addresses()) == 5)
        if how == "close":
            await bench.close()
        else:
            await bench.apply(crowd[4])
            await bench.until(lambda: addresses() == {"10.9.9.5"}, "who stays has its address again")

    work(test)


@in_new_namespace
def test_someone_elses_hands_are_undone_and_told(caplog: pytest.LogCaptureFixture) -> None:
    async def test(bench: Bench) -> None:
        await bench.apply(owner("VI", "10.9.0.1/32", "10.9.0.2/32"))
        await bench.until(lambda: addresses() == {"10.9.0.1", "10.9.0.2"})
        ip("addr del 10.9.0.1/32 dev a0")
        await bench.until(lambda: caplog.messages)
        await bench.until(lambda: addresses() == {"10.9.0.1", "10.9.0.2"})
        assert caplog.messages == ["instance VI: someone removed 10.9.0.1/32 from a0: put back"]

    work(test)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@in_new_namespace
def test_the_end_leaves_nothing(loop: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Addresses go before the release leaves, so that no address has two owners."""
    caplog.set_level(logging.INFO)

    async def test(bench: Bench) -> None:
        await bench.apply(*(owner(f"VI_{vrid}", f"10.9.0.{vrid}/32", vrid=vrid) for vrid in range(1, 41)))
        await bench.until(lambda: len(addresses()) == 40)
        bench.forget()
        await bench.close()
        assert addresses() == set()
        for vrid in range(1, 41):
            assert [each.priority for each in bench.heard(vrid)][-1] == 0
            assert len([each for each in bench.heard(vrid) if each.priority == 0]) == 1
        assert bench.fleet.routers == {}

    work(test, loop=loop)


@in_new_namespace
def test_what_an_earlier_run_left_goes_and_nothing_else() -> None:
    async def test(bench: Bench) -> None:
        ip("addr add 10.9.9.9/24 dev a0", "addr add 10.7.7.7/24 dev a0")
        link = bench.fleet.links.get("a0")
        assert link is not None
        await bench.until(lambda: len(link.addresses) == 4)
        await bench.apply(instance("VI"))
        await bench.until(lambda: addresses() == {"10.7.7.7"})
        await bench.state("VI", State.BACKUP)

    work(test)


@in_new_namespace
def test_a_loser_is_answered_with_announcements() -> None:
    async def test(bench: Bench) -> None:
        await bench.apply(owner("VI", garp=Garp(master_repeat=1, master_delay=0)))
        await bench.until(lambda: arps(bench) == 1)
        await asyncio.sleep(0.02)  # an answer at most every eighth of the interval
        with bench.place:
            talker = Talker()
        talker.say("b0", advert(IPv4Address("10.0.0.2"), priority=50))
        await bench.until(lambda: arps(bench) == 1 + 5)
        assert {frame[6:12].hex(":") for _, frame in bench.tap.frames} == {mac("a", 0)}

    work(test)


# -- notify


@in_new_namespace
def test_a_fifo_hears_of_everything_when_it_is_done(tmp_path: Path) -> None:
    """MASTER when the address is there, STOP when it is gone, and what a reload did in between."""

    async def test(bench: Bench) -> None:
        path = tmp_path / "fifo"
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        heard: list[tuple[str, set[str]]] = []

        def listen() -> list[tuple[str, set[str]]]:
            with contextlib.suppress(BlockingIOError):
                for line in os.read(reader, 4096).decode().splitlines():
                    heard.append((line.removeprefix("INSTANCE "), addresses()))
            return heard

        def with_fifo(*instances: Instance) -> Config:
            return msgspec.structs.replace(
                config(*instances), notify_fifo=Fifo(path=str(path)), fifo_states_on_reload=True
            )

        first, second = owner("VI", "10.9.0.1/32"), owner("VI_2", "10.9.0.2/32", vrid=52)
        await bench.fleet.apply(with_fifo(first, second))
        await bench.until(lambda: len(listen()) == 2, "both are told")
        assert {line for line, _ in heard} == {'"VI" MASTER 255', '"VI_2" MASTER 255'}
        assert heard[-1][1] == {"10.9.0.1", "10.9.0.2"}
        heard.clear()
        await bench.fleet.apply(with_fifo(first))
        await bench.until(lambda: len(listen()) == 2, "the reload is told")
        assert heard == [('"VI_2" FAULT 255', {"10.9.0.1"}), ('"VI" MASTER 255', {"10.9.0.1"})]
        heard.clear()
        with pytest.raises(ValueError, match="is not a FIFO"):
            bad = msgspec.structs.replace(with_fifo(second), vrrp_notify_fifo=Fifo(path=str(tmp_path)))
            await bench.fleet.apply(bad)
        assert list(bench.fleet.routers) == ["VI"]
        closing = asyncio.create_task(bench.close())
        await bench.until(lambda: listen(), "the end is told")
        await closing
        assert heard == [('"VI" STOP 255', set())]
        os.close(reader)

    work(test)
