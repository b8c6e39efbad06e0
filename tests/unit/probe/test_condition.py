"""What is expected of a value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrrpd_fast.probe.kinds.condition import Condition, number


@pytest.mark.parametrize(
    ("condition", "holding", "others"),
    [
        ("1", ["1", "1.0", "0x1", "+1"], ["0", "", "one", "1 0"]),
        ("= 1", ["1"], ["11"]),
        ("=0x10", ["16"], ["0x1"]),
        ("= active", ["active"], ["Active", "inactive"]),
        ("=", [""], ["0"]),
        ("!= 1", ["2", "", "one"], ["1", "1.0"]),
        ("< 10", ["9", "-3", "9.99"], ["10", "", "x", "9 x"]),
        ("<= 10", ["10"], ["10.1"]),
        (">10", ["11", "0xb"], ["10"]),
        (">= -1.5", ["-1.5", "0"], ["-2"]),
        ("1..3", ["1", "2.5", "3"], ["0", "4", "two"]),
        ("-3..-1", ["-2"], ["2"]),
        ("a..b", ["a..b"], ["b"]),
        ("~ ^up$", ["up"], ["upper"]),
        ("~up|down", ["is down"], ["UP"]),
    ],
)
def test_conditions(condition: str, holding: list[str], others: list[str]) -> None:
    holds = Condition(condition).holds
    assert [value for value in holding if not holds(value)] == []
    assert [value for value in others if holds(value)] == []


@pytest.mark.parametrize(
    ("condition", "message"),
    [("<", "< needs a number"), (">= x", ">= needs a number"), ("3..1", "at most"), ("~ [", "expression")],
)
def test_what_makes_no_sense(condition: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Condition(condition)


def test_numbers() -> None:
    assert [number(text) for text in ("7", " -7 ", "0xfF", "1.25", "", "1e3", "7a", "0x")] == [
        7,
        -7,
        255,
        1.25,
        None,
        None,
        None,
        None,
    ]


@given(st.text(max_size=40), st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_any_value_holds_or_does_not(value: str, low: int, high: int) -> None:
    found = number(value)
    for sign, agrees in (
        ("<", lambda n: n < low),
        (">=", lambda n: n >= low),
        ("=", lambda n: n == low),
    ):
        assert Condition(f"{sign} {low}").holds(value) is (found is not None and agrees(found))
        assert Condition(f"{sign} {low}").holds(str(high)) is agrees(high)
    assert Condition(f"!= {low}").holds(value) is not Condition(f"= {low}").holds(value)
    if low <= high:
        assert Condition(f"{low}..{high}").holds(str(low)) and Condition(f"{low}..{high}").holds(str(high))
