"""Claims against a kernel, a wire and a loop that are all made up: the order of things is what is tested."""

import asyncio
import errno
import heapq
import itertools
import logging
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

import pytest

from unit.samples import MAC, instance, link, packed, virtual
from vrrpd_fast.claims import FRAMES_PER_SLICE, FULL_SECONDS, RETRY_SECONDS, Claims
from vrrpd_fast.holds import Holds
from vrrpd_fast.model import Family, Garp, Instance
from vrrpd_fast.net import rtnl
from vrrpd_fast.net.arp import announcement
from vrrpd_fast.net.links import Link
from vrrpd_fast.net.messages import Key, parse_address
from vrrpd_fast.net.netlink import MESSAGES_PER_SEND, NetlinkError
from vrrpd_fast.net.vips import PreparedAddresses

INDEX = 2


class Handle:
    def __init__(self, when: float, action: Callable[[], None]) -> None:
        self.when = when
        self.action = action
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Work:
    """What was given to the worker thread, done when the test says so."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._callbacks: list[Callable[[Work], None]] = []

    def add_done_callback(self, callback: Callable[["Work"], None]) -> None:
        self._callbacks.append(callback)

    def finish(self) -> None:
        self._result = self._work()
        for callback in self._callbacks:
            callback(self)

    def result(self) -> Any:
        return self._result


class Loop:
    """call_soon, call_later and a clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._soon: list[Handle] = []
        self._later: list[tuple[float, int, Handle]] = []
        self._number = itertools.count()
        self.work: Work | None = None

    def time(self) -> float:
        return self.now

    def call_soon(self, action: Callable[[], None]) -> Handle:
        self._soon.append(Handle(self.now, action))
        return self._soon[-1]

    def call_later(self, seconds: float, action: Callable[[], None]) -> Handle:
        handle = Handle(self.now + seconds, action)
        heapq.heappush(self._later, (handle.when, next(self._number), handle))
        return handle

    def run_in_executor(self, executor: object, work: Callable[..., Any], *arguments: object) -> "Work":
        self.work = Work(lambda: work(*arguments))
        return self.work

    def turn(self) -> bool:
        """One turn: what was called soon. False when there was nothing."""
        soon, self._soon = self._soon, []
        for handle in soon:
            if not handle.is_cancelled:
                handle.action()
        return bool(soon)

    def settle(self) -> None:
        while self.turn():
            pass

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        self.settle()
        while self._later and self._later[0][0] <= until:
            self.now, _, handle = heapq.heappop(self._later)
            if not handle.is_cancelled:
                handle.action()
            self.settle()
        self.now = until

    @property
    def pending(self) -> int:
        return sum(not handle.is_cancelled for _, _, handle in self._later)


class Kernel:
    """Netlink, FrameSender and the monitor's picture of links in one; `story` is what happened, in order."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.links: dict[str, Link] = {"a0": link(index=INDEX)}
        self.refused: dict[str, int] = {}  # address -> errno
        self.room = 10**9  # frames that the kernel takes yet
        self.story: list[tuple[str, str]] = []
        self.slices: list[int] = []
        self.frame_slices: list[int] = []
        self.sent: list[tuple[float, str]] = []
        self.removed: list[Key] = []
        self.seconds_per_message = 0.0

    def transact(self, messages: Sequence[bytearray]) -> list[NetlinkError]:
        errors = []
        self.slices.append(len(messages))
        for index, message in enumerate(messages):
            kind = rtnl.HEADER.unpack_from(message)[1]
            self.loop.now += self.seconds_per_message
            parsed = parse_address(message, rtnl.HEADER.size, len(message))
            assert parsed is not None
            (ifindex, packed, length), _, _ = parsed
            key = (4 if len(packed) == 4 else 6, packed, length)
            addresses = next((each.addresses for each in self.links.values() if each.index == ifindex), None)
            text = str(ip_address(packed))
            self.story.append(("add" if kind == rtnl.RTM_NEWADDR else "del", text))
            number = self.refused.get(text, 0)
            if addresses is None:
                number = errno.ENODEV
            elif kind == rtnl.RTM_DELADDR and key not in addresses:
                number = errno.EADDRNOTAVAIL
            if number:
                errors.append(NetlinkError(index, number, "the kernel says no"))
            elif addresses is not None and kind == rtnl.RTM_NEWADDR:
                addresses[key] = 0
            elif addresses is not None:
                del addresses[key]
        return errors

    def send(self, frames: Sequence[tuple[int, bytes]]) -> int:
        self.frame_slices.append(len(frames))
        taken = frames[: self.room]
        self.room -= len(taken)
        for ifindex, frame in taken:
            assert ifindex in {each.index for each in self.links.values()}
            text = self._text(frame)
            self.story.append(("say", text))
            self.sent.append((self.loop.now, text))
        return len(taken)

    def _text(self, frame: bytes) -> str:
        packed = frame[28:32] if frame[12:14] == b"\x08\x06" else frame[22:38]
        address = ip_address(packed)
        assert frame == announcement(address, MAC)
        return str(address)

    @property
    def addresses(self) -> set[str]:
        return {str(ip_address(packed)) for each in self.links.values() for _, packed, _ in each.addresses}

    def times(self, text: str) -> dict[float, int]:
        """Seconds since the start -> how often an address was announced then."""
        found: dict[float, int] = {}
        for at, said in self.sent:
            if said == text:
                found[at - 1000] = found.get(at - 1000, 0) + 1
        return found


class Router:
    """As much of a virtual router as claims ask for."""

    def __init__(self, kernel: Kernel, made: Instance) -> None:
        self.instance = made
        self.generation = 0
        self.is_master = False
        self.addresses = PreparedAddresses(
            made.all_addresses, lambda name: kernel.links[name].index if name in kernel.links else None
        )

    @property
    def name(self) -> str:
        return self.instance.name


class Bench:
    def __init__(self) -> None:
        self.loop = Loop()
        self.kernel = Kernel(self.loop)
        self.claims = Claims(
            self.loop,  # type: ignore[arg-type]
            self.kernel,  # type: ignore[arg-type]
            self.kernel,  # type: ignore[arg-type]
            self.kernel,  # type: ignore[arg-type]
            self.kernel.links.get,
            lambda *key: self.kernel.removed.append(key),
            Holds(),
        )

    def router(self, name: str, *addresses: str, **more: Any) -> Router:
        return Router(self.kernel, instance(name, *addresses, **more))

    def become(self, router: Router, is_master: bool) -> None:
        router.is_master = is_master
        router.generation += 1
        self.claims.follow(router)

    def take_story(self) -> list[tuple[str, str]]:
        story, self.kernel.story[:] = list(self.kernel.story), []
        return story


def many(count: int, net: int = 1) -> list[str]:
    return [f"10.{net}.{n >> 8}.{n & 255}/32" for n in range(count)]


def plain(texts: Sequence[str]) -> list[str]:
    return [text.partition("/")[0] for text in texts]


@pytest.fixture
def bench() -> Bench:
    return Bench()


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
    bench.claims.defend(router)
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
    bench.loop.call_later(0.5, lambda: bench.claims.put_back(router, prepared))
    bench.loop._later.sort(key=lambda entry: (entry[0], -entry[1]))
    bench.loop.sleep(1)
    assert bench.kernel.addresses == {"10.1.0.0", "10.1.0.1"}


# -- put back, complete, defend


def test_put_back_adds_and_announces_that_address_alone(bench: Bench) -> None:
    router = bench.router("VI", *many(3), garp=Garp(master_refresh=100))
    bench.become(router, True)
    bench.loop.sleep(10)
    prepared = router.addresses.additions[1]
    bench.kernel.transact([bytearray(prepared.remove)])
    for _ in range(2):
        bench.claims.put_back(router, prepared)
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
    bench.claims.put_back(router, router.addresses.additions[0])
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

    bench.claims.complete(router)  # all is there
    bench.loop.settle()
    assert bench.take_story() == []

    bench.kernel.links["a1"] = link("a1", 7, up=False)
    router.addresses.retarget("a1", 7)
    bench.claims.complete(router)
    bench.loop.settle()
    assert bench.take_story() == []  # not before it is up
    bench.kernel.links["a1"].up = True
    bench.claims.complete(router)
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


def test_losers_are_answered_at_most_so_often(bench: Bench) -> None:
    """A flood of lower-priority adverts: 5 at once, 5 after the delay, and the next only then."""
    router = bench.router("VI")
    bench.become(router, True)
    bench.loop.sleep(100)
    for _ in range(1000):
        bench.claims.defend(router)
    bench.loop.sleep(4.9)
    for _ in range(1000):
        bench.claims.defend(router)
    bench.loop.sleep(0.05)
    since = {at: count for at, count in bench.kernel.times("10.9.9.9").items() if at >= 100}
    assert since == {100: 5}
    bench.loop.sleep(100)
    since = {at: count for at, count in bench.kernel.times("10.9.9.9").items() if at >= 100}
    assert since == {100: 5, 105: 5}
    bench.claims.defend(router)
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
        bench.claims.defend(router)
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


def test_remove_now_can_take_some_only(bench: Bench) -> None:
    router = bench.router("VI", *many(3))
    bench.become(router, True)
    bench.loop.settle()
    bench.claims.remove_now(router, [router.addresses.additions[1]])
    assert bench.kernel.addresses == {"10.1.0.0", "10.1.0.2"}
    bench.loop.sleep(10)
    assert bench.kernel.times("10.1.0.2") == {0: 5, 5: 5}


def test_leftovers_go_at_the_start_and_nothing_else(bench: Bench) -> None:
    """What somebody before us left is seen on the link; what is not there is not asked for."""
    addresses = bench.kernel.links["a0"].addresses
    for text, length in (("10.1.0.1", 32), ("10.0.0.1", 24), ("10.1.0.2", 24)):
        addresses[4, packed(text), length] = 0
    router = bench.router("VI", *many(3))
    bench.claims.follow(router)
    bench.loop.settle()
    assert bench.take_story() == [("del", "10.1.0.1")]
    assert bench.kernel.addresses == {"10.0.0.1", "10.1.0.2"}  # another length is another address


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
    bench.become(bench.router("VI", *many(70), garp=Garp(master_refresh=1)), True)
    bench.loop.turn()
    bench.claims.close()
    bench.take_story()
    bench.loop.sleep(100)
    assert bench.take_story() == []
