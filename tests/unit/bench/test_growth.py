"""Growth with links: each one's own last figure over its first, and against whom it is judged."""

import pytest

from harness.pairs import Budget, Effort, Metric, Scenario, is_met, run
from harness.programs import FLOOR, KEEPALIVED, OURS
from harness.report import HEADINGS, document, rows
from scenarios import sendpath
from scenarios.growth import SCENARIOS, growth


def test_growth_is_the_most_links_over_the_fewest():
    assert growth({2000: 9.0, 100: 3.0, 500: 4.0}) == {"100": 3.0, "500": 4.0, "2000": 9.0, "growth": 3.0}


@pytest.mark.parametrize(("ours", "met"), [(1.9, True), (2.1, False)])
def test_the_bare_loop_is_the_measure_not_keepalived(ours, met):
    budget = Budget(1, True, against=FLOOR)
    assert str(budget) == "≤ 1 × bare C"
    assert is_met(budget, {OURS: [ours], KEEPALIVED: [1.0], FLOOR: [2.0]}) is met


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_all_populations_send_1000_adverts_a_second(scenario, monkeypatch):
    module = scenario.name.removeprefix("growth-")
    for window_s, fewest in ((6.0, 3), (2.0, 2)):
        seen = []
        monkeypatch.setattr(
            f"scenarios.{module}.measure",
            lambda shape, *_, seen=seen: seen.append(shape) or {"cpu": 1.0, "path": 1.0},
        )
        figures = scenario.measure(None, OURS, Effort(1, window_s))
        assert {shape.per_second for shape in seen} == {1000}
        assert len(seen) >= fewest
        assert set(figures) <= {metric.key for metric in scenario.metrics}


def test_a_metric_nobody_measured_is_no_row():
    scenario = Scenario(
        "x",
        "X",
        (FLOOR,),
        (Metric("a", "A", "ns"), Metric("b", "B", "ns")),
        lambda *_: {"b": 2.0},
    )
    samples = run(scenario, None, Effort(1, 0.0), lambda line: None)
    assert samples == {"b": {FLOOR: [2.0]}}
    assert rows(scenario, samples)[1:] == [["B, ns", "–", "–", "2.00", "–", "", ""]]
    assert len(HEADINGS) == 7
    assert document(scenario, samples)["metrics"]["b"]["ratios"] == []


def test_the_batch_of_sendpath_is_250_adverts_link_by_link():
    batch = sendpath.batch()
    interfaces = [line.split()[0] for line in batch]
    assert len(batch) == len(set(batch)) == 250
    assert list(dict.fromkeys(interfaces)) == [f"v{link}" for link in range(100)]
    assert interfaces == sorted(interfaces, key=lambda name: int(name[1:]))
