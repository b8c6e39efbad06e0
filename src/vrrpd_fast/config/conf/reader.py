"""Reads a keepalived.conf, with all it includes, to statements with places."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from vrrpd_fast.config.conf import limits, repetition
from vrrpd_fast.config.conf.definitions import Definitions, LineError
from vrrpd_fast.config.conf.includer import Includer
from vrrpd_fast.config.conf.includes import FileError
from vrrpd_fast.config.conf.line import BLANKS, Line
from vrrpd_fast.config.conf.quoting import SPECIAL, WORD, without_comment
from vrrpd_fast.config.conf.report import Report, StopReading
from vrrpd_fast.config.conf.statement import Place, Statement, Word
from vrrpd_fast.config.conf.tree import Tree
from vrrpd_fast.config.conf.wording import Wording
from vrrpd_fast.config.problems import quoted
from vrrpd_fast.model import Finding

_DEFINITION_OF_LINES = re.compile(r"[ \t]*(?:@\S*[ \t]+)?\$[A-Za-z_][A-Za-z0-9_]*=.*\\[ \t\r]*$")
_CONDITION = re.compile(r"@(\^?)([^ \t\r\v\f]*)")
_NAME_BEFORE_COMMA = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)(?=[,}])")
_INCLUDE = re.compile(r"(include[rmwba]?)(?:[ \t\r\v\f]+|$)")


def read(path: str, config_id: str | None, raw: bytes | None = None) -> tuple[list[Statement], list[Finding]]:
    """Statements of a file and what is wrong with its grammar, in the order met; never raises for a bad file.

    `config_id` is what @ID lines are compared with, by default the first part of the host's name. With an
    error among the findings the statements are what could be made out. include_check and random_seed are
    served here, and stay among the statements. `raw` is the content of the file, where it has been read.
    """
    report = Report()
    reader = _Reader(path, config_id, report)
    with suppress(StopReading):
        reader.read_main(raw)
    return reader.tree.statements, report.findings


class _Reader:
    """One reading: the state that lines change."""

    def __init__(self, path: str, config_id: str | None, report: Report) -> None:
        self._path = path
        self._id = os.uname().nodename.partition(".")[0] if config_id is None else config_id
        self._report = report
        self._definitions = Definitions(self._id, report)
        self._includer = Includer(report)
        self._depth = 0  # of lines that come from lines
        self.tree = Tree(report, self._setting)
        self._wording = Wording(report, self._definitions, self.tree)

    def read_main(self, raw: bytes | None) -> None:
        whole = Place(self._path, 0, 0)
        try:
            text = self._includer.text(self._path, whole, is_included=False, raw=raw)
        except FileError as error:
            raise self._report.stop(whole, str(error)) from error
        self._file(self._path, text)
        self.tree.finish()

    def _file(self, file: str, text: str) -> None:
        """Every line of a text; the usual ones, words and a brace at the end, without detours."""
        tree, report = self.tree, self._report
        if text.count("\n") > limits.MOST_LINES:
            raise report.stop(Place(file, 1, 1), f"has more than {limits.MOST_LINES} lines")
        lines = enumerate(text.split("\n"), 1)
        for number, raw in lines:
            special = SPECIAL.search(raw)
            end = len(raw)
            brace = ""
            if special is not None:
                start = special.start()
                char = raw[start]
                if char in "#!" and (start == 0 or raw[start - 1] in BLANKS):
                    end = start
                    if raw[start + 1 :].strip(BLANKS) in ("{", "}"):
                        self._tell_brace_in_comment(Place(file, number, start + 1))
                elif char in "{}" and not raw[start + 1 :].strip(BLANKS):
                    end, brace = start, char
                else:
                    self._slow_line(file, number, raw, lines)
                    continue
            if end > limits.LONGEST_OF_KEEPALIVED:
                self._slow_line(file, number, raw, lines)
                continue
            words = [
                Word(match[0], Place(file, number, match.start() + 1)) for match in WORD.finditer(raw, 0, end)
            ]
            if words:
                if words[0].text.startswith("include"):
                    self._slow_line(file, number, raw, lines)
                    continue
                report.spend_line(words[0].place)
                tree.add(words)
            if brace == "{":
                tree.open(Place(file, number, end + 1))
            elif brace:
                tree.close(Place(file, number, end + 1), is_alone=not words)

    def _slow_line(self, file: str, number: int, raw: str, lines: Iterator[tuple[int, str]]) -> None:
        """A line of a file that may be anything."""
        line = Line(raw, file, number)
        if len(raw) > limits.LONGEST_LINE:
            self._report.error(line.place(0), f"this line is longer than {limits.LONGEST_LINE} characters")
            return
        if _DEFINITION_OF_LINES.match(raw):
            line = self._with_body(line, lines)
        before = without_comment(line.text)
        if before.comment is not None:
            self._report.warning(line.place(before.comment.offset), before.comment.message)
        line = line.cut(0, before.end)
        if len(line.text) > limits.LONGEST_OF_KEEPALIVED:
            self._report.warning(
                line.place(0),
                f"keepalived cuts a line after {limits.LONGEST_OF_KEEPALIVED} bytes and takes the rest for "
                "another one; here it stays one",
            )
        self._line(line)

    def _tell_brace_in_comment(self, place: Place) -> None:
        self._report.warning(place, "this brace stands in a comment, so it opens and closes nothing")

    def _with_body(self, line: Line, lines: Iterator[tuple[int, str]]) -> Line:
        """A definition of several lines: all but the last end with a backslash."""
        first = line.text.rstrip(BLANKS)
        body: list[str] = []
        size = 0
        for _, raw in lines:
            text = raw.strip(BLANKS)
            goes_on = text.endswith("\\")
            text = text.removesuffix("\\")
            text = text[: without_comment(text).end].strip(BLANKS)
            size += len(text)
            if text:
                body.append(text)
            if not goes_on:
                break
        self._report.spend_characters(size, line.place(0))
        return Line(first[:-1], line.file, line.number, body=body)

    def _line(self, line: Line, active: tuple[str, ...] = ()) -> None:
        """A line without comment; `active` are the definitions of several lines it comes from."""
        self._report.spend_line(line.place(0))
        self._report.spend_characters(len(line.text), line.place(0))
        if self._depth == limits.DEEPEST_EXPANSION:
            self._report.error(
                line.place(0), f"definitions, repetitions and include are nested more than {self._depth} deep"
            )
            return
        self._depth += 1
        with suppress(LineError):
            self._follow(line.cut(0), active)
        self._depth -= 1

    def _follow(self, line: Line, active: tuple[str, ...]) -> None:
        """What a line begins with decides, again and again, until only words are left. Raises LineError."""
        is_conditional = is_filled = False
        while line.text:
            if line.text[0] == "@":
                if is_conditional:
                    raise self._refuse(line, "a line has one condition; keepalived takes no second one")
                is_conditional = True
                rest = self._condition(line)
                if rest is None:
                    return
                line = rest
            elif line.text[0] == "$" and self._definitions.define(line):
                return
            elif line.text[0] == "~":
                self._repeat(line, active)
                return
            elif include := _INCLUDE.match(line.text):
                pattern = line.cut(include.end())
                if "$" in pattern.text:
                    pattern = self._filled(pattern, active)
                if pattern.text.count("}") > pattern.text.count("{"):
                    self._report.error(
                        pattern.place(pattern.text.rindex("}")),
                        "the rest of the line is the name of a file; put the } on a line of its own",
                    )
                    self.tree.close(pattern.place(len(pattern.text) - 1))
                    return
                for path, text in self._includer.include(include[1], pattern):
                    self._file(path, text)
                return
            elif "$" in line.text and not is_filled:
                filled, more, name = self._definitions.fill_in(line, active)
                if more:
                    use = filled.place(len(filled.text) - 1)
                    for each in (filled, *(Line(text, line.file, line.number, use=use) for text in more)):
                        self._line(each, (*active, name))
                    return
                is_filled = filled.text == line.text
                line = filled.cut(0)
            else:
                rest = self._wording.add(line)
                if rest is None:
                    return
                line = rest  # an include behind a brace

    def _condition(self, line: Line) -> Line | None:
        """What follows @ID or @^ID if it holds here."""
        match = _CONDITION.match(line.text)
        assert match is not None  # the line begins with @
        if not match[2]:
            raise self._refuse(line, "a name follows the @ without a blank, like @main or @^main")
        if (match[2] == self._id) == bool(match[1]):
            return None
        return line.cut(match.end())

    def _filled(self, line: Line, active: tuple[str, ...]) -> Line:
        """A part of a line with its definitions filled in, which have to be of one line each."""
        filled, more, name = self._definitions.fill_in(line, active)
        if more:
            raise self._refuse(line, f"${name} has several lines, here has to be one")
        return filled

    def _refuse(self, line: Line, message: str) -> LineError:
        self._report.error(line.place(0), message)
        return LineError()

    def _repeat(self, line: Line, active: tuple[str, ...]) -> None:
        """The rest of the line once for every value of ~SEQ(...) or ~LST(...)."""
        begins = repetition.BEGINS.match(line.text)
        end = line.text.find(")")
        if begins is None or end < 0:
            raise self._refuse(
                line,
                "the ( of the repetition is not closed"
                if begins
                else "a line that begins with ~ is a repetition: ~SEQ(NAME, start, step, end), ~SEQx(...) or "
                "~LST(NAME, value, ...)",
            )
        arguments = line.cut(begins.end(), end)
        if "$" in arguments.text:
            # A name ends before a comma too.
            text = _NAME_BEFORE_COMMA.sub(r"${\1}", arguments.text)
            braced = Line(text, line.file, line.number, use=arguments.place(0))
            arguments = self._filled(braced, active)
        try:
            found = repetition.parse(begins[1], arguments.text)
        except repetition.RepetitionError as error:
            raise self._refuse(line, str(error)) from error
        rest = line.cut(end + 1)
        for row in found.rows:
            for name, value in zip(found.names, row, strict=True):
                self._definitions.set(name, value)
            self._line(rest, active)

    def _setting(self, statement: Statement) -> None:
        """Two settings change the reading itself, from their line on."""
        if statement.keyword == "include_check":
            self._includer.set_checks(statement.words[1:])
        elif statement.keyword == "random_seed" and len(statement.words) > 1:
            seed = statement.words[1].text
            if seed.isascii() and seed.isdigit() and len(seed) <= 10:
                self._definitions.seed(int(seed))
            else:
                self._report.error(statement.words[1].place, f"random_seed: {quoted(seed)} is no number")
