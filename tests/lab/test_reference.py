"""The reference deployment as it stands, in both forms, with a real haproxy, beside keepalived and us."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from lab.kit.capture import Capture, gaps_ms
from lab.kit.daemons import Daemon
from lab.kit.fixtures import Build, Tap
from lab.kit.haproxy import Haproxy, answer
from lab.kit.keepalived import Keepalived
from lab.kit.net import Net, now_ns
from lab.kit.pidspace import PidSpace
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
FORMS = {"json": EXAMPLES / "vips.json", "conf": EXAMPLES / "keepalived.conf"}
VIPS = {50: ("eth0", "192.168.0.75"), 51: ("eth1", "10.10.10.10")}
SCRIPT_S = 2.0  # interval of CHK-LB
pytestmark = [pytest.mark.peer("killall", "haproxy")]


class Router(VrrpdFast):
    """vrrpd-fast with an example file, in a process space of its own, so that only its haproxy counts."""

    def __init__(self, net: Net, node: str, lb: bool, form: str = "json") -> None:
        super().__init__(net, node)
        self._form = FORMS[form]
        self.space = PidSpace(net, node)
        self.haproxy = Haproxy(net, node, self.space)
        if lb:
            self.haproxy.start()

    def configure(self) -> None:
        shutil.copy(self._form, self.config_path)

    def argv(self) -> list[str]:
        return self.space.command(*super().argv())

    def stop(self, timeout: float = 10.0) -> int:
        assert self.process is not None
        os.kill(self.space.child_of(self.process), signal.SIGTERM)
        return self.process.wait(timeout)


class Peer(Keepalived):
    """keepalived with its own form of the example, likewise."""

    def __init__(self, net: Net, node: str, lb: bool) -> None:
        super().__init__(net, node)
        self.space = PidSpace(net, node)
        self.haproxy = Haproxy(net, node, self.space)
        if lb:
            self.haproxy.start()

    def configure(self) -> None:
        shutil.copy(FORMS["conf"], self.directory / "keepalived.conf")

    def argv(self) -> list[str]:
        return self.space.command(*super().argv())


def lab(build: Build, capture: Tap) -> tuple[Net, Capture]:
    """Two routers on two LANs with the networks of the example."""
    net = build(["r1", "r2", "client"], ["r1", "r2", "client"])
    for number, node in enumerate(("r1", "r2", "client"), start=1):
        for interface, network in (("eth0", "192.168.0"), ("eth1", "10.10.10")):
            net.ip(node, "addr", "flush", "dev", interface, "scope", "global")
            net.ip(node, "addr", "add", f"{network}.{number}/24", "brd", "+", "dev", interface)
    return net, capture(net)


def check_serves(net: Net, node: str) -> None:
    """A client that asks for either address reaches this node's haproxy."""
    for interface, vip in VIPS.values():
        wait_until(lambda: vip in net.addresses(node, interface), 2, f"{node} has {vip}")  # noqa: B023
        wait_until(lambda: answer(net, "client", vip) == node, 5, f"{node} answers for {vip}")  # noqa: B023


@pytest.mark.peer("keepalived")
@pytest.mark.parametrize(
    ("first", "form"), [("us", "json"), ("us", "conf"), ("them", "json"), ("them", "conf")]
)
def test_haproxy_stopped_killed_and_wedged_beside_keepalived(
    build: Build, capture: Tap, first: str, form: str
) -> None:
    """`first` is who has a haproxy from the start; both lose theirs once, one stopped and one killed."""
    net, wire = lab(build, capture)
    one: Router | Peer
    two: Router | Peer
    if first == "us":
        one, two = Router(net, "r1", True, form), Peer(net, "r2", False)
    else:
        one, two = Peer(net, "r1", True), Router(net, "r2", False, form)
    one.start()
    two.start()
    for vrid in VIPS:
        advert = wire.wait_advert("r1", vrid=vrid, priority=102, timeout=10)
        assert (advert.version, advert.interval_cs) == (2, 100)
    check_serves(net, "r1")

    # The second has one as well. The first one's is stopped: the better one takes over.
    two.haproxy.start()
    wire.wait_time(now_ns() + int((SCRIPT_S + 1) * 1e9))
    since = now_ns()
    one.haproxy.stop()
    _moves(wire, ("r1", one), ("r2", two), since)
    check_serves(net, "r2")

    # Back again it is no better: nothing moves. The second one's is killed.
    one.haproxy.start()
    since = now_ns()
    wire.wait_time(since + int((SCRIPT_S + 1) * 1e9))
    assert not wire.adverts("r1", after=since)
    since = now_ns()
    two.haproxy.kill()
    _moves(wire, ("r2", two), ("r1", one), since)
    check_serves(net, "r1")

    # Wedged, its process is there, which is all that `killall -0` asks: both daemons leave things as they
    # are, and clients wait. (A vrrp_probe sees it, below.)
    two.haproxy.start()
    one.haproxy.wedge()
    since = now_ns()
    wire.wait_time(since + int((2 * SCRIPT_S + 1) * 1e9))
    for vrid, (_, vip) in VIPS.items():
        assert {advert.priority for advert in wire.adverts("r1", vrid=vrid, after=since)} == {102}
        assert answer(net, "client", vip) is None
    assert not wire.adverts("r2", after=since)
    one.haproxy.go_on()
    check_serves(net, "r1")


def _moves(wire: Capture, old: tuple[str, Daemon], new: tuple[str, Daemon], since: int) -> None:
    """The old master lowers itself with the next result of the check; the new one comes as in RFC 3768."""
    (loser, _), (winner, daemon) = old, new
    for vrid in VIPS:
        lowered = wire.wait_advert(loser, vrid=vrid, priority=100, after=since, timeout=SCRIPT_S + 3)
        taken = wire.wait_advert(winner, vrid=vrid, priority=102, after=since, timeout=8)
        # The down timer of a higher BACKUP runs from the last advert that was not lower.
        winning = wire.adverts(loser, vrid=vrid, before=lowered.time_ns)[-1]
        silence_s = (taken.time_ns - winning.time_ns) / 1e9
        assert 3 + 154 / 256 - 0.01 < silence_s < 3 + 156 / 256 + daemon.late_s()


def test_a_probe_sees_a_haproxy_that_is_wedged(build: Build, capture: Tap) -> None:
    """The deployment with `vrrp_probe` http in the place of the script: SIGSTOP is enough, nothing forks."""
    net, wire = lab(build, capture)
    document = json.loads(FORMS["json"].read_text())
    del document["vrrp_script"]
    http = {"address": "127.0.0.1"}
    document["vrrp_probe"] = {
        "CHK-LB": {"http": http, "interval": 0.5, "timeout": 0.4, "fall": 2, "weight": 2}
    }
    for block in document["vrrp_instance"].values():
        block["track_probe"] = block.pop("track_script")
    spaces = {node: PidSpace(net, node) for node in ("r1", "r2")}
    haproxies = {node: Haproxy(net, node, space) for node, space in spaces.items()}
    routers = {node: VrrpdFast(net, node, document=document) for node in spaces}
    haproxies["r1"].start()
    for node, router in routers.items():
        router.start()
        if node == "r1":
            for vrid in VIPS:
                wire.wait_advert("r1", vrid=vrid, priority=102, timeout=10)
    haproxies["r2"].start()
    wait_until(lambda: routers["r2"].instance("50")["effective_priority"] == 102, 5, "the probe sees haproxy")
    wedged_ns = now_ns()
    haproxies["r1"].wedge()
    for vrid in VIPS:
        lowered = wire.wait_advert("r1", vrid=vrid, priority=100, after=wedged_ns, timeout=5)
        assert (lowered.time_ns - wedged_ns) / 1e9 < 2 * 0.5 + 0.4 + 1 + routers["r1"].late_s()
        wire.wait_advert("r2", vrid=vrid, priority=102, after=wedged_ns, timeout=8)
    check_serves(net, "r2")


@pytest.mark.rfc("T5", "T6", "A7")
def test_haproxy_decides_who_is_master(build: Build, capture: Tap) -> None:
    net, wire = lab(build, capture)
    one, two = Router(net, "r1", lb=True), Router(net, "r2", lb=False)
    one.start()
    two.start()
    for vrid in VIPS:
        # Version 2, one second: 3 × 1 s + skew (256 − 102)/256 s after the start at the latest.
        first = wire.wait_advert("r1", vrid=vrid, priority=102, timeout=8)
        assert (first.version, first.interval_cs) == (2, 100)
    for vrid, (interface, vip) in VIPS.items():
        assert one.state(str(vrid)) == "MASTER"
        two.wait_state(str(vrid), "BACKUP")
        assert vip in net.addresses("r1", interface)
        assert vip not in net.addresses("r2")
        net.must_ping("client", vip)
    _check_status(one, 102)
    _check_status(two, 100)

    # haproxy dies on the first: 100 against 100, so that the higher address has it only if it claims it;
    # it is up on the second: 102 against 100, and the second takes over.
    two.haproxy.start()
    wait_until(lambda: two.instance("50")["effective_priority"] == 102, SCRIPT_S + 1, "the check saw haproxy")
    one.haproxy.kill()
    died_ns = now_ns()
    for vrid, (interface, vip) in VIPS.items():
        lowered = wire.wait_advert("r1", vrid=vrid, priority=100, after=died_ns, timeout=SCRIPT_S + 2)
        taken = wire.wait_advert("r2", vrid=vrid, priority=102, after=died_ns, timeout=8)
        # The down timer of a higher BACKUP runs from the last advert that was not lower.
        winning = wire.adverts("r1", vrid=vrid, before=lowered.time_ns)[-1]
        silence_s = (taken.time_ns - winning.time_ns) / 1e9
        assert 3 + 154 / 256 - 0.01 < silence_s < 3 + 156 / 256 + two.late_s()
        two.wait_state(str(vrid), "MASTER")
        one.wait_state(str(vrid), "BACKUP")
        wait_until(lambda: vip in net.addresses("r2", interface), 1, "the second has it")  # noqa: B023
        wait_until(lambda: vip not in net.addresses("r1"), 1, "the first let it go")  # noqa: B023
        net.must_ping("client", vip)


def _check_status(router: Router, priority: int) -> None:
    status: dict[str, Any] = router.instance("50")
    assert status["priority"] == 100
    assert status["effective_priority"] == priority
    assert "CHK-LB" in json.dumps(status["tracking"])


@pytest.mark.rfc("T5")
def test_killed_and_stopped_masters_are_replaced_in_time(build: Build, capture: Tap) -> None:
    net, wire = lab(build, capture)
    one, two = Router(net, "r1", lb=True), Router(net, "r2", lb=False)
    one.start()
    two.start()
    wire.wait_advert("r1", vrid=51, priority=102, timeout=8)
    for vrid in VIPS:
        two.wait_state(str(vrid), "BACKUP")
    beat = wire.wait_adverts(3, "r1", after=now_ns(), vrid=50)
    assert gaps_ms(beat) == pytest.approx([1000, 1000], abs=one.late_s(0.02) * 1000)

    one.stop()
    for vrid, (interface, vip) in VIPS.items():
        goodbye = wire.wait_advert("r1", vrid=vrid, priority=0)
        taken = wire.wait_advert("r2", vrid=vrid, priority=100, after=goodbye.time_ns)
        skew_s = (taken.time_ns - goodbye.time_ns) / 1e9
        assert 156 / 256 - 0.01 < skew_s < 156 / 256 + two.late_s()
        wait_until(lambda: vip in net.addresses("r2", interface), 1, "the second has it")  # noqa: B023
        assert vip not in net.addresses("r1")
        net.must_ping("client", vip)

    # It comes back with haproxy up: better again, it preempts.
    back_ns = now_ns()
    one.start()
    for vrid in VIPS:
        wire.wait_advert("r1", vrid=vrid, priority=102, after=back_ns, timeout=8)
        two.wait_state(str(vrid), "BACKUP")

    one.kill()
    for vrid in VIPS:
        last = wire.adverts("r1", vrid=vrid)[-1]
        taken = wire.wait_advert("r2", vrid=vrid, priority=100, after=last.time_ns)
        silence_s = (taken.time_ns - last.time_ns) / 1e9
        assert 3 + 156 / 256 - 0.01 < silence_s < 3 + 156 / 256 + two.late_s()
