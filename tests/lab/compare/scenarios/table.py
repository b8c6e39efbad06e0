"""The tables of all scenarios."""

from lab.compare.scenarios import addresses, announcements, notify, process, protocol, reloads, unicast

SCENARIOS = [
    scenario
    for part in (protocol, unicast, addresses, announcements, notify, process)
    for scenario in part.SCENARIOS
]
RELOADS = reloads.SCENARIOS
