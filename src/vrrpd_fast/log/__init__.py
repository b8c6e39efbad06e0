"""What the daemon logs: to stderr as text or JSON, or to systemd's journal, never holding the loop.

`extra={"instance": …, "failover": …, "event": …}` on a record says which virtual router it is about, which
failover it belongs to, and of what kind it is; every format shows them in its own way.
"""

import logging
import os

from vrrpd_fast.log import journal
from vrrpd_fast.log.formats import JSONFormatter, PrefixFormatter, TextFormatter
from vrrpd_fast.log.limit import FloodFilter, RateLimit
from vrrpd_fast.log.writer import QueueHandler, Sink, StreamSink

__all__ = ["FORMATS", "LEVELS", "RateLimit", "setup"]

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
FORMATS = ("text", "json")


def setup(level: str = "info", format: str = "text", fd: int = 2) -> QueueHandler:
    """Send every record from `level` on to stderr, or to the journal if that is what stderr is connected to.

    ValueError for an unknown level or format.
    """
    if level not in LEVELS:
        raise ValueError(f"log level {level!r}: expected one of {', '.join(LEVELS)}")
    if format not in FORMATS:
        raise ValueError(f"log format {format!r}: expected one of {', '.join(FORMATS)}")
    handler = QueueHandler(_sink(format, fd))
    handler.addFilter(FloodFilter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(LEVELS[level])
    return handler


def _sink(format: str, fd: int) -> Sink:
    if format == "json":
        return StreamSink(fd, JSONFormatter())
    if not journal.is_stream(fd, os.environ):
        return StreamSink(fd, TextFormatter())
    if not journal.is_there(journal.PATH):
        return StreamSink(fd, PrefixFormatter())
    return journal.JournalSink(journal.PATH)
