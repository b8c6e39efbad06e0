"""Judging results, and running a script at its interval."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from vrrpd_fast.judgement import Judgement
from vrrpd_fast.model import Script
from vrrpd_fast.spawn.spawn import Spawner
from vrrpd_fast.track.script import ScriptTracker

RunFixture = Callable[[Any], Any]


def judge(results: str, rise: int = 1, fall: int = 1, init_fail: bool = False) -> str:
    """States after each result; `+` and `-` are success and failure, `?` unknown."""
    judgement = Judgement(rise, fall, init_fail)
    names = {True: "+", False: "-", None: "?"}
    states = [names[judgement.state]]
    for result in results:
        before = judgement.state
        assert judgement.add(result == "+") == (judgement.state != before)
        states.append(names[judgement.state])
    return "".join(states)


@pytest.mark.parametrize(
    ("results", "arguments", "states"),
    [
        ("+-+", {}, "?+-+"),
        ("-+", {}, "?-+"),
        # The first result counts for all, whatever rise and fall say.
        ("+---", {"fall": 3}, "?+++-"),
        ("-+++", {"rise": 3}, "?---+"),
        # A success in between starts the count of failures again, and the other way round.
        ("+--+---", {"fall": 3}, "?++++++-"),
        ("-++-+++", {"rise": 3}, "?------+"),
        ("+-+--++-+-", {"rise": 2, "fall": 2}, "?++++--++++"),
        # init_fail: down from the start, and it has to rise.
        ("++", {"init_fail": True, "rise": 2}, "--+"),
        ("+-", {"init_fail": True, "fall": 2}, "-++"),
        ("-+", {"init_fail": True}, "--+"),
    ],
)
def test_judgement(results: str, arguments: dict[str, Any], states: str) -> None:
    assert judge(results, **arguments) == states


def obvious(results: tuple[bool, ...], rise: int, fall: int) -> list[bool]:
    """The rule in words: `fall` failures in a row take it down, `rise` successes in a row bring it back."""
    state = results[0]
    states = [state]
    in_a_row = 0
    for result in results[1:]:
        in_a_row = in_a_row + 1 if result != state else 0
        if in_a_row == (fall if state else rise):
            state, in_a_row = not state, 0
        states.append(state)
    return states


@pytest.mark.parametrize(("rise", "fall"), [*product((1, 2, 3), repeat=2)])
def test_judgement_is_the_obvious_rule(rise: int, fall: int) -> None:
    for results in product((False, True), repeat=9):
        judgement = Judgement(rise, fall, False)
        states = []
        for result in results:
            judgement.add(result)
            states.append(judgement.state)
        assert states == obvious(results, rise, fall), results


def script(line: str, **more: Any) -> Script:
    return Script(name="CHK-LB", script=line, **({"interval": 0.05, "timeout": 5.0} | more))


class Scene:
    """A tracker on a real helper, and the states it told."""

    def __init__(self, what: Script) -> None:
        self.spawner = Spawner(asyncio.get_running_loop())
        self.states: list[bool | None] = []
        self.tracker = ScriptTracker(what, self.spawner, lambda tracker: self.states.append(tracker.state))

    async def __aenter__(self) -> "Scene":
        self.spawner.start()
        self.tracker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.tracker.stop()
        await self.spawner.close()

    async def until(self, condition: Callable[[], Any], limit: float = 10.0) -> None:
        end = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < end, (self.states, self.tracker.describe())
            await asyncio.sleep(0.005)


def test_tracker_follows_its_script(
    run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    caplog.set_level(logging.INFO)

    async def main() -> None:
        scene = Scene(script(f"test -e {flag}", rise=2, fall=3))
        assert scene.tracker.state is None
        assert scene.tracker.describe()["state"] == "unknown"
        async with scene:
            await scene.until(lambda: scene.states == [True])
            flag.unlink()
            await scene.until(lambda: scene.states == [True, False])
            flag.touch()
            await scene.until(lambda: scene.states == [True, False, True])
            runs = scene.tracker.runs
            await scene.until(lambda: scene.tracker.runs > runs + 3)
            assert scene.states == [True, False, True]
            described = scene.tracker.describe()
            assert 0 < described.pop("last_duration") < 5  # type: ignore[operator]
            assert described == {
                "name": "CHK-LB",
                "type": "script",
                "state": "up",
                "last_result": "exit 0",
                "runs": scene.tracker.runs,
                "skipped": scene.tracker.skipped,
            }

    run(main())
    assert [r.getMessage() for r in caplog.records if "left out" not in r.getMessage()] == [
        "vrrp_script CHK-LB: succeeded at its first run",
        "vrrp_script CHK-LB: failed (exit 1) after 3 of 3 failures",
        "vrrp_script CHK-LB: succeeded after 2 of 2 successes",
    ]


def test_first_failure_is_told_at_once(run: RunFixture, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Scene(script("/no/such/script", fall=5, interval=10)) as scene:
            await scene.until(lambda: scene.states == [False])
            assert scene.tracker.runs == 1

    run(main())
    assert "vrrp_script CHK-LB: failed (exit 127: not found) at its first run" in caplog.text


def test_init_fail_is_down_before_the_first_result(run: RunFixture) -> None:
    async def main() -> None:
        scene = Scene(script("true", init_fail=True, rise=2))
        assert scene.tracker.state is False
        async with scene:
            await scene.until(lambda: scene.states == [True])
            assert scene.tracker.runs >= 2

    run(main())


def test_hanging_script_counts_as_failed_and_is_not_started_twice(
    run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        hanging = script(f"echo $$ >> {tmp_path}/runs; trap '' TERM; while :; do sleep 1; done", timeout=0.1)
        async with Scene(hanging) as scene:
            await scene.until(lambda: scene.states == [False])
            await scene.until(lambda: scene.tracker.skipped > 5)
            assert scene.tracker.runs == 1
            assert str(scene.tracker.last_result).startswith("timed out after 0.1")
            await scene.until(lambda: scene.tracker.runs == 2)  # SIGKILL came after 2 s
            first = int((tmp_path / "runs").read_text().split()[0])
            with pytest.raises(ProcessLookupError):
                os.kill(first, 0)

    run(main())
    lines = [r.getMessage() for r in caplog.records]
    assert any(line.startswith("vrrp_script CHK-LB: failed (timed out after 0.1") for line in lines)
    # Left out again and again, told once.
    assert sum("left out" in line for line in lines) == 1


def test_interval_is_kept_without_drift(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        out = tmp_path / "out"
        async with Scene(script(f"echo >> {out}", interval=0.1)) as scene:
            begin = time.monotonic()
            await scene.until(lambda: scene.tracker.runs == 11)
            assert 0.95 < time.monotonic() - begin < 1.6

    run(main())


def test_scripts_of_one_interval_can_run_at_different_times(run: RunFixture) -> None:
    async def main() -> None:
        async with Scene(script("true", interval=100.0, timeout=1.0)) as scene:
            for share in (0.25, 1.0):
                scene.tracker.stop()
                runs = scene.tracker.runs
                scene.tracker._run = None
                scene.tracker.start(share)
                assert scene.tracker.runs == runs + 1
                assert scene.tracker._timer is not None
                left = scene.tracker._timer.when() - scene.spawner.loop.time()
                assert 100 * share - 1 < left <= 100 * share + 1e-6  # of a float

    run(main())


def test_sleeping_loop_is_not_followed_by_a_burst(run: RunFixture) -> None:
    async def main() -> None:
        async with Scene(script("true", interval=0.05)) as scene:
            await scene.until(lambda: scene.states == [True])
            time.sleep(1.0)
            runs, skipped = scene.tracker.runs, scene.tracker.skipped
            await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            assert scene.tracker.runs + scene.tracker.skipped <= runs + skipped + 2

    run(main())


def test_nothing_is_concluded_from_a_lost_helper(run: RunFixture, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Scene(script("true; sleep 0.02", interval=0.03)) as scene:
            await scene.until(lambda: scene.states == [True])
            pid = scene.spawner.pid
            assert pid is not None
            await scene.until(lambda: scene.spawner._runs)
            os.kill(pid, 9)
            await scene.until(lambda: "spawn helper" in str(scene.tracker.last_result))
            await scene.until(lambda: scene.tracker.last_result and scene.tracker.last_result.is_success)
            assert scene.states == [True]

    run(main())
    assert "nothing is concluded: the spawn helper was killed by SIGKILL" in caplog.text


def test_stopped_tracker_is_silent(run: RunFixture) -> None:
    async def main() -> None:
        async with Scene(script("sleep 0.2", interval=10)) as scene:
            await scene.until(lambda: scene.tracker._run and scene.tracker._run.pid)
            scene.tracker.stop()
            run = scene.tracker._run
            assert run is not None
            await scene.until(lambda: not run.is_alive)
            assert scene.states == []
            assert scene.tracker.runs == 1

    run(main())


def test_unusable_scripts_are_refused_when_loaded(run: RunFixture) -> None:
    async def main() -> None:
        spawner = Spawner(asyncio.get_running_loop())
        for bad in (script("a 'b"), script("true", user="no-such-user")):
            with pytest.raises(ValueError, match=r"quotation|no user"):
                ScriptTracker(bad, spawner, lambda _: None)

    run(main())
