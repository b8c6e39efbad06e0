"""Adverts that must be discarded: each moves exactly one counter and touches no timer (RFC 9568 7.1)."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lab.kit.capture import gaps_ms
from lab.kit.fixtures import Build, Tap
from lab.kit.inject import Injector
from lab.kit.net import Net, now_ns
from lab.kit.settings import FLAVOURS
from lab.kit.timing import EARLY_S
from lab.kit.vectors import VECTORS, Vector, right_advert
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

# One VRID of each flavour that is kept BACKUP by right adverts (on eth0), one that stays MASTER (on eth1).
BACKUP = {"v2": 51, "v3-ipv4": 53, "v3-ipv6": 55}
MASTER = {"v2": 52, "v3-ipv4": 54, "v3-ipv6": 56}
ROLES = {"backup": BACKUP, "master": MASTER}
LAN = {"backup": 0, "master": 1}
INTERVAL_CS = 100


class Stage:
    """One daemon with a BACKUP and a MASTER of every flavour, and somebody who crafts adverts."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.ours = VrrpdFast(
            self.net,
            "r1",
            **{
                str(vrid): FLAVOURS[flavour].settings(
                    100, vrid=vrid, advert_int=INTERVAL_CS // 100, interface=f"eth{LAN[role]}"
                )
                for role, vrids in ROLES.items()
                for flavour, vrid in vrids.items()
            },
        )
        self.injectors = {role: Injector(self.net, "bad", lan) for role, lan in LAN.items()}

    def keep_backup(self, flavour: str) -> None:
        """A right advert of a better router, and the wait until it was counted."""
        name = str(BACKUP[flavour])
        before = self.ours.statistics(name)["advertisement_rcvd"]
        self.injectors["backup"].advert(**right_advert(flavour, BACKUP[flavour], INTERVAL_CS, 200))
        wait_until(lambda: self.ours.statistics(name)["advertisement_rcvd"] == before + 1, 3, "counted")

    def counters(self) -> dict[tuple[str, str], int]:
        """All counters of all virtual routers and of the daemon, but for adverts sent on their own time."""
        status = self.ours.status()
        found = {
            (entry["name"], name): value
            for entry in status["instances"]
            for name, value in entry["statistics"].items()
        }
        found |= {("daemon", name): value for name, value in status["unattributed"].items()}
        return {key: value for key, value in found.items() if key[1] not in SELF_MOVING}

    def moved(self, before: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        return {key: value - before[key] for key, value in self.counters().items() if value != before[key]}

    def close(self) -> None:
        for injector in self.injectors.values():
            injector.close()


# These move without any packet from the wire.
SELF_MOVING = {"advertisement_sent", "master_transitions"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        net = Net(tmp_path_factory.mktemp("malformed"), ["r1", "bad"], ["r1", "bad"])
        stack.callback(net.close)
        made = Stage(net)
        stack.callback(made.close)
        made.ours.start()
        for flavour, vrid in MASTER.items():
            made.keep_backup(flavour)
            made.ours.wait_state(str(vrid), "MASTER", timeout=6)
        yield made


@pytest.mark.rfc("P1", "P3", "P4", "P7", "P9", "P10", "P14", "U6")
@pytest.mark.rfc("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R9", "R10", "R11", "R12", "R13")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_one_counter_moves(stage: Stage, vector: Vector, role: str) -> None:
    vrid = ROLES[role][vector.flavour]
    stage.keep_backup(vector.flavour)
    state = {"backup": "BACKUP", "master": "MASTER"}[role]
    assert stage.ours.state(str(vrid)) == state
    before = stage.counters()
    vector.send(stage.injectors[role], vrid, INTERVAL_CS)
    wait_until(lambda: stage.moved(before), 3, "a counter moved")
    owner = str(vrid) if vector.known else "daemon"
    assert stage.moved(before) == {(owner, vector.counter): 1}
    assert stage.ours.state(str(vrid)) == state


@pytest.mark.rfc(
    "P8", "P9", "P10", "P14", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R9", "R10", "R11", "R13"
)
@pytest.mark.parametrize(
    ("flavour", "unusual"),
    [
        ("v2", {}),
        ("v2", {"auth_data": b"\xff" * 8}),
        ("v2", {"options": b"\x01\x01\x01\x00"}),
        ("v3-ipv4", {}),
        ("v3-ipv4", {"checksum": "message"}),
        ("v3-ipv4", {"checksum": "pseudo"}),
        ("v3-ipv4", {"reserved": 15}),
        ("v3-ipv4", {"interval_cs": 1}),
        ("v3-ipv4", {"options": b"\x01\x01\x01\x00"}),
        ("v3-ipv6", {}),
        ("v3-ipv6", {"reserved": 15}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value) or "plain",
)
def test_a_right_advert_is_accepted(stage: Stage, flavour: str, unusual: dict[str, Any]) -> None:
    """The same checks let pass what is only unusual: reserved bits, either checksum form, IP options."""
    stage.keep_backup(flavour)
    before = stage.counters()
    advert = right_advert(flavour, BACKUP[flavour], INTERVAL_CS, 200) | unusual
    stage.injectors["backup"].advert(**advert)
    wait_until(lambda: stage.moved(before), 3, "a counter moved")
    name = str(BACKUP[flavour])
    moved = stage.moved(before)
    moved.pop((name, "kernel_absorbed"), None)  # how it was received: the kernel may have known it
    assert moved == {(name, "advertisement_rcvd"): 1} | (
        {(name, "interval_errors"): 1} if "interval_cs" in unusual else {}
    )
    stage.injectors["backup"].advert(**right_advert(flavour, BACKUP[flavour], INTERVAL_CS, 200))


@pytest.mark.rfc("R12", "R13", "P11")
@pytest.mark.parametrize(
    ("flavour", "priority", "addresses"),
    [
        ("v3-ipv4", 200, ["10.0.0.101"]),
        ("v3-ipv4", 200, ["10.0.0.100", "10.0.0.101"]),
        ("v3-ipv6", 200, ["fe80::101", "2001:db8::100"]),
        ("v3-ipv6", 200, ["2001:db8::100", "fe80::100"]),
        ("v2", 255, ["10.0.0.101"]),
    ],
)
def test_other_addresses_are_counted_and_heard(
    stage: Stage, flavour: str, priority: int, addresses: list[str]
) -> None:
    """Version 3, and version 2 from the owner: an address list that is not ours is no reason to ignore it."""
    stage.keep_backup(flavour)
    before = stage.counters()
    advert = right_advert(flavour, BACKUP[flavour], INTERVAL_CS, priority) | {"addresses": addresses}
    stage.injectors["backup"].advert(**advert)
    wait_until(lambda: stage.moved(before), 3, "a counter moved")
    name = str(BACKUP[flavour])
    assert stage.moved(before) == {(name, "advertisement_rcvd"): 1, (name, "address_list_errors"): 1}
    assert stage.ours.instance(name)["master_priority"] == priority


@pytest.mark.rfc("R7")
def test_a_vrid_of_the_other_family_is_unknown(stage: Stage) -> None:
    before = stage.counters()
    stage.injectors["backup"].advert(**right_advert("v3-ipv6", BACKUP["v3-ipv4"], INTERVAL_CS, 200))
    wait_until(lambda: stage.moved(before), 3, "a counter moved")
    assert stage.moved(before) == {("daemon", "vrid_errors"): 1}


@pytest.mark.rfc("R14")
def test_our_own_advert_looped_back_is_not_heard(stage: Stage) -> None:
    """Over IPv6; over IPv4 the kernel drops a packet that claims to be from itself."""
    stage.keep_backup("v3-ipv6")
    name = str(MASTER["v3-ipv6"])
    before = stage.counters()
    advert = right_advert("v3-ipv6", MASTER["v3-ipv6"], INTERVAL_CS, 100)
    stage.injectors["master"].advert(**advert | {"source": stage.net.port("r1", 1).link_local})
    wait_until(lambda: stage.moved(before), 3, "a counter moved")
    assert stage.moved(before) == {(name, "peer_errors"): 1}
    assert stage.ours.state(name) == "MASTER"


@pytest.mark.rfc("A10", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R9", "R10", "R11", "R13")
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_bad_adverts_delay_no_takeover(build: Build, capture: Tap, flavour: str) -> None:
    """A BACKUP that hears one right advert and then bad ones takes over as if it had heard silence."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "bad"])
    wire = capture(net)
    injector = Injector(net, "bad")
    interval_cs = round(kind.interval * 100)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100))
    ours.start()
    injector.advert(**right_advert(flavour, 51, interval_cs, 200))
    last = wire.wait_advert("bad")
    deadline_ns = last.time_ns + round(kind.down_s(100) * 1e9)
    vectors = [vector for vector in VECTORS if vector.flavour == flavour]
    rounds = 0
    end_ns = deadline_ns + 2_000_000_000
    while now_ns() < end_ns and not wire.adverts("r1", after=last.time_ns):
        for vector in vectors:
            vector.send(injector, 51, interval_cs)
        rounds += 1
        time.sleep(kind.interval / 10)
    injector.close()
    assert rounds >= 10
    taken = wire.wait_advert("r1", after=last.time_ns, timeout=1)
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert kind.down_s(100) - EARLY_S < silence_s < kind.down_s(100) + ours.late_s()


@pytest.mark.rfc("A10", "A5")
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_bad_adverts_do_not_disturb_a_master(build: Build, capture: Tap, flavour: str) -> None:
    """A MASTER that hears bad adverts, winning and losing ones, keeps its rhythm and answers none."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "bad"])
    wire = capture(net)
    injector = Injector(net, "bad")
    interval_cs = round(kind.interval * 100)
    ours = VrrpdFast(net, "r1", VI=kind.settings(100))
    ours.start()
    first = wire.wait_advert("r1", timeout=8)
    vectors = [vector for vector in VECTORS if vector.flavour == flavour]
    end_ns = first.time_ns + round(5.5 * kind.interval * 1e9)
    while now_ns() < end_ns:
        for vector in vectors:
            for priority in (200, 50, 0):
                vector.send(injector, 51, interval_cs, priority)
        time.sleep(kind.interval / 10)
    injector.close()
    sent = wire.wait_adverts(6, "r1", after=first.time_ns)  # the first gap is the way into its phase
    for gap in gaps_ms(sent):
        assert gap == pytest.approx(kind.interval * 1000, abs=ours.late_s(0.02) * 1000)
    assert ours.state("VI") == "MASTER"
