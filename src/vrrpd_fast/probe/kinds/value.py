"""The value in a file or a sysctl, compared with what is expected.

Files of the kernel and in memory are read at once: no such read waits. Any other file is read by a thread of
its own, for a file system that hangs (NFS) must not hang the other probes.
"""

import os
import stat
import threading

from vrrpd_fast.model import ValueProbe
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome, failure
from vrrpd_fast.probe.kinds.condition import Condition
from vrrpd_fast.probe.kinds.shown import shown

READ_BYTES = 4096  # what a file has behind them is left alone
_AT_ONCE = ("/proc/", "/sys/", "/run/", "/dev/shm/")


def make(settings: ValueProbe, context: Context) -> Check:
    """The check of a value block."""
    return ValueCheck(settings, context)


class ValueCheck:
    """Reads one file; up while its value meets the condition."""

    def __init__(self, settings: ValueProbe, context: Context) -> None:
        self._loop = context.loop
        self._path = settings.path
        self._condition = Condition(settings.expect)
        self._is_quick = os.path.normpath(settings.path).startswith(_AT_ONCE)
        self._reader: threading.Thread | None = None
        self._conclude: Conclude | None = None

    def begin(self, conclude: Conclude) -> None:
        if self._is_quick:
            conclude(self._look())
            return
        if self._reader is not None and self._reader.is_alive():
            raise OSError(0, "the last read of the file has not come back")
        self._conclude = conclude
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def abandon(self) -> None:
        self._conclude = None

    def close(self) -> None:
        self._conclude = None

    def _read(self) -> None:
        """In the thread."""
        try:
            outcome = self._look()
        except OSError as error:
            outcome = failure(error)
        try:
            self._loop.call_soon_threadsafe(self._take, threading.current_thread(), outcome)
        except RuntimeError:  # the loop is closed
            return

    def _take(self, reader: threading.Thread, outcome: Outcome) -> None:
        if reader is self._reader and self._conclude is not None:
            conclude, self._conclude = self._conclude, None
            conclude(outcome)

    def _look(self) -> Outcome:
        value = read(self._path)
        return Outcome(self._condition.holds(value), shown(value) or "empty")


def read(path: str) -> str:
    """The beginning of a regular file, without blanks around it; OSError for anything else."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(0, "is no regular file")
        return os.read(fd, READ_BYTES).decode("utf-8", "replace").strip()
    finally:
        os.close(fd)
