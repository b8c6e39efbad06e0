"""What a dump is made of: a virtual router as it is configured, and as it is."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from vrrpd_fast.model import JSON, Instance, State

# Its numbers and ours are the same.
STATES = {state.name: int(state) for state in State}

# Its names in the JSON dump, in its order → ours. Passwords of another kind and other passwords are one
# count of ours; what else it tells apart stays 0.
COUNTS: Mapping[str, str | None] = {
    "advert_rcvd": "advertisement_rcvd",
    "advert_sent": "advertisement_sent",
    "become_master": "master_transitions",
    "release_master": "released",
    "packet_len_err": "packet_length_errors",
    "advert_interval_err": "interval_errors",
    "ip_ttl_err": "ip_ttl_errors",
    "invalid_type_rcvd": "invalid_type_pkts_rcvd",
    "addr_list_err": "address_list_errors",
    "invalid_authtype": None,
    "authtype_mismatch": None,
    "auth_failure": "authentication_errors",
    "pri_zero_rcvd": "priority_zero_pkts_rcvd",
    "pri_zero_sent": "priority_zero_pkts_sent",
}


class Facts(Struct, frozen=True):
    """One virtual router at a moment; `status` is its entry in the status contract."""

    instance: Instance
    status: JSON
    source: IPv4Address | IPv6Address | None
    group: str | None
    counts: dict[str, int]  # by its names

    @property
    def state(self) -> str:
        return str(self.status["state"])

    @property
    def wanted(self) -> str:
        """It has no wish of its own while it is nothing yet: it will begin as BACKUP."""
        return "BACKUP" if self.state == "INIT" else self.state

    @property
    def is_master(self) -> bool:
        return self.state == "MASTER"


def counts_of(statistics: dict[str, int], is_master: bool) -> dict[str, int]:
    """Its counters of ours. Each mastership but the one that lasts was given up."""
    known = {**statistics, "released": max(0, statistics["master_transitions"] - is_master)}
    return {name: 0 if field is None else known[field] for name, field in COUNTS.items()}
