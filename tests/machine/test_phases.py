"""Adverts ride in phases: many masters in one Machine, few wake-ups, no gap longer than the interval."""

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random

import pytest

from machine.bench import START_NS, cs, primary
from machine.packets import arrival
from reference.phase import TICK_NS
from vrrpd_fast.engine.machine import Machine
from vrrpd_fast.model import Reason, State

PHASES = 8


def phases_in(interval_cs: int) -> int:
    """From 100 ms on as many as make 30 wake-ups a second."""
    return PHASES if interval_cs < 10 else min(PHASES, interval_cs * 3 // 10)


INTERVALS_CS = (1, 10, 25, 100, 333)


def check_gaps(times: list[int], interval_ns: int, now_ns: int) -> None:
    """The first gap is at most one interval, every other one exactly, and none is missing until now."""
    for a, b in pairwise(times[1:]):
        assert abs(b - a - interval_ns) < TICK_NS
    for a, b in pairwise(times[:2]):
        assert 0 < b - a < interval_ns + TICK_NS
    assert now_ns - times[-1] < interval_ns + TICK_NS


class Crowd:
    """Many virtual routers in one Machine, woken only when it asks; with no (slow) oracle."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.machine = Machine()
        self.now_ns = now_ns
        self.intervals_cs: dict[int, int] = {}
        self.times: defaultdict[int, list[int]] = defaultdict(list)
        self.wakeups = 0

    def add(self, interval_cs: int, priority: int = 255) -> int:
        number = len(self.intervals_cs)
        handle = self.machine.add(
            ifindex=2 + number // 255,
            family=4,
            vrid=1 + number % 255,
            version=3,
            priority=priority,
            advert_int_cs=interval_cs,
            addresses=[primary(4, 254)],
        )
        self.machine.move(handle, 2 + number // 255, primary(4, 10))
        self.intervals_cs[handle] = interval_cs
        return handle

    def start(self, handle: int) -> None:
        self.machine.start(handle, self.now_ns)
        self.collect()

    def collect(self) -> None:
        for handle, release in self.machine.take_due():
            assert not release
            self.times[handle].append(self.now_ns)
        self.machine.drain(10_000)

    def run(self, duration_ns: int) -> None:
        end_ns = self.now_ns + duration_ns
        while 0 <= (deadline_ns := self.machine.next_deadline_ns()) <= end_ns:
            assert deadline_ns > self.now_ns or not self.wakeups, "a wake-up that brings no progress"
            self.now_ns = deadline_ns
            self.wakeups += 1
            self.machine.advance(deadline_ns)
            self.collect()
        self.now_ns = end_ns

    def check_gaps(self) -> None:
        for handle, times in self.times.items():
            assert len(times) >= 2
            check_gaps(times, cs(self.intervals_cs[handle]), self.now_ns)

    def phases(self, interval_cs: int) -> Counter[int]:
        """How many of an interval's masters sent their last advert in which place of the interval."""
        return Counter(
            times[-1] % cs(interval_cs) // TICK_NS
            for handle, times in self.times.items()
            if self.intervals_cs[handle] == interval_cs
        )


@pytest.mark.rfc("A5")
def test_2000_masters_that_start_together() -> None:
    crowd = Crowd()
    for number in range(2000):
        crowd.add(INTERVALS_CS[number % len(INTERVALS_CS)])
    for handle in crowd.intervals_cs:
        crowd.start(handle)
    crowd.run(cs(700))
    crowd.check_gaps()
    assert len(crowd.times) == 2000
    for interval_cs in INTERVALS_CS:
        sizes = crowd.phases(interval_cs).values()
        assert len(sizes) <= phases_in(interval_cs)
        assert max(sizes) - min(sizes) <= 1, "phases are balanced"


@pytest.mark.parametrize("count", [1, 7, 8, 2000])
def test_wakeups_do_not_grow_with_the_number_of_masters(count: int) -> None:
    crowd = Crowd()
    for _ in range(count):
        crowd.start(crowd.add(10))
    crowd.run(cs(10))
    crowd.wakeups = 0
    crowd.run(cs(100))
    assert crowd.wakeups < 40  # a second at 100 ms
    assert crowd.wakeups >= min(count, phases_in(10)) * 10 - 1


def test_masters_that_come_one_by_one_at_odd_times() -> None:
    rng = Random(11)
    crowd = Crowd(1_000_000_000_000)
    for _ in range(300):
        crowd.start(crowd.add(rng.choice(INTERVALS_CS)))
        crowd.run(rng.randrange(cs(3)))
    crowd.run(cs(700))
    crowd.check_gaps()
    for interval_cs in INTERVALS_CS:
        sizes = crowd.phases(interval_cs).values()
        assert max(sizes) - min(sizes) <= 1


def test_phases_fill_up_again_after_masters_left() -> None:
    crowd = Crowd()
    handles = [crowd.add(100) for _ in range(800)]
    for handle in handles:
        crowd.start(handle)
    crowd.run(cs(200))
    place = {handle: crowd.times[handle][-1] % cs(100) // TICK_NS for handle in handles}
    lonely = min(place.values())
    for handle in handles:
        if place[handle] == lonely:
            crowd.machine.remove(handle)
            del crowd.times[handle], crowd.intervals_cs[handle]
    for _ in range(40):
        handle = crowd.machine.add(
            ifindex=99,
            family=4,
            vrid=1 + len(crowd.intervals_cs) % 255,
            version=3,
            priority=255,
            advert_int_cs=100,
            addresses=[primary(4, 254)],
        )
        crowd.intervals_cs[handle] = 100
        crowd.start(handle)
    crowd.run(cs(300))
    crowd.check_gaps()
    sizes = sorted(crowd.phases(100).values())
    assert sizes[0] == 40
    assert len(sizes) == PHASES


def test_masters_that_come_and_go_for_long() -> None:
    """Whoever is master sends exactly once an interval, whoever is not is silent, whatever the others do."""
    rng = Random(12)
    crowd = Crowd()
    machine = crowd.machine
    handles = [crowd.add(rng.choice((10, 25))) for _ in range(120)]
    leading: set[int] = set()
    for _ in range(1500):
        handle = rng.choice(handles)
        if handle in leading:
            machine.stop(handle, crowd.now_ns, rng.choice((State.INIT, State.FAULT)), Reason.SHUTDOWN)
            assert machine.take_due() == [(handle, True)]
            check_gaps(crowd.times.pop(handle), cs(crowd.intervals_cs[handle]), crowd.now_ns)
            leading.remove(handle)
        else:
            crowd.start(handle)
            leading.add(handle)
        crowd.run(rng.randrange(cs(1)))
        assert set(crowd.times) == leading
    crowd.run(cs(25))
    for handle in leading:
        check_gaps(crowd.times[handle], cs(crowd.intervals_cs[handle]), crowd.now_ns)


def test_a_takeover_of_all_at_once() -> None:
    """2000 backups whose master died: each sends at its own deadline, and the phases still balance."""
    crowd = Crowd()
    for number in range(2000):
        crowd.start(crowd.add(10, priority=1 + number % 254))
    deadlines = {handle: crowd.machine.down_deadline_ns(handle) for handle in crowd.intervals_cs}
    crowd.run(cs(100))
    crowd.check_gaps()
    assert all(0 <= crowd.times[handle][0] - deadlines[handle] < TICK_NS for handle in deadlines)
    sizes = crowd.phases(10).values()
    assert max(sizes) - min(sizes) <= 1


def test_an_idle_machine_asks_for_nothing() -> None:
    crowd = Crowd()
    handles = [crowd.add(10) for _ in range(100)]
    assert crowd.machine.next_deadline_ns() == -1
    for handle in handles:
        crowd.start(handle)
    crowd.run(cs(100))
    for handle in handles:
        crowd.machine.remove(handle)
    crowd.wakeups = 0
    crowd.times.clear()
    crowd.run(cs(100))
    assert crowd.wakeups <= PHASES
    assert crowd.times == {}
    assert crowd.machine.next_deadline_ns() == -1


def test_a_backup_that_hears_its_master_wakes_at_most_once_a_down_interval() -> None:
    """Down timers are lazy: an advert moves the deadline, not the timer."""
    crowd = Crowd()
    crowd.add(10, priority=100)
    crowd.start(0)
    packet = arrival(
        family=4, source=primary(4, 20), vrid=1, priority=200, interval_cs=10, addresses=(primary(4, 254),)
    )
    for _ in range(1000):
        crowd.run(cs(10))
        assert packet.deliver(crowd.machine, crowd.now_ns, 2) == 0
    assert crowd.times == {}
    assert crowd.wakeups <= 1000 / 2
