"""The log when nobody reads it, and what a record tells."""

import json
import os
import re
import select
import subprocess
import time

from lab.kit.crowd import Many, crowd, name
from lab.kit.daemons import Settings
from lab.kit.fixtures import Build
from lab.kit.net import Net, now_ns
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
    each = crowd([0], range(1, count + 1), priority=150, track_file=[{"name": "number", "weight": 1}])
    return {"track_file": {"number": {"file": str(path)}}, "vrrp_instance": each}, each


def test_a_log_that_nobody_reads_costs_no_advert_and_says_what_was_lost(build: Build) -> None:
    net = build(["r1", "r2"])
    document, instances = flapping(net, 250)
    router = Piped(net, "r1", instances)
    router.document = document
    ring = Ring(net, 1 << 16)
    router.start()
    router.wait_all("MASTER")
    waits = Waits(router)
    ring.start()
    begin_ns = now_ns()
    for number in range(1, 51):  # 250 records each: more than the pipe and the queue take
        (net.directory / "number").write_text(str(number % 2))
        time.sleep(0.1)
    wait_until(lambda: now_ns() > begin_ns + 6_000_000_000, 10, "six seconds of adverts", pause=0.1)
    waits.close()
    adverts = ring.by_router("r1")
    assert len(adverts) == 250
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
