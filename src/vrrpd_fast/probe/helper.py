"""The probe helper: a process that runs all probes, so that no answer of others ever holds up an advert.

Started by track/probes.py as `python -P -m vrrpd_fast.probe.helper FD`, where FD is a connected
SOCK_SEQPACKET socket; messages.py has what is said on it. It ends when the daemon closes that, or dies.
"""

import asyncio
import ctypes
import os
import resource
import signal
import socket
import sys

import uvloop

from vrrpd_fast import log
from vrrpd_fast.model import AnyProbeKind
from vrrpd_fast.probe import kinds, messages
from vrrpd_fast.probe.check import Check, Context
from vrrpd_fast.probe.messages import Report, Start
from vrrpd_fast.probe.schedule import Runner, Schedule

REPORT_S = 1.0
_MESSAGES_PER_WAKE = 16  # a thousand requests: on a busy machine it may be long until the next wake-up
LAST_FD = 65536
_PR_SET_PDEATHSIG = 1
# The helper goes when the daemon goes, not when a terminal or systemd signals the whole group.
_OUTLIVED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Helper:
    """The helper's side of the socket, and the probes that the daemon asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        self._loop = loop
        self._socket = connection
        self._context = Context(loop)
        self._schedule = Schedule(loop)
        self._runners: dict[int, Runner] = {}
        self._done: dict[int, Runner] = {}  # ran since the last report
        self._due: dict[int, Runner] = {}  # to be told now, in order
        self._is_blocked = False
        self._turn: asyncio.Handle | None = None
        loop.add_reader(connection, self._on_readable)
        loop.call_later(REPORT_S, self._report)

    def close(self) -> None:
        for runner in self._runners.values():
            runner.stop()
        self._context.close()

    def _on_readable(self) -> None:
        for _ in range(_MESSAGES_PER_WAKE):
            try:
                message = self._socket.recv(messages.LIMIT)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._loop.stop()
                return
            self._take(message)

    def _take(self, message: bytes) -> None:
        for request in messages.decode_requests(message):
            if isinstance(request, Start):
                runner = Runner(request.serial, request.probe, self._make, self._on_end)
                if request.state is not None:
                    runner.judgement.resume(request.state)
                self._runners[request.serial] = runner
                self._schedule.add(runner, request.share)
            else:
                self._stop(request.serial)

    def _make(self, settings: AnyProbeKind) -> Check:
        return kinds.make(settings, self._context)

    def _stop(self, serial: int) -> None:
        self._runners.pop(serial).stop()
        self._done.pop(serial, None)
        self._due.pop(serial, None)

    def _on_end(self, runner: Runner, is_change: bool) -> None:
        if is_change:
            self._due[runner.serial] = runner
            if self._turn is None:
                self._turn = self._loop.call_soon(self._tell)
        else:
            self._done[runner.serial] = runner

    def _report(self) -> None:
        self._loop.call_later(REPORT_S, self._report)
        self._due |= self._done
        self._done.clear()
        if not self._is_blocked:
            self._tell(is_alive=True)

    def _tell(self, is_alive: bool = False) -> None:
        """Send what is due, as far as the daemon reads it; `is_alive` sends something in any case."""
        self._turn = None
        while (self._due or is_alive) and not self._is_blocked:
            told = list(self._due.values())[: messages.PER_MESSAGE]
            try:
                self._socket.send(messages.encode([_report_of(runner) for runner in told]))
            except BlockingIOError:
                self._is_blocked = True
                self._loop.add_writer(self._socket, self._on_writable)
                return
            except OSError:
                self._loop.stop()
                return
            is_alive = False
            for runner in told:
                del self._due[runner.serial]

    def _on_writable(self) -> None:
        self._loop.remove_writer(self._socket)
        self._is_blocked = False
        self._tell()


def _report_of(runner: Runner) -> Report:
    outcome = runner.outcome
    assert outcome is not None
    return Report(
        runner.serial,
        runner.judgement.state,
        outcome.is_success,
        outcome.text[: messages.TEXT_LIMIT],
        runner.duration_ns,
        runner.runs,
        runner.skipped,
    )


def main() -> None:
    socket_fd = int(sys.argv[1])
    os.closerange(socket_fd + 1, LAST_FD)  # what whoever started the daemon had left open
    os.set_inheritable(socket_fd, False)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    log.setup("warning")
    for number in _OUTLIVED:
        signal.signal(number, signal.SIG_IGN)
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.chdir("/")
    with socket.socket(fileno=socket_fd) as connection:
        connection.setblocking(False)
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        helper = Helper(loop, connection)
        loop.run_forever()
        helper.close()


if __name__ == "__main__":
    main()
