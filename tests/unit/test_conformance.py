"""docs/CONFORMANCE.md is true: the tests it names exist and carry the row's mark, no testable row is bare."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "CONFORMANCE.md"
ROW = re.compile(r"^\| ([A-Z]\d+)( ⌖)? \|")
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")

Test = tuple[str, str]  # path below tests/, function


def marked_tests() -> dict[Test, set[str]]:
    """The rows each test function carries, from `@pytest.mark.rfc` on it and on its parameters."""
    found: dict[Test, set[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                rows = {row for decorator in node.decorator_list for row in _rows(decorator)}
                found[str(path.relative_to(TESTS)), node.name] = rows
    return found


def _rows(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.rfc":
            yield from (ast.literal_eval(argument) for argument in call.args)


def documented_rows() -> dict[str, tuple[bool, str]]:
    """Each row of the document: whether it can be tested from outside (⌖), and its line."""
    found: dict[str, tuple[bool, str]] = {}
    for line in DOCUMENT.read_text().splitlines():
        row = ROW.match(line)
        if row:
            assert row[1] not in found, f"{row[1]} is there twice"
            found[row[1]] = (row[2] is not None, line)
    return found


MARKED = marked_tests()
ROWS = documented_rows()


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_tests_that_carry_its_mark(row: str) -> None:
    testable, line = ROWS[row]
    named = NAMED.findall(line)
    for test in named:
        assert test in MARKED, f"{row}: no such test: {test}"
        assert row in MARKED[test], f"{row}: {test} does not carry its mark"
    # A row without a test says why in so many words.
    assert named or not testable or "**left out**" in line, f"{row} has neither a test nor a reason"


def test_every_mark_has_its_row() -> None:
    unknown = {row for rows in MARKED.values() for row in rows} - set(ROWS)
    assert not unknown


def test_the_checklist_is_complete() -> None:
    """The rows of the checklist this document follows, section by section."""
    expected = [
        f"{letter}{number}"
        for letter, last in (
            ("P", 14),
            ("R", 14),
            ("T", 7),
            ("I", 3),
            ("B", 10),
            ("A", 10),
            ("O", 12),
            ("E", 4),
            ("U", 7),
        )
        for number in range(1, last + 1)
    ]
    assert list(ROWS) == expected
