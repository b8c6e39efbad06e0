"""Both daemons of a scenario at the same time, step by step."""

import time

from lab.compare import judge, outside
from lab.compare.daemons import KINDS
from lab.compare.known import EVERYWHERE
from lab.compare.scenario import Discrepancy, Scenario, Step
from lab.compare.side import FAR, ROUTER, Side
from lab.kit.fixtures import Build, Tap

# What the two have not agreed on after so long, they differ in.
SETTLE_S = 4.0
PAUSE_S = 0.05


def compare(scenario: Scenario, build: Build, capture: Tap) -> list[Discrepancy]:
    """Run a scenario; what remains is every difference that is not on purpose."""
    sides = []
    for kind in KINDS:
        net = build(*[[ROUTER, FAR, "r3"]] * scenario.lans)
        sides.append(Side(kind, net, capture(net), scenario.conf, scenario.fifos))
    try:
        for side in sides:
            scenario.prepare(side)
        found: list[Discrepancy] = []
        for step in scenario.steps:
            for side in sides:
                side.begin(step.name, step.act, step.after_advert, step.about)
            for side in sides:
                side.wait(step.until)
            found += _settle(scenario, sides, step)
        return found
    finally:
        for side in sides:
            side.close()


def _settle(scenario: Scenario, sides: list[Side], step: Step) -> list[Discrepancy]:
    """Let what is still under way arrive on both sides; the differences of this step that stay."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        records = []
        for side in sides:
            side.mark.state = outside.state(side, scenario.looks)
            records.append(judge.last_step(side.marks, outside.everything(side)))
        found = judge.unforgiven(judge.differ(*records, step), (*EVERYWHERE, *scenario.differences))
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(PAUSE_S)
