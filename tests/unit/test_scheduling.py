"""Scheduling of a process of its own; real-time priorities need CAP_SYS_NICE."""

import pytest

from unit.child import in_child

pytestmark = pytest.mark.lab  # root

BEGIN = """
import resource, signal, subprocess, threading, time
from vrrpd_fast.model import Process
from vrrpd_fast.scheduling import Scheduling
def picture():
    policy = os.sched_getscheduler(0)
    priority = os.sched_getparam(0).sched_priority
    reset = policy & os.SCHED_RESET_ON_FORK
    return [policy & ~os.SCHED_RESET_ON_FORK, priority, os.getpriority(0, 0), bool(reset)]
def child():
    show = "import os; print([os.sched_getscheduler(0), os.getpriority(0, 0)])"
    return json.loads(subprocess.run([sys.executable, "-c", show], capture_output=True).stdout)
os.setpriority(0, 0, 0)  # whatever the tests run with
scheduling = Scheduling()
"""
OTHER, RR = 0, 2


def test_nothing_configured_changes_nothing() -> None:
    assert in_child(BEGIN + "scheduling.apply(Process()); found = picture()") == [OTHER, 0, 0, False]


def test_real_time_and_back_again() -> None:
    assert in_child(
        BEGIN
        + """
found = []
for priority in (10, 20, None):
    scheduling.apply(Process(rt_priority=priority))
    found += [picture(), child()]
"""
    ) == [[RR, 10, 0, True], [OTHER, 0], [RR, 20, 0, True], [OTHER, 0], [OTHER, 0, 0, True], [OTHER, 0]]


def test_nice_is_not_inherited_by_what_it_starts() -> None:
    assert in_child(
        BEGIN
        + """
scheduling.apply(Process(priority=-7))
found = [picture(), child()]
scheduling.apply(Process())
found.append(picture()[:3])
"""
    ) == [[OTHER, 0, -7, True], [OTHER, 0], [OTHER, 0, 0]]


def test_threads_are_not_urgent() -> None:
    assert in_child(
        BEGIN
        + """
scheduling.apply(Process(rt_priority=10))
found = []
thread = threading.Thread(target=lambda: found.append(picture()[:2]))
thread.start()
thread.join()
"""
    ) == [[OTHER, 0]]


@pytest.mark.parametrize(
    ("process", "late_ms", "priorities"),
    [
        ("", [5000], [0]),
        ("max_auto_priority=3", [999, 1000, 20, 1000, 1000, 1000], [0, 1, 1, 2, 3, 3]),
        ("max_auto_priority=99, min_auto_priority_delay_us=10000", [9, 10], [0, 1]),
        ("max_auto_priority=50, rt_priority=49", [1000, 1000], [50, 50]),
        ("max_auto_priority=10, rt_priority=49", [1000], [49]),
    ],
)
def test_late_ticks_make_it_more_urgent(process: str, late_ms: list[int], priorities: list[int]) -> None:
    assert (
        in_child(
            BEGIN
            + f"""
scheduling.apply(Process({process}))
found = []
for late in {late_ms}:
    scheduling.on_late(late * 1_000_000)
    found.append(os.sched_getparam(0).sched_priority)
"""
        )
        == priorities
    )


def test_a_reload_takes_back_what_late_ticks_made_of_it() -> None:
    assert in_child(
        BEGIN
        + """
scheduling.apply(Process(max_auto_priority=9))
scheduling.on_late(10**9)
scheduling.apply(Process(max_auto_priority=9))
found = picture()[:2]
"""
    ) == [OTHER, 0]


@pytest.mark.parametrize(
    ("configured", "limit"), [("None", 5_000_000), ("10000", 5_000_000), ("7000000", 7_000_000)]
)
def test_the_limit_lets_a_takeover_pass(configured: str, limit: int) -> None:
    assert in_child(
        BEGIN
        + f"""
scheduling.apply(Process(rt_priority=10, rlimit_rttime_us={configured}))
found = resource.getrlimit(resource.RLIMIT_RTTIME)
"""
    ) == [limit, -1]


def test_a_loop_without_end_costs_it_real_time_and_not_its_life() -> None:
    assert in_child(
        BEGIN
        + """
import vrrpd_fast.scheduling
vrrpd_fast.scheduling.LEAST_RTTIME_US = 200_000
scheduling.apply(Process(rt_priority=10))
end = time.monotonic() + 20
while picture()[0] == os.SCHED_RR and time.monotonic() < end:
    pass
found = picture()[:2]
scheduling.apply(Process(rt_priority=10))
time.sleep(0.01)  # the count begins anew with a wait at real-time priority
found += picture()[:2]
"""
    ) == [OTHER, 0, RR, 10]


def test_a_refusal_is_told_and_not_fatal() -> None:
    """Without the right to it (CAP_SYS_NICE)."""
    kind, said = in_child(
        BEGIN
        + """
import logging
said = []
class Say(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
logging.getLogger("vrrpd_fast").addHandler(Say())
os.setresuid(65534, 65534, 65534)
scheduling.apply(Process(rt_priority=10, priority=-5))
found = [picture()[:3], said]
"""
    )
    assert kind == [OTHER, 0, 0]
    assert said == [
        "vrrp_rt_priority: cannot be 10: Operation not permitted",
        "vrrp_priority: cannot be -5: Permission denied",
    ]
