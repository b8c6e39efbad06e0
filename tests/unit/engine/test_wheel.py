"""The timer wheel against a binary heap: never early, late by at most one tick, and no timer lost."""

import heapq
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrrpd_fast.engine.wheel import Wheel

TICK_NS = 1 << 14
NS_PER_S = 1_000_000_000
FAR_NS = 17_000 * NS_PER_S
CAPACITY = 40


def tick_of(deadline_ns: int) -> int:
    """The first tick that is not before the deadline."""
    return -(-deadline_ns // TICK_NS)


class Bench:
    """A wheel beside a heap with lazy deletion, both driven by one clock."""

    def __init__(self, capacity: int = CAPACITY, now_ns: int = 0) -> None:
        self.wheel = Wheel(capacity)
        self.now_ns = now_ns
        self.reached_tick = 0  # no timer can be due before it
        self.heap: list[tuple[int, int]] = []
        self.deadlines: dict[int, int] = {}
        self.check_pop()

    def arm(self, timer: int, deadline_ns: int) -> None:
        self.wheel.arm(timer, deadline_ns)
        self.deadlines[timer] = deadline_ns
        heapq.heappush(self.heap, (deadline_ns, timer))

    def cancel(self, timer: int) -> None:
        self.wheel.cancel(timer)
        self.deadlines.pop(timer, None)

    def earliest_ns(self) -> int | None:
        while self.heap and self.deadlines.get(self.heap[0][1]) != self.heap[0][0]:
            heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def advance(self, now_ns: int) -> list[int]:
        self.now_ns = now_ns
        return self.check_pop()

    def check_pop(self) -> list[int]:
        """Whatever fires was due; whatever was due a tick ago has fired; in the order of the ticks."""
        fired = []
        ticks = []
        while (timer := self.wheel.pop(self.now_ns)) >= 0:
            deadline_ns = self.deadlines.pop(timer)  # KeyError: fired twice, or never armed
            assert deadline_ns <= self.now_ns, "early"
            fired.append(timer)
            ticks.append(max(tick_of(deadline_ns), self.reached_tick))
        assert [d for d in self.deadlines.values() if d + TICK_NS <= self.now_ns] == [], "late"
        assert ticks == sorted(ticks)
        self.reached_tick = self.now_ns // TICK_NS
        self.check_next()
        return fired

    def check_next(self) -> None:
        """Never later than a tick after the earliest deadline; a cancelled timer may make it early."""
        earliest_ns = self.earliest_ns()
        if earliest_ns is None:
            return
        next_ns = self.wheel.next_ns()
        assert 0 <= next_ns < max(earliest_ns, self.now_ns) + TICK_NS

    def run_dry(self) -> int:
        """Sleep until next_ns() again and again, as the daemon does; returns the number of wake-ups."""
        wakeups = 0
        while (next_ns := self.wheel.next_ns()) >= 0:
            wakeups += 1
            self.advance(max(self.now_ns, next_ns))
        assert self.deadlines == {}
        return wakeups


timers = st.integers(0, CAPACITY - 1)
delays = st.one_of(
    st.integers(-5 * NS_PER_S, 0),
    st.integers(0, 4 * TICK_NS),
    st.integers(0, NS_PER_S),
    st.integers(0, 3600 * NS_PER_S),
    st.integers(0, FAR_NS),
)
steps = st.one_of(
    st.integers(0, 3 * TICK_NS),
    st.integers(0, NS_PER_S),
    st.integers(0, 5 * 3600 * NS_PER_S),
)
operations = st.one_of(
    st.tuples(st.just("arm"), timers, delays),
    st.tuples(st.just("arm"), timers, delays),
    st.tuples(st.just("cancel"), timers, st.none()),
    st.tuples(st.just("step"), st.none(), steps),
    st.tuples(st.just("wake"), st.none(), st.none()),
)


@given(st.integers(0, FAR_NS), st.lists(operations, max_size=120))
def test_any_sequence_of_operations_agrees_with_a_heap(
    start_ns: int, sequence: list[tuple[str, int | None, int | None]]
) -> None:
    bench = Bench(now_ns=start_ns)
    for name, timer, amount in sequence:
        if name == "arm":
            assert timer is not None and amount is not None
            bench.arm(timer, bench.now_ns + amount)
        elif name == "cancel":
            assert timer is not None
            bench.cancel(timer)
        elif name == "step":
            assert amount is not None
            bench.advance(bench.now_ns + amount)
        elif bench.wheel.next_ns() >= 0:
            bench.advance(max(bench.now_ns, bench.wheel.next_ns()))
        bench.check_next()
    bench.run_dry()


def test_next_is_exact_to_the_tick_without_cancels() -> None:
    rng = random.Random(1)
    bench = Bench(200, now_ns=123_456_789_012)
    for timer in range(200):
        bench.arm(timer, bench.now_ns + rng.randrange(FAR_NS))
        earliest_ns = bench.earliest_ns()
        assert earliest_ns is not None
        assert earliest_ns <= bench.wheel.next_ns() < earliest_ns + TICK_NS


def test_a_cancelled_timer_costs_at_most_one_wakeup() -> None:
    bench = Bench()
    bench.arm(0, 100 * NS_PER_S)
    bench.arm(1, 101 * NS_PER_S)
    bench.cancel(0)
    assert bench.run_dry() <= 2 + 9  # one stale slot, and at most one step down per level of the wheel
    assert bench.wheel.next_ns() == -1


def test_a_single_timer_is_reached_in_one_wakeup() -> None:
    bench = Bench()
    for delay_ns in (1, TICK_NS, 10_000_000, 3 * NS_PER_S, 3600 * NS_PER_S, FAR_NS):
        bench.arm(7, bench.now_ns + delay_ns)
        assert bench.run_dry() == 1


def test_past_deadlines_are_due_at_once() -> None:
    bench = Bench(now_ns=50 * NS_PER_S)
    bench.arm(1, 50 * NS_PER_S - TICK_NS)
    bench.arm(2, 0)
    bench.arm(3, -NS_PER_S)
    assert bench.wheel.next_ns() <= bench.now_ns
    assert sorted(bench.check_pop()) == [1, 2, 3]


def test_not_due_before_its_nanosecond() -> None:
    """Rounding goes up, whatever the place of the deadline inside its tick."""
    for offset_ns in (0, 1, 2, TICK_NS - 1, TICK_NS, TICK_NS + 1):
        wheel = Wheel(1)
        deadline_ns = 1000 * TICK_NS + offset_ns
        wheel.arm(0, deadline_ns)
        assert wheel.pop(deadline_ns - 1) == -1
        assert wheel.pop(deadline_ns + TICK_NS - 1) == 0
        assert wheel.pop(deadline_ns + FAR_NS) == -1


def test_rearming_moves_a_timer_both_ways() -> None:
    bench = Bench()
    bench.arm(0, 10 * NS_PER_S)
    bench.arm(0, 5 * NS_PER_S)
    assert bench.advance(4 * NS_PER_S) == []
    bench.arm(0, 20 * NS_PER_S)
    assert bench.advance(19 * NS_PER_S) == []
    assert bench.advance(20 * NS_PER_S + TICK_NS) == [0]


def test_cancel_takes_the_right_one_out_of_a_crowded_slot() -> None:
    bench = Bench()
    for timer in range(CAPACITY):
        bench.arm(timer, NS_PER_S)
    for timer in (0, CAPACITY - 1, 17, 16, 18):
        bench.cancel(timer)
        bench.cancel(timer)  # again: no effect
    fired = bench.advance(NS_PER_S + TICK_NS)
    assert sorted(fired) == sorted(set(range(CAPACITY)) - {0, CAPACITY - 1, 17, 16, 18})


def test_a_jump_of_hours_fires_everything_in_order() -> None:
    rng = random.Random(2)
    bench = Bench(2000)
    deadlines = {timer: rng.randrange(1, 8 * 3600 * NS_PER_S) for timer in range(2000)}
    for timer, deadline_ns in deadlines.items():
        bench.arm(timer, deadline_ns)
    fired = bench.advance(9 * 3600 * NS_PER_S)
    ticks = [tick_of(deadlines[timer]) for timer in fired]
    assert len(fired) == 2000
    assert ticks == sorted(ticks)


def test_many_timers_over_a_long_run() -> None:
    """Periodic, jittered, re-armed and cancelled timers, woken only when the wheel asks for it."""
    rng = random.Random(3)
    bench = Bench(3000, now_ns=98_765_432_109_876)
    for timer in range(3000):
        bench.arm(timer, bench.now_ns + rng.randrange(NS_PER_S))
    fired = 0
    while fired < 12_000:
        next_ns = bench.wheel.next_ns()
        assert next_ns >= 0
        for timer in pop_all(bench, max(bench.now_ns, next_ns + rng.choice((0, 0, 5_000, 3_000_000)))):
            fired += 1
            bench.arm(timer, bench.now_ns + rng.choice((10_000_000, 100_000_000, NS_PER_S)))
            victim = rng.randrange(3000)
            if rng.random() < 0.2:
                bench.cancel(victim)
                bench.arm(victim, bench.now_ns + rng.randrange(3 * NS_PER_S))
    bench.check_pop()


def pop_all(bench: Bench, now_ns: int) -> list[int]:
    """Bench.advance without its scan over every armed timer, which would be quadratic here."""
    bench.now_ns = now_ns
    fired = []
    while (timer := bench.wheel.pop(now_ns)) >= 0:
        assert bench.deadlines.pop(timer) <= now_ns
        fired.append(timer)
    earliest_ns = bench.earliest_ns()
    assert earliest_ns is not None
    assert earliest_ns + TICK_NS > now_ns
    bench.check_next()
    return fired


@pytest.mark.parametrize("timer", [-1, CAPACITY, 1 << 20])
def test_an_unknown_timer_is_refused(timer: int) -> None:
    wheel = Wheel(CAPACITY)
    with pytest.raises(IndexError):
        wheel.arm(timer, 1)
    with pytest.raises(IndexError):
        wheel.cancel(timer)


def test_an_empty_wheel_wants_nothing() -> None:
    wheel = Wheel(4)
    assert wheel.next_ns() == -1
    assert wheel.pop(FAR_NS) == -1
    wheel.cancel(3)
    assert wheel.next_ns() == -1
