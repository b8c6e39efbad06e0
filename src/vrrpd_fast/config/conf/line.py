"""One line on its way from the file to words: its text changes, the places of its characters stay known."""

from __future__ import annotations

from collections.abc import Sequence

from vrrpd_fast.config.conf.statement import Place

BLANKS = " \t\r\v\f"


class Line:
    """A text of one line, and where each character of it stands.

    What a definition put in stands where the definition is used; when that is all of the line, `use` is its
    one place.
    """

    __slots__ = ("body", "columns", "file", "number", "text", "use")

    def __init__(
        self,
        text: str,
        file: str,
        number: int,
        columns: Sequence[int] | None = None,
        use: Place | None = None,
        body: list[str] | None = None,
    ) -> None:
        self.text = text
        self.file = file
        self.number = number
        self.columns: Sequence[int] = range(1, len(text) + 1) if columns is None else columns
        self.use = use
        self.body = body  # the lines that follow it in a definition of several lines

    def place(self, index: int) -> Place:
        """Where a character stands; behind the last one, the column after it."""
        if self.use is not None:
            return self.use
        if index < len(self.columns):
            return Place(self.file, self.number, self.columns[index])
        last = self.columns[-1] if self.columns else 0
        return Place(self.file, self.number, last + 1)

    def cut(self, start: int, stop: int | None = None) -> Line:
        """A part of it, blanks at its ends left out."""
        end = len(self.text) if stop is None else stop
        while start < end and self.text[start] in BLANKS:
            start += 1
        while start < end and self.text[end - 1] in BLANKS:
            end -= 1
        columns = self.columns[start:end] if self.use is None else self.columns
        return Line(self.text[start:end], self.file, self.number, columns, self.use, self.body)

    def replace(self, start: int, stop: int, value: str) -> Line:
        """With `value` instead of the characters from `start` to `stop`, standing where they began."""
        text = self.text[:start] + value + self.text[stop:]
        columns = self.columns
        if self.use is None:
            column = columns[start]
            columns = [*columns[:start], *([column] * len(value)), *columns[stop:]]
        return Line(text, self.file, self.number, columns, self.use, self.body)
