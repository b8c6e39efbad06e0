"""inotify(7): word from the kernel of what happens in directories."""

import ctypes
import os
import struct

from msgspec import Struct

# linux/inotify.h
CLOSE_WRITE = 0x8
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000
IGNORED = 0x8000
_ONLYDIR = 0x1000000
_MASK = CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF | _ONLYDIR

_HEADER = struct.Struct("=iIII")  # watch, mask, cookie, length of the name
_READ_BYTES = 4096  # a hundred events or so; the rest is there at the next call

_libc = ctypes.CDLL(None, use_errno=True)


class Event(Struct, frozen=True):
    """What happened, to which entry of the directory; no entry when it is the directory itself."""

    watch: int
    mask: int
    name: str


class Inotify:
    """One inotify instance; OSError when there can be none (fs.inotify.max_user_instances)."""

    def __init__(self) -> None:
        self.fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def add(self, directory: str) -> int:
        """Watch a directory; the same one has the same watch, whatever it is called. OSError when not."""
        return _checked(_libc.inotify_add_watch(self.fd, os.fsencode(directory), _MASK))

    def remove(self, watch: int) -> None:
        """No more events of it; no matter whether the kernel has it still."""
        _libc.inotify_rm_watch(self.fd, watch)

    def read(self) -> list[Event]:
        """Some of what has happened, oldest first; nothing when there is no more."""
        try:
            data = os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return []
        events = []
        position = 0
        while position < len(data):
            watch, mask, _, length = _HEADER.unpack_from(data, position)
            position += _HEADER.size
            name = data[position : position + length].rstrip(b"\0")
            events.append(Event(watch, mask, os.fsdecode(name)))
            position += length
        return events

    def close(self) -> None:
        os.close(self.fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
