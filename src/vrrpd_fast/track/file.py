"""A track_file: a number in a file, which moves priorities. Reading it never waits and never reads much."""

import logging
import os
import re
import stat

from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import JSON, ValueFile
from vrrpd_fast.track.priority import Fault, contribution_of_value

log = logging.getLogger(__name__)

_READ_BYTES = 128  # keepalived looks no further either
# As strtol(3) with base 0 reads it: blanks before it, and whatever follows it is left alone.
_NUMBER = re.compile(rb"\s*([-+]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")
_LOWEST, _HIGHEST = -(2**31), 2**31 - 1


def number_in(data: bytes) -> int | None:
    """The number that a file begins with, decimal, 0x… or octal 0…; None when it begins with none."""
    found = _NUMBER.match(data)
    if found is None:
        return None
    sign, hexadecimal, octal, decimal = found.groups()
    value = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
    return -value if sign == b"-" else value


class FileTracker:
    """The number in one file as it was last read: 0 while there is none."""

    def __init__(self, file: ValueFile) -> None:
        self.file = file
        self.value = 0
        self.state = "unread"  # or read, missing, unreadable, no number, out of range
        self._limit = RateLimit(1, 60.0)

    @property
    def text(self) -> str:
        return f"track_file {self.file.name} has the value {self.value}"

    def part(self, weight: int, reverse: bool) -> int | Fault:
        return contribution_of_value(weight, reverse, self.value)

    def initialise(self) -> None:
        """Write the number of init_file, if the file is not there or is to be overwritten."""
        file = self.file
        if file.initial is None:
            return
        how = os.O_TRUNC if file.overwrite else os.O_EXCL
        try:
            if file.overwrite and os.path.lexists(file.path) and not _is_regular(file.path):
                raise OSError(0, "is no regular file")
            flags = os.O_WRONLY | os.O_CREAT | how | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
            fd = os.open(file.path, flags, 0o644)
        except FileExistsError:
            return
        except OSError as error:
            log.error("track_file %s: init_file: %s: %s", file.name, file.path, error.strerror)
            return
        try:
            os.write(fd, b"%d\n" % file.initial)
        except OSError as error:
            log.error("track_file %s: init_file: %s: %s", file.name, file.path, error.strerror)
        finally:
            os.close(fd)

    def read(self) -> bool:
        """Look into the file; whether the number is another one now."""
        before = self.value
        try:
            data = _beginning(self.file.path)
        except FileNotFoundError:
            self._take("missing", 0)
        except OSError as error:
            self._take("unreadable", 0)
            self._limit.log(
                log,
                logging.WARNING,
                self.state,
                "track_file %s: %s: %s: counts as 0",
                self.file.name,
                self.file.path,
                error.strerror,
            )
        else:
            self._judge(data)
        return self.value != before

    def describe(self) -> JSON:
        """What status shows of this file."""
        return {
            "name": self.file.name,
            "type": "file",
            "state": self.state,
            "path": self.file.path,
            "value": self.value,
        }

    def _judge(self, data: bytes) -> None:
        value = number_in(data)
        if value is None:
            self._take("no number", 0)
        elif _LOWEST <= value <= _HIGHEST:
            self._take("read", value)
        else:
            self._take("out of range", self.value)
            self._limit.log(
                log,
                logging.WARNING,
                self.state,
                "track_file %s: the number in %s has more than 32 bits: still %d",
                self.file.name,
                self.file.path,
                self.value,
            )

    def _take(self, state: str, value: int) -> None:
        if (state, value) != (self.state, self.value):
            log.debug("track_file %s: %d (%s)", self.file.name, value, state)
        self.state, self.value = state, value


def _beginning(path: str) -> bytes:
    """The first bytes of a regular file; OSError for anything else, which is not even opened."""
    if not _is_regular(path):
        raise OSError(0, "is no regular file")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        return os.read(fd, _READ_BYTES)
    finally:
        os.close(fd)


def _is_regular(path: str) -> bool:
    return stat.S_ISREG(os.stat(path).st_mode)
