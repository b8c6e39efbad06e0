import logging

import pytest

from unit.log.records import record
from vrrpd_fast.log.limit import FLOOD_COUNT, FLOOD_PERIOD, KEY_LIMIT, FloodFilter, RateLimit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_counts_by_key_and_period() -> None:
    clock = Clock()
    limit = RateLimit(2, 10.0, clock)
    assert [limit.check("a") for _ in range(5)] == [0, 0, None, None, None]
    assert limit.check("b") == 0
    clock.now += 9.9
    assert limit.check("a") is None
    clock.now += 0.2
    assert [limit.check("a") for _ in range(3)] == [4, 0, None]


def test_tells_what_it_held_back(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    limit = RateLimit(1, 10.0, clock)
    for _ in range(4):
        limit.log(logging.getLogger("x"), logging.WARNING, "a", "bad %s", "packet")
    clock.now += 11
    limit.log(logging.getLogger("x"), logging.WARNING, "a", "bad %s", "packet", extra={"instance": "50"})
    assert [r.getMessage() for r in caplog.records] == [
        "bad packet",
        "bad packet (3 more like it were not logged)",
    ]
    assert [r.filename for r in caplog.records] == ["test_limit.py"] * 2  # CODE_FILE is who called
    assert caplog.records[1].__dict__["instance"] == "50"


def test_memory_is_bounded_and_the_oldest_window_goes_first() -> None:
    clock = Clock()
    limit = RateLimit(1, 10.0, clock)
    assert limit.check("busy") == 0
    for n in range(3 * KEY_LIMIT):
        clock.now += 0.001
        limit.check(n)
    assert len(limit._windows) == KEY_LIMIT
    assert limit.check(3 * KEY_LIMIT - 1) is None  # still known
    assert limit.check("busy") == 0  # forgotten


def test_one_that_flaps_is_bounded_and_a_failover_of_thousands_is_not() -> None:
    clock = Clock()
    flood = FloodFilter(clock)
    assert all(flood.filter(record("instance %s: MASTER", n, instance=f"VI_{n}")) for n in range(5000))
    flapping = [record("instance %s: %d", "f", n, instance="f") for n in range(FLOOD_COUNT + 7)]
    assert [flood.filter(each) for each in flapping] == [True] * FLOOD_COUNT + [False] * 7
    assert flood.filter(record("no instance"))
    scripts = [record("vrrp_script %s: failed (%s)", "CHK", n) for n in range(FLOOD_COUNT + 1)]
    assert [flood.filter(each) for each in scripts] == [True] * FLOOD_COUNT + [False]
    assert flood.filter(record("vrrp_script %s: failed (%s)", "OTHER", 1))
    assert flood.filter(record("%(a)s", {"a": 1}))
    clock.now += FLOOD_PERIOD
    again = record("instance %s: %d", "f", 0, instance="f")
    assert flood.filter(again)
    assert again.getMessage() == "instance f: 0 (7 more like it were not logged)"


def test_what_has_no_arguments_is_counted_as_well() -> None:
    clock = Clock()
    flood = FloodFilter(clock)
    for _ in range(FLOOD_COUNT + 2):
        flood.filter(record("100 % sure", instance="f"))
    clock.now += FLOOD_PERIOD
    again = record("100 % sure", instance="f")
    assert flood.filter(again)
    assert again.getMessage() == "100 % sure (2 more like it were not logged)"
