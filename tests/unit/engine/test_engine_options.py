"""Options of keepalived on real sockets: last words, long adverts, a VRID that several share."""

import socket

import pytest

from lab.kit.netns import in_new_namespace, ip
from unit.engine.engine_bench import Node, Talker, Tap, address, advert, group, linked, mac, serve, vip
from unit.engine.test_steady import needs_bpf
from vrrpd_fast.engine import wire
from vrrpd_fast.model import State

FAMILIES = pytest.mark.parametrize("family", [4, 6])
SLOW_CS = 1000  # nobody becomes master meanwhile


@pytest.mark.lab
@FAMILIES
@in_new_namespace
def test_a_last_word_leaves_before_the_silence(family: int) -> None:
    place = linked()
    with place:
        tap, talker = Tap("b0"), Talker()
    node = Node()
    handle = node.add(family=family, priority=200, higher_prio_send_advert=True)
    node.start(handle)
    serve(node, tap, until=lambda: node.state(handle) is State.MASTER and tap.adverts)
    sent = node.counter(handle, "advertisement_sent")
    talker.say("b0", advert(address("b", 0, family), priority=250))
    serve(node, tap, until=lambda: node.state(handle) is State.BACKUP)
    assert node.counter(handle, "advertisement_sent") == sent + 1
    serve(node, tap, until=lambda: len(tap.adverts) >= sent + 1)
    assert tap.adverts[-1].priority == 200


@pytest.mark.lab
@FAMILIES
@pytest.mark.parametrize("count", [1, 14, 15, 60, 61, 62, 255])
@in_new_namespace
def test_adverts_of_every_length_are_heard_whole(family: int, count: int) -> None:
    """Also those that do not fit the first part of the buffer, or an MTU."""
    place = linked()
    ip("link set a0 mtu 5000")
    with place:
        ip("link set b0 mtu 5000")
        talker = Talker()
    node = Node()
    first = vip(family)
    addresses = [(first + each).packed for each in range(count)]
    handle = node.add(family=family, interval_cs=SLOW_CS, equip=False)
    node.engine.change(
        handle,
        node.engine.now_ns(),
        priority=100,
        advert_int_cs=SLOW_CS,
        addresses=addresses,
        check_addresses=True,
    )
    node.start(handle)
    datagram = wire.pack_advert(
        family=family,
        version=3,
        vrid=51,
        priority=200,
        interval_cs=SLOW_CS,
        addresses=addresses,
        source=address("b", 0, family).packed,
        destination=group(family).packed,
    )
    talker.say("b0", datagram)
    talker.say("b0", datagram)
    serve(node, until=lambda: node.engine.health()["datagrams_received"] == 2)
    assert node.counter(handle, "advertisement_rcvd") == 2


@pytest.mark.lab
@needs_bpf
@in_new_namespace
def test_who_shares_a_vrid_is_heard_without_the_kernel_filter() -> None:
    """The filter knows one virtual router for a VRID on a link; with two there is none, then again one."""
    place = linked()
    with place:
        talker = Talker()
    node = Node(absorbs=True)
    ours, theirs = address("a", 0), address("b", 0)
    one = node.add(interval_cs=SLOW_CS, peers=[theirs], equip=False)
    node.start(one)
    deadlines: list[int] = []

    def say(times: int) -> int:
        """How many of so many are absorbed for the first; each restarts its down timer."""
        before = node.counter(one, "advertisement_rcvd")
        absorbed = node.counter(one, "kernel_absorbed")
        for _ in range(times):
            talker.say("b0", advert(theirs, ours, priority=200, interval_cs=SLOW_CS), mac("a", 0))
        serve(node, until=lambda: node.counter(one, "advertisement_rcvd") == before + times)
        deadlines.append(node.engine.down_deadline_ns(one))
        assert deadlines == sorted(deadlines)
        return node.counter(one, "kernel_absorbed") - absorbed

    say(1)
    assert say(3) == 3
    other = node.add(interval_cs=SLOW_CS, peers=[theirs + 20], equip=False)
    assert node.counter(one, "advertisement_rcvd") == 4  # what was absorbed is not forgotten
    assert node.engine.down_deadline_ns(one) == deadlines[-1]
    assert say(3) == 0
    node.engine.remove(other)
    say(1)
    assert say(3) == 3
    ifindex = socket.if_nametoindex("a0")
    node.engine.move(one, 0, ours.packed)  # without an interface
    say(1)
    assert say(2) == 0
    node.engine.move(one, ifindex, ours.packed)
    say(1)
    assert say(2) == 2
    assert node.engine.has_filter
