"""Tables of text: columns as wide as what is in them."""

from collections.abc import Collection, Iterable, Sequence

from vrrpd_fast.observe.text import pad, width

GAP = "  "


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()) -> list[str]:
    """Lines. Columns whose titles are in `right` are flush right."""
    rows = [header, *rows]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return lines(rows, widths, [title in right for title in header])


def lines(rows: Iterable[Sequence[str]], widths: Sequence[int], rights: Sequence[bool]) -> list[str]:
    """A line for each row, its cells so wide."""
    return [
        GAP.join(
            pad(cell, columns, right=at_right)
            for cell, columns, at_right in zip(row, widths, rights, strict=True)
        ).rstrip()
        for row in rows
    ]


def total_width(widths: Sequence[int]) -> int:
    """Of a line of columns that are so wide."""
    return sum(widths) + len(GAP) * (len(widths) - 1)
