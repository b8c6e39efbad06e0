"""Active (MASTER): RFC 9568 6.4.3, and its bounds on answers."""

from itertools import pairwise
from typing import Any

import pytest

from machine.bench import Bench, Sent, cs, parameters
from reference.phase import TICK_NS
from vrrpd_fast.model import Reason, State

VARIANTS = pytest.mark.parametrize(("family", "version"), [(4, 2), (4, 3), (6, 3)])
V3_VARIANTS = pytest.mark.parametrize("family", [4, 6])


def master(family: int = 4, version: int = 3, priority: int = 100, **options: Any) -> tuple[Bench, int]:
    """A master some time after it became one, with what it sent until then forgotten."""
    bench = Bench()
    handle = bench.add(parameters(family, version, priority, **options))
    bench.start(handle)
    bench.sleep(5 * bench.routers[handle].interval_ns + cs(3))
    assert bench.state(handle) == "MASTER"
    bench.sent[handle].clear()
    return bench, handle


@pytest.mark.rfc("A4")
@VARIANTS
@pytest.mark.parametrize("state", [State.INIT, State.FAULT])
def test_shutdown_sends_one_priority_zero_and_no_more(family: int, version: int, state: State) -> None:
    bench, handle = master(family, version)
    bench.stop(handle, state, Reason.SHUTDOWN)
    assert bench.sent[handle] == [Sent(bench.now_ns, True)]
    bench.sleep(cs(1000))
    assert len(bench.sent[handle]) == 1
    assert bench.count(handle, "priority_zero_pkts_sent") == 1
    bench.stop(handle, State.INIT, Reason.SHUTDOWN)
    assert len(bench.sent[handle]) == 1


@pytest.mark.rfc("A5")
@VARIANTS
@pytest.mark.parametrize("intervals", [1, 40])
def test_adverts_leave_every_interval(family: int, version: int, intervals: int) -> None:
    bench, handle = master(family, version)
    bench.sleep(cs(100) * intervals + 2 * TICK_NS)
    times = [sent.at_ns for sent in bench.sent[handle]]
    assert len(times) in (intervals, intervals + 1)
    assert all(abs(b - a - cs(100)) < TICK_NS for a, b in pairwise(times))


@pytest.mark.rfc("A5")
@pytest.mark.parametrize("interval_cs", [1, 7, 100, 4095])
def test_the_second_advert_is_never_late(interval_cs: int) -> None:
    for late_ns in range(0, cs(interval_cs), cs(interval_cs) // 13):
        bench = Bench(1_000_000_000_000 + late_ns)
        handle = bench.add(parameters(priority=255, interval_cs=interval_cs))
        bench.start(handle)
        bench.sleep(cs(interval_cs) + TICK_NS)
        first, second = bench.sent[handle]
        assert 0 < second.at_ns - first.at_ns <= cs(interval_cs) + TICK_NS


@pytest.mark.rfc("A4", "A5")
@VARIANTS
def test_a_master_that_was_stopped_and_leads_again_sends_once_an_interval(family: int, version: int) -> None:
    bench, handle = master(family, version, priority=255)
    for _ in range(3):
        bench.stop(handle)
        bench.sleep(cs(30))
        bench.start(handle)
        bench.sleep(cs(30))
    bench.sent[handle].clear()
    bench.sleep(cs(1000))
    assert len(bench.sent[handle]) in (9, 10, 11)


@pytest.mark.rfc("A6")
@VARIANTS
def test_priority_zero_is_answered_at_once(family: int, version: int) -> None:
    bench, handle = master(family, version)
    bench.hear(handle, priority=0)
    assert bench.sent[handle] == [Sent(bench.now_ns, False)]
    assert bench.state(handle) == "MASTER"
    bench.sleep(cs(500))  # the bench holds the phase


@pytest.mark.rfc("A6", "A10")
@VARIANTS
def test_a_priority_zero_that_failed_a_check_is_not_answered(family: int, version: int) -> None:
    bench, handle = master(family, version)
    for wrong in ({"checksum_error": 1}, {"ttl": 254}, {"addresses": ()}, {"type": 2}):
        assert bench.hear(handle, priority=0, **wrong) != ""
    assert bench.sent[handle] == []


@pytest.mark.rfc("A7")
@VARIANTS
@pytest.mark.parametrize("preempt", [True, False])
def test_a_higher_priority_wins(family: int, version: int, preempt: bool) -> None:
    bench, handle = master(family, version, preempt=preempt)
    bench.hear(handle, priority=101, last=2)
    assert bench.state(handle) == "BACKUP"
    assert bench.reasons(handle)[-1] == "HIGHER_PRIORITY"
    assert bench.down_in_ns(handle) == 3_609_375_000
    bench.sleep(cs(300))
    assert bench.sent[handle] == []


@pytest.mark.rfc("A7")
@VARIANTS
def test_an_equal_priority_with_the_higher_address_wins(family: int, version: int) -> None:
    bench, handle = master(family, version)
    bench.hear(handle, priority=100, last=11)  # ours is .10
    assert bench.state(handle) == "BACKUP"
    assert bench.reasons(handle)[-1] == "HIGHER_ADDRESS"
    assert bench.down_in_ns(handle) == 3_609_375_000


@pytest.mark.rfc("A7", "A8")
@VARIANTS
def test_an_equal_priority_with_the_lower_address_loses(family: int, version: int) -> None:
    bench, handle = master(family, version)
    bench.hear(handle, priority=100, last=9)
    assert bench.state(handle) == "MASTER"
    assert len(bench.sent[handle]) == 1


@pytest.mark.rfc("A7")
@pytest.mark.parametrize(
    ("ours", "theirs", "yields"),
    [
        ("0a000001", "c0a80001", True),  # 10.0.0.1 < 192.168.0.1: unsigned
        ("c0a80001", "0a000001", False),
        ("0100007f", "7f000001", True),  # network order, not the host's
        ("7f000001", "0100007f", False),
        ("fe800000000000007fffffffffffffff", "fe800000000000008000000000000000", True),
        ("fe800000000000008000000000000000", "fe800000000000007fffffffffffffff", False),
        ("fe800000000000000000000000000001", "fe800000000000000000000000000100", True),
        ("fe800000000000000000000000000100", "fe800000000000000000000000000001", False),
    ],
)
def test_addresses_compare_unsigned_in_network_order(ours: str, theirs: str, yields: bool) -> None:
    family = 4 if len(ours) == 8 else 6
    bench = Bench()
    handle = bench.add(parameters(family), source=bytes.fromhex(ours))
    bench.start(handle)
    bench.sleep(cs(400))
    bench.hear(handle, priority=100, source=bytes.fromhex(theirs))
    assert bench.state(handle) == ("BACKUP" if yields else "MASTER")


@pytest.mark.rfc("A7", "T4")
def test_the_winners_interval_is_adopted() -> None:
    bench, handle = master()
    bench.hear(handle, priority=200, interval_cs=10)
    assert bench.down_in_ns(handle) == 360_937_500
    assert bench.count(handle, "interval_errors") == 1


@pytest.mark.rfc("A7")
def test_the_owner_yields_to_another_owner_with_a_higher_address_only() -> None:
    bench, handle = master(priority=255)
    bench.hear(handle, priority=254, last=200)
    bench.hear(handle, priority=255, last=9)
    assert bench.state(handle) == "MASTER"
    bench.hear(handle, priority=255, last=200)
    assert bench.state(handle) == "BACKUP"


@pytest.mark.rfc("A8")
@VARIANTS
@pytest.mark.parametrize("rival", [1, 99])
def test_a_losing_advert_is_answered_at_once(family: int, version: int, rival: int) -> None:
    bench, handle = master(family, version)
    bench.hear(handle, rival)
    assert bench.sent[handle] == [Sent(bench.now_ns, False)]
    assert bench.state(handle) == "MASTER"
    assert bench.machine.snapshot(handle).master_interval_cs == 100


@pytest.mark.rfc("A8", "E3")
@VARIANTS
def test_lower_prio_no_advert_only_discards(family: int, version: int) -> None:
    bench, handle = master(family, version, answer_losing=False)
    bench.hear(handle, priority=1)
    assert bench.sent[handle] == []
    assert bench.count(handle, "advertisement_rcvd") == 1


@VARIANTS
@pytest.mark.parametrize(("priority", "last"), [(200, 20), (100, 11)])
def test_higher_prio_send_advert_is_a_last_word(family: int, version: int, priority: int, last: int) -> None:
    bench, handle = master(family, version, higher_prio_send_advert=True)
    bench.hear(handle, priority, last=last)
    assert bench.state(handle) == "BACKUP"
    assert bench.sent[handle] == [Sent(bench.now_ns, False)]
    bench.sleep(cs(100))
    bench.hear(handle, priority, last=last)
    assert len(bench.sent[handle]) == 1


@VARIANTS
def test_owner_ignore_adverts_leaves_the_owner_alone(family: int, version: int) -> None:
    bench, handle = master(family, version, priority=255, owner_ignore_adverts=True)
    for priority in (0, 1, 255):
        assert bench.hear(handle, priority, last=200) == ""
    assert bench.state(handle) == "MASTER"
    assert bench.sent[handle] == []
    assert bench.count(handle, "advertisement_rcvd") == 3


def test_owner_ignore_adverts_is_for_the_owner_only() -> None:
    bench, handle = master(priority=254, owner_ignore_adverts=True)
    bench.hear(handle, priority=255)
    assert bench.state(handle) == "BACKUP"


@pytest.mark.rfc("A9")
@V3_VARIANTS
@pytest.mark.parametrize("rival", [0, 1])
def test_a_flood_is_answered_8_times_an_interval_at_most(family: int, rival: int) -> None:
    bench, handle = master(family)
    for _ in range(1000):
        bench.hear(handle, rival)
        bench.sleep(cs(0.1))
    timed = 1
    assert 7 <= len(bench.sent[handle]) - timed <= 8


@pytest.mark.rfc("A9")
def test_two_rivals_share_the_bound() -> None:
    bench, handle = master()
    bench.hear(handle, priority=1)
    bench.hear(handle, priority=0)
    bench.hear(handle, priority=2, last=30)
    assert len(bench.sent[handle]) == 1
    bench.sleep(cs(12.5))
    bench.sent[handle].clear()
    bench.hear(handle, priority=0)
    bench.hear(handle, priority=1)
    assert len(bench.sent[handle]) == 1


@pytest.mark.rfc("A9")
def test_virtual_routers_do_not_share_the_bound() -> None:
    bench, first = master()
    second = bench.add(parameters(vrid=52))
    bench.start(second)
    bench.sleep(cs(400))
    bench.sent[first].clear()
    bench.sent[second].clear()
    bench.hear(first, priority=1)
    bench.hear(second, priority=1)
    assert len(bench.sent[first]) == len(bench.sent[second]) == 1


@pytest.mark.rfc("A9")
def test_answers_never_move_the_adverts_that_are_due_anyway() -> None:
    """Under a flood of losers there is still one advert in every interval, on the phase it had before."""
    quiet, quiet_handle = master()
    flooded, handle = master()
    assert quiet.now_ns == flooded.now_ns
    quiet.sleep(cs(1000))
    for _ in range(1000):
        flooded.hear(handle, priority=1)
        flooded.sleep(cs(1))
    due = {sent.at_ns for sent in quiet.sent[quiet_handle]}
    assert len(due) >= 9
    assert due <= {sent.at_ns for sent in flooded.sent[handle]}


@pytest.mark.rfc("A10")
@VARIANTS
def test_bad_packets_never_move_the_adverts_that_are_due(family: int, version: int) -> None:
    quiet, quiet_handle = master(family, version)
    flooded, handle = master(family, version)
    wrongs: list[dict[str, Any]] = [
        {"checksum_error": 1},
        {"ttl": 254},
        {"type": 2},
        {"version": 1},
        {"trailer": b"\0\0\0\0"},
        {"addresses": ()},
        {"interval_cs": 0},
        {"destination": flooded.routers[handle].source},
    ]
    quiet.sleep(cs(600))
    for i in range(600):
        assert flooded.hear(handle, priority=i % 256, **wrongs[i % len(wrongs)]) != ""
        flooded.sleep(cs(1))
    assert flooded.sent[handle] == quiet.sent[quiet_handle]
    assert flooded.count(handle, "advertisement_rcvd") == 0


@pytest.mark.rfc("A7")
def test_who_yielded_in_the_same_batch_does_not_send_its_answer() -> None:
    bench, handle = master()
    own = bench.routers[handle].parameters
    for priority in (1, 200):
        packet = bench.packet(handle, priority)
        packet.deliver(bench.machine, bench.now_ns, 7)
    assert own.vrid == 51
    assert bench.machine.snapshot(handle).state is State.BACKUP
    before = bench.count(handle, "advertisement_sent")
    assert bench.machine.take_due() == []
    assert bench.count(handle, "advertisement_sent") == before


@pytest.mark.rfc("A4")
def test_a_release_in_the_same_batch_is_the_last_word() -> None:
    bench, handle = master()
    bench.packet(handle, 1).deliver(bench.machine, bench.now_ns, 7)
    bench.machine.stop(handle, bench.now_ns, State.INIT, Reason.SHUTDOWN)
    assert bench.machine.take_due()[-1] == (handle, True)


@pytest.mark.rfc("A5")
def test_after_a_stall_one_advert_leaves_and_the_phase_stays() -> None:
    """What was missed is not made up for, and the next gap is no longer than one interval."""
    bench, handle = master()
    bench.machine.advance(bench.now_ns)
    phase_ns = bench.machine.next_deadline_ns()
    late_ns = phase_ns + cs(1234)
    bench.machine.advance(late_ns)
    assert bench.machine.take_due() == [(handle, False)]
    next_ns = bench.machine.next_deadline_ns()
    assert 0 < next_ns - late_ns <= cs(100) + TICK_NS
    assert (next_ns - phase_ns) % cs(100) in (*range(TICK_NS), *range(cs(100) - TICK_NS, cs(100)))
    bench.machine.advance(next_ns)
    assert bench.machine.take_due() == [(handle, False)]
