"""The state machine seen from the wire: who sends what, and when (RFC 9568 6.4)."""

import time
from ipaddress import IPv4Address

import pytest

from lab.kit.capture import Capture, gaps_ms
from lab.kit.fixtures import Build, Tap
from lab.kit.inject import Injector
from lab.kit.net import now_ns
from lab.kit.packets import GROUP4_MAC, GROUP6_MAC, Advert
from lab.kit.settings import FAST, FAST6, FLAVOURS, Flavour
from lab.kit.timing import EARLY_S
from lab.kit.vectors import right_advert
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

every_flavour = pytest.mark.parametrize("flavour", FLAVOURS)
fast_flavours = pytest.mark.parametrize("flavour", ["v3-ipv4", "v3-ipv6"])


def second_advert(wire: Capture) -> Advert:
    """The first advert on a new master's beat: the gap before it may be up to an eighth shorter."""
    return wire.wait_adverts(2, "r1", after=0)[1]


@pytest.mark.rfc("P1", "P3", "P4", "P6", "P8", "P9", "P10", "P11", "P13", "P14", "O1")
@pytest.mark.rfc("A5", "I2", "T1", "E1", "U1")
@every_flavour
def test_every_field_of_an_advert(build: Build, capture: Tap, flavour: str) -> None:
    kind = FLAVOURS[flavour]
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100, vrid=77))
    ours.start()
    first = wire.wait_advert("r1")
    for advert in wire.wait_adverts(3, "r1", after=first.time_ns - 1):
        port = net.port("r1")
        assert advert.ttl == 255
        assert advert.tos == 0xC0
        assert (advert.version, advert.type) == (kind.version, 1)
        assert (advert.vrid, advert.priority) == (77, 100)
        assert advert.interval_cs == kind.interval * 100
        assert advert.reserved == 0
        assert advert.source_mac == port.mac
        assert advert.addresses == [line.partition("/")[0] for line in kind.addresses]
        if kind.family == 4:
            assert (str(advert.source), str(advert.destination)) == (str(port.ipv4), "224.0.0.18")
            assert advert.destination_mac == GROUP4_MAC
        else:
            assert (str(advert.source), str(advert.destination)) == (str(port.link_local), "ff02::12")
            assert advert.destination_mac == GROUP6_MAC
        assert advert.trailer == (bytes(8) if kind.version == 2 else b"")
        assert advert.checksum_forms == {"message" if kind.version == 2 else "pseudo"}


@pytest.mark.rfc("P10")
def test_the_checksum_of_rfc_9568_is_an_option(build: Build, capture: Tap) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    VrrpdFast(net, "r1", VI=FAST.settings(checksum="rfc9568")).start()
    net.ours.clear()  # tshark knows the older form only and would call this one bad
    assert wire.wait_advert("r1").checksum_forms == {"message"}


@pytest.mark.rfc("I1", "P6", "T1")
@fast_flavours
def test_the_owner_starts_as_master(build: Build, capture: Tap, flavour: str) -> None:
    """Priority 255 does not wait: its first advert is out before any down timer could have run out."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(255, advert_int=10))
    ours.start()
    wire.wait_advert("r1", priority=255, timeout=1)
    assert ours.state("VI") == "MASTER"
    wire.wait(lambda: wire.announcements("r1", kind.vip), 1, "the address is announced")


@pytest.mark.rfc("B10")
def test_the_owner_preempts_whatever_it_was_told(build: Build, capture: Tap) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    other = VrrpdFast(net, "r2", VI=FAST.settings(254))
    other.start()
    wire.wait_advert("r2")
    owner = VrrpdFast(net, "r1", VI=FAST.settings(255))
    owner.start()
    first = wire.wait_advert("r1", priority=255)
    wire.wait_adverts(3, "r1", after=first.time_ns)
    assert not wire.adverts("r2", after=first.time_ns + 50_000_000)
    other.wait_state("VI", "BACKUP")


@pytest.mark.rfc("A4", "B4", "P6")
@every_flavour
def test_a_backup_stops_without_a_word(build: Build, capture: Tap, flavour: str) -> None:
    """Priority 0 is for a master that leaves; a BACKUP sends nothing, a MASTER exactly one."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100, advert_int=1))
    ours.start()
    injector = Injector(net, "other")
    injector.advert(**right_advert(flavour, 51, 100, 200))
    injector.close()
    wait_until(lambda: ours.instance("VI")["master_priority"] == 200, 2, "the advert was heard")
    assert ours.stop() == 0
    assert not wire.adverts("r1")


@pytest.mark.rfc("T7", "A7", "B9")
@pytest.mark.parametrize("flavour", ["v3-ipv4", "v3-ipv6"])
def test_equal_priority_and_simultaneous_start(build: Build, capture: Tap, flavour: str) -> None:
    """The higher primary address wins between two masters; both ends agree within an interval."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "r2"])
    wire = capture(net)
    routers = [VrrpdFast(net, node, VI=kind.settings(100)) for node in ("r1", "r2")]
    for router in routers:
        router.start(wait=False)
    for router in routers:
        router.wait_ready()
    # Whoever was first, a BACKUP of equal priority stays one (B9); two masters end with the higher address.
    states = wait_until(
        lambda: {"MASTER", "BACKUP"} == {router.state("VI") for router in routers}, 3, "one master"
    )
    assert states
    winner = "r1" if routers[0].state("VI") == "MASTER" else "r2"
    loser = "r2" if winner == "r1" else "r1"
    since = now_ns()
    wire.wait_adverts(10, winner, after=since)
    assert not wire.adverts(loser, after=since)


@pytest.mark.rfc("A7")
@pytest.mark.parametrize(("node", "wins"), [("low", False), ("high", True)])
@every_flavour
def test_a_master_of_equal_priority_yields_to_a_higher_address_only(
    build: Build, capture: Tap, flavour: str, node: str, wins: bool
) -> None:
    kind = FLAVOURS[flavour]
    net = build(["low", "r1", "high"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100))
    ours.start()
    ours.wait_state("VI", "MASTER")
    injector = Injector(net, node)
    heard = ours.statistics("VI")["advertisement_rcvd"]
    injector.advert(**right_advert(flavour, 51, round(kind.interval * 100), 100))
    injector.close()
    wait_until(lambda: ours.statistics("VI")["advertisement_rcvd"] == heard + 1, 2, "the advert was heard")
    heard_ns = wire.wait_advert(node).time_ns
    if wins:
        ours.wait_state("VI", "BACKUP", timeout=0.2)
        again = wire.wait_advert("r1", after=heard_ns, timeout=6)
        assert (again.time_ns - heard_ns) / 1e9 > kind.down_s(100) - EARLY_S
    else:
        assert ours.state("VI") == "MASTER"


@pytest.mark.rfc("A7")
def test_a_master_yields_to_a_higher_priority_though_told_not_to_preempt(build: Build) -> None:
    net = build(["r1", "high"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings(100, nopreempt=True))
    ours.start()
    ours.wait_state("VI", "MASTER")
    injector = Injector(net, "high")
    injector.advert(**right_advert("v3-ipv4", 51, 100, 101))
    injector.close()
    status = ours.wait_state("VI", "BACKUP", timeout=0.5)
    assert status["master_priority"] == 101


@pytest.mark.rfc("A6")
@every_flavour
def test_a_master_answers_priority_zero_at_once(build: Build, capture: Tap, flavour: str) -> None:
    """The answer is an extra one: the next advert still comes on the beat, so no later than 6.4.3 wants."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100))
    ours.start()
    first = second_advert(wire)
    injector = Injector(net, "other")
    wire.wait_time(first.time_ns + round(kind.interval * 0.4e9), slack=0)
    injector.advert(**right_advert(flavour, 51, round(kind.interval * 100), 0))
    injector.close()
    zero = wire.wait_advert("other", priority=0)
    answer, following = wire.wait_adverts(2, "r1", after=zero.time_ns)
    assert (answer.time_ns - zero.time_ns) / 1e9 < ours.late_s(0.02)
    assert gaps_ms([first, following]) == [pytest.approx(kind.interval * 1000, abs=ours.late_s(0.02) * 1000)]
    assert ours.state("VI") == "MASTER"


@pytest.mark.rfc("A8", "A9")
@fast_flavours
def test_a_master_answers_a_losing_advert_and_keeps_its_rhythm(
    build: Build, capture: Tap, flavour: str
) -> None:
    kind = FLAVOURS[flavour]
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100, advert_int=0.2))
    ours.start()
    first = second_advert(wire)
    injector = Injector(net, "other")
    wire.wait_time(first.time_ns + 100_000_000, slack=0)
    injector.advert(**right_advert(flavour, 51, 20, 50))
    injector.close()
    losing = wire.wait_advert("other", priority=50)
    answer, following = wire.wait_adverts(2, "r1", after=losing.time_ns)
    assert (answer.time_ns - losing.time_ns) / 1e9 < ours.late_s(0.02)
    assert gaps_ms([first, following]) == [pytest.approx(200, abs=ours.late_s(0.02) * 1000)]
    assert ours.state("VI") == "MASTER"


@pytest.mark.rfc("A8", "E3")
@pytest.mark.parametrize("flavour", ["v2", "v3-ipv4"])
def test_a_losing_advert_is_only_discarded_when_told(build: Build, capture: Tap, flavour: str) -> None:
    kind = FLAVOURS[flavour]
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100, advert_int=1, lower_prio_no_advert=True))
    ours.start()
    first = second_advert(wire)
    injector = Injector(net, "other")
    wire.wait_time(first.time_ns + 300_000_000, slack=0)
    injector.advert(**right_advert(flavour, 51, 100, 50))
    injector.close()
    wire.wait_advert("other", priority=50)
    following = wire.wait_advert("r1", after=first.time_ns)
    assert gaps_ms([first, following]) == [pytest.approx(1000, abs=ours.late_s(0.02) * 1000)]
    assert ours.state("VI") == "MASTER"


@pytest.mark.rfc("A9")
def test_a_flood_of_losing_adverts_is_answered_within_bounds(build: Build, capture: Tap) -> None:
    """Thousands of losing adverts a second: own rhythm stays, answers and ARPs do not multiply."""
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings(100, garp_master_delay=0, garp_lower_prio_delay=0))
    ours.start()
    *_, regular = wire.wait_adverts(3, "r1", after=0)  # the first comes at once, the others on the beat
    injector = Injector(net, "other")
    arps_before = len(wire.announcements("r1", FAST.vip))
    start_ns = now_ns()
    flooded = 0
    while now_ns() < start_ns + 1_000_000_000:
        for _ in range(20):
            injector.advert(**right_advert("v3-ipv4", 51, 10, 50))
        flooded += 20
        time.sleep(0.002)
    injector.close()
    end_ns = now_ns()
    wire.wait_adverts(2, "r1", after=end_ns)
    heard = ours.statistics("VI")["advertisement_rcvd"]
    assert heard == flooded
    answers = wire.adverts("r1", after=start_ns, before=end_ns)
    # Ten regular ones; one answer per tick of 1 ms at the very most.
    assert 10 <= len(answers) <= 1100
    assert len(answers) < flooded / 2
    assert max(gaps_ms(answers)) < 100 + ours.late_s(0.02) * 1000
    # The regular beat went on beneath the answers: the next adverts are on it.
    beat_ms = [(advert.time_ns - regular.time_ns) / 1e6 for advert in wire.adverts("r1", after=end_ns)[:2]]
    assert all(abs((at + 50) % 100 - 50) < 25 for at in beat_ms)
    assert len(wire.announcements("r1", FAST.vip)) - arps_before <= 10


@pytest.mark.rfc("T4", "R9", "B7")
@fast_flavours
def test_a_backup_adopts_the_masters_interval(build: Build, capture: Tap, flavour: str) -> None:
    """1 s configured, 50 ms heard: skew and down interval follow; as MASTER its own interval counts again."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100, advert_int=1))
    ours.start()
    injector = Injector(net, "other")
    injector.advert(**right_advert(flavour, 51, 5, 200))
    injector.close()
    last = wire.wait_advert("other")
    taken, second, third = wire.wait_adverts(3, "r1", after=last.time_ns)
    adopted_s = 3 * 0.05 + 156 / 256 * 0.05
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert adopted_s - EARLY_S < silence_s < adopted_s + ours.late_s()
    assert taken.interval_cs == 100
    assert gaps_ms([second, third]) == [pytest.approx(1000, abs=ours.late_s(0.02) * 1000)]
    assert ours.statistics("VI")["interval_errors"] == 1


@pytest.mark.rfc("T2", "T3", "T7")
@pytest.mark.parametrize("priority", [1, 100, 200, 254])
def test_the_down_interval_of_a_priority(build: Build, capture: Tap, priority: int) -> None:
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings(priority))
    ours.start()
    injector = Injector(net, "other")
    silences: list[tuple[float, int]] = []
    for _ in range(3):
        injector.advert(**right_advert("v3-ipv4", 51, 10, 255))
        last = wire.wait_advert("other", after=silences[-1][1] if silences else 0)
        taken = wire.wait_advert("r1", after=last.time_ns)
        silences.append(((taken.time_ns - last.time_ns) / 1e9, taken.time_ns))
    injector.close()
    # Never early, and on the median of three within a millisecond or two of the formula.
    expected_s = FAST.down_s(priority)
    times = sorted(silence_s for silence_s, _ in silences)
    assert times[0] > expected_s - EARLY_S
    assert times[1] < expected_s + ours.late_s(0.03)


@pytest.mark.rfc("B6")
@every_flavour
def test_a_backup_takes_over_one_skew_after_priority_zero(build: Build, capture: Tap, flavour: str) -> None:
    kind = FLAVOURS[flavour]
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100))
    ours.start()
    injector = Injector(net, "other")
    interval_cs = round(kind.interval * 100)
    injector.advert(**right_advert(flavour, 51, interval_cs, 200))
    injector.advert(**right_advert(flavour, 51, interval_cs, 0))
    injector.close()
    zero = wire.wait_advert("other", priority=0)
    taken = wire.wait_advert("r1", after=zero.time_ns)
    silence_s = (taken.time_ns - zero.time_ns) / 1e9
    assert kind.skew_s(100) - EARLY_S < silence_s < kind.skew_s(100) + ours.late_s()


@pytest.mark.rfc("B8")
def test_a_lower_master_does_not_restart_the_down_timer(build: Build, capture: Tap) -> None:
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings(100))
    ours.start()
    injector = Injector(net, "other")
    injector.advert(**right_advert("v3-ipv4", 51, 10, 200))
    last = wire.wait_advert("other", priority=200)
    while now_ns() < last.time_ns + 500_000_000 and not wire.adverts("r1", after=last.time_ns):
        injector.advert(**right_advert("v3-ipv4", 51, 10, 99))
        time.sleep(0.02)
    injector.close()
    taken = wire.wait_advert("r1", after=last.time_ns)
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert FAST.down_s(100) - EARLY_S < silence_s < FAST.down_s(100) + ours.late_s()
    assert len(wire.adverts("other", priority=99)) > 5


def test_preempt_delay(build: Build, capture: Tap) -> None:
    """A lower master is left alone for the delay, counted from its first advert heard."""
    net = build(["r1", "r2"])
    wire = capture(net)
    other = VrrpdFast(net, "r2", VI=FAST.settings(100))
    other.start()
    wire.wait_advert("r2")
    ours = VrrpdFast(net, "r1", VI=FAST.settings(200, preempt_delay=2))
    before_ns = now_ns()
    ours.start()
    ready_ns = now_ns()
    taken = wire.wait_advert("r1")
    assert taken.time_ns - before_ns > 2_000_000_000
    # The down timer runs on from the last advert that restarted it, within the delay.
    assert (taken.time_ns - ready_ns) / 1e9 < 2 + FAST.down_s(200) + 0.1 + ours.late_s()


def test_preempt_delay_does_not_delay_a_failover(build: Build, capture: Tap) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    other = VrrpdFast(net, "r2", VI=FAST.settings(100))
    other.start()
    wire.wait_advert("r2")
    ours = VrrpdFast(net, "r1", VI=FAST.settings(200, preempt_delay=30))
    ours.start()
    wire.wait_adverts(5, "r2", after=now_ns())
    assert not wire.adverts("r1")
    other.kill()
    last = wire.adverts("r2")[-1]
    taken = wire.wait_advert("r1")
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert FAST.down_s(200) - EARLY_S < silence_s < FAST.down_s(200) + ours.late_s()


@pytest.mark.rfc("R12", "P11")
def test_other_addresses_are_discarded_when_told_to_be_strict(build: Build) -> None:
    net = build(["r1", "other"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings(100, check_addresses="strict"))
    ours.start()
    ours.wait_state("VI", "MASTER")
    injector = Injector(net, "other")
    injector.advert(**right_advert("v3-ipv4", 51, 10, 200) | {"addresses": ["10.0.0.101"]})
    injector.close()
    wait_until(lambda: ours.statistics("VI")["address_list_errors"] == 1, 2, "it was counted")
    assert ours.state("VI") == "MASTER"


@pytest.mark.rfc("R8", "A7", "E2")
def test_a_second_owner_is_told(build: Build) -> None:
    """The owner that hears another priority 255 says so; the addresses break the tie."""
    net = build(["low", "r1", "high"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings(255, advert_int=1))
    ours.start()
    ours.wait_state("VI", "MASTER")
    said = len(ours.log)
    injector = Injector(net, "low")
    injector.advert(**right_advert("v3-ipv4", 51, 100, 255))
    injector.close()
    ours.wait_log(str(net.port("low").ipv4), after=said)
    assert ours.state("VI") == "MASTER"


@pytest.mark.rfc("P2")
@pytest.mark.parametrize("flavour", ["v3-ipv4", "v3-ipv6"])
def test_adverts_are_never_forwarded(build: Build, capture: Tap, flavour: str) -> None:
    """A router with two links hears an advert on one; the other stays silent though it forwards packets."""
    net = build(["r1", "other"], ["r1", "far"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FLAVOURS[flavour].settings(100, advert_int=1))
    ours.start()
    injector = Injector(net, "other")
    for ttl in (255, 2):
        injector.advert(**right_advert(flavour, 51, 100, 200) | {"ttl": ttl})
    injector.close()
    wait_until(lambda: ours.statistics("VI")["ip_ttl_errors"] == 1, 2, "both were heard")
    net.ip("other", "route", "add", "10.1.0.0/24", "via", "10.0.0.1")
    net.ip("far", "route", "add", "10.0.0.0/24", "via", "10.1.0.1")
    assert net.pings("other", str(net.port("far", 1).ipv4)), "the router does forward"
    assert not [frame for frame in wire.adverts() if frame.lan == 1]


def test_mcast_src_ip_is_the_source(build: Build, capture: Tap) -> None:
    net = build(["r1", "other"])
    wire = capture(net)
    net.ip("r1", "addr", "add", "10.0.0.50/24", "dev", "eth0")
    VrrpdFast(net, "r1", VI=FAST.settings(mcast_src_ip="10.0.0.50")).start()
    assert wire.wait_advert("r1").source == IPv4Address("10.0.0.50")


@pytest.mark.parametrize("kind", [FAST, FAST6], ids=["ipv4", "ipv6"])
def test_down_timer_adverts(build: Build, capture: Tap, kind: Flavour) -> None:
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100, down_timer_adverts=6))
    ours.start()
    injector = Injector(net, "other")
    injector.advert(**right_advert("v3-ipv4" if kind is FAST else "v3-ipv6", 51, 10, 200))
    injector.close()
    last = wire.wait_advert("other")
    taken = wire.wait_advert("r1", after=last.time_ns)
    expected_s = 6 * 0.1 + kind.skew_s(100)
    assert expected_s - EARLY_S < (taken.time_ns - last.time_ns) / 1e9 < expected_s + ours.late_s()
