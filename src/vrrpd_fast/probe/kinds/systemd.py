"""Probe `systemd`: the state of a unit, asked of systemd over one connection for all probes.

Its own socket is taken where we may (root), which works without a bus; else the system bus. What is asked in
one turn of the loop is one call (ListUnitsByNames), as all of it is work for process 1.
"""

import asyncio
import errno
import os
import socket

from vrrpd_fast.model import SystemdProbe
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome
from vrrpd_fast.probe.kinds import dbus
from vrrpd_fast.probe.kinds.dbus import Call
from vrrpd_fast.probe.kinds.shown import shown

PRIVATE = "/run/systemd/private"
BUS = "/run/dbus/system_bus_socket"
RETRY_S = 0.1  # while systemd starts itself anew (daemon-reexec) nobody listens
_UNANSWERED = 16  # calls; who does not answer them gets a new connection
_READ = 64 * 1024
_LONGEST_LINE = 1024  # of authentication
_UNIT = "ssssssouso"  # of a(ssssssouso): name, description, load state, active state, sub state, …
_HELLO = Call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")


def make(settings: SystemdProbe, context: Context) -> Check:
    """The check of a systemd block."""
    return SystemdCheck(settings, context)


class SystemdCheck:
    """Asks for one unit."""

    def __init__(self, settings: SystemdProbe, context: Context) -> None:
        self.unit = settings.unit
        self._states = settings.states
        self._manager = context.shared(Manager)
        self._conclude: Conclude | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a run is under way."""
        return self._conclude is not None

    def begin(self, conclude: Conclude) -> None:
        self._conclude = conclude
        self._manager.ask(self)

    def abandon(self) -> None:
        self._conclude = None
        self._manager.forget(self)

    def close(self) -> None:
        """Nothing outlives a run."""

    def answer(self, load: str, active: str, sub: str) -> None:
        """The unit is in these states."""
        if load == "not-found":
            self.fail("there is no such unit")
        else:
            self._end(Outcome(active in self._states, shown(f"{active} ({sub})")))

    def fail(self, why: str) -> None:
        """The unit's state is not to be had."""
        self._end(Outcome(False, why))

    def _end(self, outcome: Outcome) -> None:
        conclude, self._conclude = self._conclude, None
        if conclude is not None:
            conclude(outcome)


class Manager:
    """The connection to systemd, made when something is asked, and again when it is lost."""

    def __init__(self, context: Context) -> None:
        self._loop = context.loop
        self._socket: socket.socket | None = None
        self._is_ready = False
        self._is_bus = False
        self._received = b""
        self._unsent = b""
        self._serial = 0
        self._new: list[SystemdCheck] = []  # not asked yet
        self._asked: dict[int, list[SystemdCheck]] = {}
        self._turn: asyncio.Handle | None = None

    def ask(self, check: SystemdCheck) -> None:
        """Have this check answered, or failed."""
        self._new.append(check)
        if self._turn is None:
            self._turn = self._loop.call_soon(self._go_on)

    def forget(self, check: SystemdCheck) -> None:
        """It does not wait any more."""
        if check in self._new:
            self._new.remove(check)
        if len(self._asked) > _UNANSWERED:
            self._hang_up()

    def close(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        self._hang_up()

    def _go_on(self) -> None:
        self._turn = None
        if not self._new:
            return
        if self._socket is None:
            self._connect()
        elif self._is_ready:
            checks, self._new = self._new, []
            units = [check.unit for check in checks]
            self._asked[self._call(_listing(units, self._is_bus))] = checks

    def _connect(self) -> None:
        path = PRIVATE if os.access(PRIVATE, os.W_OK) else BUS
        self._is_bus = path == BUS
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        result = connection.connect_ex(path)
        if result:
            connection.close()
            if result in (errno.ECONNREFUSED, errno.EAGAIN):
                self._turn = self._loop.call_later(RETRY_S, self._go_on)
            else:
                self._fail(f"{path}: {os.strerror(result)}")
            return
        self._socket = connection
        self._loop.add_reader(connection.fileno(), self._on_readable)
        # BEGIN goes with it, as sd-bus does it: systemd does not look at a call that comes in one piece with
        # BEGIN before something else comes. The first call waits for the OK.
        self._send(b"\0AUTH EXTERNAL %s\r\nBEGIN\r\n" % str(os.geteuid()).encode().hex().encode())

    def _call(self, call: Call) -> int:
        self._serial += 1
        self._send(call.encode(self._serial))
        return self._serial

    def _send(self, data: bytes) -> None:
        is_waiting = bool(self._unsent)
        self._unsent += data
        if not is_waiting:
            self._on_writable()

    def _on_writable(self) -> None:
        assert self._socket is not None
        descriptor = self._socket.fileno()
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:  # whoever reads is told as well
            self._unsent = b""
        if self._unsent:
            self._loop.add_writer(descriptor, self._on_writable)
        else:
            self._loop.remove_writer(descriptor)

    def _on_readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._received += data
        try:
            if data:
                self._take()
        except dbus.MalformedError as error:
            data = b""
            self._fail(f"systemd says {error}")
        if not data:
            self._hang_up()

    def _take(self) -> None:
        """Act upon what was received."""
        if not self._is_ready:
            line, end, rest = self._received.partition(b"\r\n")
            if not end and len(line) > _LONGEST_LINE:
                raise dbus.MalformedError("no D-Bus")
            if not end:
                return
            if not line.startswith(b"OK"):
                raise dbus.MalformedError(f"{shown(line.decode(errors='replace'))} instead of OK")
            self._received = rest
            self._is_ready = True
            if self._is_bus:
                self._call(_HELLO)
            self._go_on()
        while True:
            reply, length = dbus.decode(self._received)
            if not length:
                return
            self._received = self._received[length:]
            if reply is not None and reply.serial in self._asked:
                self._answer(self._asked.pop(reply.serial), reply)

    def _answer(self, checks: list[SystemdCheck], reply: dbus.Reply) -> None:
        units = [] if reply.error else list(reply.structs(_UNIT))
        for number, check in enumerate(checks):
            if reply.error:
                check.fail(shown(reply.error, 100))
            elif number < len(units):  # in the order in which they were asked for
                check.answer(*units[number][2:5])
            else:
                check.fail("systemd does not say")

    def _fail(self, why: str) -> None:
        waiting = [*self._new, *(check for checks in self._asked.values() for check in checks)]
        self._new.clear()
        self._asked.clear()
        for check in waiting:
            check.fail(why)

    def _hang_up(self) -> None:
        """Forget the connection; what waits is asked again on a new one."""
        if self._socket is None:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._socket = None
        self._is_ready = False
        self._received = self._unsent = b""
        for checks in self._asked.values():
            self._new += [check for check in checks if check.is_waiting]
        self._asked.clear()
        if self._turn is None and self._new:
            self._turn = self._loop.call_later(RETRY_S, self._go_on)


def _listing(units: list[str], is_bus: bool) -> Call:
    return Call(
        "org.freedesktop.systemd1" if is_bus else "",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        "ListUnitsByNames",
        units,
    )
