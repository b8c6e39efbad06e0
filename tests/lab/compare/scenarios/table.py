"""The table of all scenarios."""

from lab.compare.scenarios import addresses, announcements, process, protocol, unicast

SCENARIOS = [*protocol.SCENARIOS, *unicast.SCENARIOS, *addresses.SCENARIOS, *announcements.SCENARIOS, *process.SCENARIOS]
