"""Two routers whose trackers of all kinds move at random, and never two masters for more than an interval.

`python tests/soak/trackers.py --seconds 300 --seed 7` (as root) prints what was seen, and ends with 1 when
there were two masters for longer, or not one router of each as it should be at the end. The seed makes the
configuration, the moves and their times.
"""

import argparse
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))  # tests/, where pytest looks too

from lab.kit.capture import Capture
from lab.kit.net import Net, now_ns, session_of
from lab.kit.timing import processor_wait_s
from lab.kit.told import Ground
from lab.kit.vrrpd import VrrpdFast
from soak.judge import Overlap, overlaps

NODES = ("r1", "r2")
INTERVALS = {11: 0.1, 12: 0.1, 13: 0.2, 14: 1.0, 15: 0.1, 16: 0.1}  # by VRID; 15 and 16 are a sync group
MEAN_PAUSE_S = 0.12  # between two moves
TOLERANCE_S = 0.05  # beyond an interval, and what a busy machine kept the daemons from running
CALM_S = 8.0  # at the end, until everything is as it should be
KINDS = ("script", "file", "interface", "process", "probe")


class Site:
    """One router, and everything that it tracks: what can be done to it, and its configuration."""

    def __init__(self, net: Net, node: str, ground: Ground, seed: int) -> None:
        self.net = net
        self.node = node
        self._random = random.Random(f"{seed} {node}")
        self._ground = ground
        self._orders = ground.path / f"{node}-orders"
        self._check = ground.script(f"{node}-check", f"#!/bin/sh\n. {self._orders}\n")
        self.file = ground.path / f"{node}-number"
        self._program = ground.path / f"vs{os.getpid() % 100000}{node}"
        shutil.copy("/bin/sleep", self._program)
        self._processes: list[subprocess.Popen[bytes]] = []
        self.listener = Listener(ground.path / f"{node}-socket")
        self.order("exit 0")
        self.write(0)
        self.make_link()
        self.start_process()
        self.listener.open()
        self.priorities = {vrid: self._random.randint(80, 150) for vrid in INTERVALS}
        self.priorities[16] = self.priorities[15]
        self.weights = {
            (vrid, kind): self._weight(kind)
            for vrid, kind in itertools.product(INTERVALS, KINDS)
            if self._random.random() < 0.7
        }
        self.daemon = VrrpdFast(net, node, document=self.document())

    def _weight(self, kind: str) -> str:
        if self._random.random() < 0.1:
            return "weight 0"  # FAULT
        most = 2 if kind == "file" else 90
        weight = self._random.choice([number for number in range(-most, most + 1) if number])
        return f"weight {weight}{self._random.choice(['', ' reverse'])}"

    def document(self) -> dict[str, Any]:
        """The configuration with the weights of now; members of the group track as one."""
        instances: dict[str, Any] = {}
        for vrid, interval in INTERVALS.items():
            instances[f"V{vrid}"] = {
                "interface": "eth0",
                "version": 3,
                "virtual_router_id": vrid,
                "priority": self.priorities[vrid],
                "advert_int": interval,
                "virtual_ipaddress": [f"10.0.0.{100 + vrid}/24"],
            } | ({} if vrid in (15, 16) else self._tracks(vrid))
        return {
            "global_defs": {"router_id": self.node, "script_user": "root", "dynamic_interfaces": True},
            "vrrp_script": {"all": {"script": self._check, "interval": 0.5, "timeout": 0.4}},
            "track_file": {"all": {"file": str(self.file)}},
            "vrrp_track_process": {"all": {"process": self._program.name, "terminate_delay": 0.1}},
            "vrrp_probe": {
                "all": {"unix": {"path": str(self.listener.path)}, "interval": 0.2, "damping": 2.0}
            },
            "vrrp_sync_group": {"G": {"group": ["V15", "V16"], **self._tracks(15)}},
            "vrrp_instance": instances,
        }

    def _tracks(self, vrid: int) -> dict[str, list[str]]:
        name = {"interface": "tracked"}
        return {
            f"track_{kind}": [f"{name.get(kind, 'all')} {weight}"]
            for (of, kind), weight in self.weights.items()
            if of == vrid
        }

    # -- moves --------------------------------------------------------------------------------------------

    def moves(self) -> list[Callable[[], object]]:
        """What can happen, each as often as it stands here."""
        choose = self._random
        return [
            lambda: self.write(choose.randint(-120, 120)),
            lambda: self.write(choose.choice([0, 0, 1, -1])),
            lambda: self.file.unlink(missing_ok=True),
            lambda: self.order("exit 0"),
            lambda: self.order("exit 1"),
            lambda: self.order("exec sleep 100"),
            self.start_process,
            self.kill_process,
            self.kill_process,
            self.listener.open,
            self.listener.close,
            lambda: self.link("set", "tracked", choose.choice(["up", "down"])),
            lambda: self.link("set", "peer", choose.choice(["up", "down"])),
            lambda: self.link("del", "tracked"),
            self.make_link,
            self.change_a_weight,
        ]

    def write(self, number: int) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{number}\n")
        beside.rename(self.file)

    def order(self, text: str) -> None:
        beside = self._orders.with_suffix(".new")
        beside.write_text(text + "\n")
        beside.rename(self._orders)

    def link(self, *words: str) -> None:
        """It may not be there."""
        command = ["ip", "-n", self.net.namespace(self.node), "link", *words]
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)

    def make_link(self) -> None:
        self.link("add", "tracked", "type", "veth", "peer", "name", "peer")
        self.link("set", "peer", "up")
        self.link("set", "tracked", "up")

    def start_process(self) -> None:
        self._processes.append(self.net.start([str(self._program), "1000"]))

    def kill_process(self) -> None:
        if self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()

    def change_a_weight(self) -> None:
        """By a reload."""
        key = self._random.choice(sorted(self.weights))
        self.weights[key] = self._weight(key[1])
        self.daemon.document = self.document()
        self.daemon.configure()
        self.daemon.signal(signal.SIGHUP)

    def calm(self) -> None:
        """All is well; the number is 0, and no weight makes that a fault."""
        self.write(0)
        self.order("exit 0")
        self.make_link()
        if not self._processes:
            self.start_process()
        self.listener.open()
        self.weights = dict.fromkeys(self.weights, "weight 3")
        self.daemon.document = self.document()
        self.daemon.configure()
        self.daemon.signal(signal.SIGHUP)

    def calm_priority(self, vrid: int) -> int:
        """What it has then: 3 for each thing that is up, and nothing for the number."""
        own = [kind for of, kind in self.weights if of == (15 if vrid == 16 else vrid) and kind != "file"]
        return self.priorities[vrid] + 3 * len(own)


class Listener:
    """A unix socket that accepts while it is open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket: socket.socket | None = None

    def open(self) -> None:
        if self._socket is not None:
            return
        self.path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self.path))
        self._socket.listen(64)
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)  # which ends the thread's accept()
            self._socket.close()
            self._socket = None

    @staticmethod
    def _accept(listening: socket.socket) -> None:
        while True:
            try:
                listening.accept()[0].close()
            except OSError:
                return


class Waits:
    """How long the daemons have waited for a processor, as time goes by."""

    def __init__(self, sites: list[Site]) -> None:
        self._pids = {site.daemon.process.pid for site in sites if site.daemon.process is not None}
        self._samples: list[tuple[int, float]] = []

    def sample(self) -> None:
        waited = sum(processor_wait_s(pid) for leader in self._pids for pid in session_of(leader))
        self._samples.append((now_ns(), waited))

    def between(self, begin_ns: int, end_ns: int) -> float:
        before = [waited for at, waited in self._samples if at <= begin_ns]
        after = [waited for at, waited in self._samples if at >= end_ns]
        return (after[0] if after else self._samples[-1][1]) - (before[-1] if before else 0.0)


class Report:
    """What a run has shown; `faults` is empty when all was well."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.moves = 0
        self.adverts = 0
        self.changes = 0  # of masters
        self.longest: Overlap | None = None
        self.faults: list[str] = []

    def __str__(self) -> str:
        longest = "none" if self.longest is None else f"{self.longest.seconds * 1000:.1f} ms"
        text = (
            f"seed {self.seed}: {self.moves} moves, {self.adverts} adverts, {self.changes} changes of "
            f"masters; longest with two masters: {longest}"
        )
        return "\n".join([text, *self.faults])


def run(net: Net, wire: Capture, seed: int, seconds: float) -> Report:
    """Move things for so long; `net` has the nodes r1 and r2 on a LAN that `wire` sees."""
    report = Report(seed)
    ground = Ground(net)
    sites = [Site(net, node, ground, seed) for node in NODES]
    for site in sites:
        site.daemon.start()
    waits = Waits(sites)
    choose = random.Random(seed)
    moves = {site.node: site.moves() for site in sites}
    begun = time.monotonic()
    at = 0.0
    while (at := at + choose.expovariate(1 / MEAN_PAUSE_S)) < seconds:
        move = choose.choice(moves[choose.choice(NODES)])
        time.sleep(max(0.0, begun + at - time.monotonic()))
        move()
        waits.sample()
        report.moves += 1
    for site in sites:
        site.calm()
    time.sleep(CALM_S)
    waits.sample()
    _judge(report, wire, waits)
    _judge_calm(report, wire, sites)
    for site in sites:
        site.listener.close()
        if site.daemon.process is not None and site.daemon.process.poll() is not None:
            report.faults.append(f"{site.node} has ended:\n{site.daemon.log}")
    return report


def _judge(report: Report, wire: Capture, waits: Waits) -> None:
    adverts = wire.adverts()
    report.adverts = len(adverts)
    for vrid in INTERVALS:
        senders = [advert.sender for advert in adverts if advert.vrid == vrid and advert.priority]
        report.changes += sum(one != other for one, other in itertools.pairwise(senders))
    found = overlaps(adverts)
    report.longest = max(found, key=lambda overlap: overlap.seconds, default=None)
    for overlap in found:
        allowed = INTERVALS[overlap.vrid] + TOLERANCE_S + waits.between(overlap.begin_ns, overlap.end_ns)
        if overlap.seconds > allowed:
            around = wire.adverts(
                vrid=overlap.vrid,
                after=overlap.begin_ns - 2_000_000_000,
                before=overlap.end_ns + 2_000_000_000,
            )
            report.faults.append(
                f"two masters of {overlap.vrid} for {overlap.seconds:.3f} s, more than {allowed:.3f} s:\n"
                + "\n".join(
                    f"  {(one.time_ns - overlap.begin_ns) / 1e6:9.2f} ms {one.sender} priority {one.priority}"
                    for one in around
                )
            )


def _judge_calm(report: Report, wire: Capture, sites: list[Site]) -> None:
    """In the last two seconds one was master of each, with the priority that its configuration makes."""
    since = now_ns() - 2_000_000_000
    for vrid in INTERVALS:
        seen = {(advert.sender, advert.priority) for advert in wire.adverts(vrid=vrid, after=since)}
        wanted = {site.node: min(254, site.calm_priority(vrid)) for site in sites}
        if len(seen) != 1 or not seen <= set(wanted.items()):
            report.faults.append(f"{vrid} at the end: {sorted(seen)}, wanted one of {wanted}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=None, help="as printed by an earlier run")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="vrrpd-fast-soak-"))
    net = Net(directory, [*NODES, "client"])
    try:
        wire = Capture(net)
        try:
            report = run(net, wire, seed, arguments.seconds)
        finally:
            wire.close()
    finally:
        net.close()
        shutil.rmtree(directory)
    print(report)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
