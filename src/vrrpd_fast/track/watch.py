"""Everything that virtual routers track, of every kind, from one reload to the next."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from vrrpd_fast.bfd.service import Bfd
from vrrpd_fast.model import Config, TrackKind
from vrrpd_fast.net.links import Link
from vrrpd_fast.spawn.spawn import Spawner
from vrrpd_fast.track.bfd import BfdTracker
from vrrpd_fast.track.damping import Damped
from vrrpd_fast.track.files import Files
from vrrpd_fast.track.interface import InterfaceTracker
from vrrpd_fast.track.probes import Probes, ProbeTracker
from vrrpd_fast.track.processes import Processes
from vrrpd_fast.track.readings import KINDS, Judged, Tracked
from vrrpd_fast.track.script import ScriptTracker
from vrrpd_fast.track.scripts import Scripts


class Fresh(Struct, frozen=True):
    """What a new configuration brings, checked and not yet in force."""

    scripts: Mapping[str, ScriptTracker]
    probes: Mapping[str, ProbeTracker]


class Watch:
    """A reload goes: prepare; take; then, when virtual routers are as configured, drop and start.

    `link(name)` is a link as virtual routers see it; what changes there is told elsewhere. `on_change(kind,
    name)`: something else that is tracked says something else than before.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        spawner: Spawner,
        link: Callable[[str], Link | None],
        on_change: Callable[[TrackKind, str], None],
    ) -> None:
        self._loop = loop
        self._link = link
        self._on_change = on_change
        self._damped: dict[tuple[TrackKind, str], Damped] = {}
        self._scripts = Scripts(spawner, lambda name: self._changed(TrackKind.SCRIPT, name))
        self._files = Files(loop, lambda name: self._changed(TrackKind.FILE, name))
        self._probes = Probes(loop, lambda name: self._changed(TrackKind.PROBE, name))
        self._processes = Processes(loop, lambda name: self._changed(TrackKind.PROCESS, name))
        self._bfd = Bfd(loop, lambda name: self._changed(TrackKind.BFD, name))
        self._judges: dict[TrackKind, Callable[[str], Judged]] = {
            TrackKind.SCRIPT: self._scripts.judge,
            TrackKind.PROBE: self._probes.judge,
            TrackKind.PROCESS: self._processes.get,
            TrackKind.BFD: lambda name: BfdTracker(self._bfd.get(name)),
        }
        self._finders: dict[TrackKind, Callable[[str], Tracked]] = {
            TrackKind.INTERFACE: self._interface,
            TrackKind.FILE: self._files.get,
            **self._judges,
        }

    def find(self, kind: TrackKind, name: str) -> Tracked:
        """What is tracked under a name that the configuration has."""
        return self._damped.get((kind, name)) or self._finders[kind](name)

    def _changed(self, kind: TrackKind, name: str) -> None:
        damped = self._damped.get((kind, name))
        if damped is None:
            self._on_change(kind, name)
        else:
            damped.look()

    def prepare(self, config: Config) -> Fresh:
        """What is new or differs.

        ValueError or OSError, and nothing has changed, when something cannot be used as written, or run.
        """
        fresh = Fresh(
            scripts=self._scripts.prepare(config.scripts),
            probes=self._probes.prepare(config.probes),
        )
        self._bfd.prepare(config.bfd)
        return fresh

    async def take(self, config: Config, fresh: Fresh, pause: Callable[[], None]) -> None:
        """Have all that is configured; `pause` is called before others get a turn."""
        self._scripts.take(fresh.scripts)
        self._probes.take(fresh.probes)
        await self._files.take(config.files, pause)
        self._processes.take(config.processes)
        await self._bfd.take(config.bfd, pause)
        self._take_damping(config)

    async def drop(self, config: Config, pause: Callable[[], None]) -> None:
        """Forget what is not configured any more; `pause` as in take."""
        for key in self._damped.keys() - config.damping.keys():
            self._damped.pop(key).stop()
        self._scripts.drop(config.scripts)
        self._probes.drop(config.probes)
        await self._files.drop(config.files, pause)
        self._processes.drop(config.processes)
        self._bfd.drop(config.bfd)

    def _take_damping(self, config: Config) -> None:
        """One whose seconds are others, or that is not to be damped any more, counts as it is now."""
        for key, former in list(self._damped.items()):
            if config.damping.get(key) != former.seconds:
                former.stop()
                del self._damped[key]
                self._on_change(*key)
        for key, seconds in config.damping.items():
            if key not in self._damped:
                kind, name = key
                self._damped[key] = Damped(
                    f"{KINDS[kind]} {name}",
                    seconds,
                    self._loop,
                    partial(self._judges[kind], name),
                    partial(self._on_change, kind, name),
                )

    def start(self, fresh: Fresh) -> None:
        """Begin to ask what is new."""
        self._scripts.start(fresh.scripts.values())
        self._probes.start(fresh.probes.values())

    def stop(self) -> None:
        """Nothing is asked any more, and nothing told."""
        self._scripts.close()
        self._files.close()
        self._probes.stop()
        self._processes.close()
        self._bfd.close()
        for damped in self._damped.values():
            damped.stop()

    async def close(self) -> None:
        """Let go of what helps."""
        await self._probes.close()

    def _interface(self, name: str) -> InterfaceTracker:
        link = self._link(name)
        return InterfaceTracker(name, link is not None and link.up)
