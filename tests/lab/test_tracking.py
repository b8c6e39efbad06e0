"""Scripts that move the priority or cause FAULT, with the protocol's answer on the wire."""

import random

import pytest

from lab.kit.fixtures import Build, Tap
from lab.kit.net import now_ns
from lab.kit.settings import FAST
from lab.kit.timing import EARLY_S
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

CHECK_S = 0.1


def document(flag: str, tracked: str, **script: object) -> dict[str, object]:
    """A virtual router that watches whether a file exists."""
    return {
        "global_defs": {"router_id": "r1", "script_user": "root"},
        "vrrp_script": {"flag": {"script": f"test -e {flag}", "interval": CHECK_S, **script}},
        "vrrp_instance": {"VI": FAST.settings(150, track_script=[tracked])},
    }


def test_a_failing_script_without_weight_is_a_fault(build: Build, capture: Tap) -> None:
    """FAULT with the script's name, priority 0 on the wire, nothing after it; and back when it succeeds."""
    net = build(["r1", "r2"])
    wire = capture(net)
    flag = net.directory / "flag"
    flag.touch()
    ours = VrrpdFast(net, "r1", document=document(str(flag), "flag"))
    other = VrrpdFast(net, "r2", VI=FAST.settings(100))
    ours.start()
    other.start()
    ours.wait_state("VI", "MASTER")
    other.wait_state("VI", "BACKUP")
    flag.unlink()
    removed_ns = now_ns()
    status = ours.wait_state("VI", "FAULT", timeout=2)
    assert "flag" in status["reason"]
    goodbye = wire.wait_advert("r1", priority=0, after=removed_ns)
    assert (goodbye.time_ns - removed_ns) / 1e9 < CHECK_S + 0.3
    taken = wire.wait_advert("r2", after=goodbye.time_ns)
    skew_s = (taken.time_ns - goodbye.time_ns) / 1e9
    assert FAST.skew_s(100) - EARLY_S < skew_s < FAST.skew_s(100) + other.late_s()
    wait_until(lambda: not ours.holds(FAST.vip), 1, "the address is gone")
    wire.wait_adverts(5, "r2", after=taken.time_ns)
    assert not wire.adverts("r1", after=goodbye.time_ns)
    flag.touch()
    ours.wait_state("VI", "MASTER", timeout=3)
    other.wait_state("VI", "BACKUP")


def test_a_script_that_never_succeeded_is_a_fault_from_the_start(build: Build, capture: Tap) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    flag = net.directory / "flag"
    ours = VrrpdFast(net, "r1", document=document(str(flag), "flag"))
    ours.start()
    ours.wait_state("VI", "FAULT", timeout=2)
    assert not wire.adverts("r1")
    assert not ours.holds(FAST.vip)
    flag.touch()
    ours.wait_state("VI", "MASTER", timeout=3)


@pytest.mark.rfc("T6", "B8")
@pytest.mark.parametrize(
    ("tracked", "up", "failed"),
    [
        ("flag weight 20", 170, 150),
        ("flag weight -20", 150, 130),
        ("flag weight 20 reverse", 130, 150),
        ("flag weight 253", 254, 150),
        ("flag weight -253", 150, 1),
    ],
)
def test_a_weight_moves_the_priority_on_the_wire(
    build: Build, capture: Tap, tracked: str, up: int, failed: int
) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    flag = net.directory / "flag"
    flag.touch()
    ours = VrrpdFast(net, "r1", document=document(str(flag), tracked))
    ours.start()
    wire.wait_advert("r1", priority=up)
    flag.unlink()
    wire.wait_advert("r1", priority=failed, after=now_ns())
    status = ours.instance("VI")
    assert (status["priority"], status["effective_priority"]) == (150, failed)
    flag.touch()
    touched_ns = now_ns()
    wire.wait_advert("r1", priority=up, after=touched_ns)
    assert {advert.priority for advert in wire.adverts("r1")} <= {150, up, failed}


def test_rise_and_fall(build: Build, capture: Tap) -> None:
    """Three failures in a row make it failed; the priority stays until then."""
    net = build(["r1", "client"])
    wire = capture(net)
    flag = net.directory / "flag"
    flag.touch()
    slow = {"fall": 3, "rise": 2, "weight": -50}
    ours = VrrpdFast(net, "r1", document=document(str(flag), "flag", **slow))
    ours.start()
    wire.wait_advert("r1", priority=150)
    wait_until(lambda: "up" in str(ours.instance("VI")["tracking"]).lower(), 2, "the script was seen up")
    flag.unlink()
    removed_ns = now_ns()
    lowered = wire.wait_advert("r1", priority=100, after=removed_ns)
    # The third failure comes two to three intervals after the first possible one, then the next advert.
    assert 2 * CHECK_S - 0.01 < (lowered.time_ns - removed_ns) / 1e9 < 3 * CHECK_S + 0.1 + 0.3
    flag.touch()
    wire.wait_advert("r1", priority=150, after=now_ns())


def test_a_script_that_hangs_is_killed_with_its_children(build: Build, capture: Tap) -> None:
    """It counts as failed after its timeout, and no process of it stays."""
    net = build(["r1", "client"])
    wire = capture(net)
    marker = f"300.{random.randrange(10**9):09d}"
    config = document("unused", "flag", timeout=0.3, interval=1)
    config["vrrp_script"] = {
        "flag": {
            "script": f"sleep {marker} & sleep {marker}; true",
            "timeout": 1,
            "interval": 5,
            "weight": -50,
        }
    }
    ours = VrrpdFast(net, "r1", document=config)
    ours.start(wait=False)

    def running() -> bool:
        return net.run("r1", "pgrep", "-f", f"^sleep {marker}", check=False).returncode == 0

    wait_until(running, 5, "the script runs")
    wire.wait_advert("r1", priority=100)
    wait_until(lambda: not running(), 3, "script and child are gone")
