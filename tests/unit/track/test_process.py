"""A vrrp_track_process: how a count becomes up or down, at once or after a delay."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from vrrpd_fast.model import ProcessCount
from vrrpd_fast.track.census import Cause
from vrrpd_fast.track.priority import Fault
from vrrpd_fast.track.process import ProcessTracker

DELAY_S = 0.05


def run(body: Callable[[Callable[..., ProcessTracker], list[bool]], Awaitable[None]]) -> None:
    """`body(make, told)`: `told` has the states in the order they were told."""

    async def main() -> None:
        told: list[bool] = []
        made: list[ProcessTracker] = []

        def changed(name: str) -> None:
            state = made[-1].state
            assert state is not None
            told.append(state)

        def make(**settings: Any) -> ProcessTracker:
            count = ProcessCount(name="web", command=("web",), **settings)
            made.append(ProcessTracker(count, asyncio.get_running_loop(), changed))
            return made[-1]

        await body(make, told)

    asyncio.run(main())


def test_counts_between_quorum_and_its_maximum() -> None:
    async def body(make: Callable[..., ProcessTracker], told: list[bool]) -> None:
        tracker = make(quorum=2, quorum_max=3)
        assert (tracker.state, tracker.part(0, False)) == (None, Fault.UNKNOWN)
        tracker.update(2, Cause.OTHER)  # while they are still being counted
        assert tracker.state is None
        for count in (2, 3, 4, 1, 2):
            tracker.begin(count) if tracker.state is None else tracker.update(count, Cause.OTHER)
        assert told == [True, False, True]
        assert (tracker.part(5, False), tracker.part(-5, False), tracker.part(0, False)) == (5, 0, 0)

    run(body)


@pytest.mark.parametrize("most", [0, None])
def test_none_may_run(most: int | None) -> None:
    async def body(make: Callable[..., ProcessTracker], told: list[bool]) -> None:
        tracker = make(quorum=0, quorum_max=most)
        tracker.begin(0)
        tracker.update(1, Cause.OTHER)
        assert told == ([True, False] if most == 0 else [True])

    run(body)


def test_delays_by_cause() -> None:
    async def body(make: Callable[..., ProcessTracker], told: list[bool]) -> None:
        tracker = make(fork_delay=DELAY_S, terminate_delay=DELAY_S)
        tracker.begin(0)  # at once, whatever the delays
        tracker.update(1, Cause.OTHER)  # a program was started: at once
        assert told == [False, True]
        tracker.update(0, Cause.EXIT)
        assert 0 < tracker.describe()["delay"] <= DELAY_S
        await asyncio.sleep(DELAY_S / 2)
        tracker.update(1, Cause.OTHER)  # again there in time
        await asyncio.sleep(DELAY_S)
        assert told == [False, True]
        tracker.update(0, Cause.EXIT)
        await asyncio.sleep(DELAY_S / 2)
        tracker.update(0, Cause.EXIT)  # the time runs on
        assert told == [False, True]
        await asyncio.sleep(DELAY_S * 0.8)
        assert told == [False, True, False]
        tracker.update(1, Cause.FORK)
        assert told == [False, True, False]
        await asyncio.sleep(DELAY_S * 1.5)
        assert told == [False, True, False, True]
        assert tracker.describe()["delay"] is None

    run(body)


def test_stopped_it_says_nothing() -> None:
    async def body(make: Callable[..., ProcessTracker], told: list[bool]) -> None:
        tracker = make(terminate_delay=0.01)
        tracker.begin(1)
        tracker.update(0, Cause.EXIT)
        tracker.stop()
        await asyncio.sleep(0.03)
        assert told == [True]

    run(body)


def test_status_and_words(caplog: pytest.LogCaptureFixture) -> None:
    async def body(make: Callable[..., ProcessTracker], told: list[bool]) -> None:
        tracker = make(quorum=2, quorum_max=4)
        tracker.source = "events"
        tracker.begin(3)
        tracker.update(1, Cause.EXIT)
        assert tracker.text == "vrrp_track_process web is down: 1 running, 2 to 4 wanted"
        assert tracker.describe() == {
            "name": "web",
            "type": "process",
            "state": "down",
            "count": 1,
            "quorum": 2,
            "quorum_max": 4,
            "delay": None,
            "source": "events",
        }

    with caplog.at_level(logging.INFO):
        run(body)
    assert caplog.messages == ["vrrp_track_process web is down: 1 running, 2 to 4 wanted"]


@pytest.mark.parametrize(
    ("least", "most", "shown"),
    [
        (1, None, "1 wanted"),
        (3, None, "3 wanted"),
        (1, 1, "1 wanted, no more"),
        (0, 0, "none wanted"),
        (1, 2, "1 to 2 wanted"),
    ],
)
def test_what_is_wanted_in_words(least: int, most: int | None, shown: str) -> None:
    async def body(make: Callable[..., ProcessTracker], told: list[bool]) -> None:
        assert make(quorum=least, quorum_max=most).text.endswith(f"0 running, {shown}")

    run(body)
