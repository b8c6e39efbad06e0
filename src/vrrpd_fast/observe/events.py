"""The event ring: what happened, read from its file beside the control socket (docs/EVENTS.md).

The daemon writes the file and never waits for who reads it; it can be read while the daemon runs, is stuck
or has ended. Imports nothing of the daemon.
"""

import os
import struct
import time
import zlib
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Any

import msgspec

Event = dict[str, Any]

# The layout. Block n of the whole history lies at HEADER_ROOM + n % blocks * block_size.
MAGIC = b"VRRPEVNT"
VERSION = 1
HEADER_ROOM = 4096
HEADER = struct.Struct("<8sIIIIQ")  # magic, version, block size, blocks, 0, number of the block being written
CHECKSUM = struct.Struct("<I")  # CRC-32 of the header, behind it
BLOCK = struct.Struct("<QQ")  # number of this block, sequence number of its first event
RECORD = struct.Struct("<IIQ")  # length of the JSON, checksum, sequence number

POLL_SECONDS = 0.1
TRIES = 20  # to read a header that is just being written
_decode = msgspec.json.Decoder().decode


class EventsError(OSError):
    """There is no event ring, or it is none; the text is for people."""


def ring_path(socket_path: str) -> str:
    """Where the daemon of this control socket writes its events."""
    return f"{socket_path}.events"


def checksum(number: int, data: bytes) -> int:
    """CRC-32 of a record: a part that was not written yet, or is being overwritten, fails it."""
    return zlib.crc32(data, number & 0xFFFF_FFFF)


def read(
    socket_path: str, since: int = 0, name: str | None = None, needles: Collection[bytes] = ()
) -> Iterator[Event]:
    """Every event there is with a sequence number above `since`, oldest first. EventsError.

    `name` is a pattern (fnmatch) for the virtual router. `needles` makes it quick: only events are looked at
    that have one of them in their JSON. Where events that were asked for are gone, a `gap` says so: one event
    that is not in the file.
    """
    return _read(Reader(socket_path, since, needles), name)


def _read(reader: "Reader", name: str | None) -> Iterator[Event]:
    with reader:
        for events in reader.batches():
            yield from matching(events, name)


def follow(socket_path: str, since: int | None = None, name: str | None = None) -> Iterator[Event]:
    """As `read`, and then every event as it comes, for ever; `since` None: only those from this call on.

    A ring that a new daemon made anew is followed from its beginning. EventsError when there is none now.
    """
    reader = Reader(socket_path, 0 if since is None else since)
    if since is None:
        reader.skip()
    return _follow(reader, socket_path, name)


def _follow(reader: "Reader", socket_path: str, name: str | None) -> Iterator[Event]:
    try:
        while True:
            for events in reader.batches():
                yield from matching(events, name)
            if reader.is_replaced:
                reader.close()
                reader = Reader(socket_path, 0)
            else:
                time.sleep(POLL_SECONDS)
    finally:
        reader.close()


def matching(events: list[Event], name: str | None) -> Iterator[Event]:
    """Those of one virtual router or of several (pattern); without a name all of them."""
    for event in events:
        if name is None or event["event"] == "gap" or fnmatchcase(event.get("instance", ""), name):
            yield event


class Reader:
    """A place in the ring of one daemon: behind the event with the sequence number `since`."""

    def __init__(self, socket_path: str, since: int = 0, needles: Collection[bytes] = ()) -> None:
        self._path = ring_path(socket_path)
        self._needles = tuple(needles)
        self._has_skipped = False  # a block without any of them
        self._block_size = self._blocks = 0
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise EventsError(
                error.errno, f"{self._path}: {error.strerror}: no events of a vrrpd-fast on {socket_path}"
            ) from None
        try:
            head = self._head()
            if since > self._last(head):
                since = 0  # a ring that was made anew
            self._block = self._find(since + 1, max(0, head - self._blocks + 1), head)
        except BaseException:
            self.close()
            raise
        self._offset = BLOCK.size
        self._number = 0  # of the event at _offset, unless the block tells
        self._wanted = since + 1

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def is_replaced(self) -> bool:
        """Whether the file of this name is another one by now."""
        try:
            now = os.stat(self._path)
        except OSError:
            return False
        return now.st_ino != os.fstat(self._fd).st_ino

    def skip(self) -> None:
        """Go behind the last event there is."""
        for _ in self.batches():
            pass

    def batches(self) -> Iterator[list[Event]]:
        """What has come since, one block at a time."""
        while True:
            head = self._head()
            if self._block <= head - self._blocks:  # overwritten before we came
                self._block = head - self._blocks + 1
                self._offset = BLOCK.size
            data = os.pread(self._fd, self._block_size, self._place(self._block))
            if self._block < head and self._needles and not any(each in data for each in self._needles):
                self._has_skipped = True
            elif events := self._parse(data):
                yield events
            if self._block >= head:
                return
            self._block += 1
            self._offset = BLOCK.size

    def _parse(self, data: bytes) -> list[Event]:
        """The events of a block from where we are; stops at what was not written yet."""
        block, first = BLOCK.unpack_from(data) if len(data) >= BLOCK.size else (-1, 0)
        if block != self._block or not first:  # numbers begin at 1: zeros were not written yet
            return []
        events: list[Event] = []
        number, offset = self._number, self._offset
        if offset == BLOCK.size:
            number = first
            if self._has_skipped:
                self._wanted = max(self._wanted, first)
                self._has_skipped = False
        while offset + RECORD.size <= len(data):
            length, check, found = RECORD.unpack_from(data, offset)
            end = offset + RECORD.size + length
            if found != number or end > len(data):
                break
            text = data[offset + RECORD.size : end]
            if checksum(number, text) != check:
                break
            if number >= self._wanted:
                if number > self._wanted:
                    events.append(_gap(self._wanted, number - 1, _decode(text)))
                if not self._needles or any(needle in text for needle in self._needles):
                    events.append(_decode(text))
                self._wanted = number + 1
            number += 1
            offset = end
        self._number, self._offset = number, offset
        return events

    def _last(self, head: int) -> int:
        """Sequence number of the last event; 0 when there is none."""
        for block in (head, head - 1):  # the newest may be about to be written
            data = os.pread(self._fd, self._block_size, self._place(block)) if block >= 0 else b""
            if last := last_of(data, block)[0]:
                return last
        return 0

    # -- the file -----------------------------------------------------------------------------------------

    def _head(self) -> int:
        """Number of the block that is being written."""
        for _ in range(TRIES):
            block_size, blocks, head = parse_header(os.pread(self._fd, HEADER.size + CHECKSUM.size, 0))
            if block_size:
                self._block_size, self._blocks = block_size, blocks
                return head
            time.sleep(0.001)
        raise EventsError(f"{self._path} is no event ring of this version of vrrpd-fast")

    def _place(self, block: int) -> int:
        return HEADER_ROOM + block % self._blocks * self._block_size

    def _first_of(self, block: int) -> int | None:
        """Sequence number of a block's first event; None when it is not that block any more, or not yet."""
        data = os.pread(self._fd, BLOCK.size, self._place(block))
        found, first = BLOCK.unpack(data) if len(data) == BLOCK.size else (-1, 0)
        return first if found == block else None

    def _find(self, number: int, low: int, high: int) -> int:
        """The block in which an event is, or would be; the oldest for one that is gone."""
        while low < high:
            middle = (low + high + 1) // 2
            first = self._first_of(middle)
            if first is not None and first <= number:
                low = middle
            else:
                high = middle - 1
        return low


def parse_header(data: bytes) -> tuple[int, int, int]:
    """Block size, blocks and the block being written; zeros when that is not the header of a ring."""
    if len(data) < HEADER.size + CHECKSUM.size:
        return 0, 0, 0
    magic, version, block_size, blocks, _, head = HEADER.unpack_from(data)
    (check,) = CHECKSUM.unpack_from(data, HEADER.size)
    if (magic, version) != (MAGIC, VERSION) or check != zlib.crc32(data[: HEADER.size]):
        return 0, 0, 0
    return block_size, blocks, head


def last_of(data: bytes, block: int) -> tuple[int, int]:
    """Of a block: sequence number of its last event (that before its first, if it has none), and its end."""
    found, number = BLOCK.unpack_from(data) if len(data) >= BLOCK.size else (-1, 0)
    offset = BLOCK.size
    if found != block or not number:
        return 0, offset
    while offset + RECORD.size <= len(data):
        length, check, found = RECORD.unpack_from(data, offset)
        end = offset + RECORD.size + length
        if found != number or end > len(data):
            break
        if checksum(number, data[offset + RECORD.size : end]) != check:
            break
        number += 1
        offset = end
    return number - 1, offset


def _gap(first: int, last: int, event: Event) -> Event:
    return {"seq": last, "time": event["time"], "event": "gap", "from": first, "to": last}
