"""The server on real sockets, against clients that mean it well and clients that do not."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from vrrpd_fast.control import varlink
from vrrpd_fast.control.varlink import Interface, Method, Server, VarlinkError

RunFixture = Callable[[Any], Any]


class Case:
    """Methods to call."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def interface(self) -> Interface:
        methods = {
            "Echo": Method(self.echo, {"text": str, "numbers": list[int] | None}),
            "Slow": Method(self.slow, {"seconds": float}),
            "Refuse": Method(self.refuse),
            "Break": Method(self.break_down),
            "Long": Method(self.long, {"pieces": int}),
        }
        return Interface("org.test", "interface org.test\n", methods)

    def echo(self, text: str = "", numbers: list[int] | None = None) -> dict[str, Any]:
        self.calls.append(text)
        return {"text": text, "numbers": numbers}

    async def slow(self, seconds: float) -> dict[str, Any]:
        await asyncio.sleep(seconds)
        self.calls.append("slept")
        return {}

    def refuse(self) -> dict[str, Any]:
        raise VarlinkError("org.test.No", why="because")

    def break_down(self) -> dict[str, Any]:
        raise ZeroDivisionError("a bug")

    def long(self, pieces: int) -> Iterator[bytes]:
        def text() -> Iterator[bytes]:
            yield b'{"text":"'
            for _ in range(pieces):
                yield b"x" * 65536
            yield b'"}'

        return text()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, method: str, parameters: Any = None, **more: Any) -> None:
        self.writer.write(json.dumps({"method": method, "parameters": parameters, **more}).encode() + b"\0")

    async def receive(self) -> Any:
        return json.loads((await asyncio.wait_for(self.reader.readuntil(b"\0"), 10))[:-1])

    async def ask(self, method: str, /, **parameters: Any) -> Any:
        self.send(method, parameters)
        return await self.receive()

    async def is_hung_up(self) -> bool:
        """Wait for the end of the connection; whether nothing came before it."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10) == b""
        except ConnectionResetError:
            return True


class Scene:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.case = Case()
        self.server = Server([self.case.interface()], vendor="v", product="p", version="1")
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> Client:
        reader, writer = await asyncio.open_unix_connection(str(self.path), limit=2**24)
        self._writers.append(writer)
        return Client(reader, writer)

    async def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        await self.server.close()
        await asyncio.sleep(0.01)


@pytest.fixture
def scene(tmp_path: Path) -> Callable[[], Any]:
    @asynccontextmanager
    async def make() -> AsyncIterator[Scene]:
        made = Scene(tmp_path / "socket")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(made.path))
        await made.server.start(listener)
        try:
            yield made
        finally:
            await made.close()
            listener.close()

    return make


def test_calls(run: RunFixture, scene: Callable[[], Any]) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            assert await client.ask("org.test.Echo", text="ü", numbers=[1]) == {
                "parameters": {"text": "ü", "numbers": [1]}
            }
            client.send("org.test.Echo")  # parameters: null
            assert await client.receive() == {"parameters": {"text": "", "numbers": None}}
            client.writer.write(b'{"method":"org.test.Echo","unheard":"of"}\0')
            assert "parameters" in await client.receive()
            assert await client.ask("org.test.Slow", seconds=0.01) == {"parameters": {}}
            client.send("org.test.Echo", {"text": "more"}, more=True)
            assert "continues" not in await client.receive()

    run(main())


def test_calls_in_one_go_are_answered_in_order(run: RunFixture, scene: Callable[[], Any]) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            client.send("org.test.Slow", {"seconds": 0.05})
            for n in range(100):
                client.send("org.test.Echo", {"text": str(n)}, oneway=n % 2 == 1)
            assert await client.receive() == {"parameters": {}}
            for n in range(0, 100, 2):
                assert (await client.receive())["parameters"]["text"] == str(n)
            assert await client.ask("org.test.Echo", text="end")
            assert made.case.calls == ["slept", *map(str, range(100)), "end"]

    run(main())


def test_a_call_may_come_byte_by_byte(run: RunFixture, scene: Callable[[], Any]) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            for byte in b'{"method":"org.test.Echo","parameters":{"text":"slow"}}\0':
                client.writer.write(bytes([byte]))
                await asyncio.sleep(0)
            assert (await client.receive())["parameters"]["text"] == "slow"

    run(main())


@pytest.mark.parametrize(
    ("method", "parameters", "error", "details"),
    [
        ("org.test.Nothing", {}, "org.varlink.service.MethodNotFound", {"method": "Nothing"}),
        ("org.none.Echo", {}, "org.varlink.service.InterfaceNotFound", {"interface": "org.none"}),
        ("Echo", {}, "org.varlink.service.InterfaceNotFound", {"interface": ""}),
        ("", {}, "org.varlink.service.InterfaceNotFound", {"interface": ""}),
        ("org.test.Echo", {"text": 5}, "org.varlink.service.InvalidParameter", {"parameter": "text"}),
        (
            "org.test.Echo",
            {"numbers": ["a"]},
            "org.varlink.service.InvalidParameter",
            {"parameter": "numbers"},
        ),
        ("org.test.Echo", {"other": 1}, "org.varlink.service.InvalidParameter", {"parameter": "other"}),
        ("org.test.Echo", {"self": 1}, "org.varlink.service.InvalidParameter", {"parameter": "self"}),
        ("org.test.Refuse", {}, "org.test.No", {"why": "because"}),
        ("org.test.Break", {}, "org.vrrpdfast.InternalError", {}),
    ],
)
def test_errors_are_answers(
    run: RunFixture,
    scene: Callable[[], Any],
    method: str,
    parameters: dict[str, Any],
    error: str,
    details: dict[str, Any],
) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            assert await client.ask(method, **parameters) == {"error": error, "parameters": details}
            assert "parameters" in await client.ask("org.test.Echo")

    run(main())


def test_introspection(run: RunFixture, scene: Callable[[], Any]) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            service = "org.varlink.service"
            assert (await client.ask(f"{service}.GetInfo"))["parameters"] == {
                "vendor": "v",
                "product": "p",
                "version": "1",
                "url": "",
                "interfaces": ["org.test", service],
            }
            for name in ("org.test", service):
                answer = await client.ask(f"{service}.GetInterfaceDescription", interface=name)
                assert f"interface {name}" in answer["parameters"]["description"]
            answer = await client.ask(f"{service}.GetInterfaceDescription", interface="org.none")
            assert answer["error"] == f"{service}.InterfaceNotFound"
            answer = await client.ask(f"{service}.GetInterfaceDescription")
            assert answer == {
                "error": f"{service}.InvalidParameter",
                "parameters": {"parameter": "interface"},
            }

    run(main())


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0",
        b"hello\0",
        b"[]\0",
        b'"org.test.Echo"\0',
        b"{}\0",
        b'{"method":5}\0',
        b'{"method":"org.test.Echo","parameters":[]}\0',
        b'{"method":"org.test.Echo","oneway":"yes"}\0',
        b'{"method":"\xff\xfe"}\0',
        b'{"method":"a"\0',
        b"[" * 100_000 + b"\0",
        b'{"method":"a","parameters":' + b'{"a":' * 100_000 + b"\0",
        b'{"method":"a","x":' + b"[" * 100_000 + b"\0",
    ],
    ids=range(13),
)
def test_what_is_no_call_is_hung_up_on(run: RunFixture, scene: Callable[[], Any], garbage: bytes) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            client.writer.write(garbage)
            assert await client.is_hung_up()
            assert "parameters" in await (await made.connect()).ask("org.test.Echo")

    run(main())


def test_endless_call_is_cut_off(run: RunFixture, scene: Callable[[], Any]) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            client.writer.write(b'{"method":"' + b"x" * (varlink.CALL_LIMIT + 1000))
            assert await client.is_hung_up()
            # Just within the limit is a call like any other.
            client = await made.connect()
            text = "x" * (varlink.CALL_LIMIT - 200)
            assert (await client.ask("org.test.Echo", text=text))["parameters"]["text"] == text

    run(main())


def test_half_a_call_is_not_waited_for(
    run: RunFixture, scene: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(varlink, "STALL_LIMIT", 0.2)

    async def main() -> None:
        async with scene() as made:
            idle = await made.connect()
            half = await made.connect()
            half.writer.write(b'{"method":')
            assert await half.is_hung_up()
            assert "parameters" in await idle.ask("org.test.Echo")  # idle without half a call may stay

    run(main())


def test_flood_of_calls_is_not_buffered(run: RunFixture, scene: Callable[[], Any]) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            client.send("org.test.Slow", {"seconds": 0.3})
            call = json.dumps({"method": "org.test.Echo", "oneway": True, "parameters": {"text": "x" * 5000}})
            for _ in range(2000):
                client.writer.write(call.encode() + b"\0")
            await asyncio.sleep(0.2)
            (connection,) = made.server._connections
            assert len(connection._buffer) < varlink.CALL_LIMIT + 1024 * 1024
            assert await client.receive() == {"parameters": {}}
            client.send("org.test.Echo", {"text": "end"})
            assert (await client.receive())["parameters"]["text"] == "end"
            assert len(made.case.calls) == 2002

    run(main())


def test_reader_who_takes_nothing_holds_no_memory_and_is_hung_up_on(
    run: RunFixture, scene: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(varlink, "STALL_LIMIT", 0.3)

    async def main() -> None:
        async with scene() as made:
            raw = socket.socket(socket.AF_UNIX)
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, str(made.path))
            await loop.sock_sendall(raw, b'{"method":"org.test.Long","parameters":{"pieces":1000}}\0')
            await asyncio.sleep(0.15)
            (connection,) = made.server._connections
            assert connection._transport.get_write_buffer_size() < 300_000
            while made.server._connections:
                await asyncio.sleep(0.02)
            raw.close()

    run(main())


def test_long_answer_to_a_reader_who_reads(run: RunFixture, scene: Callable[[], Any]) -> None:
    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            answer = await client.ask("org.test.Long", pieces=100)
            assert len(answer["parameters"]["text"]) == 100 * 65536

    run(main())


def test_client_that_leaves_in_the_middle_disturbs_nobody(
    run: RunFixture, scene: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with scene() as made:
            for method, parameters in (("Slow", {"seconds": 0.1}), ("Long", {"pieces": 1000})):
                client = await made.connect()
                client.send(f"org.test.{method}", parameters)
                await asyncio.sleep(0.03)
                client.writer.transport.abort()
            await asyncio.sleep(0.15)
            assert made.server._connections == {}
            assert "parameters" in await (await made.connect()).ask("org.test.Echo")

    run(main())
    assert not caplog.records


def test_a_call_is_not_given_up_when_its_client_leaves(run: RunFixture, scene: Callable[[], Any]) -> None:
    """A reload must not stop half way because somebody pressed ^C."""

    async def main() -> None:
        async with scene() as made:
            client = await made.connect()
            client.send("org.test.Slow", {"seconds": 0.2})
            await asyncio.sleep(0.05)
            client.writer.transport.abort()
            await asyncio.sleep(0.05)
            assert made.server._connections == {}
            (task,) = made.server.tasks
            await task
            assert made.case.calls == ["slept"]

    run(main())


def test_idle_connections_make_room(run: RunFixture, scene: Callable[[], Any]) -> None:
    async def main() -> None:
        async with scene() as made:
            clients = [await made.connect() for _ in range(varlink.CONNECTION_LIMIT)]
            for client in clients:
                assert "parameters" in await client.ask("org.test.Echo")
            await clients[0].ask("org.test.Echo")  # so that the second is the longest idle one
            clients[1].send("org.test.Slow", {"seconds": 1.0})  # but it is busy, so the third has to go
            await asyncio.sleep(0.02)
            late = await made.connect()
            assert "parameters" in await late.ask("org.test.Echo")
            assert await clients[2].is_hung_up()
            assert "parameters" in await clients[0].ask("org.test.Echo")
            assert await clients[1].receive() == {"parameters": {}}
            assert len(made.server._connections) == varlink.CONNECTION_LIMIT

    run(main())


STRANGER = """
import os, socket, sys
connection = socket.socket(socket.AF_UNIX)
os.setgid(65534)
os.setuid(65534)
connection.connect(sys.argv[1])
try:
    connection.sendall(b'{"method":"org.test.Echo"}\\0')
    print(connection.recv(1000))
except (ConnectionResetError, BrokenPipeError):
    print(b"")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_other_users_are_not_served(
    run: RunFixture, scene: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with scene() as made:
            # Opened to everyone on purpose: the credentials alone must do.
            made.path.chmod(0o777)
            made.path.parent.chmod(0o711)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", STRANGER, made.path.name),
                stdout=subprocess.PIPE,
                cwd=made.path.parent,  # the way to it from the root may be private
            )
            out, _ = await process.communicate()
            assert out.strip() == b"b''"
            assert made.case.calls == []

    run(main())
    assert "control socket: refused process" in caplog.text
    assert "of user 65534" in caplog.text
