"""Words and braces to nested statements, and what to say of braces that do not fit."""

from collections.abc import Callable

from msgspec import Struct

from vrrpd_fast.config.conf import limits
from vrrpd_fast.config.conf.report import Report
from vrrpd_fast.config.conf.statement import Place, Statement, Word
from vrrpd_fast.config.problems import quoted

# Blocks that stand in no other: one in a block tells that a brace before it is missing.
_TOP = """
    global_defs vrrp_instance vrrp_sync_group vrrp_script vrrp_probe vrrp_track_process vrrp_track_file
    bfd_instance static_ipaddress static_routes static_rules garp_group interface_up_down_delays
    linkbeat_interfaces virtual_server virtual_server_group
"""
_TOP_BLOCKS = frozenset(_TOP.split())


class _Open(Struct):
    """A block that is not closed yet; `statement` is None for braces without a keyword."""

    statement: Statement | None
    place: Place
    outside: list[Statement]

    def title(self) -> str:
        if self.statement is None:
            return "{"
        return quoted(" ".join(word.text for word in self.statement.words[:2]))


class Tree:
    """Builds statements; `on_setting` hears every statement directly in global_defs as soon as it stands."""

    def __init__(self, report: Report, on_setting: Callable[[Statement], None]) -> None:
        self.statements: list[Statement] = []
        self._report = report
        self._on_setting = on_setting
        self._open: list[_Open] = []
        self._current = self.statements
        self._last: Statement | None = None  # may still get a block
        self._settings: list[Statement] | None = None  # what stands in global_defs
        self._closed: tuple[str, Place, Place] | None = None  # title, opened, closed
        self._suspect = ""
        self._forgiven = 0  # braces that may turn out to be there after all

    def add(self, words: list[Word]) -> None:
        """A line, or what stood on it before a brace."""
        statement = Statement(words)
        if self._open and words[0].text in _TOP_BLOCKS and not words[0].is_quoted:
            self._missing_before(statement)
        self._report.spend_words(len(words), words[0].place)
        self._current.append(statement)
        self._last = statement
        if self._current is self._settings:
            self._on_setting(statement)

    def open(self, place: Place) -> None:
        """A { of the last statement: on its line or a later one."""
        if len(self._open) == limits.DEEPEST_BLOCK:
            raise self._report.stop(place, f"blocks are nested more than {limits.DEEPEST_BLOCK} deep")
        statement = self._last
        if statement is None:
            self._report.error(place, "this { opens a block, but no keyword stands before it")
        self._open.append(_Open(statement, place, self._current))
        self._current = []
        if statement is not None:
            statement.block = self._current
            if len(self._open) == 1 and statement.keyword == "global_defs":
                self._settings = self._current
        self._last = None

    def close(self, place: Place, *, is_alone: bool = False) -> None:
        """A }; `is_alone` on its line, where its column tells what the author meant to close."""
        self._last = None
        if not self._open:
            if self._forgiven:
                self._forgiven -= 1
                return
            message = "this } closes nothing: no block is open here"
            if self._closed is not None:
                title, opened, closed = self._closed
                message += f"; the last one, {title} of line {opened.line}, was closed on line {closed.line}"
            self._report.error(place, message)
            return
        block = self._open.pop()
        self._current = block.outside
        self._closed = (block.title(), block.place, place)
        if is_alone and not self._suspect and block.statement is not None:
            self._compare_columns(block.statement, place)

    def finish(self) -> None:
        """The text is over: every block should be closed."""
        for block in self._open[:1]:
            self._report.error(
                block.place, f"the block of {block.title()} is not closed: a }} is missing{self._suspect}"
            )

    def _compare_columns(self, closed: Statement, place: Place) -> None:
        if closed.place.file != place.file or closed.place.column == place.column:
            return
        for outer in reversed(self._open):
            if outer.statement is not None and outer.statement.place.column == place.column:
                self._suspect = (
                    f"; perhaps that of {quoted(closed.keyword)} on line {closed.place.line}, because the }} "
                    f"on line {place.line} stands under {outer.title()}"
                )
                return

    def _missing_before(self, statement: Statement) -> None:
        block = self._open[0]
        self._report.error(
            statement.place,
            f"{quoted(statement.keyword)} stands inside the block of {block.title()}, opened on line "
            f"{block.place.line}, but belongs outside of it: a }} is missing before it{self._suspect}",
        )
        self._forgiven = len(self._open)
        self._open.clear()
        self._current = self.statements
        self._suspect = ""
