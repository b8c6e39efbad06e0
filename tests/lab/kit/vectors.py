"""Every way an advert can be wrong (RFC 9568 7.1, RFC 3768 7.1), with the one counter that must tell it."""

from dataclasses import dataclass, field
from typing import Any

from lab.kit.inject import Injector
from lab.kit.settings import FLAVOURS


@dataclass(frozen=True)
class Vector:
    """A discarded advert: what is wrong with it, and the counter it moves.

    `known` tells whether the packet can be put down to the virtual router it names; the counter of one that
    cannot is the daemon's own.
    """

    name: str
    flavour: str
    counter: str
    wrong: dict[str, Any] = field(default_factory=dict)
    known: bool = True
    direct: bool = False  # sent to the victim's own address instead of the group

    @property
    def id(self) -> str:
        return f"{self.flavour}-{self.name}"

    def send(self, injector: Injector, vrid: int, interval_cs: int, priority: int = 200) -> None:
        """Send it as an advert that would win if it were right."""
        advert = right_advert(self.flavour, vrid, interval_cs, priority) | self.wrong
        if self.direct:
            victim = injector.net.port("r1", injector.port.lan)
            advert |= {"destination": victim.ipv4, "destination_mac": victim.mac}
        injector.advert(**advert)


def right_advert(flavour: str, vrid: int, interval_cs: int, priority: int) -> dict[str, Any]:
    """The arguments of an advert that nothing is wrong with."""
    kind = FLAVOURS[flavour]
    return {
        "version": kind.version,
        "family": kind.family,
        "vrid": vrid,
        "priority": priority,
        "interval_cs": interval_cs,
        "addresses": [address.partition("/")[0] for address in kind.addresses],
    }


def _vectors(flavour: str) -> list[Vector]:
    kind = FLAVOURS[flavour]
    count = len(kind.addresses)
    size = 4 if kind.family == 4 else 16
    whole = 8 + count * size + (8 if kind.version == 2 else 0)
    other_version = 2 if kind.version == 3 else 3
    length, address_list = "packet_length_errors", "address_list_errors"

    def vector(name: str, counter: str, known: bool = True, **wrong: Any) -> Vector:
        return Vector(name, flavour, counter, wrong, known)

    found = [
        vector("ttl-254", "ip_ttl_errors", ttl=254),
        vector("ttl-1", "ip_ttl_errors", ttl=1),
        vector("empty", length, known=False, cut=0),
        vector("one-byte", length, known=False, cut=1),
        vector("seven-bytes", length, cut=7),
        vector("version-1", "version_errors", version=1),
        vector("version-other", "version_errors", version=other_version),
        vector("version-15", "version_errors", version=15),
        vector("type-0", "invalid_type_pkts_rcvd", type=0),
        vector("type-2", "invalid_type_pkts_rcvd", type=2),
        vector("type-15", "invalid_type_pkts_rcvd", type=15),
        vector("header-only", length, cut=8),
        vector("one-byte-less", length, cut=whole - 1),
        vector("one-byte-more", length, trailing=b"\0"),
        vector("one-address-more", length, trailing=b"\0" * size),
        vector("count-too-high", length, count=count + 1),
        vector("count-255", length, count=255),
        vector("count-too-low", length, count=count - 1),
        vector("checksum", "checksum_errors", checksum="wrong"),
        vector("vrid-unknown", "vrid_errors", known=False, vrid=99),
        vector("vrid-0", "vrid_errors", known=False, vrid=0),
        vector("interval-0", "interval_errors", interval_cs=0),
        vector("no-address", address_list, addresses=[]),
    ]
    if kind.family == 4:
        found.append(Vector("unicast", flavour, "peer_errors", direct=True))
    if kind.version == 2:
        found += [
            vector("interval-other", "interval_errors", interval_cs=200),
            vector("password", "authentication_errors", auth_type=1, auth_data=b"password"),
            vector("auth-header", "authentication_errors", auth_type=2),
            vector("no-auth-data", length, cut=whole - 8),
            vector("checksum-with-pseudo-header", "checksum_errors", checksum="pseudo"),
            vector("other-addresses", address_list, addresses=["10.0.0.101"]),
        ]
    if kind.family == 6:
        found.append(vector("checksum-without-pseudo-header", "checksum_errors", checksum="message"))
    return found


VECTORS = [vector for flavour in FLAVOURS for vector in _vectors(flavour)]
