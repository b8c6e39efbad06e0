"""Reads a configuration file in its native form, JSON, into model.Config.

The usual file is right and passes at the speed of C. When anything is wrong the text is read a second time by
source.py, which knows the place of everything, and validate.py, which does not stop at the first fault.
"""

import json
import os
from typing import Any

import msgspec

from vrrpd_fast.config import schema
from vrrpd_fast.config.problems import Problem, Problems, in_words
from vrrpd_fast.config.resolve import resolve
from vrrpd_fast.config.source import Source, SyntaxProblem
from vrrpd_fast.config.validate import to_file
from vrrpd_fast.model import Config, ConfigError, Finding, Severity

_LARGEST_FILE = 64 << 20
_BYTE_ORDER_MARK = "\ufeff"
# What JSON can begin with, and a comment someone put before it; everything else is left to keepalived.conf.
_JSON_BEGINS = '{["/'


class Loaded(msgspec.Struct, frozen=True):
    """A configuration that can be used, and what is doubtful about it (warnings only)."""

    config: Config
    findings: list[Finding]


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read and resolve a file; raises ConfigError with everything that is wrong with it."""
    name = os.fspath(path)
    return load_text(_read(name), name)


def check(path: str | os.PathLike[str]) -> list[Finding]:
    """Everything wrong or doubtful in a file, in its order; never raises for a bad file."""
    try:
        return load(path).findings
    except ConfigError as error:
        return error.findings


def load_text(text: str, name: str) -> Loaded:
    """As load(), of a text; `name` is the file the findings tell."""
    _check_form(text, name)
    problems = Problems()
    source: Source | None = None
    file = _decode(text)
    if file is None:
        source = _read_source(text, name)
        for path, offset in source.duplicates:
            first = source.place(source.find(path, key=True))[0]
            problems.duplicate(path, f"stands twice, first on line {first}", offset)
        file = to_file(source.value, problems)
    config = resolve(file, problems)
    if not problems.items:
        return Loaded(config, [])
    findings = _locate(problems, source or _read_source(text, name), name)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise ConfigError(findings)
    return Loaded(config, findings)


def _read(name: str) -> str:
    try:
        with open(name, "rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _error(name, 0, 0, f"cannot be read: {reason}") from error
    if len(raw) > _LARGEST_FILE:
        raise _error(name, 0, 0, f"is larger than {_LARGEST_FILE >> 20} MiB")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _error(name, 1, 1, "is UTF-16; save it as UTF-8")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        raise _error(name, line, column, f"byte {raw[error.start]:#04x} is not UTF-8") from error


def _check_form(text: str, name: str) -> None:
    if text.startswith(_BYTE_ORDER_MARK):
        raise _error(name, 1, 1, "begins with a byte order mark; save it as UTF-8 without one")
    begin = text.lstrip(" \t\r\n")
    if not begin:
        raise _error(name, 1, 1, "is empty; a configuration begins with {")
    if begin[0] not in _JSON_BEGINS:
        offset = len(text) - len(begin)
        line, column = Source(text).place(offset)
        raise _error(
            name,
            line,
            column,
            "this is not JSON, and keepalived.conf form is not read yet; use the JSON form",
        )


def _decode(text: str) -> schema.File | None:
    """The file if its shape is right, else None. A key that stands twice is not right."""
    if "\\ud" in text or "\\uD" in text:
        return None  # may be half of a surrogate pair, which json lets through
    try:
        return msgspec.convert(json.loads(text, object_pairs_hook=_members), schema.File)
    except (ValueError, RecursionError):
        return None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def _read_source(text: str, name: str) -> Source:
    source = Source(text)
    try:
        source.read()
    except SyntaxProblem as error:
        raise _error(name, *source.place(error.offset), error.message) from error
    if not isinstance(source.value, dict):
        raise _error(name, *source.place(source.find(())), "a configuration is an object { }")
    return source


def _locate(problems: Problems, source: Source, name: str) -> list[Finding]:
    """Findings in the order of the file."""
    located = []
    for problem in problems.items:
        offset = problem.offset
        if offset is None:
            offset = source.find(problem.path, key=problem.at_key)
        located.append((offset, problem))
    located.sort(key=lambda pair: pair[0])
    findings = []
    for offset, problem in located:
        line, column = source.place(offset)
        findings.append(
            Finding(
                file=name, line=line, column=column, severity=problem.severity, message=_text(problem, source)
            )
        )
    return findings


def _text(problem: Problem, source: Source) -> str:
    message = f"{in_words(problem.path)}: {problem.message}"
    if problem.other is not None:
        message += f" (line {source.place(source.find(problem.other))[0]})"
    return message


def _error(name: str, line: int, column: int, message: str) -> ConfigError:
    return ConfigError(
        [Finding(file=name, line=line, column=column, severity=Severity.ERROR, message=message)]
    )
