"""The live screen (`vrrpctl top`) without the terminal: rows of a snapshot, their order, a frame's lines.

Only the rows that are seen become text, so that 10,000 virtual routers cost little more than ten.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

from vrrpd_fast.observe import segment
from vrrpd_fast.observe.counters import time_text
from vrrpd_fast.observe.heading import STATES, title
from vrrpd_fast.observe.rates import Counts, Span, errors
from vrrpd_fast.observe.text import cut, duration, pad, printable, width
from vrrpd_fast.observe.trouble import Trouble, has_changed, trouble

if TYPE_CHECKING:
    from vrrpd_fast.observe.segment import Snapshot

STYLES = {"MASTER": "green", "BACKUP": "cyan", "FAULT": "bold red", "INIT": "yellow"}
HEADER_STYLE = "bold"
QUIET = "bright_black"
LEAST_TEXT = 12  # columns that the trouble needs to say anything
GAP = "  "

JSON = dict[str, Any]


class Row(NamedTuple):
    """A virtual router, its trouble, and what it sends and hears a second."""

    instance: JSON
    trouble: Trouble
    sent: float
    received: float


class View:
    """What a user looks at: a snapshot, the one before it, and how the rows are chosen and ordered."""

    def __init__(self, sort: str = "trouble") -> None:
        self.sort = sort
        self.filter = ""
        self.offset = 0  # rows above the first that is seen
        self.page = 1  # rows that are seen
        self.message = ""  # instead of the title, when there is nothing to read
        self._snapshot: Snapshot | None = None
        self._span: Span | None = None
        self._moved: Counts = {}
        self._all: list[Row] = []
        self.rows: list[Row] = []
        self.now = 0.0

    def take(self, snapshot: "Snapshot", instances: Sequence[JSON], now: float) -> None:
        """A new snapshot, of which these instances are shown; `now` is epoch seconds."""
        old = self._snapshot
        span = None if old is None else Span.between(old, snapshot)
        if span is not None or old is None or (old.pid, old.started) != (snapshot.pid, snapshot.started):
            self._snapshot, self._span = snapshot, span
        elif snapshot.condition != old.condition:
            self._snapshot = snapshot
        self.now = now
        self.message = ""
        self._moved = {}
        self._all = [self._row(each) for each in instances]
        self.arrange()

    def _row(self, each: JSON) -> Row:
        span = self._span
        if span is None:
            return Row(each, trouble(each, None, 1.0, self.now), 0.0, 0.0)
        moved = span.of(each)
        for name, count in moved.items():
            self._moved[name] = self._moved.get(name, 0) + count
        return Row(
            each,
            trouble(each, moved, span.seconds, self.now),
            moved["advertisement_sent"] / span.seconds,
            moved["advertisement_rcvd"] / span.seconds,
        )

    def arrange(self) -> None:
        """Choose and order the rows anew."""
        words = self.filter.lower().split()
        rows = [row for row in self._all if _has(row.instance, words)] if words else list(self._all)
        rows.sort(key=SORTS[self.sort])
        self.rows = rows
        self.scroll(0)

    def scroll(self, lines: int) -> None:
        """Down by so many rows, or up; the last row can be seen first."""
        self.offset = max(0, min(self.offset + lines, len(self.rows) - 1))

    def next_sort(self) -> None:
        names = list(SORTS)
        self.sort = names[(names.index(self.sort) + 1) % len(names)]
        self.offset = 0
        self.arrange()

    # -- text -----------------------------------------------------------------------------------------

    def frame(self, columns: int, lines: int | None, footer: str | None) -> Iterator[Text]:
        """The lines of a screen of that size; all rows when `lines` is None. `footer` is the last line."""
        head = [*self._head(columns), Text()]
        self.page = len(self.rows)
        if lines is not None:
            self.page = max(0, lines - len(head) - 1 - (footer is not None))
        seen = self.rows[self.offset : self.offset + self.page]
        yield from head
        yield from self._table(seen, columns)
        if footer is not None:
            for _ in range(self.page - len(seen)):
                yield Text()
            yield Text(pad(cut(printable(footer), columns), columns), style="reverse")

    def _head(self, columns: int) -> Iterator[Text]:
        snapshot = self._snapshot
        if self.message or snapshot is None:
            yield Text(cut(printable(self.message), columns), style="bold red")
            return
        text = title(segment.status(snapshot), self.now)
        style = HEADER_STYLE if snapshot.condition == "running" else "bold red"
        clock = time.strftime("%H:%M:%S", time.localtime(self.now))
        yield Text(pad(cut(text, columns - len(clock) - 1), columns - len(clock)) + clock, style=style)
        yield self._summary(len(snapshot.instances))
        yield Text(cut(self._flow(snapshot), columns))

    def _summary(self, total: int) -> Text:
        count = dict.fromkeys(STATES, 0)
        for row in self.rows:
            count[row.instance["state"]] += 1
        of = "" if total == len(self.rows) else f" of {total}"
        line = Text(f"{len(self.rows)}{of} virtual router{'s' if total != 1 else ''}:")
        for state, number in count.items():
            if number:
                line.append(f"  {number} {state}", style=STYLES[state])
        return line

    def _flow(self, snapshot: "Snapshot") -> str:
        span, moved = self._span, self._moved
        changed = sum(has_changed(row.instance, self.now) for row in self._all)
        parts = []
        late = None
        if span is not None:
            parts += [
                f"{moved.get('advertisement_sent', 0) / span.seconds:,.1f} sent/s",
                f"{moved.get('advertisement_rcvd', 0) / span.seconds:,.1f} rcvd/s",
                f"{sum(errors(moved).values()) / span.seconds:,.1f} errors/s",
            ]
            late = span.latest_tick(snapshot)
        parts.append(f"{changed} changed in a minute")
        if late is not None:
            parts.append(f"late < {time_text(late)}")
        return " · ".join(parts)

    def _table(self, rows: Sequence[Row], columns: int) -> Iterator[Text]:
        shown, widths = self._columns(columns)
        room = columns - sum(widths) - len(GAP) * len(widths)
        line = Text()
        for column, size in zip(shown, widths, strict=True):
            style = "bold reverse" if column.sort == self.sort else HEADER_STYLE
            line.append(pad(column.title, size, right=column.right), style=style)
            line.append(GAP)
        if room >= LEAST_TEXT:
            line.append("TROUBLE", style="bold reverse" if self.sort == "trouble" else HEADER_STYLE)
        line.truncate(columns)
        yield line
        for row in rows:
            line = Text()
            for column, size in zip(shown, widths, strict=True):
                text = cut(printable(column.cell(row, self.now)), size)
                line.append(pad(text, size, right=column.right), style=column.style(row))
                line.append(GAP)
            if room >= LEAST_TEXT:
                line.append(cut(printable(row.trouble.text), room), style=_trouble_style(row))
            line.truncate(columns)
            yield line

    def _columns(self, columns: int) -> tuple[Sequence["_Column"], list[int]]:
        """Those that leave room for the trouble, and their widths; names take what all of them need."""
        for shown in (_WIDE, _NARROW):
            widths = [
                column.width
                if not column.is_name
                else min(
                    column.width,
                    max((width(column.cell(row, 0)) for row in self._all), default=0),
                )
                for column in shown
            ]
            widths = [max(size, len(column.title)) for size, column in zip(widths, shown, strict=True)]
            if sum(widths) + len(GAP) * len(widths) + LEAST_TEXT <= columns:
                break
        return shown, widths

    def as_json(self) -> list[JSON]:
        """The rows in their order."""
        return [
            {
                "name": row.instance["name"],
                "state": row.instance["state"],
                "effective_priority": row.instance["effective_priority"],
                "last_transition": row.instance["last_transition"],
                "flaps": row.instance["flaps"],
                "lateness_ns": row.instance["lateness_ns"],
                "sent_per_second": round(row.sent, 3),
                "received_per_second": round(row.received, 3),
                "trouble": row.trouble.text or None,
            }
            for row in self.rows
        ]


def _has(each: JSON, words: Sequence[str]) -> bool:
    text = f"{each['name']} {each['interface']} {each['state']} {each.get('group') or ''}".lower()
    return all(word in text for word in words)


SORTS: dict[str, Callable[[Row], Any]] = {
    "trouble": lambda row: (-row.trouble.rank, -row.trouble.measure),
    "name": lambda row: row.instance["name"],
    "state": lambda row: STATES.index(row.instance["state"]),
    "since": lambda row: -row.instance["last_transition"],
    "sent": lambda row: -row.sent,
    "received": lambda row: -row.received,
    "late": lambda row: -(row.instance["lateness_ns"] or 0),
    "changes": lambda row: -row.instance["flaps"],
}


# -- columns ----------------------------------------------------------------------------------------------


class _Column(NamedTuple):
    title: str
    width: int  # of a name, the most that is shown of it
    cell: Callable[[Row, float], str]
    right: bool = False
    is_name: bool = False
    sort: str = ""
    style: Callable[[Row], str] = lambda row: ""


def _state_style(row: Row) -> str:
    return STYLES[row.instance["state"]]


def _trouble_style(row: Row) -> str:
    return "red" if row.trouble.rank >= 5 else "yellow"


def _late(row: Row) -> str:
    late = row.instance["lateness_ns"]
    return "-" if late is None else time_text(late)


def _master(row: Row) -> str:
    return "this router" if row.instance["state"] == "MASTER" else row.instance["master_address"] or "-"


_NARROW = (
    _Column("NAME", 16, lambda row, _: row.instance["name"], is_name=True, sort="name"),
    _Column("STATE", 6, lambda row, _: row.instance["state"], sort="state", style=_state_style),
    _Column("PRIO", 4, lambda row, _: str(row.instance["effective_priority"]), right=True),
    _Column("SINCE", 6, lambda row, now: duration(now - row.instance["last_transition"]), sort="since"),
    _Column("SENT/S", 6, lambda row, _: f"{row.sent:.1f}", right=True, sort="sent"),
    _Column("RCVD/S", 6, lambda row, _: f"{row.received:.1f}", right=True, sort="received"),
    _Column("LATE", 7, lambda row, _: _late(row), right=True, sort="late"),
    _Column("CHG", 4, lambda row, _: str(row.instance["flaps"]), right=True, sort="changes"),
)
_WIDE = (
    _NARROW[0]._replace(width=32),
    _Column("INTERFACE", 15, lambda row, _: row.instance["interface"], is_name=True),
    _Column("VRID", 4, lambda row, _: str(row.instance["virtual_router_id"]), right=True),
    *_NARROW[1:],
    _Column("MASTER", 39, lambda row, _: _master(row), is_name=True, style=lambda row: QUIET),
)
