"""Limits of announcements: who leaves when, on a wire and a clock that are made up."""

import itertools
from collections.abc import Sequence

import pytest

from unit.carry.claims_bench import Bench, Router, many, plain
from unit.samples import instance, link, virtual
from vrrpd_fast.carry.pacing import FULL_NS
from vrrpd_fast.model import Family, Garp, Pacing

EACH = Pacing(garp_interval=0.1, gna_interval=0.2)
TWICE = Garp(master_repeat=2, master_delay=0)


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    for index, name in enumerate(("a1", "a2"), 3):
        made.kernel.links[name] = link(name, index)
    return made


def limit(bench: Bench, *pacing: Pacing) -> None:
    bench.announcements.configure(pacing)


def over(bench: Bench, *texts: str, garp: Garp = TWICE, name: str = "VI") -> Router:
    """A virtual router on a0 whose addresses are "10.0.0.1" or, elsewhere, "10.0.0.1@a1"."""
    parted = [text.partition("@") for text in texts]
    addresses = tuple(virtual(address, dev or "a0") for address, _, dev in parted)
    return Router(bench.kernel, instance(name, virtual_addresses=addresses, garp=garp))


def said(bench: Bench) -> list[tuple[float, str]]:
    return [(round(at - 1000, 6), text) for at, text in bench.kernel.sent]


def test_first_of_each_address_then_repetitions(bench: Bench) -> None:
    """The first leaves at once, one more each interval; every address has its first before any its second."""
    limit(bench, EACH)
    bench.become(over(bench, "10.1.0.1", "10.1.0.2", "10.1.0.3"), True)
    bench.loop.settle()
    assert said(bench) == [(0, "10.1.0.1")]
    bench.loop.sleep(10)
    assert said(bench) == [
        (0, "10.1.0.1"),
        (0.1, "10.1.0.2"),
        (0.2, "10.1.0.3"),
        (0.3, "10.1.0.1"),
        (0.4, "10.1.0.2"),
        (0.5, "10.1.0.3"),
    ]
    assert bench.loop.pending == 0


def test_interfaces_have_limits_of_their_own(bench: Bench) -> None:
    limit(bench, EACH)
    bench.become(over(bench, "10.1.0.1", "10.1.0.2@a1", garp=Garp(master_repeat=1, master_delay=0)), True)
    bench.loop.sleep(10)
    assert said(bench) == [(0, "10.1.0.1"), (0, "10.1.0.2")]


def test_a_group_has_one_limit_together(bench: Bench) -> None:
    """Of a0 and a1; a2, which no group names, has the general one."""
    limit(bench, EACH, Pacing(interfaces=("a0", "a1"), garp_interval=0.5))
    quick = Garp(master_repeat=1, master_delay=0)
    bench.become(over(bench, "10.1.0.1", "10.1.0.2@a1", "10.1.0.3@a2", "10.1.0.4@a2", garp=quick), True)
    bench.loop.sleep(10)
    assert sorted(said(bench)) == [(0, "10.1.0.1"), (0, "10.1.0.3"), (0.1, "10.1.0.4"), (0.5, "10.1.0.2")]


def test_a_group_without_an_interval_has_no_limit(bench: Bench) -> None:
    limit(bench, EACH, Pacing(interfaces=("a0",)))
    bench.become(over(bench, *plain(many(200))), True)
    bench.loop.settle()
    assert len(said(bench)) == 400


def test_arp_and_neighbour_advertisements_do_not_wait_for_each_other(bench: Bench) -> None:
    limit(bench, EACH)
    six = bench.router("VI6", "fe80::9/64", "2001:db8::9/64", family=Family.IPV6, garp=TWICE)
    bench.become(six, True)
    bench.become(over(bench, "10.1.0.1", "10.1.0.2", name="VI4"), True)
    bench.loop.sleep(10)
    assert [at for at, text in said(bench) if ":" in text] == [0, 0.2, 0.4, 0.6]
    assert [at for at, text in said(bench) if ":" not in text] == [0, 0.1, 0.2, 0.3]


def test_a_second_set_does_not_pile_up_on_the_first(bench: Bench) -> None:
    """50 addresses at 100 ms, 5 now and 5 after 5 s, refreshed every second: what waits stays bounded."""
    limit(bench, EACH)
    texts = plain(many(50))
    bench.become(over(bench, *texts, garp=Garp(master_refresh=1, master_refresh_repeat=2)), True)
    bench.loop.sleep(100)
    times = [at for at, _ in said(bench)]
    assert [text for _, text in said(bench)][:50] == texts
    assert all(later - earlier > 0.0999 for earlier, later in itertools.pairwise(times))
    counts = [sum(1 for _, text in said(bench) if text == each) for each in texts]
    assert max(counts) - min(counts) <= 1  # round by round
    before = len(times)
    bench.kernel.sent.clear()
    bench.loop.sleep(100)
    assert before == pytest.approx(len(said(bench)), abs=1)


def test_mastership_that_ends_silences_what_waits(bench: Bench) -> None:
    limit(bench, EACH)
    router = over(bench, *plain(many(1000)))
    other = over(bench, "10.9.9.9", name="VI_2")
    bench.become(router, True)
    bench.loop.sleep(0.25)
    bench.become(router, False)
    bench.become(other, True)
    bench.loop.sleep(0.05)
    assert [text for _, text in said(bench)] == ["10.1.0.0", "10.1.0.1", "10.1.0.2", "10.9.9.9"]
    bench.loop.sleep(10)
    assert len(said(bench)) == 5


def test_what_waits_of_an_older_mastership_counts_as_new(bench: Bench) -> None:
    """Lost and gained again while a repetition waits: as many as a new MASTER sends, not one set more."""
    limit(bench, EACH)
    router = over(bench, "10.1.0.1", garp=Garp(master_repeat=5, master_delay=0))
    for is_master in (True, False, True):
        bench.become(router, is_master)
        bench.loop.sleep(0.01)
    bench.loop.sleep(10)
    assert len(said(bench)) == 6


def test_an_address_taken_away_by_a_reload_is_not_announced(bench: Bench) -> None:
    limit(bench, EACH)
    router = over(bench, "10.1.0.1", "10.1.0.2", "10.1.0.3")
    bench.become(router, True)
    bench.loop.settle()
    router.addresses = over(bench, "10.1.0.1", "10.1.0.3").addresses
    bench.loop.sleep(10)
    assert [text for _, text in said(bench)] == ["10.1.0.1", "10.1.0.3", "10.1.0.1", "10.1.0.3"]


def test_thousands_of_addresses_need_one_timer(bench: Bench) -> None:
    limit(bench, Pacing(garp_interval=0.001))
    bench.become(over(bench, *plain(many(5000)), garp=Garp(master_repeat=1, master_delay=0)), True)
    bench.loop.settle()
    assert bench.loop.pending <= 1
    bench.loop.sleep(6)
    assert [text for _, text in said(bench)] == plain(many(5000))


def test_without_room_in_the_kernel_it_waits(bench: Bench) -> None:
    limit(bench, EACH)
    bench.kernel.room = 0
    bench.become(over(bench, "10.1.0.1", "10.1.0.2", garp=Garp(master_repeat=1, master_delay=0)), True)
    bench.loop.sleep(1)
    assert said(bench) == []
    bench.kernel.room = 100
    bench.loop.sleep(FULL_NS / 1e9)
    assert [text for _, text in said(bench)] == ["10.1.0.1"]
    bench.loop.sleep(0.1)
    assert [text for _, text in said(bench)] == ["10.1.0.1", "10.1.0.2"]


# -- reload


@pytest.mark.parametrize(
    ("pacing", "times"),
    [
        ([Pacing(garp_interval=0.3)], [0, 0.3, 0.6]),
        ([Pacing(garp_interval=0.01)], [0, 0.05, 0.06]),
        ([Pacing(interfaces=("a0", "a1"), garp_interval=0.3)], [0, 0.3, 0.6]),
        ([], [0, 0.05, 0.05]),
    ],
)
def test_a_reload_changes_the_limit_of_what_waits(
    bench: Bench, pacing: Sequence[Pacing], times: list[float]
) -> None:
    limit(bench, EACH)
    quick = Garp(master_repeat=1, master_delay=0)
    bench.become(over(bench, "10.1.0.1", "10.1.0.2", "10.1.0.3", garp=quick), True)
    bench.loop.sleep(0.05)
    limit(bench, *pacing)
    bench.loop.sleep(10)
    assert said(bench) == list(zip(times, ["10.1.0.1", "10.1.0.2", "10.1.0.3"], strict=True))


def test_a_reload_that_changes_no_limit_changes_nothing(bench: Bench) -> None:
    limit(bench, EACH)
    bench.become(over(bench, "10.1.0.1", "10.1.0.2"), True)
    for _ in range(4):
        bench.loop.sleep(0.05)
        limit(bench, EACH)
    bench.loop.sleep(10)
    assert [at for at, _ in said(bench)] == [0, 0.1, 0.2, 0.3]
