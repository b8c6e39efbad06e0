"""When the process gets a CPU: vrrp_priority, vrrp_rt_priority, max_auto_priority, vrrp_rlimit_rttime.

Programs and threads that the daemon starts have ordinary scheduling (SCHED_RESET_ON_FORK, sched(7)), as
keepalived's have.
"""

import logging
import os
import resource
import signal
from types import FrameType

from vrrpd_fast import explain
from vrrpd_fast.model import Process

log = logging.getLogger(__name__)

# Who takes over thousands of virtual routers is long at work without waiting for anything. keepalived's limit
# of 10 ms, after which it is killed, would end the daemon just then; here a limit is to catch a loop
# without end, and what it ends is real-time scheduling.
LEAST_RTTIME_US = 5_000_000

SELF = 0  # the calling thread


class Scheduling:
    """Applies the scheduling that `model.Process` wants, and raises it when ticks come late."""

    def __init__(self) -> None:
        self._process = Process()
        self._nice = os.getpriority(os.PRIO_PROCESS, SELF)
        self._real_time = 0  # priority now; 0 is ordinary scheduling

    def apply(self, process: Process) -> None:
        """Be scheduled as configured, whatever late ticks have made of it. A refusal is told."""
        old, self._process = self._process, process
        if process.rt_priority or self._real_time:
            self._run_at(process.rt_priority or 0)
        if process.priority != old.priority:
            nice = self._nice if process.priority is None else process.priority
            try:
                if not self._real_time:
                    _schedule(0)  # a program that we start is not to be as urgent
                os.setpriority(os.PRIO_PROCESS, SELF, nice)
            except OSError as error:
                log.error("vrrp_priority: cannot be %d: %s", nice, error.strerror)

    def on_late(self, late_ns: int) -> None:
        """This process did not get a CPU for so long: become more urgent (max_auto_priority)."""
        limit = self._process.max_auto_priority
        if limit is None or late_ns < self._process.min_auto_priority_delay_us * 1000:
            return
        wanted = min(self._real_time + 1, limit)
        if wanted > self._real_time and self._run_at(wanted):
            log.warning("%s without a CPU: real-time priority %d now", explain.duration(late_ns), wanted)

    def _run_at(self, priority: int) -> bool:
        """Real-time scheduling with this priority, 0 for none; whether the system allows it."""
        try:
            if priority:
                self._limit()
            _schedule(priority)
        except OSError as error:
            log.error("vrrp_rt_priority: cannot be %d: %s", priority, error.strerror)
            return False
        self._real_time = priority
        return True

    def _limit(self) -> None:
        """Real-time scheduling ends when nothing is waited for too long (RLIMIT_RTTIME, getrlimit(2))."""
        microseconds = max(self._process.rlimit_rttime_us or 0, LEAST_RTTIME_US)
        _, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
        signal.signal(signal.SIGXCPU, self._exhausted)
        resource.setrlimit(resource.RLIMIT_RTTIME, (microseconds, hard))

    def _exhausted(self, number: int, frame: FrameType | None) -> None:
        self._run_at(0)
        log.error("at work for seconds without a pause: real-time scheduling ends, until the next reload")


def _schedule(priority: int) -> None:
    policy = os.SCHED_RR if priority else os.SCHED_OTHER
    os.sched_setscheduler(SELF, policy | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
