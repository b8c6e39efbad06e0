"""What is better than keepalived's notify, and what is refused."""

import re
import subprocess
import sys
from pathlib import Path

from lab.kit.fixtures import Build
from lab.kit.net import Net
from lab.kit.told import FifoReader, Ground, block, global_defs, reload, telling
from lab.kit.vrrpd import DAEMON, VrrpdFast, environment
from lab.kit.waiting import wait_until


def started(net: Net, text: str) -> VrrpdFast:
    made = telling("vrrpd-fast", net, "r1", text)
    assert isinstance(made, VrrpdFast)
    made.start()
    return made


def refused(directory: Path, text: str, *words: str) -> str:
    """What a daemon says that does not start with this configuration (exit 2)."""
    path = directory / "refused.conf"
    path.write_text(text)
    argv = [sys.executable, "-m", DAEMON, "--config", str(path), "--socket", str(directory / "s"), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, env=environment())
    assert done.returncode == 2, done
    return done.stdout + done.stderr


def test_a_reload_keeps_the_fifo(build: Build) -> None:
    """Its reader sees no end of file, its script runs on; another owner and another script are taken over."""
    net = build(["r1"])
    ground = Ground(net)
    path = ground.path / "fifo"
    log = ground.path / "log"
    script = ground.script("reader", f'#!/bin/sh\necho "begin $1 $$" >> {log}\nexec sleep 600\n')
    lines = FifoReader(path)
    net.at_close.append(lines.close)

    def text(vrid: int, user: str, argument: str) -> str:
        return (
            global_defs(f"vrrp_notify_fifo {path} {user}", f'vrrp_notify_fifo_script "{script} {argument}"')
            + block("VI", 150, 100)
            + block("other", vrid, 100)
        )

    ours = started(net, text(151, "root", "one"))
    lines.wait('INSTANCE "other" MASTER 100')
    wait_until(lambda: log.exists() and "one" in log.read_text(), 5, "its script runs")
    inode = path.stat().st_ino
    reload(ours, text(152, "root", "one"))
    lines.wait('INSTANCE "other" MASTER 100', count=2)
    assert log.read_text().count("begin") == 1
    reload(ours, text(153, "daemon", "two"))
    lines.wait('INSTANCE "other" MASTER 100', count=3)
    wait_until(lambda: "two" in log.read_text(), 5, "another script runs")
    first = log.read_text().split()[2]
    wait_until(lambda: not Path("/proc", first).exists(), 5, "the first script has ended")
    assert (path.stat().st_ino, path.stat().st_uid) == (inode, 1)
    assert lines.ends == 0
    assert lines.of("VI") == ["BACKUP 100", "MASTER 100"]


def test_a_fifo_that_someone_removed_is_made_again_at_a_reload(build: Build) -> None:
    net = build(["r1"])
    path = Ground(net).path / "fifo"
    text = global_defs(f"notify_fifo {path}", "fifo_write_vrrp_states_on_reload") + block("VI", 154, 100)
    ours = started(net, text)
    ours.wait_state("VI", "MASTER")
    path.unlink()
    lines = FifoReader(path)
    net.at_close.append(lines.close)
    reload(ours, text)
    lines.wait('INSTANCE "VI" MASTER 100')


def test_the_environment_of_scripts(build: Build) -> None:
    net = build(["r1", "r2"])
    ground = Ground(net)
    script = f'notify "{ground.recorder} VI"'
    ours = started(net, global_defs() + block("VI", 155, 100, script))
    wait_until(lambda: len(ground.facts) == 2, 8, "both scripts ran")
    other = telling("vrrpd-fast", net, "r2", global_defs() + block("VI", 155, 200))
    other.start()
    wait_until(lambda: len(ground.facts) == 3, 8, "the third script ran")
    backup, master, again = ground.facts
    same = {
        "TYPE": "INSTANCE",
        "NAME": "VI",
        "PRIORITY": "100",
        "BASE_PRIORITY": "100",
        "INTERFACE": "eth0",
        "VRID": "155",
        "FAMILY": "ipv4",
        "VERSION": "3",
    }
    for facts in (backup, master, again):
        assert {key: facts[key] for key in same} == same
    assert [facts["STATE"] for facts in (backup, master, again)] == ["BACKUP", "MASTER", "BACKUP"]
    assert [facts["PREVIOUS_STATE"] for facts in (backup, master, again)] == ["INIT", "BACKUP", "MASTER"]
    assert [int(facts["EVENT"]) for facts in (backup, master, again)] == [1, 2, 3]
    assert backup["MASTER_ADDRESS"] == "" == backup["MASTER_PRIORITY"]
    assert (master["MASTER_ADDRESS"], master["MASTER_PRIORITY"]) == ("10.0.0.1", "100")
    assert (again["MASTER_ADDRESS"], again["MASTER_PRIORITY"]) == ("10.0.0.2", "200")
    assert again["REASON"] == "advert from 10.0.0.2 with priority 200, higher than 100"
    assert float(backup["TIME"]) < float(master["TIME"]) < float(again["TIME"])
    assert abs(ours.instance("VI")["last_transition"] - float(again["TIME"])) < 0.001


def test_scripts_of_one_virtual_router_run_in_order(build: Build) -> None:
    """The state's own script ends before `notify` begins, and both before those of the next state."""
    net = build(["r1"])
    ground = Ground(net)
    log = ground.path / "log"
    slow = ground.script("slow", f'#!/bin/sh\necho "$1 begins" >> {log}\nsleep 1\necho "$1 ends" >> {log}\n')
    quick = ground.script("quick", f'#!/bin/sh\necho "$3" >> {log}\n')
    started(
        net,
        global_defs()
        + block(
            "VI",
            156,
            200,
            f'notify_backup "{slow} backup"',
            f'notify_master "{slow} master"',
            f"notify {quick}",
        ),
    )
    expected = ["backup begins", "backup ends", "BACKUP", "master begins", "master ends", "MASTER"]
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 6, 10, "all have run")
    assert log.read_text().splitlines() == expected


def test_other_scripts_are_no_reason_to_start_again(build: Build) -> None:
    """A reload that changes what is run leaves state and mastership alone."""
    net = build(["r1"])
    ground = Ground(net)
    ours = started(net, global_defs() + block("VI", 157, 100, f'notify_stop "{ground.recorder} one"'))
    then = ours.wait_state("VI", "MASTER")
    reload(ours, global_defs() + block("VI", 157, 100, f'notify_stop "{ground.recorder} two"'))
    ours.wait_log("reloaded: 1 changed")
    now = ours.instance("VI")
    assert now["last_transition"] == then["last_transition"]
    assert ours.stop() == 0
    assert ground.runs == ["0:0:0 [two]"]


def test_the_script_of_a_fifo_is_started_again(build: Build) -> None:
    net = build(["r1"])
    ground = Ground(net)
    count = ground.path / "count"
    script = ground.script("dies", f'#!/bin/sh\nread -r line < "$1"\necho "$line" >> {count}\nexit 3\n')
    ours = started(
        net,
        global_defs(f"vrrp_notify_fifo {ground.path}/fifo", f"vrrp_notify_fifo_script {script}")
        + block("VI", 158, 100),
    )
    wait_until(lambda: count.exists() and len(count.read_text().splitlines()) >= 2, 8, "it ran twice")
    ours.wait_log("ended (exit 3); it is started again at once")
    assert ours.status()["notify"]["fifos"][0]["script_restarts"] >= 1


def test_a_file_in_the_way_is_an_error_and_stays(build: Build) -> None:
    """--check and the start refuse it; keepalived writes into it."""
    net = build(["r1"])
    ground = Ground(net)
    path = ground.path / "fifo"
    path.write_text("precious\n")
    text = global_defs(f"notify_fifo {path}") + block("VI", 159, 100)
    for words in ((), ("--check",)):
        said = refused(net.directory, text, *words)
        assert re.search(r"refused\.conf:3:\d+: error: ", said)
        assert f"error: global_defs: notify_fifo: {path} exists and is not a FIFO" in said
    assert path.read_text() == "precious\n"


def test_check_tells_what_would_not_run(build: Build) -> None:
    net = build(["r1"])
    ground = Ground(net)
    plain = ground.script("plain", "#!/bin/sh\n", 0o644)
    text = global_defs("enable_script_security") + block(
        "VI",
        160,
        100,
        "notify_master /nowhere/script",
        f"notify_backup {plain}",
        "notify_fault /bin/true nobody-of-that-name",
    )
    said = refused(net.directory, text, "--check")
    assert "error: vrrp_instance VI: notify_fault: there is no user 'nobody-of-that-name'" in said
    assert "warning: vrrp_instance VI: notify_master: cannot run: /nowhere/script: No such file" in said
    assert f"warning: vrrp_instance VI: notify_backup: cannot run: {plain} is not executable" in said
