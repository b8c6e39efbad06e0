"""preempt_delay, keepalived's hold-off: a lower master is tolerated for so long after it was first heard."""

from typing import Any

import pytest

from machine.bench import Bench, cs, parameters

DELAY_NS = cs(500)


def backup(**options: Any) -> tuple[Bench, int]:
    bench = Bench()
    settings: dict[str, Any] = {"preempt_delay_ns": DELAY_NS, **options}
    handle = bench.add(parameters(**settings))
    bench.start(handle)
    return bench, handle


def hear_for(bench: Bench, handle: int, duration_ns: int, priority: int) -> None:
    """One advert every 100 cs, the first one now."""
    end_ns = bench.now_ns + duration_ns
    while bench.now_ns < end_ns:
        bench.hear(handle, priority)
        bench.sleep(min(cs(100), end_ns - bench.now_ns))


@pytest.mark.rfc("B7", "B8")
@pytest.mark.parametrize(("family", "version"), [(4, 2), (4, 3), (6, 3)])
def test_a_lower_master_is_followed_for_the_delay_and_then_ignored(family: int, version: int) -> None:
    bench, handle = backup(family=family, version=version)
    bench.sleep(cs(200))
    first_ns = bench.now_ns
    hear_for(bench, handle, DELAY_NS, 50)  # at 0, 100 … 400 cs
    followed_ns = bench.machine.down_deadline_ns(handle)
    assert followed_ns == first_ns + cs(400) + 3_609_375_000
    hear_for(bench, handle, cs(200), 50)
    assert bench.machine.down_deadline_ns(handle) == followed_ns
    bench.sleep_until(followed_ns + cs(1))
    assert bench.reasons(handle) == ["STARTUP", "PREEMPT"]


def test_the_delay_ends_to_the_nanosecond() -> None:
    bench, handle = backup()
    bench.hear(handle, priority=50)
    bench.sleep(DELAY_NS // 2)
    bench.hear(handle, priority=50)
    bench.sleep(DELAY_NS // 2 - 1)
    bench.hear(handle, priority=50)
    assert bench.down_in_ns(handle) == 3_609_375_000
    bench.sleep(1)
    bench.hear(handle, priority=50)
    assert bench.down_in_ns(handle) == 3_609_375_000 - 1


@pytest.mark.parametrize("rival", [100, 200])
def test_an_equal_or_higher_master_starts_the_delay_anew(rival: int) -> None:
    bench, handle = backup()
    hear_for(bench, handle, cs(400), 50)
    bench.hear(handle, rival)
    hear_for(bench, handle, cs(400), 50)
    bench.hear(handle, priority=50)
    assert bench.down_in_ns(handle) == 3_609_375_000


def test_a_lower_master_alone_does_not_start_it_anew() -> None:
    bench, handle = backup()
    hear_for(bench, handle, cs(500), 50)
    bench.hear(handle, priority=60, last=30)
    assert bench.down_in_ns(handle) < 3_609_375_000


def test_priority_zero_neither_waits_nor_clears_it() -> None:
    bench, handle = backup()
    hear_for(bench, handle, cs(400), 50)
    bench.hear(handle, priority=0)
    assert bench.down_in_ns(handle) == 609_375_000
    bench.hear(handle, priority=50)
    bench.sleep(cs(100))
    bench.hear(handle, priority=50)
    assert bench.down_in_ns(handle) == 3_609_375_000 - cs(100)


def test_silence_during_the_delay_is_taken_over_as_ever() -> None:
    bench, handle = backup(preempt_delay_ns=cs(100_000))
    bench.hear(handle, priority=50)
    bench.sleep(3_700_000_000)
    assert bench.reasons(handle) == ["STARTUP", "NO_ADVERT"]


def test_entering_backup_clears_it() -> None:
    bench, handle = backup()
    hear_for(bench, handle, cs(300), 50)
    bench.stop(handle)
    bench.start(handle)
    hear_for(bench, handle, cs(400), 50)
    bench.hear(handle, priority=50)
    assert bench.down_in_ns(handle) == 3_609_375_000


def test_a_higher_master_that_made_us_yield_clears_it() -> None:
    bench, handle = backup()
    hear_for(bench, handle, cs(500), 50)
    bench.sleep(cs(400))
    assert bench.state(handle) == "MASTER"
    bench.hear(handle, priority=200)
    bench.hear(handle, priority=50)
    assert bench.down_in_ns(handle) == 3_609_375_000
    bench.sleep(DELAY_NS - cs(200))
    bench.hear(handle, priority=50)
    assert bench.down_in_ns(handle) == 3_609_375_000


def test_it_has_nothing_to_delay_without_preemption() -> None:
    bench, handle = backup(preempt=False)
    hear_for(bench, handle, cs(2000), 50)
    assert bench.reasons(handle) == ["STARTUP"]
