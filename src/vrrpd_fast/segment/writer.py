"""When the stats segment is written: cards after what moves traffic, rows and counters once a second.

A card follows a change in slices, one a turn of the loop; while addresses are being moved it waits. What
trackers and notify count moves all the time: their cards are looked at in a rotation.
"""

import asyncio
import logging
import zlib
from array import array
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import msgspec

from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.holds import Holds
from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import JSON
from vrrpd_fast.observe import layout

from .file import SegmentFile

log = logging.getLogger(__name__)

CARDS_PER_SLICE: Final = 16
ROWS_PER_SLICE: Final = 1024  # 20 to 100 µs
PATIENCE_S: Final = 0.005  # until it is asked again whether addresses are being moved
PUBLISH_LIMIT_S: Final = 10.0
ROTATION: Final = 64  # other cards looked at in a second, or a tenth of them

Key = tuple[str, str]  # what a card is of: kind and name
Describe = Callable[[], JSON]


class Shown(Protocol):
    """A virtual router, as far as readers are concerned."""

    handle: int

    @property
    def name(self) -> str: ...

    def card(self) -> JSON:
        """What of it changes seldom: docs/SEGMENT.md."""


class _Other:
    """A card that is no virtual router's."""

    __slots__ = ("checksum", "describe", "is_pending", "key", "serial", "slot")

    def __init__(self, slot: int, serial: int, key: Key, describe: Describe) -> None:
        self.slot = slot
        self.serial = serial
        self.key = key
        self.describe = describe
        self.checksum = -1  # of what was written last
        self.is_pending = False


class SegmentWriter:
    """The segment of one daemon. `is_busy` says whether something is being done that cards must not delay.

    It is a service to observers: where there cannot be one, or the file system is full, that is told and
    everything else goes on.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: Engine,
        socket_path: str | None,
        started_ns: int,
        is_busy: Callable[[], bool],
        holds: Holds,
    ) -> None:
        self._loop = loop
        self._engine = engine
        self._is_busy = is_busy
        self._holds = holds
        self._limit = RateLimit(1, 60.0)
        self._file: SegmentFile | None = None
        self._serial = 0
        self._serials = array("I")  # by handle: of whom the row is; 0: not shown yet
        self._others: dict[Key, _Other] = {}
        self._free_slots: list[int] = []  # of others
        self._other_slots = 0  # that were used at any time
        self._round: list[_Other] = []  # those still to be looked at before all have been
        self._pending: deque[Shown | _Other] = deque()  # whose card is to be written
        self._is_pending = bytearray()  # by handle
        self._has_rows_left = False
        self._turn: asyncio.Handle | None = None
        if socket_path is None:
            return
        try:
            self._file = SegmentFile(socket_path, started_ns)
        except OSError as error:
            path = layout.path_of(socket_path)
            log.warning("%s: no stats segment for observers: %s", path, error.strerror or error)
        else:
            engine.write_rows(self._file.rows)

    # -- what has changed ---------------------------------------------------------------------------------

    def changed(self, router: Shown) -> None:
        """A virtual router's card is to be written, before long."""
        if self._file is None:
            return
        handle = router.handle
        if handle >= len(self._is_pending):
            self._is_pending.extend(bytes(handle + 1 - len(self._is_pending)))
        if not self._is_pending[handle]:
            self._is_pending[handle] = True
            self._pending.append(router)
            self._schedule()

    def removed(self, router: Shown) -> None:
        """It has left the engine: nobody sees it any more."""
        self._engine.hide(router.handle)
        if router.handle < len(self._is_pending) and self._is_pending[router.handle]:
            self._is_pending[router.handle] = False
            self._pending.remove(router)
        if self._file is not None and self._serial_of(router.handle):
            self._serials[router.handle] = 0
            self._attempt(self._file.clear, router.handle)

    def describe(self, cards: Iterable[tuple[str, str, Describe]]) -> None:
        """All other cards that there are to be: kind (tracker, group …), a name for it, and what it says."""
        if self._file is None:
            return
        wanted = {(kind, name): describe for kind, name, describe in cards}
        for key in [key for key in self._others if key not in wanted]:
            other = self._others.pop(key)
            if other.is_pending:
                self._pending.remove(other)
            self._free_slots.append(other.slot)
            self._attempt(self._file.clear, other.slot)
        for key, describe in wanted.items():
            known = self._others.get(key)
            if known is None and (slot := self._take_slot()) is not None:
                self._serial += 1
                known = self._others[key] = _Other(slot, self._serial, key, describe)
            if known is not None:
                known.describe = describe
                self._list(known)
        self._round = []

    def follow(self, kind: str, name: str) -> None:
        """What an other card says has changed."""
        other = self._others.get((kind, name))
        if other is not None:
            self._list(other)

    # -- when it is written -------------------------------------------------------------------------------

    async def publish(self, receive_dropped: int, link_overruns: int) -> None:
        """Have everything written that is to be, and seen: the first time in place of an earlier run's.

        Who waits for it does so within reason: what others hold up is seen later.
        """
        if self._file is None:
            return
        until = self._loop.time() + PUBLISH_LIMIT_S
        while self._pending and self._loop.time() < until:
            if self._is_busy():
                await asyncio.sleep(PATIENCE_S)
            else:
                self._write_cards()
                await asyncio.sleep(0)
        self._engine.beat(self._other_slots, receive_dropped, link_overruns)
        self._attempt(self._file.publish)

    def beat(self, receive_dropped: int, link_overruns: int) -> None:
        """Once a second: say that we live, and begin to bring up to date what counts."""
        if self._file is None:
            return
        self._engine.beat(self._other_slots, receive_dropped, link_overruns)
        self._has_rows_left = True
        if not self._round:
            self._round = list(self._others.values())
        for _ in range(min(len(self._round), max(ROTATION, len(self._others) // 10))):
            self._list(self._round.pop())
        self._schedule()

    def close(self, receive_dropped: int, link_overruns: int) -> None:
        """Leave the segment behind, marked as that of a daemon that has ended."""
        if self._turn is not None:
            self._turn.cancel()
        if self._file is not None:
            self._engine.beat(self._other_slots, receive_dropped, link_overruns, stopped=True)
            self._file.close()
            self._file = None

    def _list(self, other: _Other) -> None:
        if not other.is_pending:
            other.is_pending = True
            self._pending.append(other)
            self._schedule()

    def _schedule(self) -> None:
        if self._turn is None:
            self._turn = self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._turn = None
        if self._is_busy():
            self._turn = self._loop.call_later(PATIENCE_S, self._serve)
            return
        with self._holds.during("stats segment"):
            if self._has_rows_left:
                self._has_rows_left = self._engine.refresh_rows(ROWS_PER_SLICE)
            else:
                self._write_cards()
        if self._pending or self._has_rows_left:
            self._schedule()

    def _write_cards(self) -> None:
        for _ in range(min(CARDS_PER_SLICE, len(self._pending))):
            whose = self._pending.popleft()
            if isinstance(whose, _Other):
                whose.is_pending = False
                self._attempt(self._write_other, whose)
            else:
                self._is_pending[whose.handle] = False
                self._attempt(self._write_router, whose)

    def _write_other(self, other: _Other) -> None:
        text = msgspec.json.encode((other.key[0], other.describe()))
        checksum = zlib.crc32(text)
        if checksum != other.checksum and self._file is not None:
            self._file.put(other.slot, text, other.serial)
            other.checksum = checksum

    def _write_router(self, router: Shown) -> None:
        handle = router.handle
        serial = self._serial_of(handle)
        is_new = not serial
        if is_new:
            self._serial += 1
            serial = self._serial
        if self._file is None or handle >= layout.SLOTS:
            raise OSError(0, f"no room for instance {router.name}")
        self._file.put(handle, msgspec.json.encode(router.card()), serial)
        if is_new:
            if not self._engine.show(handle, serial):
                raise OSError(0, f"no room for instance {router.name}")
            self._serials[handle] = serial

    def _serial_of(self, handle: int) -> int:
        if handle >= len(self._serials):
            self._serials.extend([0] * (handle + 1 - len(self._serials)))
        return self._serials[handle]

    def _take_slot(self) -> int | None:
        """A slot for an other card; None when there is none left."""
        if self._free_slots:
            return self._free_slots.pop()
        if self._other_slots == layout.OTHERS:
            return None
        self._other_slots += 1
        return layout.SLOTS + self._other_slots - 1

    def _attempt(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            action(*arguments)
        except OSError as error:
            self._limit.log(log, logging.WARNING, "", "stats segment: %s", error.strerror or error)
