"""vrrpd-fast with itself, keepalived and FRR on one LAN: who is master, and since when.

Every takeover of ours is held to the protocol's own time (RFC 9568 6.1, RFC 3768 6.1) plus late_s().
"""

import pytest

from lab.kit.fixtures import Build, Tap
from lab.kit.net import now_ns
from lab.kit.peers import PEERS
from lab.kit.settings import FLAVOURS
from lab.kit.timing import EARLY_S
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

every_flavour = pytest.mark.parametrize("flavour", FLAVOURS)
every_peer = pytest.mark.parametrize("peer", PEERS)
# A peer's own lateness is not ours to judge; this only keeps a test from waiting for ever.
PEER_SLACK_S = 0.25


@pytest.mark.rfc("T3", "T5", "I2", "B5", "B8", "A4", "A5", "P1", "P3")
@every_flavour
@every_peer
def test_we_are_preferred(build: Build, capture: Tap, peer: str, flavour: str) -> None:
    """Priority 150 of ours against 100: preempt, be killed, come back, say goodbye."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "r2", "client"])
    wire = capture(net)
    other = PEERS[peer](net, "r2", VI=kind.settings(100))
    ours = VrrpdFast(net, "r1", VI=kind.settings(150))
    other.start()
    wire.wait_advert("r2", priority=100)

    ours.start()
    ready_ns = now_ns()
    first = wire.wait_advert("r1", priority=150)
    assert (first.time_ns - ready_ns) / 1e9 < kind.down_s(150) + ours.late_s()
    ours.wait_state("VI", "MASTER")
    wire.wait_adverts(5, "r1", after=first.time_ns)
    assert not wire.adverts("r2", after=first.time_ns + round(other.late_s() * 1e9))
    wait_until(lambda: not other.holds(kind.vip), 2, "the lower router let the address go")
    assert ours.holds(kind.vip)
    net.must_ping("client", kind.vip)

    ours.kill()
    last = wire.adverts("r1")[-1]
    taken = wire.wait_advert("r2", priority=100, after=last.time_ns)
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert kind.down_s(100) - 0.05 < silence_s < kind.down_s(100) + PEER_SLACK_S

    ours.start()
    again = wire.wait_advert("r1", priority=150, after=taken.time_ns)
    wire.wait_adverts(3, "r1", after=again.time_ns)
    assert not wire.adverts("r2", after=again.time_ns + round(other.late_s() * 1e9))

    assert ours.stop() == 0
    assert not ours.holds(kind.vip)
    goodbye = wire.wait_advert("r1", priority=0, after=again.time_ns)
    taken = wire.wait_advert("r2", priority=100, after=goodbye.time_ns)
    assert (taken.time_ns - goodbye.time_ns) / 1e9 < kind.skew_s(100) + PEER_SLACK_S
    assert wire.adverts("r1", after=again.time_ns)[-1] == goodbye
    assert len(wire.adverts("r1", priority=0)) == 1


@pytest.mark.rfc("T2", "T3", "T4", "T5", "B4", "B5", "B6", "B7", "A7")
@every_flavour
@every_peer
def test_peer_is_preferred(build: Build, capture: Tap, peer: str, flavour: str) -> None:
    """Priority 100 of ours against 200: wait, take over in time, step back, take over after a goodbye."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "r2", "client"])
    wire = capture(net)
    other = PEERS[peer](net, "r2", VI=kind.settings(200))
    ours = VrrpdFast(net, "r1", VI=kind.settings(100))
    other.start()
    wire.wait_advert("r2", priority=200)

    ours.start()
    wire.wait_adverts(5, "r2", after=now_ns())
    status = ours.wait_state("VI", "BACKUP")
    heard = wire.adverts("r2")[-1]
    assert status["master_address"] == str(heard.source)
    assert status["master_priority"] == 200
    assert status["master_advert_int"] == pytest.approx(kind.interval)
    assert not wire.adverts("r1")
    assert not ours.holds(kind.vip)

    other.kill()
    last = wire.adverts("r2")[-1]
    taken = wire.wait_advert("r1", priority=100)
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert kind.down_s(100) - EARLY_S < silence_s < kind.down_s(100) + ours.late_s()
    ours.wait_state("VI", "MASTER")
    wait_until(lambda: ours.holds(kind.vip), 2, "the new master has the address")

    other.start()
    back = wire.wait_advert("r2", priority=200, after=taken.time_ns)
    wire.wait_adverts(3, "r2", after=back.time_ns)
    assert not wire.adverts("r1", after=back.time_ns + round(ours.late_s() * 1e9))
    ours.wait_state("VI", "BACKUP")
    wait_until(lambda: not ours.holds(kind.vip), 2, "the old master let the address go")
    net.must_ping("client", kind.vip)

    other.stop()
    goodbye = wire.wait_advert("r2", priority=0, after=back.time_ns)
    taken = wire.wait_advert("r1", priority=100, after=goodbye.time_ns)
    silence_s = (taken.time_ns - goodbye.time_ns) / 1e9
    assert kind.skew_s(100) - EARLY_S < silence_s < kind.skew_s(100) + ours.late_s()
    net.must_ping("client", kind.vip)

    statistics = ours.statistics("VI")
    assert statistics["master_transitions"] == 2
    assert statistics["priority_zero_pkts_rcvd"] >= 1
    assert statistics["advertisement_sent"] == len(wire.adverts("r1"))


@pytest.mark.rfc("B7")
@every_peer
def test_nopreempt_leaves_a_lower_master_alone(build: Build, capture: Tap, peer: str) -> None:
    kind = FLAVOURS["v3-ipv4"]
    net = build(["r1", "r2"])
    wire = capture(net)
    other = PEERS[peer](net, "r2", VI=kind.settings(100))
    other.start()
    wire.wait_advert("r2", priority=100)
    ours = VrrpdFast(net, "r1", VI=kind.settings(200, nopreempt=True))
    ours.start()
    wire.wait_adverts(10, "r2", after=now_ns())
    assert ours.state("VI") == "BACKUP"
    assert not wire.adverts("r1")

    other.kill()
    last = wire.adverts("r2")[-1]
    taken = wire.wait_advert("r1", priority=200)
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert kind.down_s(200) - EARLY_S < silence_s < kind.down_s(200) + ours.late_s()


@every_peer
def test_a_peer_that_does_not_preempt_leaves_us_alone(build: Build, capture: Tap, peer: str) -> None:
    kind = FLAVOURS["v3-ipv4"]
    net = build(["r1", "r2"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100))
    ours.start()
    first = wire.wait_advert("r1", priority=100)
    other = PEERS[peer](net, "r2", VI=kind.settings(200, nopreempt=True))
    other.start()
    wire.wait_adverts(20, "r1", after=first.time_ns)
    assert not wire.adverts("r2")
    assert ours.state("VI") == "MASTER"
