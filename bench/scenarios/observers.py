"""Adverts of 2000 virtual routers at 100 ms, MASTER, first in peace and then while everybody looks.

Of vrrpd-fast, ten times a second: the whole status, new events, a scrape of the exporter, and the three dumps
that keepalived makes on signals. keepalived has nothing but these three.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness import gaps, records
from harness.daemon import Daemon, text
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.process import cpu_ns
from harness.programs import KEEPALIVED, OURS, Programs, _wait_ready, finish_capture
from harness.shape import Shape
from harness.steady import wait_for_rate

_SHAPE = Shape(8, 250)
_INTERVAL_NS = 100_000_000
_PERIOD_S = 0.1
_DUMPS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN + 2)  # data, statistics, JSON
_FILE_WORDS = ("state_dump_file", "stats_dump_file", "json_dump_file")
_FILES = ("keepalived.data", "keepalived.stats", "keepalived.json")
_OBSERVERS = Path(__file__).parent.parent / "observers.py"
_LEAST_ROUNDS = 5.0  # a second: below, the machine is too small for the question


def _configuration(subject: str, directory: Path) -> str:
    """Dumps go into the directory; keepalived knows one by TMPDIR."""
    if subject != OURS:
        return text(subject, _SHAPE)
    document = json.loads(text(subject, _SHAPE))
    document["global_defs"] |= dict.fromkeys(_FILE_WORDS, f"{directory}/")
    return json.dumps(document)


@contextmanager
def _watched(daemon: Daemon) -> Iterator[list[float]]:
    """Observers at work; afterwards the list has how many rounds they did in a second."""
    rate: list[float] = []
    if daemon.subject != OURS:
        yield rate
        return
    exporter = str(daemon.where / "exporter.sock")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    serve = (
        "-m",
        "vrrpd_fast.cli.ctl",
        "--socket",
        daemon.socket,
        "exporter",
        "--listen",
        f"unix:{exporter}",
    )
    with (daemon.where / "exporter.log").open("wb") as log:
        server = daemon.node.start(sys.executable, *serve, env=environment, stdout=log, stderr=log)
    observers = daemon.node.start(
        *(sys.executable, str(_OBSERVERS), daemon.socket, exporter),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    _wait_ready(observers)
    yield rate
    assert observers.stdin is not None and observers.stdout is not None
    observers.stdin.close()
    rounds, seconds = map(float, observers.stdout.readline().split())
    rate.append(rounds / seconds)
    daemon.node.stop(server)


def _dump(daemon: Daemon, seconds: float) -> None:
    """Ask for every dump, ten times a second."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        next_ = time.monotonic() + _PERIOD_S
        for number in _DUMPS:
            os.kill(daemon.process.pid, number)
        time.sleep(max(0.0, next_ - time.monotonic()))


def _measure(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    output = programs.directory / "records"
    with Wire(_SHAPE) as wire:
        daemon = Daemon(programs, wire.near, subject, _configuration(subject, output.parent))
        wait_for_rate(wire.near, _SHAPE.per_second, daemon.last_words)
        with _watched(daemon) as rate:
            pass  # everything is loaded once
        capture = programs.capture(wire.far, output)
        time.sleep(0.1)
        windows = [_window(daemon, effort.window_s)]
        with _watched(daemon) as rate:
            changes = daemon.transitions()
            windows.append(_window(daemon, effort.window_s, is_dumped=True))
            changes = daemon.transitions() - changes
        time.sleep(0.1)
        finish_capture(capture)
        where = output.parent if subject == OURS else daemon.where
        dumps = [file for file in where.iterdir() if file.name in _FILES]
        if len(dumps) < len(_DUMPS):
            raise BenchError(f"{subject}: not all dumps are made; log:\n{daemon.last_words()}")
        for file in dumps:
            file.unlink()
    if rate and rate[0] < _LEAST_ROUNDS:
        raise BenchError(f"observers did {rate[0]:.1f} rounds a second")
    times: dict[tuple[int, int], list[int]] = {}
    for record in records.read(output.read_bytes()):
        if not record.outgoing and record.is_advert:
            times.setdefault((record.ifindex, record.vrid), []).append(record.at_ns)
    if len(times) != _SHAPE.count:
        raise BenchError(f"{subject}: MASTER of {len(times)} only; log:\n{daemon.last_words()}")
    quiet, watched = (
        gaps.figures(times.values(), start_ns, end_ns, _INTERVAL_NS) for start_ns, end_ns, _ in windows
    )
    return {
        "quiet": quiet["p999"],
        "watched": watched["p999"],
        "grown": watched["p999"] / quiet["p999"],
        "max": watched["max"],
        "lost": watched["lost"],
        "changes": changes,
        "cpu_quiet": windows[0][2],
        "cpu_watched": windows[1][2],
        **({"rounds": rate[0]} if rate else {"rounds": 1 / _PERIOD_S}),
    }


def _window(daemon: Daemon, seconds: float, is_dumped: bool = False) -> tuple[int, int, float]:
    """A stretch of time: from and to (ns), and what of a processor the daemon took meanwhile, in percent."""
    start_ns, used_ns = time.time_ns(), cpu_ns(daemon.process.pid)
    if is_dumped:
        _dump(daemon, seconds)
    else:
        time.sleep(seconds)
    end_ns = time.time_ns()
    return start_ns, end_ns, 100 * (cpu_ns(daemon.process.pid) - used_ns) / (end_ns - start_ns)


SCENARIOS = (
    Scenario(
        "observers",
        f"observers: advert gaps of {_SHAPE.count} VRs @100 ms, MASTER, {_SHAPE.links} links, all look",
        (OURS, KEEPALIVED),
        (
            Metric("quiet", "99.9th percentile, nobody looks", "intervals"),
            Metric("watched", "99.9th percentile, all look 10 times/s", "intervals", Budget(1.5, False)),
            Metric("grown", "that over nobody", "times", Budget(1.05, False)),
            Metric("max", "longest gap while all look", "intervals"),
            Metric("lost", "adverts lost while all look", "%", Budget(0.5, False)),
            Metric("changes", "false changes of state", "count", Budget(0, False)),
            Metric("rounds", "rounds of all observers", "1/s"),
            Metric("cpu_quiet", "CPU of the daemon, nobody looks", "% of a core"),
            Metric("cpu_watched", "the same, all look", "% of a core"),
        ),
        _measure,
        pairs_max=3,
        in_quick=False,
    ),
)
