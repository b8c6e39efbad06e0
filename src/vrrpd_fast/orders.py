"""What an operator orders of virtual routers that run: resign, another priority.

A resigned one follows whoever is MASTER, whatever its own priority, and takes over only when no master is
heard. It is forgotten when it is MASTER again, when its time is over or it is taken back, and at a restart.
Nothing of it is in the configuration; docs/OPERATIONS.md says what becomes of it meanwhile.
"""

import asyncio
import logging
import math
import time
from collections.abc import Iterable, Mapping
from functools import partial

from vrrpd_fast.control.service import NotFound, Refusal
from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.explain import OWNER_STAYS
from vrrpd_fast.model import JSON, Reason, State, Transition
from vrrpd_fast.recorder.recorder import Recorder
from vrrpd_fast.router import VirtualRouter

log = logging.getLogger(__name__)

PER_SLICE = 32
PRIORITIES = range(1, 255)
LONGEST_SECONDS = 10 * 365 * 86400.0


class Orders:
    """All that is ordered of the virtual routers of one daemon."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: Engine,
        routers: Mapping[str, VirtualRouter],
        recorder: Recorder,
    ) -> None:
        self._loop = loop
        self._engine = engine
        self._routers = routers
        self._recorder = recorder
        # When it ends for those that have resigned; None: when taken back.
        self._ends: dict[VirtualRouter, asyncio.TimerHandle | None] = {}

    def close(self) -> None:
        for handle in self._ends.values():
            if handle is not None:
                handle.cancel()
        self._ends.clear()

    async def resign(self, names: Iterable[str], seconds: float | None) -> JSON:
        """Have these give up MASTER, or not become it while another is; with all members of their groups.

        `seconds` None: until taken back, which 0 does. NotFound; the answer refuses owners of addresses.
        """
        if seconds is not None and not 0 <= seconds <= LONGEST_SECONDS:
            raise Refusal(f"{seconds:g} s: a time from 0 to ten years is wanted")
        chosen = self._choose(names)
        refused = {router.name: OWNER_STAYS for router in chosen if router.instance.is_owner}
        chosen = [router for router in chosen if router.name not in refused]
        resigned = [router.name for router in chosen if router.is_master and seconds != 0]
        for number, router in enumerate(chosen, 1):
            if self._routers.get(router.name) is not router:
                continue  # a reload came between
            if seconds == 0:
                if router in self._ends:
                    self._free(router, "the operator has taken resign back")
            else:
                self._resign(router, seconds)
            # Members of a sync group go together; the others, some at a time.
            if number % PER_SLICE == 0 and router.group is None:
                self._engine.settle()
                await asyncio.sleep(0)
        self._engine.settle()
        return {
            "resigned": resigned,
            "held": [router.name for router in chosen if router in self._ends],
            "refused": refused,
        }

    def _resign(self, router: VirtualRouter, seconds: float | None) -> None:
        self._hold(router, seconds)
        text = "the operator has it resign"
        if seconds is not None:
            text += f" for {seconds:g} s"
        log.info("instance %s: %s", router.name, text, extra={"instance": router.name, "event": "operator"})
        self._recorder.note("operator", instance=router.name, what="resign", text=text)
        self._engine.demote(router.handle, self._engine.now_ns(), Reason.OPERATOR)

    def set_priority(self, name: str, priority: int | None) -> JSON:
        """Put this in the place of the configured priority; None: as configured. NotFound, Refusal."""
        router = self._choose([name])[0]
        if router.instance.is_owner:
            raise Refusal(f"instance {name}: {OWNER_STAYS}")
        if priority is not None and priority not in PRIORITIES:
            raise Refusal(f"priority {priority}: 1 to 254 is wanted (255 is for the owner of the addresses)")
        text = f"the operator set its base priority to {priority}"
        if priority is None:
            text = f"the operator gave it back its configured priority, {router.instance.priority}"
        log.info("instance %s: %s", name, text, extra={"instance": name, "event": "operator"})
        self._recorder.note("operator", instance=name, what="priority", text=text)
        router.order(priority, self._engine.now_ns())
        self._engine.settle()
        return {"configured": router.instance.priority, "effective": router.priority}

    def follow(self, router: VirtualRouter, event: Transition) -> None:
        """A virtual router has changed its state: with MASTER its resignation is over."""
        is_over = event.new is State.MASTER and router in self._ends
        if is_over and self._engine.snapshot(router.handle).state is State.MASTER:  # not before the order
            self._free(router, "it is MASTER again: resign is over")

    # -- one of them --------------------------------------------------------------------------------------

    def _choose(self, names: Iterable[str]) -> list[VirtualRouter]:
        """Those that are named and the other members of their sync groups. NotFound."""
        names = list(names)
        if missing := [name for name in names if name not in self._routers]:
            raise NotFound(missing)
        chosen: dict[str, VirtualRouter] = {}
        for name in names:
            group = self._routers[name].group
            for member in (name,) if group is None else group.settings.members:
                if (found := self._routers.get(member)) is not None:
                    chosen[member] = found
        return list(chosen.values())

    def _hold(self, router: VirtualRouter, seconds: float | None) -> None:
        if (former := self._ends.pop(router, None)) is not None:
            former.cancel()
        self._ends[router] = (
            None if seconds is None else self._loop.call_later(seconds, partial(self._end, router))
        )
        router.yield_until(math.inf if seconds is None else time.time() + seconds)

    def _end(self, router: VirtualRouter) -> None:
        if self._routers.get(router.name) is router:
            self._free(router, "its time to resign is over")
            self._engine.settle()
        else:  # a reload has removed it
            del self._ends[router]

    def _free(self, router: VirtualRouter, why: str) -> None:
        if (handle := self._ends.pop(router)) is not None:
            handle.cancel()
        router.yield_until(None)
        log.info("instance %s: %s", router.name, why, extra={"instance": router.name, "event": "operator"})
        self._recorder.note("operator", instance=router.name, what="resign", text=why)
