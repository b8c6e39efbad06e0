"""How the process itself runs: processors, memory, name, umask (words of global_defs).

Everything can be changed and taken back by a reload, which keepalived 2.2.7 does with none of them. What the
system refuses is told, and leaves the daemon at work as it was.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from vrrpd_fast.model import Process
from vrrpd_fast.system import lock_memory, name_process

log = logging.getLogger(__name__)

LOCAL_IGMP = Path("/proc/sys/net/ipv4/igmp_link_local_mcast_reports")
NAME = Path("/proc/self/comm")
TASKS = Path("/proc/self/task")
SELF = 0  # the calling thread; threads and programs that it starts are like it


class Tuning:
    """Applies `model.Process`, remembering how everything was before."""

    def __init__(self) -> None:
        self._process = Process()
        self._processors = os.sched_getaffinity(SELF)
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._name = NAME.read_text().rstrip("\n")
        self._local_igmp: str | None = None  # what stood there before we changed it

    def apply(self, process: Process) -> None:
        """Be as configured, in the network namespace where this thread is."""
        old, self._process = self._process, process
        for word, is_changed, action in (
            ("umask", process.umask != old.umask, self._mask),
            ("vrrp_process_name", process.name != old.name, self._rename),
            ("vrrp_cpu_affinity", process.cpu_affinity != old.cpu_affinity, self._bind),
            ("vrrp_no_swap", process.no_swap != old.no_swap, self._lock),
            ("disable_local_igmp", process.disable_local_igmp != old.disable_local_igmp, self._mute),
        ):
            if is_changed:
                try:
                    action()
                except OSError as error:
                    log.error("%s: cannot be as configured: %s", word, error.strerror or error)

    def close(self) -> None:
        """Leave the system as it was; what concerns this process alone ends with it."""
        self.apply(Process())

    def _mask(self) -> None:
        os.umask(self._umask if self._process.umask is None else self._process.umask)

    def _rename(self) -> None:
        name_process(self._process.name or self._name)

    def _bind(self) -> None:
        """This thread, then its fellows and the programs that it has started and that start others."""
        processors = self._process.cpu_affinity or self._processors
        os.sched_setaffinity(SELF, processors)
        for task in _family():
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(task, processors)

    def _lock(self) -> None:
        lock_memory(self._process.no_swap)

    def _mute(self) -> None:
        """Whether joining groups of 224.0.0.0/24 is reported on the network (Linux 4.3)."""
        if self._process.disable_local_igmp:
            self._local_igmp = LOCAL_IGMP.read_text()
            LOCAL_IGMP.write_text("0\n")
        elif self._local_igmp is not None:
            LOCAL_IGMP.write_text(self._local_igmp)
            self._local_igmp = None


def _family() -> Iterator[int]:
    """The threads of this process and its children (proc_pid_task(5))."""
    for task in TASKS.iterdir():
        yield int(task.name)
        with contextlib.suppress(FileNotFoundError):
            yield from map(int, (task / "children").read_text().split())
