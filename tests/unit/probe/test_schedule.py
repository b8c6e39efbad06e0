"""When probes run, time out and are left out."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from vrrpd_fast.model import AnyProbeKind, Probe, UnixProbe
from vrrpd_fast.probe.check import Conclude, Outcome
from vrrpd_fast.probe.schedule import Runner, Schedule

RunFixture = Callable[[Any], Any]
UP = Outcome(True, "up")


class Fake:
    """A check that ends after `takes` seconds, never if None, at once if 0."""

    def __init__(self, takes: float | None = 0.0, error: Exception | None = None) -> None:
        self.takes = takes
        self.error = error
        self.began: list[float] = []
        self.abandoned: list[float] = []
        self.is_running = self.is_closed = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, conclude: Conclude) -> None:
        assert not self.is_running
        self.began.append(time.monotonic())
        if self.error is not None:
            raise self.error
        if self.takes == 0:
            conclude(UP)
        else:
            self.is_running = True
            if self.takes is not None:
                self._timer = asyncio.get_running_loop().call_later(self.takes, self._end, conclude)

    def abandon(self) -> None:
        self.abandoned.append(time.monotonic())
        self.is_running = False
        if self._timer is not None:
            self._timer.cancel()

    def close(self) -> None:
        assert not self.is_running
        self.is_closed = True

    def _end(self, conclude: Conclude) -> None:
        self.is_running = False
        conclude(UP)


class Scene:
    """A schedule, fakes on it, and what was told of each."""

    def __init__(self) -> None:
        self.schedule = Schedule(asyncio.get_running_loop())
        self.told: list[tuple[int, Outcome | None, bool]] = []
        self.runners: list[Runner] = []

    def add(self, fake: Fake, share: float = 1.0, **more: Any) -> Runner:
        probe = Probe(name="P", kind=UnixProbe(path="/a"), **{"interval": 0.05, "timeout": 0.05} | more)

        def make(settings: AnyProbeKind) -> Fake:
            assert settings == probe.kind
            return fake

        runner = Runner(len(self.runners), probe, make, self._on_end)
        self.runners.append(runner)
        self.schedule.add(runner, share)
        return runner

    def _on_end(self, runner: Runner, is_change: bool) -> None:
        self.told.append((runner.serial, runner.outcome, is_change))


def test_it_runs_at_once_and_at_every_interval(run: RunFixture) -> None:
    async def scene() -> tuple[float, Fake, Scene]:
        scene, fake = Scene(), Fake()
        began = time.monotonic()
        scene.add(fake)
        await asyncio.sleep(0.53)
        return time.monotonic() - began, fake, scene

    took, fake, scene = run(scene())
    # However late the loop is, runs do not wander off: as many as there were intervals.
    assert abs(len(fake.began) + scene.runners[0].skipped - 1 - took / 0.05) <= 1
    assert scene.told[0] == (0, UP, True)
    assert all(told == (0, UP, False) for told in scene.told[1:])


def test_the_second_run_comes_after_a_share_of_the_interval(run: RunFixture) -> None:
    async def scene() -> tuple[list[float], float]:
        scene, fake = Scene(), Fake()
        began = time.monotonic()
        runner = scene.add(fake, share=0.25, interval=0.4, timeout=0.4)
        while len(fake.began) < 3:
            await asyncio.sleep(0.01)
        return [moment - began for moment in fake.began], (runner.due_ns / 1e9 - began) % 0.4

    (first, second, third), phase = run(scene())
    assert 0.1 < second < third and third > 0.5 and first < second
    assert 0.1 <= phase < 0.15  # wherever the machine let it run


def test_thousands_are_spread_and_share_their_wakings(run: RunFixture) -> None:
    async def scene() -> tuple[list[Runner], int]:
        scene = Scene()
        wakings = 0
        wake = scene.schedule._wake

        def counted() -> None:
            nonlocal wakings
            wakings += 1
            wake()

        scene.schedule._wake = counted  # type: ignore[method-assign]
        for number in range(1000):
            scene.add(Fake(), share=1.0 - number * 0.618034 % 1.0, interval=1.0, timeout=1.0)
        await asyncio.sleep(1.5)
        return scene.runners, wakings

    runners, wakings = run(scene())
    assert sum(runner.runs + runner.skipped for runner in runners) > 2000
    assert wakings < 500
    moments = [runner.due_ns // 100_000_000 % 10 for runner in runners]
    tenths = [moments.count(tenth) for tenth in range(10)]
    assert 80 < min(tenths) <= max(tenths) < 120, tenths  # whenever the machine let it run


def test_a_run_without_answer_times_out_and_is_a_failure(run: RunFixture) -> None:
    async def scene() -> tuple[Fake, Scene]:
        scene, fake = Scene(), Fake(takes=None)
        scene.add(fake, interval=0.2, timeout=0.04)
        await asyncio.sleep(0.5)
        return fake, scene

    fake, scene = run(scene())
    assert [is_change for _, _, is_change in scene.told] == [True] + [False] * (len(scene.told) - 1)
    assert all(outcome is not None and outcome.text.startswith("timed out") for _, outcome, _ in scene.told)
    for began, abandoned in zip(fake.began, fake.abandoned, strict=False):
        assert 0.04 <= abandoned - began < 0.15


def test_a_timeout_as_long_as_the_interval_leaves_no_run_out(run: RunFixture) -> None:
    async def scene() -> tuple[float, Runner]:
        scene, fake = Scene(), Fake(takes=None)
        began = time.monotonic()
        runner = scene.add(fake, interval=0.1, timeout=0.1)
        await asyncio.sleep(1.05)
        return time.monotonic() - began, runner

    took, runner = run(scene())
    assert abs(runner.runs + runner.skipped - 1 - took / 0.1) <= 1 and runner.skipped <= 2


def test_a_longer_timeout_leaves_runs_out_and_counts_them(run: RunFixture) -> None:
    async def scene() -> Scene:
        scene, fake = Scene(), Fake(takes=0.17)
        scene.add(fake, interval=0.05, timeout=1.0)
        await asyncio.sleep(0.5)
        return scene

    runner = run(scene()).runners[0]
    assert runner.runs in (2, 3) and runner.skipped >= 5


def test_one_that_is_stopped_lets_go(run: RunFixture) -> None:
    async def scene() -> tuple[Fake, Scene]:
        scene, fake = Scene(), Fake(takes=None)
        runner = scene.add(fake, interval=0.02, timeout=0.02)
        await asyncio.sleep(0.005)
        runner.stop()
        began = len(fake.began)
        await asyncio.sleep(0.1)
        assert len(fake.began) == began
        return fake, scene

    fake, scene = run(scene())
    assert fake.is_closed and len(fake.abandoned) == 1 and scene.told == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError("strange"), "strange"),
        (KeyError("x"), "internal error: KeyError('x')"),
    ],
)
def test_what_keeps_a_run_from_beginning_is_a_failure(run: RunFixture, error: Exception, text: str) -> None:
    async def scene() -> tuple[Fake, Scene]:
        scene, fake = Scene(), Fake(error=error)
        scene.add(fake)
        await asyncio.sleep(0.02)
        return fake, scene

    fake, scene = run(scene())
    assert scene.told[0] == (0, Outcome(False, text), True)
    assert fake.abandoned


def test_a_kind_that_cannot_be_made_is_tried_again(run: RunFixture) -> None:
    async def scene() -> list[Outcome | None]:
        told: list[Outcome | None] = []
        tries = 0

        def make(settings: AnyProbeKind) -> Fake:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise OSError(1, "not permitted")
            return Fake()

        probe = Probe(name="P", kind=UnixProbe(path="/a"), interval=0.02, timeout=0.02)
        runner = Runner(1, probe, make, lambda runner, is_change: told.append(runner.outcome))
        Schedule(asyncio.get_running_loop()).add(runner, 1.0)
        await asyncio.sleep(0.2)
        return told

    assert run(scene())[:3] == [Outcome(False, "not permitted")] * 2 + [UP]


def test_rise_and_fall_make_the_change(run: RunFixture) -> None:
    async def scene() -> tuple[int, Scene]:
        scene, fake = Scene(), Fake()
        scene.add(fake, interval=0.02, timeout=0.02, fall=3)
        await asyncio.sleep(0.05)
        before = len(scene.told)
        fake.error = OSError(5, "broken")
        await asyncio.sleep(0.2)
        return before, scene

    before, scene = run(scene())
    changes = [number for number, (_, _, is_change) in enumerate(scene.told) if is_change]
    assert changes == [0, before + 2]


def test_a_loop_that_was_held_up_catches_nothing_up(run: RunFixture) -> None:
    async def scene() -> tuple[Fake, Runner]:
        scene, fake = Scene(), Fake()
        runner = scene.add(fake, interval=0.02, timeout=0.02)
        await asyncio.sleep(0.05)
        before = len(fake.began)
        time.sleep(0.3)
        await asyncio.sleep(0.005)
        assert len(fake.began) <= before + 2
        return fake, runner

    _, runner = run(scene())
    assert runner.skipped >= 13
