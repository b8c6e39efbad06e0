"""What is wrong with the text, collected; and the budgets that no file may exceed."""

from collections.abc import Iterable
from itertools import islice

from vrrpd_fast.config.conf import limits
from vrrpd_fast.config.conf.statement import Place
from vrrpd_fast.config.form import finding
from vrrpd_fast.config.problems import near
from vrrpd_fast.model import Finding, Severity

# Comparing words is quadratic in hostile hands.
_MOST_SUGGESTIONS = 50
_MOST_COMPARED = 500
_LONGEST_SUGGESTED = 64


class StopReading(Exception):
    """A budget is used up; the finding that says so is in the report."""


class Report:
    """Findings in the order in which they were met."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._told: set[str] = set()
        self._lines_left = limits.MOST_LINES
        self._words_left = limits.MOST_WORDS
        self._characters_left = limits.MOST_CHARACTERS
        self._suggestions_left = _MOST_SUGGESTIONS

    def error(self, place: Place, message: str) -> None:
        self._add(place, message, Severity.ERROR)

    def warning(self, place: Place, message: str) -> None:
        self._add(place, message, Severity.WARNING)

    def stop(self, place: Place, message: str) -> StopReading:
        """Notes an error after which nothing more is read; the caller raises what it gets."""
        self._add(place, message, Severity.ERROR)
        return StopReading()

    def spend_line(self, place: Place) -> None:
        """Every line counts, also one that definitions or repetition made."""
        self._lines_left -= 1
        if self._lines_left < 0:
            raise self.stop(place, f"makes more than {limits.MOST_LINES} lines, which no router needs")

    def spend_words(self, count: int, place: Place) -> None:
        self._words_left -= count
        if self._words_left < 0:
            raise self.stop(place, f"makes more than {limits.MOST_WORDS} words, which no router needs")

    def spend_characters(self, count: int, place: Place) -> None:
        """Copying counts: short definitions in one another can make endless text."""
        self._characters_left -= count
        if self._characters_left < 0:
            raise self.stop(place, "definitions make too much text here")

    def suggestion(self, word: str, known: Iterable[str]) -> str:
        """`; did you mean …?` or nothing; only for the first mistakes."""
        if self._suggestions_left <= 0 or len(word) > _LONGEST_SUGGESTED:
            return ""
        self._suggestions_left -= 1
        return near(word, islice(known, _MOST_COMPARED))

    def _add(self, place: Place, message: str, severity: Severity) -> None:
        if len(self.findings) == limits.MOST_FINDINGS:
            message, severity = "and more; the rest of the file is not looked at", Severity.ERROR
        if len(message) > limits.LONGEST_MESSAGE:
            message = message[: limits.LONGEST_MESSAGE] + "…"
        told = finding(place, severity, message)
        # A repetition would say everything as often as it repeats.
        if (key := str(told)) in self._told:
            return
        self._told.add(key)
        self.findings.append(told)
        if len(self.findings) > limits.MOST_FINDINGS:
            raise StopReading
