"""What a keepalived.conf says, before anybody asks whether its words are known: statements and places."""

from __future__ import annotations

from msgspec import Struct

# None of these is part of a reference cycle, and there are tens of thousands of them: the garbage collector
# need not look (gc=False).


class Place(Struct, frozen=True, gc=False):
    """Where a text begins; line and column count from 1, the column in characters.

    `file` is the included file where there is one. What a definition or a repetition made stands where it is
    used.
    """

    file: str
    line: int
    column: int


class Word(Struct, frozen=True, gc=False):
    """One word after quotes, escapes and definitions; `is_quoted` when a quoted part belongs to it.

    The command of a script is one word, which a shell would split into what keepalived makes of it.
    """

    text: str
    place: Place
    is_quoted: bool = False


class Statement(Struct, gc=False):
    """The words of a line, at least one, and what stood in { } after them; None when there were no braces.

    A block without a keyword is no statement but a finding, so `words[0]` is the keyword; in a list such as
    virtual_ipaddress every entry is a statement.
    """

    words: list[Word]
    block: list[Statement] | None = None

    @property
    def keyword(self) -> str:
        return self.words[0].text

    @property
    def place(self) -> Place:
        return self.words[0].place
