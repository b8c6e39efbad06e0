"""docs/KEEPALIVED.md has a row for every word, and says of each what the program does with it."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.config.conf import keepalived_reference as reference
from unit.config.conf.keepalived_reference import DOCUMENT, TABLES
from unit.config.conf.test_samples import MANUAL

TESTS = Path(__file__).parents[3]
TEXT = DOCUMENT.read_text()
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \| ([^|]*) \|$", re.MULTILINE)


def part(block: str) -> str:
    return TEXT.split(reference.begin(block), 1)[1].split(reference.end(block), 1)[0].strip()


def rows(block: str) -> Iterator[tuple[str, str, str]]:
    """Word, what becomes of it, and the tests."""
    yield from ROW.findall(part(block))


@pytest.mark.parametrize("block", TABLES)
def test_a_table_is_that_of_the_code(block: str) -> None:
    """When this fails: python tests/unit/config/conf/keepalived_reference.py"""
    made = ROW.findall(reference.table(block, {}))
    assert [row[:2] for row in rows(block)] == [row[:2] for row in made]


def test_what_is_said_of_words_is_said_of_words_there_are() -> None:
    named = {*reference.DIFFERENTLY, *reference.REMARKS}
    assert {(block, word) for block, word in named if word not in TABLES[block]} == set()


def test_words_of_entries() -> None:
    """When this fails: python tests/unit/config/conf/keepalived_reference.py"""
    assert part("entries") == reference.entry_table()


@pytest.mark.parametrize("block", TABLES)
def test_named_tests_exist(block: str) -> None:
    scenarios = reference.scenarios_by_word()
    for word, _, tests in rows(block):
        names = re.findall(r"`([^`]+)`", tests)
        assert names, word
        for name in names:
            if name.endswith(".py"):
                directory = TESTS / "unit" / "config" if name.startswith("conf/") else TESTS
                assert (directory / name).exists(), name
            else:
                assert name in scenarios[word], f"{name} does not try {word}"


def words_of_the_manual() -> set[str]:
    """The words that the page prints bold where a line of an example begins, but for load balancing."""
    page = gzip.decompress(MANUAL.read_bytes()).decode()
    page = page[page.index("\n.SH Global definitions") : page.index("\n.SH LVS CONFIGURATION")]
    lines = re.findall(r"^\s*\\fB([a-z][\w-]*)[^\\]*\\fR", page, re.MULTILINE)
    return set(lines)


@pytest.mark.peer("keepalived")
def test_every_word_of_the_manual_page_has_a_row() -> None:
    found = words_of_the_manual()
    assert len(found) > 200
    documented = {word for block in TABLES for word, _, _ in rows(block)}
    documented |= set(re.findall(r"^\| `\w+` \| `([^`]+)` \|", TEXT, re.MULTILINE))
    assert found - documented == set()
