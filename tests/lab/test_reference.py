"""The reference deployment, examples/vips.json, as it stands: two routers, a process named haproxy."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.kit.capture import Capture, gaps_ms
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.pidspace import PidSpace
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "vips.json"
VIPS = {50: ("eth0", "192.168.0.75"), 51: ("eth1", "10.10.10.10")}
SCRIPT_S = 2.0  # interval of CHK-LB
pytestmark = [pytest.mark.peer("killall")]


class Router(VrrpdFast):
    """vrrpd-fast with the example file, in a process space of its own, so that only its haproxy counts."""

    def __init__(self, net: Net, node: str, lb: bool) -> None:
        super().__init__(net, node, document=json.loads(EXAMPLE.read_text()))
        self.space = PidSpace(net, node)
        self._haproxy = self.directory / "haproxy"
        shutil.copy("/bin/sleep", self._haproxy)
        self._balancer: subprocess.Popen[bytes] | None = None
        if lb:
            self.start_haproxy()

    def configure(self) -> None:
        shutil.copy(EXAMPLE, self.config_path)

    def argv(self) -> list[str]:
        return self.space.command(*super().argv())

    def start_haproxy(self) -> None:
        self._balancer = self.net.start(self.space.command(str(self._haproxy), "infinity"))

    def stop_haproxy(self) -> None:
        assert self._balancer is not None
        os.kill(self.space.child_of(self._balancer), signal.SIGKILL)
        self._balancer.wait()

    def stop(self, timeout: float = 10.0) -> int:
        assert self.process is not None
        os.kill(self.space.child_of(self.process), signal.SIGTERM)
        return self.process.wait(timeout)


def lab(build: Build, capture: Tap) -> tuple[Net, Capture]:
    """Two routers on two LANs with the networks of the example."""
    net = build(["r1", "r2", "client"], ["r1", "r2", "client"])
    for number, node in enumerate(("r1", "r2", "client"), start=1):
        for interface, network in (("eth0", "192.168.0"), ("eth1", "10.10.10")):
            net.ip(node, "addr", "flush", "dev", interface, "scope", "global")
            net.ip(node, "addr", "add", f"{network}.{number}/24", "brd", "+", "dev", interface)
    return net, capture(net)


def priorities(wire: Capture, node: str, after: int) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {50: [], 51: []}
    for advert in wire.adverts(node, after=after):
        found[advert.vrid].append(advert.priority)
    return found


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
    two.start_haproxy()
    wait_until(lambda: two.instance("50")["effective_priority"] == 102, SCRIPT_S + 1, "the check saw haproxy")
    one.stop_haproxy()
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
