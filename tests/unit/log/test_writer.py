import json
import logging
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.log.records import record
from vrrpd_fast import log
from vrrpd_fast.log.writer import BATCH_LIMIT, QUEUE_LIMIT, QueueHandler, StreamSink


def handler_of(fd: int, limit: int = QUEUE_LIMIT) -> QueueHandler:
    return QueueHandler(StreamSink(fd, logging.Formatter("%(message)s")), limit)


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
    handler = handler_of(pipe[1])
    for n in range(1000):
        handler.emit(record("%d", n))
    handler.close()
    assert read_until(pipe[0], b"\n999\n").split() == [str(n).encode() for n in range(1000)]
    assert handler.dropped == 0


def test_full_pipe_holds_nobody_and_the_loss_is_told(pipe: tuple[int, int]) -> None:
    read, write = pipe
    handler = handler_of(write, limit=500)
    slowest = 0.0
    for n in range(2000):
        begin = time.perf_counter()
        handler.emit(record("%05d %s", n, "x" * 1000))
        slowest = max(slowest, time.perf_counter() - begin)
    assert slowest < 0.5
    # The pipe takes 64 KiB, the thread holds a batch, the queue 500.
    assert 2000 - 500 - BATCH_LIMIT - 70 <= handler.dropped < 1500
    text = b""
    told = 0
    while told < handler.dropped:  # it may be told in several lines
        assert select.select([read], [], [], 5)[0], (told, handler.dropped)
        text += os.read(read, 65536)
        told = sum(
            map(int, re.findall(rb"(\d+) log records were dropped: nobody read them fast enough\n", text))
        )
    assert told == handler.dropped
    kept = [int(line[:5]) for line in text.splitlines() if line[5:7] == b" x"]
    assert kept == sorted(kept)
    assert len(kept) + handler.dropped <= 2000
    handler.emit(record("and on it goes"))
    read_until(read, b"and on it goes")
    handler.close()


def test_closing_does_not_wait_for_a_dead_reader(pipe: tuple[int, int]) -> None:
    handler = handler_of(pipe[1])
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
    handler = handler_of(write)
    for n in range(300):
        handler.emit(record("%05d%s", n, "x" * 1000))
    text = read_until(read, b"00299x")
    handler.close()
    assert text.count(b"\n") >= 299


def test_vanished_stderr_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    handler = handler_of(write)
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


def test_handler_writes_to_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    handler = handler_of(fd)
    handler.emit(record("to a file"))
    handler.close()
    os.close(fd)
    assert path.read_text() == "to a file\n"


def test_what_the_sink_cannot_take_apart_is_nobodys_end(pipe: tuple[int, int], capsys) -> None:  # type: ignore[no-untyped-def]
    handler = handler_of(pipe[1])
    handler.emit(record("%d", "not a number"))
    handler.emit(record("next"))
    handler.close()
    assert read_until(pipe[0], b"next\n") == b"next\n"
    assert "not a number" in capsys.readouterr().err
