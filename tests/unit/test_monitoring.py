"""packaging/monitoring: alert rules by promtool, the dashboard by its form, and the names in both."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "packaging" / "monitoring"
RULES = PLACE / "vrrpd-fast.rules.yml"
RULES_TEST = PLACE / "vrrpd-fast.rules.test.yml"
DASHBOARD = json.loads((PLACE / "grafana-dashboard.json").read_text())
METRICS = set(re.findall(r"`(vrrp(?:d_fast)?_[a-z_]+)`", (ROOT / "docs" / "METRICS.md").read_text()))
PANELS = {"row", "stat", "timeseries", "state-timeline", "table"}


def named(expression: str) -> set[str]:
    """The metrics of ours that an expression asks for."""
    found = re.findall(r"\bvrrp[a-z]*_[a-z_]+\b", re.sub(r'"[^"]*"', "", expression))
    return {name.removesuffix("_bucket") for name in found}


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is missing (package prometheus)")
    return found


@pytest.mark.parametrize(("words", "path"), [(("check", "rules"), RULES), (("test", "rules"), RULES_TEST)])
def test_promtool(promtool: str, words: tuple[str, ...], path: Path) -> None:
    done = subprocess.run([promtool, *words, path.name], cwd=PLACE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_a_rule_that_is_wrong_is_found(promtool: str, tmp_path: Path) -> None:
    shutil.copy(RULES_TEST, tmp_path)
    (tmp_path / RULES.name).write_text(RULES.read_text().replace("== 2) > 1", "== 2) > 2"))
    done = subprocess.run([promtool, "test", "rules", RULES_TEST.name], cwd=tmp_path, capture_output=True)
    assert done.returncode == 1


def test_every_alert_is_seen_to_fire() -> None:
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    assert len(alerts) == len(set(alerts)) > 10
    cases = re.split(r"- alertname: ", RULES_TEST.read_text())[1:]
    fired = {case.split()[0] for case in cases if "exp_labels" in case}
    assert fired == set(alerts)


def test_rules_ask_for_what_there_is() -> None:
    expressions = re.findall(r"expr: (?:>-\n((?:          .*\n)+)|(.*)\n)", RULES.read_text())
    asked = set().union(*(named(folded or plain) for folded, plain in expressions))
    assert len(expressions) == RULES.read_text().count("expr:")
    assert "vrrpd_fast_lateness_seconds" in asked
    assert asked <= METRICS


def panels() -> Iterator[dict[str, Any]]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", [])] + [
        each["expr"] for each in DASHBOARD["annotations"]["list"]
    ]


def test_the_dashboard_asks_for_what_there_is() -> None:
    asked = set().union(*map(named, expressions()))
    assert {"vrrp_state", "vrrpd_fast_lateness_seconds", "vrrp_errors_total"} <= asked
    assert asked <= METRICS


def test_the_dashboard_has_the_form_that_grafana_reads() -> None:
    assert DASHBOARD["uid"] == "vrrpd-fast"
    assert DASHBOARD["schemaVersion"] >= 36
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(DASHBOARD)))
    assert used - {"__rate_interval", "__range", "__all"} == set(variables)
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    taken: dict[tuple[int, int], str] = {}
    for panel in panels():
        assert panel["type"] in PANELS
        assert panel["title"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"], "panels overlap"
        targets = panel.get("targets", [])
        assert bool(targets) == (panel["type"] != "row")
        assert [each["refId"] for each in targets] == [chr(65 + n) for n in range(len(targets))]
        assert all(each["datasource"]["uid"] == "${datasource}" for each in targets)


def test_the_unit_of_the_exporter_starts_it_with_its_options() -> None:
    from vrrpd_fast.cli.ctl import parser

    text = (ROOT / "packaging" / "vrrpd-fast-exporter.service").read_text()
    (line,) = re.findall(r"^ExecStart=\S*/vrrpctl (.*)$", text, re.MULTILINE)
    assert parser().parse_args(line.split()).listen == "127.0.0.1:9112"
