"""A process by its name, looked for in /proc.

Those found are remembered, and one look at each tells whether they are still there. Only when too few are
left, /proc is read from end to end: in slices, for all probes at once, ten times a second at most.
"""

import asyncio
import os
from collections import defaultdict

from vrrpd_fast.model import ProcessProbe
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome, TaskCheck

_PROC = "/proc"
_STAT_BYTES = 512
_COMMAND_BYTES = 4096
_KERNEL_NAME = 15  # bytes the kernel keeps of a name (TASK_COMM_LEN - 1)
_PER_SLICE = 64
_REMEMBERED = 64
_NOT_AGAIN_S = 0.1
_GONE = (b"Z", b"X", b"x")  # ended, and not yet waited for by its parent


def make(settings: ProcessProbe, context: Context) -> Check:
    """The check of a process block."""
    return ProcessCheck(settings, context)


class ProcessCheck(TaskCheck):
    """Counts processes of one name; up while there are as many as the quorum."""

    def __init__(self, settings: ProcessProbe, context: Context) -> None:
        super().__init__(context)
        self._name = os.fsencode(settings.name)
        self._quorum = settings.quorum
        self._known: list[int] = []

    def begin(self, conclude: Conclude) -> None:
        if len(self._known) >= self._quorum:
            self._known = [pid for pid in self._known if is_named(pid, self._name)]
            if len(self._known) >= self._quorum:
                conclude(self._found(len(self._known)))
                return
        super().begin(conclude)

    async def run(self) -> Outcome:
        names = await self.context.shared(Census).names()
        short = self._name[:_KERNEL_NAME]
        pids = names.get(short, ())
        if short != self._name:
            pids = [pid for pid in pids if is_named(pid, self._name)]
        self._known = list(pids[: max(self._quorum, _REMEMBERED)])
        return self._found(len(pids))

    def _found(self, count: int) -> Outcome:
        is_success = count >= self._quorum
        if self._quorum == 1:
            return Outcome(is_success, "runs" if is_success else "does not run")
        return Outcome(is_success, f"{count} of {self._quorum} run")


class Census:
    """Who runs, by the name that the kernel keeps."""

    def __init__(self, context: Context) -> None:
        self._loop = context.loop
        self._counting: asyncio.Task[dict[bytes, list[int]]] | None = None
        self._began_at = float("-inf")

    def close(self) -> None:
        if self._counting is not None:
            self._counting.cancel()

    async def names(self) -> dict[bytes, list[int]]:
        """Process ids by name, at most 0.1 s old when counting began. OSError when /proc cannot be read."""
        now = self._loop.time()
        if self._counting is None or (self._counting.done() and now - self._began_at >= _NOT_AGAIN_S):
            self._began_at = now
            self._counting = self._loop.create_task(self._count())
        return await asyncio.shield(self._counting)

    async def _count(self) -> dict[bytes, list[int]]:
        found: defaultdict[bytes, list[int]] = defaultdict(list)
        pids = [int(name) for name in os.listdir(_PROC) if name.isdigit()]
        for number, pid in enumerate(pids, 1):
            name = kernel_name(pid)
            if name is not None:
                found[name].append(pid)
            if number % _PER_SLICE == 0:
                await asyncio.sleep(0)
        return found


def kernel_name(pid: int) -> bytes | None:
    """The name of a process that runs, at most 15 bytes; None when it has ended."""
    return name_in(_beginning(f"{_PROC}/{pid}/stat", _STAT_BYTES))


def name_in(stat: bytes) -> bytes | None:
    """The name in a line of /proc/PID/stat, which may have blanks and brackets in it."""
    start, end = stat.find(b"("), stat.rfind(b")")
    if start < 0 or end < start or stat[end + 2 : end + 3] in _GONE:
        return None
    return stat[start + 1 : end]


def is_named(pid: int, name: bytes) -> bool:
    """Whether it runs under this name; one longer than the kernel keeps is that of its program file."""
    if kernel_name(pid) != name[:_KERNEL_NAME]:
        return False
    if len(name) <= _KERNEL_NAME:
        return True
    program = _beginning(f"{_PROC}/{pid}/cmdline", _COMMAND_BYTES).partition(b"\0")[0]
    return program.rpartition(b"/")[2] == name


def _beginning(path: str, size: int) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, size)
    except OSError:  # it ended between the two
        return b""
    finally:
        os.close(fd)
