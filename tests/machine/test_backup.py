"""Backup: RFC 9568 6.4.2."""

from typing import Any

import pytest

from machine.bench import Bench, Sent, cs, parameters
from reference.phase import TICK_NS
from vrrpd_fast.model import Reason, State

VARIANTS = pytest.mark.parametrize(("family", "version"), [(4, 2), (4, 3), (6, 3)])
DOWN_NS = 3_609_375_000  # priority 100, 100 cs
SKEW_NS = 609_375_000


def backup(family: int = 4, version: int = 3, priority: int = 100, **options: Any) -> tuple[Bench, int]:
    bench = Bench()
    handle = bench.add(parameters(family, version, priority, **options))
    bench.start(handle)
    return bench, handle


@pytest.mark.rfc("B4")
@VARIANTS
@pytest.mark.parametrize("state", [State.INIT, State.FAULT])
def test_shutdown_sends_nothing_and_cancels_the_timer(family: int, version: int, state: State) -> None:
    bench, handle = backup(family, version)
    bench.stop(handle, state)
    bench.sleep(cs(1000))
    assert bench.sent[handle] == []
    assert bench.state(handle) == state.name
    assert bench.machine.down_deadline_ns(handle) == -1


@pytest.mark.rfc("B5")
@VARIANTS
def test_the_down_timer_makes_a_master_that_sends_at_once(family: int, version: int) -> None:
    bench, handle = backup(family, version)
    deadline_ns = bench.machine.down_deadline_ns(handle)
    bench.sleep_until(deadline_ns - 1)
    assert bench.sent[handle] == []
    bench.sleep_until(deadline_ns + TICK_NS)
    assert bench.state(handle) == "MASTER"
    assert bench.reasons(handle) == ["STARTUP", "NO_ADVERT"]
    (first,) = bench.sent[handle]
    assert deadline_ns <= first.at_ns < deadline_ns + TICK_NS
    bench.sleep_until(first.at_ns + cs(100) + TICK_NS)
    assert len(bench.sent[handle]) == 2


@pytest.mark.rfc("B5")
def test_the_transition_tells_whom_it_missed_and_for_how_long() -> None:
    bench, handle = backup()
    bench.sleep(cs(10))
    bench.hear(handle, priority=200, last=33)
    heard_ns = bench.now_ns
    bench.sleep(DOWN_NS + TICK_NS)
    transition = bench.transitions[handle][-1]
    assert str(transition.master_address) == "192.0.2.33"
    assert transition.master_priority == 200
    assert transition.silence_ns == transition.at_ns - heard_ns
    assert DOWN_NS <= transition.silence_ns < DOWN_NS + TICK_NS
    assert (transition.down_interval_ns, transition.skew_ns) == (DOWN_NS, SKEW_NS)


@pytest.mark.rfc("B6")
@VARIANTS
def test_priority_zero_sets_the_skew_time(family: int, version: int) -> None:
    bench, handle = backup(family, version)
    bench.hear(handle, priority=200)
    bench.sleep(cs(50))
    assert bench.hear(handle, priority=0) == ""
    assert bench.down_in_ns(handle) == SKEW_NS
    bench.sleep(SKEW_NS - 1)
    assert bench.state(handle) == "BACKUP"
    bench.sleep(1 + TICK_NS)
    assert bench.reasons(handle) == ["STARTUP", "RESIGNED"]
    assert bench.count(handle, "priority_zero_pkts_rcvd") == 1


@pytest.mark.rfc("B6")
def test_priority_zero_uses_the_adopted_interval_and_does_not_adopt_its_own() -> None:
    bench, handle = backup()
    bench.hear(handle, priority=200, interval_cs=50)
    bench.hear(handle, priority=0, interval_cs=4095)
    assert bench.down_in_ns(handle) == SKEW_NS // 2


@pytest.mark.rfc("B6")
def test_another_master_after_priority_zero_takes_the_skew_timer_back() -> None:
    bench, handle = backup()
    bench.hear(handle, priority=0)
    bench.sleep(cs(30))
    bench.hear(handle, priority=200)
    assert bench.down_in_ns(handle) == DOWN_NS
    bench.sleep(DOWN_NS + TICK_NS)
    assert bench.reasons(handle) == ["STARTUP", "NO_ADVERT"]


@pytest.mark.rfc("B6")
@pytest.mark.parametrize("wrong", [{"checksum_error": 1}, {"ttl": 1}, {"vrid": 52}, {"type": 3}])
def test_a_priority_zero_that_failed_a_check_is_not_believed(wrong: dict[str, Any]) -> None:
    bench, handle = backup()
    bench.sleep(cs(50))
    assert bench.hear(handle, priority=0, **wrong) != ""
    assert bench.down_in_ns(handle) == DOWN_NS - cs(50)


@pytest.mark.rfc("B7")
@VARIANTS
@pytest.mark.parametrize("rival", [100, 101, 255])
def test_an_advert_of_no_lower_priority_restarts_the_timer(family: int, version: int, rival: int) -> None:
    bench, handle = backup(family, version)
    for _ in range(20):
        bench.sleep(cs(300))
        bench.hear(handle, rival)
        assert bench.down_in_ns(handle) == DOWN_NS
    assert bench.reasons(handle) == ["STARTUP"]
    assert bench.machine.snapshot(handle).master_priority == rival


@pytest.mark.rfc("B7")
@VARIANTS
@pytest.mark.parametrize("rival", [1, 99])
def test_without_preemption_a_lower_one_restarts_it_too(family: int, version: int, rival: int) -> None:
    bench, handle = backup(family, version, preempt=False)
    for _ in range(20):
        bench.sleep(cs(300))
        bench.hear(handle, rival)
    assert bench.reasons(handle) == ["STARTUP"]


@pytest.mark.rfc("B7")
def test_a_shorter_interval_of_the_master_brings_the_deadline_forward() -> None:
    bench, handle = backup(interval_cs=4095)
    bench.hear(handle, priority=200, interval_cs=1)
    assert bench.down_in_ns(handle) == 36_093_750
    bench.sleep(36_093_750 + TICK_NS)
    assert bench.state(handle) == "MASTER"


@pytest.mark.rfc("B8")
@VARIANTS
@pytest.mark.parametrize("rival", [1, 99])
def test_a_lower_one_is_ignored_until_the_timer_expires(family: int, version: int, rival: int) -> None:
    bench, handle = backup(family, version)
    deadline_ns = bench.machine.down_deadline_ns(handle)
    for _ in range(3):
        bench.sleep(cs(100))
        bench.hear(handle, rival, last=44)
        assert bench.state(handle) == "BACKUP"
        assert bench.machine.down_deadline_ns(handle) == deadline_ns
    bench.sleep_until(deadline_ns + TICK_NS)
    assert bench.reasons(handle) == ["STARTUP", "PREEMPT"]
    transition = bench.transitions[handle][-1]
    assert transition.master_priority == rival
    assert transition.master_address is not None
    assert transition.master_address.packed[-1] == 44
    assert bench.count(handle, "advertisement_rcvd") == 3


@pytest.mark.rfc("B8")
def test_a_lower_one_beside_a_higher_one_does_not_make_it_a_preemption() -> None:
    bench, handle = backup()
    bench.hear(handle, priority=50)
    bench.hear(handle, priority=200)
    bench.sleep(DOWN_NS + TICK_NS)
    assert bench.reasons(handle) == ["STARTUP", "NO_ADVERT"]


@pytest.mark.rfc("B9")
@VARIANTS
@pytest.mark.parametrize("last", [1, 254 - 1])
def test_equal_priority_is_followed_whatever_the_address(family: int, version: int, last: int) -> None:
    bench, handle = backup(family, version)
    bench.sleep(cs(200))
    bench.hear(handle, priority=100, last=last)
    assert bench.down_in_ns(handle) == DOWN_NS


@pytest.mark.rfc("B10")
@pytest.mark.parametrize("options", [{"preempt": False}, {"preempt_delay_ns": cs(100000)}])
def test_the_owner_preempts_whatever_the_settings_say(options: dict[str, Any]) -> None:
    bench, handle = backup(priority=255, **options)
    bench.hear(handle, priority=255, last=200)  # a second owner with the higher address
    assert bench.reasons(handle) == ["OWNER", "HIGHER_ADDRESS"]
    deadline_ns = bench.machine.down_deadline_ns(handle)
    bench.sleep(cs(100))
    bench.hear(handle, priority=254)
    assert bench.machine.down_deadline_ns(handle) == deadline_ns
    bench.sleep_until(deadline_ns + TICK_NS)
    assert bench.reasons(handle) == ["OWNER", "HIGHER_ADDRESS", "PREEMPT"]


@pytest.mark.rfc("B10")
def test_254_is_no_owner() -> None:
    bench, handle = backup(priority=254, preempt=False)
    bench.sleep(cs(200))
    bench.hear(handle, priority=1)
    assert bench.down_in_ns(handle) > cs(300)


@pytest.mark.rfc("B5")
def test_a_packet_that_comes_before_a_late_look_at_the_timers_counts() -> None:
    """The loop was late, the advert was not: no takeover."""
    bench, handle = backup()
    bench.oversleep(DOWN_NS + cs(1))
    bench.hear(handle, priority=200)
    bench.sleep(cs(100))
    assert bench.state(handle) == "BACKUP"


@pytest.mark.rfc("B4")
def test_a_stopped_backup_can_start_again() -> None:
    bench, handle = backup()
    bench.stop(handle, State.FAULT, Reason.TRACKED_SCRIPT)
    bench.stop(handle, State.INIT, Reason.SHUTDOWN)
    bench.start(handle)
    bench.sleep(DOWN_NS + TICK_NS)
    assert bench.reasons(handle) == ["STARTUP", "TRACKED_SCRIPT", "SHUTDOWN", "STARTUP", "NO_ADVERT"]
    assert isinstance(bench.sent[handle][0], Sent)
