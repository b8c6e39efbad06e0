"""Scripts over reloads, with results that the test makes up."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from vrrpd_fast.model import Script
from vrrpd_fast.spawn.spawn import Result, Run
from vrrpd_fast.track.scripts import Scripts


class Handle:
    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    def __init__(self) -> None:
        self.planned: list[Handle] = []

    def time(self) -> float:
        return 0.0

    def call_later(self, delay: float, *action: object) -> Handle:
        self.planned.append(Handle(delay))
        return self.planned[-1]

    def call_at(self, at: float, *action: object) -> Handle:
        return self.call_later(at)


class Spawner:
    """Runs nothing: results are the test's."""

    def __init__(self) -> None:
        self.loop = Loop()

    def launch(self, argv: Sequence[str], **more: Any) -> Run:
        return Run(0, more["on_result"])


class World:
    def __init__(self) -> None:
        self.spawner = Spawner()
        self.told: list[str] = []
        self.scripts = Scripts(self.spawner, self.told.append)  # type: ignore[arg-type]

    def reload(self, **commands: str) -> set[str]:
        """Another configuration; the names of what it begins."""
        configured = {
            name: Script(name=name, script=command, interval=10) for name, command in commands.items()
        }
        fresh = self.scripts.prepare(configured)
        self.scripts.take(fresh)
        self.scripts.drop(configured)
        self.scripts.start(fresh.values())
        return set(fresh)

    def result(self, name: str, is_success: bool) -> None:
        self.scripts._trackers[name]._on_result(Result(exit_code=0 if is_success else 1))


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.scripts.close()
    assert all(handle.is_cancelled for handle in made.spawner.loop.planned)


def test_what_does_not_differ_goes_on(world: World) -> None:
    assert world.reload(one="/bin/true", other="/bin/true") == {"one", "other"}
    world.result("one", True)
    before = world.scripts.judge("one")
    assert world.reload(one="/bin/true", other="/bin/false", more="/bin/true") == {"other", "more"}
    assert world.scripts.judge("one") is before
    assert world.told == ["one"]


def test_the_former_one_judges_until_the_new_one_has_a_result(world: World) -> None:
    """Also over two reloads in a row."""
    world.reload(chk="/bin/true")
    assert world.scripts.judge("chk").state is None
    world.result("chk", False)
    for command in ("/bin/true 2", "/bin/true 3"):
        world.reload(chk=command)
        assert world.scripts.judge("chk").state is False
    world.result("chk", True)
    assert world.scripts.judge("chk").state is True
    assert world.told == ["chk", "chk"]


def test_one_that_is_gone_and_comes_again_knows_nothing(world: World) -> None:
    world.reload(chk="/bin/true")
    world.result("chk", True)
    world.reload(chk="/bin/true 2")
    world.reload()
    world.reload(chk="/bin/true 3")
    assert world.scripts.judge("chk").state is None


def test_one_that_cannot_be_used_is_named_and_nothing_changes(world: World) -> None:
    world.reload(chk="/bin/true")
    before = world.scripts.judge("chk")
    with pytest.raises(ValueError, match="vrrp_script bad: "):
        world.reload(chk="/bin/false", bad="/bin/true 'unclosed")
    assert world.scripts.judge("chk") is before


def test_a_thousand_do_not_begin_at_once(world: World) -> None:
    """Their first runs are spread over the interval."""
    world.reload(**{f"chk{number}": "/bin/true" for number in range(1000)})
    delays = sorted(handle.delay for handle in world.spawner.loop.planned)
    assert len(delays) == 1000
    gaps = [later - earlier for earlier, later in itertools.pairwise(delays)]
    assert max(gaps) < 10 / 300
