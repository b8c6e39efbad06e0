"""Dumps on request: made in slices between adverts, written by a thread, one of a kind at a time."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum

from vrrpd_fast.dump.data import data
from vrrpd_fast.dump.document import document
from vrrpd_fast.dump.facts import Facts, counts_of
from vrrpd_fast.dump.stats import stats
from vrrpd_fast.holds import Holds
from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import Config, Dumps, State, SyncGroup, TrackKind
from vrrpd_fast.net.links import Link
from vrrpd_fast.replace import replace
from vrrpd_fast.router import VirtualRouter
from vrrpd_fast.track.readings import Find

log = logging.getLogger(__name__)

SLICE_S = 0.0003
PAUSE_S = 0.001  # between slices: dumps without end take a fifth of the CPU that adverts need
MODE = 0o600


class Kind(StrEnum):
    """What is dumped; one file each, but for the third."""

    DATA = "data"
    STATS = "stats"
    STATS_CLEAR = "stats, and begin them anew"
    JSON = "json"


class Dumper:
    """`config`, `routers` and `groups` give what there is at the moment they are called."""

    def __init__(
        self,
        config: Callable[[], Config],
        routers: Callable[[], Mapping[str, VirtualRouter]],
        groups: Callable[[], Iterable[tuple[SyncGroup, State]]],
        find: Find,
        link: Callable[[str], Link | None],
        holds: Holds,
    ) -> None:
        self._config = config
        self._routers = routers
        self._groups = groups
        self._find = find
        self._link = link
        self._holds = holds
        self._since: dict[int, dict[str, int]] = {}  # by handle: what had been counted at the last clear
        self._locks = {kind: asyncio.Lock() for kind in Kind}
        self._asked: set[Kind] = set()
        self._limit = RateLimit(3, 60.0)

    async def dump(self, kind: Kind) -> None:
        """Write the file; a failure is logged. Who asks while others wait for one of the kind gets theirs."""
        if kind in self._asked:
            return
        self._asked.add(kind)
        async with self._locks[kind]:
            self._asked.discard(kind)
            path, pieces = self._pieces(kind)
            text = await self._collect(pieces)
            try:
                await asyncio.to_thread(replace, path, text, MODE)
            except OSError as error:
                reason = error.strerror or str(error)
                self._limit.log(log, logging.ERROR, path, "dump: %s: %s", path, reason)
            else:
                log.debug("dump: %s is written", path)

    def _pieces(self, kind: Kind) -> tuple[str, Iterator[str]]:
        config = self._config()
        dumps: Dumps = config.dumps
        if kind is Kind.DATA:
            return dumps.data, data(config, self._facts(), self._groups, self._find, self._link)
        if kind is Kind.JSON:
            processes = (
                (each, self._find(TrackKind.PROCESS, name).describe())
                for name, each in config.processes.items()
            )
            return dumps.json, document(self._facts(), config.scripts, processes, dumps.json_version)
        return dumps.stats, stats(self._counted(clear=kind is Kind.STATS_CLEAR))

    async def _collect(self, pieces: Iterator[str]) -> list[bytes]:
        """All of it, with a pause for others after each slice."""
        loop = asyncio.get_running_loop()
        text: list[bytes] = []
        while True:
            with self._holds.during("dump"):
                end = loop.time() + SLICE_S
                for piece in pieces:
                    text.append(piece.encode(errors="backslashreplace"))
                    if loop.time() >= end:
                        break
                else:
                    return text
            await asyncio.sleep(PAUSE_S)

    def _there(self) -> Iterator[VirtualRouter]:
        """Every virtual router when its turn comes; those that went meanwhile are left out."""
        for name, router in list(self._routers().items()):
            if self._routers().get(name) is router:
                yield router

    def _facts(self) -> Iterator[Facts]:
        for router in self._there():
            status = router.status()
            counts = self._counts(router, status["statistics"])
            group = None if router.group is None else router.group.name
            yield Facts(router.instance, status, router.source, group, counts)

    def _counted(self, clear: bool) -> Iterator[tuple[str, dict[str, int]]]:
        for router in self._there():
            statistics = router.statistics
            yield router.name, self._counts(router, statistics)
            if clear:
                self._since[router.handle] = counts_of(statistics, router.is_master)

    def _counts(self, router: VirtualRouter, statistics: dict[str, int]) -> dict[str, int]:
        """What was counted since the last clear."""
        counted = counts_of(statistics, router.is_master)
        since = self._since.get(router.handle)
        if since is None:
            return counted
        counts = {name: value - since[name] for name, value in counted.items()}
        if min(counts.values()) < 0:  # another virtual router has the handle now
            del self._since[router.handle]
            return counted
        return counts
