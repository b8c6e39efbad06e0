"""Links whose changes count only when they last, on a made-up loop."""

import logging
from typing import Any

import pytest

from unit.carry.claims_bench import Loop
from unit.samples import instance, link, packed
from vrrpd_fast.debounce import Debounce
from vrrpd_fast.model import Instance, InterfaceDelay
from vrrpd_fast.net.links import Link

DELAY = InterfaceDelay(down=2, up=3)


class World:
    def __init__(self) -> None:
        self.loop = Loop()
        self.links: dict[str, Link] = {"a0": link(), "a1": link("a1", 3)}
        self.told: list[tuple[float, str]] = []
        self.debounce = Debounce(self.loop, self.links.get, self._on_change)  # type: ignore[arg-type]

    def _on_change(self, names: set[str]) -> None:
        self.told += [(round(self.loop.now - 1000, 6), name) for name in names]

    def delay(self, *instances: Instance, **delays: InterfaceDelay) -> set[str]:
        return self.debounce.configure(delays, instances)

    def change(self, name: str = "a0", **fields: Any) -> bool:
        """Something about a link is different now; whether that is told at once."""
        for field, value in fields.items():
            setattr(self.links[name], field, value)
        return self.debounce.follow({name}) == {name}

    def seen(self, name: str = "a0") -> Link:
        found = self.debounce.get(name)
        assert found is not None
        return found


@pytest.fixture
def world() -> World:
    made = World()
    made.delay(a0=DELAY)
    return made


def test_a_link_without_a_delay_is_seen_as_it_is(world: World) -> None:
    assert world.change("a1", up=False)
    assert world.debounce.get("a1") is world.links["a1"]
    assert world.debounce.get("a2") is None


def test_down_counts_after_its_delay_and_up_after_its_own(world: World) -> None:
    assert not world.change(up=False)
    world.loop.sleep(1.9)
    assert world.seen().up
    world.loop.sleep(0.2)
    assert not world.seen().up
    assert world.told == [(2, "a0")]
    assert not world.change(up=True)
    world.loop.sleep(2.9)
    assert not world.seen().up
    world.loop.sleep(0.2)
    assert world.seen().up
    assert [at for at, _ in world.told] == [2, 5.1]


def test_a_flap_is_not_seen(world: World) -> None:
    for _ in range(5):
        assert not world.change(up=False)
        world.loop.sleep(1)
        assert world.change(up=True)  # what it lost meanwhile is to be put back
        assert world.seen().up
    world.loop.sleep(100)
    assert world.told == []


def test_a_link_that_comes_up_for_a_moment_stays_down(world: World) -> None:
    world.change(up=False)
    world.loop.sleep(5)
    assert not world.change(up=True)
    world.loop.sleep(1)
    assert world.change(up=False)
    world.loop.sleep(100)
    assert not world.seen().up
    assert world.told == [(2, "a0")]


def test_addresses_lost_with_the_link_are_missed_when_it_has_not_got_them_back(world: World) -> None:
    """IPv6: they go with the link, and come back a second after it (duplicate address detection)."""
    before = world.links["a0"].ipv6
    world.change(up=False, ipv6=None)
    world.loop.sleep(0.5)
    assert not world.change(up=True)
    assert world.seen().ipv6 == before
    world.loop.sleep(1)
    assert world.change(ipv6=before)
    world.loop.sleep(100)
    assert world.told == []

    world.change(up=False, ipv6=None)
    world.change(up=True)
    world.loop.sleep(3)
    assert world.seen().up
    assert world.seen().ipv6 is None


def test_an_address_lost_on_a_link_that_is_up_counts_at_once(world: World) -> None:
    assert world.change(ipv4=None)
    assert world.seen().ipv4 is None
    assert world.change(ipv4=packed("10.0.0.2"))
    assert world.seen().ipv4 == packed("10.0.0.2")


def test_a_link_that_goes_or_is_another_counts_at_once(world: World) -> None:
    world.change(up=False)
    del world.links["a0"]
    assert world.debounce.follow({"a0"}) == {"a0"}
    assert world.debounce.get("a0") is None
    world.links["a0"] = link(index=9, up=False)
    assert world.debounce.follow({"a0"}) == {"a0"}
    assert world.seen().index == 9
    world.links["a0"] = link(index=9, serial=10)  # deleted and made again with the same index
    assert world.debounce.follow({"a0"}) == {"a0"}
    assert world.seen().up
    world.loop.sleep(100)
    assert world.told == []


def test_what_is_seen_does_not_change_with_the_link(world: World) -> None:
    seen = world.seen()
    world.links["a0"].up = False
    assert seen.up


# -- limits


@pytest.mark.parametrize(
    ("made", "seconds"),
    [
        (instance(advert_int_cs=100), 2 - 1 / 256),
        (instance(advert_int_cs=100, version=2), 2 - 1 / 256),
        (instance(advert_int_cs=50), 1 - 0.5 / 256),
        (instance(advert_int_cs=50, down_timer_adverts=6), 2.5 - 0.5 / 256),
        (instance(advert_int_cs=50, interface="a1"), 30),
    ],
)
def test_a_delay_is_shorter_than_what_leads_to_a_takeover(
    made: Instance, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    """As keepalived cuts it: (down_timer_adverts - 1) intervals less the skew of the highest priority."""
    world = World()
    world.delay(made, instance("slow", advert_int_cs=4000), a0=InterfaceDelay(down=30, up=30))
    assert len(caplog.records) == (seconds < 30)
    world.change(up=False)
    world.loop.sleep(100)
    assert world.told == [(pytest.approx(seconds, abs=1e-5), "a0")]


def test_one_advert_down_leaves_no_room_for_a_delay() -> None:
    world = World()
    world.delay(instance(advert_int_cs=100, down_timer_adverts=1), a0=DELAY)
    assert world.change(up=False)
    assert not world.seen().up


def test_a_master_that_speaks_oftener_cuts_it_for_good(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    router = instance(advert_int_cs=100)
    world.delay(router, a0=InterfaceDelay(down=1, up=1))
    assert caplog.records == []
    world.debounce.learn(router, 0.25)
    world.debounce.learn(router, 5.0)
    world.debounce.learn(instance(interface="a1"), 0.01)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "a0" in caplog.text
    world.delay(router, a0=InterfaceDelay(down=1, up=1), a1=DELAY)  # a reload
    world.change(up=False)
    world.loop.sleep(100)
    assert world.told == [(pytest.approx(0.5 - 0.25 / 256, abs=1e-5), "a0")]


# -- reload


def test_a_delay_that_is_taken_away_is_over(world: World) -> None:
    world.change(up=False)
    assert world.delay() == {"a0"}
    assert not world.seen().up
    world.loop.sleep(100)
    assert world.told == []


def test_a_delay_under_way_goes_on_and_the_next_is_the_new_one(world: World) -> None:
    world.change(up=False)
    world.loop.sleep(1)
    assert world.delay(a0=InterfaceDelay(down=50, up=7)) == set()
    world.loop.sleep(5)
    assert world.told == [(2, "a0")]
    world.change(up=True)
    world.loop.sleep(100)
    assert [at for at, _ in world.told] == [2, 13]


def test_a_delay_that_comes_by_a_reload(world: World) -> None:
    world.change("a1", up=False)
    world.delay(a0=DELAY, a1=DELAY)
    assert not world.seen("a1").up
    assert not world.change("a1", up=True)


def test_close_ends_everything(world: World) -> None:
    world.change(up=False)
    world.debounce.close()
    assert world.loop.pending == 0
