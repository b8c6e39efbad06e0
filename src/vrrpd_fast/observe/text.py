"""Text for terminals: what may be printed, how wide it is, and spans of time in words."""

import unicodedata
from collections.abc import Sequence

MINUTE, HOUR, DAY = 60, 3600, 86400


def printable(text: str) -> str:
    """Names come from files and the network: no control characters for the terminal, and one line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def duration(seconds: float) -> str:
    """Two units at most: 12s, 3m5s, 2h10m, 5d3h."""
    left = max(0, int(seconds))
    for size, name, smaller, smaller_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "m"),
        (MINUTE, "m", 1, "s"),
    ):
        if left >= size:
            return f"{left // size}{name}{left % size // smaller}{smaller_name}"
    return f"{left}s"


def listed(names: Sequence[str], most: int = 10) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def cut(text: str, limit: int) -> str:
    """At most so many columns, with … for what does not fit."""
    while width(text) > limit:
        text = text[:-2] + "…"
    return text


def width(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Filled with blanks to so many columns; `right` puts the text at the right."""
    space = " " * (columns - width(text))
    return space + text if right else text + space
