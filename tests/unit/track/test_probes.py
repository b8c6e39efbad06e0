"""The daemon's side of probes, with a real helper: judged, reloaded, lost, stuck."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields, replace

from vrrpd_fast.model import Probe, UnixProbe
from vrrpd_fast.probe import messages
from vrrpd_fast.probe.messages import LIMIT, Report, Start, Stop
from vrrpd_fast.track import probes as module
from vrrpd_fast.track.priority import Fault
from vrrpd_fast.track.probes import Probes

RunFixture = Callable[[Any], Any]


class Scene:
    """Probes of unix sockets in a directory, and whose state changed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.changed: list[str] = []
        self.probes = Probes(asyncio.get_running_loop(), self.changed.append)
        self._sockets: dict[str, socket.socket] = {}

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def probe(self, name: str, **more: Any) -> Probe:
        fields = {"name": name, "kind": UnixProbe(path=self.path(name)), "interval": 0.02, "timeout": 0.02}
        return Probe(**fields | more)

    def apply(self, *wanted: Probe) -> None:
        by_name = {probe.name: probe for probe in wanted}
        fresh = self.probes.prepare(by_name)
        self.probes.take(fresh)
        self.probes.drop(by_name)
        self.probes.start(fresh.values())

    def open(self, name: str) -> None:
        self._sockets[name] = socket.socket(socket.AF_UNIX)
        self._sockets[name].bind(self.path(name))
        self._sockets[name].listen(4096)

    def shut(self, name: str) -> None:
        self._sockets.pop(name).close()
        Path(self.path(name)).unlink()

    def state(self, name: str) -> bool | None:
        return self.probes.judge(name).state

    async def until(self, condition: Callable[[], Any], limit: float = 10.0) -> None:
        end = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < end, self.changed
            await asyncio.sleep(0.005)

    def close(self) -> None:
        for each in self._sockets.values():
            each.close()


@asynccontextmanager
async def scene_in(directory: Path) -> AsyncIterator[Scene]:
    scene = Scene(directory)
    try:
        yield scene
    finally:
        await scene.probes.close()
        scene.close()


def test_without_probes_there_is_no_helper(run: RunFixture, tmp_path: Path) -> None:
    async def nothing() -> None:
        async with scene_in(tmp_path) as scene:
            scene.apply()
            await asyncio.sleep(0.01)
            assert scene.probes.helper.pid is None

    run(nothing())


def test_a_state_follows_what_is_asked(
    run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def follow() -> None:
        async with scene_in(tmp_path) as scene:
            scene.open("a")
            scene.apply(scene.probe("a", fall=2))
            tracker = scene.probes.judge("a")
            assert (tracker.state, tracker.part(0, False)) == (None, Fault.UNKNOWN)
            await scene.until(lambda: scene.changed == ["a"])
            assert (tracker.part(-20, False), tracker.part(0, False)) == (0, 0)
            scene.shut("a")
            await scene.until(lambda: scene.changed == ["a", "a"])
            assert (tracker.part(-20, False), tracker.part(0, False)) == (-20, Fault.DOWN)
            assert tracker.text == "vrrp_probe a is down"

    run(follow())
    lines = [record.getMessage() for record in caplog.records]
    assert "vrrp_probe a: succeeded (connected) at its first run" in lines
    assert "vrrp_probe a: failed (No such file or directory) after 2 of 2 failures" in lines


def test_status(run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        async with scene_in(tmp_path) as scene:
            scene.open("a")
            scene.apply(scene.probe("a"))
            unknown = scene.probes.judge("a").describe()
            assert unknown == {
                "name": "a",
                "type": "probe",
                "state": "unknown",
                "kind": "unix",
                "target": scene.path("a"),
                "last_result": None,
                "last_duration": None,
                "runs": 0,
                "skipped": 0,
            }
            # Counts come once a second.
            await scene.until(lambda: scene.probes.judge("a").describe()["runs"] > 5)
            known = scene.probes.judge("a").describe()
            assert (known["state"], known["last_result"]) == ("up", "connected")
            assert 0 < known["last_duration"] < 1

    run(look())


def test_init_fail_is_down_from_the_start(run: RunFixture, tmp_path: Path) -> None:
    async def rise() -> None:
        async with scene_in(tmp_path) as scene:
            scene.apply(scene.probe("a", init_fail=True, rise=2))
            assert scene.state("a") is False
            scene.open("a")
            await scene.until(lambda: scene.state("a"))
            assert scene.changed == ["a"]

    run(rise())


def test_a_reload_leaves_what_did_not_change(run: RunFixture, tmp_path: Path) -> None:
    async def reload() -> None:
        async with scene_in(tmp_path) as scene:
            scene.open("a")
            scene.apply(scene.probe("a"), scene.probe("b"))
            await scene.until(lambda: sorted(scene.changed) == ["a", "b"])
            kept, pid = scene.probes.judge("a"), scene.probes.helper.pid
            # b is changed: it counts as it was until it has a result, and gives up its former way.
            scene.open("c")
            changed = scene.probe("b", kind=UnixProbe(path=scene.path("c")), interval=0.03)
            scene.apply(scene.probe("a"), changed, scene.probe("d", init_fail=True))
            assert scene.probes.judge("a") is kept
            assert scene.state("b") is False
            await scene.until(lambda: scene.state("b"))
            assert scene.changed.count("a") == 1
            assert scene.probes.judge("b").probe == changed
            scene.apply(scene.probe("a"))
            with pytest.raises(KeyError):
                scene.probes.judge("b")
            assert scene.probes.helper.pid == pid

    run(reload())


def test_the_helper_goes_with_the_last_probe_and_comes_with_the_next(run: RunFixture, tmp_path: Path) -> None:
    async def leave() -> None:
        async with scene_in(tmp_path) as scene:
            scene.apply(scene.probe("a"))
            await scene.until(lambda: scene.changed)
            first = scene.probes.helper.pid
            scene.apply()
            assert scene.probes.helper.pid is None
            scene.apply(scene.probe("a"))
            await scene.until(lambda: len(scene.changed) == 2)
            await scene.until(lambda: not Path(f"/proc/{first}").exists())
            assert Path(f"/proc/{scene.probes.helper.pid}").exists()

    run(leave())


@pytest.mark.parametrize("field", [each.name for each in fields(Probe) if each.name != "name"])
def test_whatever_differs_is_judged_anew(run: RunFixture, tmp_path: Path, field: str) -> None:
    others: dict[str, Any] = {"kind": UnixProbe(path="/b"), "init_fail": True}

    async def differ() -> None:
        async with scene_in(tmp_path) as scene:
            probe = scene.probe("a")
            scene.apply(probe)
            other = replace(probe, **{field: others.get(field, 7)})
            assert list(scene.probes.prepare({"a": other})) == ["a"]
            assert scene.probes.prepare({"a": probe}) == {}

    run(differ())


def test_a_helper_that_is_killed_is_started_again_and_states_stay(
    run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def lose() -> None:
        async with scene_in(tmp_path) as scene:
            scene.open("a")
            scene.apply(scene.probe("a", fall=3), scene.probe("b"))
            await scene.until(lambda: scene.probes.judge("a").describe()["runs"] > 0)
            await scene.until(lambda: sorted(scene.changed) == ["a", "b"])
            runs, first = scene.probes.judge("a").describe()["runs"], scene.probes.helper.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await scene.until(lambda: scene.probes.helper.pid not in (None, first))
            assert (scene.state("a"), scene.state("b")) == (True, False)
            await scene.until(lambda: scene.probes.judge("a").describe()["runs"] > runs)
            assert sorted(scene.changed) == ["a", "b"]  # nothing changed
            # A state that was known is judged by fall, not at its first run.
            scene.shut("a")
            await scene.until(lambda: scene.state("a") is False)

    run(lose())
    told = [record.getMessage() for record in caplog.records]
    (lost,) = (line for line in told if "was killed by SIGKILL" in line)
    assert "2 probes keep the state they have; it is started again at once" in lost
    assert "vrrp_probe a: failed (No such file or directory) after 3 of 3 failures" in told


def test_a_helper_that_says_nothing_is_replaced(
    run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 2.0)

    async def stop() -> None:
        async with scene_in(tmp_path) as scene:
            scene.apply(scene.probe("a"))
            await scene.until(lambda: scene.changed)
            first = scene.probes.helper.pid
            assert first is not None
            await asyncio.sleep(2.5)
            assert scene.probes.helper.pid == first
            os.kill(first, signal.SIGSTOP)
            await scene.until(lambda: scene.probes.helper.pid not in (None, first))
            scene.open("a")
            await scene.until(lambda: scene.state("a"))

    run(stop())
    assert any("says nothing for" in record.getMessage() for record in caplog.records)


def test_the_helper_ends_with_the_daemon(run: RunFixture, tmp_path: Path) -> None:
    async def end() -> int:
        async with scene_in(tmp_path) as scene:
            scene.apply(scene.probe("a"))
            await scene.until(lambda: scene.changed)
            pid = scene.probes.helper.pid
            assert pid is not None
            return pid

    pid = run(end())
    assert not Path(f"/proc/{pid}").exists()


def test_the_helper_has_nothing_of_the_daemon_s(run: RunFixture, tmp_path: Path) -> None:
    async def look() -> list[str]:
        async with scene_in(tmp_path) as scene:
            leaked = os.open(os.devnull, os.O_RDONLY)
            os.set_inheritable(leaked, True)
            scene.apply(scene.probe("a"))
            await scene.until(lambda: scene.changed)
            os.close(leaked)
            descriptors = Path(f"/proc/{scene.probes.helper.pid}/fd")
            return [os.readlink(each) for each in descriptors.iterdir() if int(each.name) > 2]

    targets = run(look())
    assert all(target.startswith(("socket:", "anon_inode:", "pipe:")) for target in targets), targets


def test_many_changes_come_in_bounded_pieces(run: RunFixture, tmp_path: Path) -> None:
    async def many() -> None:
        async with scene_in(tmp_path) as scene:
            loop = asyncio.get_running_loop()
            wanted = [scene.probe(f"p{n}", interval=10.0, timeout=5.0) for n in range(500)]
            scene.apply(*wanted)
            in_one_go, before = [], 0

            def watch() -> None:
                nonlocal before
                in_one_go.append(len(scene.changed) - before)
                before = len(scene.changed)
                if before < 500:
                    loop.call_soon(watch)

            loop.call_soon(watch)
            await scene.until(lambda: len(scene.changed) == 500)
            assert max(in_one_go) <= messages.PER_MESSAGE

    run(many())


def test_requests_are_cut_into_messages() -> None:
    kind = UnixProbe(path="/a", send="x" * 4096, expect="y" * 4096)
    requests = [Start(n, Probe(name=f"p{n}", kind=kind), None, 0.5) for n in range(50)] + [Stop(7)]
    batches = list(messages.batches(requests))
    assert len(batches) > 5 and all(len(batch) <= LIMIT for batch in batches)
    assert [each for batch in batches for each in messages.decode_requests(batch)] == requests
    assert list(messages.batches([])) == []


def test_reports_of_whom_nobody_asks_any_more_are_left(run: RunFixture, tmp_path: Path) -> None:
    async def late() -> None:
        async with scene_in(tmp_path) as scene:
            report = Report(77, True, True, "connected", 1, 1, 0)
            scene.probes._on_message(messages.encode([report]))
            assert scene.changed == []

    run(late())
