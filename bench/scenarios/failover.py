"""What a client sees when a router loses its power: its daemon gets SIGKILL, both its cables come out.

A client on one link asks a server on another one, again and again, through a virtual address on each side.
The outage ends with the first answer after the longest pause. By the protocol it lasts until the later of
the two virtual routers is due, three intervals and the skew time after the last advert heard. What comes on
top is told; up to a quarter of a millisecond of that is the client's, which does not ask all the time.
"""

import os
import signal
import struct
import subprocess
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median

from harness import records
from harness.daemon import Daemon, text
from harness.lan import Lan
from harness.network import BenchError, Node
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.process import tree
from harness.programs import KEEPALIVED, OURS, Programs, compiler
from harness.shape import Shape
from harness.steady import wait_for_members

_CLIENT, _SERVER = 2, 3
_ATTACHED = ((0, 1), (0, 1), (0,), (1,))
_PERIOD_NS = 250_000
_BEFORE_S = 0.2
_AFTER_S = 0.3  # after the takeover is due
_TIME = struct.Struct("=q")
_REPEATS, _REPEATS_QUICK, _REPEATS_SLOW = 10, 3, 3
_SOURCE = Path(__file__).parent.parent / "probe.c"


def _measure(shape: Shape, programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    interval_s = shape.interval_cs / 100
    repeats = _REPEATS_SLOW if interval_s >= 1 else _REPEATS if effort.window_s >= 5 else _REPEATS_QUICK
    configuration = text(subject, shape)
    virtual = [router.addresses[0] for router in shape.routers()]
    outages_ms: list[float] = []
    beyond_ms: list[float] = []
    void = 0
    with Lan(shape, _ATTACHED) as lan:
        lan.nodes[_CLIENT].ip([f"route add {lan.address(_SERVER, 1)} via {virtual[0]}"])
        lan.nodes[_SERVER].ip([f"route add {lan.address(_CLIENT, 0)} via {virtual[1]}"])
        victim, heir = 0, 1  # priorities are equal: whoever is MASTER stays it
        daemons = {victim: _start(programs, lan.nodes[victim], subject, configuration, shape)}
        time.sleep(shape.down_ns / 1e9)
        daemons[heir] = _start(programs, lan.nodes[heir], subject, configuration, shape)
        while len(beyond_ms) < repeats:
            seen = _power_failure(programs, lan, daemons[victim], victim, heir)
            if seen is not None:
                before_ns, after_ns, last_ns = seen
                outages_ms.append((after_ns - before_ns) / 1e6)
                beyond_ms.append((after_ns - last_ns - shape.down_ns) / 1e6)
            else:
                void += 1
                if void > repeats:
                    raise BenchError(f"{subject}: master and backup do not stay what they are")
            lan.nodes[victim].ip([f"addr flush to {address}/32" for address in virtual])  # it boots again
            lan.plug(victim)
            daemons[victim] = _start(programs, lan.nodes[victim], subject, configuration, shape)
            victim, heir = heir, victim
    return {"outage": median(outages_ms), "median": median(beyond_ms), "worst": max(beyond_ms), "void": void}


def _start(programs: Programs, node: Node, subject: str, configuration: str, shape: Shape) -> Daemon:
    """A daemon that has heard the other one, if there is one."""
    daemon = Daemon(programs, node, subject, configuration)
    wait_for_members(node, shape.links, daemon.last_words)
    time.sleep(2 * shape.interval_cs / 100)
    return daemon


def _power_failure(
    programs: Programs, lan: Lan, daemon: Daemon, victim: int, heir: int
) -> tuple[int, int, int] | None:
    """When the client had the last answer before, and the first after; when the heir last heard the master.

    None when the heir had taken over something before, or the master resigned.
    """
    heard, answers = programs.directory / "records", programs.directory / "answers"
    capture = programs.capture(lan.nodes[heir], heard)
    with answers.open("wb") as stdout:
        probe = lan.nodes[_CLIENT].start(
            _compiled(programs),
            str(lan.address(_SERVER, 1)),
            str(_PERIOD_NS),
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
    assert probe.stderr is not None
    if probe.stderr.readline() != b"ready\n":
        raise BenchError("the probe does not start")
    hand = lan.hold()
    time.sleep(_BEFORE_S + lan.shape.interval_cs / 100)
    killed_ns = time.time_ns()
    for pid in reversed(
        tree(daemon.process.pid)
    ):  # a child that outlives its parent could still say good-bye
        os.kill(pid, signal.SIGKILL)
    lan.pull(victim, hand)
    daemon.stop()
    time.sleep(lan.shape.down_ns / 1e9 + _AFTER_S)
    for process in (probe, capture):
        assert process.stdin is not None and process.stderr is not None
        process.stdin.close()
        if process.wait():
            raise BenchError(process.stderr.read().decode())
    lan.nodes[_CLIENT].stop(probe)
    lan.nodes[heir].stop(capture)
    times = [at_ns for (at_ns,) in _TIME.iter_unpack(answers.read_bytes())]
    pauses = [(late - early, early, late) for early, late in pairwise(times) if late > killed_ns]
    adverts = [record for record in records.read(heard.read_bytes()) if record.kind == records._ADVERT]
    if any(record.at_ns < killed_ns if record.outgoing else record.priority == 0 for record in adverts):
        return None
    last = {record.ifindex: record.at_ns for record in adverts if not record.outgoing}
    if not pauses or len(last) != lan.shape.links:
        raise BenchError(f"{daemon.subject}: the client had no way before, or none after")
    _, before_ns, after_ns = max(pauses)
    return before_ns, after_ns, max(last.values())


def _compiled(programs: Programs) -> str:
    probe = programs.directory / "probe"
    if not probe.exists():
        done = subprocess.run(
            [compiler(), "-std=gnu11", "-O2", "-o", probe, _SOURCE], capture_output=True, text=True
        )
        if done.returncode:
            raise BenchError(f"probe.c does not compile:\n{done.stderr}")
    return str(probe)


def _scenario(name: str, title: str, interval_cs: int, pairs_max: int, in_quick: bool = False) -> Scenario:
    shape = Shape(2, 1, interval_cs)
    return Scenario(
        name,
        f"failover @{title}: the master loses its power, a client asks 4 times a ms",
        (OURS, KEEPALIVED),
        (
            Metric("outage", "median outage", "ms"),
            Metric("median", "median outage beyond the protocol's time", "ms", Budget(1, False)),
            Metric("worst", "worst outage beyond the protocol's time", "ms", Budget(5, False)),
            Metric("void", "not counted: no power failure of one master", "times"),
        ),
        lambda programs, subject, effort: _measure(shape, programs, subject, effort),
        pairs_max=pairs_max,
        in_quick=in_quick,
    )


SCENARIOS = (
    _scenario("failover-10ms", "10 ms", 1, 2, in_quick=True),
    _scenario("failover-100ms", "100 ms", 10, 2),
    _scenario("failover-1s", "1 s", 100, 2),
)
