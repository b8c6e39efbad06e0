"""The tables of all scenarios."""

from lab.compare.scenarios import (
    addresses,
    announcements,
    notify,
    process,
    protocol,
    reloads,
    trackers,
    unicast,
)

SCENARIOS = [
    scenario
    for part in (protocol, unicast, addresses, announcements, notify, process, trackers)
    for scenario in part.SCENARIOS
]
RELOADS = reloads.SCENARIOS
