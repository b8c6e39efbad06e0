"""The process from start to end, with a fleet and a control socket that only take notes."""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from vrrpd_fast import daemon
from vrrpd_fast.config.load import Loaded, load
from vrrpd_fast.daemon import STUCK_NS, Daemon, ReloadError
from vrrpd_fast.fleet import Summary
from vrrpd_fast.model import Config, ConfigError

INSTANCE = {
    "version": 3,
    "interface": "eth0",
    "virtual_router_id": 51,
    "priority": 100,
    "advert_int": 0.1,
    "virtual_ipaddress": ["10.9.9.9/24"],
}


class Engine:
    def __init__(self) -> None:
        self.deadline_ns = -1

    def now_ns(self) -> int:
        return 10**12

    def next_deadline_ns(self) -> int:
        return self.deadline_ns

    def unattributed(self) -> dict[str, int]:
        return {"vrid_errors": 3}


class World:
    """What the daemon made of its parts, in order, and how these behave."""

    def __init__(self, tmp_path: Path) -> None:
        self.story: list[str] = []
        self.path = tmp_path / "vips.json"
        self.write("VI")
        self.engine = Engine()
        self.gate = asyncio.Event()  # apply waits for it
        self.gate.set()
        self.fleet_error: Exception | None = None
        self.apply_error: Exception | None = None
        self.applying = 0
        self.most_at_once = 0
        self.daemon: Daemon | None = None
        self.recorded: list[tuple[str, dict[str, Any]]] = []
        self.options: dict[str, Any] = {}

    def write(self, *names: str, **defs: str) -> None:
        instances = {
            name: {**INSTANCE, "virtual_router_id": 51 + n, "virtual_ipaddress": [f"10.9.9.{n}/24"]}
            for n, name in enumerate(names, 1)
        }
        self.path.write_text(json.dumps({"vrrp_instance": instances, "global_defs": defs}))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.002)

    async def stop(self, task: "asyncio.Task[None]") -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await task

    def start(self) -> "asyncio.Task[None]":
        self.daemon = Daemon(str(self.path), "/nowhere", **self.options)
        return asyncio.create_task(self.daemon.run())

    def run(self, test: Callable[["asyncio.Task[None]"], Coroutine[Any, Any, None]]) -> None:
        """Run a test beside a daemon that has started; then it is stopped."""

        async def main() -> None:
            task = self.start()
            await self.until(lambda: "apply VI" in self.story or task.done())
            await test(task)
            if not task.done():
                await self.stop(task)

        execute(main())


def execute(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path)

    class Notifier:
        def status(self) -> dict[str, int]:
            return {"told": 3}

    class Recorder:
        def open(self, socket_path: str) -> None:
            assert socket_path == "/nowhere"

        def note(self, event: str, **facts: Any) -> None:
            made.recorded.append((event, facts))

    class Fleet:
        engine = made.engine
        recorder = Recorder()
        notifier = Notifier()

        def __init__(self, loop: asyncio.AbstractEventLoop, **more: Any) -> None:
            if made.fleet_error is not None:
                raise made.fleet_error
            made.story.append("fleet")

        async def apply(self, config: Config) -> Summary:
            made.applying += 1
            made.most_at_once = max(made.most_at_once, made.applying)
            await made.gate.wait()
            await asyncio.sleep(0)
            made.applying -= 1
            if made.apply_error is not None:
                raise made.apply_error
            made.story.append("apply " + " ".join(config.instances))
            return Summary(list(config.instances), [], [], [], 0)

        def listen(self) -> None:
            made.story.append("listen")

        async def status(self, names: set[str]) -> list[dict[str, str]]:
            return [{"name": name} for name in ("VI", "VI_2") if not names or name in names]

        def health(self) -> dict[str, int]:
            return {"wakeups": 7}

        def make_dumper(self, config: Callable[[], Config]) -> "Dumper":
            return Dumper(config)

        async def publish(self) -> None:
            pass

        async def close(self) -> None:
            made.story.append("fleet closed")

    class Dumper:
        def __init__(self, config: Callable[[], Config]) -> None:
            self._config = config

        async def dump(self, kind: str) -> None:
            made.story.append(f"dump {kind} of {' '.join(self._config().instances)}")

    class Service:
        def __init__(self, target: Daemon) -> None:
            assert target is made.daemon

        async def start(self, path: str) -> None:
            made.story.append(f"service {path}")

        async def close(self) -> None:
            made.story.append("service closed")

    monkeypatch.setattr(daemon, "Fleet", Fleet)
    monkeypatch.setattr(daemon, "Service", Service)
    monkeypatch.setattr(daemon, "_check_kernel", lambda: made.story.append("kernel"))
    monkeypatch.setattr(daemon, "raise_limits", lambda files: None)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    usual = sys.getswitchinterval()
    yield made
    sys.setswitchinterval(usual)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What the service manager has been told since the last call."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def told() -> list[str]:
            found = []
            try:
                while True:
                    found.append(listener.recv(4096).decode().partition("\n")[0])
            except BlockingIOError:
                return found

        yield told


START = ["service /nowhere", "fleet", "kernel", "listen", "apply VI"]
END = ["fleet closed", "service closed"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_start_to_end(world: World, number: int, manager: Callable[[], list[str]]) -> None:
    async def test(task: "asyncio.Task[None]") -> None:
        assert world.story == START
        assert manager() == ["READY=1"]
        os.kill(os.getpid(), number)
        await asyncio.wait_for(task, 5)

    world.run(test)
    assert world.story == START + END
    assert manager() == ["STOPPING=1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_starts_ends_it_in_order(world: World, number: int) -> None:
    async def main() -> None:
        world.gate.clear()
        task = world.start()
        await world.until(lambda: world.applying)
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.01)
        assert not task.done()
        world.gate.set()
        await asyncio.wait_for(task, 5)

    execute(main())
    assert world.story == START + END


def test_startup_and_shutdown_script(world: World) -> None:
    """Each runs once, around everything else; a reload can name another for the end."""
    log = world.path.parent / "log"

    def touch(name: str) -> str:
        script = world.path.parent / name
        script.write_text(f"#!/bin/sh\necho {name} >> {log}\n")
        script.chmod(0o755)
        return str(script)

    world.write("VI", startup_script=touch("before"), shutdown_script=touch("unwanted"))

    async def test(task: "asyncio.Task[None]") -> None:
        assert log.read_text() == "before\n"
        world.write("VI", startup_script=touch("again"), shutdown_script=touch("after"))
        assert world.daemon is not None
        await world.daemon.reload()

    world.run(test)
    assert log.read_text() == "before\nafter\n"
    assert world.story == [*START, "apply VI", *END]


def test_what_began_with_a_startup_script_ends_with_a_shutdown_script(world: World) -> None:
    log = world.path.parent / "log"
    script = world.path.parent / "after"
    script.write_text(f"#!/bin/sh\necho after >> {log}\n")
    script.chmod(0o755)
    world.write("VI", startup_script="/bin/true", shutdown_script=str(script))
    world.fleet_error = PermissionError("no")

    async def main() -> None:
        with pytest.raises(PermissionError):
            await world.start()

    execute(main())
    assert log.read_text() == "after\n"


def test_a_signal_ends_a_startup_script(world: World) -> None:
    mark = world.path.parent / "mark"
    script = world.path.parent / "hang"
    script.write_text(f"#!/bin/sh\n> {mark}\nexec sleep 600\n")
    script.chmod(0o755)
    world.write("VI", startup_script=str(script))

    async def main() -> None:
        task = world.start()
        await world.until(mark.exists)
        await world.stop(task)

    execute(main())
    assert world.story == ["service /nowhere", "service closed"]


def test_a_reload_while_it_starts_waits(world: World) -> None:
    """By signal or by the control socket: the first configuration is in force before another is looked at."""

    async def main() -> None:
        world.gate.clear()
        task = world.start()
        await world.until(lambda: world.applying)
        assert world.daemon is not None
        world.write("VI", "VI_2")
        os.kill(os.getpid(), signal.SIGHUP)
        asked = asyncio.create_task(world.daemon.reload())
        await asyncio.sleep(0.05)
        assert world.applying == 1
        world.gate.set()
        assert (await asked)["added"] == ["VI", "VI_2"]
        await world.until(lambda: world.story.count("apply VI VI_2") == 2)
        await world.stop(task)

    execute(main())
    assert world.story[:5] == START
    assert world.most_at_once == 1


def test_hangup_reads_the_file_again(world: World, manager: Callable[[], list[str]]) -> None:
    async def test(task: "asyncio.Task[None]") -> None:
        manager()
        world.write("other")
        os.kill(os.getpid(), signal.SIGHUP)
        await world.until(lambda: world.story[-1] == "apply other")
        await asyncio.sleep(0)
        assert manager() == ["RELOADING=1", "READY=1"]

    world.run(test)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (signal.SIGUSR1, "data"),
        (signal.SIGUSR2, "stats"),
        (signal.SIGRTMAX - 1, "stats, and begin them anew"),
        (signal.SIGRTMIN + 2, "json"),
    ],
)
def test_keepaliveds_signals_ask_for_its_dumps(world: World, number: int, kind: str) -> None:
    async def test(task: "asyncio.Task[None]") -> None:
        os.kill(os.getpid(), number)
        await world.until(lambda: world.story[-1] == f"dump {kind} of VI")

    world.run(test)


def test_a_signal_for_a_dump_while_it_starts_is_not_its_end(world: World) -> None:
    async def main() -> None:
        world.gate.clear()
        task = world.start()
        await world.until(lambda: world.applying)
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(0.01)
        world.gate.set()
        await world.until(lambda: "apply VI" in world.story)
        await world.stop(task)

    execute(main())
    assert not any(each.startswith("dump") for each in world.story)


@pytest.mark.parametrize("how", ["hangup", "control"])
def test_a_broken_file_changes_nothing_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    async def test(task: "asyncio.Task[None]") -> None:
        assert world.daemon is not None
        world.path.write_text('{"vrrp_instance": {"VI": {"prioritee": 100}}}')
        if how == "hangup":
            os.kill(os.getpid(), signal.SIGHUP)
            await world.until(lambda: any("prioritee" in message for message in caplog.messages))
            assert "not reloaded, everything goes on as before:" in caplog.messages
            assert {record.levelno for record in caplog.records} == {logging.ERROR}
        else:
            with pytest.raises(ReloadError) as caught:
                await world.daemon.reload()
            assert caught.value.findings[0].startswith(f"{world.path}:1:")
        assert not task.done()
        world.write("VI")
        assert (await world.daemon.reload())["unchanged"] == 0

    world.run(test)
    assert world.story == [*START, "apply VI", *END]


@pytest.mark.parametrize("error", [ValueError("vrrp_script chk: there is no user 'x'"), OSError(11, "again")])
def test_what_cannot_be_applied_is_a_finding(world: World, error: Exception) -> None:
    async def test(task: "asyncio.Task[None]") -> None:
        assert world.daemon is not None
        world.apply_error = error
        with pytest.raises(ReloadError, match=str(error).replace("[", r"\[").replace("]", r"\]")):
            await world.daemon.reload()
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        assert not task.done()

    world.run(test)


CONF = """\
@me smtp_server 10.0.0.1
vrrp_instance {name} {{
  interface a0
  virtual_router_id 51
  @me {line}
  virtual_ipaddress {{
    10.9.9.1/24
  }}
}}
"""


def test_start_and_reload_judge_a_keepalived_conf_alike(world: World) -> None:
    """With the options of the command: conditions, and what is not served is an error."""
    world.options = {"config_id": "me", "strict_config": True}
    world.path.write_text(CONF.format(name="VI", line="priority 150").replace("@me smtp_server", "@other x"))

    async def test(task: "asyncio.Task[None]") -> None:
        assert world.daemon is not None
        for broken in ("smtp_alert", "prioritty 150", "use_vmac"):
            world.path.write_text(CONF.format(name="VI", line=broken).replace("@me smtp_server", "@other x"))
            with pytest.raises(ReloadError) as caught:
                await world.daemon.reload()
            (finding,) = caught.value.findings
            assert finding.startswith(f"{world.path}:5:7: error: vrrp_instance VI: {broken.split()[0]}: ")
        world.path.write_text(CONF.format(name="VJ", line="nopreempt").replace("@me smtp_server", "@other x"))
        await world.daemon.reload()

    world.run(test)
    assert world.story == [*START, "apply VJ", *END]


def test_a_file_is_read_beside_the_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another thread, which neither keeps the interpreter for long nor walks over all objects."""
    seen: list[tuple[bool, bool]] = []

    def watched(*arguments: Any, **options: Any) -> Loaded:
        seen.append((threading.current_thread() is threading.main_thread(), gc.isenabled()))
        return load(*arguments, **options)

    monkeypatch.setattr(daemon, "load", watched)

    async def test(task: "asyncio.Task[None]") -> None:
        assert world.daemon is not None
        assert sys.getswitchinterval() == pytest.approx(daemon.SWITCH_S)
        await world.daemon.reload()
        assert gc.isenabled()
        world.path.write_text("{")
        with pytest.raises(ReloadError):
            await world.daemon.reload()
        assert gc.isenabled()

    world.run(test)
    assert seen == [(True, True), (False, False), (False, False)]


def test_a_keepalived_conf_with_an_error_does_not_start(world: World) -> None:
    world.path.write_text(CONF.format(name="VI", line="nopreempt"))
    world.options = {"config_id": "me"}

    async def main() -> None:
        with pytest.raises(ConfigError) as caught:
            await world.start()
        (finding,) = caught.value.findings
        assert (finding.line, finding.column) == (1, 5)

    execute(main())
    assert world.story == []


def test_what_the_process_is_goes_back_with_a_configuration_that_is_not_applied(world: World) -> None:
    """umask as an example of it."""

    async def test(task: "asyncio.Task[None]") -> None:
        assert world.daemon is not None
        before = _umask()
        world.apply_error = OSError(11, "again")
        world.path.write_text(json.dumps({"global_defs": {"umask": 0o123}}))
        with pytest.raises(ReloadError, match="again"):
            await world.daemon.reload()
        assert _umask() == before
        world.apply_error = None
        await world.daemon.reload()
        assert _umask() == 0o123
        world.write("VI")
        await world.daemon.reload()
        assert _umask() == before

    world.run(test)


def _umask() -> int:
    before = os.umask(0o077)
    os.umask(before)
    return before


def test_start_reloads_and_stop_are_recorded(world: World) -> None:
    async def test(task: "asyncio.Task[None]") -> None:
        assert world.daemon is not None
        world.write("VI", "VI_2")
        await world.daemon.reload()
        world.apply_error = OSError(5, "no")
        with pytest.raises(ReloadError):
            await world.daemon.reload()

    world.run(test)
    start, good, bad, stop = world.recorded
    assert (start[0], start[1]["instances"], start[1]["pid"]) == ("start", 1, os.getpid())
    assert (good[0], good[1]["added"]) == ("reload", ["VI", "VI_2"])
    assert bad[0] == "reload" and "no" in bad[1]["findings"][0]
    assert stop[0] == "stop"


def test_reloads_come_one_after_the_other(world: World) -> None:
    async def test(task: "asyncio.Task[None]") -> None:
        assert world.daemon is not None
        await asyncio.gather(*(world.daemon.reload() for _ in range(5)))

    world.run(test)
    assert world.story.count("apply VI") == 6
    assert world.most_at_once == 1


def test_a_stop_waits_for_the_reload_that_is_under_way(world: World) -> None:
    async def main() -> None:
        task = world.start()
        await world.until(lambda: "apply VI" in world.story)
        assert world.daemon is not None
        world.gate.clear()
        reload = asyncio.create_task(world.daemon.reload())
        await world.until(lambda: world.applying)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.02)
        assert "fleet closed" not in world.story
        world.gate.set()
        await reload
        await asyncio.wait_for(task, 5)

    execute(main())
    assert world.story == [*START, "apply VI", *END]


# -- what fails


def test_a_broken_file_is_no_start(world: World) -> None:
    async def main() -> None:
        world.path.write_text("{")
        with pytest.raises(ConfigError):
            await world.start()

    execute(main())
    assert world.story == []


def test_without_privileges_the_socket_is_given_back(world: World) -> None:
    async def main() -> None:
        world.fleet_error = PermissionError(1, "Operation not permitted")
        with pytest.raises(PermissionError):
            await world.start()

    execute(main())
    assert world.story == ["service /nowhere", "service closed"]


@pytest.mark.parametrize("error", [ValueError("no such user"), OSError(12, "no memory")])
def test_a_start_that_fails_leaves_nothing(world: World, error: Exception) -> None:
    async def main() -> None:
        world.apply_error = error
        with pytest.raises(type(error)):
            await world.start()

    execute(main())
    assert world.story == ["service /nowhere", "fleet", "kernel", "listen", *END]


# -- status, watchdog


def test_status(world: World) -> None:
    async def test(task: "asyncio.Task[None]") -> None:
        assert world.daemon is not None
        status = await world.daemon.status([])
        assert status["pid"] == os.getpid()
        assert 0 <= status["uptime"] < 5
        assert [each["name"] for each in status["instances"]] == ["VI", "VI_2"]
        assert (status["unattributed"], status["engine"]) == ({"vrid_errors": 3}, {"wakeups": 7})
        assert status["notify"] == {"told": 3}
        assert status["router_id"]
        assert (await world.daemon.status(["VI_2"]))["instances"] == [{"name": "VI_2"}]
        assert (await world.daemon.status(["nobody"]))["instances"] == []

    world.run(test)


def test_the_watchdog_starves_when_the_timer_is_not_served(
    world: World, manager: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")

    async def fed(task: "asyncio.Task[None]") -> None:
        for deadline_ns in (-1, world.engine.now_ns() - STUCK_NS // 2, world.engine.now_ns() + 10**9):
            world.engine.deadline_ns = deadline_ns
            manager()
            await world.until(lambda: "WATCHDOG=1" in manager())
        world.engine.deadline_ns = world.engine.now_ns() - 2 * STUCK_NS
        await asyncio.sleep(0.03)
        manager()
        await asyncio.sleep(0.06)
        assert manager() == []

    world.run(fed)
