"""Charts of a result that bench/run.py wrote with --json; nothing in them that was not measured.

    python bench/charts.py RESULT [--output DIRECTORY]        needs matplotlib (dependency group bench)

density.png: CPU per advert, side by side. growth.png: the same against the number of links. storm.png: how
a takeover goes on. A chart whose scenarios are not in the result is not written.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from textwrap import shorten
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no display
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {"vrrpd-fast": "#1b7f5c", "keepalived": "#c8553d", "bare C": "#8a8f98"}
DIRECTIONS = {"send": "CPU per advert sent, µs", "receive": "CPU per advert received, daemon alone, µs"}
GROWTH = {
    "send": "CPU per advert sent, µs",
    "receive": "CPU per advert received, with the kernel's receive path, µs",
}
STORM = {"advert": "first advert", "arp": "address announced (first gratuitous ARP)"}
_FOOTER_INCHES = 0.5
_COMMAND = 80  # characters of the command that have room
_SHARE = re.compile(r"(\w+)-(\d+)")

Result = Mapping[str, Any]
Subjects = Mapping[str, list[float]]


def density(result: Result) -> Figure | None:
    """Bars: a group per steady scenario, sending and receiving."""
    groups = {
        direction: {
            scenario["title"].partition(": ")[2]: scenario["metrics"]["cpu"]["samples"]
            for name, scenario in result["scenarios"].items()
            if name.startswith(f"{direction}-") and "cpu" in scenario["metrics"]
        }
        for direction in DIRECTIONS
    }
    groups = {direction: found for direction, found in groups.items() if found}
    if not groups:
        return None
    heights = [len(found) for found in groups.values()]
    figure, rows = pyplot.subplots(
        len(groups), 1, squeeze=False, figsize=(9, 1.2 + 0.95 * sum(heights)), height_ratios=heights
    )
    for (direction, found), axes in zip(groups.items(), rows[:, 0], strict=True):
        _bars(axes, found)
        axes.set_title(DIRECTIONS[direction], loc="left", fontsize=11)
    rows[0, 0].legend(*_one_each(rows[0, 0]), frameon=False, fontsize=9)
    return figure


def _bars(axes: Axes, found: Mapping[str, Subjects]) -> None:
    """Horizontal, medians with the extremes as whiskers and the figure beside them."""
    for place, subjects in enumerate(found.values()):
        for number, (subject, figures) in enumerate(subjects.items()):
            middle = median(figures)
            at = place + (number - (len(subjects) - 1) / 2) * 0.27
            spread = [[middle - min(figures)], [max(figures) - middle]]
            axes.barh(at, middle, 0.25, xerr=spread, color=COLOURS[subject], ecolor="#30343b", label=subject)
            axes.annotate(
                f"{middle:.3g}",
                (max(figures), at),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
    axes.set_yticks(range(len(found)), [title.replace(", ", ",\n", 1) for title in found], fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    _plain(axes)


def growth(result: Result) -> Figure | None:
    """Lines: CPU per advert against links, a panel per direction."""
    panels: dict[str, dict[int, Subjects]] = {}
    for direction in GROWTH:
        metrics = result["scenarios"].get(f"growth-{direction}", {}).get("metrics", {})
        points = {int(key): metric["samples"] for key, metric in metrics.items() if key.isdigit()}
        points = {links: samples for links, samples in points.items() if any(samples.values())}
        if points:
            panels[direction] = points
    if not panels:
        return None
    figure, row = pyplot.subplots(1, len(panels), squeeze=False, figsize=(5.2 * len(panels), 4))
    for (direction, points), axes in zip(panels.items(), row[0], strict=True):
        links_sorted = sorted(points)
        for subject, colour in COLOURS.items():
            places = [links for links in links_sorted if points[links].get(subject)]
            middles = [median(points[links][subject]) for links in places]
            axes.plot(places, middles, "o-", color=colour, label=subject, markersize=4)
            axes.fill_between(
                places,
                [min(points[links][subject]) for links in places],
                [max(points[links][subject]) for links in places],
                color=colour,
                alpha=0.15,
            )
        axes.set_title(GROWTH[direction], loc="left", fontsize=11)
        axes.set_xlabel("links")
        axes.set_ylim(bottom=0)
        _plain(axes)
    row[0, 0].legend(frameon=False, fontsize=9)
    return figure


def storm(result: Result) -> Figure | None:
    """Lines: which share of a takeover is done how long after the protocol's time."""
    scenario = next(
        (found for name, found in result["scenarios"].items() if name.startswith("timeline-")), None
    )
    if scenario is None:
        return None
    figure, row = pyplot.subplots(1, 2, squeeze=False, sharey=True, figsize=(9.2, 4))
    for (kind, title), axes in zip(STORM.items(), row[0], strict=True):
        for subject, colour in COLOURS.items():
            points = sorted(
                (int(match[2]), median(metric["samples"][subject]))
                for key, metric in scenario["metrics"].items()
                if (match := _SHARE.fullmatch(key)) and match[1] == kind and subject in metric["samples"]
            )
            if points:
                axes.plot(
                    [late for _, late in points],
                    [share for share, _ in points],
                    "o-",
                    color=colour,
                    label=subject,
                    markersize=4,
                )
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel("ms after the protocol's time")
        axes.set_xlim(left=0)
        _plain(axes)
    row[0, 0].set_ylabel("% done")
    row[0, 0].legend(frameon=False, fontsize=9)
    figure.suptitle(scenario["title"], fontsize=11, x=0.01, ha="left")
    return figure


CHARTS: Mapping[str, Callable[[Result], Figure | None]] = {
    "density": density,
    "growth": growth,
    "storm": storm,
}


def _one_each(axes: Axes) -> tuple[list[Any], list[str]]:
    """Legend entries without repetition."""
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    return list(by_label.values()), list(by_label)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)


def _footer(result: Result) -> str:
    """On what, of what, by what command, how often."""
    machine = result["machine"]
    versions = machine["versions"]
    keepalived = re.search(r"v[\d.]+", versions["keepalived"])
    command = shorten(machine["command"], _COMMAND, placeholder=" …")
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['kernel']}\n"
        f"vrrpd-fast {versions['vrrpd-fast']}, Python {versions['python']},"
        f" keepalived {keepalived[0] if keepalived else versions['keepalived']}\n"
        f"{command}: medians of up to {result['effort']['pairs']} alternating pairs"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/charts.py", description="Charts of a bench result.")
    parser.add_argument("result", type=Path, metavar="RESULT", help="what run.py wrote with --json")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent.parent / "docs" / "img", metavar="DIRECTORY"
    )
    arguments = parser.parse_args()
    try:
        result = json.loads(arguments.result.read_text())
    except (OSError, ValueError) as error:
        print(f"charts: {arguments.result}: {error}", file=sys.stderr)
        return 2
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, draw in CHARTS.items():
        figure = draw(result)
        if figure is None:
            print(f"charts: {name}: not in this result", file=sys.stderr)
            continue
        figure.tight_layout(rect=(0, _FOOTER_INCHES / figure.get_figheight(), 1, 1))
        figure.text(0.01, 0.01, _footer(result), fontsize=7, color="#5b6068", va="bottom")
        figure.savefig(arguments.output / f"{name}.png", dpi=150)
        print(arguments.output / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
