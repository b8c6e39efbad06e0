"""Parameters and timers: RFC 9568 6.1 and 6.2, RFC 3768 6.1."""

from itertools import pairwise
from typing import Any

import pytest

from machine.bench import Bench, cs, parameters
from reference.phase import TICK_NS

BOTH_FAMILIES = pytest.mark.parametrize("family", [4, 6])


def backup(**options: Any) -> tuple[Bench, int]:
    bench = Bench()
    handle = bench.add(parameters(**options))
    bench.start(handle)
    return bench, handle


@pytest.mark.rfc("T2", "T3")
@BOTH_FAMILIES
@pytest.mark.parametrize(
    ("priority", "interval_cs", "down_ns"),
    [
        (100, 100, 3_609_375_000),
        (100, 1, 36_093_750),
        (254, 10, 300_781_250),
        (254, 1, 30_078_125),
        (1, 4095, 163_640_039_062),
        (255 - 1, 4095, 123_169_921_875),
    ],
)
def test_down_interval_is_three_intervals_and_a_scaled_skew(
    family: int, priority: int, interval_cs: int, down_ns: int
) -> None:
    bench, handle = backup(family=family, priority=priority, interval_cs=interval_cs)
    assert bench.down_in_ns(handle) == down_ns
    bench.sleep(down_ns - 1)
    assert bench.state(handle) == "BACKUP"
    bench.sleep(1 + TICK_NS)
    assert bench.state(handle) == "MASTER"


@pytest.mark.rfc("T7")
def test_neighbouring_priorities_have_distinct_deadlines_even_at_10_ms() -> None:
    deadlines = []
    for priority in range(1, 255):
        bench, handle = backup(priority=priority, interval_cs=1)
        deadlines.append(bench.down_in_ns(handle))
    gaps = [a - b for a, b in pairwise(deadlines)]
    assert min(gaps) >= 39_062
    assert max(gaps) <= 39_063


@pytest.mark.rfc("T5")
@pytest.mark.parametrize(
    ("priority", "interval_cs", "down_ns"),
    [(100, 100, 3_609_375_000), (100, 300, 9_609_375_000), (254, 25500, 765_007_812_500)],
)
def test_version_2_skew_is_a_part_of_a_second(priority: int, interval_cs: int, down_ns: int) -> None:
    bench, handle = backup(version=2, priority=priority, interval_cs=interval_cs)
    assert bench.down_in_ns(handle) == down_ns


@pytest.mark.rfc("T4")
@BOTH_FAMILIES
def test_the_masters_interval_is_followed_as_backup_and_ours_used_as_master(family: int) -> None:
    bench, handle = backup(family=family, interval_cs=100)
    bench.hear(handle, priority=200, interval_cs=40)
    assert bench.machine.snapshot(handle).master_interval_cs == 40
    assert bench.down_in_ns(handle) == cs(3 * 40) + cs(40) * 156 // 256
    bench.sleep(cs(200))
    assert bench.state(handle) == "MASTER"
    bench.sleep(cs(500))
    gaps = [b.at_ns - a.at_ns for a, b in pairwise(bench.sent[handle][1:])]
    assert len(gaps) >= 4
    assert all(abs(gap - cs(100)) < TICK_NS for gap in gaps)


@pytest.mark.rfc("T4")
def test_a_new_start_forgets_the_adopted_interval() -> None:
    bench, handle = backup(interval_cs=100)
    bench.hear(handle, priority=200, interval_cs=40)
    bench.stop(handle)
    bench.start(handle)
    assert bench.machine.snapshot(handle).master_interval_cs == 100
    assert bench.down_in_ns(handle) == 3_609_375_000


@pytest.mark.rfc("T6")
@pytest.mark.parametrize(("version", "step_ns"), [(2, 3_906_250), (3, 3_906_250 // 2)])
def test_a_priority_change_moves_the_running_down_timer(version: int, step_ns: int) -> None:
    interval_cs = 100 if version == 2 else 50
    bench, handle = backup(version=version, priority=100, interval_cs=interval_cs)
    bench.sleep(cs(60))
    before = bench.down_in_ns(handle)
    bench.set_priority(handle, 102)
    assert bench.down_in_ns(handle) == before - 2 * step_ns
    bench.set_priority(handle, 90)
    assert bench.down_in_ns(handle) == before + 10 * step_ns


@pytest.mark.rfc("T6", "B6")
def test_a_priority_change_moves_the_skew_timer_after_priority_zero() -> None:
    bench, handle = backup(priority=100, interval_cs=100)
    bench.hear(handle, priority=0)
    bench.set_priority(handle, 200)
    assert bench.down_in_ns(handle) == cs(100) * 56 // 256
    bench.sleep(cs(22))
    assert bench.reasons(handle) == ["STARTUP", "RESIGNED"]


@pytest.mark.rfc("T6")
def test_a_priority_change_can_make_the_down_timer_due_at_once() -> None:
    bench, handle = backup(priority=1, interval_cs=100)
    bench.sleep(cs(399))
    bench.set_priority(handle, 254)
    assert bench.down_in_ns(handle) < 0
    bench.sleep(TICK_NS)
    assert bench.state(handle) == "MASTER"


@pytest.mark.rfc("T6")
def test_a_priority_change_of_a_master_leaves_its_adverts_alone() -> None:
    bench, handle = backup(priority=100, interval_cs=100)
    bench.sleep(cs(400))
    count = len(bench.sent[handle])
    bench.set_priority(handle, 50)
    assert len(bench.sent[handle]) == count
    bench.sleep(cs(300))  # the bench holds the phase
    assert len(bench.sent[handle]) == count + 3


@pytest.mark.parametrize(
    ("adverts", "down_ns"), [(1, 1_609_375_000), (2, 2_609_375_000), (100, 100_609_375_000)]
)
def test_down_timer_adverts_takes_the_place_of_three(adverts: int, down_ns: int) -> None:
    bench, handle = backup(priority=100, interval_cs=100, down_timer_adverts=adverts)
    assert bench.down_in_ns(handle) == down_ns


def test_other_settings_move_the_running_down_timer() -> None:
    bench, handle = backup(priority=100, interval_cs=100)
    bench.sleep(cs(30))
    bench.change(handle, parameters(priority=100, interval_cs=200))
    assert bench.down_in_ns(handle) == 2 * 3_609_375_000 - cs(30)


def test_other_settings_do_not_touch_an_adopted_interval() -> None:
    bench, handle = backup(priority=100, interval_cs=100)
    bench.hear(handle, priority=200, interval_cs=40)
    before = bench.down_in_ns(handle)
    bench.change(handle, parameters(priority=100, interval_cs=200))
    assert bench.down_in_ns(handle) == before
    assert bench.machine.snapshot(handle).master_interval_cs == 40


def test_other_settings_move_the_skew_timer_after_priority_zero() -> None:
    bench, handle = backup(priority=100, interval_cs=100)
    bench.hear(handle, priority=0)
    bench.change(handle, parameters(priority=200, interval_cs=100))
    assert bench.down_in_ns(handle) == cs(100) * 56 // 256


def test_a_master_with_a_new_interval_sends_at_once_and_keeps_the_new_gap() -> None:
    bench, handle = backup(priority=100, interval_cs=100)
    bench.sleep(cs(400))
    count = len(bench.sent[handle])
    bench.change(handle, parameters(priority=100, interval_cs=20))
    assert len(bench.sent[handle]) == count + 1
    bench.sleep(cs(100) + TICK_NS)
    assert len(bench.sent[handle]) == count + 1 + 5


def test_a_master_with_the_same_interval_keeps_its_phase() -> None:
    bench, handle = backup(priority=100, interval_cs=100)
    bench.sleep(cs(400))
    count = len(bench.sent[handle])
    bench.change(handle, parameters(priority=90, interval_cs=100, preempt=False))
    assert len(bench.sent[handle]) == count
    bench.sleep(cs(200))
    assert len(bench.sent[handle]) == count + 2
