"""From the statements of a keepalived.conf to the native document; keywords_*.py have the tables.

What is wrong with a word is noted where it stands and left out of the document, so that one look at a file
tells everything that is wrong with it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from vrrpd_fast.config.conf import hints, values
from vrrpd_fast.config.conf.keyword import (
    Block,
    Entry,
    Grammar,
    Lines,
    Named,
    Pairs,
    Refused,
    Repeated,
    Table,
    Unserved,
    Value,
    Weight,
    first,
)
from vrrpd_fast.config.conf.keywords_top import TOP
from vrrpd_fast.config.conf.places import Places
from vrrpd_fast.config.conf.statement import Statement
from vrrpd_fast.config.conf.values import Convert, WordError
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.model import Severity

Document = dict[str, Any]

_WEIGHT = Value(values.whole)


class Interpreter:
    """Reads statements into `document`; `places` knows afterwards where what stands.

    With `strict` what is not served is an error.
    """

    def __init__(self, places: Places, problems: Problems, *, strict: bool) -> None:
        self.document: Document = {}
        self._places = places
        self._problems = problems
        self._unserved = Severity.ERROR if strict else Severity.WARNING

    def read(self, statements: Sequence[Statement]) -> None:
        """Take all statements of a file."""
        self._keywords(statements, TOP, self.document, ())

    def _keywords(self, statements: Sequence[Statement], table: Table, into: Document, path: Path) -> None:
        for statement in statements:
            entry = table.get(statement.words[0].text)
            if type(entry) is Value:  # by far the most
                self._value(statement, entry, into, path)
            elif entry is None:
                self._unknown(statement, table, path)
            else:
                self._other(statement, entry, into, path)

    def _other(self, statement: Statement, entry: Entry, into: Document, path: Path) -> None:
        where = (*path, statement.words[0].text)
        match entry:
            case Lines():
                self._lines(statement, entry, into, where)
            case Weight():
                self._weight(statement, into, path)
            case Block():
                if self._has_block(statement, where) and self._stands_alone(statement, where):
                    self._places.add(where, statement)
                    inner = into.setdefault(statement.words[0].text, {})
                    self._keywords(statement.block or (), entry.table, inner, where)
            case Named():
                self._named(statement, entry, into, path)
            case Repeated():
                if self._has_block(statement, where) and self._stands_alone(statement, where):
                    inner = {}
                    blocks = into.setdefault(statement.words[0].text, [])
                    self._places.add((*where, len(blocks)), statement)
                    self._keywords(statement.block or (), entry.table, inner, (*where, len(blocks)))
                    blocks.append(inner)
            case Pairs():
                self._pairs(statement, entry, into, where)
            case Grammar():
                pass
            case Unserved():
                self._problems.at(statement.place, where, f"not served: {entry.consequence}", self._unserved)
            case Refused():
                self._problems.at(statement.place, where, f"not served yet: {entry.consequence}")

    def _value(self, statement: Statement, entry: Value, into: Document, path: Path) -> None:
        words = statement.words
        key = entry.key or words[0].text
        where = (*path, key)
        if statement.block is not None:
            hint = "; every keyword has a line of its own" if len(words) > 2 else ""
            self._problems.malformed(where, f"has no block {{ }}{hint}", place=statement.place)
            return
        try:
            value = entry.convert(words[1:])
        except WordError as error:
            self._malformed(where, error, statement)
            return
        if key in into:
            value = self._again(where, statement, entry.keeps, into[key], value)
        else:
            self._places.add(where, statement)
        into[key] = value

    def _again(
        self, where: Path, statement: Statement, keeps: Callable[[Any, Any], Any], old: Any, new: Any
    ) -> Any:
        """Which of two values counts for a keyword that stands twice."""
        value = keeps(old, new)
        which = "this one" if value == new else "that one"
        line = self._places.find(where, key=True).line
        self._problems.at(
            statement.place,
            where,
            f"stands twice, first on line {line}; {which} counts, as in keepalived",
            Severity.WARNING,
        )
        if value == new and keeps is not first:
            self._places.add(where, statement)
        return value

    def _weight(self, statement: Statement, into: Document, path: Path) -> None:
        words = statement.words
        turned = words[2].text if len(words) > 2 else ""
        if turned in ("reverse", "noreverse"):
            statement = Statement(words[:2] + words[3:], statement.block)
            into["reverse"] = turned == "reverse"
            self._places.add((*path, "reverse"), Statement(words[2:3]))
        self._value(statement, _WEIGHT, into, path)

    def _named(self, statement: Statement, entry: Named, into: Document, outside: Path) -> None:
        words = statement.words
        key = entry.key or words[0].text
        where = (*outside, key)
        if len(words) < 2 or not words[1].text:
            self._problems.at(statement.place, where, "needs a name")
            return
        path = (*where, words[1].text)
        if not self._has_block(statement, path) or not self._stands_alone(statement, path, words=2):
            return
        blocks = into.setdefault(key, {})
        if words[1].text in blocks:
            line = self._places.find(path).line
            self._problems.at(
                statement.place,
                path,
                f"stands twice, first on line {line}; keepalived leaves the second out: "
                "rename it or take it away",
            )
            return
        inner: Document = {}
        blocks[words[1].text] = inner
        self._places.add(path, statement)
        self._keywords(statement.block or (), entry.table, inner, path)

    def _lines(self, statement: Statement, entry: Lines, into: Document, where: Path) -> None:
        if not self._has_block(statement, where) or not self._stands_alone(statement, where):
            return
        self._places.add(where, statement)
        entries = into.setdefault(statement.words[0].text, [])
        for one in statement.block or ():
            parts = [Statement([word]) for word in one.words] if entry.words else [one]
            for part in parts:
                path = (*where, len(entries))
                value = self._converted(part, path, entry.convert, part.words)
                if value is not None:
                    self._places.add(path, part)
                    entries.append(value)

    def _pairs(self, statement: Statement, entry: Pairs, into: Document, where: Path) -> None:
        if not self._has_block(statement, where) or not self._stands_alone(statement, where):
            return
        self._places.add(where, statement)
        members = into.setdefault(statement.words[0].text, {})
        for one in statement.block or ():
            key = one.words[0].text
            path = (*where, key)
            value = self._converted(one, path, entry.convert, one.words[1:])
            if value is None:
                continue
            if key in members:
                value = self._again(path, one, first, members[key], value)
            else:
                self._places.add(path, one)
            members[key] = value

    def _converted(self, statement: Statement, path: Path, convert: Convert, words: Any) -> Any:
        """An entry of a list, None when it is none."""
        if statement.block is not None:
            self._problems.malformed(path, "has no block { }", place=statement.place)
            return None
        try:
            return convert(words)
        except WordError as error:
            self._malformed(path, error, statement)
            return None

    def _has_block(self, statement: Statement, path: Path) -> bool:
        if statement.block is None:
            self._problems.malformed(path, "needs a block { }", place=statement.place)
        return statement.block is not None

    def _stands_alone(self, statement: Statement, path: Path, words: int = 1) -> bool:
        if len(statement.words) > words:
            extra = statement.words[words]
            message = f'{quoted(extra.text)} is one word too many before the "{{"'
            self._problems.malformed(path, message, place=extra.place)
        return len(statement.words) <= words

    def _malformed(self, path: Path, error: WordError, statement: Statement) -> None:
        self._problems.malformed(path, str(error), place=error.place or statement.place)

    def _unknown(self, statement: Statement, table: Table, path: Path) -> None:
        word = statement.words[0].text
        hint = hints.elsewhere(word, table) or self._problems.suggestion(word, table)
        self._problems.at(statement.place, (*path, word), f"unknown keyword{hint}")
