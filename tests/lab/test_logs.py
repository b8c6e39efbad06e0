"""The log when nobody reads it, and what a record tells."""

import json
import os
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from lab.kit.crowd import Many, crowd, name
from lab.kit.daemons import Settings
from lab.kit.fixtures import Build
from lab.kit.net import Net
from lab.kit.ring import Ring
from lab.kit.timing import TOLERANCE_S
from lab.kit.vrrpd import environment
from lab.kit.waiting import wait_until
from lab.kit.waits import Waits

INTERVAL_S = 0.1
PIPE = 65536


class Piped(Many):
    """Its stderr is a pipe that is read when the test says so."""

    def start(self, wait: bool = True) -> None:
        self.configure()
        self.process = self.net.start(
            self.net.command(self.node, *self.argv()), stderr=subprocess.PIPE, env=environment()
        )
        if wait:
            self.wait_ready()

    @property
    def pipe(self) -> int:
        assert self.process is not None and self.process.stderr is not None
        return self.process.stderr.fileno()

    def read(self, enough: re.Pattern[bytes], timeout: float = 20.0) -> bytes:
        """What it has logged, read until there is `enough`."""
        text, end = b"", time.monotonic() + timeout
        while not enough.search(text):
            assert select.select([self.pipe], [], [], max(0.0, end - time.monotonic()))[0], text[-2000:]
            text += os.read(self.pipe, PIPE)
        return text


def flapping(net: Net, count: int) -> tuple[dict[str, object], dict[str, Settings]]:
    path = net.directory / "number"
    path.write_text("0")
    each = crowd([0, 1], range(1, count + 1), priority=150, track_file=[{"name": "number", "weight": 1}])
    return {"track_file": {"number": {"file": str(path)}}, "vrrp_instance": each}, each


def test_a_log_that_nobody_reads_costs_no_advert_and_says_what_was_lost(build: Build) -> None:
    net = build(["r1", "r2"], ["r1", "r2"])
    document, instances = flapping(net, 250)
    router = Piped(net, "r1", instances)
    router.document = document
    ring = Ring(net, 1 << 17)
    router.start()
    router.wait_all("MASTER")
    waits = Waits(router)
    ring.start(net.port("r1", 0))
    for number in range(1, 61):  # 500 records each, if it has the time: thrice what pipe and queue take
        (net.directory / "number").write_text(str(number % 2))
        time.sleep(0.2)
    waits.close()
    adverts = ring.by_router("r1")
    assert len(adverts) == 250  # of one LAN
    gap = max(waits.longest_net_gap_s([advert.time_ns for advert in each]) for each in adverts.values())
    ring.close()
    assert gap < INTERVAL_S + TOLERANCE_S

    text = router.read(re.compile(rb"\d+ log records were dropped: .*\n"))
    told = sum(int(count) for count in re.findall(rb"(\d+) log records were dropped", text))
    assert told > 500
    assert router.status()["instances"][0]["state"] == "MASTER"
    assert router.process is not None and router.process.stderr is not None
    with router.process.stderr:
        router.process.terminate()
        router.read(re.compile(rb"info stopping\n"))
        assert router.process.wait(20) == 0


def test_a_record_says_which_virtual_router_it_is_about(build: Build) -> None:
    net = build(["r1"])
    router = Many(net, "r1", crowd([0], [7], priority=150), "--log-format", "json")
    router.start()
    router.wait_all("MASTER")
    wait_until(lambda: "-> MASTER" in router.log, 5, "the transition in the log")
    records = [json.loads(line) for line in router.log.splitlines()]
    (record,) = [each for each in records if "-> MASTER" in each["message"]]
    assert record["instance"] == name(0, 7)
    assert record["event"] == "transition"
    assert record["level"] == "info"
    assert record["logger"] == "vrrpd_fast.router"


JOURNALD = "/lib/systemd/systemd-journald"
WITH_JOURNALD = f"""
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log && mkdir -p /run/systemd/journal
{JOURNALD} 2>/dev/null &
until [ -S /run/systemd/journal/socket ]; do sleep 0.05; done
exec "$@"
"""


class UnderJournald(Many):
    """With a systemd-journald and a mount namespace of its own; its stderr is said to lead there."""

    def argv(self) -> list[str]:
        status = self.log_path.stat()
        self.extra_environment["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        return ["unshare", "--mount", "sh", "-c", WITH_JOURNALD, "sh", *super().argv()]

    def journal(self, *matches: str) -> list[dict[str, str]]:
        """Records with these fields."""
        assert self.process is not None
        words = [
            "--target",
            str(self.process.pid),
            "--mount",
            "--",
            "journalctl",
            "--directory",
            "/run/log/journal",
        ]
        done = subprocess.run(
            ["nsenter", *words, "--output", "json", "--all", "--no-pager", *matches],
            capture_output=True,
            text=True,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.peer("systemd")
@pytest.mark.skipif(not Path(JOURNALD).exists(), reason=f"{JOURNALD} is missing (package systemd)")
def test_a_real_journald_can_be_asked_for_a_failover(build: Build) -> None:
    net = build(["r1"])
    router = UnderJournald(net, "r1", crowd([0], [7, 8], priority=150))
    router.log_path.touch()
    router.start()
    router.wait_all("MASTER")
    about = (f"VRRP_INSTANCE={name(0, 7)}", "VRRP_EVENT=transition")
    wait_until(lambda: len(router.journal(*about)) == 2, 10, "two transitions in the journal", pause=0.2)
    backup, master = router.journal(*about)
    assert "INIT -> BACKUP" in backup["MESSAGE"]
    assert "BACKUP -> MASTER: no advert heard" in master["MESSAGE"]
    assert (master["PRIORITY"], master["SYSLOG_IDENTIFIER"]) == ("6", "vrrpd-fast")
    assert master["LOGGER"] == "vrrpd_fast.router"
    assert master["CODE_FILE"].endswith("router.py")
    failover = master["VRRP_FAILOVER_ID"]
    found = router.journal(f"VRRP_FAILOVER_ID={failover}")
    assert master["MESSAGE"] in [each["MESSAGE"] for each in found]
    assert router.log == ""  # nothing by the stream as well
    assert router.stop() == 0
