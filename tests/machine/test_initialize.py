"""Initialize: RFC 9568 6.4.1."""

import pytest

from machine.bench import Bench, Sent, cs, parameters
from reference.phase import TICK_NS
from vrrpd_fast.model import Reason, State

VARIANTS = pytest.mark.parametrize(("family", "version"), [(4, 2), (4, 3), (6, 3)])


@pytest.mark.rfc("I1")
@VARIANTS
@pytest.mark.parametrize("preempt", [True, False])
def test_the_owner_becomes_master_and_sends_at_once(family: int, version: int, preempt: bool) -> None:
    bench = Bench()
    handle = bench.add(parameters(family, version, priority=255, preempt=preempt))
    bench.start(handle)
    assert bench.state(handle) == "MASTER"
    assert bench.reasons(handle) == ["OWNER"]
    assert bench.sent[handle] == [Sent(bench.now_ns, False)]
    bench.sleep(cs(100) + TICK_NS)
    assert len(bench.sent[handle]) == 2
    assert bench.machine.down_deadline_ns(handle) == -1


@pytest.mark.rfc("I2")
@VARIANTS
@pytest.mark.parametrize("priority", [1, 100, 254])
def test_everybody_else_becomes_backup_and_is_silent(family: int, version: int, priority: int) -> None:
    bench = Bench()
    handle = bench.add(parameters(family, version, priority))
    bench.start(handle)
    assert bench.state(handle) == "BACKUP"
    assert bench.reasons(handle) == ["STARTUP"]
    assert bench.down_in_ns(handle) == cs(300) + cs(100) * (256 - priority) // 256
    bench.sleep(cs(300))
    assert bench.sent[handle] == []


@pytest.mark.rfc("I3")
@VARIANTS
@pytest.mark.parametrize("state", [State.INIT, State.FAULT])
@pytest.mark.parametrize("priority", [100, 255])
def test_nothing_is_sent_in_init_and_fault(family: int, version: int, state: State, priority: int) -> None:
    bench = Bench()
    handle = bench.add(parameters(family, version, priority))
    bench.stop(handle, state, Reason.NO_ADDRESS)
    for rival in (0, 1, 255):
        bench.hear(handle, rival)
    bench.sleep(cs(1000))
    assert bench.sent[handle] == []
    assert bench.state(handle) == state.name
    assert bench.machine.next_deadline_ns() == -1
    bench.start(handle, Reason.RECOVERED)
    bench.sleep(cs(1000))
    assert len(bench.sent[handle]) >= 6


@pytest.mark.rfc("I2", "I3")
def test_recovery_waits_a_whole_down_interval() -> None:
    bench = Bench()
    handle = bench.add(parameters())
    bench.start(handle)
    bench.sleep(cs(350))
    bench.stop(handle, State.FAULT, Reason.INTERFACE_DOWN)
    bench.sleep(cs(5))
    bench.start(handle, Reason.RECOVERED)
    assert bench.down_in_ns(handle) == 3_609_375_000
    assert bench.reasons(handle) == ["STARTUP", "INTERFACE_DOWN", "RECOVERED"]


@pytest.mark.rfc("I1")
def test_starting_twice_changes_nothing() -> None:
    bench = Bench()
    handle = bench.add(parameters(priority=255))
    bench.start(handle)
    bench.start(handle)
    assert bench.reasons(handle) == ["OWNER"]
    assert len(bench.sent[handle]) == 1


@pytest.mark.rfc("I2")
def test_starting_a_backup_again_leaves_its_down_timer() -> None:
    bench = Bench()
    handle = bench.add(parameters())
    bench.start(handle)
    bench.sleep(cs(100))
    bench.start(handle)
    assert bench.down_in_ns(handle) == 2_609_375_000
    assert bench.reasons(handle) == ["STARTUP"]
