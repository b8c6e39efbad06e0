"""What probes have in common that connect to a stream socket: a non-blocking socket on the loop, no task.

What asks this machine is mostly connected within the call that begins the run.
"""

import asyncio
import errno
import os
import socket
import struct

from vrrpd_fast.probe.check import Conclude, Outcome, failure

Address = str | tuple[str, int]

# Closing resets the connection: no TIME_WAIT for each run, which at 100 a second would eat up the ports.
_RESET = struct.pack("ii", 1, 0)


class ConnectingCheck:
    """Connects; `connected` is what comes then. Subclasses end a run by `end`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, address: Address, source: str | None = None) -> None:
        self.loop = loop
        self.socket: socket.socket | None = None
        self._address = address
        self._source = None if source is None else (source, 0)
        if isinstance(address, str):
            self._family = socket.AF_UNIX
        else:
            self._family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._conclude: Conclude

    def connected(self, sock: socket.socket) -> None:
        """The connection is there. OSError ends the run."""
        raise NotImplementedError

    def begin(self, conclude: Conclude) -> None:
        self._conclude = conclude
        self.socket = sock = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
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
            self.end(failure(error))
            return
        if result == errno.EALREADY:
            self.loop.add_writer(sock.fileno(), self._on_connected)
        else:
            self._connected(result)

    def abandon(self) -> None:
        if self.socket is None:
            return
        if (descriptor := self.socket.fileno()) >= 0:
            self.loop.remove_writer(descriptor)
            self.loop.remove_reader(descriptor)
        self.socket.close()
        self.socket = None

    def close(self) -> None:
        """Nothing outlives a run."""

    def end(self, outcome: Outcome) -> None:
        """The run is over."""
        self.abandon()
        self._conclude(outcome)

    def _on_connected(self) -> None:
        assert self.socket is not None
        self.loop.remove_writer(self.socket.fileno())
        self._connected(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _connected(self, result: int) -> None:
        if result != 0:
            # EAGAIN is a unix socket whose backlog is full.
            text = "nobody accepts the connection" if result == errno.EAGAIN else os.strerror(result)
            self.end(Outcome(False, text))
            return
        assert self.socket is not None
        try:
            self.connected(self.socket)
        except OSError as error:
            self.end(failure(error))
