"""The daemon's side of the spawn helper (spawner.py): scripts are asked for here and run there."""

import asyncio
import contextlib
import errno
import marshal
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ..model import NS_PER_S
from .command import Identity
from .helper import Helper, signal_name
from .spawner import MESSAGE_LIMIT

NOT_FOUND = (errno.ENOENT, errno.ENOTDIR)
NOFILE = 1024  # what scripts expect of RLIMIT_NOFILE, whatever the daemon raised its own to
UMASK = 0o022
# Isolated, and without site-packages: the helper imports nothing of them.
_ARGUMENTS = ("-I", "-S", "-E", str(Path(__file__).with_name("spawner.py")))


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
            return f"killed by {signal_name(self.signal)}"
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
        self.umask: int | None = None  # of scripts; None is the usual one
        self._serial = 0
        self._runs: dict[int, Run] = {}
        self._helper = Helper(
            loop,
            "spawn helper",
            _ARGUMENTS,
            on_message=self._on_message,
            on_loss=self._on_loss,
            files=NOFILE,
        )

    @property
    def pid(self) -> int | None:
        """Of the helper."""
        return self._helper.pid

    @property
    def restarts(self) -> int:
        """How often the helper was lost and started again."""
        return self._helper.restarts

    def need(self) -> None:
        """Have a helper: start it the first time. OSError when that is impossible."""
        self._helper.need()

    def start(self) -> None:
        """Start the helper. OSError when that is impossible."""
        self._helper.start()

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
        elif not self._helper.is_running:
            self._refuse(run, "the spawn helper is not running")
        else:
            self._runs[run.serial] = run
            self._helper.send(message)
        return run

    def stop(self, run: Run) -> None:
        """End a run as its timeout would: SIGTERM to its process group, SIGKILL 2 s later."""
        if run.is_alive and self._helper.is_running:
            self._helper.send(marshal.dumps((run.serial,)))

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
        await self._helper.close()

    def _refuse(self, run: Run, why: str) -> None:
        run.is_alive = False
        self.loop.call_soon(run.tell, Result(error=why))

    def _on_message(self, message: bytes) -> None:
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

    def _on_loss(self, how: str) -> str:
        lost, self._runs = list(self._runs.values()), {}
        for run in lost:
            if run.pid is not None:
                _kill(run.pid)
            run.is_alive = False
            run.tell(Result(error=f"the spawn helper {how}"))
        return f"{len(lost)} script runs are lost"


def _kill(pid: int) -> None:
    """Kill a script and what it started; just after its fork it may not have its process group yet."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
            return


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
