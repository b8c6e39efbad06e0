"""Probes `tcp` and `unix`: something accepts connections, and perhaps says what is expected of it."""

import asyncio
import socket

from vrrpd_fast.model import TcpProbe, UnixProbe
from vrrpd_fast.probe.check import Check, Context, Outcome, failure
from vrrpd_fast.probe.kinds.connecting import Address, ConnectingCheck
from vrrpd_fast.probe.kinds.shown import shown

READ_LIMIT = 16 * 1024
_CONNECTED = Outcome(True, "connected")
_FOUND = Outcome(True, "answered as expected")


def make(settings: TcpProbe | UnixProbe, context: Context) -> Check:
    """The check of a tcp or unix block."""
    return StreamCheck(settings, context.loop)


class StreamCheck(ConnectingCheck):
    """Connects; then sends and reads if the settings want that."""

    def __init__(self, settings: TcpProbe | UnixProbe, loop: asyncio.AbstractEventLoop) -> None:
        if isinstance(settings, TcpProbe):
            super().__init__(loop, (settings.address, settings.port), settings.source)
        else:
            super().__init__(loop, unix_address(settings.path))
        self._send = (settings.send or "").encode()
        self._expect = (settings.expect or "").encode()
        self._unsent = b""
        self._answer = b""

    def connected(self, sock: socket.socket) -> None:
        if not self._expect:
            self.end(_CONNECTED)
            return
        self._unsent, self._answer = self._send, b""
        self.loop.add_reader(sock.fileno(), self._on_readable)
        if self._unsent:
            self.loop.add_writer(sock.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        assert self.socket is not None
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self.end(failure(error))
            return
        if not self._unsent:
            self.loop.remove_writer(self.socket.fileno())

    def _on_readable(self) -> None:
        assert self.socket is not None
        try:
            data = self.socket.recv(READ_LIMIT - len(self._answer))
        except BlockingIOError:
            return
        except OSError as error:
            self.end(failure(error))
            return
        self._answer += data
        if self._expect in self._answer:
            self.end(_FOUND)
        elif not data or len(self._answer) == READ_LIMIT:
            self.end(Outcome(False, f"answered {excerpt(self._answer)}"))


def unix_address(path: str) -> Address:
    """What connect() takes for a path, or for the @NAME of an abstract socket."""
    return "\0" + path[1:] if path.startswith("@") else path


def excerpt(answer: bytes) -> str:
    """The beginning of what was answered, fit for one line."""
    if not answer:
        return "nothing"
    return f'"{shown(answer[:100].decode(errors="replace"), 40)}"'
