"""What is to be done later for one virtual router, void once it has changed its state."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Planner(Protocol):
    """Whoever plans. `generation` grows with every transition."""

    generation: int

    @property
    def name(self) -> str: ...


class Plans:
    """Actions planned for virtual routers, by name."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handles: dict[str, list[asyncio.TimerHandle]] = {}

    def later(self, router: Planner, seconds: float, action: Callable[[], None]) -> None:
        """Do it after `seconds`, unless the virtual router has changed its state by then."""
        generation = router.generation

        def act() -> None:
            handles.remove(handle)
            if router.generation == generation:
                action()

        handles = self._handles.setdefault(router.name, [])
        handle = self._loop.call_later(seconds, act)
        handles.append(handle)

    def forget(self, name: str) -> None:
        """Nothing of what is planned for this virtual router is to be done."""
        for handle in self._handles.pop(name, ()):
            handle.cancel()

    def close(self) -> None:
        for name in list(self._handles):
            self.forget(name)
