"""bfd_instance: from the block of the file to the settings of a session."""

from collections.abc import Mapping

from vrrpd_fast import model
from vrrpd_fast.config import schema
from vrrpd_fast.config.addresses import Address, EntryError, interface_fault, parse_address
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema.base import stated

_RFC_TTL = 255  # RFC 5881 5
_KEEPALIVED_HOP_LIMIT = 64
_ANY_HOPS = (-1, 255)


def bfd_sessions(blocks: Mapping[str, schema.BfdInstance], problems: Problems) -> dict[str, model.BfdSession]:
    """Every bfd_instance; worth nothing once `problems` has an error."""
    sessions: dict[str, model.BfdSession] = {}
    by_neighbour: dict[tuple[Address, str, bool], list[model.BfdSession]] = {}
    for name, block in blocks.items():
        session = _session(name, block, problems)
        if session is None:
            problems.incomplete(("bfd_instance",))
            continue
        sessions[name] = session
        same = by_neighbour.setdefault((session.neighbour, session.interface, session.is_multihop), [])
        for other in same:
            if None in (session.source, other.source) or session.source == other.source:
                problems.error(
                    ("bfd_instance", name, "neighbor_ip"),
                    f"{session.neighbour} is the neighbour of bfd_instance {quoted(other.name)}, too, and "
                    "packets could not tell them apart",
                    ("bfd_instance", other.name),
                )
                break
        same.append(session)
    return sessions


def _session(name: str, block: schema.BfdInstance, problems: Problems) -> model.BfdSession | None:
    path = ("bfd_instance", name)
    text, _, interface = block.neighbor_ip.partition("%")
    neighbour = _address(text, (*path, "neighbor_ip"), problems)
    source = None if not isinstance(block.source_ip, str) else block.source_ip
    ours = None if source is None else _address(source, (*path, "source_ip"), problems)
    if neighbour is None or (source is not None and ours is None):
        return None
    _check_scope(neighbour, interface, (*path, "neighbor_ip"), problems)
    if ours is not None and ours.version != neighbour.version:
        problems.error((*path, "source_ip"), f"{ours} is of another address family than {neighbour}")
    elif ours == neighbour:
        problems.error((*path, "source_ip"), "is the address of the neighbour")
    return model.BfdSession(
        name=name,
        neighbour=neighbour,
        source=ours,
        interface=interface,
        min_tx_us=_microseconds(block.min_tx, (*path, "min_tx"), problems),
        min_rx_us=_microseconds(block.min_rx, (*path, "min_rx"), problems),
        idle_tx_us=_microseconds(block.idle_tx, (*path, "idle_tx"), problems),
        multiplier=block.multiplier,
        is_passive=block.passive,
        is_multihop=block.multihop,
        ttl=stated(block.ttl, _RFC_TTL),
        least_ttl=_least_ttl(block, neighbour),
    )


def _address(text: str, path: Path, problems: Problems) -> Address | None:
    try:
        address = parse_address(text)
    except EntryError as error:
        problems.malformed(path, str(error))
        return None
    if address.is_multicast or address.is_unspecified:
        problems.error(path, f"{address} is no address of one router")
    return address


def _check_scope(neighbour: Address, interface: str, path: Path, problems: Problems) -> None:
    if neighbour.version == 6 and neighbour.is_link_local:
        if not interface:
            problems.error(path, f"{neighbour} is link-local and needs its interface, as in fe80::1%eth0")
        elif fault := interface_fault(interface):
            problems.error(path, fault)
    elif interface:
        problems.error(path, f"only a link-local address has an interface: %{interface}")


def _least_ttl(block: schema.BfdInstance, neighbour: Address) -> int:
    """Of packets that are accepted (GTSM, RFC 5881 5): what the neighbour sends, less the hops allowed."""
    hops = stated(block.max_hops, 255 if block.multihop else 0)
    if hops in _ANY_HOPS:
        return 0
    sent = stated(block.ttl, _RFC_TTL if neighbour.version == 4 else _KEEPALIVED_HOP_LIMIT)
    return max(0, sent - hops)


def _microseconds(milliseconds: float, path: Path, problems: Problems) -> int:
    microseconds = round(milliseconds * 1000)
    if abs(milliseconds * 1000 - microseconds) > 1e-3:
        problems.error(path, f"{milliseconds:g} has more than three decimals: BFD counts microseconds")
    return microseconds
