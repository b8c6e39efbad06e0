"""All vrrp_track_process together: real processes, read from /proc as where the kernel tells of none."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from vrrpd_fast.model import ProcessCount
from vrrpd_fast.track import watcher
from vrrpd_fast.track.census import Cause
from vrrpd_fast.track.connector import Connector, Refused
from vrrpd_fast.track.processes import Processes
from vrrpd_fast.track.watcher import Deliver, Watcher

PATIENCE_S = 10.0


class World:
    """Processes that only this test has, and what was told of them."""

    def __init__(self, directory: Path) -> None:
        self.name = f"vf{os.getpid():x}"
        self._program = directory / self.name
        shutil.copy("/bin/sleep", self._program)
        self.told: list[str] = []
        self.processes = Processes(asyncio.get_running_loop(), self.told.append, self._watch)
        self._running: list[subprocess.Popen[bytes]] = []

    def _watch(self, wanted: dict[str, ProcessCount], deliver: Deliver) -> Watcher:
        return Watcher(wanted, deliver, _refused)

    def wanted(self, *names: str, **settings: int) -> dict[str, ProcessCount]:
        return {name: ProcessCount(name=name, command=(self.name,), **settings) for name in names}

    def start(self) -> subprocess.Popen[bytes]:
        self._running.append(subprocess.Popen([str(self._program), "60"]))
        return self._running[-1]

    async def until(self, name: str, state: bool, count: int) -> None:
        end = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            tracker = self.processes.get(name)
            if (tracker.state, tracker.count) == (state, count):
                return
            assert asyncio.get_running_loop().time() < end, tracker.describe()
            await asyncio.sleep(0.01)

    def close(self) -> None:
        self.processes.close()
        for process in self._running:
            process.kill()
            process.wait()


def _refused() -> Connector:
    raise Refused(1, "not in this test")


def run(directory: Path, body: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World(directory)
        try:
            await body(world)
        finally:
            world.close()

    asyncio.run(main())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "SWEEP_S", 0.1)
    monkeypatch.setattr(watcher, "REST_S", 0.0)


def test_found_lost_and_found(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        one = world.start()
        world.processes.take(world.wanted("one") | world.wanted("two", quorum=2))
        assert world.processes.get("one").state is None
        await world.until("one", True, 1)
        await world.until("two", False, 1)
        assert world.processes.get("one").describe()["source"] == "scan"
        two = world.start()
        await world.until("two", True, 2)
        two.kill()  # a zombie does not count
        await world.until("two", False, 1)
        one.kill()
        await world.until("one", False, 0)
        assert sorted(world.told) == ["one", "one", "two", "two", "two"]

    run(tmp_path, body)


def test_an_end_is_heard_between_two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(world: World) -> None:
        one = world.start()
        world.processes.take(world.wanted("one"))
        await world.until("one", True, 1)
        one.kill()
        await world.until("one", False, 0)

    monkeypatch.setattr(watcher, "SWEEP_S", 3600.0)
    run(tmp_path, body)


def test_a_reload_shakes_nothing(tmp_path: Path) -> None:
    """Others keep what they say, and one that has changed says what it said until it is known anew."""

    async def body(world: World) -> None:
        world.start()
        world.processes.take(world.wanted("same") | world.wanted("other"))
        await world.until("other", True, 1)
        same = world.processes.get("same")
        world.told.clear()
        changed = world.wanted("same") | world.wanted("other", quorum=2)
        world.processes.take(changed)
        assert world.processes.get("same") is same
        assert (world.processes.get("same").state, world.processes.get("other").state) == (True, True)
        world.processes.drop(changed)
        await world.until("other", False, 1)
        world.processes.take(changed)  # nothing differs
        assert world.told == ["other"]
        world.processes.drop(world.wanted("same"))
        with pytest.raises(KeyError):
            world.processes.get("other")
        await world.until("same", True, 1)

    run(tmp_path, body)


def test_what_a_former_watcher_says_is_not_heard(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        world.processes.take(world.wanted("one"))
        await world.until("one", False, 0)
        former = world.processes._watcher
        assert former is not None
        world.processes.take(world.wanted("one", quorum=2))
        world.processes._on_counts(former, {"one": (7, Cause.OTHER)}, True, "scan")
        await world.until("one", False, 0)

    run(tmp_path, body)


def test_proc_that_cannot_be_read_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With too many files open, processes are not gone; they are looked at again."""

    def refuse(pid: int) -> bytes:
        raise OSError(24, "Too many open files")

    async def body(world: World) -> None:
        world.start()
        world.processes.take(world.wanted("one"))
        await world.until("one", True, 1)
        with monkeypatch.context() as patch:
            patch.setattr("vrrpd_fast.track.proc.name", refuse)
            await asyncio.sleep(0.3)
            assert world.processes.get("one").state is True
        assert "vrrp_track_process: /proc: Too many open files" in caplog.messages
        world.start()
        await world.until("one", True, 2)

    run(tmp_path, body)
