"""The operator's resign: a MASTER gives up, follows whoever takes over, and takes over when nobody does."""

import pytest

from machine.bench import Bench, Sent, cs, parameters
from reference.phase import TICK_NS
from vrrpd_fast.model import Reason

FLAVOURS = pytest.mark.parametrize(("family", "version"), [(4, 2), (4, 3), (6, 3)])


def resigned(family: int = 4, version: int = 3, priority: int = 200, **more: object) -> tuple[Bench, int]:
    """A MASTER that was told to resign a moment ago."""
    bench = Bench()
    handle = bench.add(parameters(family, version, priority, **more))
    bench.start(handle)
    bench.sleep(cs(400))
    assert bench.state(handle) == "MASTER"
    del bench.sent[handle][:]
    bench.yield_to_all(handle)
    bench.demote(handle, Reason.OPERATOR)
    return bench, handle


def hear_for(bench: Bench, handle: int, seconds: int, priority: int) -> None:
    for _ in range(seconds):
        bench.sleep(cs(100))
        bench.hear(handle, priority)


@FLAVOURS
def test_it_says_priority_zero_once_and_is_backup(family: int, version: int) -> None:
    bench, handle = resigned(family, version)
    assert bench.sent[handle] == [Sent(bench.now_ns, True)]
    assert bench.state(handle) == "BACKUP"
    assert bench.reasons(handle)[-1] == "OPERATOR"


@FLAVOURS
def test_a_lower_master_is_followed_as_long_as_it_lives(family: int, version: int) -> None:
    bench, handle = resigned(family, version)
    hear_for(bench, handle, 20, priority=100)
    assert bench.state(handle) == "BACKUP"


@FLAVOURS
def test_with_nobody_else_it_takes_over_again(family: int, version: int) -> None:
    bench, handle = resigned(family, version)
    bench.sleep(cs(400))
    assert bench.state(handle) == "MASTER"
    assert bench.reasons(handle)[-1] == "NO_ADVERT"


def test_when_the_follower_dies_it_takes_over() -> None:
    bench, handle = resigned()
    hear_for(bench, handle, 5, priority=100)
    bench.sleep(cs(400))
    assert bench.state(handle) == "MASTER"


def test_when_the_follower_resigns_it_takes_over_after_its_skew_time() -> None:
    bench, handle = resigned()
    hear_for(bench, handle, 5, priority=100)
    bench.hear(handle, priority=0)
    bench.sleep(cs(22) + TICK_NS)  # (256 - 200) / 256 of a second
    assert bench.state(handle) == "MASTER"
    assert bench.reasons(handle)[-1] == "RESIGNED"


def test_when_the_order_is_taken_back_it_preempts_in_its_time() -> None:
    bench, handle = resigned()
    hear_for(bench, handle, 5, priority=100)
    bench.yield_to_all(handle, False)
    hear_for(bench, handle, 4, priority=100)
    assert bench.state(handle) == "MASTER"
    assert bench.reasons(handle)[-1] == "PREEMPT"


def test_its_preempt_delay_counts_from_when_the_order_is_taken_back() -> None:
    bench, handle = resigned(preempt_delay_ns=cs(1000))
    hear_for(bench, handle, 20, priority=100)
    bench.yield_to_all(handle, False)
    hear_for(bench, handle, 9, priority=100)
    assert bench.state(handle) == "BACKUP"
    hear_for(bench, handle, 7, priority=100)
    assert bench.state(handle) == "MASTER"


def test_a_backup_can_be_kept_from_preempting() -> None:
    bench = Bench()
    handle = bench.add(parameters(priority=200))
    bench.yield_to_all(handle)
    bench.start(handle)
    hear_for(bench, handle, 10, priority=100)
    assert bench.state(handle) == "BACKUP"


def test_a_master_that_was_not_demoted_keeps_its_rank() -> None:
    bench = Bench()
    handle = bench.add(parameters(priority=200))
    bench.start(handle)
    bench.sleep(cs(400))
    bench.yield_to_all(handle)
    hear_for(bench, handle, 3, priority=100)
    assert bench.state(handle) == "MASTER"
    bench.machine.take_challenged()


def test_a_change_of_settings_keeps_the_order() -> None:
    bench, handle = resigned()
    hear_for(bench, handle, 3, priority=100)
    bench.change(handle, parameters(priority=220))
    hear_for(bench, handle, 10, priority=100)
    assert bench.state(handle) == "BACKUP"
