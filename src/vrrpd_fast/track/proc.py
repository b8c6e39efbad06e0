"""What /proc says of processes (proc(5)). OSError when it cannot be read, as with too many files open."""

import os
from collections.abc import Iterator

NAME_BYTES = 15  # what the kernel keeps of a process's name (TASK_COMM_LEN)


def pids() -> Iterator[int]:
    """All processes there are."""
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                yield int(entry.name)


def name(pid: int) -> bytes:
    """The name of a process, as ps -o comm shows it; empty when it is gone."""
    return _read(pid, "comm", NAME_BYTES + 1).removesuffix(b"\n")


def command(pid: int, size: int) -> bytes:
    """The beginning of a command line, each word with a 0 behind it; empty when it has none any more.

    The kernel looks into the memory of the process for it, which may take long when that is swapped out.
    """
    return _read(pid, "cmdline", size)


def is_running(pid: int) -> bool:
    """Whether it is there and not only waiting to be reaped."""
    state = _read(pid, "stat", 512).rpartition(b") ")[2][:1]
    return state not in (b"", b"Z", b"X")


def _read(pid: int, file: str, size: int) -> bytes:
    try:
        fd = os.open(f"/proc/{pid}/{file}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
    try:
        return os.read(fd, size)
    except ProcessLookupError:  # it ended meanwhile
        return b""
    finally:
        os.close(fd)
