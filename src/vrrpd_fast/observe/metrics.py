"""What the stats segment says, as metrics (docs/METRICS.md has every name).

f-strings in list comprehensions: prometheus_client takes fifty times as long for ten thousand series.
"""

import gc
from collections.abc import Iterable
from itertools import repeat
from operator import itemgetter
from typing import Any

from vrrpd_fast.observe import keepalived_names
from vrrpd_fast.observe.exposition import Dialect, Exposition, escape, labels
from vrrpd_fast.observe.segment import Condition, Snapshot

JSON = dict[str, Any]

STATES = {"INIT": 0, "BACKUP": 1, "MASTER": 2, "FAULT": 3}
# Field of `statistics` → the value of the label kind.
ERRORS = {
    "interval_errors": "interval",
    "invalid_type_pkts_rcvd": "type",
    "packet_length_errors": "length",
    "checksum_errors": "checksum",
    "version_errors": "version",
    "vrid_errors": "vrid",
    "ip_ttl_errors": "ttl",
    "address_list_errors": "address_list",
    "authentication_errors": "authentication",
    "peer_errors": "peer",
}
COUNTERS = (
    ("advertisement_rcvd", "vrrp_advertisements_received", "Adverts accepted"),
    ("advertisement_sent", "vrrp_advertisements_sent", "Adverts sent; to unicast peers, one for all of them"),
    ("kernel_absorbed", "vrrp_advertisements_absorbed", "Accepted adverts that the kernel filter absorbed"),
    ("priority_zero_pkts_rcvd", "vrrp_priority_zero_received", "Resignations heard"),
    ("priority_zero_pkts_sent", "vrrp_priority_zero_sent", "Resignations sent"),
    ("master_transitions", "vrrp_master_transitions", "Times it became MASTER"),
)
FACTS = (
    ("priority", "vrrp_configured_priority", "Priority as configured"),
    ("effective_priority", "vrrp_effective_priority", "Priority that is advertised"),
    ("master_priority", "vrrp_master_priority", "Priority of the master"),
    ("master_advert_int", "vrrp_advert_interval_seconds", "Advert interval that is in force"),
    ("last_transition", "vrrp_last_transition_timestamp_seconds", "When the state changed last"),
)
ENGINE_COUNTERS = (
    ("wakeups", "Ticks of the protocol timer"),
    ("datagrams_received", "Packets read by the daemon; absorbed ones are not among them"),
    ("datagrams_sent", "Packets handed to the kernel"),
    ("send_failed", "Packets the kernel refused"),
    ("send_dropped", "Packets not sent because the kernel had no room"),
    ("receive_dropped", "Packets the kernel dropped because a receive buffer was full"),
    ("events_lost", "Transitions that were never told"),
    ("link_overruns", "Times the kernel dropped link notifications"),
)
ENGINE_SWITCHES = (
    ("kernel_filter", "Whether the kernel absorbs adverts that repeat the last one"),
    ("polling", "Whether the sockets are read on the tick"),
)
UP = ("up", "read")  # states of a tracker in which nothing is wrong with it
UNKNOWN = "unknown"
BOUNDS_NS = tuple(1 << n for n in range(13, 34))  # 8 µs to 8.6 s


def render(
    snapshot: Snapshot | None,
    dialect: Dialect = Dialect.OPENMETRICS,
    *,
    keepalived: bool = False,
) -> str:
    """A snapshot as text; None when there is none. With `keepalived`, its exporter's names as well."""
    out = Exposition(dialect)
    was_enabled = gc.isenabled()
    gc.disable()  # it would walk hundreds of thousands of lines again and again
    try:
        _condition(out, snapshot)
        if snapshot is not None:
            _daemon(out, snapshot)
            _virtual_routers(out, snapshot.instances)
            _trackers(out, snapshot)
        if keepalived:
            keepalived_names.add(out, snapshot)
        return out.text()
    finally:
        if was_enabled:
            gc.enable()


def _condition(out: Exposition, snapshot: Snapshot | None) -> None:
    now = None if snapshot is None else snapshot.condition
    out.gauge(
        "vrrpd_fast_up",
        "Whether the daemon runs and is not stuck",
        [("", int(now is Condition.RUNNING))],
    )
    out.gauge(
        "vrrpd_fast_condition",
        "1 for the condition the daemon is in",
        [(labels(condition=each), int(each is now)) for each in Condition],
    )


def _daemon(out: Exposition, snapshot: Snapshot) -> None:
    out.gauge(
        "vrrpd_fast_build_info",
        "Version of the daemon and name of the router",
        [(labels(version=snapshot.version, router_id=snapshot.router_id), 1)],
    )
    out.gauge(
        "vrrpd_fast_start_timestamp_seconds", "When the daemon started", [("", f"{snapshot.started:.3f}")]
    )
    out.gauge(
        "vrrpd_fast_heartbeat_timestamp_seconds",
        "When the daemon last said that it lives",
        [("", f"{snapshot.written:.3f}")],
    )
    for field, text in ENGINE_COUNTERS:
        out.counter(f"vrrpd_fast_{field}", text, [("", snapshot.engine.get(field, 0))])
    for field, text in ENGINE_SWITCHES:
        out.gauge(f"vrrpd_fast_{field}", text, [("", snapshot.engine.get(field, 0))])
    out.histogram(
        "vrrpd_fast_lateness_seconds",
        "How late ticks of the protocol timer came",
        {"": _bounded(snapshot.lateness)},
    )
    out.histogram(
        "vrrpd_fast_takeover_seconds",
        "How long after the down timer a takeover was that far",
        {labels(step=step): _bounded(counts) for step, counts in snapshot.takeover.items()},
    )
    out.counter(
        "vrrpd_fast_unattributed_errors",
        "Adverts that were heard, refused, and belong to no virtual router",
        [(labels(kind=kind), snapshot.unattributed.get(field, 0)) for field, kind in ERRORS.items()],
    )
    _notify(out, snapshot.notify)


def _notify(out: Exposition, notify: JSON) -> None:
    scripts = notify.get("scripts", {})
    for field, text in (
        ("run", "Notify scripts that were started"),
        ("failed", "Notify scripts that did not end with exit 0"),
        ("dropped", "Notify scripts never run, because too many of one virtual router waited"),
    ):
        out.counter(f"vrrpd_fast_notify_scripts_{field}", text, [("", scripts.get(field, 0))])
    for field, text in (
        ("running", "Notify scripts that run now"),
        ("waiting", "Notify scripts whose turn has not come"),
    ):
        out.gauge(f"vrrpd_fast_notify_scripts_{field}", text, [("", scripts.get(field, 0))])
    fifos = [(labels(path=each["path"]), each) for each in notify.get("fifos", [])]
    for field, text in (
        ("written", "Lines that the FIFO took"),
        ("dropped", "Lines that nobody will read"),
    ):
        out.counter(f"vrrpd_fast_notify_fifo_{field}", text, [(at, each.get(field, 0)) for at, each in fifos])
    out.gauge(
        "vrrpd_fast_notify_fifo_waiting",
        "Lines that the reader of the FIFO has left no room for",
        [(at, each.get("waiting", 0)) for at, each in fifos],
    )


def _virtual_routers(out: Exposition, instances: list[JSON]) -> None:
    tally = dict.fromkeys(STATES, 0)
    for each in instances:
        tally[each["state"]] += 1
    out.gauge(
        "vrrp_virtual_routers",
        "Virtual routers by state",
        [(labels(state=state), count) for state, count in tally.items()],
    )
    at = [_labels(each) for each in instances]
    out.column(
        "vrrp_virtual_router_info",
        "What a virtual router is; address is its first one",
        list(map(_info, at, instances)),
        repeat(1, len(at)),
    )
    out.column(
        "vrrp_state", "0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT", at, [STATES[each["state"]] for each in instances]
    )
    for field, name, text in FACTS:
        out.column(name, text, at, [each[field] for each in instances])
    out.gauge(
        "vrrp_last_takeover_lateness_seconds",
        "How late its last takeover's advert was, after its down timer",
        [
            (labelled, each["lateness_ns"] / 1e9)
            for labelled, each in zip(at, instances, strict=True)
            if each["lateness_ns"] is not None
        ],
    )
    out.column("vrrp_transitions", "Changes of state", at, [each["flaps"] for each in instances], counts=True)
    statistics = [each["statistics"] for each in instances]
    for field, name, text in COUNTERS:
        out.column(name, text, at, [each[field] for each in statistics], counts=True)
    out.lines("vrrp_errors", "Adverts that were refused or odd, by kind", map(_errors, at, statistics))


def _labels(each: JSON) -> str:
    name, interface = escape(each["name"]), escape(each["interface"])
    return f'{{name="{name}",interface="{interface}",vrid="{each["virtual_router_id"]}"}}'


def _info(labelled: str, each: JSON) -> str:
    addresses = each["virtual_addresses"]
    return (
        f'{labelled[:-1]},family="{each["address_family"]}",version="{each["version"]}"'
        f',address="{addresses[0].partition("/")[0] if addresses else ""}"'
        f',group="{escape(each["group"] or "")}"}}'
    )


def _errors(labelled: str, statistics: dict[str, int]) -> str:
    """Ten samples at once, mostly zeros."""
    counts = _error_counts(statistics)
    text = NO_ERRORS if not any(counts) else _error_lines(counts)
    return text.replace("{", labelled[:-1])


def _error_lines(counts: Iterable[int]) -> str:
    return "".join(
        [
            f'vrrp_errors_total{{,kind="{kind}"}} {count}\n'
            for kind, count in zip(ERRORS.values(), counts, strict=True)
        ]
    )


NO_ERRORS = _error_lines(repeat(0, len(ERRORS)))
_error_counts = itemgetter(*ERRORS)


def _trackers(out: Exposition, snapshot: Snapshot) -> None:
    every = [(labels(type=each["type"], tracker=each["name"]), each) for each in snapshot.trackers]
    out.gauge(
        "vrrp_tracker_up",
        "Whether nothing is wrong with what is tracked; no sample until that is known",
        [(at, int(each["state"] in UP)) for at, each in every if each["state"] != UNKNOWN],
    )
    for field, name, text in (
        ("last_duration", "vrrp_tracker_last_duration_seconds", "How long the last check took"),
        ("value", "vrrp_tracker_value", "The number in a file"),
        ("count", "vrrp_tracker_processes", "How many processes there are"),
    ):
        out.gauge(name, text, [(at, each[field]) for at, each in every if _is_number(each.get(field))])
    for field, text in (
        ("runs", "Checks that were begun"),
        ("skipped", "Checks left out because the last one had not ended"),
    ):
        out.counter(f"vrrp_tracker_{field}", text, [(at, each[field]) for at, each in every if field in each])
    tracking = [
        (
            f'{_labels(instance)[:-1]},type="{each["type"]}",tracker="{escape(each["name"])}"}}',
            each["contribution"],
        )
        for instance in snapshot.instances
        for each in instance["tracking"]
    ]
    at = [labelled for labelled, _ in tracking]
    out.column(
        "vrrp_tracking_contribution",
        "What a tracker adds to the priority",
        at,
        [part if _is_number(part) else 0 for _, part in tracking],
    )
    out.column(
        "vrrp_tracking_fault",
        "Whether a tracker causes FAULT",
        at,
        [int(part == "fault") for _, part in tracking],
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bounded(counts: dict[int, int]) -> dict[float, int]:
    """Counts by upper bounds in seconds; always the same ones, so that series do not come and go."""
    found: dict[float, int] = dict.fromkeys([bound / 1e9 for bound in BOUNDS_NS], 0)
    found[float("inf")] = 0
    for bound, count in counts.items():
        if bound <= BOUNDS_NS[0]:
            found[BOUNDS_NS[0] / 1e9] += count
        elif bound / 1e9 in found:
            found[bound / 1e9] += count
        else:
            found[float("inf")] += count
    return found
