"""All vrrp_script of a configuration, from one reload to the next."""

from collections.abc import Callable, Iterable, Mapping

from vrrpd_fast.model import Script
from vrrpd_fast.spawn.spawn import Spawner
from vrrpd_fast.track.script import ScriptTracker

_GOLDEN = 0.618033988749895  # its multiples, modulo 1, are spread evenly, however many there are


class Scripts:
    """A reload goes: prepare, take, then `start` and `drop` when virtual routers are as configured.

    `on_change(name)`: the judgement on a script is another, or the first since it was changed.
    """

    def __init__(self, spawner: Spawner, on_change: Callable[[str], None]) -> None:
        self._spawner = spawner
        self._on_change = on_change
        self._trackers: dict[str, ScriptTracker] = {}
        # Who judges in place of a script that a reload changed, until its first result.
        self._former: dict[str, ScriptTracker] = {}

    def prepare(self, scripts: Mapping[str, Script]) -> dict[str, ScriptTracker]:
        """Those that are new or differ. ValueError when one cannot be used as written."""
        fresh = {}
        for name, script in scripts.items():
            known = self._trackers.get(name)
            if known is None or known.script != script:
                try:
                    fresh[name] = ScriptTracker(script, self._spawner, self._on_result)
                except ValueError as error:
                    raise ValueError(f"vrrp_script {name}: {error}") from error
        return fresh

    def take(self, fresh: Mapping[str, ScriptTracker]) -> None:
        """Put them in the place of what there was, which judges on until they have a result."""
        for name, tracker in fresh.items():
            if name in self._trackers:
                self._trackers[name].stop()
                self._former[name] = self.judge(name)
            self._trackers[name] = tracker

    def start(self, fresh: Iterable[ScriptTracker]) -> None:
        """Begin to run them, hundreds not all at once."""
        for number, tracker in enumerate(fresh):
            tracker.start(1.0 - number * _GOLDEN % 1.0)

    def drop(self, scripts: Mapping[str, Script]) -> None:
        """Forget those that are not configured any more."""
        for name in self._trackers.keys() - scripts.keys():
            self._trackers.pop(name).stop()
            self._former.pop(name, None)

    def judge(self, name: str) -> ScriptTracker:
        """Who says whether a script is up: one that a reload has just changed must not shake priorities."""
        tracker = self._trackers[name]
        return tracker if tracker.state is not None else self._former.get(name, tracker)

    def close(self) -> None:
        for tracker in self._trackers.values():
            tracker.stop()

    def _on_result(self, tracker: ScriptTracker) -> None:
        self._former.pop(tracker.script.name, None)
        self._on_change(tracker.script.name)
