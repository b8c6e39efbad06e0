"""The daemon's side of the spawn helper (spawner.py): scripts are asked for here and run there."""

import asyncio
import contextlib
import errno
import logging
import marshal
import os
import resource
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ..model import NS_PER_S
from .command import Identity
from .spawner import MESSAGE_LIMIT

log = logging.getLogger(__name__)

# A helper that keeps dying is started again at once, then after 1, 2, 4, … s.
RESTART_DELAY_LIMIT = 30.0
HEALTHY_AFTER = 60.0
CLOSE_LIMIT = 2.0
NOT_FOUND = (errno.ENOENT, errno.ENOTDIR)
NOFILE = 1024  # what scripts expect of RLIMIT_NOFILE, whatever the daemon raised its own to
ANSWERS_PER_WAKE = 64
UMASK = 0o022
# systemd's talk with its main process is none of a script's business, nor is what the loader was told.
PRIVATE_ENVIRONMENT = frozenset(
    (
        *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "INVOCATION_ID"),
        *("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"),
        *("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT"),
    )
)


class Result(Struct, frozen=True, kw_only=True):
    """How a run ended. `error` says why there was no script, or why nobody knows how it ended."""

    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    error: str | None = None
    duration_ns: int = 0

    @property
    def is_success(self) -> bool:
        return self.exit_code == 0

    @property
    def is_verdict(self) -> bool:
        """False when the run says nothing about what the script checks (the helper was lost)."""
        return self.exit_code is not None or self.signal is not None or self.timed_out

    def __str__(self) -> str:
        if self.timed_out:
            return f"timed out after {self.duration_ns / NS_PER_S:.2g} s"
        if self.signal is not None:
            return f"killed by {_signal_name(self.signal)}"
        if self.exit_code is not None:
            return f"exit {self.exit_code}" + (f": {self.error}" if self.error else "")
        return self.error or "unknown"


class Run:
    """A run that was asked for. It is alive until its process has gone, which a timeout does not wait for."""

    __slots__ = ("is_alive", "on_result", "pid", "serial")

    def __init__(self, serial: int, on_result: Callable[[Result], None]) -> None:
        self.serial = serial
        self.on_result: Callable[[Result], None] | None = on_result
        self.is_alive = True
        self.pid: int | None = None

    def forget(self) -> None:
        """Nobody wants the result any more."""
        self.on_result = None

    def tell(self, result: Result) -> None:
        on_result, self.on_result = self.on_result, None
        if on_result is not None:
            on_result(result)


class Spawner:
    """Runs scripts through the helper process. One per daemon, used from its loop only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.pid: int | None = None  # of the helper
        self.restarts = 0
        self.umask: int | None = None  # of scripts; None is the usual one
        self._socket: socket.socket | None = None
        self._pidfd = -1
        self._serial = 0
        self._runs: dict[int, Run] = {}
        self._unsent: deque[bytes] = deque()
        self._started_at: float | None = None
        self._restart_delay = 0.0
        self._restart: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None
        self._is_closed = False

    def need(self) -> None:
        """Have a helper: start it the first time. OSError when that is impossible."""
        if self._started_at is None:
            self.start()

    def start(self) -> None:
        """Start the helper. OSError when that is impossible."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setblocking(False)
            try:
                pid = _spawn_helper(theirs.fileno())
            except OSError:
                ours.close()
                raise
        with contextlib.suppress(OSError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(NOFILE, hard), hard))
        self.pid = pid
        self._socket = ours
        self._pidfd = os.pidfd_open(pid)
        self._started_at = self.loop.time()
        self.loop.add_reader(ours, self._on_readable)
        self.loop.add_reader(self._pidfd, self._on_helper_death)

    def launch(
        self,
        argv: Sequence[str],
        *,
        timeout: float | None,
        identity: Identity | None = None,
        environment: Mapping[str, str] | None = None,
        on_result: Callable[[Result], None],
    ) -> Run:
        """Run argv for at most `timeout` seconds; `on_result` is called once, never from within this call."""
        self._serial += 1
        run = Run(self._serial, on_result)
        message = marshal.dumps(
            (
                run.serial,
                tuple(argv),
                round(timeout * NS_PER_S) if timeout is not None else 0,
                (identity.uid, identity.gid, identity.groups) if identity else None,
                dict(environment or {}),
                UMASK if self.umask is None else self.umask,
            )
        )
        if len(message) > MESSAGE_LIMIT:
            self._refuse(run, f"the command takes {len(message)} bytes, {MESSAGE_LIMIT} are possible")
        elif self._socket is None:
            self._refuse(run, "the spawn helper is not running")
        else:
            self._runs[run.serial] = run
            self._queue(message)
        return run

    def stop(self, run: Run) -> None:
        """End a run as its timeout would: SIGTERM to its process group, SIGKILL 2 s later."""
        if run.is_alive and self._socket is not None:
            self._queue(marshal.dumps((run.serial,)))

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float | None,
        identity: Identity | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Result:
        """Run argv and wait for its result."""
        result: asyncio.Future[Result] = self.loop.create_future()

        def on_result(value: Result) -> None:
            if not result.done():
                result.set_result(value)

        self.launch(argv, timeout=timeout, identity=identity, environment=environment, on_result=on_result)
        return await result

    async def close(self) -> None:
        """Stop the helper, which kills what it started."""
        self._is_closed = True
        if self._restart is not None:
            self._restart.cancel()
        if self.pid is None:
            return
        self._gone = self.loop.create_future()
        self._hang_up()
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await asyncio.shield(self._gone)
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            await self._gone

    def _refuse(self, run: Run, why: str) -> None:
        run.is_alive = False
        self.loop.call_soon(run.tell, Result(error=why))

    def _queue(self, message: bytes) -> None:
        self._unsent.append(message)
        if len(self._unsent) == 1:
            self._send()

    def _send(self) -> None:
        """Hand over what the socket takes, and come back for the rest."""
        assert self._socket is not None
        while self._unsent:
            try:
                self._socket.send(self._unsent[0])
            except BlockingIOError:
                self.loop.add_writer(self._socket, self._send)
                return
            except OSError:  # the helper is gone, and its pidfd is about to say so
                self._unsent.clear()
                break
            self._unsent.popleft()
        self.loop.remove_writer(self._socket)

    def _on_readable(self) -> None:
        self._read(ANSWERS_PER_WAKE)

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
                self.loop.remove_reader(self._socket)
                os.kill(self.pid, signal.SIGKILL)  # its pidfd, not the socket, tells that it is gone
                return
            self._on_answer(*marshal.loads(message))

    def _on_answer(self, serial: int, kind: str, *details: object) -> None:
        run = self._runs[serial]
        match kind, *details:
            case "started", int(pid):
                run.pid = pid
            case "timeout", int(duration_ns):
                run.tell(Result(timed_out=True, duration_ns=duration_ns))
            case _:
                del self._runs[serial]
                run.is_alive = False
                run.tell(_result(kind, *details))

    def _hang_up(self) -> None:
        if self._socket is not None:
            self.loop.remove_reader(self._socket)
            self.loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None
        self._unsent.clear()

    def _on_helper_death(self) -> None:
        assert self.pid is not None
        self._read(sys.maxsize)  # what it could still tell
        self.loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self.pid, 0)
        pid, self.pid = self.pid, None
        self._hang_up()
        lost, self._runs = list(self._runs.values()), {}
        code = os.waitstatus_to_exitcode(status)
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit {code}"
        if self._gone is not None:
            self._gone.set_result(None)
            how = "was stopped"
        else:
            self._plan_restart(f"spawn helper (pid {pid}) {how}, {len(lost)} script runs are lost")
        for run in lost:
            if run.pid is not None:
                _kill(run.pid)
            run.is_alive = False
            run.tell(Result(error=f"the spawn helper {how}"))

    def _plan_restart(self, what: str) -> None:
        if self._started_at is not None and self.loop.time() - self._started_at > HEALTHY_AFTER:
            self._restart_delay = 0.0
        delay = self._restart_delay
        self._restart_delay = min(max(1.0, delay * 2), RESTART_DELAY_LIMIT)
        log.error("%s; it is started again %s", what, f"in {delay:.0f} s" if delay else "at once")
        self._restart = self.loop.call_later(delay, self._start_again)

    def _start_again(self) -> None:
        if self._is_closed:
            return
        self.restarts += 1
        try:
            self.start()
        except OSError as error:
            self._plan_restart(f"spawn helper does not start: {error}")


def _kill(pid: int) -> None:
    """Kill a script and what it started; just after its fork it may not have its process group yet."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
            return


def _spawn_helper(socket_fd: int) -> int:
    program = str(Path(__file__).with_name("spawner.py"))
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return os.posix_spawn(
            sys.executable,
            (sys.executable, "-I", "-S", "-E", program, "3"),
            {name: value for name, value in os.environ.items() if name not in PRIVATE_ENVIRONMENT},
            file_actions=(
                (os.POSIX_SPAWN_DUP2, socket_fd, 3),
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, null, 1),
            ),
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ),
        )
    finally:
        os.close(null)


def _result(kind: str, *details: object) -> Result:
    match kind, *details:
        case "exit", int(status), int(duration_ns) if status < 0:
            return Result(signal=-status, duration_ns=duration_ns)
        case "exit", int(status), int(duration_ns):
            return Result(exit_code=status, duration_ns=duration_ns)
        case "unset", str(what), int(number), int(duration_ns):
            return Result(
                exit_code=_shell_code(number), error=_unset_text(what, number), duration_ns=duration_ns
            )
        case _:
            return Result(error=str(details[0]))


def _shell_code(number: int) -> int:
    return 127 if number in NOT_FOUND else 126


def _unset_text(what: str, number: int) -> str:
    reason = os.strerror(number)
    if what == "user":
        return f"cannot become its user: {reason}"
    return "not found" if number in NOT_FOUND else f"cannot be run: {reason}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
