"""A record as text: for people, for machines, and for a stream that leads to systemd's journal."""

import logging
from datetime import datetime

import msgspec

FIELDS = ("instance", "failover", "event")  # what `extra` may say of a record
NEWLINE = "\n  "


class TextFormatter(logging.Formatter):
    """`2026-11-22T22:17:05.123456 info instance 50: BACKUP -> MASTER: … [k3-7]`, local time.

    The failover stands in brackets at the end; the instance is named in the message.
    """

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).isoformat(timespec="microseconds")
        return f"{when} {record.levelname.lower()} {_marked(record, indent=NEWLINE)}"


class PrefixFormatter(logging.Formatter):
    """`<6>instance 50: …` for a stream to systemd's journal, which keeps the time itself (sd-daemon(3))."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{syslog_level(record.levelno)}>"
        return prefix + _marked(record, indent=f"\n{prefix}  ")


class JSONFormatter(logging.Formatter):
    """One object a line: time (with its UTC offset), level, logger, message, and the fields it has."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).astimezone()
        line = {
            "time": when.isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def fields(record: logging.LogRecord) -> dict[str, str]:
    """What `extra` says of this record."""
    given = record.__dict__
    return {name: str(given[name]) for name in FIELDS if given.get(name) is not None}


def text(record: logging.LogRecord, indent: str, mark: str = "") -> str:
    """The message on one line (names come from files and packets), and a traceback on lines of its own."""
    message = printable(record.getMessage()) + mark
    if not record.exc_info:
        return message
    traceback = logging.Formatter().formatException(record.exc_info)
    return indent.join((message, *map(printable, traceback.splitlines())))


def printable(message: str) -> str:
    """The same text with everything escaped that could end a line or move a cursor."""
    if message.isprintable():
        return message
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)


def syslog_level(level: int) -> int:
    """The priority of syslog(3) for a level of logging."""
    if level >= logging.ERROR:
        return 3
    if level >= logging.WARNING:
        return 4
    return 6 if level >= logging.INFO else 7


def _marked(record: logging.LogRecord, indent: str) -> str:
    failover = fields(record).get("failover")
    return text(record, indent, "" if failover is None else f" [{printable(failover)}]")
