"""One file per kind of measurement. A new one: a Scenario in its file, its name in ALL."""

from harness.pairs import Scenario
from scenarios import (
    capacity,
    failover,
    growth,
    memory,
    pressure,
    receive,
    send,
    sendpath,
    takeover,
    timeline,
    watch,
)

ALL: tuple[Scenario, ...] = (
    *send.SCENARIOS,
    *receive.SCENARIOS,
    *sendpath.SCENARIOS,
    *growth.SCENARIOS,
    *takeover.SCENARIOS,
    *memory.SCENARIOS,
    *capacity.SCENARIOS,
    *timeline.SCENARIOS,
    *watch.SCENARIOS,
    *failover.SCENARIOS,
    *pressure.SCENARIOS,
)
