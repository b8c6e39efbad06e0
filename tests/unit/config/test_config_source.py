"""The reader with places: agrees with the standard library on values, and knows where they stand."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vrrpd_fast.config.source import Source, SyntaxProblem

# A busy machine may stall any example; what counts is the outcome.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


def read(text: str) -> Source:
    source = Source(text)
    source.read()
    return source


@UNTIMED
@given(VALUES, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_reads_what_json_writes(value: Any, indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read(text).value == value


def refuse(constant: str) -> Any:
    raise ValueError(constant)


@UNTIMED
@given(st.text("{}[]:,\"\\ \n\t0123456789.eE+-truefalsnu'/#a", max_size=30))
def test_accepts_what_the_standard_library_accepts(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(SyntaxProblem) as caught:
            read(text)
        assert 0 <= caught.value.offset <= len(text)
        return
    try:
        source = read(text)
    except SyntaxProblem as problem:
        assert "out of every range" in problem.message  # 9e999
        return
    if not source.duplicates:
        assert source.value == expected


def test_places() -> None:
    text = '{\n  "a": {"b": [1,\n    "é", 2]},\r\n  "c": null\n}\n'
    source = read(text)

    def place(*path: str | int, key: bool = False) -> tuple[int, int]:
        return source.place(source.find(path, key=key))

    assert place() == (1, 1)
    assert place("a", key=True) == (2, 3)
    assert place("a") == (2, 8)
    assert place("a", "b") == (2, 14)
    assert place("a", "b", 1) == (3, 5)
    assert place("a", "b", 2) == (3, 10)
    assert place("c") == (4, 8)


def test_what_is_not_stated_is_at_what_it_belongs_to() -> None:
    source = read('{"a": {"b": [1]}}')
    assert source.find(("a", "x")) == source.find(("a",), key=True)
    assert source.find(("a", "b", 7)) == source.find(("a", "b"), key=True)
    assert source.find(("x", "y", "z")) == 0


def test_the_first_of_two_keys_counts() -> None:
    source = read('{"a": 1, "b": {"a": 2, "a": 3}, "a": {"c": 4}}')
    assert source.value == {"a": 1, "b": {"a": 2}}
    assert source.duplicates == [(("b", "a"), 23), (("a",), 32)]
    assert source.find(("a",)) == 6
