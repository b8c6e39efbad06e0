"""How the daemon itself runs: network namespace, scheduling, memory; and that a reload takes it back."""

import os
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

from lab.kit.daemons import Daemon
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net
from lab.kit.settings import FAST
from lab.kit.told import telling
from lab.kit.vrrpd import VrrpdFast, environment
from lab.kit.waiting import wait_until

REPORT = """#!/bin/sh
exec >>{path}.new
echo "policy $(chrt -p $$ | head -1 | sed 's/.*: //')"
echo "urgent $(($(ps -o ni= -p $$) < 0))"
echo "processors $(taskset -p $$ | sed 's/.*: //')"
mv {path}.new {path}
"""


def settings(defs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"global_defs": defs, "vrrp_instance": {"VI": FAST.settings(255, state="MASTER")}, **more}


def status(daemon: Daemon) -> dict[str, str]:
    """/proc/PID/status of the daemon's process."""
    assert daemon.process is not None
    lines = Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def policy(pid: int) -> tuple[int, int]:
    """Scheduling policy and real-time priority of a process."""
    return os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK, os.sched_getparam(pid).sched_priority


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_runs_as_configured_and_a_reload_takes_it_back(build: Build, tmp_path: Path) -> None:
    net = build(["r1", "client"])
    configured = {
        "vrrp_rt_priority": 10,
        "vrrp_priority": -5,
        "vrrp_cpu_affinity": [min(os.sched_getaffinity(0))],
        "vrrp_no_swap": True,
        "vrrp_process_name": "routers",
        "umask": "IWGRP|IWOTH|IROTH",
    }
    ours = VrrpdFast(net, "r1", settings({}))
    ours.start()
    assert ours.process is not None
    pid = ours.process.pid
    plain = status(ours)
    nice = os.getpriority(os.PRIO_PROCESS, pid)
    ours.change(settings(configured))
    assert ours.ctl("reload").returncode == 0
    now = status(ours)
    assert policy(pid) == (os.SCHED_RR, 10)
    assert os.getpriority(os.PRIO_PROCESS, pid) == -5
    assert os.sched_getaffinity(pid) == set(configured["vrrp_cpu_affinity"])  # type: ignore[arg-type]
    assert (now["Name"], now["Umask"]) == ("routers", "0026")
    assert int(now["VmLck"].split()[0]) > 1000
    assert resource.prlimit(pid, resource.RLIMIT_RTTIME)[0] >= 5_000_000
    ours.change(settings({}))
    assert ours.ctl("reload").returncode == 0
    assert policy(pid) == (os.SCHED_OTHER, 0)
    assert os.getpriority(os.PRIO_PROCESS, pid) == nice
    assert {key: status(ours)[key] for key in ("Name", "Umask", "Cpus_allowed", "VmLck")} == {
        key: plain[key] for key in ("Name", "Umask", "Cpus_allowed", "VmLck")
    }
    assert ours.state("VI") == "MASTER"


def test_scripts_are_as_urgent_under_both(build: Build, tmp_path: Path) -> None:
    """A notify script of a daemon at real-time priority: ordinary, but on the daemon's processors."""
    found = {}
    for kind in ("keepalived", "vrrpd-fast"):
        net = build(["r1", "client"])
        report = tmp_path / kind
        script = tmp_path / f"{kind}.sh"
        script.write_text(REPORT.format(path=report))
        script.chmod(0o755)
        text = (
            "global_defs {\n router_id r1\n script_user root\n vrrp_rt_priority 10\n vrrp_priority -5\n"
            " vrrp_cpu_affinity 0\n}\n"
            "vrrp_instance VI {\n interface eth0\n state MASTER\n priority 255\n virtual_router_id 51\n"
            f' notify_master "{script}"\n virtual_ipaddress {{\n 10.0.0.100/24\n }}\n}}\n'
        )
        daemon = telling(kind, net, "r1", text)
        daemon.start()
        wait_until(report.exists, 10, f"the script of {kind} has reported:\n{daemon.log}")
        found[kind] = report.read_text().splitlines()
    assert found["vrrpd-fast"] == found["keepalived"] == ["policy SCHED_OTHER", "urgent 0", "processors 1"]


def test_no_right_to_be_urgent_is_told_and_not_fatal(build: Build) -> None:
    net = build(["r1", "client"])
    ours = VrrpdFast(net, "r1", settings({"vrrp_rt_priority": 10, "vrrp_cpu_affinity": [4000]}))
    argv = ours.argv()
    ours.argv = lambda: ["setpriv", "--bounding-set", "-sys_nice", *argv]  # type: ignore[method-assign]
    ours.start()
    ours.wait_state("VI", "MASTER")
    assert "vrrp_rt_priority: cannot be 10: Operation not permitted" in ours.log
    assert "vrrp_cpu_affinity: cannot be as configured: Invalid argument" in ours.log


def outside(net: Net, ours: VrrpdFast) -> None:
    """Start the daemon in the switch's namespace instead of its node's."""
    argv = net.command("switch", *ours.argv())
    net.command = lambda node, *words: argv  # type: ignore[method-assign]


def test_it_enters_its_network_namespace(build: Build, capture: Tap) -> None:
    """Started elsewhere; its scripts are in there too, and what a killed one left is found again."""
    net = build(["r1", "client"])
    wire = capture(net)
    there = net.namespace("r1")
    script = {"vrrp_script": {"here": {"script": "/usr/bin/test -e /proc/self/net/dev", "interval": 1}}}
    document = settings({}, net_namespace=there, **script)
    document["vrrp_instance"]["VI"] |= {"track_script": ["here"]}
    ours = VrrpdFast(net, "r1", document)
    outside(net, ours)
    ours.start()
    ours.wait_state("VI", "MASTER")
    wire.wait_adverts(3, "r1", after=0)
    wait_until(lambda: FAST.vip in net.addresses("r1"), 5, "the address is in the namespace")
    assert FAST.vip not in net.addresses("switch")
    assert ours.process is not None
    inode = os.stat(f"/run/netns/{there}").st_ino
    for pid in (ours.process.pid, *children(ours.process.pid)):
        assert os.stat(f"/proc/{pid}/ns/net").st_ino == inode

    # A reload cannot move it: an error, and nothing of the new configuration is in force.
    said = len(ours.log)
    ours.change(settings({"vrrp_process_name": "other"}, net_namespace=net.namespace("client")))
    ours.signal(signal.SIGHUP)
    ours.wait_log("net_namespace", after=said)
    assert f"cannot change while the daemon runs (it is '{there}')" in ours.log[said:].replace('"', "'")
    assert status(ours)["Name"] != "other"
    assert ours.state("VI") == "MASTER"

    ours.kill()
    assert FAST.vip in net.addresses("r1")
    ours.change(document)
    words = [*ours.argv()[:3], "--withdraw", "--config", str(ours.config_path)]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "1 address removed\n"), done.stderr
    assert FAST.vip not in net.addresses("r1")


def test_a_network_namespace_that_is_missing_is_fatal(build: Build) -> None:
    net = build(["r1", "client"])
    ours = VrrpdFast(net, "r1", settings({}, net_namespace="no-such"))
    ours.start(wait=False)
    assert ours.process is not None
    assert ours.process.wait(15) == 1
    assert "/run/netns/no-such: No such file or directory" in ours.log


def test_local_igmp_is_silenced_and_given_back(build: Build) -> None:
    net = build(["r1", "client"])

    def reports() -> str:
        return net.run("r1", "cat", "/proc/sys/net/ipv4/igmp_link_local_mcast_reports").stdout.strip()

    ours = VrrpdFast(net, "r1", settings({"disable_local_igmp": True}))
    ours.start()
    assert reports() == "0"
    assert ours.stop() == 0
    assert reports() == "1"
