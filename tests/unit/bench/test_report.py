"""Figures and tables as people read them."""

import pytest

from harness.pairs import Budget, Metric, Scenario
from harness.programs import FLOOR, KEEPALIVED, OURS
from harness.report import HEADINGS, document, figure, rows, table

SCENARIO = Scenario(
    "x",
    "many VRs",
    (OURS, KEEPALIVED, FLOOR),
    (Metric("cpu", "CPU", "µs", Budget(0.4, True)), Metric("rate", "rate", "%")),
    lambda *_: {},
)
SAMPLES = {
    "cpu": {OURS: [2.0, 3.0, 4.0], KEEPALIVED: [10.0, 10.0, 10.0], FLOOR: [1.0, 1.0, 1.5]},
    "rate": {OURS: [100.0] * 3, KEEPALIVED: [50.0] * 3, FLOOR: [100.0] * 3},
}


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12346"), (99.94, "99.9"), (4.5678, "4.57"), (0.05, "0.050"), (0, "0.00"), (-2.345, "-2.35")],
)
def test_figures_have_three_digits(value, text):
    assert figure(value) == text


def test_rows_show_medians_extremes_ratios_and_the_verdict():
    title, cpu, rate = rows(SCENARIO, SAMPLES)
    assert title[0] == "**many VRs**"
    assert cpu == [
        "CPU, µs",
        "3.00 (2.00–4.00)",
        "10.0 (10.0–10.0)",
        "1.00 (1.00–1.50)",
        "0.20 / 0.30 / 0.40",
        "≤ 0.4 ×",
        "yes",
    ]
    assert rate[-3:] == ["2.00 / 2.00 / 2.00", "", ""]


def test_a_missed_budget_says_so():
    missed = {**SAMPLES, "cpu": {**SAMPLES["cpu"], KEEPALIVED: [4.0, 4.0, 4.0]}}
    assert rows(SCENARIO, missed)[1][-1] == "NO"


def test_the_table_is_aligned():
    lines = table(rows(SCENARIO, SAMPLES), HEADINGS).splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert set(lines[1]) == set("|- ")


def test_the_document_keeps_every_sample():
    cpu = document(SCENARIO, SAMPLES)["metrics"]["cpu"]
    assert cpu["samples"] == SAMPLES["cpu"]
    assert cpu["ratios"] == [0.2, 0.3, 0.4]
    assert cpu["budget"] == "≤ 0.4 ×"
