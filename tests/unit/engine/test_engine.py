"""The engine on real sockets, links and time."""

import ctypes
import errno
import itertools
import os
import select
import socket
import subprocess
import time
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lab.kit.netns import in_new_namespace, ip
from lab.kit.packets import ETH_IPV4, ETH_IPV6, GROUP4_MAC, GROUP6_MAC, mac_bytes
from lab.kit.waiting import wait_until
from unit.engine.engine_bench import (
    Node,
    Talker,
    Tap,
    address,
    advert,
    linked,
    mac,
    serve,
    serve_for,
)
from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.model import Reason, State

ABSORBS = pytest.mark.parametrize("absorbs", [False, True], ids=["heard", "absorbed"])
FAMILIES = pytest.mark.parametrize("family", [4, 6])
VARIANTS = pytest.mark.parametrize(
    ("family", "version", "interval_cs"), [(4, 2, 100), (4, 3, 10), (6, 3, 10)]
)
INTERVAL_NS = 100_000_000
DOWN_NS = 360_937_500  # priority 100 at 10 cs
SKEW_NS = 60_937_500
LATE_NS = 60_000_000  # two cores, shared with other tests


def ethernet(destination: str, source: str, datagram: bytes) -> bytes:
    kind = ETH_IPV4 if datagram[0] >> 4 == 4 else ETH_IPV6
    return mac_bytes(destination) + mac_bytes(source) + kind.to_bytes(2, "big") + datagram


def timer(node: Node) -> float:
    """What the timerfd has left, in seconds; 0 when it is off."""
    for line in Path(f"/proc/self/fdinfo/{node.engine.timer_fd}").read_text().splitlines():
        if line.startswith("it_value:"):
            seconds, nanoseconds = line.split(":")[1].strip(" ()").split(",")
            return int(seconds) + int(nanoseconds) / 1e9
    raise AssertionError("this is no timerfd")


def set_timer(node: Node, seconds: int) -> None:
    """Set the timerfd behind the engine's back."""
    spec = (ctypes.c_long * 4)(0, 0, seconds, 0)
    assert ctypes.CDLL(None).timerfd_settime(node.engine.timer_fd, 0, ctypes.byref(spec), None) == 0


# -- adverts out


@pytest.mark.lab
@VARIANTS
@in_new_namespace
def test_a_multicast_advert_is_what_was_packed_in_the_right_frame(
    family: int, version: int, interval_cs: int
) -> None:
    place = linked()
    with place:
        tap = Tap("b0")
    node = Node()
    node.start(
        node.add(family=family, version=version, interval_cs=interval_cs, priority=255),
    )
    serve(node, tap, until=lambda: tap.adverts, what="an advert")
    datagram = advert(address("a", 0, family), version=version, interval_cs=interval_cs, priority=255)
    group_mac = GROUP4_MAC if family == 4 else GROUP6_MAC
    assert ethernet(group_mac, mac("a", 0), datagram) in [frame for _, frame in tap.frames]


@pytest.mark.lab
@FAMILIES
@in_new_namespace
def test_a_unicast_advert_goes_to_every_peer_through_the_kernel(family: int) -> None:
    """The kernel finds out the neighbours' addresses; one that does not answer stops nobody."""
    place = linked(2)
    with place:
        taps = [Tap("b0"), Tap("b1")]
    first = address("b", 0, family)
    if family == 4:
        other, silent = address("b", 1), address("b", 0) + 40
    else:  # fe80::2 is on both links; it is heard on the one where the virtual router is
        other, silent = first + 50, first + 40
        with place:
            ip(f"addr add {other}/64 dev b0 nodad")
    node = Node()
    handle = node.add(family=family, priority=255, peers=[silent, first, other])
    node.start(handle)
    source = address("a", 0, family)
    wanted = {
        ethernet(mac("b", 0), mac("a", 0), advert(source, first, priority=255)),
        ethernet(
            mac("b", 1 if family == 4 else 0),
            mac("a", 1 if family == 4 else 0),
            advert(source, other, priority=255),
        ),
    }
    serve(
        node,
        *taps,
        until=lambda: wanted <= {frame for tap in taps for _, frame in tap.frames},
        what="adverts to both peers that are there",
    )
    assert node.counter(handle, "advertisement_sent") < node.engine.health()["datagrams_sent"]


@pytest.mark.lab
@in_new_namespace
def test_gaps_are_one_interval_and_crowds_share_wakeups() -> None:
    """24 virtual routers that start at different times: their adverts leave in 8 phases."""
    place = linked()
    with place:
        tap = Tap("b0")
    node = Node()
    for vrid in range(1, 25):
        node.start(node.add(vrid=vrid, priority=255))
        serve_for(node, tap, seconds=0.004)
    before, began_ns = node.engine.health()["wakeups"], node.engine.now_ns()
    serve_for(node, tap, seconds=0.6)
    intervals = (node.engine.now_ns() - began_ns) / INTERVAL_NS
    assert node.engine.health()["wakeups"] - before <= 9 * intervals
    for vrid in range(1, 25):
        times = [each.time_ns for each in tap.adverts if each.vrid == vrid]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert len(gaps) >= 5
        assert gaps[0] < INTERVAL_NS + LATE_NS  # the second advert may be early, never late
        assert all(abs(gap - INTERVAL_NS) < LATE_NS for gap in gaps[1:])
        assert abs(times[-1] - times[1] - (len(times) - 2) * INTERVAL_NS) < LATE_NS


@pytest.mark.lab
@pytest.mark.parametrize("how", ["down", "deleted"])
@in_new_namespace
def test_a_link_that_fails_does_not_stop_the_others(how: str) -> None:
    place = linked(3)
    with place:
        taps = [Tap("b0"), Tap("b2")]
    node = Node()
    handles = [node.add(link, priority=255) for link in range(3)]
    node.start(*handles)
    serve(node, *taps, until=lambda: all(tap.adverts for tap in taps))
    ip("link set a1 down" if how == "down" else "link del a1")
    for tap in taps:
        tap.forget()
    failed = node.engine.health()["send_failed"]
    serve(node, *taps, until=lambda: all(len(tap.adverts) >= 3 for tap in taps), what="adverts of the others")
    health = node.engine.health()
    assert health["send_failed"] >= failed + 2
    assert health["send_errno"] == (errno.ENETDOWN if how == "down" else errno.ENXIO)
    assert health["send_dropped"] == 0


def slow_down(device: str, limit: str) -> None:
    """A queue of `limit` bytes that lets some 1000 bytes a second go."""
    subprocess.run(
        [
            "tc",
            "qdisc",
            "add",
            "dev",
            device,
            "root",
            "tbf",
            "rate",
            "8kbit",
            "burst",
            "100",
            "limit",
            limit,
        ],
        check=True,
    )


@pytest.mark.lab
@pytest.mark.parametrize("full", ["queue", "socket"])
@in_new_namespace
def test_what_the_kernel_has_no_room_for_is_dropped_and_counted(full: str) -> None:
    """A full queue of one link costs nobody else an advert; a full socket is no reason to wait either."""
    place = linked(2)
    slow_down("a0", "300" if full == "queue" else "100000")
    with place:
        tap = Tap("b1")
    node = Node()
    if full == "socket":
        node.sockets.packet.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    handles = [node.add(0, vrid=vrid, priority=255) for vrid in range(1, 31)]
    other = node.add(1, priority=255)
    node.start(*handles[:15], other, *handles[15:])
    if full == "queue":
        serve(node, tap, until=lambda: len(tap.adverts) >= 4, what="adverts on the other link")
    else:
        serve_for(node, tap, seconds=0.3)
    health = node.engine.health()
    assert health["send_dropped"] > 10
    assert health["send_failed"] == 0
    ip("link set a0 down", "link set a0 up")  # empties the queue
    subprocess.run(["tc", "qdisc", "del", "dev", "a0", "root"], check=True)
    serve_for(node, tap, seconds=0.02)
    tap.forget()
    dropped = node.engine.health()["send_dropped"]
    serve(node, tap, until=lambda: len(tap.adverts) >= 3, what="adverts once there is room")
    assert node.engine.health()["send_dropped"] == dropped


@pytest.mark.lab
@VARIANTS
@in_new_namespace
def test_set_priority_is_on_the_wire_with_a_right_checksum(
    family: int, version: int, interval_cs: int
) -> None:
    place = linked()
    with place:
        tap = Tap("b0")
    node = Node()
    handle = node.add(family=family, version=version, interval_cs=interval_cs, priority=255)
    node.start(handle)
    for priority in (102, 1) if version == 3 else (102,):
        node.engine.set_priority(handle, priority, node.engine.now_ns())
        tap.forget()
        serve(node, tap, until=lambda: tap.adverts, what="an advert")
        seen = tap.adverts[0]
        assert seen.priority == priority
        assert seen.checksum_forms == {"message" if version == 2 else "pseudo"}
    node.engine.stop(handle, node.engine.now_ns(), State.INIT, Reason.SHUTDOWN)
    tap.forget()
    node.engine.settle()
    serve(node, tap, until=lambda: tap.adverts, what="the release")
    assert tap.adverts[0].priority == 0
    assert tap.adverts[0].checksum_forms == {"message" if version == 2 else "pseudo"}


@pytest.mark.lab
@in_new_namespace
def test_equip_changes_what_is_sent() -> None:
    place = linked()
    with place:
        tap = Tap("b0")
    node = Node()
    handle = node.add(priority=255)
    node.start(handle)
    serve(node, tap, until=lambda: tap.adverts)
    node.engine.equip(handle, [advert(IPv4Address("10.0.0.77"), priority=255)])
    tap.forget()
    serve(node, tap, until=lambda: tap.adverts)
    assert str(tap.adverts[0].source) == "10.0.0.77"
    with pytest.raises(ValueError, match="one length"):
        node.engine.equip(handle, [advert(address("a", 0)), advert(address("a", 0)) + b"x"])
    tap.forget()
    serve(node, tap, until=lambda: tap.adverts)
    assert str(tap.adverts[0].source) == "10.0.0.77"


@pytest.mark.lab
@in_new_namespace
def test_remove_lets_the_release_out_first_and_frees_the_handle() -> None:
    place = linked()
    with place:
        tap = Tap("b0")
    node = Node()
    handle = node.add(priority=255)
    node.start(handle)
    serve(node, tap, until=lambda: tap.adverts)
    node.engine.stop(handle, node.engine.now_ns(), State.INIT, Reason.SHUTDOWN)
    node.engine.remove(handle)
    serve(node, tap, until=lambda: tap.adverts[-1].priority == 0, what="the release")
    tap.forget()
    # Its successor must not speak with its voice.
    again = node.add(vrid=52, priority=255, equip=False)
    assert again == handle
    node.start(again)
    serve_for(node, tap, seconds=0.25)
    assert tap.adverts == []
    node.engine.equip(again, [advert(address("a", 0), vrid=52, priority=255)])
    serve(node, tap, until=lambda: tap.adverts)
    assert {each.vrid for each in tap.adverts} == {52}
    with pytest.raises(IndexError):
        node.engine.remove(handle + 1)


# -- two routers


@pytest.mark.lab
@FAMILIES
@ABSORBS
@in_new_namespace
def test_two_engines_elect_release_and_take_over(family: int, absorbs: bool) -> None:
    place = linked()
    low, high = Node(absorbs=absorbs), Node(place, absorbs=absorbs)
    one, other = low.add(family=family, priority=100), high.add(family=family, priority=200)
    low.start(one)
    high.start(other)
    serve(low, high, until=lambda: high.state(other) is State.MASTER)
    serve_for(low, high, seconds=0.25 if not absorbs else 2 * DOWN_NS / 1e9)
    assert low.state(one) is State.BACKUP
    # Nobody wakes for what is absorbed, but it is counted, and it is what keeps the master alive.
    sent = high.engine.health()["datagrams_sent"]
    serve(low, until=lambda: low.counter(one, "advertisement_rcvd") == sent, what="all are counted")
    assert low.engine.health()["datagrams_received"] == (1 if absorbs else sent)
    assert str(low.engine.snapshot(one).master_address) == str(address("b", 0, family))

    released_ns = high.engine.now_ns()
    high.engine.stop(other, released_ns, State.INIT, Reason.SHUTDOWN)
    high.engine.settle()
    serve(low, high, until=lambda: low.state(one) is State.MASTER)
    event = low.engine.drain(10)[-1]
    assert event.reason is Reason.RESIGNED
    assert SKEW_NS <= event.at_ns - released_ns < SKEW_NS + LATE_NS

    high.start(other)
    serve(low, high, until=lambda: high.state(other) is State.MASTER and low.state(one) is State.BACKUP)
    event = low.engine.drain(10)[-1]
    assert (event.reason, event.master_priority) == (Reason.HIGHER_PRIORITY, 200)

    serve_for(low, high, seconds=0.15)
    died_ns = low.engine.now_ns()
    serve(low, until=lambda: low.state(one) is State.MASTER)
    event = low.engine.drain(10)[-1]
    assert event.reason is Reason.NO_ADVERT
    assert event.down_interval_ns == DOWN_NS
    assert DOWN_NS <= event.silence_ns < DOWN_NS + LATE_NS
    assert DOWN_NS - INTERVAL_NS - LATE_NS < event.at_ns - died_ns < DOWN_NS + LATE_NS


@pytest.mark.lab
@in_new_namespace
def test_a_loser_is_told_off_and_the_master_hears_of_it() -> None:
    place = linked()
    node = Node()
    with place:
        tap, talker = Tap("b0"), Talker()
    handle = node.add(priority=255)
    node.start(handle)
    node.engine.drain(10)
    serve_for(node, tap, seconds=0.12)
    hooks, sent = node.hooks, node.counter(handle, "advertisement_sent")
    talker.say("b0", advert(address("b", 0), priority=50))
    wait_until(lambda: select.select([node.sockets.receive4], [], [], 0)[0], 2, "the advert is there")
    node.engine.on_readable4()
    assert node.counter(handle, "advertisement_sent") == sent + 1
    assert node.hooks == hooks + 1
    assert node.engine.take_challenged() == [handle]


# -- the hook


def deaf_and_mute() -> tuple[Engine, list[int]]:
    """An engine without sockets."""
    hooks: list[int] = []
    engine = Engine(lambda: hooks.append(1), receive4=-1, receive6=-1, packet=-1, unicast4=-1, unicast6=-1)
    return engine, hooks


def put(engine: Engine, vrid: int, priority: int = 255) -> int:
    return engine.add(
        ifindex=1,
        family=4,
        vrid=vrid,
        version=3,
        priority=priority,
        advert_int_cs=10,
        addresses=[bytes((10, 9, 9, 9))],
    )


def test_the_hook_is_called_once_until_somebody_drains() -> None:
    engine, hooks = deaf_and_mute()
    engine.settle()
    assert hooks == []
    for vrid in (1, 2, 3):
        engine.start(put(engine, vrid), engine.now_ns())
        engine.settle()
    assert len(hooks) == 1
    assert len(engine.drain(2)) == 2
    engine.on_timer()
    assert len(hooks) == 2  # there is one more
    assert len(engine.drain(2)) == 1
    engine.on_timer()
    assert len(hooks) == 2


def test_an_engine_without_sockets_serves_its_timer() -> None:
    engine, _ = deaf_and_mute()
    handle = put(engine, 1, priority=100)
    engine.start(handle, engine.now_ns() - DOWN_NS)
    engine.settle()
    engine.on_readable4()
    engine.on_readable6()
    assert select.select([engine.timer_fd], [], [], 2)[0]
    engine.on_timer()
    assert engine.snapshot(handle).state is State.MASTER
    assert engine.health()["datagrams_received"] == 0


def test_a_late_tick_is_told_once() -> None:
    engine, hooks = deaf_and_mute()
    handle = put(engine, 1, priority=100)
    begin_ns = engine.now_ns() - DOWN_NS + 20_000_000
    engine.start(handle, begin_ns)
    engine.settle()
    engine.drain(10)
    assert engine.take_late() is None
    assert select.select([engine.timer_fd], [], [], 2)[0]
    time.sleep(0.02)
    called_ns = engine.now_ns()
    engine.on_timer()
    assert engine.snapshot(handle).state is State.MASTER
    late = engine.take_late()
    assert late is not None
    late_ns, at_ns = late
    assert 20_000_000 <= late_ns <= at_ns - begin_ns
    assert called_ns <= at_ns <= engine.now_ns()
    assert engine.take_late() is None
    ((bound_ns, count),) = engine.lateness_ns().items()
    assert count == 1
    assert bound_ns // 2 <= late_ns < bound_ns
    assert len(hooks) == 2


# -- adverts in


@in_new_namespace
def test_a_stream_of_packets_is_read_on_the_tick() -> None:
    place = linked()
    node = Node()
    with place:
        talker = Talker()
    engine, ear = node.engine, node.sockets.receive4
    handle = node.add(priority=100)
    node.start(handle)

    def say() -> None:
        talker.say("b0", advert(address("b", 0), priority=200))

    def received() -> int:
        return engine.snapshot(handle).statistics["advertisement_rcvd"]

    for _ in range(100_000):  # it takes a tenth of a second to make up its mind
        say()
        assert select.select([ear], [], [], 2)[0]
        engine.on_readable4()
        if engine.take_polling():
            break
    assert engine.health()["polling"] == 1

    # Nobody watches the socket any more; the timer comes all the same, and hears what waits there.
    before = received()
    say()
    for _ in range(100):
        assert select.select([engine.timer_fd], [], [], 2)[0]
        engine.on_timer()
        if received() > before:
            break
    assert received() == before + 1
    assert engine.snapshot(handle).state is State.BACKUP

    for _ in range(1000):  # silence: it wants to be woken again
        if not engine.take_polling():
            break
        assert select.select([engine.timer_fd], [], [], 2)[0]
        engine.on_timer()
    assert engine.health()["polling"] == 0


def flood(node: Node, talker: Talker, routers: dict[tuple[int, int], int]) -> None:
    """An advert for each virtual router, and wait until the last one is in the socket."""
    for link, vrid in routers:
        talker.say(f"b{link}", advert(address("b", link), vrid=vrid, priority=200))


@pytest.mark.lab
@in_new_namespace
def test_batches_are_bounded_on_readable_and_emptied_on_the_timer() -> None:
    place = linked(3)
    node = Node()
    with place:
        talker = Talker()
    routers = {(link, vrid): node.add(link, vrid=vrid) for link in range(3) for vrid in range(1, 236)}
    node.start(*routers.values())
    flood(node, talker, routers)

    def received() -> int:
        return node.engine.health()["datagrams_received"]

    node.engine.on_readable4()
    assert received() == 512
    node.engine.on_readable4()
    assert received() == len(routers) == 705
    assert all(node.counter(handle, "advertisement_rcvd") == 1 for handle in routers.values())
    flood(node, talker, routers)
    node.engine.on_timer()
    assert received() == 2 * 705
    assert all(node.counter(handle, "advertisement_rcvd") == 2 for handle in routers.values())


@pytest.mark.lab
@in_new_namespace
def test_hop_limit_destination_and_interface_of_ipv6_reach_the_judge() -> None:
    place = linked(2)
    node = Node()
    with place:
        talker = Talker()
    handle, elsewhere = node.add(0, family=6), node.add(1, family=6)
    node.start(handle, elsewhere)
    source = address("b", 0, 6)

    def hear(datagram: bytes, to: str | None = None) -> dict[str, int]:
        """The counters that one advert moves."""
        before = node.engine.snapshot(handle).statistics
        received = node.engine.health()["datagrams_received"]
        talker.say("b0", datagram, to)
        serve(node, until=lambda: node.engine.health()["datagrams_received"] > received, what="it is heard")
        after = node.engine.snapshot(handle).statistics
        return {name: after[name] - before[name] for name in after if after[name] != before[name]}

    assert hear(advert(source, priority=200)) == {"advertisement_rcvd": 1}
    assert hear(advert(source, priority=200, ttl=254)) == {"ip_ttl_errors": 1}
    to_us = advert(source, address("a", 0, 6), priority=200)  # well formed, but to us alone
    assert hear(to_us, mac("a", 0)) == {"peer_errors": 1}
    assert str(node.engine.snapshot(handle).master_address) == str(source)
    assert node.counter(elsewhere, "advertisement_rcvd") == 0


@pytest.mark.lab
@FAMILIES
@in_new_namespace
def test_only_joined_groups_are_heard_and_foreign_vrids_are_nobodys(family: int) -> None:
    place = linked(2)
    node = Node()
    with place:
        talker = Talker()
    handle = node.add(0, family=family)
    node.start(handle)
    talker.say("b1", advert(address("b", 1, family)))
    talker.say("b0", advert(address("b", 0, family), vrid=99))
    serve(node, until=lambda: node.engine.unattributed()["vrid_errors"])
    assert node.engine.health()["datagrams_received"] == 1


# -- time


def heard(node: Node, count: int) -> bool:
    return node.engine.health()["datagrams_received"] == count


@pytest.mark.lab
@in_new_namespace
def test_the_timer_is_set_only_when_the_deadline_is_another() -> None:
    place = linked()
    node = Node()
    with place:
        talker = Talker()
    assert timer(node) == 0
    handle = node.add(interval_cs=500)
    node.start(handle)
    assert 12 < timer(node) <= 19  # it looks at the last whole interval before its deadline

    # Adverts only move `last_seen`: the timer stays as it is, whatever it is.
    set_timer(node, 999)
    for count in (1, 2, 3):
        talker.say("b0", advert(address("b", 0), priority=200, interval_cs=500))
        serve(node, until=partial(heard, node, count))
    node.engine.settle()
    assert 990 < timer(node) <= 999

    sooner = node.add(vrid=52, interval_cs=100)
    node.start(sooner)
    assert 2.6 < timer(node) <= 3.7
    node.engine.remove(sooner)
    node.engine.settle()
    assert 0 < timer(node) <= 19  # a cancelled deadline may cost one wake-up, no more
    node.engine.stop(handle, node.engine.now_ns(), State.FAULT, Reason.INTERFACE_DOWN)
    node.engine.settle()
    assert timer(node) == 0


@pytest.mark.lab
@in_new_namespace
def test_many_adverts_and_few_wakeups_of_a_backup() -> None:
    """20 virtual routers hear 10 adverts a second each; each timer looks once per down interval."""
    place = linked()
    low, high = Node(), Node(place)
    low.start(*(low.add(vrid=vrid) for vrid in range(1, 21)))
    high.start(*(high.add(vrid=vrid, priority=255) for vrid in range(1, 21)))
    serve_for(low, high, seconds=0.8)
    health = low.engine.health()
    assert health["datagrams_received"] >= 100
    assert health["wakeups"] <= 3 + 20 * 800_000_000 // DOWN_NS


@pytest.mark.lab
@pytest.mark.parametrize("timer_first", [True, False])
@ABSORBS
@in_new_namespace
def test_a_stall_is_no_reason_to_take_over(timer_first: bool, absorbs: bool) -> None:
    """Nobody serves the engine for longer than the down interval: what came meanwhile counts first."""
    place = linked()
    low, high = Node(absorbs=absorbs), Node(place)
    handles = [low.add(vrid=vrid) for vrid in range(1, 41)]
    low.start(*handles)
    high.start(*(high.add(vrid=vrid, priority=255) for vrid in range(1, 41)))
    serve(low, high, until=lambda: low.engine.health()["datagrams_received"] >= 40)
    serve_for(high, seconds=(DOWN_NS + 2 * INTERVAL_NS) / 1e9)
    assert select.select([low.engine.timer_fd], [], [], 0)[0]
    stalled_ns = low.engine.now_ns()
    for call in (low.engine.on_timer, low.engine.on_readable4)[:: 1 if timer_first else -1]:
        call()
    assert {low.state(handle) for handle in handles} == {State.BACKUP}
    sent = high.engine.health()["datagrams_sent"]
    serve(
        low,
        until=lambda: sum(low.counter(handle, "advertisement_rcvd") for handle in handles) == sent,
        what="nothing is lost",
    )
    # From now on the master is dead, and that is noticed in time.
    serve(low, until=lambda: low.state(handles[0]) is State.MASTER)
    assert low.engine.now_ns() - stalled_ns < DOWN_NS + LATE_NS


@pytest.mark.lab
@in_new_namespace
def test_what_is_new_is_never_absorbed() -> None:
    """Another priority, priority 0, another sender: each is heard at once although its master is steady."""
    place = linked()
    low, high = Node(absorbs=True), Node(place)
    one, other = low.add(priority=100), high.add(priority=200)
    low.start(one)
    high.start(other)
    serve(low, high, until=lambda: high.counter(other, "advertisement_sent") >= 4)
    assert low.engine.health()["datagrams_received"] == 1
    high.engine.set_priority(other, 150, high.engine.now_ns())
    serve(low, high, until=lambda: low.engine.snapshot(one).master_priority == 150)
    high.engine.set_priority(other, 90, high.engine.now_ns())
    serve(low, high, until=lambda: low.state(one) is State.MASTER)
    assert low.engine.drain(10)[-1].reason is Reason.PREEMPT
    high.engine.set_priority(other, 200, high.engine.now_ns())
    serve(low, high, until=lambda: low.state(one) is State.BACKUP)
    serve(low, high, until=lambda: low.engine.snapshot(one).master_priority == 200)
    high.engine.stop(other, high.engine.now_ns(), State.INIT, Reason.SHUTDOWN)
    high.engine.settle()
    serve(low, high, until=lambda: low.state(one) is State.MASTER)
    assert low.engine.drain(10)[-1].reason is Reason.RESIGNED


@pytest.mark.lab
@in_new_namespace
def test_a_successor_inherits_nothing_of_the_filter() -> None:
    """Same handle, another virtual router: neither counts nor last_seen of its predecessor are its own."""
    place = linked()
    low, high = Node(absorbs=True), Node(place)
    one, other = low.add(vrid=51), high.add(vrid=51, priority=200)
    low.start(one)
    high.start(other)
    serve(low, high, until=lambda: low.counter(one, "advertisement_rcvd") >= 4)
    low.engine.remove(one)
    again = low.add(vrid=52)
    assert again == one
    started_ns = low.engine.now_ns()
    low.start(again)
    serve(low, high, until=lambda: low.state(again) is State.MASTER)
    event = low.engine.drain(10)[-1]
    assert DOWN_NS <= event.at_ns - started_ns < DOWN_NS + LATE_NS
    assert event.silence_ns == -1
    assert low.counter(again, "advertisement_rcvd") == 0
    assert low.engine.unattributed()["vrid_errors"] > 0  # 51 is heard again, and nobody's


@pytest.mark.lab
@in_new_namespace
def test_the_filter_grows_with_its_routers_and_their_adverts() -> None:
    place = linked()
    low, high = Node(absorbs=True), Node(place)
    crowd = [low.add(vrid=vrid) for vrid in range(1, 101)]
    low.start(*crowd)
    high.start(*(high.add(vrid=vrid, priority=255) for vrid in range(1, 101)))
    assert low.engine.has_filter
    serve(low, high, until=lambda: all(low.counter(handle, "advertisement_rcvd") >= 5 for handle in crowd))
    assert low.engine.filter_loss is None
    assert low.engine.health()["datagrams_received"] == 100
    assert {low.state(handle) for handle in crowd} == {State.BACKUP}


@pytest.mark.lab
@in_new_namespace
def test_thousands_are_heard_before_the_last_of_their_timers_fires() -> None:
    """After a stall there is one advert at least for each virtual router, however many there are."""
    links = 20
    place = linked(links)
    node = Node()
    with place:
        talker = Talker()
    routers = {(link, vrid): node.add(link, vrid=vrid) for link in range(links) for vrid in range(1, 256)}
    assert len(routers) > 4096
    overdue_ns = node.engine.now_ns() - 10 * DOWN_NS
    for handle in routers.values():
        node.engine.start(handle, overdue_ns)
    flood(node, talker, routers)
    node.engine.on_timer()
    assert node.engine.health()["datagrams_received"] == len(routers)
    assert {node.state(handle) for handle in routers.values()} == {State.BACKUP}


def test_the_clock_is_the_monotonic_one() -> None:
    before = time.monotonic_ns()
    assert before <= Engine.now_ns() <= time.monotonic_ns()


def test_descriptors_are_closed_with_the_engine() -> None:
    engine, _ = deaf_and_mute()
    fd = engine.timer_fd
    os.fstat(fd)
    del engine
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
