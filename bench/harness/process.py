"""Process trees: their processor time, their memory, their end."""

import contextlib
import os
import signal
import time
from pathlib import Path


def tree(root: int) -> list[int]:
    """The process and all its descendants that exist now."""
    pids = [root]
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
    return pids


def cpu_ns(root: int) -> int:
    """User and system time of a process tree so far, to the nanosecond, threads that ended included.

    Read from each process's POSIX CPU clock; the kernel work done in the process's name (for a sender that is
    the receive path of a veth's other end) is part of it.
    """
    total = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            total += time.clock_gettime_ns((~pid << 3) | 2)  # clock_getcpuclockid(3): CPUCLOCK_SCHED of pid
    return total


def ended_ns(root: int) -> int:
    """Time that processes of the tree had which have ended and been waited for; whole ticks of the clock."""
    ticks = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[13]) + int(fields[14])  # cutime and cstime of proc(5)
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def memory_kb(root: int) -> dict[str, int]:
    """{"Pss": …, "Rss": …} of a process tree."""
    total = {"Pss": 0, "Rss": 0}
    for pid in tree(root):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            key, _, value = line.partition(":")
            if key in total:
                total[key] += int(value.split()[0])
    return total


def kill_tree(root: int) -> None:
    """SIGKILL to the process and all its descendants; the caller reaps the root."""
    for pid in tree(root):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
