"""Everything that vrrpctl prints goes through here: names are hostile, and terminals obey."""

import json
import sys
from collections.abc import Iterable
from typing import Any

from vrrpd_fast.observe.text import printable


def write(text: str) -> None:
    """Lines for stdout; of what they contain, only their ends steer the terminal."""
    sys.stdout.write(_lines(text))


def complain(lines: Iterable[str]) -> None:
    """Lines for stderr."""
    sys.stdout.flush()  # what was shown before stands before
    for line in lines:
        sys.stderr.write(_lines(line) + "\n")


def write_fields(rows: Iterable[Iterable[str]]) -> None:
    """A line each, its fields separated by tabs; empty ones at its end are left out."""
    for row in rows:
        fields = (_lines(field).replace("\n", " ") for field in row)
        sys.stdout.write("\t".join(fields).rstrip("\t") + "\n")


def write_json(value: Any, *, indent: int | None = 2) -> None:
    """A value as JSON, in one line when `indent` is None. What may not be printed is escaped as JSON does."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    if not text.replace("\n", "").isprintable():
        text = "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)
    write(text + "\n")


def _lines(text: str) -> str:
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    # A terminal that cannot show a letter gets its escape instead of ending the command.
    encoding = sys.stdout.encoding or "utf-8"
    safe = "\n".join(map(printable, text.split("\n")))
    return safe.encode(encoding, "backslashreplace").decode(encoding)
