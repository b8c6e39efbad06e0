"""What is compared of a virtual router that both routers have, rule by rule."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from vrrpd_fast.config.pair.side import BOTH_MASTER, Difference, Side
from vrrpd_fast.model import NS_PER_CS, NS_PER_S, Family, Instance, Severity

_SHOWN = 4  # of a list of addresses


class Both(Struct, frozen=True):
    """A virtual router as both routers have it."""

    first: Side
    second: Side
    a: Instance
    b: Instance

    def differ(
        self, severity: Severity, key: str, values: tuple[object, object], consequence: str, what: str = ""
    ) -> Difference:
        return Difference(
            severity=severity,
            what=what or key,
            names=(self.a.name, self.b.name),
            values=(str(values[0]), str(values[1])),
            places=(
                self.first.place("vrrp_instance", self.a.name, key),
                self.second.place("vrrp_instance", self.b.name, key),
            ),
            consequence=consequence,
        )

    def of(self, value: Callable[[Instance], object]) -> tuple[object, object]:
        return value(self.a), value(self.b)

    def error_if_not_equal(
        self, key: str, value: Callable[[Instance], object], consequence: str
    ) -> Iterator[Difference]:
        values = self.of(value)
        if values[0] != values[1]:
            yield self.differ(Severity.ERROR, key, values, consequence)

    @property
    def by_priority(self) -> tuple[Instance, Instance] | None:
        """The one that should be MASTER, and the other; None when they are equal."""
        if self.a.priority == self.b.priority:
            return None
        return (self.a, self.b) if self.a.priority > self.b.priority else (self.b, self.a)


def of_pair(both: Both) -> Iterator[Difference]:
    if both.a.family is not both.b.family:
        values = both.of(lambda it: f"IPv{it.family.value}")
        yield both.differ(
            Severity.ERROR,
            "virtual_ipaddress",
            values,
            f"they are two virtual routers, {BOTH_MASTER}",
            "address family",
        )
        return
    for rule in _RULES:
        yield from rule(both)


def _virtual_router_id(both: Both) -> Iterator[Difference]:
    return both.error_if_not_equal(
        "virtual_router_id",
        lambda it: it.virtual_router_id,
        f"they are two virtual routers, {BOTH_MASTER} and carry the same addresses"
        if both.a.virtual_addresses and not _addresses_of(both.a).isdisjoint(_addresses_of(both.b))
        else "they are two virtual routers, and neither stands in for the other",
    )


def _version(both: Both) -> Iterator[Difference]:
    return both.error_if_not_equal(
        "version", lambda it: it.version, f"neither understands the other's adverts, {BOTH_MASTER}"
    )


def _advert_int(both: Both) -> Iterator[Difference]:
    if both.a.advert_int_cs == both.b.advert_int_cs or both.a.version != both.b.version:
        return
    values = both.of(lambda it: f"{it.advert_int_cs * NS_PER_CS / NS_PER_S:g} s")
    if both.a.version == 2:
        yield both.differ(
            Severity.ERROR,
            "advert_int",
            values,
            f"version 2 refuses another interval than its own, {BOTH_MASTER}",
        )
    else:
        yield both.differ(
            Severity.WARNING,
            "advert_int",
            values,
            "the BACKUP adopts the MASTER's interval, so how fast a failover is depends on who fails",
        )


def _addresses(both: Both) -> Iterator[Difference]:
    a, b = _addresses_of(both.a), _addresses_of(both.b)
    if a != b:
        values = (_only(a - b), _only(b - a))
        refuses = both.a.version == both.b.version and (
            both.a.version == 2 or both.a.check_addresses or both.b.check_addresses
        )
        consequence = (
            f"adverts that list other addresses are refused, {BOTH_MASTER}"
            if refuses
            else "after a failover the one that is MASTER does not carry what only the other one has"
        )
        yield both.differ(Severity.ERROR, "virtual_ipaddress", values, consequence)
    a, b = _excluded_of(both.a), _excluded_of(both.b)
    if a != b:
        yield both.differ(
            Severity.ERROR,
            "virtual_ipaddress_excluded",
            (_only(a - b), _only(b - a)),
            "after a failover the one that is MASTER does not carry what only the other one has",
        )
    lengths = {each.address: each.prefixlen for each in both.b.all_addresses}
    for each in both.a.all_addresses:
        length = lengths.get(each.address, each.prefixlen)
        if length != each.prefixlen:
            yield both.differ(
                Severity.WARNING,
                "virtual_ipaddress",
                (each, f"{each.address}/{length}"),
                "the network that is reached directly through it differs from router to router",
                "prefix length",
            )


def _addresses_of(instance: Instance) -> set[object]:
    return {each.address for each in instance.virtual_addresses}


def _excluded_of(instance: Instance) -> set[object]:
    return {each.address for each in instance.excluded_addresses}


def _only(addresses: set[object]) -> str:
    if not addresses:
        return "nothing more"
    shown = sorted(map(str, addresses))
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return "also " + ", ".join(shown[:_SHOWN]) + more


def _priority(both: Both) -> Iterator[Difference]:
    if both.a.priority != both.b.priority:
        return
    values = both.of(lambda it: it.priority)
    if both.a.is_owner:
        yield both.differ(
            Severity.ERROR,
            "priority",
            values,
            "both own the addresses: who starts is MASTER at once, and then the higher address wins",
        )
    else:
        yield both.differ(
            Severity.WARNING,
            "priority",
            values,
            "unless trackers decide, who is there first is MASTER; of two at once, the higher address",
        )


def _authentication(both: Both) -> Iterator[Difference]:
    if both.a.version == both.b.version == 2 and both.a.auth_pass != both.b.auth_pass:
        values = both.of(lambda it: "a password" if it.auth_pass else "no password")
        if values[0] == values[1]:
            values = ("one password", "another one")
        yield both.differ(
            Severity.ERROR, "authentication", values, f"adverts of the other are refused, {BOTH_MASTER}"
        )


def _checksum(both: Both) -> Iterator[Difference]:
    values = both.of(lambda it: it.checksum)
    if both.a.version == both.b.version == 3 and both.a.family is Family.IPV4 and values[0] != values[1]:
        yield both.differ(
            Severity.WARNING,
            "checksum",
            values,
            "vrrpd-fast accepts both forms; another implementation on this network refuses one of them",
        )


def _accept(both: Both) -> Iterator[Difference]:
    values = both.of(lambda it: "dropped" if it.is_shielded else "accepted")
    if both.a.accept != both.b.accept and values[0] != values[1]:
        yield both.differ(
            Severity.WARNING,
            "accept",
            values,
            "whether the virtual addresses answer depends on who is MASTER",
            "packets to the addresses",
        )


def _path(both: Both) -> Iterator[Difference]:
    """How adverts get from one to the other."""
    a, b = both.a, both.b
    if a.is_unicast != b.is_unicast:
        values = both.of(lambda it: "unicast" if it.is_unicast else f"multicast to {it.group}")
        yield both.differ(Severity.ERROR, "unicast_peer", values, f"neither hears the other, {BOTH_MASTER}")
        return
    if a.source_ip is not None and a.source_ip == b.source_ip:
        key = "unicast_src_ip" if a.is_unicast else "mcast_src_ip"
        yield both.differ(
            Severity.ERROR,
            key,
            both.of(lambda it: it.source_ip),
            f"each takes the other's adverts for its own, {BOTH_MASTER}",
        )
    if not a.is_unicast:
        yield from both.error_if_not_equal(
            "mcast_dst_ip", lambda it: it.group, f"neither hears the other, {BOTH_MASTER}"
        )
    elif a.source_ip is None and b.source_ip is None:
        peers = both.of(lambda it: {peer.address for peer in it.unicast_peers})
        if peers[0] == peers[1] and len(a.unicast_peers) == 1:
            yield both.differ(
                Severity.ERROR,
                "unicast_peer",
                both.of(lambda it: it.unicast_peers[0].address),
                f"one of them sends to itself and never to the other, {BOTH_MASTER}",
            )
    else:
        yield from _names_it(both, a, b, is_first=True)
        yield from _names_it(both, b, a, is_first=False)


def _names_it(both: Both, sender: Instance, receiver: Instance, *, is_first: bool) -> Iterator[Difference]:
    """Whether `sender` sends to `receiver`, and with a TTL that counts there; as far as it can be told."""
    unheard = (
        BOTH_MASTER
        if sender.priority >= receiver.priority
        else "and when the one of lower priority has to be MASTER both are"
    )
    if receiver.source_ip is not None and receiver.source_ip not in {
        it.address for it in sender.unicast_peers
    }:
        peers = ", ".join(str(it.address) for it in sender.unicast_peers) or "no peer"
        values = (f"sends to {peers}", f"is {receiver.source_ip}")
        yield _turned(both, "unicast_peer", values, f"one does not hear the other, {unheard}", is_first)
    for peer in receiver.unicast_peers:
        if peer.address == sender.source_ip and not peer.min_ttl <= sender.unicast_ttl <= peer.max_ttl:
            values = (f"sends with TTL {sender.unicast_ttl}", f"accepts {peer.min_ttl} to {peer.max_ttl}")
            yield _turned(
                both, "unicast_ttl", values, f"one refuses the other's adverts, {unheard}", is_first
            )


def _turned(both: Both, key: str, values: tuple[str, str], consequence: str, is_first: bool) -> Difference:
    return both.differ(Severity.ERROR, key, values if is_first else values[::-1], consequence)


def _preempt(both: Both) -> Iterator[Difference]:
    """The one of higher priority is the one that preempts, unless trackers turn them round."""
    if both.a.preempt == both.b.preempt and both.a.preempt_delay == both.b.preempt_delay:
        return
    if both.by_priority is None:
        return
    higher, lower = both.by_priority
    moves = any(_weighs(it) for it in (higher, lower))
    if both.a.preempt != both.b.preempt:
        values = both.of(lambda it: "preempts" if it.preempt else "nopreempt")
        if not lower.preempt:
            consequence = "the one of higher priority takes over when it comes back all the same"
        elif moves:
            consequence = (
                "trackers can turn the priorities round, and then the one that preempts takes over at once"
            )
        else:
            return
        yield both.differ(Severity.WARNING, "nopreempt", values, consequence, "preemption")
    elif lower.preempt_delay and not higher.preempt_delay and higher.preempt:
        yield both.differ(
            Severity.WARNING,
            "preempt_delay",
            both.of(lambda it: f"{it.preempt_delay:g} s"),
            "it is the one of higher priority that preempts, and that one does not wait",
        )


def _weighs(instance: Instance) -> bool:
    return any(track.weight for track in instance.tracks)


_RULES: tuple[Callable[[Both], Iterator[Difference]], ...] = (
    _virtual_router_id,
    _version,
    _path,
    _authentication,
    _advert_int,
    _addresses,
    _priority,
    _preempt,
    _checksum,
    _accept,
)
