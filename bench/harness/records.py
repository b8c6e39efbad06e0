"""What capture.c saw, and what it says of a takeover."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from harness.shape import Shape

_RECORD = struct.Struct("=qIBBBB16s16s")
_ADVERT, _ARP, _NEIGHBOUR_ADVERTISEMENT = 1, 2, 3


@dataclass(frozen=True)
class Record:
    """One packet. `vrid` and `priority` are an advert's, `sender` and `target` an ARP packet's.

    A neighbour advertisement tells of its target, which stands for both.
    """

    at_ns: int
    ifindex: int
    outgoing: bool
    kind: int
    vrid: int
    priority: int
    sender: IPv4Address | IPv6Address
    target: IPv4Address | IPv6Address

    @property
    def is_advert(self) -> bool:
        return self.kind == _ADVERT


def read(data: bytes) -> Iterator[Record]:
    for at_ns, ifindex, outgoing, kind, vrid, priority, sender, target in _RECORD.iter_unpack(data):
        one: IPv4Address | IPv6Address
        if kind == _NEIGHBOUR_ADVERTISEMENT:
            one = other = IPv6Address(target)
        else:
            one, other = IPv4Address(sender[:4]), IPv4Address(target[:4])
        yield Record(at_ns, ifindex, bool(outgoing), kind, vrid, priority, one, other)


@dataclass(frozen=True)
class Takeover:
    """Nanoseconds beyond the protocol's time, one figure per virtual router or address that was taken over.

    A virtual router's own time counts from the last advert it could hear: no earlier and no later virtual
    router is judged by another one's.
    """

    adverts_ns: list[int]
    announcements_ns: list[int]
    gaps_ns: list[int]  # from a virtual router's first advert to its second


def judge(records: Iterable[Record], shape: Shape, links: Mapping[int, int]) -> Takeover:
    """Compare with the protocol's time. `links` gives the shape's link by ifindex.

    Outgoing packets are the old master's, incoming ones the new one's. ValueError when a virtual router or an
    address was not taken over, or a virtual router had no master before.
    """
    heard: dict[tuple[int, int], int] = {}
    sent: dict[tuple[int, int], list[int]] = {}
    announced: dict[IPv4Address | IPv6Address, int] = {}
    for record in records:
        if record.is_advert:
            key = links[record.ifindex], record.vrid
            if record.outgoing:
                heard[key] = record.at_ns
            else:
                sent.setdefault(key, []).append(record.at_ns)
        elif not record.outgoing and record.sender == record.target:
            announced.setdefault(record.sender, record.at_ns)
    adverts, announcements, gaps = [], [], []
    for router in shape.routers():
        key = router.link, router.vrid
        if key not in heard:
            raise ValueError(f"{router.name} had no master")
        if len(sent.get(key, [])) < 2:
            raise ValueError(f"{router.name} was not taken over")
        due_ns = heard[key] + shape.down_ns
        first, second = sent[key][:2]
        adverts.append(first - due_ns)
        gaps.append(second - first)
        for address in router.addresses:
            if address not in announced:
                raise ValueError(f"{address} of {router.name} was not announced")
            announcements.append(announced[address] - due_ns)
    return Takeover(adverts, announcements, gaps)
