"""The arithmetic of pairs, and whether a budget is met."""

import pytest

from harness.pairs import Budget, Effort, Metric, Scenario, Spread, is_met, ratios, run
from harness.programs import KEEPALIVED, OURS


def test_ratios_are_taken_pair_by_pair():
    assert ratios([1, 6, 2], [4, 3, 2]) == [0.25, 2, 1]


def test_a_pair_without_anything_to_divide_by_has_no_ratio():
    assert ratios([1, 6], [0, 3]) == [2]


def test_pairs_that_do_not_match_are_refused():
    with pytest.raises(ValueError):
        ratios([1, 2], [1])


def test_spread():
    assert Spread.of([3, 1, 9, 2]) == Spread(1, 2.5, 9)


@pytest.mark.parametrize(
    ("budget", "ours", "theirs", "met"),
    [
        (Budget(0.25, True), [1, 1, 9], [4, 5, 4], True),  # by the median pair: 1/4
        (Budget(0.25, True), [1, 1.1, 9], [4, 4, 4], False),
        (Budget(3, False), [1, 3, 90], [1, 1, 1], True),
        (Budget(3, False), [1, 3.1, 90], [100, 100, 100], False),
    ],
)
def test_a_budget_is_judged_by_the_median(budget, ours, theirs, met):
    assert is_met(budget, {OURS: ours, KEEPALIVED: theirs}) is met


def test_subjects_alternate():
    calls = []

    def measure(programs, subject, effort):
        calls.append(subject)
        return {"cpu": float(len(calls)), "rate": 0.0}

    scenario = Scenario("x", "X", (OURS, KEEPALIVED), (Metric("cpu", "CPU", "µs"),), measure)
    samples = run(scenario, None, Effort(3, 0.0), lambda line: None)
    assert calls == [OURS, KEEPALIVED] * 3
    assert samples == {"cpu": {OURS: [1, 3, 5], KEEPALIVED: [2, 4, 6]}}


def test_a_scenario_may_want_fewer_pairs():
    scenario = Scenario("x", "X", (OURS,), (Metric("a", "A", "MB"),), lambda *_: {"a": 1.0}, pairs_max=1)
    assert run(scenario, None, Effort(5, 0.0), lambda line: None) == {"a": {OURS: [1.0]}}
