"""Members of sync groups: ready instead of MASTER, until somebody who sees the whole group promotes them."""

import pytest

from machine.bench import Bench, Sent, cs, parameters
from reference.phase import TICK_NS

DOWN_NS = 3_609_375_000  # priority 100 at 1 s
FLAVOURS = pytest.mark.parametrize(("family", "version"), [(4, 2), (4, 3), (6, 3)])


def member(family: int = 4, version: int = 3, priority: int = 100) -> tuple[Bench, int]:
    bench = Bench()
    handle = bench.add(parameters(family, version, priority))
    bench.gate(handle)
    bench.start(handle)
    return bench, handle


@FLAVOURS
def test_when_its_timer_runs_out_it_is_ready_and_silent(family: int, version: int) -> None:
    bench, handle = member(family, version)
    bench.sleep(DOWN_NS - 1)
    assert not bench.machine.is_ready(handle)
    bench.sleep(1 + TICK_NS)
    assert bench.machine.is_ready(handle)
    assert bench.state(handle) == "BACKUP"
    assert bench.sent[handle] == []
    assert DOWN_NS - TICK_NS <= bench.down_in_ns(handle) <= DOWN_NS  # and the timer has started again


def test_it_says_so_again_at_every_end_of_its_timer() -> None:
    bench, handle = member()
    times = 0
    for _ in range(3):
        bench.machine.advance(bench.now_ns + DOWN_NS + TICK_NS)
        bench.now_ns += DOWN_NS + TICK_NS
        times += bench.machine.take_ready() == [handle]
    assert times == 3


@FLAVOURS
def test_a_master_that_it_follows_makes_it_wait_again(family: int, version: int) -> None:
    bench, handle = member(family, version)
    bench.sleep(DOWN_NS + TICK_NS)
    bench.hear(handle, priority=200)
    assert not bench.machine.is_ready(handle)
    bench.promote(handle)
    assert bench.state(handle) == "BACKUP"


def test_a_lower_master_or_one_that_resigns_leaves_it_ready() -> None:
    bench, handle = member()
    bench.sleep(DOWN_NS + TICK_NS)
    bench.hear(handle, priority=50)
    assert bench.machine.is_ready(handle)
    bench.hear(handle, priority=0)
    assert bench.machine.is_ready(handle)


@pytest.mark.parametrize(("heard", "reason"), [(None, "NO_ADVERT"), (50, "PREEMPT"), (0, "RESIGNED")])
def test_promoted_it_is_master_for_the_reason_it_was_ready(heard: int | None, reason: str) -> None:
    bench, handle = member()
    bench.hear(handle, priority=200)
    if heard is not None:
        bench.hear(handle, priority=heard)
    bench.sleep(DOWN_NS + TICK_NS)
    bench.promote(handle)
    assert bench.reasons(handle)[-1] == reason
    assert bench.sent[handle] == [Sent(bench.now_ns, False)]
    bench.sleep(cs(100))
    assert len(bench.sent[handle]) == 2
    bench.promote(handle)  # no effect on a MASTER
    assert bench.reasons(handle) == ["STARTUP", reason]


def test_promotion_needs_readiness() -> None:
    bench, handle = member()
    bench.sleep(cs(200))
    bench.promote(handle)
    assert bench.state(handle) == "BACKUP"


def test_an_owner_in_a_group_is_ready_at_once_and_waits_for_the_others() -> None:
    bench, handle = member(priority=255)
    assert bench.machine.is_ready(handle)
    assert bench.state(handle) == "BACKUP"
    bench.promote(handle)
    assert bench.reasons(handle) == ["STARTUP", "OWNER"]


def test_demoted_it_says_goodbye_and_waits_a_whole_timer() -> None:
    bench, handle = member()
    bench.sleep(DOWN_NS + TICK_NS)
    bench.promote(handle)
    bench.demote(handle)
    assert bench.reasons(handle)[-1] == "SYNC_GROUP"
    assert bench.sent[handle][-1] == Sent(bench.now_ns, True)
    assert bench.down_in_ns(handle) == DOWN_NS
    bench.demote(handle)  # no effect on a BACKUP
    assert len(bench.sent[handle]) == 2


def test_out_of_the_group_it_decides_for_itself() -> None:
    bench, handle = member()
    bench.sleep(DOWN_NS + TICK_NS)
    bench.gate(handle, False)
    assert not bench.machine.is_ready(handle)
    bench.sleep(DOWN_NS + TICK_NS)
    assert bench.state(handle) == "MASTER"


def test_stopped_or_removed_it_is_not_listed() -> None:
    bench, handle = member()
    bench.machine.advance(bench.now_ns + DOWN_NS + TICK_NS)
    bench.machine.stop(handle, bench.now_ns + DOWN_NS + TICK_NS, *_SHUTDOWN)
    assert not bench.machine.is_ready(handle)
    bench.machine.remove(handle)
    assert bench.machine.take_ready() == []


_SHUTDOWN = (0, 8)  # State.INIT, Reason.SHUTDOWN
