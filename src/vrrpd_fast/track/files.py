"""All track_file of a configuration, from one reload to the next; inotify tells when to look again.

Directories are watched, not files: one that is replaced, deleted or made is noticed. What cannot be watched,
because it is not there or the kernel has no watch left, is looked at once a second.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping

from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import ValueFile
from vrrpd_fast.track import inotify
from vrrpd_fast.track.file import FileTracker
from vrrpd_fast.track.inotify import Event, Inotify

log = logging.getLogger(__name__)

PER_SLICE = 16
RETRY_S = 1.0


class Files:
    """`on_change(name)`: the number in a file is another one. A reload goes: take, then drop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_change: Callable[[str], None]) -> None:
        self._loop = loop
        self._on_change = on_change
        self._inotify: Inotify | None = None
        self._trackers: dict[str, FileTracker] = {}
        self._entries: dict[str, dict[str, set[str]]] = {}  # directory, entry in it, names of trackers
        self._watches: dict[str, int] = {}
        self._watched: dict[int, set[str]] = {}  # a directory may have several names
        self._unwatched: set[str] = set()
        self._due: dict[str, None] = {}  # whose file is to be read, in order
        self._turn: asyncio.Handle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._limit = RateLimit(1, 60.0)

    def get(self, name: str) -> FileTracker:
        """Who knows the number of a track_file that is configured."""
        return self._trackers[name]

    async def take(self, files: Mapping[str, ValueFile], pause: Callable[[], None]) -> None:
        """Have all of these, read once; `pause` is called before others get a turn."""
        count = 0
        for name, file in files.items():
            former = self._trackers.get(name)
            if former is not None and former.file == file:
                continue
            if former is not None:
                self._leave(former.file)
            tracker = self._trackers[name] = FileTracker(file)
            tracker.initialise()
            self._enter(file)
            tracker.read()
            if former is not None and former.value != tracker.value:
                self._on_change(name)
            count += 1
            if count % PER_SLICE == 0:
                pause()
                await asyncio.sleep(0)

    async def drop(self, files: Mapping[str, ValueFile], pause: Callable[[], None]) -> None:
        """Forget those that are not configured any more; `pause` as in take."""
        for count, name in enumerate(self._trackers.keys() - files.keys(), 1):
            self._leave(self._trackers.pop(name).file)
            self._due.pop(name, None)
            if count % PER_SLICE == 0:
                pause()
                await asyncio.sleep(0)
        if not self._trackers:
            self.close()

    def close(self) -> None:
        if self._inotify is not None:
            self._loop.remove_reader(self._inotify.fd)
            self._inotify.close()
            self._inotify = None
        for handle in (self._turn, self._retry):
            if handle is not None:
                handle.cancel()
        self._turn = self._retry = None
        self._watches.clear()
        self._watched.clear()

    # -- directories --------------------------------------------------------------------------------------

    def _enter(self, file: ValueFile) -> None:
        directory, entry = _place(file)
        if directory not in self._entries:
            self._entries[directory] = {}
            self._watch(directory)
        self._entries[directory].setdefault(entry, set()).add(file.name)

    def _leave(self, file: ValueFile) -> None:
        directory, entry = _place(file)
        names = self._entries[directory][entry]
        names.discard(file.name)
        if not names:
            del self._entries[directory][entry]
        if not self._entries[directory]:
            del self._entries[directory]
            self._unwatch(directory)

    def _watch(self, directory: str) -> bool:
        """Whether the kernel tells of it from now on; it is tried again when not."""
        try:
            if self._inotify is None:
                self._inotify = Inotify()
                self._loop.add_reader(self._inotify.fd, self._on_readable)
            watch = self._inotify.add(directory)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                self._limit.log(
                    log,
                    logging.WARNING,
                    directory,
                    "track_file: %s cannot be watched: %s: its files are read once a second",
                    directory,
                    error.strerror,
                )
            self._unwatched.add(directory)
            if self._retry is None:
                self._retry = self._loop.call_later(RETRY_S, self._try_again)
            return False
        self._watches[directory] = watch
        self._watched.setdefault(watch, set()).add(directory)
        self._unwatched.discard(directory)
        return True

    def _unwatch(self, directory: str) -> None:
        self._unwatched.discard(directory)
        watch = self._watches.pop(directory, None)
        if watch is None:
            return
        self._watched[watch].discard(directory)
        if not self._watched[watch]:
            del self._watched[watch]
            assert self._inotify is not None
            self._inotify.remove(watch)

    def _try_again(self) -> None:
        self._retry = None
        for directory in list(self._unwatched):
            self._watch(directory)
            self._look_at(directory)

    # -- what happens -------------------------------------------------------------------------------------

    def _on_readable(self) -> None:
        assert self._inotify is not None
        for event in self._inotify.read():
            self._follow(event)

    def _follow(self, event: Event) -> None:
        if event.mask & inotify.OVERFLOW:  # some were lost
            for directory in self._entries:
                self._look_at(directory)
        elif event.mask & (inotify.IGNORED | inotify.DELETE_SELF | inotify.MOVE_SELF):
            for directory in self._watched.get(event.watch, set()).copy():
                self._unwatch(directory)
                self._watch(directory)
                self._look_at(directory)
        else:
            for directory in self._watched.get(event.watch, ()):
                self._read_soon(self._entries[directory].get(event.name, ()))

    def _look_at(self, directory: str) -> None:
        for names in self._entries[directory].values():
            self._read_soon(names)

    def _read_soon(self, names: set[str] | tuple[()]) -> None:
        self._due.update(dict.fromkeys(names))
        if self._due and self._turn is None:
            self._turn = self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._turn = None
        for name in list(self._due)[:PER_SLICE]:
            del self._due[name]
            if self._trackers[name].read():
                self._on_change(name)
        self._read_soon(())


def _place(file: ValueFile) -> tuple[str, str]:
    directory, entry = os.path.split(file.path)
    return directory or ".", entry
