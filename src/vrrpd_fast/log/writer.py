"""Logging that never holds the loop: records are queued, and a thread writes them.

stderr stays as it was given (O_NONBLOCK would change it for everyone who shares it). When nobody reads it,
the queue fills, further records are dropped and counted, and the count is told when reading goes on.
"""

import contextlib
import logging
import os
import queue
import select
import threading
from collections.abc import Sequence
from typing import Protocol

QUEUE_LIMIT = 10_000  # records, about 2 MB
BATCH_LIMIT = 256
CLOSE_LIMIT = 1.0  # seconds to wait for a slow reader at the end


class Sink(Protocol):
    """Where records go."""

    def encode(self, record: logging.LogRecord) -> bytes:
        """The record as it will be written; called where it is logged."""

    def write(self, records: Sequence[bytes]) -> int:
        """Write them, however long it takes, and return how many were lost; OSError: nothing ever goes there.

        Called by the thread.
        """

    def close(self) -> None:
        """Let go of what it opened; called by the thread, last."""


class StreamSink:
    """A file descriptor that takes lines."""

    def __init__(self, fd: int, formatter: logging.Formatter) -> None:
        self._fd = fd
        self._formatter = formatter

    def encode(self, record: logging.LogRecord) -> bytes:
        return f"{self._formatter.format(record)}\n".encode(errors="backslashreplace")

    def write(self, records: Sequence[bytes]) -> int:
        data = memoryview(b"".join(records))
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:  # somebody else made it non-blocking
                select.select([], [self._fd], [])
        return 0

    def close(self) -> None:
        """The descriptor is not ours."""


class QueueHandler(logging.Handler):
    """Encodes a record, and leaves writing it to its thread. `dropped` counts what nobody will read."""

    def __init__(self, sink: Sink, limit: int = QUEUE_LIMIT) -> None:
        super().__init__()
        self._sink = sink
        self._limit = limit
        self._refused = 0  # the queue was full
        self._lost = 0  # the sink did not take them
        self._told = 0
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        return self._refused + self._lost

    def emit(self, record: logging.LogRecord) -> None:
        try:
            encoded = self._sink.encode(record)
        except Exception:
            self.handleError(record)
            return
        if self._queue.qsize() < self._limit:
            self._queue.put(encoded)
        else:
            self._refused += 1

    def close(self) -> None:
        """Write what is queued, as far as somebody reads it within a second."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(CLOSE_LIMIT)
        super().close()

    def _write_all(self) -> None:
        is_last = False
        with contextlib.suppress(OSError), contextlib.closing(self._sink):
            while not is_last:
                records, is_last = self._take()
                self._lost += self._sink.write(records)

    def _take(self) -> tuple[list[bytes], bool]:
        """The next records, at least one, and whether they are the last."""
        records: list[bytes] = []
        item = self._queue.get()
        while item is not None:
            records.append(item)
            if len(records) == BATCH_LIMIT or self._queue.empty():
                break
            item = self._queue.get()
        if self._told != self.dropped and self._queue.qsize() < self._limit // 2:
            dropped, self._told = self.dropped - self._told, self.dropped
            records.append(self._encode_loss(dropped))
        return records, item is None

    def _encode_loss(self, count: int) -> bytes:
        text = f"{count} log records were dropped: nobody read them fast enough"
        return self._sink.encode(logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None))
