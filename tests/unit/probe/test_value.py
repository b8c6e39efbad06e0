"""Values of files: which are read, how much of them, and one that hangs."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from unit.probe.running import outcome_of, run
from vrrpd_fast.model import ValueProbe
from vrrpd_fast.probe.check import Context, Outcome
from vrrpd_fast.probe.kinds import value


def ask(path: str, expect: str) -> Outcome:
    async def main() -> Outcome:
        return await outcome_of(ValueProbe(path=path, expect=expect), Context(asyncio.get_running_loop()))

    return asyncio.run(main())


def test_a_sysctl() -> None:
    assert ask("/proc/sys/kernel/ostype", "= Linux") == Outcome(True, "Linux")
    assert ask("/proc/sys/kernel/ostype", "!= Linux") == Outcome(False, "Linux")
    assert not ask("/proc/sys/no/such", "1").is_success


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "state"
    assert ask(str(file), "!= 1") == Outcome(False, "No such file or directory")
    file.write_text(" 7\n")
    assert ask(str(file), "5..9") == Outcome(True, "7")
    file.write_text("")
    assert ask(str(file), "= 7") == Outcome(False, "empty")
    file.write_bytes(b"\xff\x1b[2J" * 5000 + b"end")
    assert ask(str(file), "~ end").text.isprintable()
    assert not ask(str(file), "~ end").is_success  # too far behind


def test_no_file_at_all(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (str(tmp_path), str(fifo), "/dev/zero"):
        assert ask(path, "1") == Outcome(False, "is no regular file")


def test_a_file_system_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs one thread, not the loop, and a late answer is not taken for a new one."""
    goes_on = threading.Event()

    def hang(path: str) -> str:
        goes_on.wait(10)
        return "1"

    monkeypatch.setattr(value, "read", hang)

    async def main() -> None:
        context = Context(asyncio.get_running_loop())
        check = value.make(ValueProbe(path=str(tmp_path / "a"), expect="1"), context)
        assert await run(check, context, 0.05) == Outcome(False, "timed out")
        before = threading.active_count()
        assert await run(check, context, 0.05) == Outcome(
            False, "the last read of the file has not come back"
        )
        assert threading.active_count() == before
        goes_on.set()
        while threading.active_count() >= before:
            await asyncio.sleep(0.001)
        assert await run(check, context) == Outcome(True, "1")
        check.close()

    asyncio.run(main())
