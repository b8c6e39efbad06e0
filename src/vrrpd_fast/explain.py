"""Why a virtual router changed its state, in one sentence for the log and for status."""

from ipaddress import IPv4Address, IPv6Address

from vrrpd_fast.model import Complaint, Instance, Reason, Transition

Address = IPv4Address | IPv6Address

OWNER_STAYS = (
    "it owns its addresses (priority 255): they stay on its interface, and it preempts whoever else is "
    "MASTER (RFC 9568 6.4.2); give it another priority in the configuration first"
)


def duration(nanoseconds: int) -> str:
    """A time as a person would say it: 361 ms, 2.5 s, 39 µs."""
    if nanoseconds < 999_500:
        return f"{nanoseconds / 1e3:.0f} µs"
    if nanoseconds < 9_950_000:
        return f"{nanoseconds / 1e6:.1f} ms"
    if nanoseconds < 999_500_000:
        return f"{nanoseconds / 1e6:.0f} ms"
    return f"{nanoseconds / 1e9:.3f}".rstrip("0").rstrip(".") + " s"


def routers(count: int) -> str:
    """So many virtual routers."""
    return f"{count} virtual router{'' if count == 1 else 's'}"


def transition(event: Transition, instance: Instance, priority: int, source: Address | None) -> str:
    """The reason of a transition; `priority` and `source` are our own at that time."""
    match event.reason:
        case Reason.STARTUP:
            return "started"
        case Reason.OWNER:
            return "owner of its addresses (priority 255)"
        case Reason.NO_ADVERT:
            return _no_advert(event, instance)
        case Reason.RESIGNED:
            who = event.master_address or "the master"
            return f"{who} resigned (priority 0), skew {duration(event.skew_ns)}"
        case Reason.PREEMPT:
            return (
                f"preempts {event.master_address}, whose priority {event.master_priority} "
                f"is lower than {priority}"
            )
        case Reason.HIGHER_PRIORITY:
            return (
                f"advert from {event.master_address} with priority {event.master_priority}, "
                f"higher than {priority}"
            )
        case Reason.HIGHER_ADDRESS:
            return (
                f"advert from {event.master_address} with the same priority {event.master_priority} and a "
                f"higher address than {source}"
            )
        case Reason.SHUTDOWN:
            return "stopped"
        case Reason.INTERFACE_DOWN:
            return f"interface {instance.interface} is down"
        case Reason.INTERFACE_GONE:
            return f"interface {instance.interface} does not exist"
        case Reason.NO_ADDRESS:
            kind = "IPv4 address" if instance.family == 4 else "IPv6 link-local address"
            return f"interface {instance.interface} has no {kind} of its own"
        case Reason.SYNC_GROUP:
            return "another member of its sync group is no MASTER any more"
        case Reason.OPERATOR:
            return "resigned by the operator"
        case Reason.RECOVERED:
            return "recovered"
        case Reason.RECONFIGURED:
            return "removed or begun anew by a reload"
    return event.reason.name.lower().replace("_", " ")


def _no_advert(event: Transition, instance: Instance) -> str:
    adverts = instance.down_timer_adverts
    interval_ns = (event.down_interval_ns - event.skew_ns) // adverts
    formula = f"({adverts} × {duration(interval_ns)} + skew {duration(event.skew_ns)})"
    if event.silence_ns < 0:
        return f"no advert heard for {duration(event.down_interval_ns)} {formula}"
    return f"no advert from {event.master_address} for {duration(event.silence_ns)} {formula}"


_COMPLAINTS = {
    Complaint.TTL: "refused: its TTL is not 255, or not in the range of its unicast_peer",
    Complaint.SHORT: "too short for a VRRP header refused",
    Complaint.VERSION: "of another VRRP version refused",
    Complaint.TYPE: "of an unknown type refused",
    Complaint.LENGTH: "whose length contradicts its address count refused",
    Complaint.CHECKSUM: "with a wrong checksum refused",
    Complaint.PEER: "refused: its sender is no peer, it is for another group, or only one of us uses unicast",
    Complaint.AUTHENTICATION: "refused: its authentication (auth_type, auth_pass) is not ours",
    Complaint.INTERVAL_REFUSED: "with an interval that is not ours refused",
    Complaint.NO_ADDRESSES: "without addresses refused",
    Complaint.ADDRESSES_REFUSED: "with other addresses than ours refused",
    Complaint.INTERVAL: "with another interval than ours; it is adopted",
    Complaint.ADDRESSES: "with other addresses than ours accepted: the configurations differ",
    Complaint.SECOND_OWNER: "with priority 255 although we own the addresses: two owners are configured",
    Complaint.NOT_LINK_LOCAL: "whose first address is not link-local accepted (RFC 9568 5.2.9 asks for it)",
}


def complaint(what: Complaint, source: Address | None) -> str:
    """What is odd about adverts heard, told once until the state changes."""
    return f"advert {f'from {source} ' if source is not None else ''}{_COMPLAINTS[what]}"
