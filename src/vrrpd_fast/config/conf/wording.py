"""The last step of a line: words and braces go to the tree, and what is odd about them is told."""

import re

from vrrpd_fast.config.conf import repetition
from vrrpd_fast.config.conf.definitions import PREDEFINED, Definitions, LineError
from vrrpd_fast.config.conf.includer import VARIANTS
from vrrpd_fast.config.conf.line import Line
from vrrpd_fast.config.conf.quoting import SPECIAL, WORD, Token, scan
from vrrpd_fast.config.conf.report import Report
from vrrpd_fast.config.conf.statement import Word
from vrrpd_fast.config.conf.tree import Tree
from vrrpd_fast.config.problems import quoted

_DOLLAR = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_TYPOGRAPHIC = {"\u00a0": "a no-break space", "\ufeff": "a byte order mark", "\u200b": "a zero-width space"}
_TYPOGRAPHIC |= dict.fromkeys("“”„‟‘’‚", "a typographic quotation mark")


class Wording:
    """Makes words of lines for one tree."""

    def __init__(self, report: Report, definitions: Definitions, tree: Tree) -> None:
        self._report = report
        self._definitions = definitions
        self._tree = tree

    def add(self, line: Line) -> Line | None:
        """What a line says once all definitions are filled in; returns an include behind a brace."""
        text = line.text
        special = SPECIAL.search(text)
        end = len(text) if special is None else special.start()
        if end == len(text) or (end == len(text) - 1 and text[end] in "{}"):
            self._add_usual(line, end)
            return None
        found = scan(text, comments=False)
        for fault in found.faults:
            say = self._report.error if fault.is_error else self._report.warning
            say(line.place(fault.offset), fault.message)
        for offset in found.undefined:
            self._tell_undefined(line, offset)
        tokens = found.tokens
        if text.endswith("\\") and not (tokens and tokens[-1].is_quoted):
            self._report.error(
                line.place(len(text) - 1),
                "only a definition ($NAME= ...) goes on in the next line after a \\; an empty line ends it",
            )
        if not text.isascii():
            self._check_characters(line, tokens)
        words: list[Word] = []
        for token in tokens:
            if token.is_brace:
                self._add(words)
                if token.text == "{":
                    self._tree.open(line.place(token.offset))
                else:
                    self._tree.close(line.place(token.offset), is_alone=len(tokens) == 1)
                words = []
                continue
            if "$" in token.text:
                self._check_dollars(line, token)
            if not words and token.offset > 0 and token.text in VARIANTS and not token.is_quoted:
                return line.cut(token.offset)
            words.append(Word(token.text, line.place(token.offset), token.is_quoted))
        self._add(words)
        return None

    def _add_usual(self, line: Line, end: int) -> None:
        """Words without anything special in them, and at most a brace at the end."""
        words = [Word(match[0], line.place(match.start())) for match in WORD.finditer(line.text, 0, end)]
        if words:
            self._tree.add(words)
        if line.text[end:] == "{":
            self._tree.open(line.place(end))
        elif line.text[end:]:
            self._tree.close(line.place(end), is_alone=not words)

    def _add(self, words: list[Word]) -> None:
        if not words:
            return
        for word in words:
            if word.text.startswith("~") and repetition.BEGINS.match(word.text + "("):
                self._report.error(
                    word.place, f"{word.text[:4]} repeats only what follows it: it has to begin the line"
                )
        self._tree.add(words)

    def _check_dollars(self, line: Line, token: Token) -> None:
        """A $ that stayed: text like others, unless it looks like a definition that was meant."""
        for match in _DOLLAR.finditer(token.text):
            name = match[1]
            place = line.place(token.offset)
            if name in self._definitions:
                self._report.warning(
                    place,
                    f"${name} is only replaced before a blank or the end of the line; write ${{{name}}}",
                )
            elif match[0] == token.text and not token.is_quoted:
                hint = self._report.suggestion(match[0], (f"${known}" for known in self._definitions))
                self._report.warning(
                    place, f"there is no definition ${name}, so it stays as it stands here{hint}"
                )

    def _tell_undefined(self, line: Line, offset: int) -> None:
        use = line.text[offset : line.text.index("}", offset) + 1]
        names = PREDEFINED if use.startswith("${_") else self._definitions
        hint = self._report.suggestion(use, (f"${{{name}}}" for name in names))
        self._report.error(line.place(offset), f"there is no definition {quoted(use)} up to here{hint}")

    def _check_characters(self, line: Line, tokens: list[Token]) -> None:
        for token in tokens:
            # The place of a word in quotes is that of the quote.
            for index, char in enumerate(token.text, token.offset + token.is_quoted):
                if "\udc80" <= char <= "\udcff":
                    self._report.error(line.place(index), f"byte {ord(char) - 0xDC00:#04x} is not UTF-8")
                    raise LineError
                if char in _TYPOGRAPHIC and not token.is_quoted:
                    self._report.error(
                        line.place(index),
                        f"{_TYPOGRAPHIC[char]} (U+{ord(char):04X}) stands here, which is neither blank nor "
                        "quote for keepalived; type it anew",
                    )
                    raise LineError
