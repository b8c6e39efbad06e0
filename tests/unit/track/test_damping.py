"""Damping: what goes down twice in its time counts as up when it has been up for that time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from vrrpd_fast.track.damping import Damped
from vrrpd_fast.track.priority import Fault, contribution

HOLD_S = 0.12


class Judge:
    """A tracker whose state the test sets."""

    def __init__(self, state: bool | None = None) -> None:
        self.state = state

    @property
    def text(self) -> str:
        return f"vrrp_script chk is {'up' if self.state else 'down'}"

    def part(self, weight: int, reverse: bool) -> int | Fault:
        return contribution(weight, reverse, self.state)

    def describe(self) -> dict[str, Any]:
        return {"name": "chk", "state": {True: "up", False: "down", None: "unknown"}[self.state]}


class World:
    def __init__(self, state: bool | None = None) -> None:
        self.judge = Judge(state)
        self.told: list[bool | None] = []
        loop = asyncio.get_running_loop()
        self.damped = Damped("vrrp_script chk", HOLD_S, loop, lambda: self.judge, self._note)

    def _note(self) -> None:
        self.told.append(self.damped.state)

    def see(self, *states: bool) -> None:
        for self.judge.state in states:
            self.damped.look()


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(body())  # type: ignore[arg-type]


def test_a_single_outage_counts_as_it_is() -> None:
    async def body() -> None:
        world = World()
        assert world.damped.part(0, False) is Fault.UNKNOWN
        world.see(True, False, True, True)
        assert world.told == [True, False, True]
        await asyncio.sleep(HOLD_S * 1.2)
        world.see(False, True)  # long after: again a single one
        assert world.told == [True, False, True, False, True]

    run(body)


def test_what_flaps_waits(caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        world = World(True)
        world.see(False, True, False, True)
        assert world.told == [False, True, False]
        assert (world.damped.part(10, False), world.damped.part(-10, False)) == (0, -10)
        assert world.damped.text == "vrrp_script chk is up, but flaps: it is to be up for 0.12 s first"
        shown = world.damped.describe()
        assert (shown["state"], 0 < shown["damped"] <= HOLD_S) == ("down", True)
        await asyncio.sleep(HOLD_S * 0.7)
        world.see(False, True)  # it starts over
        await asyncio.sleep(HOLD_S * 0.7)
        assert world.told == [False, True, False]
        await asyncio.sleep(HOLD_S * 0.7)
        assert world.told == [False, True, False, True]
        shown = world.damped.describe()
        assert (shown["state"], shown["damped"]) == ("up", None)
        world.see(False, True)  # not any more
        assert world.told == [False, True, False, True, False, True]

    with caplog.at_level(logging.INFO):
        run(body)
    assert [message.split(":")[0] for message in caplog.messages] == [
        "vrrp_script chk flaps",
        "vrrp_script chk has been up for 0.12 s and counts again",
    ]


def test_down_while_it_waits_is_no_news() -> None:
    async def body() -> None:
        world = World(True)
        world.see(False, True, False, True, False)
        assert world.told == [False, True, False]
        assert world.damped.describe()["damped"] is None
        await asyncio.sleep(HOLD_S * 1.3)
        assert world.damped.state is False
        world.see(True)  # however long it was down
        assert world.damped.state is False
        world.damped.stop()
        await asyncio.sleep(HOLD_S * 1.3)
        assert world.told == [False, True, False]

    run(body)
