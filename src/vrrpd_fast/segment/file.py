"""The segment's file: made anew, put in its place when it says enough, left behind as it was last.

Cards are written with pwrite: what is not mapped is not the daemon's memory.
"""

import contextlib
import fcntl
import os
import time
import zlib
from array import array
from typing import Final

from vrrpd_fast.engine.rows import Rows
from vrrpd_fast.observe import layout

_MODE: Final = 0o644
_STEP: Final = 4  # places have multiples of so many units: a card that grows a little finds one that was left


class SegmentFile:
    """A segment under a name of its own until `publish`; OSError when there cannot be one.

    `started_ns` is when the daemon started, by CLOCK_MONOTONIC.
    """

    def __init__(self, socket_path: str, started_ns: int) -> None:
        self.path = layout.path_of(socket_path)
        self._draft: str | None = f"{self.path}.new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._draft)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self._draft, flags, _MODE)
        try:
            os.fchmod(self._fd, _MODE)  # whatever the umask
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._fd, layout.HEAP_AT)
            os.pwrite(self._fd, _fixed(started_ns), 0)
            self.rows = Rows(self._fd)
        except BaseException:
            self.close()
            raise
        # By slot, those of virtual routers and others: where its card is, in units, << 16 | how many steps it
        # has there; 0: no card.
        self._places = array("Q"), array("Q")
        self._free: dict[int, array[int]] = {}  # places by steps
        self._end = 0  # of the heap, in units

    def publish(self) -> None:
        """Take the place of an earlier run's."""
        if self._draft is not None:
            os.rename(self._draft, self.path)
            self._draft = None

    def put(self, slot: int, text: bytes, serial: int) -> None:
        """Give a slot this card. It is written where no card is, so that readers find one or the other."""
        if len(text) > layout.CARD_LIMIT:
            raise OSError(0, "a card is too long for the segment")
        steps = -(-len(text) // (layout.UNIT * _STEP)) or 1
        free = self._free.get(steps)
        place = free.pop() if free else self._end
        os.pwrite(self._fd, text, layout.HEAP_AT + place * layout.UNIT)
        entry = layout.ENTRY.pack(place, len(text), zlib.crc32(text), serial)
        os.pwrite(self._fd, entry, layout.ENTRIES_AT + slot * layout.ENTRY_SIZE)
        if place == self._end:
            self._end += steps * _STEP
        self._move(slot, place << 16 | steps)

    def clear(self, slot: int) -> None:
        """Take a slot's card away."""
        os.pwrite(self._fd, bytes(layout.ENTRY_SIZE), layout.ENTRIES_AT + slot * layout.ENTRY_SIZE)
        self._move(slot, 0)

    def close(self) -> None:
        """Let go: from now on readers know that we have ended. One never published is removed."""
        if self._draft is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._draft)
        fcntl.flock(self._fd, fcntl.LOCK_UN)  # the mapping keeps the file open
        os.close(self._fd)

    def _move(self, slot: int, place: int) -> None:
        """A slot's card is there now, and its former place free for another one."""
        places = self._places[slot >= layout.SLOTS]
        slot %= layout.SLOTS
        if slot >= len(places):
            places.extend([0] * (slot + 1 - len(places)))
        former, places[slot] = places[slot], place
        if former:
            self._free.setdefault(former & 0xFFFF, array("I")).append(former >> 16)


def _fixed(started_ns: int) -> bytes:
    """The part of the header that does not change."""
    return layout.FIXED.pack(
        layout.MAGIC,
        layout.LAYOUT,
        layout.BYTE_ORDER,
        layout.HEADER_SIZE,
        layout.ROW_SIZE,
        layout.SLOTS,
        layout.OTHERS,
        layout.SEQUENCES_AT,
        layout.ROWS_AT,
        layout.ENTRIES_AT,
        layout.HEAP_AT,
        os.getpid(),
        time.time_ns() - (time.monotonic_ns() - started_ns),
        started_ns,
    )
