"""A helper process of the daemon: started, spoken to over a socket, started again when it is lost.

It is a Python program that gets one end of a SOCK_SEQPACKET socket as descriptor 3, and ends when the other
end is closed.
"""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

# A helper that keeps dying is started again at once, then after 1, 2, 4, … s.
RESTART_DELAY_LIMIT = 30.0
HEALTHY_AFTER = 60.0
CLOSE_LIMIT = 2.0
MESSAGE_LIMIT = 128 * 1024  # bytes, either way
MESSAGES_PER_WAKE = 64
SOCKET_FD = 3
# systemd's talk with its main process is none of a helper's business, nor is what the loader was told.
PRIVATE_ENVIRONMENT = frozenset(
    (
        *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "INVOCATION_ID"),
        *("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"),
        *("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT"),
    )
)


class Helper:
    """One helper process, used from the daemon's loop only.

    `name` is for the log, `arguments` are the interpreter's, before the descriptor. `on_message` gets what it
    says. `on_loss(how)` is told when it is gone, and says what that means for others; `on_start` is called
    when it is there again.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        name: str,
        arguments: Sequence[str],
        *,
        on_message: Callable[[bytes], None],
        on_loss: Callable[[str], str],
        on_start: Callable[[], None] = lambda: None,
        files: int | None = None,
        per_wake: int = MESSAGES_PER_WAKE,
    ) -> None:
        """`files`: its soft limit of open files, the daemon's if None. `per_wake` messages at a time."""
        self.pid: int | None = None
        self.restarts = 0
        self._loop = loop
        self._name = name
        self._arguments = arguments
        self._on_message = on_message
        self._on_loss = on_loss
        self._on_start = on_start
        self._files = files
        self._per_wake = per_wake
        self._socket: socket.socket | None = None
        self._pidfd = -1
        self._unsent: deque[bytes] = deque()
        self._started_at: float | None = None
        self._restart_delay = 0.0
        self._restart: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None
        self._is_closed = False

    @property
    def is_running(self) -> bool:
        """Whether there is one to speak to."""
        return self._socket is not None

    def need(self) -> None:
        """Have a helper: start it the first time. OSError when that is impossible."""
        if self._started_at is None:
            self.start()

    def start(self) -> None:
        """Start it. OSError when that is impossible."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setblocking(False)
            try:
                pid = _spawn(self._arguments, theirs.fileno())
            except OSError:
                ours.close()
                raise
        if self._files is not None:
            with contextlib.suppress(OSError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(self._files, hard), hard))
        self.pid = pid
        self._socket = ours
        self._pidfd = os.pidfd_open(pid)
        self._started_at = self._loop.time()
        self._loop.add_reader(ours, self._on_readable)
        self._loop.add_reader(self._pidfd, self._on_death)

    def send(self, message: bytes) -> None:
        """Tell it something, in time; lost with it if it is lost. It is running, and MESSAGE_LIMIT holds."""
        self._unsent.append(message)
        if len(self._unsent) == 1:
            self._send()

    def kill(self) -> None:
        """End it as if it had died."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Stop it by closing the socket; by SIGKILL when it takes more than CLOSE_LIMIT."""
        self._is_closed = True
        if self._restart is not None:
            self._restart.cancel()
        if self.pid is None:
            return
        self._gone = self._loop.create_future()
        self._hang_up()
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await asyncio.shield(self._gone)
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            await self._gone

    def _send(self) -> None:
        """Hand over what the socket takes, and come back for the rest."""
        assert self._socket is not None
        while self._unsent:
            try:
                self._socket.send(self._unsent[0])
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._send)
                return
            except OSError:  # the helper is gone, and its pidfd is about to say so
                self._unsent.clear()
                break
            self._unsent.popleft()
        self._loop.remove_writer(self._socket)

    def _on_readable(self) -> None:
        self._read(self._per_wake)

    def _read(self, limit: int) -> None:
        for _ in range(limit):
            if self._socket is None:
                return
            try:
                message = self._socket.recv(MESSAGE_LIMIT)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                assert self.pid is not None
                self._loop.remove_reader(self._socket)
                os.kill(self.pid, signal.SIGKILL)  # its pidfd, not the socket, tells that it is gone
                return
            self._on_message(message)

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None
        self._unsent.clear()

    def _on_death(self) -> None:
        assert self.pid is not None
        self._read(sys.maxsize)  # what it could still tell
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self.pid, 0)
        pid, self.pid = self.pid, None
        self._hang_up()
        code = os.waitstatus_to_exitcode(status)
        how = f"was killed by {signal_name(-code)}" if code < 0 else f"ended with exit {code}"
        if self._gone is not None:
            self._gone.set_result(None)
            self._on_loss("was stopped")
            return
        what = self._on_loss(how)
        self._plan_restart(f"{self._name} (pid {pid}) {how}, {what}")

    def _plan_restart(self, what: str) -> None:
        if self._started_at is not None and self._loop.time() - self._started_at > HEALTHY_AFTER:
            self._restart_delay = 0.0
        delay = self._restart_delay
        self._restart_delay = min(max(1.0, delay * 2), RESTART_DELAY_LIMIT)
        log.error("%s; it is started again %s", what, f"in {delay:.0f} s" if delay else "at once")
        self._restart = self._loop.call_later(delay, self._start_again)

    def _start_again(self) -> None:
        if self._is_closed:
            return
        self.restarts += 1
        try:
            self.start()
        except OSError as error:
            self._plan_restart(f"{self._name} does not start: {error}")
        else:
            self._on_start()


def _spawn(arguments: Sequence[str], socket_fd: int) -> int:
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return os.posix_spawn(
            sys.executable,
            (sys.executable, *arguments, str(SOCKET_FD)),
            {name: value for name, value in os.environ.items() if name not in PRIVATE_ENVIRONMENT},
            file_actions=(
                (os.POSIX_SPAWN_DUP2, socket_fd, SOCKET_FD),
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, null, 1),
            ),
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ),
        )
    finally:
        os.close(null)


def signal_name(number: int) -> str:
    """SIGKILL for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
