import json
import logging
import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vrrpd_fast import log
from vrrpd_fast.log import JournalFormatter, JSONFormatter, QueueHandler, RateLimit, TextFormatter, is_journal


def record(message: str, *args: object, level: int = logging.INFO, **more: object) -> logging.LogRecord:
    result = logging.LogRecord("x", level, __file__, 1, message, args, None)
    result.__dict__.update(more)
    return result


def failing() -> logging.LogRecord:
    try:
        raise KeyError("gone")
    except KeyError:
        return logging.LogRecord("x", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info())


def test_text() -> None:
    line = TextFormatter().format(record("instance %s: %s", 50, "BACKUP -> MASTER (3 × 100 ms)"))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} info instance 50: BACKUP -> MASTER \(3 × 100 ms\)", line
    )


def test_a_message_cannot_forge_a_line() -> None:
    line = TextFormatter().format(record("name %s", "a\n2026-01-01 error forged\x1b[31m\u2028"))
    assert line.endswith(r" info name a\n2026-01-01 error forged\x1b[31m\u2028")


def test_traceback_is_indented() -> None:
    lines = TextFormatter().format(failing()).splitlines()
    assert lines[0].endswith(" error it failed")
    assert lines[1] == "  Traceback (most recent call last):"
    assert lines[-1] == "  KeyError: 'gone'"
    assert all(line.startswith("  ") for line in lines[1:])


@pytest.mark.parametrize(
    ("level", "prefix"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 3)],
)
def test_journal_knows_the_time_and_wants_the_priority(level: int, prefix: int) -> None:
    assert JournalFormatter().format(record("x: %d", 1, level=level)) == f"<{prefix}>x: 1"


def test_every_line_in_the_journal_has_its_priority() -> None:
    lines = JournalFormatter().format(failing()).splitlines()
    assert len(lines) > 2
    assert all(line.startswith("<3>") for line in lines)


def test_json() -> None:
    fields = {"instance": "50", "level": "cannot be overwritten"}
    value = json.loads(JSONFormatter().format(record("a\n%s", "ü", fields=fields)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", value.pop("time"))
    assert value == {"level": "info", "message": "a\nü", "instance": "50"}
    assert json.loads(JSONFormatter().format(failing()))["exception"].endswith("KeyError: 'gone'")


def test_stream_of_the_journal_is_recognised() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        status = os.fstat(ours.fileno())
        assert is_journal(ours.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_journal(theirs.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_journal(ours.fileno(), {})
        number = ours.fileno()
    assert not is_journal(number, {"JOURNAL_STREAM": "1:1"})


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(write)
    os.close(read)


def read_until(fd: int, end: bytes) -> bytes:
    data = b""
    while end not in data:
        chunk = os.read(fd, 65536)
        assert chunk
        data += chunk
    return data


def test_handler_writes_in_order(pipe: tuple[int, int]) -> None:
    handler = QueueHandler(pipe[1])
    handler.setFormatter(logging.Formatter("%(message)s"))
    for n in range(1000):
        handler.emit(record("%d", n))
    handler.close()
    assert read_until(pipe[0], b"\n999\n").split() == [str(n).encode() for n in range(1000)]
    assert handler.dropped == 0


def test_full_pipe_holds_nobody_and_the_loss_is_told(pipe: tuple[int, int]) -> None:
    read, write = pipe
    handler = QueueHandler(write, limit=500)
    handler.setFormatter(logging.Formatter("%(message)s"))
    slowest = 0.0
    for n in range(2000):
        begin = time.perf_counter()
        handler.emit(record("%05d %s", n, "x" * 1000))
        slowest = max(slowest, time.perf_counter() - begin)
    assert slowest < 0.5
    # The pipe takes 64 KiB, the thread holds a batch, the queue 500.
    assert 2000 - 500 - log.BATCH_LIMIT - 70 <= handler.dropped < 1500
    text = b""
    told = 0
    while told < handler.dropped:  # it may be told in several lines
        assert select.select([read], [], [], 5)[0], (told, handler.dropped)
        text += os.read(read, 65536)
        told = sum(
            map(int, re.findall(rb"(\d+) log records were dropped: nobody read stderr fast enough\n", text))
        )
    assert told == handler.dropped
    kept = [int(line[:5]) for line in text.splitlines() if line[5:7] == b" x"]
    assert kept == sorted(kept)
    assert len(kept) + handler.dropped <= 2000
    handler.emit(record("and on it goes"))
    read_until(read, b"and on it goes")
    handler.close()


def test_closing_does_not_wait_for_a_dead_reader(pipe: tuple[int, int]) -> None:
    handler = QueueHandler(pipe[1])
    handler.setFormatter(logging.Formatter("%(message)s"))
    for _ in range(300):
        handler.emit(record("x" * 1000))
    begin = time.monotonic()
    handler.close()
    assert 0.9 < time.monotonic() - begin < 3
    os.set_blocking(pipe[0], False)
    while handler._thread.is_alive():  # let the thread end before its pipe is closed
        try:
            os.read(pipe[0], 65536)
        except BlockingIOError:
            time.sleep(0.005)


def test_somebody_elses_nonblocking_stderr_loses_nothing(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.set_blocking(write, False)
    handler = QueueHandler(write)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for n in range(300):
        handler.emit(record("%05d%s", n, "x" * 1000))
    text = read_until(read, b"00299x")
    handler.close()
    assert text.count(b"\n") >= 299


def test_vanished_stderr_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    handler = QueueHandler(write)
    handler.emit(record("nobody will know"))
    handler._thread.join(5)
    assert not handler._thread.is_alive()
    handler.emit(record("still nobody"))
    handler.close()
    os.close(write)


PROGRAM = """
import logging, sys
from vrrpd_fast.log import setup
setup(sys.argv[1], sys.argv[2])
logging.getLogger("vrrpd_fast.x").debug("small")
logging.getLogger("vrrpd_fast.x").info("big")
"""


def run_program(level: str, format: str) -> str:
    argv = [sys.executable, "-c", PROGRAM, level, format]
    return subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=True, timeout=20).stderr


def test_setup_writes_everything_before_the_process_ends() -> None:
    assert [line.split(" ", 1)[1] for line in run_program("debug", "text").splitlines()] == [
        "debug small",
        "info big",
    ]
    (line,) = run_program("info", "json").splitlines()
    assert json.loads(line)["message"] == "big"


@pytest.mark.parametrize(("level", "format"), [("loud", "text"), ("info", "xml"), ("INFO", "text")])
def test_setup_refuses_what_it_does_not_know(level: str, format: str) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        log.setup(level, format)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_limit_counts_by_key_and_period() -> None:
    clock = Clock()
    limit = RateLimit(2, 10.0, clock)
    assert [limit.check("a") for _ in range(5)] == [0, 0, None, None, None]
    assert limit.check("b") == 0
    clock.now += 9.9
    assert limit.check("a") is None
    clock.now += 0.2
    assert [limit.check("a") for _ in range(3)] == [4, 0, None]


def test_rate_limit_tells_what_it_held_back(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    limit = RateLimit(1, 10.0, clock)
    for _ in range(4):
        limit.log(logging.getLogger("x"), logging.WARNING, "a", "bad %s", "packet")
    clock.now += 11
    limit.log(logging.getLogger("x"), logging.WARNING, "a", "bad %s", "packet")
    assert [r.getMessage() for r in caplog.records] == [
        "bad packet",
        "bad packet (3 more like it were not logged)",
    ]


def test_rate_limit_memory_is_bounded() -> None:
    clock = Clock()
    limit = RateLimit(1, 10.0, clock)
    for n in range(5000):
        limit.check(n)
    assert len(limit._windows) <= RateLimit.KEY_LIMIT
    clock.now += 11
    limit.check("new")
    assert len(limit._windows) == 1


def test_handler_writes_to_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    handler = QueueHandler(fd)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.emit(record("to a file"))
    handler.close()
    os.close(fd)
    assert path.read_text() == "to a file\n"
