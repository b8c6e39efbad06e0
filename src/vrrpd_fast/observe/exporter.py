"""The metrics over HTTP, for Prometheus: a process of its own that reads the stats segment and nothing else.

Whoever can connect can send anything: requests are parsed by h11, size, number and duration are bounded,
and what it costs to answer them is bounded too, by giving the same text again for a while.
"""

import asyncio
import contextlib
import gzip
import logging
import os
import signal
import socket
import stat
import time
from collections.abc import Callable

import h11

from vrrpd_fast.observe.exposition import Dialect
from vrrpd_fast.observe.metrics import render
from vrrpd_fast.observe.segment import SegmentError, Snapshot, read

log = logging.getLogger(__name__)

CONNECTIONS = 64
HEADERS = 16384  # bytes of a request
PATIENCE = 10.0  # seconds for a request to come, or for a part of an answer to be taken
PIECE = 1 << 18  # bytes of an answer that may wait for the reader
PATH = b"/metrics"
UNIX = "unix:"
# A text is given again until making it has cost less than this part of the time.
SHARE = 0.2
LEAST_AGE = 0.05  # seconds


class Texts:
    """The text to serve, made at most so often that it takes a fifth of a CPU."""

    def __init__(
        self,
        socket_path: str,
        *,
        keepalived: bool = False,
        read: Callable[[str], Snapshot] = read,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._socket_path = socket_path
        self._keepalived = keepalived
        self._read = read
        self._clock = clock
        self._made: dict[tuple[Dialect, bool], tuple[float, bytes]] = {}  # until when it is fresh
        self._trouble = ""

    def get(self, dialect: Dialect, compressed: bool) -> bytes:
        """The metrics now, or a little before now."""
        now = self._clock()
        until, data = self._made.get((dialect, compressed), (0.0, b""))
        if now >= until or not data:
            text = render(self._snapshot(), dialect, keepalived=self._keepalived)
            data = text.encode()
            if compressed:
                data = gzip.compress(data, 1)
            done = self._clock()
            self._made[dialect, compressed] = (done + max(LEAST_AGE, (done - now) / SHARE), data)
        return data

    def _snapshot(self) -> Snapshot | None:
        """None when there is no segment to read, which is told once."""
        try:
            snapshot = self._read(self._socket_path)
        except SegmentError as error:
            if error.strerror != self._trouble:
                self._trouble = error.strerror or ""
                log.warning("%s", self._trouble)
            return None
        if self._trouble:
            self._trouble = ""
            log.info("the stats segment can be read again")
        return snapshot


class Exporter:
    """Serves `texts` to every connection that is given to `serve`."""

    def __init__(self, texts: Texts, *, patience: float = PATIENCE, connections: int = CONNECTIONS) -> None:
        self._texts = texts
        self._patience = patience
        self._limit = connections
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side has had enough."""
        self._open += 1
        try:
            # Peers that vanish, dawdle or send nonsense are no news.
            with contextlib.suppress(OSError, TimeoutError, h11.RemoteProtocolError):
                if self._open <= self._limit:
                    await self._converse(reader, writer)
                writer.close()
                async with asyncio.timeout(self._patience):
                    await writer.wait_closed()  # the rest of the answer is sent
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS)
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    request = await _request(connection, reader)
            except h11.RemoteProtocolError as error:
                await self._refuse(connection, writer, error.error_status_hint)
                return
            if request is None:
                return
            status, headers, body = self._respond(request)
            headers["content-length"] = str(len(body))
            has_body = request.method != b"HEAD"
            await self._answer(connection, writer, status, headers, body if has_body else b"")
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    def _respond(self, request: h11.Request) -> tuple[int, dict[str, str], bytes]:
        if request.method not in (b"GET", b"HEAD"):
            return _plain(405, "GET it", allow="GET, HEAD")
        if request.target.partition(b"?")[0] != PATH:
            return _plain(404, "metrics are at /metrics")
        headers = dict(request.headers)  # of repeated ones the last; none of those below repeats
        dialect = Dialect.TEXT
        if b"application/openmetrics-text" in headers.get(b"accept", b""):
            dialect = Dialect.OPENMETRICS
        compressed = _takes_gzip(headers.get(b"accept-encoding", b""))
        told = {"content-type": str(dialect), "vary": "accept, accept-encoding"}
        if compressed:
            told["content-encoding"] = "gzip"
        return 200, told, self._texts.get(dialect, compressed)

    async def _answer(
        self,
        connection: h11.Connection,
        writer: asyncio.StreamWriter,
        status: int,
        headers: dict[str, str],
        body: bytes,
    ) -> None:
        head = connection.send(h11.Response(status_code=status, headers=list(headers.items())))
        writer.write(head or b"")
        for at in range(0, len(body), PIECE):
            writer.write(connection.send(h11.Data(data=body[at : at + PIECE])) or b"")
            async with asyncio.timeout(self._patience):
                await writer.drain()
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        async with asyncio.timeout(self._patience):
            await writer.drain()

    async def _refuse(self, connection: h11.Connection, writer: asyncio.StreamWriter, status: int) -> None:
        """What is not HTTP is told so, and the connection ends."""
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            _, headers, body = _plain(status, "not a request")
            headers |= {"content-length": str(len(body)), "connection": "close"}
            await self._answer(connection, writer, status, headers, body)


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The next request, whose body nobody reads; None when the connection ends."""
    request: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(HEADERS))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            raise h11.RemoteProtocolError("a body", error_status_hint=413)
        elif isinstance(event, h11.EndOfMessage):
            return request
        else:  # ConnectionClosed, or PAUSED: pipelined requests are taken up one after the other
            return None


def _plain(status: int, text: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"content-type": "text/plain; charset=utf-8", **headers}, f"{text}\n".encode()


def _takes_gzip(accepted: bytes) -> bool:
    for each in accepted.lower().split(b","):
        coding, *parameters = (part.strip() for part in each.split(b";"))
        if coding == b"gzip":
            return parameters not in ([b"q=0"], [b"q=0.0"], [b"q=0.00"], [b"q=0.000"])
    return False


def parse_listen(text: str) -> tuple[str, int] | str:
    """`ADDRESS:PORT`, `[ADDRESS]:PORT`, `:PORT` as address and port; `unix:PATH` as the path. ValueError."""
    if text.startswith(UNIX):
        if not text[len(UNIX) :]:
            raise ValueError("unix: needs a path")
        return text[len(UNIX) :]
    address, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{text!r} is neither ADDRESS:PORT nor unix:PATH")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    elif ":" in address:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets: [ADDRESS]:PORT")
    return address, int(port)


async def run(where: tuple[str, int] | str, socket_path: str, *, keepalived: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; OSError when it cannot listen there."""
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    server = await listen(Exporter(Texts(socket_path, keepalived=keepalived)), where)
    log.info("metrics of %s at %s", socket_path, " and ".join(map(_where, server.sockets)))
    await end.wait()
    server.close()


async def listen(exporter: Exporter, where: tuple[str, int] | str) -> asyncio.Server:
    """Open the socket; OSError when that cannot be."""
    if isinstance(where, str):
        _remove_dead(where)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(where)  # asyncio would take the place of a server that lives
            return await asyncio.start_unix_server(
                exporter.serve, sock=listener.dup(), limit=HEADERS, backlog=CONNECTIONS
            )
    host, port = where
    return await asyncio.start_server(exporter.serve, host or None, port, limit=HEADERS, backlog=CONNECTIONS)


def _where(listener: socket.socket) -> str:
    name = listener.getsockname()
    if isinstance(name, str):
        return UNIX + name
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}/metrics"


def _remove_dead(path: str) -> None:
    """A socket that an earlier run has left and nobody serves."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
