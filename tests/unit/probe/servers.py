"""Servers that probes are tried on, in threads: each does with a connection what it is told."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Serve = Callable[[socket.socket], None]
PATIENCE_S = 5.0


@contextmanager
def tcp(serve: Serve, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> Iterator[int]:
    """A server on a free port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listening:
        listening.bind((address, 0))
        with _serving(listening, serve, tls):
            yield listening.getsockname()[1]


@contextmanager
def unix(path: str, serve: Serve) -> Iterator[None]:
    """A server on a unix socket."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        with _serving(listening, serve, None):
            yield


def says(answer: bytes, *, asked: bytes = b"") -> Serve:
    """Answers once `asked` has come, and hangs up."""

    def serve(connection: socket.socket) -> None:
        read_until(connection, asked)
        connection.sendall(answer)

    return serve


def hangs(connection: socket.socket) -> None:
    """Takes everything and says nothing."""
    while connection.recv(65536):
        pass


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """What is said up to `end`."""
    data = b""
    while end not in data:
        piece = connection.recv(4096)
        if not piece:
            break
        data += piece
    return data


@contextmanager
def _serving(listening: socket.socket, serve: Serve, tls: ssl.SSLContext | None) -> Iterator[None]:
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if tls is None:
                serve(connection)
            else:
                wrapped = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                with wrapped as secured:
                    secured.do_handshake()
                    serve(secured)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                connection.settimeout(PATIENCE_S)
                connections.append(connection)
                threads.append(threading.Thread(target=handle, args=(connection,)))
                threads[-1].start()

    listening.listen()
    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(PATIENCE_S)
