"""Status and reload over the real socket file, with the real client in a thread."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from vrrpd_fast.control.client import Client, ControlError, ErrorAnswer, Unreachable, call
from vrrpd_fast.control.listener import AlreadyRunning
from vrrpd_fast.control.service import NotFound, Refusal, Service

RunFixture = Callable[[Any], Any]


def instance(number: int) -> dict[str, Any]:
    return {
        "name": f"vr{number}",
        "interface": f"eth{number}",
        "address_family": "ipv4",
        "virtual_router_id": number % 255 + 1,
        "version": 3,
        "state": "MASTER",
        "priority": 100,
        "effective_priority": 100,
        "priority_sum": "100 base = 100",
        "advert_int": 0.1,
        "virtual_addresses": [f"10.0.{number // 250}.{number % 250}/24"],
        "tracking": [],
        "statistics": dict.fromkeys(("advertisement_sent", "advertisement_rcvd", "checksum_errors"), number),
    }


class Target:
    """A daemon's answers."""

    def __init__(self, instances: int) -> None:
        self.value = {"router_id": "r", "pid": 5, "instances": [instance(n) for n in range(instances)]}
        self.names: list[str] = []
        self.error: Exception | None = None
        self.ordered: list[Any] = []

    def status(self, names: list[str]) -> dict[str, Any]:
        self.names = names
        return self.value

    async def reload(self) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {"added": 1}

    async def resign(self, names: list[str], seconds: float | None) -> dict[str, Any]:
        self.ordered.append(("resign", names, seconds))
        if "gone" in names:
            raise NotFound(["gone"])
        if seconds == -1:
            raise Refusal("too short")
        return {"resigned": names, "held": []}

    async def set_priority(self, name: str, priority: int | None) -> dict[str, Any]:
        self.ordered.append(("set_priority", name, priority))
        return {"name": name}

    async def set_log_level(self, level: str) -> dict[str, Any]:
        if level != "debug":
            raise Refusal(f"log level {level!r}")
        return {"level": level}


class Unusable(Exception):
    findings = ("vips.json:1:2: error: a", "vips.json:3:4: error: b")


@asynccontextmanager
async def serving(target: Target, path: Path) -> AsyncIterator[Service]:
    service = Service(target)
    await service.start(str(path))
    try:
        yield service
    finally:
        await service.close()


@pytest.mark.parametrize("count", [0, 1, 16, 17, 1000])
def test_status_arrives_whole(run: RunFixture, tmp_path: Path, count: int) -> None:
    async def main() -> None:
        target = Target(count)
        path = tmp_path / "socket"
        async with serving(target, path):
            assert await asyncio.to_thread(call, str(path), "GetStatus") == {"status": target.value}
            assert target.names == []
            named = await asyncio.to_thread(call, str(path), "GetStatus", names=["a", "b"])
            assert named == {"status": target.value}
            assert target.names == ["a", "b"]

    run(main())


def test_status_of_thousands_does_not_hold_the_loop(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        target = Target(5000)
        path = tmp_path / "socket"
        async with serving(target, path):
            # The client is another process: its JSON parser would hold our GIL.
            program = "import sys; from vrrpd_fast.control.client import call; call(sys.argv[1], 'GetStatus')"
            gaps: list[float] = []

            async def watch() -> None:
                last = time.thread_time()
                while True:
                    await asyncio.sleep(0)
                    gaps.append(time.thread_time() - last)
                    last = time.thread_time()

            process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(path))
            watcher = asyncio.create_task(watch())
            assert await process.wait() == 0
            watcher.cancel()
            # CPU time in one turn of the loop; encoding all at once takes 10 ms and more.
            assert sorted(gaps)[-3] < 0.003

    run(main())


def test_reload(run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        target = Target(0)
        path = str(tmp_path / "socket")
        async with serving(target, tmp_path / "socket"):
            assert await asyncio.to_thread(call, path, "Reload") == {"summary": {"added": 1}}
            target.error = Unusable()
            with pytest.raises(ErrorAnswer) as caught:
                await asyncio.to_thread(call, path, "Reload")
            assert caught.value.name == "org.vrrpdfast.ReloadFailed"
            assert caught.value.parameters == {"findings": list(Unusable.findings)}
            assert not caplog.records
            target.error = ZeroDivisionError("a bug")
            with pytest.raises(ErrorAnswer, match="InternalError"):
                await asyncio.to_thread(call, path, "Reload")
            assert "Reload failed" in caplog.text

    run(main())


def test_interface_file_names_what_is_served(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(Target(0), tmp_path / "socket") as service:
            description = service._interface().description
            for method in service._interface().methods:
                assert f"method {method}(" in description
            assert description.count("\nmethod ") == len(service._interface().methods)

            def ask() -> dict[str, Any]:
                with Client(str(tmp_path / "socket")) as client:
                    client.call("org.varlink.service.GetInfo")  # two calls on one connection
                    return client.call(
                        "org.varlink.service.GetInterfaceDescription", interface="org.vrrpdfast"
                    )

            assert (await asyncio.to_thread(ask))["description"] == description

    run(main())


def test_socket_file(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "run" / "vrrpd-fast" / "socket"
        old = os.umask(0)
        try:
            async with serving(Target(0), path):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
                assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
                assert stat.S_IMODE(Path(f"{path}.lock").stat().st_mode) == 0o600
        finally:
            os.umask(old)
        assert not path.exists()

    run(main())


DAEMON = """
import asyncio, sys
from vrrpd_fast.control.service import Service

class Target:
    def status(self, names): return {"instances": []}
    def reload(self): return {}

async def main():
    service = Service(Target())
    await service.start(sys.argv[1])
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_second_copy_is_refused_and_a_dead_one_replaced(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "socket"
        first = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DAEMON, str(path), stdout=subprocess.PIPE
        )
        assert first.stdout is not None
        assert await first.stdout.readline() == b"ready\n"
        with pytest.raises(AlreadyRunning, match=f"{path} is served by process {first.pid}"):
            await Service(Target(0)).start(str(path))
        assert await asyncio.to_thread(call, str(path), "GetStatus") == {"status": {"instances": []}}
        first.kill()
        await first.wait()
        assert path.exists()  # it had no chance to remove it
        async with serving(Target(3), path):
            answer = await asyncio.to_thread(call, str(path), "GetStatus")
            assert len(answer["status"]["instances"]) == 3
        assert not path.exists()

    run(main())


def test_whoever_serves_the_socket_without_our_lock_is_not_pushed_aside(
    run: RunFixture, tmp_path: Path
) -> None:
    async def main() -> None:
        path = tmp_path / "socket"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
                await Service(Target(0)).start(str(path))
            assert path.exists()

    run(main())


def test_paths_that_cannot_be(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "file").write_text("precious")
        with pytest.raises(FileExistsError, match="not a socket"):
            await Service(Target(0)).start(str(tmp_path / "file"))
        assert (tmp_path / "file").read_text() == "precious"
        with pytest.raises(OSError, match="too long"):
            await Service(Target(0)).start(str(tmp_path / ("x" * 120)))
        with pytest.raises(OSError, match="directory"):
            await Service(Target(0)).start(str(tmp_path / "file" / "socket"))

    run(main())


def test_file_of_a_successor_is_left_to_it(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "socket"
        async with serving(Target(0), path):
            path.unlink()
            path.write_text("somebody else's")
        assert path.read_text() == "somebody else's"

    run(main())


def test_client_says_who_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with pytest.raises(Unreachable, match=rf"no vrrpd-fast answers on {path}: is it running\?"):
        call(str(path), "GetStatus")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(Unreachable, match=r"is it running\?"):
        call(str(path), "GetStatus")
    with pytest.raises(ControlError, match="too long"):
        call("/" + "x" * 200, "GetStatus")


@pytest.mark.parametrize(
    ("answer", "message"),
    [(b"", "hung up: the connection was closed"), (b"{", "hung up"), (b"no json\0", "hung up")],
)
def test_client_survives_a_broken_daemon(
    run: RunFixture, tmp_path: Path, answer: bytes, message: str
) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            json.loads((await reader.readuntil(b"\0"))[:-1])
            writer.write(answer)
            writer.close()

        server = await asyncio.start_unix_server(serve, str(tmp_path / "socket"))
        with pytest.raises(Unreachable, match=message):
            await asyncio.to_thread(call, str(tmp_path / "socket"), "GetStatus")
        server.close()
        await server.wait_closed()

    run(main())


def test_client_does_not_wait_for_ever(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        with socket.socket(socket.AF_UNIX) as mute:
            mute.bind(str(tmp_path / "socket"))
            mute.listen()
            with pytest.raises(Unreachable, match="does not answer in time"):
                await asyncio.to_thread(call, str(tmp_path / "socket"), "GetStatus", timeout=0.1)

    run(main())


@pytest.mark.parametrize(
    ("method", "parameters", "ordered"),
    [
        ("Resign", {"names": ["a", "b"], "for_seconds": 60}, ("resign", ["a", "b"], 60.0)),
        ("Resign", {"names": ["a"]}, ("resign", ["a"], None)),
        ("SetPriority", {"name": "a", "priority": 7}, ("set_priority", "a", 7)),
        ("SetPriority", {"name": "a", "priority": None}, ("set_priority", "a", None)),
    ],
)
def test_orders_reach_the_daemon(
    run: RunFixture, tmp_path: Path, method: str, parameters: dict[str, Any], ordered: Any
) -> None:
    async def main() -> None:
        target = Target(1)
        async with serving(target, tmp_path / "s"):
            await asyncio.to_thread(call, str(tmp_path / "s"), method, **parameters)
        assert target.ordered == [ordered]

    run(main())


@pytest.mark.parametrize(
    ("method", "parameters", "error"),
    [
        ("Resign", {"names": ["gone"]}, "org.vrrpdfast.NotFound"),
        ("Resign", {"names": ["a"], "for_seconds": -1}, "org.vrrpdfast.Refused"),
        ("Resign", {}, "org.varlink.service.InvalidParameter"),
        ("SetLogLevel", {"level": "loud"}, "org.vrrpdfast.Refused"),
        ("SetLogLevel", {}, "org.varlink.service.InvalidParameter"),
        ("SetPriority", {"priority": 7}, "org.varlink.service.InvalidParameter"),
        ("SetPriority", {"name": "a", "priority": "high"}, "org.varlink.service.InvalidParameter"),
        ("Resign", {"names": "a"}, "org.varlink.service.InvalidParameter"),
    ],
)
def test_orders_that_are_refused_say_why(
    run: RunFixture, tmp_path: Path, method: str, parameters: dict[str, Any], error: str
) -> None:
    async def main() -> None:
        async with serving(Target(1), tmp_path / "s"):
            with pytest.raises(ErrorAnswer) as refused:
                await asyncio.to_thread(call, str(tmp_path / "s"), method, **parameters)
        assert refused.value.name == error
        if error.endswith("Refused"):
            assert refused.value.parameters["text"]
        if error.endswith("NotFound"):
            assert refused.value.parameters == {"names": ["gone"]}

    run(main())
