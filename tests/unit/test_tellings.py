"""What is told, when, and in which order: a notifier of paper, virtual routers that only have facts."""

import asyncio
import time
from collections.abc import Callable
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

from unit.samples import instance
from vrrpd_fast import tellings
from vrrpd_fast.holds import Holds
from vrrpd_fast.model import Notify, Reason, State, Transition
from vrrpd_fast.story import Story
from vrrpd_fast.tellings import Tellings

RunFixture = Callable[[Any], Any]
OWN = ip_address("10.0.0.1")
OTHER = ip_address("10.0.0.2")


class Paper:
    """A notifier that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def tell(self, instance: Any, word: Any, priority: int, *, old: State, **facts: Any) -> None:
        self.told.append((instance.name, word.value, priority, old.name))
        self.facts = facts

    def removed(self, instance: Any, priority: int, state: State) -> None:
        self.told.append((instance.name, "removed", priority, state.name))

    def repeat(self, instance: Any, priority: int, state: State) -> None:
        self.told.append((instance.name, "repeat", priority, state.name))


STORY = Story("test-1", "VI", 1)


class Bench:
    def __init__(self) -> None:
        self.paper = Paper()
        self.is_busy = False
        self.logged: list[State] = []
        loop = asyncio.get_running_loop()
        self.recorded: list[dict[str, Any]] = []
        self.tellings = Tellings(
            loop,
            self.paper,  # type: ignore[arg-type]
            lambda: self.is_busy,
            Holds(),
            self,  # type: ignore[arg-type]
        )

    def transition(self, story: Story, *_: Any, **facts: Any) -> None:
        """The recorder."""
        self.recorded.append({"id": story.id, **facts})

    def router(self, name: str = "VI", **more: Any) -> Any:
        fields = {
            "instance": instance(name, notify=Notify(priority_changes=True)),
            "priority": 100,
            "state": State.BACKUP,
            "is_master": False,
            "source": OWN,
            "last_transition": 1700000000.5,
            "base": 100,
            "sum": "100 base",
            "group": None,
            "story": STORY,
            "tell": lambda event, story: self.logged.append(event.new) or "because",
        }
        return SimpleNamespace(**fields | more)


def change(old: State, new: State) -> Transition:
    return Transition(
        handle=1,
        old=old,
        new=new,
        reason=Reason.NO_ADVERT,
        at_ns=1,
        master_address=OTHER,
        master_priority=200,
        silence_ns=-1,
        down_interval_ns=1,
        skew_ns=1,
    )


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_transition_is_logged_and_told(run: RunFixture) -> None:
    async def main() -> None:
        bench = Bench()
        router = bench.router()
        bench.tellings.transition(router, change(State.BACKUP, State.MASTER), STORY)
        assert not bench.paper.told  # not from within
        router.priority = 120  # what comes later is not of this moment
        await turns()
        assert bench.paper.told == [("VI", "MASTER", 100, "BACKUP")]
        assert bench.paper.facts == {
            "at": 1700000000.5,
            "reason": "because",
            "master_address": OWN,
            "master_priority": 100,
            "story": STORY,
        }
        bench.tellings.transition(router, change(State.MASTER, State.BACKUP), STORY)
        await turns()
        assert bench.paper.told[1:] == [("VI", "BACKUP", 120, "MASTER")]
        assert (bench.paper.facts["master_address"], bench.paper.facts["master_priority"]) == (OTHER, 200)

    run(main())


def test_a_release_is_logged_only_and_its_cause_told(run: RunFixture) -> None:
    async def main() -> None:
        bench = Bench()
        router = bench.router()
        bench.tellings.transition(router, change(State.MASTER, State.INIT), STORY)
        bench.tellings.stopped(router, State.MASTER)
        bench.tellings.removed(router, State.FAULT)
        await bench.tellings.repeat([router])
        await turns()
        assert bench.logged == [State.INIT]
        assert bench.paper.told == [
            ("VI", "STOP", 100, "MASTER"),
            ("VI", "removed", 100, "FAULT"),
            ("VI", "repeat", 100, "BACKUP"),
        ]

    run(main())


def test_priorities(run: RunFixture) -> None:
    async def main() -> None:
        bench = Bench()
        bench.tellings.priority(bench.router("silent", instance=instance("silent")))
        bench.tellings.priority(bench.router("b"))
        bench.tellings.priority(bench.router("f", state=State.FAULT))
        bench.tellings.priority(bench.router("m", is_master=True, state=State.MASTER))
        bench.tellings.lower_priority_heard(bench.router("m"))
        await turns()
        assert bench.paper.told == [
            ("b", "BACKUP_PRIORITY", 100, "BACKUP"),
            ("f", "BACKUP_PRIORITY", 100, "FAULT"),
            ("m", "MASTER_PRIORITY", 100, "MASTER"),
            ("m", "MASTER_RX_LOWER_PRI", 100, "MASTER"),
        ]

    run(main())


def test_all_waits_while_addresses_are_moved(run: RunFixture, monkeypatch: Any) -> None:
    monkeypatch.setattr(tellings, "LIMIT", 5)

    async def main() -> None:
        bench = Bench()
        bench.is_busy = True
        await bench.tellings.repeat(bench.router() for _ in range(5))
        await turns(10)
        assert not bench.paper.told
        await bench.tellings.repeat([bench.router()])  # more must not wait
        await turns()
        assert len(bench.paper.told) == 6
        await bench.tellings.repeat([bench.router()])
        await turns()
        assert len(bench.paper.told) == 6
        bench.is_busy = False
        await turns()
        assert len(bench.paper.told) == 7

    run(main())


def test_thousands_are_told_in_slices(run: RunFixture) -> None:
    async def main() -> None:
        bench = Bench()
        for number in range(1000):
            bench.tellings.stopped(bench.router(str(number)), State.BACKUP)
        await turns(2)
        assert 0 < len(bench.paper.told) <= 2 * tellings.PER_SLICE
        slices = 0
        flushed = asyncio.create_task(bench.tellings.flush())
        while not flushed.done():
            began = time.monotonic()
            await asyncio.sleep(0)
            slices += 1
            assert time.monotonic() - began < 1
        assert [name for name, *_ in bench.paper.told] == [str(number) for number in range(1000)]
        assert slices > 1000 / (3 * tellings.PER_SLICE)

    run(main())
