"""Follows include lines: what a missing or unusable file means, cycles, and how much may be read in all."""

import os
from collections.abc import Iterator

from vrrpd_fast.config.conf import limits
from vrrpd_fast.config.conf.includes import (
    FileError,
    Patterns,
    TooMuch,
    alternatives,
    has_wildcard,
    read_file,
)
from vrrpd_fast.config.conf.line import Line
from vrrpd_fast.config.conf.report import Report
from vrrpd_fast.config.conf.statement import Place, Word
from vrrpd_fast.config.problems import quoted

_READ = frozenset({"read"})
_MATCH = _READ | {"match"}
_WILDCARD = _READ | {"wildcard_match"}
_BRACE = _READ | {"brace_match"}
_ALL = _MATCH | _WILDCARD | _BRACE
# What include lines ask for besides the current include_check.
VARIANTS = {
    "include": frozenset[str](),
    "includer": _READ,
    "includem": _MATCH,
    "includew": _WILDCARD,
    "includeb": _BRACE,
    "includea": _ALL,
}
_OPTIONS = {
    "read": _READ,
    "readable": _READ,
    "match": _MATCH,
    "wildcard_match": _WILDCARD,
    "brace_match": _BRACE,
}
_BYTE_ORDER_MARK = "\ufeff"


class Includer:
    """Reads the main file and those it includes; one for a whole reading."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._patterns = Patterns()
        self._open: list[str] = []  # real paths of the files being read, the main file first
        self._files_left = limits.MOST_FILES
        self._bytes_left = limits.MOST_BYTES
        self._checks = VARIANTS["include"]

    def text(self, path: str, place: Place, *, is_included: bool, raw: bytes | None = None) -> str:
        """The text of a file, bytes that are no UTF-8 as lone surrogates; raises FileError.

        `raw` is what stands in it, where it has been read.
        """
        if raw is None:
            raw = read_file(path, is_included=is_included)
        self._files_left -= 1
        if self._files_left < 0:
            raise self._report.stop(place, f"more than {limits.MOST_FILES} files are included")
        self._bytes_left -= len(raw)
        if self._bytes_left < 0:
            raise self._report.stop(
                place, f"all files together are larger than {limits.MOST_BYTES >> 20} MiB"
            )
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FileError("is UTF-16; save it as UTF-8")
        text = raw.decode(errors="surrogateescape")
        if text.startswith(_BYTE_ORDER_MARK):
            self._report.error(
                Place(path, 1, 1), "begins with a byte order mark; save the file as UTF-8 without one"
            )
            text = text[1:]
        if "\r" in text and "\n" not in text:
            self._report.error(
                Place(path, 1, 1), "lines end in CR only; save the file with the line ends of Unix"
            )
        if "\0" in text:
            before = text[: text.index("\0")]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            self._report.error(Place(path, line, column), "a NUL byte stands here; this is no text")
            text = text.replace("\0", "")
        if not is_included:
            self._open.append(os.path.realpath(path))
        return text

    def include(self, variant: str, line: Line) -> Iterator[tuple[str, str]]:
        """Path and text of every file a line asks for; `line` is what follows the keyword."""
        place = line.place(0)
        pattern = line.text
        checks = self._checks | VARIANTS[variant]
        if not pattern:
            self._report.error(place, f"{variant} needs the name of a file")
            return
        if '"' in pattern or "'" in pattern:
            self._report.error(
                place, f"{variant}: a file name stands without quotes, which would be part of it"
            )
            return
        if len(pattern) > limits.LONGEST_PATTERN:
            self._report.error(
                place, f"{variant}: the name is longer than {limits.LONGEST_PATTERN} characters"
            )
            return
        if len(self._open) > limits.DEEPEST_INCLUDE:
            raise self._report.stop(
                place, f"files include one another more than {limits.DEEPEST_INCLUDE} deep"
            )
        for path in self._paths(pattern, checks, place, os.path.dirname(os.path.abspath(line.file))):
            real = os.path.realpath(path)
            if real in self._open:
                chain = [*self._open[self._open.index(real) :], real]
                self._report.error(place, "files include one another in a circle: " + " → ".join(chain))
                continue
            try:
                text = self.text(path, place, is_included=True)
            except FileError as error:
                # A wildcard meets scripts and directories, which keepalived leaves out in silence.
                say = self._report.error
                if has_wildcard(pattern) and "read" not in checks:
                    say = self._report.warning
                say(place, f"{path} {error}")
                continue
            saved = self._checks
            self._open.append(real)
            yield path, text
            self._open.pop()
            self._checks = saved

    def set_checks(self, words: list[Word]) -> None:
        """The options of include_check; none means all."""
        if not words:
            self._checks = _ALL
            return
        if words[0].text[:1] not in "+-":
            self._checks = frozenset()
        for word in words:
            option = _OPTIONS.get(word.text.lstrip("+-"))
            if option is None:
                known = [name for name in _OPTIONS if name != "readable"]
                hint = self._report.suggestion(word.text, known) or f"; it has {', '.join(known)}"
                self._report.error(word.place, f"include_check has no option {quoted(word.text)}{hint}")
            elif word.text.startswith("-"):
                self._checks -= option - _READ or option
            else:
                self._checks |= option

    def _paths(self, pattern: str, checks: frozenset[str], place: Place, directory: str) -> list[str]:
        """The files that exist, with findings on those that should."""
        found: list[str] = []
        made = limits.MOST_ALTERNATIVES
        try:
            names = alternatives(pattern)
            made = len(names)
            for name in filter(None, names):
                paths = [path for path in self._patterns.find(directory, name) if os.path.lexists(path)]
                if not paths:
                    self._tell_missing(name, len(names) > 1, checks, place)
                found += paths
        except TooMuch as error:
            message = f"include {quoted(pattern)}: {error}"
            if self._patterns.is_spent:
                raise self._report.stop(place, message) from error
            self._report.error(place, message)
        except ValueError:
            self._report.error(place, f"include {quoted(pattern)}: this is no file name")
        # A name is as much work as some text, and repetition may ask for the same ones for ever.
        self._report.spend_characters(8 * len(pattern) * made, place)
        return found

    def _tell_missing(self, name: str, in_braces: bool, checks: frozenset[str], place: Place) -> None:
        is_wild = has_wildcard(name)
        asked = "wildcard_match" in checks if is_wild else "read" in checks
        if in_braces:
            asked = "brace_match" in checks
        if asked:
            self._report.error(place, f"no file matches {quoted(name)}")
        elif not is_wild:
            self._report.warning(place, f"there is no file {quoted(name)}; nothing is included")
