"""Claims against a kernel, a wire and a loop that are all made up: the order of things is what is tested."""

import asyncio
import errno
import logging
from typing import Any

import pytest

from unit.carry.claims_bench import INDEX, Bench, Router, many, plain
from unit.samples import instance, link, packed, virtual
from vrrpd_fast.carry import claims
from vrrpd_fast.carry.announcements import FRAMES_PER_SLICE
from vrrpd_fast.carry.claims import RETRY_SECONDS
from vrrpd_fast.config.routes import parse_route
from vrrpd_fast.config.rules import parse_rule
from vrrpd_fast.model import Family, Garp
from vrrpd_fast.net.netlink import MESSAGES_PER_SEND


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench()
    monkeypatch.setattr(claims, "time", bench.loop)
    return bench


# -- taking over


def test_addresses_first_in_slices_then_every_repetition(bench: Bench) -> None:
    """Of 3 virtual routers: each address is announced once with its slice; repetitions wait for the last."""
    texts = [many(40, 1), many(30, 2), many(30, 3)]
    for number, addresses in enumerate(texts):
        bench.become(bench.router(f"VI_{number}", *addresses), True)
    assert bench.kernel.story == []  # nothing before the loop turns
    bench.loop.settle()
    assert bench.kernel.slices == [32, 32, 32, 4]
    everything = [address for addresses in texts for address in plain(addresses)]
    story = bench.take_story()
    assert [text for what, text in story if what == "add"] == everything
    firsts = [text for what, text in story if what == "say"][:100]
    assert firsts == everything
    assert [what for what, _ in story[:68]] == ["add"] * 32 + ["say"] * 32 + ["add"] * 4
    last_add = max(at for at, (what, _) in enumerate(story) if what == "add")
    assert [what for what, _ in story[:last_add]].count("say") == 96
    assert all(bench.kernel.times(text) == {0: 5} for text in everything)
    assert max(bench.kernel.frame_slices) <= FRAMES_PER_SLICE


def test_a_slice_is_one_turn_of_the_loop(bench: Bench) -> None:
    bench.become(bench.router("VI", *many(100)), True)
    for done in (32, 64, 96, 100):
        bench.loop.turn()
        assert len(bench.kernel.addresses) == done
        assert MESSAGES_PER_SEND == 32


# -- states that change meanwhile


def test_a_claim_is_void_when_the_state_changes_meanwhile(bench: Bench) -> None:
    """Master for one turn: what was added goes, what was to come does not."""
    router = bench.router("VI", *many(70))
    bench.become(router, True)
    bench.loop.turn()
    assert len(bench.kernel.addresses) == 32
    bench.become(router, False)
    bench.take_story()
    bench.loop.sleep(60)
    assert bench.kernel.addresses == set()
    assert {what for what, _ in bench.take_story()} == {"del"}


def test_back_and_forth_ends_as_the_last_state_says(bench: Bench) -> None:
    one, other = bench.router("VI_1", *many(40, 1)), bench.router("VI_2", *many(40, 2))
    for is_master in (True, False, True):
        bench.become(one, is_master)
        bench.become(other, not is_master)
        bench.loop.turn()
    bench.loop.sleep(60)
    assert bench.kernel.addresses == set(plain(many(40, 1)))


def test_removals_and_additions_keep_their_order(bench: Bench) -> None:
    """An address that goes from one to another is removed before it is added."""
    giver, taker = bench.router("VI_1", "10.9.9.9/24"), bench.router("VI_2", "10.9.9.9/24")
    bench.become(giver, True)
    bench.loop.settle()
    bench.become(giver, False)
    bench.become(taker, True)
    bench.take_story()
    bench.loop.turn()
    bench.loop.turn()
    assert bench.take_story() == [("del", "10.9.9.9"), ("add", "10.9.9.9"), ("say", "10.9.9.9")]


def test_removed_last_to_first_and_told(bench: Bench) -> None:
    router = bench.router("VI", *many(3))
    bench.become(router, True)
    bench.loop.settle()
    bench.become(router, False)
    bench.loop.settle()
    assert bench.kernel.removed == [(INDEX, packed(text), 32) for text in reversed(plain(many(3)))]


# -- refusals


def test_a_refusal_is_told_by_its_address_once_and_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.kernel.refused = {"10.1.0.1": errno.EINVAL}
    bench.become(bench.router("VI_1", *many(3)), True)
    bench.become(bench.router("VI_2", *many(2, 2)), True)
    bench.loop.settle()
    assert bench.kernel.addresses == {"10.1.0.0", "10.1.0.2", "10.2.0.0", "10.2.0.1"}
    bench.take_story()
    bench.loop.sleep(3.5)
    tries = [text for what, text in bench.take_story() if what == "add"]
    assert tries == ["10.1.0.1"] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "instance VI_1: cannot add 10.1.0.1/32 on a0: the kernel says no (EINVAL)"
    ]
    assert caplog.records[0].levelno == logging.ERROR

    bench.kernel.refused.clear()
    bench.loop.sleep(RETRY_SECONDS)
    assert "10.1.0.1" in bench.kernel.addresses
    bench.loop.sleep(60)
    assert bench.kernel.times("10.1.0.1") == {4: 5, 9: 5}
    assert bench.loop.pending == 0


def test_what_is_refused_is_not_announced_and_multiplies_nothing(bench: Bench) -> None:
    """An address that the kernel refuses for ever is asked for each second; the others are left in peace."""
    bench.kernel.refused = {"10.1.0.1": errno.EINVAL}
    router = bench.router("VI", *many(3), garp=Garp(master_refresh=10))
    bench.become(router, True)
    bench.loop.sleep(5)
    bench.announcements.defend(router)
    bench.loop.sleep(30.5)
    assert bench.kernel.times("10.1.0.1") == {}
    assert bench.kernel.times("10.1.0.0") == {0: 5, 5: 10, 10: 6, 20: 1, 30: 1}
    assert bench.kernel.times("10.1.0.2") == bench.kernel.times("10.1.0.0")


def test_a_removal_that_is_refused_is_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    router = bench.router("VI")
    bench.become(router, True)
    bench.loop.settle()
    bench.kernel.refused = {"10.9.9.9": errno.EBUSY}
    bench.become(router, False)
    bench.loop.sleep(1.5)
    assert bench.kernel.addresses == {"10.9.9.9"}
    bench.kernel.refused.clear()
    bench.loop.sleep(1)
    assert bench.kernel.addresses == set()
    assert [record.getMessage() for record in caplog.records] == [
        "instance VI: cannot remove 10.9.9.9/24 on a0: the kernel says no (EBUSY)"
    ]


def test_a_retry_is_not_lost_when_something_else_is_under_way(bench: Bench) -> None:
    bench.kernel.refused = {"10.1.0.1": errno.EINVAL}
    router = bench.router("VI", *many(2))
    bench.become(router, True)
    bench.loop.sleep(0.5)
    bench.kernel.refused.clear()
    key = (INDEX, packed("10.1.0.0"), 32)
    bench.kernel.transact([bytearray(router.addresses.additions[0].remove)])
    prepared = router.addresses.find(*key)
    assert prepared is not None
    # The put-back comes in the very turn in which the retry falls due.
    bench.loop.call_later(0.5, lambda: bench.claims.put_back(router, [prepared]))
    bench.loop._later.sort(key=lambda entry: (entry[0], -entry[1]))
    bench.loop.sleep(1)
    assert bench.kernel.addresses == {"10.1.0.0", "10.1.0.1"}


# -- put back, complete


def test_put_back_adds_and_announces_that_address_alone(bench: Bench) -> None:
    router = bench.router("VI", *many(3), garp=Garp(master_refresh=100))
    bench.become(router, True)
    bench.loop.sleep(10)
    prepared = router.addresses.additions[1]
    bench.kernel.transact([bytearray(prepared.remove)])
    for _ in range(2):
        bench.claims.put_back(router, [prepared])
    bench.take_story()
    bench.loop.settle()
    assert bench.take_story() == [("add", "10.1.0.1")] + [("say", "10.1.0.1")] * 5
    bench.loop.sleep(95)
    # One refresh, not one more for each address that was put back.
    assert bench.kernel.times("10.1.0.0") == {0: 5, 5: 5, 100: 1}
    assert bench.kernel.times("10.1.0.1") == {0: 5, 5: 5, 10: 5, 15: 5, 100: 1}


def test_put_back_after_mastership_is_over_does_nothing(bench: Bench) -> None:
    router = bench.router("VI")
    bench.become(router, True)
    bench.loop.settle()
    bench.become(router, False)
    bench.claims.put_back(router, router.addresses.additions[:1])
    bench.loop.sleep(10)
    assert bench.kernel.addresses == set()


def test_an_interface_that_comes_back_gets_its_addresses(bench: Bench) -> None:
    bench.kernel.links["a1"] = link("a1", 3)
    made = instance("VI", "10.9.9.9/24")
    elsewhere = virtual("10.8.8.8/24", "a1")
    router = Router(
        bench.kernel,
        instance("VI", virtual_addresses=(*made.virtual_addresses, elsewhere)),
    )
    bench.become(router, True)
    bench.loop.sleep(60)
    bench.take_story()

    bench.claims.complete(router, "a1")  # all is there
    bench.loop.settle()
    assert bench.take_story() == []

    bench.kernel.links["a1"] = link("a1", 7, up=False)
    router.addresses.retarget("a1", 7)
    bench.claims.complete(router, "a1")
    bench.loop.settle()
    assert bench.take_story() == []  # not before it is up
    bench.kernel.links["a1"].up = True
    bench.claims.complete(router, "a1")
    bench.loop.settle()
    assert bench.take_story() == [("add", "10.8.8.8")] + [("say", "10.8.8.8")] * 5


def test_a_retry_does_not_ask_for_an_interface_that_has_gone(bench: Bench) -> None:
    bench.kernel.refused = {"10.9.9.9": errno.EINVAL}
    router = bench.router("VI")
    bench.become(router, True)
    bench.loop.settle()
    del bench.kernel.links["a0"]
    router.addresses.retarget("a0", None)
    bench.take_story()
    bench.loop.sleep(5)
    assert bench.take_story() == []
    assert bench.loop.pending == 0


# -- IPv6 where the kernel takes long


def test_slow_ipv6_is_the_workers_and_ipv4_goes_on(bench: Bench) -> None:
    slow = bench.router("VI6", *(f"2001:db8::{n:x}/64" for n in range(1, 71)), family=Family.IPV6)
    bench.kernel.seconds_per_message = 0.001
    bench.become(slow, True)
    bench.loop.turn()
    assert (bench.kernel.slices, bench.loop.work) == ([32], None)  # nobody knows yet
    bench.kernel.seconds_per_message = 0.0
    bench.loop.settle()
    work = bench.loop.work
    assert work is not None
    assert bench.kernel.slices == [32]  # the second slice waits for the worker

    quick = bench.router("VI4", "10.1.0.1")
    bench.become(quick, True)
    bench.loop.settle()
    assert "10.1.0.1" in bench.kernel.addresses
    work.finish()
    bench.loop.settle()
    again = bench.loop.work
    assert again is not None and again is not work
    again.finish()
    bench.loop.settle()
    assert bench.kernel.slices == [32, 1, 32, 6]
    assert len(bench.kernel.addresses) == 71
    assert all(bench.kernel.times(f"2001:db8::{n:x}") for n in (1, 33, 70))


def test_a_change_of_mind_waits_for_the_worker(bench: Bench) -> None:
    slow = bench.router("VI6", *(f"2001:db8::{n:x}/64" for n in range(1, 41)), family=Family.IPV6)
    bench.kernel.seconds_per_message = 0.001
    bench.become(slow, True)
    bench.loop.settle()
    work = bench.loop.work
    assert work is not None
    bench.become(slow, False)
    bench.loop.settle()
    assert len(bench.kernel.addresses) == 32
    while bench.loop.work is work or bench.kernel.addresses:
        assert bench.loop.work is not None
        bench.loop.work.finish()
        bench.loop.settle()
    bench.loop.sleep(30)
    assert bench.kernel.addresses == set()
    assert {key[1] for key in bench.kernel.removed} == {packed(f"2001:db8::{n:x}") for n in range(1, 41)}


# -- removing


def test_withdraw_removes_everything_and_forgets(bench: Bench) -> None:
    router = bench.router("VI", *many(70), garp=Garp(master_refresh=1))
    bench.become(router, True)
    for _ in range(3):
        bench.loop.turn()
    bench.kernel.slices.clear()
    asyncio.run(bench.claims.withdraw([router]))
    assert bench.kernel.addresses == set()
    assert bench.kernel.slices == [32, 32, 6]
    bench.take_story()
    router.generation += 1
    bench.loop.sleep(60)
    assert bench.take_story() == []


def test_some_can_be_removed_while_the_rest_stays(bench: Bench) -> None:
    router = bench.router("VI", *many(3))
    bench.become(router, True)
    bench.loop.settle()
    asyncio.run(bench.claims.remove(router, [router.addresses.additions[1]]))
    assert bench.kernel.addresses == {"10.1.0.0", "10.1.0.2"}
    bench.loop.sleep(10)
    assert bench.kernel.times("10.1.0.2") == {0: 5, 5: 5}


def test_leftovers_go_at_the_start_and_nothing_else(bench: Bench) -> None:
    """What somebody before us left is seen on the link; what is not there is not asked for."""
    addresses = bench.kernel.links["a0"].addresses
    for text, length in (("10.1.0.1", 32), ("10.0.0.1", 24), ("10.1.0.2", 24)):
        addresses[4, packed(text), length] = 0
    router = bench.router("VI", *many(3))
    bench.claims.clear(router)
    bench.loop.settle()
    assert bench.take_story() == [("del", "10.1.0.1")]
    assert bench.kernel.addresses == {"10.0.0.1", "10.1.0.2"}  # another length is another address


def test_close_ends_everything(bench: Bench) -> None:
    bench.become(bench.router("VI", *many(70), garp=Garp(master_refresh=1)), True)
    bench.loop.turn()
    bench.claims.close()
    bench.take_story()
    bench.loop.sleep(100)
    assert bench.take_story() == []


# -- routes and rules


ROUTES = tuple(map(parse_route, ("10.5.0.0/16 via 10.9.9.1 dev a0", "10.6.0.0/16 dev a0 no_track")))
RULES = (parse_rule("from 10.5.0.0/16 table 5 preference 7"),)
CARRIED = ("10.5.0.0/16", "10.6.0.0/16", "rule 7")


def carrier(bench: Bench, **more: Any) -> Router:
    return bench.router("VI", "10.9.9.9/24", routes=ROUTES, rules=RULES, **more)


def test_routes_and_rules_follow_the_address_and_go_before_it(bench: Bench) -> None:
    router = carrier(bench)
    bench.become(router, True)
    bench.loop.settle()
    story = [("add", "10.9.9.9"), ("say", "10.9.9.9"), *(("add", each) for each in CARRIED)]
    assert bench.take_story() == [*story, *[("say", "10.9.9.9")] * 4]
    bench.become(router, False)
    bench.loop.settle()
    assert bench.take_story() == [("del", each) for each in (*reversed(CARRIED), "10.9.9.9")]
    assert bench.kernel.slices == [1, 3, 4]


def test_nobodys_address_waits_for_anothers_routes(bench: Bench) -> None:
    bench.become(carrier(bench), True)
    bench.become(bench.router("OTHER", *many(40)), True)
    bench.loop.settle()
    added = [text for what, text in bench.take_story() if what == "add"]
    assert added == ["10.9.9.9", *plain(many(40)), *CARRIED]


def test_routes_without_an_address_are_carried_too(bench: Bench) -> None:
    router = carrier(bench)
    router.addresses.retarget("a0", None)
    bench.become(router, True)
    bench.loop.settle()
    assert bench.kernel.routing == set(CARRIED)


def test_routes_that_were_to_follow_do_not_when_mastership_is_over(bench: Bench) -> None:
    router = carrier(bench)
    bench.become(router, True)
    bench.loop.turn()
    bench.become(router, False)
    bench.loop.sleep(5)
    assert (bench.kernel.addresses, bench.kernel.routing) == (set(), set())


def test_what_is_there_already_is_no_failure_unless_the_route_is_exclusive(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.kernel.routing = {*CARRIED, "10.7.0.0/16"}
    bench.become(carrier(bench), True)
    bench.loop.sleep(3)
    assert caplog.records == []
    exclusive = bench.router("EX", "10.9.9.8/24", routes=(parse_route("10.7.0.0/16 dev a0 add"),))
    bench.become(exclusive, True)
    bench.loop.sleep(3)
    assert [record.getMessage() for record in caplog.records] == [
        "instance EX: cannot add route 10.7.0.0/16 dev a0 add: the kernel says no (EEXIST)"
    ]


def test_a_refused_route_stops_nothing_and_is_tried_again(bench: Bench) -> None:
    bench.kernel.refused = {CARRIED[0]: errno.ENETUNREACH}
    bench.become(carrier(bench), True)
    bench.loop.sleep(2.5)
    assert bench.kernel.routing == set(CARRIED[1:])
    bench.kernel.refused.clear()
    bench.loop.sleep(1)
    assert bench.kernel.routing == set(CARRIED)


def test_an_address_that_is_put_back_brings_its_tracked_routes(bench: Bench) -> None:
    router = carrier(bench)
    bench.become(router, True)
    bench.loop.sleep(10)
    bench.kernel.routing.clear()
    bench.kernel.transact([bytearray(router.addresses.additions[0].remove)])
    bench.claims.put_back(router, router.addresses.additions)
    bench.loop.settle()
    assert bench.kernel.routing == {"10.5.0.0/16", "rule 7"}  # no_track is left alone


def test_a_link_that_comes_back_brings_all_that_goes_over_it(bench: Bench) -> None:
    router = carrier(bench)
    bench.become(router, True)
    bench.loop.sleep(10)
    bench.kernel.routing = {"rule 7"}
    bench.claims.complete(router, "a0")
    bench.loop.settle()
    assert bench.kernel.routing == set(CARRIED)


def test_a_fresh_start_clears_routes_but_a_backup_that_stops_does_not(bench: Bench) -> None:
    router = carrier(bench)
    bench.claims.clear(router)
    bench.loop.settle()
    assert bench.take_story() == [("del", each) for each in reversed(CARRIED)]
    asyncio.run(bench.claims.withdraw([router]))
    assert bench.take_story() == []


def test_routes_that_go_with_a_reload_go_alone(bench: Bench) -> None:
    router = carrier(bench)
    bench.become(router, True)
    bench.loop.sleep(10)
    bench.take_story()
    asyncio.run(bench.claims.remove(router, router.routing.without([*ROUTES[1:], *RULES])))
    assert bench.take_story() == [("del", "10.5.0.0/16")]


def test_whoever_leaves_adds_nothing_more(bench: Bench) -> None:
    """A stop takes several turns; a virtual router that becomes MASTER in one of them carries nothing."""
    routers = [carrier(bench), bench.router("B", *many(70))]

    async def leave() -> None:
        for router in routers:
            bench.become(router, True)
        bench.loop.settle()
        leaving = asyncio.ensure_future(bench.claims.withdraw(routers))
        await asyncio.sleep(0)
        assert bench.kernel.addresses
        for router in routers:
            bench.become(router, True)
        bench.loop.settle()
        await leaving

    asyncio.run(leave())
    assert bench.kernel.addresses == set()
    assert bench.kernel.routing == set()


# -- no_accept


def test_the_shield_is_up_before_the_address_and_down_after_it(bench: Bench) -> None:
    router = carrier(bench, accept=False)
    bench.become(router, True)
    bench.loop.turn()
    assert bench.take_story()[:2] == [("shield", "10.9.9.9"), ("add", "10.9.9.9")]
    bench.become(router, False)
    bench.loop.settle()
    assert bench.take_story()[-2:] == [("del", "10.9.9.9"), ("unshield", "10.9.9.9")]
    bench.become(router, True)
    bench.loop.settle()
    assert bench.shield.held == {("VI", "10.9.9.9")}
    asyncio.run(bench.claims.withdraw([router]))
    assert bench.shield.held == set()


def test_an_owner_accepts_whatever_is_configured(bench: Bench) -> None:
    bench.become(bench.router("VI", accept=False, priority=255), True)
    bench.loop.settle()
    assert bench.shield.held == set()


def test_a_shield_that_fails_is_told_and_the_address_is_there(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.shield.refusal = OSError(errno.EPERM, "not allowed")
    bench.become(bench.router("VI", "10.9.9.9/24", accept=False), True)
    bench.loop.settle()
    assert bench.kernel.addresses == {"10.9.9.9"}
    assert [record.getMessage() for record in caplog.records] == [
        "instance VI: no_accept is not in force: not allowed"
    ]
