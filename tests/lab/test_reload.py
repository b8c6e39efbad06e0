"""Reload: the difference is applied, who is not concerned does not notice, a broken file changes nothing."""

import json
import signal

import pytest

from lab.kit.capture import gaps_ms
from lab.kit.daemons import Settings
from lab.kit.fixtures import Build, Tap
from lab.kit.net import now_ns
from lab.kit.settings import FAST, FAST6
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until


def router(number: int, priority: int = 100, **more: object) -> Settings:
    """The virtual router of a VRID with an address of its own."""
    return FAST.settings(priority, vrid=number, virtual_ipaddress=[f"10.0.0.{number}/24"], **more)


def reload(ours: VrrpdFast, how: str) -> None:
    """Reload by signal or by vrrpctl, and wait until it was done."""
    if how == "vrrpctl":
        done = ours.ctl("reload")
        assert done.returncode == 0, done.stderr
    else:
        said = len(ours.log)
        ours.signal(signal.SIGHUP)
        wait_until(lambda: "reload" in ours.log[said:].lower(), 5, f"the reload is logged:\n{ours.log}")


both_ways = pytest.mark.parametrize("how", ["SIGHUP", "vrrpctl"])


@both_ways
def test_reload_applies_the_difference(build: Build, capture: Tap, how: str) -> None:
    """One virtual router changed, one removed, one added; the untouched ones keep their beat."""
    net = build(["r1", "client"])
    wire = capture(net)
    same = {f"SAME{number}": router(number) for number in (101, 102, 103)}
    ours = VrrpdFast(net, "r1", **same, CHANGED=router(110), REMOVED=router(120))
    ours.start()
    for vrid in (101, 102, 103, 110, 120):
        wire.wait_advert("r1", vrid=vrid)
    before_ns = now_ns()
    changed = router(110, 150, virtual_ipaddress_excluded=["10.0.0.111/24"])
    ours.change(**same, CHANGED=changed, ADDED=router(130))
    reload(ours, how)
    wire.wait_advert("r1", vrid=130, after=before_ns)
    wire.wait_advert("r1", vrid=110, priority=150, after=before_ns)
    goodbye = wire.wait_advert("r1", vrid=120, priority=0, after=before_ns)
    wait_until(lambda: "10.0.0.111" in net.addresses("r1"), 2, "the added address is there")
    wire.wait_adverts(5, "r1", after=now_ns(), vrid=101)
    held = net.addresses("r1")
    assert {"10.0.0.101", "10.0.0.102", "10.0.0.103", "10.0.0.110", "10.0.0.130"} <= held
    assert "10.0.0.120" not in held
    assert not wire.adverts("r1", vrid=120, after=goodbye.time_ns)
    for vrid in (101, 102, 103):
        own = wire.adverts("r1", vrid=vrid, after=before_ns - 300_000_000)
        assert len(own) > 5
        assert max(gaps_ms(own)) < 100 + ours.late_s(0.015) * 1000
        assert {advert.priority for advert in own} == {100}
    # The changed one stayed MASTER: no goodbye, and no gap that a backup would take for its end.
    own = wire.adverts("r1", vrid=110, after=before_ns - 300_000_000)
    assert 0 not in {advert.priority for advert in own}
    assert max(gaps_ms(own)) < 100 + ours.late_s(0.1) * 1000
    assert {entry["name"] for entry in ours.status()["instances"]} == {
        *same,
        "CHANGED",
        "ADDED",
    }


@both_ways
def test_a_reload_without_a_difference_is_not_noticed(build: Build, capture: Tap, how: str) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    first, second = VrrpdFast(net, "r1", VI=FAST.settings(200)), VrrpdFast(net, "r2", VI=FAST.settings(100))
    first.start()
    second.start()
    first.wait_state("VI", "MASTER")
    second.wait_state("VI", "BACKUP")
    since = now_ns()
    wire.wait_advert("r1", after=since)
    reload(first, how)
    reload(second, how)
    reload(first, how)
    wire.wait_adverts(5, "r1", after=now_ns())
    assert max(gaps_ms(wire.adverts("r1", after=since))) < 100 + first.late_s(0.015) * 1000
    assert not wire.adverts("r2", after=since)
    assert {advert.priority for advert in wire.adverts("r1", after=since)} == {200}


BROKEN = {
    "syntax": ('{"vrrp_instance": ', ":1:"),
    "unknown key": (
        json.dumps({"vrrp_instance": {"VI": FAST.settings() | {"priorty": 5}}}, indent=1),
        "priority",
    ),
    "range": (json.dumps({"vrrp_instance": {"VI": FAST.settings(priority=256)}}, indent=1), "256"),
    "missing": ('{"vrrp_instance": {"VI": {"interface": "eth0"}}}', "virtual_router_id"),
}


@both_ways
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_changes_nothing_and_says_so(build: Build, capture: Tap, fault: str, how: str) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings())
    ours.start()
    wire.wait_advert("r1")
    text, told = BROKEN[fault]
    ours.config_path.write_text(text)
    said = len(ours.log)
    since = now_ns()
    if how == "vrrpctl":
        done = ours.ctl("reload")
        assert done.returncode == 1
        assert told in done.stdout + done.stderr
        assert str(ours.config_path) in done.stdout + done.stderr
    else:
        ours.signal(signal.SIGHUP)
        ours.wait_log(f"{ours.config_path}:", after=said)
        ours.wait_log(told, after=said)
    wire.wait_adverts(5, "r1", after=now_ns())
    assert max(gaps_ms(wire.adverts("r1", after=since))) < 100 + ours.late_s(0.015) * 1000
    assert ours.state("VI") == "MASTER"
    assert ours.holds(FAST.vip)


def test_changed_addresses_are_advertised_and_carried(build: Build, capture: Tap) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings(virtual_ipaddress=["10.0.0.100/24", "10.0.0.101/24"]))
    ours.start()
    ours.wait_state("VI", "MASTER")
    ours.change(VI=FAST.settings(virtual_ipaddress=["10.0.0.101/24", "10.0.0.102/24"]))
    reload(ours, "vrrpctl")
    wait_until(lambda: "10.0.0.102" in net.addresses("r1"), 2, "the new address is there")
    wait_until(lambda: "10.0.0.100" not in net.addresses("r1"), 2, "the old address is gone")
    assert "10.0.0.101" in net.addresses("r1")
    assert wire.wait_advert("r1", after=now_ns()).addresses == ["10.0.0.101", "10.0.0.102"]
    assert wire.announcements("r1", "10.0.0.102")
    assert 0 not in {advert.priority for advert in wire.adverts("r1")}


def test_an_instance_moves_to_another_vrid(build: Build, capture: Tap) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings(vrid=10))
    ours.start()
    wire.wait_advert("r1", vrid=10)
    ours.change(VI=FAST.settings(vrid=11))
    reload(ours, "vrrpctl")
    wire.wait_advert("r1", vrid=10, priority=0)
    wire.wait_advert("r1", vrid=11)
    wait_until(lambda: ours.holds(FAST.vip), 2, "the address moved with it")


@pytest.mark.rfc("T6")
def test_a_priority_raised_on_a_backup_moves_its_running_timer(build: Build, capture: Tap) -> None:
    """254 instead of 1: the takeover comes one skew of 254 after three intervals, not one of 1."""
    net = build(["r1", "r2"])
    wire = capture(net)
    other = VrrpdFast(net, "r2", VI=FAST.settings(255, advert_int=1))
    ours = VrrpdFast(net, "r1", VI=FAST.settings(1, advert_int=1))
    other.start()
    ours.start()
    wire.wait_adverts(2, "r2", after=now_ns())
    ours.wait_state("VI", "BACKUP")
    other.kill()
    last = wire.adverts("r2")[-1]
    ours.change(VI=FAST.settings(254, advert_int=1))
    reload(ours, "vrrpctl")
    taken = wire.wait_advert("r1")
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert 3 - 0.01 < silence_s < 3 + 2 / 256 + ours.late_s()


def test_both_families_come_and_go(build: Build, capture: Tap) -> None:
    """A file with IPv4 only gets IPv6 at a reload and loses IPv4 at the next: sockets follow."""
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", FOUR=FAST.settings(vrid=4))
    ours.start()
    wire.wait_advert("r1", vrid=4)
    ours.change(FOUR=FAST.settings(vrid=4), SIX=FAST6.settings(vrid=6))
    reload(ours, "vrrpctl")
    wire.wait_advert("r1", vrid=6)
    ours.change(SIX=FAST6.settings(vrid=6))
    reload(ours, "vrrpctl")
    goodbye = wire.wait_advert("r1", vrid=4, priority=0)
    wire.wait_adverts(3, "r1", after=goodbye.time_ns, vrid=6)
    assert not wire.adverts("r1", vrid=4, after=goodbye.time_ns)
