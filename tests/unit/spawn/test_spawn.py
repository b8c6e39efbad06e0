"""Real scripts, real processes, a real helper."""

import asyncio
import grp
import logging
import os
import pwd
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from vrrpd_fast.spawn import spawn
from vrrpd_fast.spawn.command import Identity
from vrrpd_fast.spawn.helper import MESSAGES_PER_WAKE
from vrrpd_fast.spawn.spawn import Result, Spawner
from vrrpd_fast.spawn.spawner import MESSAGE_LIMIT

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changing user needs root")
RunFixture = Callable[[Any], Any]


@asynccontextmanager
async def helper() -> AsyncIterator[Spawner]:
    result = Spawner(asyncio.get_running_loop())
    result.start()
    try:
        yield result
    finally:
        await result.close()


async def until(condition: Callable[[], Any], what: str, limit: float = 10.0) -> Any:
    end = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {limit} s: {what}"
        await asyncio.sleep(0.005)
    return value


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie (its reaper may be slow)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def read_pid(path: Path) -> int:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def test_exit_codes_and_signals(run: RunFixture) -> None:
    async def main() -> None:
        async with helper() as spawner:
            ok = await spawner.run(["true"], timeout=5)
            assert (ok.exit_code, ok.is_success, ok.is_verdict, str(ok)) == (0, True, True, "exit 0")
            assert 0 < ok.duration_ns < 5_000_000_000
            bad = await spawner.run(sh("exit 3"), timeout=5)
            assert (bad.exit_code, bad.is_success, bad.is_verdict, str(bad)) == (3, False, True, "exit 3")
            killed = await spawner.run(sh("kill -USR1 $$"), timeout=5)
            assert (killed.signal, killed.exit_code, str(killed)) == (10, None, "killed by SIGUSR1")
            assert not killed.is_success and killed.is_verdict

    run(main())


def test_what_cannot_be_run_says_why(run: RunFixture, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    no_interpreter = tmp_path / "bad"
    no_interpreter.write_text("#!/no/such/interpreter\n")
    no_interpreter.chmod(0o755)

    async def main() -> None:
        async with helper() as spawner:
            assert str(await spawner.run(["/no/such/script"], timeout=5)) == "exit 127: not found"
            assert str(await spawner.run(["no-such-command"], timeout=5)) == "exit 127: not found"
            assert str(await spawner.run([str(no_interpreter)], timeout=5)) == "exit 127: not found"
            denied = await spawner.run([str(plain)], timeout=5)
            assert str(denied) == "exit 126: cannot be run: Permission denied"
            assert denied.is_verdict and not denied.is_success
            # The same exit code from the script itself has no such explanation.
            assert str(await spawner.run(sh("exit 127"), timeout=5)) == "exit 127"

    run(main())


def test_script_without_interpreter_line_goes_to_sh(run: RunFixture, tmp_path: Path) -> None:
    script = tmp_path / "old"
    script.write_text('echo "$1" > "$2"\nexit 4\n')
    script.chmod(0o755)

    async def main() -> None:
        async with helper() as spawner:
            result = await spawner.run([str(script), "a b", str(tmp_path / "out")], timeout=5)
            assert result.exit_code == 4
            assert (tmp_path / "out").read_text() == "a b\n"
            path = f"{tmp_path}:{os.environ['PATH']}"
            found = ["old", "c", str(tmp_path / "out")]
            assert (await spawner.run(found, timeout=5, environment={"PATH": path})).exit_code == 4
            assert (tmp_path / "out").read_text() == "c\n"

    run(main())


def test_surroundings_of_a_script(run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own session, no stdin, no strange descriptors, default signals, a clean environment."""
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/secret")
    monkeypatch.setenv("KEPT", "yes")
    program = tmp_path / "look.py"
    program.write_text(
        "import os, signal, sys\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "out = open(sys.argv[1], 'w')\n"
        "links = {n: os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if int(n) != "
        "out.fileno() and os.path.exists(f'/proc/self/fd/{n}')}\n"
        "print(os.getsid(0) == os.getpgid(0) == os.getpid(), sorted(links.items()), os.getcwd(), "
        "status['SigBlk'].strip(), hex(int(status['SigIgn'], 16)), os.umask(0), "
        "os.environ.get('NOTIFY_SOCKET'), os.environ.get('KEPT'), os.environ.get('MORE'), "
        "file=out, sep='\\n')\n"
    )

    async def main() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        try:
            async with helper() as spawner:
                argv = [sys.executable, "-I", str(program), str(tmp_path / "out")]
                result = await spawner.run(argv, timeout=10, environment={"MORE": "more"})
                spawner.umask = 0o077
                await spawner.run(sh(f"umask > {tmp_path}/umask"), timeout=10)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})
        assert result.exit_code == 0
        leads, links, cwd, blocked, ignored, umask, notify, kept, more = (
            (tmp_path / "out").read_text().splitlines()
        )
        assert leads == "True"
        assert links == "[('0', '/dev/null'), ('1', '/dev/null'), ('2', '/dev/null')]"
        assert cwd == "/"
        assert int(blocked, 16) == 0
        # CPython ignores SIGPIPE and SIGXFSZ for itself; nothing else may have been ignored.
        # (Signals 32 and 33 are glibc's own.)
        python_itself = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)
        assert int(ignored, 16) & 0x7FFFFFFF & ~python_itself == 0
        assert int(umask) == 0o022
        assert int((tmp_path / "umask").read_text(), 8) == 0o077
        assert (notify, kept, more) == ("None", "yes", "more")

    run(main())


def test_pipe_signal_is_back_at_its_default(run: RunFixture) -> None:
    async def main() -> None:
        async with helper() as spawner:
            assert (await spawner.run(sh("kill -PIPE $$"), timeout=5)).signal == signal.SIGPIPE

    run(main())


@needs_root
def test_user_and_groups_are_dropped(run: RunFixture) -> None:
    nobody = pwd.getpwnam("nobody")
    groups = grp.getgrnam("daemon").gr_gid
    script = (
        f'[ "$(id -u) $(id -ru) $(id -g) $(id -G)" = "{nobody.pw_uid} {nobody.pw_uid} {groups} {groups}" ] '
        "&& grep -q 'CapPrm:.0*$' /proc/self/status && ! kill -0 1"
    )

    async def main() -> None:
        async with helper() as spawner:
            identity = Identity("nobody", nobody.pw_uid, groups)
            assert str(await spawner.run(sh(script), timeout=5, identity=identity)) == "exit 0"
            assert str(await spawner.run(sh(script), timeout=5)) == "exit 1"

    run(main())


def test_user_that_cannot_be_had_is_told(run: RunFixture) -> None:
    async def main() -> None:
        async with helper() as spawner:
            identity = Identity("strange", 0, 2**32 - 1)  # no valid group: setgroups refuses it
            result = await spawner.run(["true"], timeout=5, identity=identity)
            assert result.exit_code == 126
            assert result.error is not None and result.error.startswith("cannot become its user")

    run(main())


def test_timeout_is_told_at_once_and_ends_the_group(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        async with helper() as spawner:
            child = tmp_path / "child"
            begin = time.monotonic()
            result = await spawner.run(sh(f"sleep 60 & echo $! > {child}; wait"), timeout=0.3)
            # Well before the SIGKILL that would come 2 s after the timeout, even on a busy machine.
            assert 0.29 < time.monotonic() - begin < 2.0
            assert result.timed_out and result.is_verdict and not result.is_success
            assert re.fullmatch(r"timed out after (0\.[3-9]\d?|1(\.\d)?) s", str(result)), str(result)
            assert result.duration_ns >= 300_000_000
            await until(lambda: not is_running(read_pid(child)), "the child of the script is gone")

    run(main())


def test_who_ignores_sigterm_is_killed_after_two_seconds(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        async with helper() as spawner:
            results: list[Result] = []
            child = tmp_path / "child"
            script = f"trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {child}; sleep 60; sleep 60' ; sleep 60"
            launched = spawner.launch(sh(script), timeout=0.3, on_result=results.append)
            await until(lambda: results, "the timeout is told")
            told = time.monotonic()
            assert results[0].timed_out
            await asyncio.sleep(0.2)
            assert launched.is_alive
            await until(lambda: not launched.is_alive, "the script is gone")
            assert 1.7 < time.monotonic() - told < 3.5
            assert launched.pid is not None and not is_running(launched.pid)
            await until(lambda: not is_running(read_pid(child)), "its child is gone")
            assert len(results) == 1

    run(main())


def test_stubborn_child_of_an_obedient_script_is_killed(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        async with helper() as spawner:
            child = tmp_path / "child"
            stubborn = tmp_path / "stubborn"
            stubborn.write_text(f"trap '' TERM; echo $$ > {child}; sleep 60; sleep 60")
            results: list[Result] = []
            launched = spawner.launch(sh(f"sh {stubborn} & sleep 60"), timeout=0.5, on_result=results.append)
            pid = await until(lambda: read_pid(child), "the child runs")
            await until(lambda: not launched.is_alive, "the script heeds SIGTERM")
            assert results[0].timed_out
            assert is_running(pid)
            await until(lambda: not is_running(pid), "the child is killed")

    run(main())


def test_what_a_script_leaves_behind_in_time_is_left_alone(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        child = tmp_path / "child"
        async with helper() as spawner:
            result = await spawner.run(sh(f"sleep 60 & echo $! > {child}"), timeout=0.4)
            assert result.exit_code == 0
            await asyncio.sleep(0.6)  # past the timeout: nothing may happen any more
            pid = read_pid(child)
            assert is_running(pid)
            os.kill(pid, signal.SIGKILL)

    run(main())


def test_two_hundred_at_once(run: RunFixture) -> None:
    async def main() -> None:
        async with helper() as spawner:
            begin = time.monotonic()
            runs = [spawner.run(sh(f"sleep 0.2; exit {n % 3}"), timeout=15) for n in range(200)]
            results = await asyncio.gather(*runs)
            assert [result.exit_code for result in results] == [n % 3 for n in range(200)]
            assert time.monotonic() - begin < 15  # 40 s one after the other

    run(main())


def test_long_commands(run: RunFixture) -> None:
    async def main() -> None:
        async with helper() as spawner:
            long = ["/usr/bin/test", "x" * 64_000, "=", "x" * 64_000]
            # Many in one go: more than the socket buffers take.
            results = await asyncio.gather(*(spawner.run(long, timeout=15) for _ in range(20)))
            assert {str(result) for result in results} == {"exit 0"}
            too_long = await spawner.run(["true", "x" * MESSAGE_LIMIT], timeout=5)
            assert not too_long.is_verdict
            assert too_long.error is not None and "are possible" in too_long.error

    run(main())


def test_killed_helper_fails_its_runs_and_comes_back(
    run: RunFixture, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with helper() as spawner:
            results: list[Result] = []
            runs = [spawner.launch(["sleep", "60"], timeout=50, on_result=results.append) for _ in range(5)]
            await until(lambda: all(r.pid for r in runs), "all have started")
            first = spawner.pid
            assert first is not None
            with caplog.at_level(logging.ERROR):
                os.kill(first, signal.SIGKILL)
                await until(lambda: len(results) == 5, "all have failed")
            assert {str(result) for result in results} == {"the spawn helper was killed by SIGKILL"}
            assert not any(result.is_verdict for result in results)
            assert not any(r.is_alive for r in runs)
            for orphan in runs:
                assert orphan.pid is not None
                await until(lambda pid=orphan.pid: not is_running(pid), "no script outlives the helper")
            await until(lambda: spawner.pid not in (None, first), "a new helper")
            assert (await spawner.run(["true"], timeout=5)).is_success
            lines = [record.getMessage() for record in caplog.records]
            assert lines == [
                f"spawn helper (pid {first}) was killed by SIGKILL, 5 script runs are lost; "
                "it is started again at once"
            ]

    run(main())


def test_helper_that_keeps_dying_is_not_restarted_in_a_rush(
    run: RunFixture, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with helper() as spawner:
            first = spawner.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            second = await until(lambda: spawner.pid if spawner.pid != first else None, "a second helper")
            begin = time.monotonic()
            os.kill(second, signal.SIGKILL)
            await until(lambda: spawner.pid is None, "the death is noticed")
            meanwhile = await spawner.run(["true"], timeout=5)
            assert str(meanwhile) == "the spawn helper is not running"
            await until(lambda: spawner.pid is not None, "a third helper")
            assert time.monotonic() - begin > 0.9
            assert spawner.restarts == 2
            assert "it is started again in 1 s" in caplog.text

    run(main())


def test_closing_kills_what_runs(run: RunFixture) -> None:
    async def main() -> None:
        async with helper() as spawner:
            results: list[Result] = []
            launched = spawner.launch(
                sh("trap '' TERM; sleep 60; sleep 60"), timeout=50, on_result=results.append
            )
            await until(lambda: launched.pid, "it has started")
        assert [str(result) for result in results] == ["the spawn helper was stopped"]
        pid = launched.pid
        assert pid is not None
        await until(lambda: not is_running(pid), "it is gone")
        assert spawner.pid is None
        assert str(await spawner.run(["true"], timeout=1)) == "the spawn helper is not running"

    run(main())


def test_signals_to_the_whole_group_do_not_end_the_helper(run: RunFixture) -> None:
    async def main() -> None:
        async with helper() as spawner:
            # An answer shows that its handlers are in place.
            await spawner.run(["true"], timeout=5)
            first = spawner.pid
            assert first is not None
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(first, number)
            assert (await spawner.run(["true"], timeout=5)).is_success
            assert spawner.pid == first

    run(main())


DAEMON = """
import asyncio, sys
from vrrpd_fast.spawn.spawn import Spawner

async def main():
    spawner = Spawner(asyncio.get_running_loop())
    spawner.start()
    run = spawner.launch(["/bin/sh", "-c", "trap '' TERM; sleep 60; sleep 60"], timeout=50, on_result=print)
    while run.pid is None:
        await asyncio.sleep(0.01)
    print(spawner.pid, run.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_killed_daemon_leaves_no_helper_and_no_script(run: RunFixture) -> None:
    async def main() -> None:
        daemon = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DAEMON, stdout=asyncio.subprocess.PIPE
        )
        assert daemon.stdout is not None
        pids = [int(word) for word in (await daemon.stdout.readline()).split()]
        assert len(pids) == 2 and all(map(is_running, pids))
        daemon.kill()
        await daemon.wait()
        for pid in pids:
            await until(lambda pid=pid: not is_running(pid), "gone with the daemon", 3)

    run(main())


def test_helper_is_small(run: RunFixture) -> None:
    async def main() -> None:
        async with helper() as spawner:
            await spawner.run(["true"], timeout=5)
            lines = Path(f"/proc/{spawner.pid}/smaps_rollup").read_text().splitlines()[1:]
            sizes_kb = {line.split(":")[0]: int(line.split()[1]) for line in lines}
            assert sizes_kb["Private_Dirty"] < 6 * 1024, sizes_kb
            assert sizes_kb["Rss"] < 14 * 1024, sizes_kb
            limits = Path(f"/proc/{spawner.pid}/limits").read_text()
            soft = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3]
            assert int(soft) <= spawn.NOFILE

    run(main())


def test_answers_come_in_slices(run: RunFixture) -> None:
    """A burst of answers must not hold the loop: other callbacks get their turn in between."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with helper() as spawner:
            done = 0
            in_one_go: list[int] = []

            def on_result(_: Result) -> None:
                nonlocal done
                done += 1

            for _ in range(150):
                spawner.launch(["true"], timeout=10, on_result=on_result)
            await asyncio.sleep(0)
            time.sleep(1.0)  # the answers pile up meanwhile
            before = 0

            def watch() -> None:
                nonlocal before
                in_one_go.append(done - before)
                before = done
                if done < 150:
                    loop.call_soon(watch)

            loop.call_soon(watch)
            await until(lambda: done == 150, "all answers")
            assert max(in_one_go) <= MESSAGES_PER_WAKE

    run(main())


def test_a_run_can_be_stopped(run: RunFixture, tmp_path: Path) -> None:
    """SIGTERM to its group, so that a script can clean up; others run on."""

    async def main() -> None:
        async with helper() as spawner:
            results: list[Result] = []
            script = f"trap '> {tmp_path}/bye; exit 0' TERM; echo $$ > {tmp_path}/pid; sleep 60 & wait"
            stopped = spawner.launch(sh(script), timeout=None, on_result=results.append)
            other = spawner.launch(sh("sleep 60"), timeout=None, on_result=results.append)
            await until(lambda: read_pid(tmp_path / "pid"), "it runs")
            spawner.stop(stopped)
            await until(lambda: not stopped.is_alive, "it has ended")
            assert (tmp_path / "bye").exists()
            assert [result.timed_out for result in results] == [True]
            spawner.stop(stopped)  # once more, in vain
            assert (await spawner.run(["true"], timeout=5)).is_success
            assert other.is_alive

    run(main())


def test_a_helper_is_started_when_it_is_needed(run: RunFixture) -> None:
    async def main() -> None:
        spawner = Spawner(asyncio.get_running_loop())
        assert spawner.pid is None
        spawner.need()
        pid = spawner.pid
        spawner.need()
        assert pid is not None and spawner.pid == pid
        await spawner.close()

    run(main())
