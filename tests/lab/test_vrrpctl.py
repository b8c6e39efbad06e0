"""vrrpctl against a real daemon: what it shows while that runs, is stuck and has ended, and its orders."""

import json
import signal
import time

import pytest

from lab.kit.fixtures import Build
from lab.kit.settings import FAST
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until


def pair(build: Build) -> tuple[VrrpdFast, VrrpdFast]:
    net = build(["r1", "r2"])
    first = VrrpdFast(net, "r1", VI=FAST.settings(200), lan=FAST.settings(200, 60, interface="eth9"))
    second = VrrpdFast(net, "r2", VI=FAST.settings(100))
    for router in (first, second):
        router.start()
    first.wait_state("VI", "MASTER")
    second.wait_state("VI", "BACKUP")
    return first, second


def test_a_daemon_that_runs_is_stuck_and_ends(build: Build) -> None:
    first, second = pair(build)
    assert first.ctl("status", "--expect", "MASTER", "VI").returncode == 0
    assert second.ctl("status", "--expect", "BACKUP").returncode == 0
    refused = first.ctl("status", "--expect", "MASTER")
    assert (refused.returncode, refused.stderr) == (
        1,
        "vrrpctl: lan is FAULT: interface eth9 does not exist\n",
    )
    shown = first.ctl("status").stdout.splitlines()
    assert shown[1] == "2 virtual routers: 1 FAULT, 1 MASTER"
    assert shown[3] == "lan FAULT: interface eth9 does not exist"

    assert first.process is not None
    first.process.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: first.ctl("status").returncode == 3, 10, "the daemon is seen to be stuck")
        stuck = first.ctl("status", "VI")
        assert stuck.stdout.startswith("STUCK: vrrpd-fast ")
        assert "MASTER for " in stuck.stdout
        assert first.ctl("stats").stdout.startswith("STUCK: ")
        # What asks the daemon does not wait for it for ever, nor does what does not ask.
        assert first.ctl("status", "--expect", "MASTER", "VI").returncode == 3
    finally:
        first.process.send_signal(signal.SIGCONT)
    wait_until(lambda: first.ctl("status", "--expect", "MASTER", "VI").returncode == 0, 10, "it goes on")

    first.kill()
    ended = first.ctl("status")
    assert ended.returncode == 3
    assert ended.stdout.startswith("STOPPED: vrrpd-fast ")
    assert "VI    eth0" in ended.stdout
    second.wait_state("VI", "MASTER")
    second.stop()
    assert second.ctl("status", "--json").returncode == 3
    assert json.loads(second.ctl("status", "--json").stdout)["condition"] == "stopped"


def test_rates_are_those_of_the_wire(build: Build) -> None:
    """At ten a second each way; what the kernel absorbs counts as received."""
    first, second = pair(build)
    sent = json.loads(first.ctl("stats", "VI", "--interval", "5", "--json").stdout)
    (counts,) = sent["instances"]
    assert counts["rates"]["advertisement_sent"] == pytest.approx(10, abs=1)
    heard = json.loads(second.ctl("stats", "--interval", "5", "--json").stdout)
    (counts,) = heard["instances"]
    assert counts["rates"]["advertisement_rcvd"] == pytest.approx(10, abs=1)
    rows = json.loads(second.ctl("top", "--interval", "3", "--json").stdout)
    assert [row["name"] for row in rows] == ["VI"]
    assert rows[0]["received_per_second"] == pytest.approx(10, abs=4)
    worst = json.loads(first.ctl("top", "--interval", "3", "--json").stdout)[0]
    assert (worst["name"], worst["trouble"]) == ("lan", "interface eth9 does not exist")


def test_orders(build: Build) -> None:
    first, second = pair(build)
    resigned = first.ctl("resign", "V*", "--for", "300")
    assert resigned.returncode == 0, resigned.stderr
    assert resigned.stdout == "resigned: VI\nthey take nothing back from a live master for 5m0s\n"
    first.wait_state("VI", "BACKUP")
    second.wait_state("VI", "MASTER")
    wait_until(
        lambda: "VI BACKUP: priority 200, resigned by the operator until " in first.ctl("status").stdout,
        5,
        "the order is shown",
    )
    time.sleep(1)  # more than its down timer and that of the other
    assert first.state("VI") == "BACKUP"
    assert first.ctl("resign", "VI", "--for", "0").stdout == "they preempt again as their priority says\n"
    first.wait_state("VI", "MASTER")

    changed = first.ctl("priority", "VI", "50")
    assert changed.stdout == ("base priority 50 in place of the configured 200; with what trackers add 50\n")
    second.wait_state("VI", "MASTER")
    assert first.ctl("priority", "VI", "auto").returncode == 0
    first.wait_state("VI", "MASTER")
    refused = first.ctl("priority", "nobody", "50")
    assert (refused.returncode, refused.stderr) == (1, "vrrpctl: no virtual router is named 'nobody'\n")

    assert first.ctl("log-level", "debug").stdout == "log level info -> debug\n"
    assert first.ctl("log-level", "info").stdout == "log level debug -> info\n"
    assert first.ctl("completion", "fish", "--socket", str(first.socket_path), "why", "").stdout == (
        "VI\tMASTER on eth0\nlan\tFAULT on eth9\n"
    )
