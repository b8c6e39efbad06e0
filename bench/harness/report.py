"""The result: a Markdown table for people, the raw figures for programs, and on what machine it was."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import vrrpd_fast
from harness.pairs import Samples, Scenario, Spread, is_met, ratios
from harness.programs import FLOOR, KEEPALIVED, OURS, compiler

HEADINGS = ("what", OURS, KEEPALIVED, FLOOR, "ratio: min / median / max", "budget", "met")


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "versions": {
            "vrrpd-fast": _version(),
            "python": platform.python_version(),
            "keepalived": _first_line("keepalived", "--version"),
            "compiler": _first_line(compiler(), "--version"),
        },
        "command": " ".join(["python", *sys.argv]),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _version() -> str:
    """Of the package, and the commit it was built from where that is known."""
    where = Path(__file__).parent
    if shutil.which("git") is None:
        return vrrpd_fast.__version__
    commit = subprocess.run(
        ["git", "-C", where, "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    return f"{vrrpd_fast.__version__} ({commit})" if commit else vrrpd_fast.__version__


def _first_line(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def figure(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3f}"


def table(rows: Sequence[Sequence[str]], headings: Sequence[str]) -> str:
    """A Markdown table whose columns are as wide as they must be."""
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def rows(scenario: Scenario, samples: Samples) -> list[list[str]]:
    """The scenario, then a row per metric: medians with the extremes, and the ratio to keepalived."""
    result = [[f"**{scenario.title}**", *[""] * (len(HEADINGS) - 1)]]
    for metric in scenario.metrics:
        if metric.key not in samples:
            continue
        subjects = samples[metric.key]
        result.append(
            [
                f"{metric.title}, {metric.unit}",
                *(_cell(subjects.get(subject)) for subject in (OURS, KEEPALIVED, FLOOR)),
                _ratio(subjects),
                str(metric.budget) if metric.budget else "",
                ("yes" if is_met(metric.budget, subjects) else "NO") if metric.budget else "",
            ]
        )
    return result


def _ratio(subjects: Mapping[str, Sequence[float]]) -> str:
    found = ratios(subjects.get(OURS, ()), subjects.get(KEEPALIVED, ()))
    if not found:
        return "–"
    spread = Spread.of(found)
    if len(found) == 1:
        return figure(spread.middle)
    return " / ".join(map(figure, (spread.low, spread.middle, spread.high)))


def _cell(figures: Sequence[float] | None) -> str:
    if not figures:
        return "–"
    spread = Spread.of(figures)
    if len(figures) == 1:
        return figure(spread.middle)
    return f"{figure(spread.middle)} ({figure(spread.low)}–{figure(spread.high)})"


def document(scenario: Scenario, samples: Samples) -> Mapping[str, Any]:
    """The scenario's part of the JSON result."""
    return {
        "title": scenario.title,
        "metrics": {
            metric.key: {
                "title": metric.title,
                "unit": metric.unit,
                "budget": str(metric.budget) if metric.budget else None,
                "samples": samples[metric.key],
                "ratios": ratios(samples[metric.key].get(OURS, ()), samples[metric.key].get(KEEPALIVED, ())),
            }
            for metric in scenario.metrics
            if metric.key in samples
        },
    }
