"""Counters for people (`vrrpctl stats`): what went wrong, adverts, how late the daemon was, and a table.

Two snapshots of a daemon give rates as well.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from vrrpd_fast.observe import segment
from vrrpd_fast.observe.heading import summary, title
from vrrpd_fast.observe.rates import LOSSES, Counts, Span, errors, moved, totals
from vrrpd_fast.observe.table import table
from vrrpd_fast.observe.text import cut, printable

if TYPE_CHECKING:
    from vrrpd_fast.observe.segment import Snapshot

NAME_LIMIT = 16
WHERE_LIMIT = 3
BAR = 30  # columns
STEPS = {"advert": "advert sent", "addresses": "addresses there", "announced": "announced"}
ADVERTS = (
    ("sent", "advertisement_sent"),
    ("received", "advertisement_rcvd"),
    ("absorbed by the kernel", "kernel_absorbed"),
    ("resignations sent", "priority_zero_pkts_sent"),
    ("resignations received", "priority_zero_pkts_rcvd"),
    ("became MASTER", "master_transitions"),
)

JSON = dict[str, Any]


def as_text(snapshot: "Snapshot", span: Span | None, now: float, total: int | None = None) -> str:
    """All of it. Without `span` there are no rates; `now` is epoch seconds, `total` as in heading.summary."""
    instances = snapshot.instances
    since = "since they were made" if span is None else f"rates of the last {span.seconds:.1f} s"
    lines = [title(segment.status(snapshot), now), f"{summary(instances, total)}; {since}"]
    for part in (
        _errors(snapshot, span),
        _adverts(instances, span),
        _histogram("LATE TICKS", snapshot.lateness),
        _takeovers(snapshot.takeover),
        _each(instances, span) if instances else [],
    ):
        if part:
            lines += ["", *part]
    return "\n".join(lines) + "\n"


def as_json(snapshot: "Snapshot", span: Span | None) -> JSON:
    """The same as a value: counters, and with `span` how many a second."""

    def counted(counts: Counts, difference: Counts | None) -> JSON:
        if span is None or difference is None:
            return {"statistics": counts}
        return {
            "statistics": counts,
            "rates": {name: round(count / span.seconds, 3) for name, count in difference.items()},
        }

    return {
        "condition": str(snapshot.condition),
        "written": snapshot.written,
        "seconds": None if span is None else round(span.seconds, 3),
        "instances": [
            {"name": each["name"], "state": each["state"]}
            | counted(each["statistics"], None if span is None else span.of(each))
            for each in snapshot.instances
        ],
        "unattributed": counted(
            snapshot.unattributed, None if span is None else moved(span.unattributed, snapshot.unattributed)
        ),
        "engine": snapshot.engine,
        "lateness_ns": {str(bound): count for bound, count in snapshot.lateness.items()},
        "takeover_ns": {
            step: {str(bound): count for bound, count in histogram.items()}
            for step, histogram in snapshot.takeover.items()
        },
    }


def _errors(snapshot: "Snapshot", span: Span | None) -> list[str]:
    """Each counter of something wrong that has moved: how far, how fast, and whose it is."""
    where: dict[str, list[tuple[int, str]]] = {}
    for each in snapshot.instances:
        for name, count in errors(each["statistics"]).items():
            where.setdefault(name, []).append((count, each["name"]))
    for name, count in errors(snapshot.unattributed).items():
        where.setdefault(name, []).append((count, "no virtual router of ours"))
    for name in LOSSES:
        if count := snapshot.engine.get(name, 0):
            where.setdefault(name, []).append((count, "the daemon"))
    if not where:
        return ["no errors"]
    rates = {} if span is None else _error_rates(snapshot, span)
    rows = []
    for name, found in sorted(where.items(), key=lambda item: -rates.get(item[0], 0)):
        found.sort(key=lambda one: -one[0])
        places = [f"{cut(printable(who), 30)} {count}" for count, who in found[:WHERE_LIMIT]]
        more = [f"{len(found) - WHERE_LIMIT} more"] if len(found) > WHERE_LIMIT else []
        total = sum(count for count, _ in found)
        rows.append((name, f"{total:,}", *_rate(rates, name, span), ", ".join(places + more)))
    return table(("ERRORS", "TOTAL", *_rate_title(span), "WHERE"), rows, ("TOTAL", "/S"))


def _error_rates(snapshot: "Snapshot", span: Span) -> Counts:
    rates: Counts = {}
    parts = [span.of(each) for each in snapshot.instances]
    parts.append(moved(span.unattributed, snapshot.unattributed))
    engine = {name: snapshot.engine.get(name, 0) for name in LOSSES}
    parts.append(moved({name: span.engine.get(name, 0) for name in LOSSES}, engine))
    for part in parts:
        for name, count in part.items():
            rates[name] = rates.get(name, 0) + count
    return rates


def _adverts(instances: Sequence[JSON], span: Span | None) -> list[str]:
    sums = totals(list(instances))
    rates: Counts = {}
    for each in instances if span is not None else ():
        assert span is not None
        for name, count in span.of(each).items():
            rates[name] = rates.get(name, 0) + count
    rows = [(label, f"{sums.get(name, 0):,}", *_rate(rates, name, span)) for label, name in ADVERTS]
    return table(("ADVERTS", "TOTAL", *_rate_title(span)), rows, ("TOTAL", "/S"))


def _rate_title(span: Span | None) -> tuple[str, ...]:
    return () if span is None else ("/S",)


def _rate(rates: Counts, name: str, span: Span | None) -> tuple[str, ...]:
    return () if span is None else (f"{rates.get(name, 0) / span.seconds:.1f}",)


def _histogram(name: str, histogram: dict[int, int]) -> list[str]:
    """A line for each power of two between the first and the last that has any."""
    if not histogram:
        return []
    largest = max(histogram.values())
    bound, last = min(histogram), max(histogram)
    rows = []
    while bound <= last:
        count = histogram.get(bound, 0)
        bar = "#" * (max(1, round(count / largest * BAR)) if count else 0)
        rows.append((f"< {time_text(bound)}", f"{count:,}", bar))
        bound *= 2
    return table((name, "TICKS", ""), rows, (name, "TICKS"))


def _takeovers(takeover: dict[str, dict[int, int]]) -> list[str]:
    """How long after the down deadline each step of a takeover was done."""
    rows = [
        (STEPS.get(step, step), f"{sum(histogram.values()):,}", *_quantiles(histogram))
        for step, histogram in takeover.items()
        if histogram
    ]
    if not rows:
        return []
    return table(("TAKEOVERS", "COUNT", "HALF", "99 %", "ALL"), rows, ("COUNT", "HALF", "99 %", "ALL"))


def _quantiles(histogram: dict[int, int]) -> Iterable[str]:
    total = sum(histogram.values())
    for share in (0.5, 0.99, 1.0):
        seen = 0
        for bound in sorted(histogram):
            seen += histogram[bound]
            if seen >= share * total:
                yield f"< {time_text(bound)}"
                break


def time_text(ns: int) -> str:
    """A power of two of nanoseconds in a unit that people read."""
    for size, unit in ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns} ns"


def _each(instances: Sequence[JSON], span: Span | None) -> list[str]:
    """A line each: totals, or with `span` rates of what flows."""
    rows = []
    for each in instances:
        counts = each["statistics"]
        flow = counts if span is None else span.of(each)
        sent, received = flow["advertisement_sent"], flow["advertisement_rcvd"]
        wrong = sum(errors(counts).values())
        rows.append(
            (
                cut(printable(each["name"]), NAME_LIMIT),
                each["state"],
                f"{sent:,}" if span is None else f"{sent / span.seconds:.1f}",
                f"{received:,}" if span is None else f"{received / span.seconds:.1f}",
                f"{counts['master_transitions']:,}",
                f"{each['flaps']:,}",
                f"{wrong:,}",
                "-" if each["lateness_ns"] is None else time_text(each["lateness_ns"]),
            )
        )
    a_second = "" if span is None else "/S"
    header = ("NAME", "STATE", f"SENT{a_second}", f"RCVD{a_second}", "MASTER", "CHANGES", "ERRORS", "LATE")
    return table(header, rows, header[2:])
