"""The native form of a configuration file, JSON.

The usual file is right and passes at the speed of C. When anything is wrong the text is read a second time by
source.py, which knows the place of everything, and validate.py, which does not stop at the first fault.
"""

import json
from typing import Any

import msgspec

from vrrpd_fast.config import schema
from vrrpd_fast.config.conf.statement import Place
from vrrpd_fast.config.form import config_error, structs
from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.config.ranges import Expansion, expand, has_range
from vrrpd_fast.config.source import Source, SyntaxProblem
from vrrpd_fast.config.validate import to_file
from vrrpd_fast.model import Finding


class NativeForm:
    """A JSON text, ConfigError if it is not UTF-8; `name` is the file that its places tell."""

    def __init__(self, raw: bytes, name: str) -> None:
        self._text = _text(raw, name)
        self._name = name
        self._source: Source | None = None
        self._expansion: Expansion | None = None
        self.document: dict[str, Any] = {}  # what it says, with ranges written out; file() makes it

    @property
    def findings(self) -> list[Finding]:
        """What is doubtful about the syntax: nothing, JSON is right or wrong."""
        return []

    def file(self, problems: Problems) -> schema.File:
        """What the text says; ConfigError when it is no JSON object."""
        value = _decode(self._text)
        if isinstance(value, dict):
            faults = Problems()
            self._write_out(value, faults)
            if not faults.items:
                try:
                    return structs(self.document)
                except msgspec.ValidationError:
                    pass  # read again below, with places
        source = self._read()
        for path, offset in source.duplicates:
            first = source.place(source.find(path, key=True))[0]
            problems.at(self._at(offset), path, f"stands twice, first on line {first}")
        assert isinstance(source.value, dict)
        self._write_out(source.value, problems)
        return to_file(self.document, problems)

    def _write_out(self, value: dict[str, Any], problems: Problems) -> None:
        self.document = value
        if has_range(value):
            self._expansion = expand(value, problems)
            self.document = self._expansion.document

    def origin(self, path: Path) -> Path:
        """The path as the text has it, where ranges are blocks."""
        return path if self._expansion is None else self._expansion.origin(path)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where a value or its key stands, or the nearest thing around it that does."""
        return self._at(self._read().find(self.origin(path), key=key))

    def _read(self) -> Source:
        if self._source is None:
            source = Source(self._text)
            try:
                source.read()
            except SyntaxProblem as error:
                raise config_error(Place(self._name, *source.place(error.offset)), error.message) from error
            self._source = source
            if not isinstance(source.value, dict):
                raise config_error(self._at(source.find(())), "a configuration is an object { }")
        return self._source

    def _at(self, offset: int) -> Place:
        return Place(self._name, *self._read().place(offset))


def _text(raw: bytes, name: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        raise config_error(Place(name, line, column), f"byte {raw[error.start]:#04x} is not UTF-8") from error


def _decode(text: str) -> Any:
    """The value of the text, None if it is no right JSON. A key that stands twice is not right."""
    if "\\ud" in text or "\\uD" in text:
        return None  # may be half of a surrogate pair, which json lets through
    try:
        return json.loads(text, object_pairs_hook=_members)
    except (ValueError, RecursionError):
        return None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members
