"""Differences on purpose that are not the matter of one scenario."""

from lab.compare.scenario import Difference, Discrepancy


def _is_left_out(found: Discrepancy) -> bool:
    """outside.py leaves these out of what it reads, so that there is nothing to forgive."""
    return False


TAG = Difference(
    "Addresses, routes and rules of vrrpd-fast carry protocol 112, which tells them from everybody else's.",
    _is_left_out,
)
PACKET_MARKS = Difference(
    "Adverts over IPv4 have identification 0 and forbid fragmentation (DF), those over IPv6 have flow "
    "label 0; keepalived leaves all three to the kernel.",
    _is_left_out,
)
EVERYWHERE = (TAG, PACKET_MARKS)
