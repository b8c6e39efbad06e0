"""The stats segment beside control socket and wire: the same facts, the same numbers, to the packet."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from lab.kit.fixtures import Build, Tap
from lab.kit.settings import FAST
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until
from vrrpd_fast.observe import Condition, Snapshot, read, status

JSON = dict[str, Any]
# What a script counts, which is read once in a while.
SCRIPT_COUNTS = ("runs", "skipped", "last_duration")


def seen(daemon: VrrpdFast) -> Snapshot:
    return read(str(daemon.socket_path))


def wait_seen(
    daemon: VrrpdFast, wanted: Callable[[Snapshot], bool], what: str, timeout: float = 5.0
) -> Snapshot:
    def look() -> Snapshot | None:
        snapshot = seen(daemon)
        return snapshot if wanted(snapshot) else None

    return wait_until(look, timeout, what)


def document(flag: str, number: str) -> JSON:
    """Three virtual routers, two of them in a group, and one of each kind that is tracked without a peer."""
    return {
        "global_defs": {"router_id": "r1", "script_user": "root"},
        "vrrp_script": {"flag": {"script": f"test -e {flag}", "interval": 0.2}},
        "track_file": {"number": {"file": number}},
        "vrrp_sync_group": {"both": {"group": ["VI", "VI_2"], "sync_group_tracking_weight": True}},
        "vrrp_instance": {
            "VI": FAST.settings(
                150,
                track_script=["flag weight 20"],
                track_file=["number weight 2"],
                track_interface=["lo weight 3"],
            ),
            "VI_2": FAST.settings(150, 52, virtual_ipaddress=["10.0.0.101/24"]),
            "alone": FAST.settings(150, 53, virtual_ipaddress=["10.0.0.102/24"]),
        },
    }


def same(daemon: VrrpdFast) -> None:
    """Field by field: the segment says what the daemon says, and counters lie between two answers of it."""
    before = daemon.status()
    time.sleep(1.3)
    shown = status(seen(daemon))
    after = daemon.status()
    assert [each["name"] for each in shown["instances"]] == [each["name"] for each in after["instances"]]
    for name in ("router_id", "version", "pid"):
        assert shown[name] == after[name]
    assert before["uptime"] <= shown["uptime"] + 0.002 and shown["uptime"] <= after["uptime"] + 0.002
    for early, ours, late in zip(before["instances"], shown["instances"], after["instances"], strict=True):
        between(early.pop("statistics"), ours["statistics"], late.pop("statistics"))
        for one, other, third in zip(
            early.pop("tracking"), ours["tracking"], late.pop("tracking"), strict=True
        ):
            for count in SCRIPT_COUNTS:
                one.pop(count, None), third.pop(count, None)
            assert one == third == {key: other[key] for key in third}
        assert early == late
        assert late == {key: ours[key] for key in late}
    between(before["unattributed"], shown["unattributed"], after["unattributed"])
    for each in (before, shown, after):
        del each["engine"]["lateness_ns"]
    between(before["engine"], shown["engine"], after["engine"])
    assert shown["notify"] == after["notify"]


def between(early: dict[str, int], ours: dict[str, int], late: dict[str, int]) -> None:
    assert early.keys() == ours.keys() == late.keys()
    assert not {
        key: (early[key], ours[key], late[key]) for key in late if not early[key] <= ours[key] <= late[key]
    }


def test_it_says_what_the_daemon_says(build: Build) -> None:
    """After a takeover with trackers, while they move, and after a reload that removes and adds."""
    net = build(["r1", "r2"])
    flag, number = net.directory / "flag", net.directory / "number"
    flag.touch()
    number.write_text("4\n")
    ours = VrrpdFast(net, "r1", document=document(str(flag), str(number)))
    vips = {vrid: [f"10.0.0.{vrid + 49}/24"] for vrid in (51, 52, 53)}
    settings = {
        name: FAST.settings(200, vrid, virtual_ipaddress=vips[vrid])
        for name, vrid in (("VI", 51), ("VI_2", 52), ("alone", 53))
    }
    other = VrrpdFast(net, "r2", **settings)
    other.start()
    other.wait_state("VI", "MASTER")
    ours.start()
    wait_until(
        lambda: {each["master_address"] for each in ours.status()["instances"]} == {"10.0.0.2"},
        5,
        "the masters are heard",
    )
    same(ours)
    other.kill()
    ours.wait_state("VI", "MASTER")
    ours.wait_state("VI_2", "MASTER")
    ours.wait_state("alone", "MASTER")
    same(ours)
    snapshot = seen(ours)
    (first, second, alone) = snapshot.instances
    assert (first["cause"], first["old_state"], first["group"]) == ("no_advert", "BACKUP", "both")
    assert first["effective_priority"] == 150 + 20 + 8 + 3
    assert first["failover"] == second["failover"] != alone["failover"]
    assert alone["lateness_ns"] is not None and first["lateness_ns"] is None  # the group decided
    bounds = [bound for bound in snapshot.takeover["advert"] if bound // 2 <= alone["lateness_ns"] < bound]
    assert sum(snapshot.takeover["advert"].values()) == len(bounds) == 1
    assert snapshot.groups == [{"name": "both", "state": "MASTER", "members": ["VI", "VI_2"]}]
    assert sorted((each["type"], each["name"]) for each in snapshot.trackers) == [
        ("file", "number"),
        ("interface", "lo"),
        ("script", "flag"),
    ]
    flag.unlink()
    number.write_text("1\n")
    wait_seen(
        ours, lambda now: now.instances[0]["effective_priority"] == 150 + 2 + 3, "the priority that is left"
    )
    same(ours)
    changed = document(str(flag), str(number))
    del changed["vrrp_sync_group"], changed["vrrp_instance"]["VI_2"], changed["vrrp_script"]
    del changed["vrrp_instance"]["VI"]["track_script"]
    changed["vrrp_instance"]["fresh"] = FAST.settings(90, 54, virtual_ipaddress=["10.0.0.103/24"])
    ours.change(changed)
    ours.call("Reload")
    assert [each["name"] for each in seen(ours).instances] == ["VI", "alone", "fresh"]
    ours.wait_state("fresh", "MASTER")
    same(ours)
    assert not seen(ours).groups


def test_the_counters_are_those_of_the_wire(build: Build, capture: Tap) -> None:
    """To the packet, over failovers by SIGTERM and by kill -9: what each sent, what the other accepted."""
    net = build(["r1", "r2"])
    wire = capture(net)
    vrids = {"VI": 51, "VI_2": 52}

    def settings(priority: int) -> dict[str, JSON]:
        return {
            name: FAST.settings(priority, vrid, virtual_ipaddress=[f"10.0.0.{vrid + 49}/24"])
            for name, vrid in vrids.items()
        }

    leader, heir = VrrpdFast(net, "r1", **settings(150)), VrrpdFast(net, "r2", **settings(100))
    heir.start()
    heir.wait_state("VI", "MASTER")
    for end in (leader.stop, leader.kill, leader.stop):
        since_ns = time.time_ns()
        leader.start()
        leader.wait_state("VI", "MASTER")
        heir.wait_state("VI_2", "BACKUP")
        time.sleep(1.5)  # the kernel filter absorbs for a while
        assert sum(each["statistics"]["kernel_absorbed"] for each in heir.status()["instances"]) > 5
        end()
        heir.wait_state("VI", "MASTER")
        heir.wait_state("VI_2", "MASTER")
        last = seen(leader)
        assert last.condition is Condition.STOPPED
        if end == leader.stop:
            for each in last.instances:
                assert each["statistics"]["advertisement_sent"] == len(
                    wire.adverts("r1", vrid=vrids[each["name"]], after=since_ns)
                )
                assert (each["state"], each["old_state"], each["cause"]) == ("INIT", "MASTER", "shutdown")
    assert heir.stop() == 0
    wire.wait_time(time.time_ns())
    for each in seen(heir).instances:
        vrid, counters = vrids[each["name"]], each["statistics"]
        assert counters["advertisement_sent"] == len(wire.adverts("r2", vrid=vrid))
        assert counters["priority_zero_pkts_sent"] == len(wire.adverts("r2", vrid=vrid, priority=0)) == 1
        assert counters["advertisement_rcvd"] == len(wire.adverts("r1", vrid=vrid))
        assert counters["priority_zero_pkts_rcvd"] == len(wire.adverts("r1", vrid=vrid, priority=0)) == 2
        assert counters["master_transitions"] == 4 and each["flaps"] == 1 + 2 * 3 + 1 + 1
    assert not any(seen(heir).unattributed.values())


def test_conditions(build: Build) -> None:
    """Running, stuck, running again, killed; and a second daemon changes nothing."""
    net = build(["r1"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings(255))
    with pytest.raises(OSError, match="not there"):
        seen(ours)
    ours.start()
    running = wait_seen(ours, lambda now: now.condition is Condition.RUNNING, "running")
    assert ours.process is not None and running.pid == ours.process.pid
    assert os.stat(f"{ours.socket_path}.stats").st_mode & 0o777 == 0o644
    second = net.run("r1", *ours.argv(), check=False)
    assert second.returncode == 1 and "already running" in second.stderr
    assert seen(ours).pid == ours.process.pid and seen(ours).condition is Condition.RUNNING
    ours.signal(signal.SIGSTOP)
    stuck = wait_seen(ours, lambda now: now.condition is Condition.STUCK, "stuck")
    assert [each["state"] for each in stuck.instances] == ["MASTER"]
    ours.signal(signal.SIGCONT)
    wait_seen(ours, lambda now: now.condition is Condition.RUNNING, "running again")
    ours.kill()
    killed = seen(ours)
    assert killed.condition is Condition.STOPPED
    assert [each["state"] for each in killed.instances] == ["MASTER"]
    ours.start()
    assert wait_seen(ours, lambda now: now.condition is Condition.RUNNING, "another").pid != running.pid
