"""A Varlink server (varlink.org) on a unix socket: NUL-terminated JSON calls, answered in their order.

Whoever connects must be root or the daemon's own user, and even they cannot hold the daemon's memory or its
loop: calls are bounded in size, connections in number (the longest idle one makes room), long answers are
written piece by piece as the reader takes them, and a reader who takes nothing is disconnected.
"""

import asyncio
import inspect
import logging
import os
import socket
import struct
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from ..log import RateLimit

log = logging.getLogger(__name__)

CALL_LIMIT = 1024 * 1024  # bytes
CONNECTION_LIMIT = 64
STALL_LIMIT = 10.0  # seconds an answer may wait for its reader, and half a call for its rest
BACKLOG = 64
UCRED = struct.Struct("3i")  # pid, uid, gid


class VarlinkError(Exception):
    """An error answer: its full name, and its parameters."""

    def __init__(self, name: str, **parameters: Any) -> None:
        super().__init__(name)
        self.name = name
        self.parameters = parameters


class Call(Struct):
    """A call as it is on the wire."""

    method: str
    parameters: dict[str, Any] | None = None
    oneway: bool = False
    more: bool = False
    upgrade: bool = False


class Method(Struct, frozen=True):
    """`call` gets the parameters that were given, checked against their types. It returns, or is a coroutine
    of, the answer's parameters: a dict, or pieces of its JSON text if that is too long to build at once."""

    call: Callable[..., Any]
    parameters: Mapping[str, Any] = types.MappingProxyType({})


class Interface(Struct, frozen=True):
    name: str
    description: str
    methods: Mapping[str, Method]


class Server:
    """Serves interfaces to the connections of one listening socket."""

    def __init__(self, interfaces: Iterable[Interface], *, vendor: str, product: str, version: str) -> None:
        self._info = {"vendor": vendor, "product": product, "version": version, "url": ""}
        self._interfaces = {interface.name: interface for interface in (*interfaces, self._introspection())}
        self._info["interfaces"] = sorted(self._interfaces)  # type: ignore[assignment]
        self.tasks: set[asyncio.Task[None]] = set()
        self._uids = {0, os.geteuid()}
        self._connections: dict[Connection, None] = {}  # the longest idle first
        self._limit = RateLimit(5, 60.0)
        self._server: asyncio.AbstractServer | None = None

    async def start(self, listener: socket.socket) -> None:
        """Serve a bound unix socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            lambda: Connection(self, loop), sock=listener, backlog=BACKLOG
        )

    async def close(self) -> None:
        """Disconnect everyone, and give up calls that have not ended."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self._server.wait_closed()

    def admit(self, connection: "Connection", pid: int, uid: int) -> bool:
        """Whether to serve this peer. Makes room if need be."""
        if uid not in self._uids:
            self._limit.log(
                log, logging.WARNING, uid, "control socket: refused process %d of user %d", pid, uid
            )
            return False
        if len(self._connections) >= CONNECTION_LIMIT:
            idle = next((each for each in self._connections if not each.is_busy), None)
            if idle is None:
                self._limit.log(log, logging.WARNING, "full", "control socket: all connections are busy")
                return False
            idle.abort()
            del self._connections[idle]
        self._connections[connection] = None
        return True

    def used(self, connection: "Connection") -> None:
        """This connection has just called: it is the last to make room for others."""
        if self._connections.pop(connection, self) is None:
            self._connections[connection] = None

    def left(self, connection: "Connection") -> None:
        self._connections.pop(connection, None)

    async def answer(self, call: Call) -> Any:
        """The parameters of the answer. VarlinkError is an error answer."""
        interface_name, _, method_name = call.method.rpartition(".")
        interface = self._interfaces.get(interface_name)
        if interface is None:
            raise VarlinkError("org.varlink.service.InterfaceNotFound", interface=interface_name)
        method = interface.methods.get(method_name)
        if method is None:
            raise VarlinkError("org.varlink.service.MethodNotFound", method=method_name)
        result = method.call(**_checked(call.parameters or {}, method.parameters))
        return await result if inspect.isawaitable(result) else result

    def _introspection(self) -> Interface:
        return Interface(
            "org.varlink.service",
            INTROSPECTION,
            {
                "GetInfo": Method(lambda: self._info),
                "GetInterfaceDescription": Method(self._describe, {"interface": str}),
            },
        )

    def _describe(self, interface: str | None = None) -> dict[str, str]:
        if interface is None:
            raise VarlinkError("org.varlink.service.InvalidParameter", parameter="interface")
        if interface not in self._interfaces:
            raise VarlinkError("org.varlink.service.InterfaceNotFound", interface=interface)
        return {"description": self._interfaces[interface].description}


class Connection(asyncio.Protocol):
    """One client: its calls are answered one after the other, by one task while there are any."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._buffer = bytearray()
        self._scanned = 0  # bytes of the buffer known to hold no NUL
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_writable = asyncio.Event()
        self._is_writable.set()
        self._half_call: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        return self._task is not None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        peer = self._transport.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size
        )
        pid, uid, _ = UCRED.unpack(peer)
        if not self._server.admit(self, pid, uid):
            self._transport.abort()
            self._transport = None

    def connection_lost(self, error: Exception | None) -> None:
        self._server.left(self)
        self._transport = None
        if self._half_call is not None:
            self._half_call.cancel()
        self._is_writable.set()  # a call that has begun ends as it would, whoever waits for its answer

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._buffer += data
        if self._task is None:
            self._go_on()
        elif len(self._buffer) > CALL_LIMIT:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._is_writable.clear()

    def resume_writing(self) -> None:
        self._is_writable.set()

    def _go_on(self) -> None:
        """Begin the next call, or wait for its rest."""
        assert self._transport is not None
        if self._half_call is not None:
            self._half_call.cancel()
            self._half_call = None
        end = self._buffer.find(b"\0", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
        if (len(self._buffer) if end < 0 else end) > CALL_LIMIT:
            self._refuse("a call of more than 1 MiB")
        elif end >= 0:
            message = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._scanned = 0
            self._server.used(self)
            self._task = self._loop.create_task(self._serve(message))
            self._server.tasks.add(self._task)
            self._task.add_done_callback(self._server.tasks.discard)
        else:
            self._transport.resume_reading()
            if self._buffer:
                self._half_call = self._loop.call_later(STALL_LIMIT, self._refuse, "half a call")

    def _refuse(self, what: str) -> None:
        log.debug("control socket: a client sent %s and is disconnected", what)
        self.abort()

    async def _serve(self, message: bytes) -> None:
        try:
            call = msgspec.json.decode(message, type=Call)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Varlink has no error for what is not even a call.
            self._refuse("what is no Varlink call")
            self._task = None
            return
        try:
            answer = await self._server.answer(call)
            pieces = [_encode({"parameters": answer})] if isinstance(answer, dict) else _wrap(answer)
        except VarlinkError as error:
            pieces = [_encode({"error": error.name, "parameters": error.parameters})]
        except Exception:
            log.exception("control socket: %s failed", call.method)
            pieces = [_encode({"error": "org.vrrpdfast.InternalError", "parameters": {}})]
        if not call.oneway:
            await self._write(pieces)
        self._task = None
        if self._transport is not None and not self._transport.is_closing():
            self._go_on()

    async def _write(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if self._transport is None or self._transport.is_closing():
                return
            self._transport.write(piece)
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout(STALL_LIMIT):
                    await self._is_writable.wait()
            except TimeoutError:
                log.warning("control socket: a client does not read its answer and is disconnected")
                self.abort()
                return


def _checked(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters by their declared types; VarlinkError names the first that does not fit."""
    for name in given:
        if name not in known:
            raise VarlinkError("org.varlink.service.InvalidParameter", parameter=name)
    checked = {}
    for name, value in given.items():
        try:
            checked[name] = msgspec.convert(value, known[name])
        except msgspec.ValidationError:
            raise VarlinkError("org.varlink.service.InvalidParameter", parameter=name) from None
    return checked


def _encode(message: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(message) + b"\0"


def _wrap(pieces: Iterable[bytes]) -> Iterable[bytes]:
    yield b'{"parameters":'
    yield from pieces
    yield b"}\0"


INTROSPECTION = """\
# What every Varlink service tells about itself.
interface org.varlink.service

method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)

method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
"""
