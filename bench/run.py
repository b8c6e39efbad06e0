"""vrrpd-fast side by side with keepalived, and with bare C loops that do the least a daemon must.

    python bench/run.py [--quick] [--pairs N] [--json FILE] [NAME…]      needs root

NAME is a scenario, the beginning of a name (`send`), or `micro`. Everything happens in network namespaces
without names, which vanish with this process. Method and budgets: docs/PERFORMANCE.md.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import micro
from harness import report
from harness.network import BenchError
from harness.pairs import Effort, Scenario, run
from harness.programs import Programs, missing
from scenarios import ALL

MICRO = "micro"
FULL = Effort(pairs=2, window_s=5.0)
QUICK = Effort(pairs=2, window_s=2.0)


def main() -> int:
    arguments = _arguments()
    try:
        scenarios, with_micro = _chosen(arguments.names, arguments.quick)
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    lacking = missing() if scenarios else []
    if scenarios and os.geteuid() != 0:
        lacking.append("network namespaces and foreign CPU clocks need root")
    if lacking:
        print("\n".join(f"bench: {line}" for line in lacking), file=sys.stderr)
        return 1
    effort = QUICK if arguments.quick else FULL
    if arguments.pairs:
        effort = Effort(arguments.pairs, effort.window_s)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what we started is stopped
    result: dict[str, Any] = {"machine": report.machine(), "effort": vars(effort), "scenarios": {}}
    try:
        failed = _measure(scenarios, effort, result)
    except KeyboardInterrupt:
        return 130
    if with_micro:
        result[MICRO] = micro.measure()
        print(f"\n{micro.table(result[MICRO])}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n")
    return 1 if failed else 0


def _measure(scenarios: list[Scenario], effort: Effort, result: dict[str, Any]) -> int:
    """Run them, print the table, fill `result`; how many failed. A failure does not stop the others."""
    rows = []
    failed = 0
    with tempfile.TemporaryDirectory(prefix="vrrpd-fast-bench-") as directory:
        programs = Programs(Path(directory)) if scenarios else None
        for scenario in scenarios:
            assert programs is not None
            began_s = time.monotonic()
            try:
                samples = run(scenario, programs, effort, _tell)
            except BenchError as error:
                failed += 1
                _tell(f"bench: {scenario.name}: {error}")
                continue
            seconds = round(time.monotonic() - began_s, 1)
            _tell(f"{scenario.name}: took {seconds:g} s")
            result["scenarios"][scenario.name] = {"seconds": seconds, **report.document(scenario, samples)}
            rows += report.rows(scenario, samples)
    if rows:
        facts = result["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
        print(
            f"{facts['kernel']}, {facts['processor']}, {facts['cores']} cores,"
            f" load {facts['load_average'][0]} before"
        )
        print(f"{versions}\n{facts['command']} ({effort.pairs} pairs)\n")
        print(report.table(rows, report.HEADINGS))
    return failed


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _chosen(names: list[str], quick: bool) -> tuple[list[Scenario], bool]:
    """The scenarios these names mean, and whether the micro-benchmarks are among them."""
    if not names:
        return [each for each in ALL if each.in_quick or not quick], True
    for name in names:
        if name != MICRO and not any(scenario.name.startswith(name) for scenario in ALL):
            known = ", ".join([*(scenario.name for scenario in ALL), MICRO])
            raise ValueError(f"no scenario {name!r}; there are {known}")
    return [each for each in ALL if each.name.startswith(tuple(names))], MICRO in names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py", description="vrrpd-fast side by side with keepalived."
    )
    parser.add_argument("--quick", action="store_true", help="fewer scenarios and pairs: under five minutes")
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="how many pairs")
    parser.add_argument("--json", metavar="FILE", help="write every single figure there")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these scenarios; all if none")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
