"""A FIFO that never waits: real ones, with readers that come late, slowly or not at all."""

import asyncio
import logging
import os
import select
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vrrpd_fast.notify.fifo import EventFifo

RunFixture = Callable[[Any], Any]


def lines(first: int, last: int, size: int = 0) -> list[bytes]:
    return [f"{number:07d}{'x' * size}\n".encode() for number in range(first, last)]


class Reader:
    """Has a FIFO open; reads when told to."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.data = b""
        self.sees_end = False

    def read(self, limit: int = 1 << 30) -> bytes:
        while len(self.data) < limit:
            try:
                data = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                self.sees_end = True
                break
            self.data += data
        return self.data

    def close(self) -> None:
        os.close(self.fd)


def made(path: Path, **more: Any) -> EventFifo:
    return EventFifo(asyncio.get_running_loop(), str(path), **more)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_lines_arrive_whole_and_in_order_however_late_they_are_read(run: RunFixture, tmp_path: Path) -> None:
    expected = lines(0, 60_000, 100)

    async def main() -> None:
        fifo = made(tmp_path / "fifo")
        reader = Reader(tmp_path / "fifo")
        for line in expected:
            fifo.write(line)
        await turns(100)
        assert fifo.waiting > 40_000  # 6 MB are more than the kernel takes
        assert (fifo.written + fifo.waiting, fifo.dropped) == (len(expected), 0)
        while fifo.waiting:
            reader.read()
            await asyncio.sleep(0)
        assert reader.read() == b"".join(expected)
        assert fifo.written == len(expected)
        fifo.write(b"one more\n")
        await turns()
        assert reader.read().endswith(b"one more\n")
        fifo.close()
        assert reader.read() and reader.sees_end
        reader.close()

    run(main())


def test_at_least_65536_lines_wait(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        fifo = made(tmp_path / "fifo")
        for line in lines(0, 65_536 + 1000, 200):
            fifo.write(line)
        await turns(100)
        assert fifo.dropped == 0
        fifo.close()

    run(main())


def test_beyond_the_bound_the_oldest_go_and_are_told(
    run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        fifo = made(tmp_path / "fifo", line_limit=100)
        reader = Reader(tmp_path / "fifo")
        while not fifo.waiting:  # fill what the kernel takes
            fifo.write(b"y" * 4000 + b"\n")
            await turns()
        with caplog.at_level(logging.ERROR):
            for line in lines(0, 150):
                fifo.write(line)
        assert (fifo.waiting, fifo.dropped) == (100, 51)
        (record,) = caplog.records
        assert "nobody reads it and 100 lines wait: the oldest are dropped, 1 so far" in record.getMessage()
        while fifo.waiting:
            reader.read()
            await asyncio.sleep(0)
        assert reader.read().endswith(b"".join(lines(50, 150)))
        reader.close()
        fifo.close()

    run(main())


def test_two_readers_never_share_a_line(run: RunFixture, tmp_path: Path) -> None:
    """What the kernel takes at once are whole lines: a reader that comes back finds the beginning of one."""

    async def main() -> None:
        fifo = made(tmp_path / "fifo")
        reader = Reader(tmp_path / "fifo")
        for line in lines(0, 20_000, 93):
            fifo.write(line)
        pages = 0
        while fifo.waiting or pages == 0:
            await turns()
            data = reader.read()
            reader.data = b""
            pages += len(data) > select.PIPE_BUF
            assert data.endswith(b"\n") or not data
            assert all(len(line) == 100 for line in data.splitlines())
        assert pages > 1
        reader.close()
        fifo.close()

    run(main())


def test_a_line_longer_than_a_page_is_written_in_parts(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        fifo = made(tmp_path / "fifo")
        reader = Reader(tmp_path / "fifo")
        long = b"z" * 3_000_000 + b"\n"
        fifo.write(long)
        fifo.write(b"after\n")
        while fifo.waiting:
            await turns()
            reader.read()
        assert reader.read() == long + b"after\n"
        assert fifo.written == 2
        reader.close()
        fifo.close()

    run(main())


def test_made_with_mode_and_removed(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        for umask, mode in ((None, 0o600), (0o022, 0o644), (0o027, 0o640)):
            fifo = made(tmp_path / "fifo", umask=umask)
            status = os.lstat(tmp_path / "fifo")
            assert stat.S_ISFIFO(status.st_mode)
            assert stat.S_IMODE(status.st_mode) == mode
            fifo.close()
            assert not (tmp_path / "fifo").exists()

    run(main())


def test_one_that_was_there_stays_as_it_was(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "fifo"
        os.mkfifo(path)
        path.chmod(0o666)
        fifo = made(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        assert fifo.is_in_place
        fifo.close()
        assert path.exists()

    run(main())


def test_what_is_no_fifo_is_refused_and_left_alone(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "file"
        path.write_text("precious")
        (tmp_path / "link").symlink_to("elsewhere")
        os.mkfifo(tmp_path / "elsewhere")
        for name in ("file", "link"):
            with pytest.raises(ValueError, match=f"{name} exists and is not a FIFO"):
                made(tmp_path / name)
        assert path.read_text() == "precious"
        with pytest.raises(FileNotFoundError):
            made(tmp_path / "nowhere" / "fifo")

    run(main())


def test_an_owner_that_cannot_be_set_leaves_nothing(
    run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, uid: int, gid: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchown", refuse)

    async def main() -> None:
        with pytest.raises(PermissionError):
            made(tmp_path / "fifo", owner=(9, 9))
        assert not (tmp_path / "fifo").exists()

    run(main())


def test_whether_it_is_still_in_place(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "fifo"
        fifo = made(path)
        path.unlink()
        assert not fifo.is_in_place
        os.mkfifo(path)
        assert not fifo.is_in_place
        fifo.close()
        assert path.exists()  # somebody else's

    run(main())


def test_draining_waits_for_a_reader_that_reads(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        fifo = made(tmp_path / "fifo")
        reader = Reader(tmp_path / "fifo")
        for line in lines(0, 40_000, 100):
            fifo.write(line)
        drained = asyncio.create_task(fifo.drain(patience=5, limit=20))
        while not drained.done():
            reader.read()
            await asyncio.sleep(0.001)
        assert await drained == 0
        assert len(reader.data) == 40_000 * 108
        reader.close()
        fifo.close()

    run(main())


def test_draining_gives_up_on_one_that_does_not(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        fifo = made(tmp_path / "fifo")
        for line in lines(0, 40_000, 100):
            fifo.write(line)
        began = loop.time()
        assert await fifo.drain(patience=0.2, limit=20) > 0
        assert 0.1 < loop.time() - began < 10
        fifo.close()

    run(main())
