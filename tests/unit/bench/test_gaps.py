"""Gaps between adverts as figures."""

import pytest

from harness import gaps

MS = 1_000_000


def test_gaps_of_two_routers():
    steady = list(range(0, 101 * MS, 10 * MS))
    late = [each for each in steady if each != 50 * MS]
    found = gaps.figures([steady, late], 5 * MS, 95 * MS, 10 * MS)
    assert (found["p50"], found["max"]) == (1.0, 2.0)
    assert found["lost"] == pytest.approx(100 * (1 - 17 / 18))


def test_a_silence_that_outlasts_the_window_is_a_gap():
    assert gaps.figures([[0, 10 * MS]], 0, 100 * MS, 10 * MS)["max"] == 9.0
    assert gaps.figures([[]], 0, 100 * MS, 10 * MS) == {
        "p50": 10.0,
        "p99": 10.0,
        "p999": 10.0,
        "max": 10.0,
        "lost": 100.0,
    }
