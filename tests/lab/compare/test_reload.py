"""The same change of the file, and SIGHUP, under keepalived and under vrrpd-fast."""

import pytest

from lab.compare.run import compare
from lab.compare.scenario import Scenario
from lab.compare.scenarios.table import RELOADS
from lab.kit.fixtures import Build, Tap


@pytest.mark.peer("keepalived")
@pytest.mark.parametrize("scenario", RELOADS, ids=[scenario.name for scenario in RELOADS])
def test_a_change_looks_the_same_from_outside(build: Build, capture: Tap, scenario: Scenario) -> None:
    found = compare(scenario, build, capture)
    assert not found, "\n".join(map(str, found))
