"""The segment as it is written: cards when nothing more urgent waits, rows at once, a file that stays."""

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.holds import Holds
from vrrpd_fast.model import JSON, Reason, State
from vrrpd_fast.observe import Condition, Snapshot, layout, read
from vrrpd_fast.segment.file import SegmentFile
from vrrpd_fast.segment.writer import CARDS_PER_SLICE, SegmentWriter

START_NS = 1_000


class Router:
    """A virtual router in the engine, with a card of its own."""

    def __init__(self, engine: Engine, name: str, vrid: int = 51, **settings: Any) -> None:
        self.name = name
        self.flaps = 0
        self.reason = "made"
        self.written = 0
        self.handle = engine.add(
            ifindex=7,
            family=4,
            vrid=vrid,
            version=3,
            priority=100,
            advert_int_cs=10,
            addresses=[bytes([10, 0, 0, vrid])],
            **settings,
        )

    def card(self) -> JSON:
        self.written += 1
        facts = {"name": self.name, "reason": self.reason, "last_transition": 5.0, "tracking": []}
        return {**facts, "flaps": self.flaps}


class World:
    """An engine without sockets, and a loop whose turns are counted."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.loop = asyncio.new_event_loop()
        self.engine = Engine(lambda: None, receive4=-1, receive6=-1, packet=-1, unicast4=-1, unicast6=-1)
        self.is_busy = False
        self.writer = SegmentWriter(self.loop, self.engine, path, START_NS, lambda: self.is_busy, Holds())

    def turns(self, count: int) -> None:
        async def pass_by() -> None:
            for _ in range(count):
                await asyncio.sleep(0)

        self.loop.run_until_complete(pass_by())

    def publish(self) -> None:
        self.loop.run_until_complete(self.writer.publish(3, 4))

    def seen(self) -> Snapshot:
        assert self.path is not None
        return read(self.path)

    def names(self) -> list[str]:
        return [each["name"] for each in self.seen().instances]


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> str:
    return str(tmp_path / "control.sock")


@pytest.fixture(name="world")
def _world(path: str) -> Iterator[World]:
    world = World(path)
    yield world
    world.writer.close(0, 0)
    world.loop.close()


@pytest.fixture(name="former")
def _former(path: str) -> None:
    """An earlier run's segment."""
    with contextlib.closing(SegmentFile(path, START_NS)) as file:
        file.publish()


def test_nothing_is_seen_before_all_of_it_is_there(former: None, world: World) -> None:
    routers = [Router(world.engine, f"vr{n}", n + 1) for n in range(3 * CARDS_PER_SLICE)]
    for each in routers:
        world.writer.changed(each)
    world.turns(1)
    assert world.seen().condition is Condition.STOPPED and not world.names()
    world.writer.describe([("process", "", lambda: {"router_id": "edge", "version": "1"})])
    world.publish()
    snapshot = world.seen()
    assert snapshot.condition is Condition.RUNNING and snapshot.router_id == "edge"
    assert [each["name"] for each in snapshot.instances] == [each.name for each in routers]
    assert snapshot.engine["receive_dropped"] == 3 and snapshot.engine["link_overruns"] == 4
    assert snapshot.pid == os.getpid()
    assert [each.written for each in routers] == [1] * len(routers)


def test_a_transition_is_seen_before_its_card_follows(world: World) -> None:
    router = Router(world.engine, "vr")
    world.writer.changed(router)
    world.publish()
    began_ns = world.engine.now_ns()
    world.engine.start(router.handle, began_ns, Reason.STARTUP)
    world.engine.settle()
    world.engine.advance(began_ns + 10 * 10**9)
    world.engine.settle()
    (seen,) = world.seen().instances
    assert (seen["state"], seen["old_state"], seen["cause"]) == ("MASTER", "BACKUP", "no_advert")
    assert (seen["flaps"], seen["reason"]) == (2, "no advert")
    assert seen["last_transition"] == pytest.approx(time.time() + 10, abs=5)
    assert seen["statistics"]["master_transitions"] == 1
    assert [event.new for event in world.engine.drain(9)] == [State.BACKUP, State.MASTER]
    router.flaps, router.reason = 2, "no advert heard for 3.6 s"
    world.writer.changed(router)
    world.turns(2)
    (seen,) = world.seen().instances
    assert (seen["reason"], seen["last_transition"]) == (router.reason, 5.0)


def test_cards_wait_while_something_more_urgent_is_done(world: World) -> None:
    router = Router(world.engine, "vr")
    world.is_busy = True
    world.writer.changed(router)
    world.turns(50)
    assert router.written == 0
    world.is_busy = False
    world.publish()
    assert router.written == 1


def test_a_slice_is_one_turn(world: World) -> None:
    routers = [Router(world.engine, f"vr{n}", n + 1) for n in range(2 * CARDS_PER_SLICE)]
    for each in routers:
        world.writer.changed(each)
        world.writer.changed(each)

    async def count() -> list[int]:
        totals = []
        for _ in range(5):
            totals.append(sum(each.written for each in routers))
            await asyncio.sleep(0)
        return totals

    totals = world.loop.run_until_complete(count())
    assert max(late - early for early, late in pairwise(totals)) == CARDS_PER_SLICE
    assert totals[-1] == len(routers)


def test_who_is_removed_is_gone_and_its_slot_is_another_ones(world: World) -> None:
    first, second = Router(world.engine, "first", 1), Router(world.engine, "second", 2)
    world.writer.changed(first)
    world.writer.changed(second)
    world.publish()
    world.engine.remove(first.handle)
    world.writer.changed(first)
    world.writer.removed(first)
    assert world.names() == ["second"]
    third = Router(world.engine, "third", 3)
    assert third.handle == first.handle
    world.writer.changed(third)
    world.publish()
    assert world.names() == ["second", "third"]
    assert world.seen().instances[1]["flaps"] == 0


def test_it_grows_with_the_engine(world: World) -> None:
    routers = [
        Router(world.engine, f"vr{n}", n % 250 + 1, group=bytes([224, 0, 1, n // 250])) for n in range(700)
    ]
    for each in routers:
        world.writer.changed(each)
    world.publish()
    assert world.names() == [each.name for each in routers]


def test_counters_follow_in_a_round_a_second(world: World) -> None:
    router = Router(world.engine, "vr")
    world.writer.changed(router)
    world.publish()
    runs = {"runs": 1}
    world.writer.describe([("tracker", "script a", lambda: {"type": "script", "name": "a", **runs})])
    world.publish()
    world.engine.receive_ipv4(world.engine.now_ns(), 7, _too_short(51))
    runs["runs"] = 2
    (seen,) = world.seen().instances
    assert seen["statistics"]["packet_length_errors"] == 0
    assert world.seen().trackers[0]["runs"] == 1
    world.writer.beat(0, 0)
    world.turns(4)
    (seen,) = world.seen().instances
    assert seen["statistics"]["packet_length_errors"] == 1
    assert world.seen().trackers[0]["runs"] == 2


def _too_short(vrid: int) -> bytes:
    """An advert of version 3 that claims an address it does not have."""
    message = bytes([0x31, vrid, 100, 1, 0, 10, 0, 0])
    header = bytes([0x45, 0, 0, 20 + len(message), 0, 0, 0, 0, 255, 112, 0, 0, 10, 0, 0, 2, 224, 0, 0, 18])
    return header + message


def test_what_is_described_comes_and_goes(world: World) -> None:
    def names() -> list[str]:
        return [each["name"] for each in world.seen().groups]

    world.writer.describe([("group", name, lambda name=name: {"name": name}) for name in "abc"])  # type: ignore[misc]
    world.publish()
    assert names() == ["a", "b", "c"]
    world.writer.describe([("group", name, lambda name=name: {"name": name}) for name in "bd"])  # type: ignore[misc]
    world.publish()
    assert names() == ["b", "d"]


def test_a_tracker_that_changes_is_followed_at_once(world: World) -> None:
    state = {"type": "script", "name": "a", "state": "up"}
    world.writer.describe([("tracker", "script a", lambda: state)])
    world.publish()
    state["state"] = "down"
    world.writer.follow("tracker", "script a")
    world.writer.follow("tracker", "script unknown")
    world.turns(2)
    assert world.seen().trackers == [state]


def test_it_is_left_behind(world: World) -> None:
    router = Router(world.engine, "vr")
    world.writer.changed(router)
    world.publish()
    world.engine.start(router.handle, world.engine.now_ns(), Reason.STARTUP)
    world.engine.stop(router.handle, world.engine.now_ns(), State.INIT, Reason.SHUTDOWN)
    world.engine.settle()
    world.engine.remove(router.handle)
    world.writer.close(0, 0)
    (seen,) = world.seen().instances
    assert (seen["state"], seen["cause"], world.seen().condition) == ("INIT", "shutdown", Condition.STOPPED)


def test_steps_of_a_takeover(world: World) -> None:
    world.publish()
    world.engine.note_takeover(1, 1000)
    world.engine.note_takeover(2, -5)
    with pytest.raises(ValueError, match="no step 3"):
        world.engine.note_takeover(3, 1)
    world.writer.beat(0, 0)
    assert world.seen().takeover == {"advert": {}, "addresses": {1024: 1}, "announced": {2: 1}}


def test_without_a_place_for_it_everything_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(str(tmp_path / "missing" / "control.sock"))
    assert "no stats segment" in caplog.text
    router = Router(world.engine, "vr")
    world.writer.changed(router)
    world.writer.describe([("group", "a", dict)])
    world.writer.follow("group", "a")
    world.writer.beat(0, 0)
    world.publish()
    world.writer.removed(router)
    world.writer.close(0, 0)
    assert router.written == 0
    world.loop.close()


def test_a_full_file_system_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    routers = [Router(world.engine, name, vrid) for vrid, name in enumerate("ab", 1)]
    monkeypatch.setattr("vrrpd_fast.segment.file.os.pwrite", full)
    for each in routers:
        world.writer.changed(each)
    world.publish()
    assert caplog.text.count("No space left on device") == 1
    monkeypatch.undo()
    for each in routers:
        world.writer.changed(each)
    world.publish()
    assert world.names() == ["a", "b"]


def test_a_place_is_used_again_and_never_while_its_card_is_there(path: str) -> None:
    file = SegmentFile(path, START_NS)
    for number in range(200):
        for slot in range(4):
            file.put(slot, b'{"a":"%b"}' % (b"x" * (50 + 7 * (number + slot) % 400)), 1)
    file.publish()
    size = os.stat(f"{path}.stats").st_size - layout.HEAP_AT
    assert size < 4 * 2 * 1024
    file.put(layout.SLOTS + 5, b"{}", 9)
    file.clear(layout.SLOTS + 5)
    with pytest.raises(OSError, match="too long"):
        file.put(0, b"x" * (layout.CARD_LIMIT + 1), 1)
    file.close()


def test_one_that_was_never_shown_is_removed(path: str, tmp_path: Path) -> None:
    SegmentFile(path, START_NS).close()
    assert not list(tmp_path.iterdir())
