"""What an operator orders over the control socket: resign, another priority, the log level."""

import time
from typing import Any

import pytest

from lab.kit.fixtures import Build, Tap
from lab.kit.inject import Injector
from lab.kit.net import Net, now_ns
from lab.kit.settings import FAST
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until


def pair(build: Build, **settings: Any) -> tuple[Net, VrrpdFast, VrrpdFast]:
    """r1 MASTER with priority 150, r2 its BACKUP."""
    net = build(["r1", "r2"])
    first = VrrpdFast(net, "r1", VI=FAST.settings(150, **settings))
    second = VrrpdFast(net, "r2", VI=FAST.settings(100))
    first.start()
    first.wait_state("VI", "MASTER")
    second.start()
    second.wait_state("VI", "BACKUP")
    wait_until(lambda: second.instance("VI")["master_priority"] == 150, 5, "r2 follows r1")
    return net, first, second


def resign(router: VrrpdFast, *names: str, seconds: float | None = None) -> dict[str, Any]:
    return router.call("Resign", names=list(names) or ["VI"], for_seconds=seconds)


def test_resign_is_one_priority_zero_and_the_peer_takes_over_after_its_skew(
    build: Build, capture: Tap
) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    first = VrrpdFast(net, "r1", VI=FAST.settings(150))
    second = VrrpdFast(net, "r2", VI=FAST.settings(100))
    first.start()
    first.wait_state("VI", "MASTER")
    second.start()
    wait_until(lambda: second.instance("VI")["master_priority"] == 150, 5, "r2 follows r1")
    before = now_ns()
    assert resign(first) == {"resigned": ["VI"], "held": ["VI"], "refused": {}}
    goodbye = wire.wait_advert("r1", priority=0, after=before)
    taken = wire.wait_advert("r2", after=goodbye.time_ns)
    assert (taken.time_ns - goodbye.time_ns) / 1e9 < FAST.skew_s(100) + second.late_s()
    wire.wait_adverts(15, "r2", after=taken.time_ns)
    assert not wire.adverts("r1", after=goodbye.time_ns)
    assert first.state("VI") == "BACKUP"
    assert not first.holds(FAST.vip)
    assert second.holds(FAST.vip)


def test_it_is_taken_back_before_its_time(build: Build) -> None:
    _, first, second = pair(build)
    resign(first, seconds=600)
    second.wait_state("VI", "MASTER")
    answer = resign(first, seconds=0)
    assert answer == {"resigned": [], "held": [], "refused": {}}
    first.wait_state("VI", "MASTER")


def test_a_backup_is_held_back(build: Build) -> None:
    net = build(["r1", "r2"])
    second = VrrpdFast(net, "r2", VI=FAST.settings(100))
    second.start()
    second.wait_state("VI", "MASTER")
    first = VrrpdFast(net, "r1", VI=FAST.settings(150, preempt_delay=2))
    first.start()
    first.wait_state("VI", "BACKUP")
    assert resign(first, seconds=3) == {"resigned": [], "held": ["VI"], "refused": {}}
    time.sleep(2.5)
    assert first.state("VI") == "BACKUP"
    first.wait_state("VI", "MASTER", timeout=6)


def test_with_nobody_else_it_takes_over_and_the_order_is_done(build: Build) -> None:
    net = build(["r1", "r2"])
    first = VrrpdFast(net, "r1", VI=FAST.settings(150))
    first.start()
    first.wait_state("VI", "MASTER")
    resign(first, seconds=600)
    assert "resigned" in first.instance("VI")["reason"]
    first.wait_state("VI", "MASTER")
    first.wait_log("resign is over")
    second = VrrpdFast(net, "r2", VI=FAST.settings(200))
    second.start()
    first.wait_state("VI", "BACKUP")
    second.stop()
    first.wait_state("VI", "MASTER")


def test_a_sync_group_resigns_together(build: Build) -> None:
    net = build(["r1", "r2"])
    members = {
        "A": FAST.settings(150, vrid=51),
        "B": FAST.settings(150, vrid=52, virtual_ipaddress=["10.0.0.52/24"]),
        "ALONE": FAST.settings(150, vrid=53, virtual_ipaddress=["10.0.0.53/24"]),
    }
    document = {"vrrp_instance": members, "vrrp_sync_group": {"G": {"group": ["A", "B"]}}}
    first = VrrpdFast(net, "r1", document=document)
    first.start()
    for name in members:
        first.wait_state(name, "MASTER")
    injector = Injector(net, "r2")
    net.at_close.append(injector.close)
    answer = resign(first, "B", seconds=600)
    assert answer["resigned"] == ["A", "B"]
    assert (first.state("A"), first.state("B"), first.state("ALONE")) == ("BACKUP", "BACKUP", "MASTER")
    for _ in range(10):  # both have a master of lower priority
        injector.advert(vrid=51, priority=50, interval_cs=10, addresses=[FAST.vip])
        injector.advert(vrid=52, priority=50, interval_cs=10, addresses=["10.0.0.52"])
        time.sleep(0.1)
    assert (first.state("A"), first.state("B")) == ("BACKUP", "BACKUP")
    first.wait_state("A", "MASTER")  # and now none
    first.wait_state("B", "MASTER")


def test_owners_do_not_resign_and_keep_their_priority(build: Build) -> None:
    net = build(["r1"])
    owner = FAST.settings(255, vrid=60, virtual_ipaddress=["10.0.0.60/24"])
    document = {
        "vrrp_instance": {
            "VI": FAST.settings(150),
            "O": owner,
        },
    }
    ours = VrrpdFast(net, "r1", document=document)
    ours.start()
    for name in ("VI", "O"):
        ours.wait_state(name, "MASTER")
    answer = resign(ours, "O", "VI")
    assert answer["resigned"] == ["VI"]
    assert answer["refused"].keys() == {"O"}
    assert "owns its addresses" in answer["refused"]["O"]
    assert ours.state("O") == "MASTER"
    with pytest.raises(AssertionError, match="owns its addresses"):
        ours.call("SetPriority", name="O", priority=100)


@pytest.mark.parametrize(
    ("method", "parameters", "error"),
    [
        ("Resign", {"names": ["VI", "nobody"]}, "NotFound.*nobody"),
        ("Resign", {"names": ["VI"], "for_seconds": -1}, "Refused.*a time from 0"),
        ("SetPriority", {"name": "nobody", "priority": 5}, "NotFound"),
        ("SetPriority", {"name": "VI", "priority": 255}, "Refused.*1 to 254"),
        ("SetPriority", {"name": "VI", "priority": 0}, "Refused.*1 to 254"),
        ("SetLogLevel", {"level": "loud"}, "Refused.*debug"),
    ],
)
def test_what_cannot_be_done_says_why(
    build: Build, method: str, parameters: dict[str, Any], error: str
) -> None:
    ours = VrrpdFast(build(["r1"]), "r1", VI=FAST.settings(150))
    ours.start()
    ours.wait_state("VI", "MASTER")
    with pytest.raises(AssertionError, match=error):
        ours.call(method, **parameters)
    assert ours.state("VI") == "MASTER"


def test_a_reload_keeps_the_orders_unless_the_file_changes_the_priority(build: Build) -> None:
    _, first, second = pair(build)
    first.call("SetPriority", name="VI", priority=120)
    resign(first, seconds=600)
    second.wait_state("VI", "MASTER")
    first.change(VI=FAST.settings(150, garp_master_delay=1))
    first.call("Reload")
    time.sleep(1)
    assert first.state("VI") == "BACKUP"
    assert first.instance("VI")["effective_priority"] == 120
    first.change(VI=FAST.settings(151))
    first.call("Reload")
    assert first.instance("VI")["effective_priority"] == 151
    time.sleep(1)
    assert first.state("VI") == "BACKUP"


def test_a_restart_forgets_everything(build: Build) -> None:
    _, first, second = pair(build)
    resign(first, seconds=600)
    first.call("SetPriority", name="VI", priority=50)
    second.wait_state("VI", "MASTER")
    first.stop()
    first.start()
    first.wait_state("VI", "MASTER")
    assert first.instance("VI")["effective_priority"] == 150


def test_a_virtual_router_that_is_removed_takes_its_order_along(build: Build) -> None:
    _, first, second = pair(build)
    resign(first, seconds=1)
    second.wait_state("VI", "MASTER")
    first.change(document={"vrrp_instance": {"VI": FAST.settings(150, vrid=99)}})
    first.call("Reload")
    first.wait_state("VI", "MASTER")  # another one, of which nothing was ordered
    time.sleep(1.2)
    assert first.state("VI") == "MASTER"


def test_the_log_level(build: Build) -> None:
    ours = VrrpdFast(build(["r1"]), "r1", VI=FAST.settings(150))
    ours.start()
    ours.wait_state("VI", "MASTER")
    assert ours.call("SetLogLevel", level="error") == {"previous": "info"}
    length = len(ours.log)
    ours.call("SetPriority", name="VI", priority=77)
    assert ours.call("SetLogLevel", level="info") == {"previous": "error"}
    ours.wait_log("log level info")
    assert "77" not in ours.log[length:]
