"""Statements in any layout are read back with their places; any bytes are read without an exception."""

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.config.conf.statements import read_text
from vrrpd_fast.config.conf.reader import read
from vrrpd_fast.config.conf.statement import Statement

# A busy machine may stall any example; what counts is the outcome.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

Tree = list[tuple[list[str], "Tree | None"]]
Shown = tuple[list[tuple[str, int, int, bool]], "list[Shown] | None"]

BARE = st.from_regex(r"[a-z0-9_./:%*+-]{1,12}", fullmatch=True)
QUOTED = st.text(st.sampled_from("ab {}#!'\\\té$@~,="), max_size=8)
WORDS = st.lists(BARE | QUOTED, min_size=1, max_size=4)
HOSTILE = "ab1 \n{}\"'\\#!$@~(),=\r\tSEQLTincud*."
TREES = st.recursive(
    st.lists(st.tuples(WORDS, st.none()), max_size=4),
    lambda inner: st.lists(st.tuples(WORDS, st.none() | inner), max_size=4),
    max_leaves=12,
)


class Writer:
    """Writes statements in a layout that chance picks, and remembers where every word went."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.text = ""

    def write(self, tree: Tree) -> list[Shown]:
        shown: list[Shown] = []
        for words, block in tree:
            placed = [self.word(word) for word in words]
            inner = None
            if block is not None:
                self.pad(self.chance.choice(("", " ", "\n", " # { comment }\n", '\n\n ! "\n')))
                self.text += "{"
                self.pad(self.chance.choice(("", " ", "\n", "\t# x\n")))
                inner = self.write(block)
                self.text += self.chance.choice(("}", "\n}", "\n}\n", " } # }\n"))
            else:
                self.pad(self.chance.choice(("\n", "\r\n", " # comment\n", "!\n\n")))
            shown.append((placed, inner))
        return shown

    def word(self, word: str) -> tuple[str, int, int, bool]:
        line = self.text.count("\n") + 1
        column = len(self.text) - self.text.rfind("\n")
        is_quoted = not word or not all(c.isascii() and (c.isalnum() or c in "_./:%*+-") for c in word)
        self.text += f'"{word}"' if is_quoted else word
        self.text += self.chance.choice((" ", "\t", "  "))
        return word, line, column, is_quoted

    def pad(self, text: str) -> None:
        self.text += text


def placed(statements: list[Statement]) -> list[Shown]:
    return [
        (
            [(word.text, word.place.line, word.place.column, word.is_quoted) for word in statement.words],
            None if statement.block is None else placed(statement.block),
        )
        for statement in statements
    ]


@UNTIMED
@given(TREES, st.integers(0, 1 << 32))
def test_what_is_written_is_read(tree: Tree, seed: int) -> None:
    # A keyword decides how its line is quoted, and may be an include: those have tests of their own.
    named: Tree = [(["k" + str(i), *words], block) for i, (words, block) in enumerate(tree)]
    writer = Writer(random.Random(seed))
    expected = writer.write(named)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "keepalived.conf"
        path.write_bytes(writer.text.encode())
        statements, findings = read(str(path), "main")
    assert not findings
    assert placed(statements) == expected


@UNTIMED
@given(
    st.binary(max_size=200) | st.text(st.sampled_from("ab1 \n{}\"'\\#!$@~(),=\r\tSEQLTincud*."), max_size=200)
)
def test_any_bytes_are_read_without_an_exception(raw: bytes | str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        _, findings = read_text(Path(directory), raw)
    for finding in findings:
        finding.encode()
        line, column, _ = finding.split(":", 2)
        assert int(line) >= 0
        assert int(column) >= 0
