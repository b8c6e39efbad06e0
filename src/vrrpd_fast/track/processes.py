"""All vrrp_track_process of a configuration, from one reload to the next."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from vrrpd_fast.model import ProcessCount
from vrrpd_fast.track.census import Counts
from vrrpd_fast.track.process import ProcessTracker
from vrrpd_fast.track.watcher import Watcher

Watch = Callable[[Mapping[str, ProcessCount], Callable[[Watcher, Counts, bool, str], None]], Watcher]


class Processes:
    """`on_change(name)`: enough processes run now, or not any more. A reload goes: take, then drop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_change: Callable[[str], None],
        watch: Watch = Watcher,
    ) -> None:
        self._loop = loop
        self._on_change = on_change
        self._watch = watch
        self._watcher: Watcher | None = None
        self._trackers: dict[str, ProcessTracker] = {}
        # Who judges in place of one that a reload changed, until the processes have been counted.
        self._former: dict[str, ProcessTracker] = {}

    def get(self, name: str) -> ProcessTracker:
        """Who says whether enough run: one that a reload has just changed must not shake priorities."""
        tracker = self._trackers[name]
        return tracker if tracker.state is not None else self._former.get(name, tracker)

    def take(self, wanted: Mapping[str, ProcessCount]) -> None:
        """Have all of these; those that are new or differ are known when the processes have been counted."""
        fresh = [
            one
            for name, one in wanted.items()
            if name not in self._trackers or self._trackers[name].wanted != one
        ]
        if not fresh:
            return
        for one in fresh:
            if one.name in self._trackers:
                self._trackers[one.name].stop()
                self._former[one.name] = self.get(one.name)
            self._trackers[one.name] = ProcessTracker(one, self._loop, self._on_change)
        self._begin()

    def drop(self, wanted: Mapping[str, ProcessCount]) -> None:
        """Forget those that are not configured any more."""
        gone = self._trackers.keys() - wanted.keys()
        for name in gone:
            self._trackers.pop(name).stop()
            self._former.pop(name, None)
        if gone:
            self._begin()

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        for tracker in self._trackers.values():
            tracker.stop()

    def _begin(self) -> None:
        """Count anew, with another watcher; what the one before has still to say is not heard."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        wanted = {name: tracker.wanted for name, tracker in self._trackers.items()}
        if wanted:
            self._watcher = self._watch(wanted, self._deliver)

    def _deliver(self, watcher: Watcher, counts: Counts, is_first: bool, source: str) -> None:
        """In the watcher's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._on_counts, watcher, counts, is_first, source)

    def _on_counts(self, watcher: Watcher, counts: Counts, is_first: bool, source: str) -> None:
        if watcher is not self._watcher:
            return
        for name, (count, cause) in counts.items():
            tracker = self._trackers[name]
            tracker.source = source
            if is_first:
                tracker.begin(count)
                self._former.pop(name, None)
            else:
                tracker.update(count, cause)
