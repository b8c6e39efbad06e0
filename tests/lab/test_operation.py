"""Running the daemon: starting, stopping, a second copy, what a crash leaves, what it says."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net
from lab.kit.settings import FAST, FAST6, FLAVOURS
from lab.kit.vrrpd import DAEMON, VrrpdFast, environment
from lab.kit.waiting import wait_until


def run(net: Net, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the daemon's command in r1 to its end."""
    return subprocess.run(
        net.command("r1", sys.executable, "-m", DAEMON, *words),
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(),
    )


@pytest.mark.rfc("A4")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_stopping_withdraws_everything(
    build: Build, capture: Tap, flavour: str, number: signal.Signals
) -> None:
    """One advert of priority 0, no address left, exit status 0, and the socket is gone."""
    kind = FLAVOURS[flavour]
    net = build(["r1", "client"])
    wire = capture(net)
    before = net.addresses("r1")
    ours = VrrpdFast(net, "r1", VI=kind.settings())
    ours.start()
    ours.wait_state("VI", "MASTER")
    wait_until(lambda: ours.holds(kind.vip), 2, "the master has the address")
    ours.signal(number)
    assert ours.process is not None
    assert ours.process.wait(5) == 0
    assert net.addresses("r1") == before
    goodbye = wire.wait_advert("r1", priority=0)
    assert len(wire.adverts("r1", priority=0)) == 1
    assert not wire.adverts("r1", after=goodbye.time_ns)
    assert not ours.socket_path.exists()


def test_a_second_copy_is_refused(build: Build, capture: Tap) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings())
    ours.start()
    ours.wait_state("VI", "MASTER")
    second = run(net, "--config", str(ours.config_path), "--socket", str(ours.socket_path))
    assert second.returncode == 1
    assert str(ours.socket_path) in second.stderr
    assert ours.state("VI") == "MASTER"
    assert ours.holds(FAST.vip)
    assert not wire.adverts("r1", priority=0)


def test_the_socket_of_a_killed_daemon_is_no_obstacle(build: Build) -> None:
    net = build(["r1", "client"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings())
    ours.start()
    ours.kill()
    assert ours.socket_path.exists()
    ours.start()
    ours.wait_state("VI", "MASTER")


def test_withdraw_removes_what_a_killed_daemon_left(build: Build) -> None:
    """kill -9 leaves the addresses; --withdraw takes ours and nothing else, even without a file to read."""
    net = build(["r1", "client"])
    before = net.addresses("r1")
    ours = VrrpdFast(net, "r1", FOUR=FAST.settings(vrid=4), SIX=FAST6.settings(vrid=6))
    ours.start()
    ours.wait_state("FOUR", "MASTER")
    ours.wait_state("SIX", "MASTER")
    wait_until(lambda: ours.holds(FAST.vip) and ours.holds(FAST6.vip), 2, "both addresses are there")
    ours.kill()
    assert {FAST.vip, FAST6.vip} <= net.addresses("r1")
    done = run(net, "--config", str(ours.config_path), "--withdraw")
    assert done.returncode == 0, done.stderr
    assert net.addresses("r1") == before


def test_a_restart_as_backup_drops_what_a_killed_daemon_left(build: Build, capture: Tap) -> None:
    """Killed as MASTER and started again while another is MASTER: the address must not be there twice."""
    net = build(["r1", "r2"])
    wire = capture(net)
    first = VrrpdFast(net, "r1", VI=FAST.settings(100))
    first.start()
    first.wait_state("VI", "MASTER")
    wait_until(lambda: first.holds(FAST.vip), 2, "the address is there")
    first.kill()
    second = VrrpdFast(net, "r2", VI=FAST.settings(200))
    second.start()
    second.wait_state("VI", "MASTER")
    first.start()
    wire.wait_advert("r2")
    first.wait_state("VI", "BACKUP")
    wait_until(lambda: not first.holds(FAST.vip), 1, "the leftover is gone")


def test_status_is_what_the_contract_says(build: Build) -> None:
    net = build(["r1", "client"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings(123))
    ours.start()
    ours.wait_state("VI", "MASTER")
    shown = ours.ctl("status", "--json")
    assert shown.returncode == 0, shown.stderr
    status = json.loads(shown.stdout)
    assert status["router_id"] == "r1"
    assert status["uptime"] >= 0
    assert {"version", "pid"} <= status.keys()
    (instance,) = status["instances"]
    assert instance["name"] == "VI"
    assert instance["interface"] == "eth0"
    assert instance["address_family"] == "ipv4"
    assert instance["virtual_router_id"] == 51
    assert instance["version"] == 3
    assert instance["state"] == "MASTER"
    assert (instance["priority"], instance["effective_priority"]) == (123, 123)
    assert instance["advert_int"] == pytest.approx(0.1)
    assert {"master_advert_int", "master_address", "master_priority"} <= instance.keys()
    assert {"last_transition", "reason", "virtual_addresses", "tracking"} <= instance.keys()
    assert set(instance["statistics"]) >= {
        "master_transitions",
        "advertisement_rcvd",
        "advertisement_sent",
        "interval_errors",
        "priority_zero_pkts_rcvd",
        "priority_zero_pkts_sent",
        "invalid_type_pkts_rcvd",
        "packet_length_errors",
        "checksum_errors",
        "version_errors",
        "vrid_errors",
        "ip_ttl_errors",
        "address_list_errors",
        "authentication_errors",
        "peer_errors",
        "kernel_absorbed",
    }
    table = ours.ctl("status")
    assert table.returncode == 0
    assert "VI" in table.stdout
    assert "MASTER" in table.stdout
    assert ours.ctl("status", "NOBODY").returncode == 1


def test_a_takeover_is_told_with_its_reason(build: Build) -> None:
    """Who was silent for how long, and what the protocol allows him."""
    net = build(["r1", "r2"])
    other = VrrpdFast(net, "r2", VI=FAST.settings(200))
    ours = VrrpdFast(net, "r1", VI=FAST.settings(100))
    other.start()
    other.wait_state("VI", "MASTER")
    ours.start()
    wait_until(lambda: ours.instance("VI")["master_priority"] == 200, 2, "the master was heard")
    other.kill()
    ours.wait_state("VI", "MASTER")
    ours.wait_log("no advert from 10.0.0.2 for 36")
    ours.wait_log("3 × 100 ms + skew 61 ms")


@pytest.mark.rfc("P5")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"vrrp_instance": {"VI": {"interface": "eth0", "virtual_router_id": 1,\n "priorty": 5,', "2:"),
        ("not a file", "1:1"),
        (json.dumps({"vrrp_instance": {"A": FAST.settings(), "B": FAST.settings()}}, indent=1), "51"),
        (
            json.dumps({"vrrp_instance": {"A": FLAVOURS["v2"].settings(advert_int=0.5)}}, indent=1),
            "version",
        ),
    ],
)
def test_check_names_file_line_and_column(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "vips.json"
    path.write_text(text)
    words = [sys.executable, "-m", DAEMON, "--config", str(path), "--check"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment())
    assert done.returncode == 2
    lines = (done.stdout + done.stderr).splitlines()
    assert any(line.startswith(f"{path}:") and ": error: " in line and told in line for line in lines), lines


def test_a_broken_file_is_no_start(build: Build) -> None:
    net = build(["r1", "client"])
    path = net.directory / "vips.json"
    path.write_text('{"vrrp_instance": {"VI": {"interface": "eth0"}}}')
    done = run(net, "--config", str(path), "--socket", str(net.directory / "sock"))
    assert done.returncode == 2
    assert f"{path}:" in done.stderr


def test_the_control_socket_is_its_owners_alone(build: Build) -> None:
    net = build(["r1", "client"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings())
    ours.start()
    assert ours.socket_path.stat().st_mode & 0o777 == 0o600


def test_the_service_manager_is_told(build: Build) -> None:
    """READY, RELOADING with its time, STOPPING, and the watchdog in between (sd_notify)."""
    net = build(["r1", "client"])
    path = net.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(5)

        def hear(line: str) -> None:
            """Read messages until one has this line; TimeoutError when none comes."""
            while line not in manager.recv(4096).decode().splitlines():
                continue

        ours = VrrpdFast(net, "r1", VI=FAST.settings())
        ours.extra_environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}
        ours.start()
        hear("READY=1")
        hear("WATCHDOG=1")
        hear("WATCHDOG=1")
        ours.signal(signal.SIGHUP)
        hear("RELOADING=1")
        hear("READY=1")
        ours.stop()
        hear("STOPPING=1")
