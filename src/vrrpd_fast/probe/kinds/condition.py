"""What is expected of a value: `= V`, `!= V`, `< N`, `<= N`, `> N`, `>= N`, `LOW..HIGH` or `~ REGEX`.

Texts that are both numbers (decimal, 0x hexadecimal) are compared as numbers. The regular expression may
match anywhere. Without a sign in front, the value is to be equal.
"""

import operator
import re
from collections.abc import Callable

_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_NUMBER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]{1,16}|(?:[0-9]{1,30}(?:\.[0-9]{1,30})?))")
Number = int | float


class Condition:
    """`text` read once; ValueError with a sentence when it makes no sense."""

    def __init__(self, text: str) -> None:
        text = text.strip()
        self.holds: Callable[[str], bool] = self._read(text)

    def _read(self, text: str) -> Callable[[str], bool]:
        if text.startswith("~"):
            return _matching(text[1:].strip())
        if text.startswith("!="):
            wanted = text[2:].strip()
            return lambda value: not _equal(value, wanted)
        for sign, compare in _SIGNS.items():
            if text.startswith(sign):
                limit = _limit(text[len(sign) :].strip(), sign)
                return lambda value: (found := number(value)) is not None and compare(found, limit)
        low, dots, high = text.partition("..")
        if dots and number(low) is not None and number(high) is not None:
            return _between(low, high)
        wanted = text.removeprefix("=").strip()
        return lambda value: _equal(value, wanted)


def number(text: str) -> Number | None:
    """The number that a text is; None when it is none."""
    text = text.strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    if "x" in text or "X" in text:
        return int(text, 16)
    return float(text) if "." in text else int(text)


def _equal(value: str, wanted: str) -> bool:
    if value == wanted:
        return True
    found, expected = number(value), number(wanted)
    return found is not None and found == expected


def _limit(text: str, sign: str) -> Number:
    limit = number(text)
    if limit is None:
        raise ValueError(f"{sign} needs a number behind it")
    return limit


def _between(low: str, high: str) -> Callable[[str], bool]:
    least, most = number(low), number(high)
    assert least is not None and most is not None
    if least > most:
        raise ValueError("the first number of a range is at most the second")
    return lambda value: (found := number(value)) is not None and least <= found <= most


def _matching(expression: str) -> Callable[[str], bool]:
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return lambda value: compiled.search(value) is not None
