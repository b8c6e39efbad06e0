"""Health checks beside adverts: 100 VRs at 10 ms, MASTER and BACKUP on this machine, the MASTER with checks.

Three runs: no checks; 500 scripts a second, which are `/bin/true`; the same scripts and 2000 probes a second
of all kinds. keepalived has no probes: its third figure is that of the scripts. What probes ask is on this
machine, in a process that is not counted.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import gaps
from harness.daemon import Daemon, text
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.process import cpu_ns, ended_ns
from harness.programs import KEEPALIVED, OURS, Programs, _wait_ready, finish_capture
from harness.shape import Shape
from harness.steady import wait_for_members
from targets import DNS_PORT, HTTP_PORT, TCP_PORT, UNIX_SOCKET
from vrrpd_fast.control.client import call

_SHAPE = Shape(1, 100, interval_cs=1)
_INTERVAL_NS = 10_000_000
_BACKUP_PRIORITY = 50
_SCRIPTS, _PROBES = 500, 2000
_SETTLE_S = 4.0  # every check has run, and the second gratuitous ARPs are over
_PATIENCE_S = 30.0
_TARGETS = Path(__file__).parent.parent / "targets.py"
_HELD = 0.95  # of the probes' runs that are due

# How many of a hundred probes are of a kind.
_MIX = {
    "tcp": 15,
    "unix": 10,
    "http": 10,
    "icmp": 15,
    "dns": 10,
    "process": 5,
    "route": 15,
    "neighbour": 5,
    "gateway": 5,
    "value": 10,
}


def _block(kind: str, number: int, directory: Path) -> dict[str, Any]:
    """What a probe of this kind asks."""
    far = str(_SHAPE.host(0, 2))
    return {
        "tcp": {"address": "127.0.0.1", "port": TCP_PORT},
        "unix": {"path": f"{directory}/{UNIX_SOCKET}"},
        "http": {"address": "127.0.0.1", "port": HTTP_PORT},
        "icmp": {"address": far if number % 2 else "127.0.0.1"},
        "dns": {"server": "127.0.0.1", "port": DNS_PORT, "name": "www.example.com", "expect": "192.0.2.1"},
        "process": {"name": Path(sys.executable).name},
        "route": {"prefix": "198.51.100.0/24"} if number % 2 else {"prefix": "0.0.0.0/0", "via": far},
        "neighbour": {"address": far, "interface": "v0"},
        "gateway": {"interface": "v0"},
        "value": {"sysctl": "net.ipv4.ip_forward", "expect": "= 0"},
    }[kind]


def _probes(directory: Path) -> dict[str, dict[str, Any]]:
    kinds = [kind for kind, share in _MIX.items() for _ in range(share)]
    return {
        f"probe_{number}": {
            "interval": 1,
            "weight": 1,
            kinds[number % 100]: _block(kinds[number % 100], number // 100, directory),
        }
        for number in range(_PROBES)
    }


def _with_checks(subject: str, configuration: str, probes: Mapping[str, Any]) -> str:
    """Scripts and probes are tracked by the virtual routers in turn."""
    names = [router.name for router in _SHAPE.routers()]
    tracked: dict[str, list[str]] = {name: [] for name in names}
    for number in range(_SCRIPTS):
        tracked[names[number % len(names)]].append(f"script_{number}")
    if subject == OURS:
        document = json.loads(configuration)
        block = {"script": "/bin/true", "interval": 1, "weight": 1}
        document["vrrp_script"] = {f"script_{number}": block for number in range(_SCRIPTS)}
        document["vrrp_probe"] = probes
        for place, name in enumerate(names):
            document["vrrp_instance"][name]["track_script"] = tracked[name]
            document["vrrp_instance"][name]["track_probe"] = list(probes)[place :: len(names)]
        return json.dumps(document)
    head, rest = configuration.split("\n}\n", 1)
    scripts = "".join(
        f'vrrp_script script_{number} {{\n  script "/bin/true"\n  interval 1\n  weight 1\n  user root\n}}\n'
        for number in range(_SCRIPTS)
    )
    for name in names:
        start = f"vrrp_instance {name} {{\n"
        lines = "".join(f"    {script}\n" for script in tracked[name])
        rest = rest.replace(start, f"{start}  track_script {{\n{lines}  }}\n")
    return f"{head}\n}}\n{scripts}{rest}"


def _run(
    programs: Programs, subject: str, window_s: float, has_scripts: bool, has_probes: bool
) -> Mapping[str, float]:
    output = programs.directory / "records"
    with Wire(_SHAPE) as wire:
        wire.near.ip(
            [
                f"route add default via {_SHAPE.host(0, 2)}",
                f"route add 198.51.100.0/24 via {_SHAPE.host(0, 2)}",
            ]
        )
        directory = programs.directory / f"targets-{time.monotonic_ns()}"
        directory.mkdir()
        targets = wire.near.start(
            sys.executable, str(_TARGETS), str(directory), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        _wait_ready(targets)
        configuration = text(subject, _SHAPE)
        if has_scripts:
            probes = _probes(directory) if has_probes else {}
            configuration = _with_checks(subject, configuration, probes)
        master = Daemon(programs, wire.near, subject, configuration)
        wait_for_members(wire.near, _SHAPE.links, master.last_words)
        backup = Daemon(programs, wire.far, subject, text(subject, _SHAPE, priority=_BACKUP_PRIORITY))
        wait_for_members(wire.far, _SHAPE.links, backup.last_words)
        time.sleep(_SETTLE_S)
        runs = _first_probe_runs(master) if has_probes else 0
        capture = programs.capture(wire.far, output)
        time.sleep(0.1)
        changes = master.transitions() + backup.transitions()
        start_ns, used_ns = time.time_ns(), cpu_ns(master.process.pid) + ended_ns(master.process.pid)
        time.sleep(window_s)
        used_ns = cpu_ns(master.process.pid) + ended_ns(master.process.pid) - used_ns
        end_ns = time.time_ns()
        changes = master.transitions() + backup.transitions() - changes
        time.sleep(0.1)
        finish_capture(capture)
        if has_probes:
            runs = _probe_runs(master) - runs
            due = _PROBES * (end_ns - start_ns) / 1e9
            if runs < _HELD * due:
                raise BenchError(f"{runs} of {due:.0f} runs of probes; log:\n{master.last_words()}")
        times = gaps.heard(output, wire.far, range(1, _SHAPE.per_link + 1))
    found = gaps.figures(times.values(), start_ns, end_ns, _INTERVAL_NS)
    return {**found, "changes": changes, "cpu": 100 * used_ns / (end_ns - start_ns)}


def _first_probe_runs(daemon: Daemon) -> int:
    """The same once all are up, for which there is some time."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return _probe_runs(daemon)
        except BenchError:
            if time.monotonic() > deadline:
                raise
        time.sleep(1)


def _probe_runs(daemon: Daemon) -> int:
    """Runs of all probes so far; BenchError unless all succeed."""
    status = call(daemon.socket, "GetStatus")["status"]
    entries = [entry for instance in status["instances"] for entry in instance["tracking"]]
    probes = [entry for entry in entries if entry["type"] == "probe"]
    down = [f"{each['kind']}: {each['last_result']}" for each in probes if each["state"] != "up"]
    if down or len(probes) != _PROBES:
        by_kind = dict(Counter(each.partition(":")[0] for each in down))
        raise BenchError(f"{by_kind} of {len(probes)} probes are not up, as {down[:3]}")
    return sum(entry["runs"] for entry in probes)


def _measure(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    window_s = 2 * effort.window_s
    none = _run(programs, subject, window_s, False, False)
    scripts = _run(programs, subject, window_s, True, False)
    everything = _run(programs, subject, window_s, True, True) if subject == OURS else scripts
    return {
        "none": none["p999"],
        "scripts": scripts["p999"],
        "all": everything["p999"],
        "grown": everything["p999"] / none["p999"],
        "max": everything["max"],
        "lost": everything["lost"],
        "changes": none["changes"] + scripts["changes"] + everything["changes"],
        "cpu_none": none["cpu"],
        "cpu_scripts": scripts["cpu"],
        "cpu_all": everything["cpu"],
    }


_ALL = f"{_SCRIPTS} scripts/s and {_PROBES} probes/s (keepalived: the scripts)"
SCENARIOS = (
    Scenario(
        "checks",
        "checks: advert gaps of 100 VRs @10 ms, both sides here, health checks of the master",
        (OURS, KEEPALIVED),
        (
            Metric("none", "99.9th percentile, no checks", "intervals"),
            Metric("scripts", f"99.9th percentile, {_SCRIPTS} scripts/s", "intervals", Budget(1.5, False)),
            Metric("all", f"99.9th percentile, {_ALL}", "intervals", Budget(1.5, False)),
            Metric("grown", "that over no checks", "times", Budget(1.25, False)),
            Metric("max", "longest gap with all checks", "intervals"),
            Metric("lost", "adverts lost with all checks", "%", Budget(0.5, False)),
            Metric("changes", "false changes of state", "count", Budget(0, False)),
            Metric("cpu_none", "CPU of the master's process tree, no checks", "% of a core"),
            Metric("cpu_scripts", f"the same, {_SCRIPTS} scripts/s", "% of a core"),
            Metric("cpu_all", f"the same, {_ALL}", "% of a core"),
        ),
        _measure,
        pairs_max=3,
        in_quick=False,
    ),
)
