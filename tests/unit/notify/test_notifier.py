"""Events into FIFOs and scripts, FIFOs over a reload, and the end: with real FIFOs, scripts and helper."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from unit.samples import instance
from vrrpd_fast.model import Command, Config, Fifo, Instance, Notify, Process, State, SyncGroup
from vrrpd_fast.notify import channel, notifier
from vrrpd_fast.notify.events import Word
from vrrpd_fast.notify.notifier import Notifier, needs_programs
from vrrpd_fast.notify.once import run_shutdown, run_startup
from vrrpd_fast.spawn.spawn import Spawner

RunFixture = Callable[[Any], Any]


def config(*instances: Instance, **more: Any) -> Config:
    return Config(router_id="r", instances={each.name: each for each in instances}, **more)


def fifo(path: Path, **more: Any) -> Fifo:
    return Fifo(path=str(path), **more)


class Bench:
    def __init__(self, spawner: Spawner) -> None:
        self.notifier = Notifier(spawner)

    def apply(self, new: Config) -> None:
        self.notifier.use(new, self.notifier.prepare(new))


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    spawner = Spawner(asyncio.get_running_loop())
    spawner.need()
    made = Bench(spawner)
    try:
        yield made
        await made.notifier.close()
    finally:
        await spawner.close()


class Reader:
    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self) -> str | None:
        """What is there now; None at the end of the file."""
        try:
            return os.read(self.fd, 1 << 16).decode() or None
        except BlockingIOError:
            return ""

    def close(self) -> None:
        os.close(self.fd)


async def until(condition: Callable[[], Any], what: str) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def recorder(directory: Path) -> tuple[str, Path]:
    log = directory / "runs"
    script = directory / "record"
    script.write_text(f'#!/bin/sh\necho "$*" >> {log}\n')
    script.chmod(0o755)
    return str(script), log


def test_an_event_goes_to_both_fifos_and_to_scripts(run: RunFixture, tmp_path: Path) -> None:
    script, log = recorder(tmp_path)
    made = instance(
        "VI", notify=Notify(master=Command(script=f"{script} m"), every=Command(script=f"{script} 'a b'"))
    )

    async def main() -> None:
        async with bench() as on:
            on.apply(config(made, notify_fifo=fifo(tmp_path / "a"), vrrp_notify_fifo=fifo(tmp_path / "b")))
            readers = [Reader(tmp_path / name) for name in ("a", "b")]
            on.notifier.tell(made, Word.MASTER, 100, old=State.BACKUP)
            await until(lambda: log.exists() and len(log.read_text().splitlines()) == 2, "both scripts ran")
            assert log.read_text() == "m\na b INSTANCE VI MASTER 100\n"
            for reader in readers:
                assert reader.read() == 'INSTANCE "VI" MASTER 100\n'
                reader.close()
            status = on.notifier.status()
            assert status["scripts"]["run"] == 2
            assert [(each["path"], each["written"]) for each in status["fifos"]] == [
                (str(tmp_path / "a"), 1),
                (str(tmp_path / "b"), 1),
            ]

    run(main())


def test_a_removal(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        async with bench() as on:
            on.apply(config(notify_fifo=fifo(tmp_path / "a")))
            reader = Reader(tmp_path / "a")
            on.notifier.removed(instance("one"), 100, State.MASTER)
            on.notifier.removed(instance("two"), 100, State.FAULT)
            on.notifier.removed(instance("three", notify=Notify(tells_deleted=True)), 90, State.FAULT)
            on.notifier.repeat(instance("four"), 80, State.INIT)
            on.notifier.repeat(instance("five"), 80, State.MASTER)
            group = SyncGroup(name="G", members=("one", "two"))
            on.notifier.repeat_group(group, State.INIT)
            on.notifier.repeat_group(group, State.FAULT)
            await asyncio.sleep(0.01)
            assert reader.read() == (
                'INSTANCE "one" FAULT 100\nINSTANCE "three" DELETED 90\nINSTANCE "five" MASTER 80\n'
                'GROUP "G" FAULT 0\n'
            )
            reader.close()

    run(main())


def test_a_new_configuration_keeps_what_stays(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        async with bench() as on:
            on.apply(config(notify_fifo=fifo(tmp_path / "stays"), vrrp_notify_fifo=fifo(tmp_path / "goes")))
            stays, goes = Reader(tmp_path / "stays"), Reader(tmp_path / "goes")
            on.notifier.tell(instance("VI"), Word.BACKUP, 1, old=State.INIT)
            await asyncio.sleep(0.01)
            assert (stays.read(), goes.read()) == ('INSTANCE "VI" BACKUP 1\n',) * 2
            on.apply(config(vrrp_notify_fifo=fifo(tmp_path / "stays"), notify_fifo=fifo(tmp_path / "comes")))
            await until(lambda: not (tmp_path / "goes").exists(), "one is removed")
            assert (stays.read(), goes.read()) == ("", None)
            assert (tmp_path / "comes").exists()
            stays.close()
            goes.close()

    run(main())


def test_what_cannot_be_opened_changes_nothing(run: RunFixture, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def main() -> None:
        async with bench() as on:
            on.apply(config(notify_fifo=fifo(tmp_path / "a")))
            for wrong in (
                fifo(tmp_path / "file"),
                fifo(tmp_path / "b", user="no-such-user"),
                fifo(tmp_path / "b", script=Command(script="/x", user="no-such-user")),
                fifo(tmp_path / "a", script=Command(script="/x", user="no-such-user")),
                fifo(tmp_path / "nowhere" / "b"),
            ):
                with pytest.raises((ValueError, OSError)):
                    on.notifier.prepare(config(notify_fifo=fifo(tmp_path / "new"), vrrp_notify_fifo=wrong))
            assert {path.name for path in tmp_path.iterdir()} == {"a", "file"}
            assert [each["path"] for each in on.notifier.status()["fifos"]] == [str(tmp_path / "a")]

    run(main())


def test_the_script_of_a_fifo(
    run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads to the end; one that dies is started again, later and later; another one takes its place."""
    log = tmp_path / "log"
    script = tmp_path / "read"
    script.write_text(f'#!/bin/sh\necho "begin $1" >> {log}\n[ "$1" = dies ] && exit 3\ncat "$2" >> {log}\n')
    script.chmod(0o755)

    def using(word: str) -> Config:
        return config(notify_fifo=fifo(tmp_path / "a", script=Command(script=f"{script} {word}")))

    async def main() -> None:
        async with bench() as on:
            on.apply(using("dies"))
            with caplog.at_level(logging.WARNING):
                await until(lambda: on.notifier.status()["fifos"][0]["script_restarts"] == 2, "twice again")
            assert "ended (exit 3); it is started again at once" in caplog.messages[0]
            assert "started again in 1 s" in caplog.messages[1]
            on.apply(using("reads"))
            on.apply(using("reads"))
            on.notifier.tell(instance("VI"), Word.STOP, 1, old=State.BACKUP)
        said = log.read_text().splitlines()
        assert said.count('INSTANCE "VI" STOP 1') == 1
        assert said.count("begin reads") == 1

    run(main())


def test_one_that_does_not_end_with_its_fifo_is_stopped(
    run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "LEAVE_PATIENCE", 0.05)
    script = tmp_path / "hang"
    script.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    script.chmod(0o755)

    async def main() -> None:
        async with bench() as on:
            on.apply(config(notify_fifo=fifo(tmp_path / "a", script=Command(script=str(script)))))
            await until((tmp_path / "pid").exists, "it runs")
            pid = (tmp_path / "pid").read_text().strip()
            on.apply(config())
            await until(lambda: not Path("/proc", pid, "exe").exists(), "it has been stopped")

    run(main())


def test_the_end_does_not_wait_for_ever(
    run: RunFixture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notifier, "STOP_LIMIT", 0.1)
    hangs = instance("VI", notify=Notify(stop=Command(script="/bin/sleep 600")))

    async def main() -> None:
        with caplog.at_level(logging.WARNING):
            async with bench() as on:
                on.notifier.tell(hangs, Word.STOP, 1, old=State.MASTER)
        assert "1 notify scripts have not ended within 0.1 s and are given up" in caplog.messages

    run(main())


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        (config(instance()), False),
        (config(instance(notify=Notify(tells_deleted=True, priority_changes=True))), False),
        (config(notify_fifo=Fifo(path="/x")), False),
        (config(instance(notify=Notify(stop=Command(script="/x")))), True),
        (config(vrrp_notify_fifo=Fifo(path="/x", script=Command(script="/y"))), True),
    ],
)
def test_whether_programs_are_needed(given: Config, needed: bool) -> None:
    assert needs_programs(given) is needed


def test_run_once(run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Waited for, told, and never more than told."""
    script, log = recorder(tmp_path)

    async def main() -> None:
        await run_startup(Process())
        await run_startup(Process(startup_script=Command(script=f"{script} 'a b' $HOME")))
        assert log.read_text() == "a b $HOME\n"
        assert caplog.messages == [f"startup_script {script} 'a b' $HOME: exit 0"]
        caplog.clear()
        began = asyncio.get_running_loop().time()
        hangs = Command(script="/bin/sleep 60")
        await run_shutdown(Process(shutdown_script=hangs, shutdown_script_timeout=0.1))
        assert asyncio.get_running_loop().time() - began < 10
        assert "shutdown_script /bin/sleep 60: timed out after 0." in caplog.messages[0]
        await run_shutdown(Process(shutdown_script=Command(script="/bin/true", user="no-such-user")))
        assert "there is no user 'no-such-user'" in caplog.messages[1]

    with caplog.at_level(logging.INFO):
        run(main())
