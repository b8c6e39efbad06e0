"""What an earlier run left in the kernel, found by its owner tag."""

import contextlib

from msgspec import Struct

from vrrpd_fast.net import routes, rules
from vrrpd_fast.net.firewall import remove_tables
from vrrpd_fast.net.messages import may_change_addresses, withdraw_tagged
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.system import enter_network


class Withdrawn(Struct, frozen=True):
    """How many of each were there."""

    addresses: int
    routes: int
    rules: int
    tables: int

    def __str__(self) -> str:
        counts = [(self.addresses, "address", "addresses")]
        counts += [(self.routes, "route", "routes"), (self.rules, "rule", "rules")]
        counts += [(self.tables, "nftables table", "nftables tables")]
        told = [f"{count} {one if count == 1 else many}" for count, one, many in counts]
        return ", ".join([told[0], *(each for each in told[1:] if not each.startswith("0 "))]) + " removed"


def withdraw(namespace: str | None, table: str) -> Withdrawn:
    """Remove all of it: what leads to an address before the address. OSError if something stays.

    In the network namespace of that name, for which this thread leaves its own; `table` is that of nftables.
    """
    if namespace is not None:
        enter_network(namespace)
    with contextlib.closing(Netlink()) as netlink:
        gone_rules = _remove(netlink, rules.removals_of_tagged(netlink), "rules", rules.PreparedRule.absent)
        gone_routes = _remove(
            netlink, routes.removals_of_tagged(netlink), "routes", routes.PreparedRoute.absent
        )
        addresses = withdraw_tagged(netlink)
        try:
            tables = remove_tables(table)
        except PermissionError:
            if not may_change_addresses(netlink):
                raise
            tables = 0  # a daemon that runs owns it
    return Withdrawn(addresses, gone_routes, gone_rules, tables)


def _remove(netlink: Netlink, removals: list[bytearray], what: str, absent: frozenset[int]) -> int:
    failures = [failure for failure in netlink.transact(removals) if failure.errno not in absent]
    if failures:
        raise OSError(failures[0].errno, f"{len(failures)} {what} could not be removed: {failures[0].text}")
    return len(removals)
