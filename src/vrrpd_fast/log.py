"""Logging to stderr that never holds the loop: lines are queued, and a thread writes them.

stderr stays as it was given (O_NONBLOCK would change it for everyone who shares it). When nobody reads it,
the queue fills, further records are dropped and counted, and the count is told when reading goes on.
"""

import contextlib
import logging
import os
import queue
import select
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime

import msgspec

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
FORMATS = ("text", "json")
QUEUE_LIMIT = 10_000  # records, about 2 MB
BATCH_LIMIT = 256
NEWLINE = "\n  "
CLOSE_LIMIT = 1.0  # seconds to wait for a slow reader at the end


class TextFormatter(logging.Formatter):
    """`2026-11-22T22:17:05.123456 info instance 50: BACKUP -> MASTER: …`, local time."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).isoformat(timespec="microseconds")
        return f"{when} {record.levelname.lower()} {_text(record, indent=NEWLINE)}"


class JournalFormatter(logging.Formatter):
    """`<6>instance 50: …` for systemd's journal, which keeps the time itself (sd-daemon(3))."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_syslog_level(record.levelno)}>"
        return prefix + _text(record, indent=f"\n{prefix}  ")


class JSONFormatter(logging.Formatter):
    """One object a line: time (with its UTC offset), level, message, and extra={"fields": {…}} if given."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).astimezone()
        fields = {
            "time": when.isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        extra = getattr(record, "fields", None)
        return msgspec.json.encode((extra or {}) | fields).decode()


class QueueHandler(logging.Handler):
    """Formats a record, and leaves writing it to its thread. `dropped` counts what found the queue full."""

    def __init__(self, fd: int, limit: int = QUEUE_LIMIT) -> None:
        super().__init__()
        self.dropped = 0
        self._fd = fd
        self._limit = limit
        self._told = 0
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        if self._queue.qsize() < self._limit:
            self._queue.put(line)
        else:
            self.dropped += 1

    def close(self) -> None:
        """Write what is queued, as far as somebody reads it within a second."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(CLOSE_LIMIT)
        super().close()

    def _write_all(self) -> None:
        while True:
            lines, is_last = self._take()
            if lines and not _write(self._fd, "".join(f"{line}\n" for line in lines)):
                return
            if is_last:
                return

    def _take(self) -> tuple[list[str], bool]:
        """The next lines, at least one, and whether they are the last."""
        lines: list[str] = []
        item = self._queue.get()
        while item is not None:
            lines.append(item)
            if len(lines) == BATCH_LIMIT or self._queue.empty():
                break
            item = self._queue.get()
        if self._told != self.dropped and self._queue.qsize() < self._limit // 2:
            dropped, self._told = self.dropped - self._told, self.dropped
            lines.append(self._format_loss(dropped))
        return lines, item is None

    def _format_loss(self, count: int) -> str:
        text = f"{count} log records were dropped: nobody read stderr fast enough"
        return self.format(logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None))


class RateLimit:
    """At most `count` lines a key in `period` seconds; the next one that passes tells how many did not."""

    KEY_LIMIT = 1024

    def __init__(self, count: int, period: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = count
        self.period = period
        self._clock = clock
        self._windows: dict[Hashable, _Window] = {}

    def check(self, key: Hashable) -> int | None:
        """None when this line is one too many, else how many lines were suppressed before it."""
        now = self._clock()
        window = self._windows.get(key)
        if window is None:
            window = self._windows[self._admit(key, now)] = _Window(now)
        elif now - window.start >= self.period:
            window.start, window.passed = now, 0
        if window.passed >= self.count:
            window.suppressed += 1
            return None
        window.passed += 1
        suppressed, window.suppressed = window.suppressed, 0
        return suppressed

    def log(self, logger: logging.Logger, level: int, key: Hashable, message: str, *args: object) -> None:
        """Log, unless there were too many of this key."""
        suppressed = self.check(key)
        if suppressed is None:
            return
        if suppressed:
            message += " (%d more like it were not logged)"
            args = (*args, suppressed)
        logger.log(level, message, *args)

    def _admit(self, key: Hashable, now: float) -> Hashable:
        """The key to count under: memory is bounded, whoever chooses the keys."""
        if len(self._windows) >= self.KEY_LIMIT:
            old = [k for k, w in self._windows.items() if now - w.start >= self.period]
            for k in old or [next(iter(self._windows))]:
                del self._windows[k]
        return key


class _Window:
    __slots__ = ("passed", "start", "suppressed")

    def __init__(self, start: float) -> None:
        self.start = start
        self.passed = 0
        self.suppressed = 0


def setup(level: str = "info", format: str = "text", fd: int = 2) -> QueueHandler:
    """Send every record from `level` on to stderr; ValueError for an unknown level or format."""
    if level not in LEVELS:
        raise ValueError(f"log level {level!r}: expected one of {', '.join(LEVELS)}")
    if format not in FORMATS:
        raise ValueError(f"log format {format!r}: expected one of {', '.join(FORMATS)}")
    handler = QueueHandler(fd)
    if format == "json":
        handler.setFormatter(JSONFormatter())
    else:
        handler.setFormatter(JournalFormatter() if is_journal(fd, os.environ) else TextFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(LEVELS[level])
    return handler


def is_journal(fd: int, environment: Mapping[str, str]) -> bool:
    """Whether fd is the stream that systemd connected to its journal (JOURNAL_STREAM, systemd.exec(5))."""
    with contextlib.suppress(OSError):
        status = os.fstat(fd)
        return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return False


def _text(record: logging.LogRecord, indent: str) -> str:
    """The message on one line (names come from files and packets), and a traceback on lines of its own."""
    message = record.getMessage()
    if not message.isprintable():
        message = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    if not record.exc_info:
        return message
    traceback = logging.Formatter().formatException(record.exc_info)
    return indent.join((message, *traceback.splitlines()))


def _syslog_level(level: int) -> int:
    if level >= logging.ERROR:
        return 3
    if level >= logging.WARNING:
        return 4
    return 6 if level >= logging.INFO else 7


def _write(fd: int, text: str) -> bool:
    """Write all of text, however long it takes; False when fd will never take it."""
    data = memoryview(text.encode(errors="backslashreplace"))
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:  # somebody else made it non-blocking
            select.select([], [fd], [])
        except OSError:
            return False
    return True
