"""Definitions: $NAME=value, $NAME and ${NAME} (man keepalived.conf, Parameter substitution)."""

import os
import random
import re
from collections.abc import Iterator

from vrrpd_fast.config.conf import limits
from vrrpd_fast.config.conf.line import BLANKS, Line
from vrrpd_fast.config.conf.report import Report
from vrrpd_fast.config.problems import quoted

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# ${NAME} anywhere, $NAME before a blank or the end of the line.
_USE = re.compile(r"\$(?:\{([^{}]*)\}|([A-Za-z_][A-Za-z0-9_]*)(?=[ \t\r\v\f]|$))")
_DEFINE = re.compile(r"\$([^ \t\r\v\f={}]*)([ \t]*)=")
PREDEFINED = ("_PWD", "_INSTANCE", "_RANDOM", "_ENV", "_HASH", "_BANG")
_RANDOM_MOST = 32767


class LineError(Exception):
    """This line cannot be used; the report has said why."""


class Definitions:
    """The definitions in force; a value is the lines it stands for, at least one."""

    def __init__(self, instance: str, report: Report) -> None:
        self._values: dict[str, list[str]] = {}
        self._instance = instance
        self._report = report
        self._random = random.Random()

    def seed(self, seed: int) -> None:
        """${_RANDOM} gives the same numbers in every run from here on (random_seed)."""
        self._random.seed(seed)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def set(self, name: str, value: str) -> None:
        self._values[name] = [value]

    def define(self, line: Line) -> bool:
        """Take a line `$NAME=value`, with the lines that follow it; False when it is none."""
        match = _DEFINE.match(line.text)
        if match is None:
            return False
        name, blanks = match.groups()
        if blanks:
            # Only a name that stands first and alone is meant to be defined.
            if not NAME.fullmatch(name):
                return False
            self._report.error(line.place(match.end(1)), f"write ${name}= without a blank before the =")
        if not NAME.fullmatch(name):
            self._report.error(
                line.place(0),
                f"{quoted(name)} is no name for a definition: letters, digits and _, no digit first",
            )
            raise LineError
        if name.startswith("_"):
            self._report.warning(
                line.place(0), f"${name}: names that begin with _ belong to keepalived; take another one"
            )
        lines = [line.text[match.end() :].strip(BLANKS), *(line.body or ())]
        if len(lines) > 1 and not lines[0]:
            del lines[0]
        self._values[name] = lines
        return True

    def fill_in(self, line: Line, active: tuple[str, ...]) -> tuple[Line, list[str], str]:
        """A line with its definitions filled in; then the further lines of a definition, and its name.

        `active` are the definitions of several lines this line comes from. Raises LineError.
        """
        position = 0
        inside: dict[str, int] = {}  # definitions, and how much text follows what each put in
        while match := _USE.search(line.text, position):
            name = match[1] if match[2] is None else match[2]
            value = self._value(name, line, match.start())
            if value is None:
                position = match.end()
                continue
            behind = len(line.text) - match.end()
            while inside and behind < inside[next(reversed(inside))]:
                inside.popitem()
            if name in active or name in inside:
                self._report.error(line.place(match.start()), f"the definition of ${name} contains itself")
                raise LineError
            if len(value) > 1 and line.text[match.end() :].strip(BLANKS):
                self._report.error(
                    line.place(match.start()),
                    f"${name} is a definition of {len(value)} lines: nothing may follow it on the line",
                )
                raise LineError
            self._report.spend_characters(len(line.text), line.place(match.start()))
            line = line.replace(match.start(), match.end(), value[0])
            if len(line.text) > limits.LONGEST_LINE:
                self._report.error(
                    line.place(match.start()),
                    f"definitions make this line longer than {limits.LONGEST_LINE} characters",
                )
                raise LineError
            if len(value) > 1:
                return line, value[1:], name
            inside[name] = behind
            position = match.start()
        return line, [], ""

    def _value(self, name: str, line: Line, index: int) -> list[str] | None:
        if name in self._values:
            return self._values[name]
        if not name.startswith("_"):
            return None
        word, *arguments = name.split()
        match word, arguments:
            case "_HASH", []:
                return ["#"]
            case "_BANG", []:
                return ["!"]
            case "_PWD", []:
                return [os.path.dirname(os.path.abspath(line.file))]
            case "_INSTANCE", []:
                return [self._instance]
            case "_RANDOM", _:
                return [self._number(arguments, line, index)]
            case "_ENV", [variable]:
                if variable not in os.environ:
                    self._report.error(
                        line.place(index), f"the environment has no {quoted(variable)} for {quoted(name)}"
                    )
                    raise LineError
                return [os.environ[variable]]
        return None

    def _number(self, arguments: list[str], line: Line, index: int) -> str:
        if len(arguments) > 2 or not all(a.isascii() and a.isdigit() and len(a) < 19 for a in arguments):
            self._report.error(
                line.place(index), "_RANDOM takes the least and the greatest number: ${_RANDOM 1 100}"
            )
            raise LineError
        low = int(arguments[0]) if arguments else 0
        high = int(arguments[1]) if len(arguments) > 1 else max(low, _RANDOM_MOST)
        if high < low:
            self._report.error(line.place(index), f"_RANDOM: {low} is greater than {high}")
            raise LineError
        return str(self._random.randint(low, high))
