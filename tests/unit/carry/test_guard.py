"""What the guard has put back, and for whom."""

import logging
from collections.abc import Sequence

import pytest

from unit.carry.claims_bench import INDEX, Bench, Router
from unit.samples import link
from vrrpd_fast.carry import guard
from vrrpd_fast.carry.guard import Guard
from vrrpd_fast.config.routes import parse_route
from vrrpd_fast.config.rules import parse_rule
from vrrpd_fast.net.carried import Carried

ROUTES = tuple(
    map(
        parse_route,
        (
            "10.5.0.0/16 via 10.9.9.1 dev a0",
            "10.6.0.0/16 dev a0 no_track",
            "10.7.0.0/16 dev a0 protocol static",
        ),
    )
)
RULES = (parse_rule("from 10.5.0.0/16 table 5 preference 7"),)
KEY = (4, 254, bytes((10, 5, 0, 0)), 16, 0, 0)


class Monitor:
    """Stands in for net/removals.py."""

    made: list["Monitor"]

    def __init__(self, loop: object, ports: set[int], on_removed: object, on_overrun: object) -> None:
        self.protocols: set[int] = set()
        self.is_closed = False
        Monitor.made.append(self)

    def listen_to(self, protocols: set[int]) -> None:
        self.protocols = set(protocols)

    def close(self) -> None:
        self.is_closed = True


class Recorder:
    """Claims, as far as the guard asks them for something."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []

    def put_back(self, router: Router, items: Sequence[Carried]) -> None:
        self.calls.append((router.name, [str(each) for each in items]))


class World:
    def __init__(self) -> None:
        self.bench = Bench()
        self.routers: dict[str, Router] = {}
        self.claims = Recorder()
        self.guard = Guard(
            self.bench.loop,  # type: ignore[arg-type]
            set(),
            self.claims,  # type: ignore[arg-type]
            self.routers.get,
            self.bench.kernel.links.get,
        )

    def add(self, name: str, *, is_master: bool = True) -> Router:
        router = self.routers[name] = self.bench.router(name, routes=ROUTES, rules=RULES)
        router.is_master = is_master
        self.guard.register(router.instance)
        return router

    def lose(self, *keys: object) -> None:
        for key in keys:
            self.guard._on_removed(key)
        self.bench.loop.sleep(1)

    @property
    def put_back(self) -> list[tuple[str, list[str]]]:
        return self.claims.calls


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    Monitor.made = []
    monkeypatch.setattr(guard, "RemovalMonitor", Monitor)
    return World()


def test_a_masters_loss_is_put_back_and_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.add("VI")
    with caplog.at_level(logging.WARNING):
        world.lose(KEY, (4, 7))
    assert world.put_back == [("VI", [f"route {ROUTES[0].text}", f"rule {RULES[0].text}"])]
    assert "instance VI: someone removed rule from 10.5.0.0/16 table 5 preference 7: put back" in caplog.text


def test_nobody_else_is_concerned(world: World) -> None:
    world.add("B", is_master=False)
    world.lose(KEY, (4, 254, bytes((10, 6, 0, 0)), 16, 0, 0), (4, 254, bytes(4), 0, 0, 0), (6, 7))
    assert world.put_back == []


def test_another_route_to_the_same_destination_is_anothers(world: World) -> None:
    world.add("VI")
    world.lose((4, 254, bytes((10, 5, 0, 0)), 16, 0, 99))
    assert world.put_back == []


def test_what_went_with_its_link_waits_for_it(world: World) -> None:
    world.add("VI")
    world.bench.kernel.links["a0"] = link(index=INDEX, up=False)
    world.lose(KEY)
    assert world.put_back == []


def test_after_an_overrun_everything_is_asked_for(world: World) -> None:
    world.add("VI")
    world.add("B", is_master=False)
    world.guard._on_overrun()
    world.bench.loop.sleep(1)
    (name, texts) = world.put_back[0]
    assert (name, len(world.put_back)) == ("VI", 1)
    assert texts == [f"route {ROUTES[0].text}", f"route {ROUTES[2].text}", f"rule {RULES[0].text}"]


def test_it_listens_while_somebody_carries_something(world: World) -> None:
    world.guard.register(world.bench.router("PLAIN").instance)
    world.guard.settle()
    assert Monitor.made == []
    router = world.add("VI")
    (monitor,) = Monitor.made
    assert monitor.protocols == {112, 4}
    world.guard.unregister(router.instance)
    world.guard.register(world.bench.router("VI", routes=ROUTES[:1]).instance)
    world.guard.settle()
    assert (monitor.is_closed, monitor.protocols) == (False, {112})
    world.guard.unregister(world.bench.router("VI", routes=ROUTES[:1]).instance)
    world.guard.settle()
    assert monitor.is_closed
