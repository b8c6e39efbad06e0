"""systemd's journal by its native protocol: one datagram a record, fields instead of text alone.

A field is `NAME=value\n`, or, when the value has a newline, `NAME\n`, its length as 64 bits (little endian),
the value and `\n`. What does not fit into a datagram goes as a sealed memfd.
(systemd.io/JOURNAL_NATIVE_PROTOCOL)
"""

import array
import contextlib
import errno
import fcntl
import logging
import os
import socket
import stat
import struct
from collections.abc import Mapping, Sequence

from vrrpd_fast.log.formats import fields, syslog_level, text

PATH = "/run/systemd/journal/socket"
IDENTIFIER = "vrrpd-fast"
NAMES = {"instance": "VRRP_INSTANCE", "failover": "VRRP_FAILOVER_ID", "event": "VRRP_EVENT"}
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class JournalSink:
    """Sends to the journal; what it does not take (it is restarted, say) is counted as lost."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def encode(self, record: logging.LogRecord) -> bytes:
        return encode(
            {
                "MESSAGE": text(record, indent="\n  "),
                "PRIORITY": syslog_level(record.levelno),
                "SYSLOG_IDENTIFIER": IDENTIFIER,
                "CODE_FILE": record.pathname,
                "CODE_LINE": record.lineno,
                "CODE_FUNC": record.funcName or "",
                "LOGGER": record.name,
            }
            | {NAMES[name]: value for name, value in fields(record).items()}
        )

    def write(self, records: Sequence[bytes]) -> int:
        return sum(not self._send(record) for record in records)

    def close(self) -> None:
        self._socket.close()

    def _send(self, record: bytes) -> bool:
        try:
            self._socket.sendto(record, self._path)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                return False
            return self._send_file(record)
        return True

    def _send_file(self, record: bytes) -> bool:
        with contextlib.suppress(OSError):
            file = os.memfd_create(IDENTIFIER, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            try:
                with open(file, "wb", closefd=False) as writer:
                    writer.write(record)
                fcntl.fcntl(file, fcntl.F_ADD_SEALS, SEALS)
                passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))]
                self._socket.sendmsg([], passed, 0, self._path)
            finally:
                os.close(file)
            return True
        return False


def encode(values: Mapping[str, object]) -> bytes:
    """One record of these fields."""
    return b"".join(_field(name, str(value)) for name, value in values.items())


def is_stream(fd: int, environment: Mapping[str, str]) -> bool:
    """Whether fd is the stream that systemd connected to its journal (JOURNAL_STREAM, systemd.exec(5))."""
    with contextlib.suppress(OSError):
        status = os.fstat(fd)
        return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return False


def is_there(path: str) -> bool:
    """Whether there is a journal that takes records; in a chroot or a container there may be none."""
    with contextlib.suppress(OSError):
        return stat.S_ISSOCK(os.stat(path).st_mode)
    return False


def _field(name: str, value: str) -> bytes:
    data = value.encode(errors="backslashreplace")
    if b"\n" not in data:
        return b"%b=%b\n" % (name.encode(), data)
    return b"%b\n%b%b\n" % (name.encode(), struct.pack("<Q", len(data)), data)
