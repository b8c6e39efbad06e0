"""What is told of virtual routers, to the log and to notify: in order, and after what moves traffic.

While addresses are put into the kernel, or taken out of it, all of it waits here.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from vrrpd_fast.holds import Holds
from vrrpd_fast.model import State, SyncGroup, Transition
from vrrpd_fast.notify.events import Word
from vrrpd_fast.notify.notifier import STATE_WORDS, Notifier
from vrrpd_fast.recorder.recorder import Recorder
from vrrpd_fast.router import VirtualRouter
from vrrpd_fast.story import Story

log = logging.getLogger(__name__)

PER_SLICE = 16
ADDED_PER_TURN = 256
LIMIT = 100_000  # that may wait while addresses are being moved


class Tellings:
    """`is_busy` says whether addresses are being moved."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        notifier: Notifier,
        is_busy: Callable[[], bool],
        holds: Holds,
        recorder: Recorder,
    ) -> None:
        self._loop = loop
        self._notifier = notifier
        self._is_busy = is_busy
        self._holds = holds
        self._recorder = recorder
        self._waiting: deque[Callable[[], None]] = deque()
        self._turn: asyncio.Handle | None = None

    @property
    def are_waiting(self) -> bool:
        return bool(self._waiting)

    def transition(self, router: VirtualRouter, event: Transition, story: Story) -> None:
        """A change of state that `router` has just made."""
        self._add(partial(self._transition, router, event, story, router.priority, router.last_transition))

    def priority(self, router: VirtualRouter) -> None:
        """Its effective priority has changed."""
        if router.instance.notify.priority_changes:
            word = Word.MASTER_PRIORITY if router.is_master else Word.BACKUP_PRIORITY
            self._add(
                partial(
                    self._notifier.tell, router.instance, word, router.priority, old=router.state, reason=""
                )
            )

    def lower_priority_heard(self, router: VirtualRouter) -> None:
        """A MASTER heard an advert that loses against it."""
        self._add(
            partial(
                self._notifier.tell,
                router.instance,
                Word.MASTER_RX_LOWER_PRI,
                router.priority,
                old=State.MASTER,
                reason="advert of lower priority",
                master_address=router.source,
                master_priority=router.priority,
            )
        )

    def stopped(self, router: VirtualRouter, state: State) -> None:
        """The daemon ends; `state` is what the virtual router was in."""
        self._add(
            partial(
                self._notifier.tell, router.instance, Word.STOP, router.priority, old=state, reason="stopped"
            )
        )

    def removed(self, router: VirtualRouter, state: State) -> None:
        """It is no longer configured, or starts over as another one."""
        self._add(partial(self._notifier.removed, router.instance, router.priority, state))

    def group(self, group: SyncGroup, state: State, failover: str) -> None:
        """All members of a sync group have the same state now."""
        self._add(partial(self._group, group, state, failover))

    def group_stopped(self, group: SyncGroup, state: State) -> None:
        """The daemon ends."""
        self._add(partial(self._notifier.tell_group, group, Word.STOP, state))

    def _group(self, group: SyncGroup, state: State, failover: str) -> None:
        extra = {"failover": failover, "event": "group"}
        log.info("vrrp_sync_group %s: %s", group.name, state.name, extra=extra)
        self._recorder.note("group", group=group.name, state=state.name, id=failover)
        self._notifier.tell_group(group, STATE_WORDS[state], state, failover)

    async def repeat(self, routers: Iterable[VirtualRouter]) -> None:
        """What these are in, for the FIFOs alone."""
        for number, router in enumerate(routers, 1):
            self._add(partial(self._notifier.repeat, router.instance, router.priority, router.state))
            if number % ADDED_PER_TURN == 0:
                await asyncio.sleep(0)

    def repeat_group(self, group: SyncGroup, state: State) -> None:
        """What its members are in, for the FIFOs alone."""
        self._add(partial(self._notifier.repeat_group, group, state))

    async def flush(self) -> None:
        """Tell everything, in slices."""
        while self._waiting:
            self._tell_some()
            await asyncio.sleep(0)

    def _add(self, what: Callable[[], None]) -> None:
        self._waiting.append(what)
        if self._turn is None:
            self._turn = self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._turn = None
        if not self._is_busy() or len(self._waiting) > LIMIT:
            with self._holds.during("logging"):
                self._tell_some()
        if self._waiting:
            self._turn = self._loop.call_soon(self._tell)

    def _tell_some(self) -> None:
        for _ in range(min(PER_SLICE, len(self._waiting))):
            self._waiting.popleft()()

    def _transition(
        self, router: VirtualRouter, event: Transition, story: Story, priority: int, at: float
    ) -> None:
        reason = router.tell(event, story)
        self._notify(router, event, story, priority, at, reason)
        is_cut = story.done < story.wanted and router.story is not story
        self._recorder.transition(
            story,
            event,
            router.instance,
            at,
            priority,
            text=reason,
            group=router.group.name if router.group is not None else None,
            base=router.base,
            sum=router.sum,
            cut="the next transition came before its work was done" if is_cut else None,
        )

    def _notify(
        self,
        router: VirtualRouter,
        event: Transition,
        story: Story,
        priority: int,
        at: float,
        reason: str,
    ) -> None:
        word = STATE_WORDS.get(event.new)
        if word is None:
            return  # it was released: `stopped` or `removed` says why
        is_master = event.new is State.MASTER
        self._notifier.tell(
            router.instance,
            word,
            priority,
            old=event.old,
            at=at,
            reason=reason,
            master_address=router.source if is_master else event.master_address,
            master_priority=priority if is_master else event.master_priority,
            story=story,
        )
