"""One file per kind of measurement. A new one: a Scenario in its file, its name in ALL."""

from harness.pairs import Scenario
from scenarios import capacity, failover, memory, pressure, receive, send, takeover, timeline, watch

ALL: tuple[Scenario, ...] = (
    *send.SCENARIOS,
    *receive.SCENARIOS,
    *takeover.SCENARIOS,
    *memory.SCENARIOS,
    *capacity.SCENARIOS,
    *timeline.SCENARIOS,
    *watch.SCENARIOS,
    *failover.SCENARIOS,
    *pressure.SCENARIOS,
)
