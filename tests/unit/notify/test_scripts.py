"""The queue of scripts: order, places, bounds; with a spawn helper of paper that ends runs when told to."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from unit.samples import instance
from vrrpd_fast.model import Command, State
from vrrpd_fast.notify import scripts
from vrrpd_fast.notify.events import Event, Word
from vrrpd_fast.notify.scripts import Job, ScriptQueue
from vrrpd_fast.spawn.spawn import Result, Run

RunFixture = Callable[[Any], Any]


class Paper:
    """A spawner that starts nothing."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.launched: list[tuple[str, ...]] = []
        self.environments: list[Mapping[str, str]] = []
        self.runs: dict[tuple[str, ...], Run] = {}
        self.stopped: list[tuple[str, ...]] = []

    def launch(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        identity: object,
        environment: Mapping[str, str],
        on_result: Callable[[Result], None],
    ) -> Run:
        words = tuple(argv)
        self.launched.append(words)
        self.environments.append(environment)
        self.runs[words] = Run(len(self.launched), on_result)
        return self.runs[words]

    def stop(self, run: Run) -> None:
        self.stopped += [words for words, known in self.runs.items() if known is run]

    async def end(self, *words: str, result: Result | None = None) -> None:
        run = self.runs.pop(words)
        run.is_alive = False
        run.tell(result or Result(exit_code=0))
        await turns()


async def turns(count: int = 40) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def job(name: str, script: str, word: Word = Word.MASTER) -> Job:
    event = Event(
        name=name, word=word, priority=1, number=1, at=0.0, old=State.BACKUP, instance=instance(name)
    )
    return Job("notify", Command(script=script), (), event)


def queue(paper: Paper, **limits: Any) -> ScriptQueue:
    return ScriptQueue(paper, lambda command: None, **limits)  # type: ignore[arg-type]


def test_one_after_the_other_for_one_and_side_by_side_for_several(run: RunFixture) -> None:
    async def main() -> None:
        paper = Paper()
        made = queue(paper)
        for name in ("A", "B"):
            for number in (1, 2):
                made.add(job(name, f"/{name} {number}"))
        await turns()
        assert paper.launched == [("/A", "1"), ("/B", "1")]
        assert made.describe() == {"run": 2, "failed": 0, "dropped": 0, "waiting": 2, "running": 2}
        await paper.end("/B", "1")
        assert paper.launched[2:] == [("/B", "2")]
        await paper.end("/A", "1")
        await paper.end("/A", "2")
        await paper.end("/B", "2")
        assert made.describe() == {"run": 4, "failed": 0, "dropped": 0, "waiting": 0, "running": 0}
        assert paper.environments[0]["VRRP_NAME"] == "A"
        made.close()

    run(main())


def test_no_more_than_so_many_at_once_and_a_few_a_turn(run: RunFixture) -> None:
    async def main() -> None:
        paper = Paper()
        made = queue(paper, at_once=10)
        for number in range(30):
            made.add(job(f"{number}", f"/{number}"))
        assert not paper.launched  # never from within add
        await turns(2)
        assert 0 < len(paper.launched) <= 2 * scripts.LAUNCHES_PER_TURN
        await turns()
        assert len(paper.launched) == 10
        for number in range(30):
            await paper.end(f"/{number}")
            assert len(paper.runs) <= 10
        assert paper.launched == [(f"/{number}",) for number in range(30)]
        made.close()

    run(main())


def test_one_that_waits_for_something_leaves_its_place(
    run: RunFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "SETTLED", 0.05)

    async def main() -> None:
        paper = Paper()
        made = queue(paper, at_once=2, most=5)
        for number in range(8):
            made.add(job(f"{number}", f"/{number}"))
        await turns()
        assert len(paper.launched) == 2
        await asyncio.sleep(1.0)
        assert len(paper.launched) == 5  # the most of any age
        await paper.end("/0")
        assert len(paper.launched) == 6
        made.close()

    run(main())


def test_a_failure_is_counted_and_told(run: RunFixture, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        paper = Paper()
        made = queue(paper)
        made.add(job("A", "/a b"))
        await turns()
        with caplog.at_level(logging.WARNING):
            await paper.end("/a", "b", result=Result(exit_code=3))
        assert made.failed == 1
        assert caplog.messages == ["instance A: notify script /a b: exit 3"]
        made.close()

    run(main())


def test_too_many_that_wait_drop_the_oldest(run: RunFixture, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        paper = Paper()
        made = queue(paper, waiting_limit=3)
        made.add(job("A", "/0"))
        await turns()
        with caplog.at_level(logging.ERROR):
            for number in range(1, 6):
                made.add(job("A", f"/{number}"))
        assert (made.waiting, made.dropped) == (3, 2)
        assert "3 scripts wait, the oldest is not run" in caplog.messages[0]
        for number in (0, 3, 4, 5):
            await paper.end(f"/{number}")
        assert paper.launched == [("/0",), ("/3",), ("/4",), ("/5",)]
        made.close()

    run(main())


def test_one_run_answers_many_adverts_of_lower_priority(run: RunFixture) -> None:
    async def main() -> None:
        paper = Paper()
        made = queue(paper)
        made.add(job("A", "/l", Word.MASTER_RX_LOWER_PRI))
        await turns()
        for _ in range(5):
            made.add(job("A", "/l", Word.MASTER_RX_LOWER_PRI))
        made.add(job("A", "/b", Word.BACKUP))
        assert made.waiting == 2
        await paper.end("/l")
        await paper.end("/l")
        assert paper.launched == [("/l",), ("/l",), ("/b",)]
        assert made.dropped == 0
        made.close()

    run(main())


def test_the_next_one_does_not_wait_for_ever(run: RunFixture, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        paper = Paper()
        made = queue(paper, patience=0.05, overdue_limit=1)
        for number in range(3):
            made.add(job("A", f"/{number}"))
        with caplog.at_level(logging.WARNING):
            async with asyncio.timeout(5):
                while len(paper.launched) < 2:
                    await asyncio.sleep(0.01)
            assert "/0: runs for 0.05 s, the next one waits no longer" in caplog.messages[0]
            assert not paper.stopped
            async with asyncio.timeout(5):
                while not paper.stopped:
                    await asyncio.sleep(0.01)
        assert paper.stopped[0] == ("/0",)
        assert any("/0: killed: too many scripts hang" in message for message in caplog.messages)
        await paper.end("/0", result=Result(timed_out=True))
        await paper.end("/1")
        assert made.describe()["failed"] == 1
        made.close()

    run(main())


def test_draining_ends_with_the_last_or_with_its_limit(run: RunFixture) -> None:
    async def main() -> None:
        paper = Paper()
        made = queue(paper)
        assert await made.drain(5) == 0
        made.add(job("A", "/1"))
        made.add(job("A", "/2"))
        assert await made.drain(0.05) == 2
        drained = asyncio.create_task(made.drain(5))
        await turns()
        await paper.end("/1")
        await paper.end("/2")
        assert await drained == 0
        made.close()

    run(main())


def test_closed_it_starts_no_more(run: RunFixture) -> None:
    async def main() -> None:
        paper = Paper()
        made = queue(paper)
        made.add(job("A", "/1"))
        await turns()
        made.add(job("A", "/2"))
        made.close()
        await paper.end("/1")
        assert paper.launched == [("/1",)]

    run(main())
