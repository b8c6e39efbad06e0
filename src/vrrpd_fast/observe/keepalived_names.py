"""The same facts under the names of the widely used exporter for keepalived (mehdy/keepalived-exporter)."""

from typing import Any

from vrrpd_fast.observe.exposition import Exposition, labels
from vrrpd_fast.observe.segment import Condition, Snapshot

JSON = dict[str, Any]

STATES = {"INIT": 0, "BACKUP": 1, "MASTER": 2, "FAULT": 3}
COUNTERS = (
    ("keepalived_advertisements_received", "Advertisements received", "advertisement_rcvd"),
    ("keepalived_advertisements_sent", "Advertisements sent", "advertisement_sent"),
    ("keepalived_become_master", "Became master", "master_transitions"),
    ("keepalived_packet_length_errors", "Packet length errors", "packet_length_errors"),
    ("keepalived_advertisements_interval_errors", "Advertisement interval errors", "interval_errors"),
    ("keepalived_ip_ttl_errors", "TTL errors", "ip_ttl_errors"),
    ("keepalived_invalid_type_received", "Invalid type errors", "invalid_type_pkts_rcvd"),
    ("keepalived_address_list_errors", "Address list errors", "address_list_errors"),
    # Of keepalived's three kinds one is counted here: another type or another password than ours.
    ("keepalived_authentication_failure", "Authentication failure", "authentication_errors"),
    ("keepalived_priority_zero_received", "Priority zero received", "priority_zero_pkts_rcvd"),
    ("keepalived_priority_zero_sent", "Priority zero sent", "priority_zero_pkts_sent"),
)


def add(out: Exposition, snapshot: Snapshot | None) -> None:
    """Its families; what it does not know of an address, the device, is the instance's."""
    is_up = snapshot is not None and snapshot.condition is Condition.RUNNING
    out.gauge("keepalived_up", "Status", [("", int(is_up))])
    if snapshot is None:
        return
    common = [
        (
            labels(
                iname=each["name"],
                intf=each["interface"],
                vrid=each["virtual_router_id"],
                state=each["state"],
            ),
            each["statistics"],
        )
        for each in snapshot.instances
    ]
    for name, text, field in COUNTERS:
        out.counter(name, text, [(at, statistics.get(field, 0)) for at, statistics in common])
    out.counter(
        "keepalived_release_master",
        "Released master",
        [(at, _releases(each)) for (at, _), each in zip(common, snapshot.instances, strict=True)],
    )
    out.gauge(
        "keepalived_vrrp_state",
        "State of vrrp",
        [
            (
                labels(
                    iname=each["name"],
                    intf=each["interface"],
                    vrid=each["virtual_router_id"],
                    ip_address=address.partition("/")[0],
                ),
                STATES[each["state"]],
            )
            for each in snapshot.instances
            for address in each["virtual_addresses"]
        ],
    )
    scripts = [each for each in snapshot.trackers if each["type"] == "script"]
    out.gauge(
        "keepalived_script_status",
        "Tracker Script Status",
        [
            (labels(name=each["name"]), int(each["state"] == "up"))
            for each in scripts
            if each["state"] != "unknown"
        ],
    )


def _releases(instance: JSON) -> int:
    """Every mastership but the one that lasts has ended."""
    lasts = int(instance["state"] == "MASTER")
    return max(0, int(instance["statistics"]["master_transitions"]) - lasts)
