"""A notify FIFO: lines wait in memory, in order, for a reader that may be late, slow or dead."""

import asyncio
import contextlib
import fcntl
import itertools
import logging
import os
import select
import stat
import termios
from collections import deque

from ..log import RateLimit

log = logging.getLogger(__name__)

LINE_LIMIT = 131_072  # lines that wait; 4096 virtual routers make 8192 of a start and a takeover
PIPE_SIZE = 1 << 20  # bytes asked of the kernel; what an unprivileged process may have
WRITES_PER_TURN = 8
DEFAULT_UMASK = 0o177  # keepalived's own
MODE = 0o644  # before the umask


class EventFifo:
    """Writes lines into one FIFO, which it keeps open for reading too: so it never needs a reader."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        path: str,
        *,
        owner: tuple[int, int] | None = None,
        umask: int | None = None,
        line_limit: int = LINE_LIMIT,
    ) -> None:
        """Make the FIFO, or take one that is there. OSError; ValueError when something else is there."""
        self.path = path
        self.written = 0  # lines
        self.dropped = 0
        self._loop = loop
        self._lines: deque[bytes] = deque()
        self._line_limit = line_limit
        self._limit = RateLimit(1, 10.0)
        self._turn: asyncio.Handle | None = None
        self._is_full = False  # the loop tells when there is room
        self._fd, self._is_ours = _open(path, MODE & ~(DEFAULT_UMASK if umask is None else umask))
        try:
            if owner is not None:
                os.fchown(self._fd, *owner)
        except OSError:
            self.close()
            raise
        with contextlib.suppress(OSError):  # a limit of the system; then it has 64 KiB
            fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, PIPE_SIZE)

    @property
    def waiting(self) -> int:
        """Lines that the kernel has not taken."""
        return len(self._lines)

    @property
    def is_in_place(self) -> bool:
        """Whether the path still leads to what we write to."""
        try:
            return os.path.samestat(os.lstat(self.path), os.fstat(self._fd))
        except FileNotFoundError:
            return False

    def write(self, line: bytes) -> None:
        """Queue a line. Beyond the limit the oldest one goes: the last of a name is how it stands now."""
        if len(self._lines) >= self._line_limit:
            self._lines.popleft()
            self.dropped += 1
            self._limit.log(
                log,
                logging.ERROR,
                "full",
                "FIFO %s: nobody reads it and %d lines wait: the oldest are dropped, %d so far",
                self.path,
                self._line_limit,
                self.dropped,
            )
        self._lines.append(line)
        if not self._is_full and self._turn is None:
            self._turn = self._loop.call_soon(self._write)

    def chown(self, owner: tuple[int, int]) -> None:
        os.fchown(self._fd, *owner)

    async def drain(self, patience: float, limit: float) -> int:
        """Until the reader has everything; how many lines wait here when it has not.

        It may take nothing for `patience` seconds, and everything within `limit`.
        """
        left, since = self._left(), self._loop.time()
        end = since + limit
        while any(left) and self._loop.time() < min(end, since + patience):
            await asyncio.sleep(0.01)
            now = self._left()
            if now != left:
                left, since = now, self._loop.time()
        return len(self._lines)

    def close(self) -> None:
        """Let go of it, so that a reader comes to its end; a FIFO that we made is removed."""
        if self._turn is not None:
            self._turn.cancel()
        if self._is_full:
            self._loop.remove_writer(self._fd)
        if self._is_ours and self.is_in_place:
            os.unlink(self.path)
        os.close(self._fd)

    def _left(self) -> tuple[int, int]:
        """Lines that wait here, and bytes that wait in the kernel."""
        count = bytearray(4)
        fcntl.ioctl(self._fd, termios.FIONREAD, count)
        return len(self._lines), int.from_bytes(count, "little")

    def _write(self) -> None:
        self._turn = None
        for _ in range(WRITES_PER_TURN):
            if not self._lines:
                break
            try:
                self._write_some()
            except BlockingIOError:
                if not self._is_full:
                    self._is_full = True
                    self._loop.add_writer(self._fd, self._write)
                return
        if self._is_full:
            if not self._lines:
                self._is_full = False
                self._loop.remove_writer(self._fd)
        elif self._lines:
            self._turn = self._loop.call_soon(self._write)

    def _write_some(self) -> None:
        """Whole lines that the kernel takes all or none of (PIPE_BUF, pipe(7)): readers see no halves."""
        batch = [self._lines[0]]
        size = len(batch[0])
        for line in itertools.islice(self._lines, 1, None):
            size += len(line)
            if size > select.PIPE_BUF:
                break
            batch.append(line)
        data = b"".join(batch)
        taken = os.write(self._fd, data)
        for _ in batch:
            self._lines.popleft()
        self.written += len(batch)
        if taken < len(data):  # a single line of more than PIPE_BUF
            self._lines.appendleft(data[taken:])
            self.written -= 1


def _open(path: str, mode: int) -> tuple[int, bool]:
    """The open FIFO, and whether we made it."""
    try:
        os.mkfifo(path, 0o600)  # until it has its owner and mode
        is_ours = True
    except FileExistsError:
        is_ours = False
    if not is_ours and not stat.S_ISFIFO(os.lstat(path).st_mode):
        raise ValueError(f"{path} exists and is not a FIFO")
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(f"{path} exists and is not a FIFO")
    if is_ours:
        os.fchmod(fd, mode)
    return fd, is_ours
