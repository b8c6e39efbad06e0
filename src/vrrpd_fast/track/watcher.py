"""A thread that counts processes, so that nothing it waits for holds the loop.

Where the kernel tells of processes (connector.py), /proc is read once, and again when events were lost. Where
it does not, /proc is read again and again at a bounded rate, and the end of a process that counts is told by
its pidfd.
"""

import contextlib
import errno
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping

from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import ProcessCount
from vrrpd_fast.track import proc
from vrrpd_fast.track.census import Cause, Census, Counts
from vrrpd_fast.track.connector import Connector, Refused, What

log = logging.getLogger(__name__)

EVENTS_PER_TURN = 256
PAUSE_S = 0.002
RESCAN_S = 1.0  # at the earliest, after events were lost
SWEEP_S = 1.0  # from one beginning to the next, at the least
LOOKS_PER_REST = 32
REST_S = 0.01
MOST_PIDFDS = 512

# All counts at first, then those that are others now; `source` is events or scan.
Deliver = Callable[["Watcher", Counts, bool, str], None]


class Watcher:
    """Counts until it is stopped. `deliver(watcher, counts, is_first, source)` is called in its thread."""

    def __init__(
        self,
        wanted: Mapping[str, ProcessCount],
        deliver: Deliver,
        connect: Callable[[], Connector] = Connector,
    ) -> None:
        self._census = Census(wanted)
        self._deliver = deliver
        self._connect = connect
        self._source = "events"
        self._stop, self._stopped = socket.socketpair()
        self._poller = select.poll()
        self._poller.register(self._stopped, select.POLLIN)
        self._has_told = False
        self._limit = RateLimit(1, 60.0)
        self._lost = False  # events, or a look at /proc that failed: it is to be read again
        self._pidfds: dict[int, int] = {}  # process by descriptor
        self._opened: set[int] = set()  # the processes
        threading.Thread(target=self._run, name="processes", daemon=True).start()

    def stop(self) -> None:
        """It ends by itself, soon; nothing is waited for, as a look at a process may take long."""
        self._stop.close()

    def _run(self) -> None:
        with self._stopped:
            try:
                connector = self._connect()
            except Refused as error:
                log.warning(
                    "vrrp_track_process: no process events: %s; reading /proc instead", error.strerror
                )
                self._source = "scan"
                while self._sweep():
                    pass
            else:
                with contextlib.closing(connector):
                    self._follow(connector)
            for fd in self._pidfds:
                os.close(fd)

    def _tell(self, *, is_complete: bool = False) -> None:
        """Nothing is told before all processes have been looked at once."""
        changed = self._census.take_changed()
        if is_complete and not self._has_told:
            self._has_told = True
            counts = {name: (count, Cause.OTHER) for name, count in self._census.counts.items()}
            self._deliver(self, counts, True, self._source)
        elif changed and self._has_told:
            self._deliver(self, changed, False, self._source)

    # -- with events --------------------------------------------------------------------------------------

    def _follow(self, connector: Connector) -> None:
        self._poller.register(connector.fileno(), select.POLLIN)
        self._lost = True
        scanned = time.monotonic() - RESCAN_S
        while True:
            wait = max(0.0, scanned + RESCAN_S - time.monotonic()) if self._lost else None
            if self._is_stopping(self._poller.poll(None if wait is None else wait * 1000)):
                return
            self._hear(connector)
            self._tell()
            time.sleep(PAUSE_S)  # of a storm many wait then, and one wake-up serves them
            if self._lost and time.monotonic() - scanned >= RESCAN_S:
                self._lost = False
                self._scan(connector)
                scanned = time.monotonic()

    def _hear(self, connector: Connector) -> None:
        """Some of the events that wait."""
        for _ in range(EVENTS_PER_TURN):
            try:
                event = connector.read()
                if event is None:
                    return
                self._census.follow(event)
            except OSError as error:
                self._note_loss(error)

    def _scan(self, connector: Connector) -> None:
        """Look at all processes; events wait meanwhile, but not for long."""
        try:
            for number, pid in enumerate([*self._census.matching, *proc.pids()]):
                self._census.look(pid)
                if number % LOOKS_PER_REST == 0:
                    self._hear(connector)
        except OSError as error:
            self._note_loss(error)
        else:
            self._tell(is_complete=True)

    def _note_loss(self, error: OSError) -> None:
        self._lost = True
        if error.errno != errno.ENOBUFS:
            self._limit.log(log, logging.WARNING, "proc", "vrrp_track_process: /proc: %s", error.strerror)

    # -- without ------------------------------------------------------------------------------------------

    def _sweep(self) -> bool:
        """Look at all processes, some at a time; False when it is to stop."""
        end = time.monotonic() + SWEEP_S
        try:
            for number, pid in enumerate([*self._census.matching, *proc.pids()], 1):
                self._look(pid)
                if number % LOOKS_PER_REST == 0 and not self._rest(REST_S):
                    return False
        except OSError as error:
            self._note_loss(error)
        else:
            self._tell(is_complete=True)
        while (left := end - time.monotonic()) > 0:
            if not self._rest(left):
                return False
        return self._rest(0.0)

    def _look(self, pid: int) -> None:
        self._census.look(pid)
        if pid in self._census.matching and pid not in self._opened and len(self._opened) < MOST_PIDFDS:
            try:
                fd = os.pidfd_open(pid)
            except OSError:  # it has ended, or there are too many files open: seen at the next look
                return
            self._opened.add(pid)
            self._pidfds[fd] = pid
            self._poller.register(fd, select.POLLIN)

    def _rest(self, seconds: float) -> bool:
        """Let others run, and hear of the end of processes; False when it is to stop."""
        self._tell()
        ready = self._poller.poll(seconds * 1000)
        if self._is_stopping(ready):
            return False
        for fd, _ in ready:
            pid = self._pidfds.pop(fd)
            self._opened.discard(pid)
            self._poller.unregister(fd)
            os.close(fd)
            self._census.follow((What.EXIT, pid, 0))
        self._tell()
        return True

    def _is_stopping(self, ready: list[tuple[int, int]]) -> bool:
        return any(fd == self._stopped.fileno() for fd, _ in ready)
