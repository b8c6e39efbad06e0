"""~SEQ, ~SEQx and ~LST: the rest of the line once for every value (man keepalived.conf, Sequence blocks)."""

import re
from collections.abc import Iterator

from msgspec import Struct

from vrrpd_fast.config.conf import limits
from vrrpd_fast.config.conf.definitions import NAME
from vrrpd_fast.config.problems import quoted

BEGINS = re.compile(r"~(SEQx|SEQ|LST)[ \t]*\(")
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19})")
_ITEM = re.compile(r"[^{},]*\{[^{}]*\}[^{},]*|[^{},]*")


class RepetitionError(Exception):
    """A repetition that cannot be done."""


class Repetition(Struct):
    """The names it defines, and the values they take together, one row after the other."""

    names: list[str]
    rows: Iterator[tuple[str, ...]]


def parse(kind: str, arguments: str) -> Repetition:
    """What stands in the parentheses of `~kind(...)`, definitions filled in; raises RepetitionError."""
    return _list(arguments) if kind == "LST" else _sequence(kind, arguments)


def _sequence(kind: str, arguments: str) -> Repetition:
    name, *texts = [part.strip() for part in arguments.split(",")]
    if not 1 <= len(texts) <= 3:
        raise RepetitionError(f"~{kind} takes a name and 1 to 3 numbers: ~{kind}(NAME, start, step, end)")
    _check_name(name)
    numbers = [_number(text) for text in texts]
    end = numbers[-1]
    start = numbers[0] if len(numbers) > 1 else (1 if end > 0 else -1)
    if len(numbers) == 1 and end == 0:
        start = 1
    step = numbers[1] if len(numbers) == 3 else (1 if end >= start else -1)
    if step == 0:
        raise RepetitionError(f"~{kind}: a step of 0 never ends")
    if start != end and (end > start) != (step > 0):
        raise RepetitionError(f"~{kind}: from {start} in steps of {step} one never comes to {end}")
    if kind == "SEQx" and min(start, end) < 0:
        raise RepetitionError("~SEQx makes hexadecimal numbers, which are not negative here")
    values = range(start, end + (1 if step > 0 else -1), step)
    if len(values) > limits.MOST_LINES:
        raise RepetitionError(
            f"~{kind} would repeat this {len(values)} times, the most is {limits.MOST_LINES}"
        )
    form = "x" if kind == "SEQx" else "d"
    return Repetition([name], ((format(value, form),) for value in values))


def _list(arguments: str) -> Repetition:
    first, *items = _items(arguments)
    names = _members(first)
    for name in names:
        _check_name(name)
    if not items:
        raise RepetitionError("~LST has no values: ~LST(NAME, value, value)")
    rows = []
    for item in items:
        row = _members(item)
        if any(blank in value for value in row for blank in ' \t"'):
            raise RepetitionError(f"~LST: a value is one word without quotes, {quoted(item)} is not")
        if len(row) != len(names):
            raise RepetitionError(f"~LST: {quoted(item)} has {len(row)} values for {len(names)} names")
        rows.append(tuple(row))
    return Repetition(names, iter(rows))


def _items(arguments: str) -> list[str]:
    """The parts between commas that stand in no braces."""
    items = []
    position = 0
    while True:
        match = _ITEM.match(arguments, position)
        assert match is not None  # it matches the empty text
        items.append(match[0].strip())
        position = match.end()
        if position == len(arguments):
            return items
        if arguments[position] != ",":
            raise RepetitionError("~LST: a brace has no partner: ~LST({A, B}, {1, 2}, {3, 4})")
        position += 1


def _members(item: str) -> list[str]:
    """`{a, b}` as a list, and a single value as a list of one."""
    if not item.startswith("{"):
        if "{" in item:
            raise RepetitionError(f"~LST: {quoted(item)} is neither a word nor a group {{ }}")
        return [item]
    if not item.endswith("}"):
        raise RepetitionError(f"~LST: {quoted(item)} has text after its brace")
    return [member.strip() for member in item[1:-1].split(",")]


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise RepetitionError(
            f"{quoted(name)} is no name; letters, digits and _ make one, and no digit first"
        )


def _number(text: str) -> int:
    """As C reads it: 0x10 is hexadecimal, 010 octal."""
    if not _NUMBER.fullmatch(text):
        raise RepetitionError(f"{quoted(text)} is not a whole number")
    digits = text.lstrip("+-")
    sign = -1 if text[0] == "-" else 1
    if digits[:2] in ("0x", "0X"):
        return sign * int(digits, 16)
    if len(digits) > 1 and digits[0] == "0":
        raise RepetitionError(f"{quoted(text)}: keepalived reads a leading 0 as octal; write it without")
    return sign * int(digits)
