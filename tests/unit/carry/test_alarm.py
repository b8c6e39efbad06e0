"""The alarm on a real loop."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import uvloop

from vrrpd_fast.carry.alarm import Alarm

MS = 1_000_000


def on_loop(test: Callable[[asyncio.AbstractEventLoop], Awaitable[None]]) -> None:
    async def run() -> None:
        await test(asyncio.get_running_loop())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_never_early_and_once_for_each_set() -> None:
    async def test(loop: asyncio.AbstractEventLoop) -> None:
        rung: asyncio.Queue[int] = asyncio.Queue()
        alarm = Alarm(loop, lambda: rung.put_nowait(time.monotonic_ns()))
        for microseconds in (300, 1700, 0, 900):
            at_ns = alarm.now_ns() + microseconds * 1000
            alarm.set(at_ns)
            assert await asyncio.wait_for(rung.get(), 5) >= at_ns
        await asyncio.sleep(0.01)
        assert rung.empty()
        alarm.close()

    on_loop(test)


def test_a_later_set_replaces_the_earlier() -> None:
    async def test(loop: asyncio.AbstractEventLoop) -> None:
        rung: asyncio.Queue[int] = asyncio.Queue()
        alarm = Alarm(loop, lambda: rung.put_nowait(time.monotonic_ns()))
        alarm.set(alarm.now_ns() + MS)
        at_ns = alarm.now_ns() + 20 * MS
        alarm.set(at_ns)
        assert await asyncio.wait_for(rung.get(), 5) >= at_ns
        assert rung.empty()
        alarm.close()

    on_loop(test)


def test_a_moment_long_past_is_now() -> None:
    async def test(loop: asyncio.AbstractEventLoop) -> None:
        rung = asyncio.Event()
        alarm = Alarm(loop, rung.set)
        alarm.set(-5)
        await asyncio.wait_for(rung.wait(), 5)
        alarm.close()

    on_loop(test)


def test_close_leaves_no_descriptor() -> None:
    async def test(loop: asyncio.AbstractEventLoop) -> None:
        before = sorted(os.listdir("/proc/self/fd"))
        alarm = Alarm(loop, lambda: None)
        alarm.set(1)
        alarm.close()
        assert sorted(os.listdir("/proc/self/fd")) == before

    on_loop(test)
