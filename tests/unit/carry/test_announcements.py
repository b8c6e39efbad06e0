"""When each address is announced and how often, on a wire and a loop that are made up."""

import pytest
from msgspec import structs

from unit.carry.claims_bench import Bench, Router, many, plain
from unit.samples import instance, link, virtual
from vrrpd_fast.carry.announcements import FULL_SECONDS
from vrrpd_fast.model import Family, Garp


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_five_at_once_five_after_the_delay_and_no_more(bench: Bench) -> None:
    bench.become(bench.router("VI", "10.9.9.9/24"), True)
    bench.loop.sleep(3600)
    assert bench.kernel.times("10.9.9.9") == {0: 5, 5: 5}
    assert bench.loop.pending == 0


@pytest.mark.parametrize(
    ("garp", "times"),
    [
        (Garp(master_repeat=1, master_delay=0), {0: 1}),
        (Garp(master_repeat=2, master_delay=1.5), {0: 2, 1.5: 2}),
        (Garp(master_repeat=1, master_delay=0, master_refresh=10), {0: 1, 10: 1, 20: 1, 30: 1}),
        (
            Garp(master_repeat=1, master_delay=5, master_refresh=10, master_refresh_repeat=3),
            {0: 1, 5: 1, 10: 3, 20: 3, 30: 3},
        ),
    ],
)
def test_garp_options(bench: Bench, garp: Garp, times: dict[float, int]) -> None:
    bench.become(bench.router("VI", "10.9.9.9/24", garp=garp), True)
    bench.loop.sleep(35)
    assert bench.kernel.times("10.9.9.9") == times


def extra(bench: Bench, garp: Garp) -> Router:
    """A MASTER on a0 with two addresses on a1 and one on a2, all announced once at the start."""
    for index, name in enumerate(("a1", "a2"), 3):
        bench.kernel.links[name] = link(name, index)
    elsewhere = (virtual("10.1.0.1", "a1"), virtual("10.1.0.2", "a1"), virtual("2001:db8::3", "a2"))
    made = instance("VI", garp=garp)
    router = Router(
        bench.kernel, instance("VI", virtual_addresses=made.virtual_addresses + elsewhere, garp=garp)
    )
    bench.become(router, True)
    return router


def test_extra_if_reminds_the_switches_behind_other_interfaces(bench: Bench) -> None:
    """One address of each; never one that somebody took away."""
    router = extra(bench, Garp(master_repeat=1, master_delay=0, extra_if=10, extra_if_all=True))
    bench.loop.sleep(25)
    assert bench.kernel.times("10.9.9.9") == bench.kernel.times("10.1.0.2") == {0: 1}
    assert bench.kernel.times("10.1.0.1") == bench.kernel.times("2001:db8::3") == {0: 1, 10: 1, 20: 1}
    bench.kernel.transact([bytearray(router.addresses.additions[1].remove)])
    bench.loop.sleep(10)
    assert bench.kernel.times("10.1.0.2") == {0: 1, 30: 1}
    bench.become(router, False)
    bench.loop.sleep(100)
    assert bench.kernel.times("2001:db8::3") == {0: 1, 10: 1, 20: 1, 30: 1}


def test_extra_if_without_all_is_for_virtual_macs_only(bench: Bench) -> None:
    extra(bench, Garp(master_repeat=1, master_delay=0, extra_if=10))
    bench.loop.sleep(100)
    assert len(bench.kernel.sent) == 4


def test_a_reload_plans_refreshes_anew_and_leaves_the_second_set(bench: Bench) -> None:
    router = bench.router("VI", garp=Garp(master_repeat=1, master_refresh=4))
    bench.become(router, True)
    bench.loop.sleep(3)
    old = router.instance.garp
    for seconds in (1, 10):
        router.instance = structs.replace(router.instance, garp=Garp(master_refresh=seconds))
        bench.announcements.reconfigure(router, old)
        old = router.instance.garp
    bench.loop.sleep(11)
    assert bench.kernel.times("10.9.9.9") == {0: 1, 5: 1, 13: 1}
    router.instance = structs.replace(router.instance, garp=Garp())
    bench.announcements.reconfigure(router, old)
    bench.loop.sleep(100)
    assert len(bench.kernel.sent) == 3


def test_a_reload_plans_nothing_for_who_is_not_master(bench: Bench) -> None:
    router = bench.router("VI", garp=Garp(master_refresh=1))
    bench.announcements.reconfigure(router, Garp())
    bench.loop.sleep(10)
    assert bench.kernel.sent == []


def test_ipv6_is_announced_by_neighbour_advertisement(bench: Bench) -> None:
    bench.become(bench.router("VI", "fe80::9/64", "2001:db8::9/64", family=Family.IPV6), True)
    bench.loop.sleep(10)
    assert bench.kernel.times("fe80::9") == bench.kernel.times("2001:db8::9") == {0: 5, 5: 5}


def test_a_link_without_ethernet_addresses_has_nothing_to_announce(bench: Bench) -> None:
    bench.kernel.links["a0"].mac = b""
    bench.become(bench.router("VI"), True)
    bench.loop.sleep(10)
    assert bench.kernel.addresses == {"10.9.9.9"}
    assert bench.kernel.sent == []


def test_repetitions_stop_with_mastership(bench: Bench) -> None:
    router = bench.router("VI", garp=Garp(master_refresh=1))
    bench.become(router, True)
    bench.loop.turn()  # added and announced once, four repetitions wait
    bench.become(router, False)
    bench.loop.sleep(60)
    assert bench.kernel.times("10.9.9.9") == {0: 1}
    bench.become(router, True)
    bench.loop.sleep(2)
    assert bench.kernel.times("10.9.9.9") == {0: 1, 60: 5, 61: 1, 62: 1}


def test_losers_are_answered_at_most_so_often(bench: Bench) -> None:
    """A flood of lower-priority adverts: 5 at once, 5 after the delay, and the next only then."""
    router = bench.router("VI")
    bench.become(router, True)
    bench.loop.sleep(100)
    for _ in range(1000):
        bench.announcements.defend(router)
    bench.loop.sleep(4.9)
    for _ in range(1000):
        bench.announcements.defend(router)
    bench.loop.sleep(0.05)
    since = {at: count for at, count in bench.kernel.times("10.9.9.9").items() if at >= 100}
    assert since == {100: 5}
    bench.loop.sleep(100)
    since = {at: count for at, count in bench.kernel.times("10.9.9.9").items() if at >= 100}
    assert since == {100: 5, 105: 5}
    bench.announcements.defend(router)
    bench.loop.sleep(0)
    assert len(bench.kernel.sent) == 10 + 15


@pytest.mark.parametrize(
    ("garp", "times"),
    [
        (Garp(lower_prio_repeat=0), {}),
        (Garp(lower_prio_repeat=2, lower_prio_delay=0), {100: 2, 101: 2, 102: 2}),
        (Garp(lower_prio_repeat=1, lower_prio_delay=2), {100: 1, 102: 2}),
    ],
)
def test_garp_lower_prio_options(bench: Bench, garp: Garp, times: dict[float, int]) -> None:
    router = bench.router("VI", garp=garp)
    bench.become(router, True)
    bench.loop.sleep(100)
    for _ in range(10):
        bench.announcements.defend(router)
        bench.loop.sleep(0.25)
    since = {at: count for at, count in bench.kernel.times("10.9.9.9").items() if at >= 100}
    assert since == times


def test_a_first_announcement_that_finds_no_room_is_made_up_for(bench: Bench) -> None:
    bench.kernel.room = 1
    bench.become(bench.router("VI", *many(3), garp=Garp(master_repeat=1, master_delay=0)), True)
    bench.loop.settle()
    assert len(bench.kernel.sent) == 1
    bench.kernel.room = 100
    bench.loop.sleep(2 * FULL_SECONDS)
    assert sorted(said for _, said in bench.kernel.sent) == plain(many(3))


# -- the wire has no room


def test_frames_that_find_no_room_wait(bench: Bench) -> None:
    """Nothing is lost: neither of the last virtual router in the queue, nor of one before it."""
    routers = [bench.router(f"VI_{net}", *many(20, net)) for net in (1, 2)]
    for router in routers:
        bench.become(router, True)
    bench.loop.turn()
    bench.loop.turn()  # all are added, and announced once
    assert len(bench.kernel.sent) == 40
    bench.kernel.room = 3
    bench.loop.settle()
    assert len(bench.kernel.sent) == 43  # and it does not ask again before a while has passed
    for room in (0, 70, 60, 100):
        bench.kernel.room = room
        bench.loop.sleep(FULL_SECONDS)
    everything = plain(many(20, 1)) + plain(many(20, 2))
    assert [sum(bench.kernel.times(text).values()) for text in everything] == [5] * 40


def test_close_ends_everything(bench: Bench) -> None:
    bench.become(bench.router("VI", *many(40), garp=Garp(master_refresh=1)), True)
    bench.loop.settle()
    said = len(bench.kernel.sent)
    assert said == 200
    bench.announcements.close()
    bench.loop.sleep(100)
    assert len(bench.kernel.sent) == said
    assert bench.loop.pending == 0
