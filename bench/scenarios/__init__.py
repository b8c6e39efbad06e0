"""One file per kind of measurement. A new one: a Scenario in its file, its name in ALL."""

from harness.pairs import Scenario
from scenarios import (
    capacity,
    checks,
    failover,
    growth,
    ipv6,
    memory,
    mix,
    pressure,
    receive,
    reload,
    send,
    sendpath,
    start,
    stop,
    storm,
    takeover,
    timeline,
    watch,
)

ALL: tuple[Scenario, ...] = (
    *send.SCENARIOS,
    *receive.SCENARIOS,
    *sendpath.SCENARIOS,
    *growth.SCENARIOS,
    *ipv6.SCENARIOS,
    *mix.SCENARIOS,
    *takeover.SCENARIOS,
    *storm.SCENARIOS,
    *memory.SCENARIOS,
    *start.SCENARIOS,
    *reload.SCENARIOS,
    *stop.SCENARIOS,
    *capacity.SCENARIOS,
    *timeline.SCENARIOS,
    *watch.SCENARIOS,
    *failover.SCENARIOS,
    *pressure.SCENARIOS,
    *checks.SCENARIOS,
)
