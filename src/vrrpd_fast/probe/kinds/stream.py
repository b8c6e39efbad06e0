"""Probes `tcp` and `unix`: something accepts connections, and perhaps says what is expected of it.

A run is a non-blocking socket on the loop, without a task: what asks this machine mostly ends within the call
that begins it.
"""

import asyncio
import errno
import os
import socket
import struct

from vrrpd_fast.model import TcpProbe, UnixProbe
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome, failure

READ_LIMIT = 16 * 1024
_CONNECTED = Outcome(True, "connected")
_FOUND = Outcome(True, "answered as expected")
# Closing resets the connection: no TIME_WAIT for each run, which at 100 a second would eat up the ports.
_RESET = struct.pack("ii", 1, 0)


def make(settings: TcpProbe | UnixProbe, context: Context) -> Check:
    """The check that these settings describe."""
    return StreamCheck(settings, context.loop)


class StreamCheck:
    """Connects; then sends and reads if the settings want that."""

    def __init__(self, settings: TcpProbe | UnixProbe, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._send = (settings.send or "").encode()
        self._expect = (settings.expect or "").encode()
        self._source: tuple[str, int] | None = None
        self._address: str | tuple[str, int]
        if isinstance(settings, TcpProbe):
            self._family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
            self._address = settings.address, settings.port
            if settings.source is not None:
                self._source = settings.source, 0
        else:
            self._family = socket.AF_UNIX
            self._address = "\0" + settings.path[1:] if settings.path[0] == "@" else settings.path
        self._socket: socket.socket | None = None
        self._conclude: Conclude
        self._unsent = b""
        self._answer = b""

    def begin(self, conclude: Conclude) -> None:
        self._conclude = conclude
        self._socket = sock = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            if self._family != socket.AF_UNIX:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if self._source is not None:
                sock.bind(self._source)
            result = sock.connect_ex(self._address)
            if result == errno.EINPROGRESS:
                # On this machine the answer is there already; asking again is cheaper than to be woken.
                result = sock.connect_ex(self._address)
        except OSError as error:
            self._end(failure(error))
            return
        if result == errno.EALREADY:
            self._loop.add_writer(sock.fileno(), self._on_connected)
        else:
            self._connected(result)

    def abandon(self) -> None:
        if self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Nothing outlives a run."""

    def _on_connected(self) -> None:
        assert self._socket is not None
        self._loop.remove_writer(self._socket.fileno())
        self._connected(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _connected(self, result: int) -> None:
        if result != 0:
            # EAGAIN is a unix socket whose backlog is full.
            text = "nobody accepts the connection" if result == errno.EAGAIN else os.strerror(result)
            self._end(Outcome(False, text))
        elif not self._expect:
            self._end(_CONNECTED)
        else:
            assert self._socket is not None
            self._unsent, self._answer = self._send, b""
            self._loop.add_reader(self._socket.fileno(), self._on_readable)
            if self._unsent:
                self._loop.add_writer(self._socket.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        assert self._socket is not None
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._end(failure(error))
            return
        if not self._unsent:
            self._loop.remove_writer(self._socket.fileno())

    def _on_readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(READ_LIMIT - len(self._answer))
        except BlockingIOError:
            return
        except OSError as error:
            self._end(failure(error))
            return
        self._answer += data
        if self._expect in self._answer:
            self._end(_FOUND)
        elif not data or len(self._answer) == READ_LIMIT:
            self._end(Outcome(False, f"answered {shown(self._answer)}"))

    def _end(self, outcome: Outcome) -> None:
        self.abandon()
        self._conclude(outcome)


def shown(answer: bytes) -> str:
    """What was answered, cut and made fit for one line."""
    if not answer:
        return "nothing"
    return repr(answer[:40].decode(errors="replace")) + ("…" if len(answer) > 40 else "")
