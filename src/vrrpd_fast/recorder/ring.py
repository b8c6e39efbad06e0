"""The event ring as it is written: blocks in a sparse file, the oldest overwritten (docs/EVENTS.md).

An append is one pwrite of whole records. Nobody is waited for: checksums tell readers how far they may read.
"""

import contextlib
import os
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path

from vrrpd_fast.observe.events import (
    BLOCK,
    CHECKSUM,
    HEADER,
    HEADER_ROOM,
    MAGIC,
    RECORD,
    VERSION,
    checksum,
    last_of,
    parse_header,
    ring_path,
)

BLOCK_SIZE = 64 * 1024
BLOCKS = 256  # 16 MiB
RECORD_LIMIT = BLOCK_SIZE - BLOCK.size - RECORD.size  # bytes of JSON


class Ring:
    """The ring beside a control socket; who has it must hold the socket's lock.

    An earlier one is continued if it can be, else a new file takes its place. OSError when there can be none.
    """

    def __init__(self, socket_path: str, *, block_size: int = BLOCK_SIZE, blocks: int = BLOCKS) -> None:
        self.path = ring_path(socket_path)
        self._block_size = block_size
        self._blocks = blocks
        self._head = 0
        self._offset = 0  # in the block, of the next record; 0: its own header is still to come
        self.last = 0  # sequence number of the last event
        fd = self._continue()
        self._fd = self._make() if fd is None else fd

    def close(self) -> None:
        os.close(self._fd)

    def append(self, texts: Sequence[bytes]) -> None:
        """Write events, JSON objects that say their numbers: `last` + 1 and so on. OSError (ENOSPC): none of
        those that did not fit the present block is there, and their numbers are given again.
        """
        pieces: list[bytes] = []
        number, offset = self.last, self._offset
        for text in texts:
            length = RECORD.size + len(text)
            if offset and offset + length > self._block_size:
                self._write(pieces, number, offset)
                pieces = []
                self._next_block()
                offset = 0
            number += 1
            if not offset:
                pieces.append(BLOCK.pack(self._head, number))
                offset = BLOCK.size
            pieces.append(RECORD.pack(len(text), checksum(number, text), number))
            pieces.append(text)
            offset += length
        self._write(pieces, number, offset)

    def _write(self, pieces: Sequence[bytes], number: int, offset: int) -> None:
        """Put whole records behind those of the present block."""
        data = b"".join(pieces)
        written = os.pwrite(self._fd, data, self._place() + self._offset)
        if written < len(data):  # no room for the rest; what is there ends in the middle of a record
            os.pwrite(self._fd, data[written:], self._place() + self._offset + written)
        self.last, self._offset = number, offset

    def _next_block(self) -> None:
        self._head += 1
        self._offset = 0
        self._write_header(self._fd)

    def _write_header(self, fd: int) -> None:
        header = HEADER.pack(MAGIC, VERSION, self._block_size, self._blocks, 0, self._head)
        os.pwrite(fd, header + CHECKSUM.pack(zlib.crc32(header)), 0)

    def _place(self) -> int:
        return HEADER_ROOM + self._head % self._blocks * self._block_size

    def _continue(self) -> int | None:
        """An earlier ring of this form; None when there is none, or none that is sound and ours."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, fd)
            facts = os.fstat(fd)
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_nlink != 1:
                return None
            form = parse_header(os.pread(fd, HEADER.size + CHECKSUM.size, 0))
            if form[:2] != (self._block_size, self._blocks):
                return None
            for head in (form[2], form[2] - 1):  # a daemon that was killed may not have begun its last block
                self._head = max(0, head)
                last, offset = last_of(os.pread(fd, self._block_size, self._place()), self._head)
                if last:
                    self.last, self._offset = last, offset
                    self._write_header(fd)
                    undo.pop_all()
                    return fd
        self._head = 0
        return None

    def _make(self) -> int:
        """A new file, in place at once and whole."""
        fresh = f"{self.path}.new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            os.fchmod(fd, 0o644)
            os.ftruncate(fd, HEADER_ROOM + self._blocks * self._block_size)
            self._write_header(fd)
            Path(fresh).rename(self.path)
        except BaseException:
            os.close(fd)
            raise
        return fd
