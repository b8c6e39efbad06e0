"""tcp and unix: connections to servers that accept, refuse, hang and babble."""

import asyncio
import queue
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unit.probe import servers
from unit.probe.running import outcome_of
from unit.probe.running import run as run_again
from vrrpd_fast.model import TcpProbe, UnixProbe
from vrrpd_fast.probe.check import Context, Outcome
from vrrpd_fast.probe.kinds.stream import READ_LIMIT, StreamCheck

RunFixture = Callable[[Any], Any]
CONNECTED = Outcome(True, "connected")


def context() -> Context:
    return Context(asyncio.get_running_loop())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def ask(serve: servers.Serve, timeout: float = 5.0, **more: Any) -> Outcome:
    with servers.tcp(serve) as port:
        return await outcome_of(TcpProbe(address="127.0.0.1", port=port, **more), context(), timeout)


def test_connected_and_refused(run: RunFixture) -> None:
    assert run(ask(servers.hangs)) == CONNECTED
    assert run(ask(servers.hangs, source="127.0.0.2")) == CONNECTED

    async def refused() -> Outcome:
        return await outcome_of(TcpProbe(address="127.0.0.1", port=free_port()), context())

    assert run(refused()) == Outcome(False, "Connection refused")


def test_a_source_that_is_not_ours(run: RunFixture) -> None:
    assert run(ask(servers.hangs, source="192.0.2.77")) == Outcome(False, "Cannot assign requested address")


def test_over_ipv6(run: RunFixture) -> None:
    async def connect() -> Outcome:
        with servers.tcp(servers.hangs, address="::1") as port:
            return await outcome_of(TcpProbe(address="::1", port=port), context())

    assert run(connect()) == CONNECTED


@pytest.mark.parametrize(
    ("answer", "expect", "outcome"),
    [
        (b"+PONG\r\n", "+PONG", Outcome(True, "answered as expected")),
        (b"-ERR no\r\n", "+PONG", Outcome(False, 'answered "-ERR no\\r\\n"')),
        (b"", "+PONG", Outcome(False, "answered nothing")),
        (b"\xff\x1b[2J" + b"x" * 100, "+PONG", None),
    ],
)
def test_what_is_expected(run: RunFixture, answer: bytes, expect: str, outcome: Outcome | None) -> None:
    found = run(ask(servers.says(answer, asked=b"PING\r\n"), send="PING\r\n", expect=expect))
    if outcome is None:
        assert not found.is_success and found.text.isprintable() and len(found.text) < 60
    else:
        assert found == outcome


def test_a_greeting_needs_no_question(run: RunFixture) -> None:
    assert run(ask(servers.says(b"220 mail ready\r\n"), expect="220 ")).is_success


def test_an_answer_in_pieces(run: RunFixture) -> None:
    def serve(connection: socket.socket) -> None:
        for piece in (b"rea", b"dy", b" now"):
            connection.sendall(piece)
            time.sleep(0.01)

    assert run(ask(serve, expect="ready")).is_success


def test_an_answer_without_end_is_cut_off(run: RunFixture) -> None:
    def serve(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65536)

    found = run(ask(serve, expect="ready"))
    assert not found.is_success and found.text.startswith('answered "xxx')


def test_who_says_nothing_is_left(run: RunFixture) -> None:
    gone: queue.SimpleQueue[bytes | str] = queue.SimpleQueue()

    def serve(connection: socket.socket) -> None:
        try:
            gone.put(connection.recv(100))
        except ConnectionResetError:
            gone.put("reset")

    async def leave() -> Outcome:
        return await ask(serve, timeout=0.05, expect="ready")

    assert run(leave()) == Outcome(False, "timed out")
    assert gone.get(timeout=5) == "reset"


def test_much_to_send_while_nobody_reads(run: RunFixture) -> None:
    """The limit of the file is 4096 bytes; a full socket is tried with more."""
    assert run(ask(servers.hangs, timeout=0.1, send="x" * (8 << 20), expect="y")).text == "timed out"


def test_no_port_waits_for_its_time(run: RunFixture) -> None:
    """A connection is reset when it is closed: no TIME_WAIT, however often it is asked."""

    async def many() -> int:
        with servers.tcp(servers.hangs) as port:
            check = StreamCheck(TcpProbe(address="127.0.0.1", port=port), asyncio.get_running_loop())
            for _ in range(20):
                assert await run_again(check, context()) == CONNECTED
            lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
            waiting = [line for line in lines if line.split()[3] == "06" and f":{port:04X}" in line]
            return len(waiting)

    assert run(many()) == 0


def test_unix_sockets(run: RunFixture, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    async def outcomes() -> list[Outcome]:
        asked = UnixProbe(path=path, send="show\n", expect="up")
        found = [await outcome_of(asked, context())]
        with servers.unix(path, servers.says(b"up\n", asked=b"show\n")):
            found.append(await outcome_of(asked, context()))
            found.append(await outcome_of(UnixProbe(path=path), context()))
        with servers.unix(f"\0{path}", servers.hangs):
            found.append(await outcome_of(UnixProbe(path=f"@{path}"), context()))
        Path(path).unlink(missing_ok=True)
        return [*found, await outcome_of(UnixProbe(path=f"@{path}"), context())]

    assert run(outcomes()) == [
        Outcome(False, "No such file or directory"),
        Outcome(True, "answered as expected"),
        CONNECTED,
        CONNECTED,
        Outcome(False, "Connection refused"),
    ]


def test_a_unix_socket_whose_backlog_is_full(run: RunFixture, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    async def outcomes() -> list[Outcome]:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen(0)
            with socket.socket(socket.AF_UNIX) as first:
                first.connect(path)
                return [await outcome_of(UnixProbe(path=path), context()) for _ in range(2)]

    assert run(outcomes())[-1] == Outcome(False, "nobody accepts the connection")


def test_the_limit_of_an_answer_is_the_documented_one() -> None:
    assert READ_LIMIT == 16 * 1024
