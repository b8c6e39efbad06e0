"""How many virtual routers two daemons hold on this machine, a MASTER of all and a BACKUP of all.

Held means: at least 99 % of the nominal adverts leave the master, none the backup, and no state changes. A
population that has collapsed is not watched to the end.
"""

import time
from collections.abc import Mapping

from harness.daemon import Daemon, text
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import KEEPALIVED, OURS, Programs
from harness.shape import Shape
from harness.steady import observe, wait_for_members

_SETTLE_S = 4.0  # after the last of the two listens everywhere: the second gratuitous ARPs are over
_QUICK_WINDOW_S = 5.0
_SLICE_S = 5.0
_COLLAPSED = 0.9  # of the nominal rate by the master; as much as is missing to one, by the backup
_START_S = 20.0
_PHASES = 4000  # bursts per interval of a spread-out master


def _measure(
    shape: Shape, spread: bool, full_s: float, programs: Programs, subject: str, effort: Effort
) -> Mapping[str, float]:
    configuration = text(subject, shape)
    with Wire(shape) as wire:
        if spread:
            former = programs.sender(wire.near, shape, host=1, phases=_PHASES)
        master = Daemon(programs, wire.far, subject, configuration)
        if spread:
            wait_for_members(wire.far, shape.links, master.last_words)
            wire.near.stop(former)
        _wait_for_master(shape, master)
        backup = Daemon(programs, wire.near, subject, configuration)
        wait_for_members(wire.near, shape.links, backup.last_words)
        time.sleep(_SETTLE_S)
        window_s = full_s if effort.window_s >= _QUICK_WINDOW_S else _QUICK_WINDOW_S
        changes = master.transitions() + backup.transitions()
        before = [(daemon.cpu_ns(), daemon.waited_ns()) for daemon in (master, backup)]
        seconds, sent, strange = 0.0, 0, wire.near.packets_sent()
        while seconds < window_s:
            window = observe(wire.far, [], min(_SLICE_S, window_s - seconds + 0.01))
            seconds += window.seconds
            sent += window.packets
            doubled = wire.near.packets_sent() - strange
            if sent < _COLLAPSED * shape.per_second * seconds or doubled > (1 - _COLLAPSED) * sent:
                break
        strange = wire.near.packets_sent() - strange
        after = [(daemon.cpu_ns(), daemon.waited_ns()) for daemon in (master, backup)]
        changes = master.transitions() + backup.transitions() - changes
    (master_ns, master_waited_ns), (backup_ns, backup_waited_ns) = (
        (late[0] - early[0], late[1] - early[1]) for early, late in zip(before, after, strict=True)
    )
    nominal = shape.per_second * seconds
    return {
        "missing": max(0.0, 100 * (1 - sent / nominal)),
        "strange": 100 * strange / nominal,
        "changes": changes,
        "master": master_ns / 1e7 / seconds,
        "backup": backup_ns / 1e7 / seconds,
        "waited": (master_waited_ns + backup_waited_ns) / 1e7 / seconds,
        "seconds": seconds,
    }


def _wait_for_master(shape: Shape, master: Daemon) -> None:
    """Until the first side has changed state twice for each virtual router (to BACKUP, to MASTER)."""
    deadline = time.monotonic() + _START_S
    while master.transitions() < 2 * shape.count:
        if time.monotonic() > deadline or master.process.poll() is not None:
            raise BenchError(f"{master.subject} is not MASTER of {shape.count}; log:\n{master.last_words()}")
        time.sleep(0.25)


def _scenario(
    name: str, title: str, shape: Shape, full_s: float, spread: bool = False, in_quick: bool = False
) -> Scenario:
    return Scenario(
        name,
        f"capacity: {title}, both sides here",
        (OURS, KEEPALIVED),
        (
            Metric("missing", "adverts missing of the nominal rate", "%", Budget(1, False)),
            Metric("strange", "packets sent by the backup, of nominal", "%", Budget(0, False)),
            Metric("changes", "false changes of state", "count", Budget(0, False)),
            Metric("master", "CPU of the master", "% of a core"),
            Metric("backup", "CPU of the backup", "% of a core"),
            Metric("waited", "both waited for a processor that others had", "% of the time"),
            Metric("seconds", "watched for (a collapsed one is not watched to the end)", "s"),
        ),
        lambda programs, subject, effort: _measure(shape, spread, full_s, programs, subject, effort),
        pairs_max=1,
        in_quick=in_quick,
    )


_AT_10_MS = Shape(4, 250, 1)
_AT_100_MS = Shape(40, 250)
_SPREAD = "after a spread-out master"

# What keepalived is known to hold nearly, and what is to be held here.
SCENARIOS = (
    _scenario("capacity-10ms-400", "400 VRs @10 ms, 4 links", Shape(4, 100, 1), 15),
    _scenario("capacity-10ms-1000", "1000 VRs @10 ms, 4 links", _AT_10_MS, 60, in_quick=True),
    _scenario("capacity-100ms-2000", "2000 VRs @100 ms, 8 links", Shape(8, 250), 15),
    _scenario("capacity-100ms-10000", "10,000 VRs @100 ms, 40 links", _AT_100_MS, 60),
    _scenario(
        "capacity-spread-10000", f"10,000 VRs @100 ms, 40 links, {_SPREAD}", _AT_100_MS, 30, spread=True
    ),
)
