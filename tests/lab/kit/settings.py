"""Virtual routers as most tests want them, and the protocol's own times for them."""

from dataclasses import dataclass
from typing import Any

from lab.kit.daemons import Settings, plain


@dataclass(frozen=True)
class Flavour:
    """A version and family, with the shortest interval the version has a use for in tests."""

    version: int
    family: int
    interval: float  # seconds
    addresses: tuple[str, ...]

    @property
    def vip(self) -> str:
        """The address that a client would use."""
        return plain(self.addresses[-1])

    def settings(self, priority: int = 100, vrid: int = 51, **more: Any) -> Settings:
        """One virtual router on eth0."""
        return {
            "version": self.version,
            "interface": "eth0",
            "virtual_router_id": vrid,
            "priority": priority,
            "advert_int": self.interval if self.version == 3 else int(self.interval),
            "virtual_ipaddress": list(self.addresses),
        } | more

    def skew_s(self, priority: int) -> float:
        """RFC 9568 6.1; version 2 has seconds instead of the interval (RFC 3768 6.1)."""
        return (256 - priority) / 256 * (self.interval if self.version == 3 else 1.0)

    def down_s(self, priority: int) -> float:
        """Active_Down_Interval, Master_Down_Interval in version 2."""
        return 3 * self.interval + self.skew_s(priority)


FLAVOURS = {
    "v2": Flavour(2, 4, 1.0, ("10.0.0.90/24",)),
    "v3-ipv4": Flavour(3, 4, 0.1, ("10.0.0.100/24",)),
    "v3-ipv6": Flavour(3, 6, 0.1, ("fe80::100/64", "2001:db8::100/64")),
}
FAST = FLAVOURS["v3-ipv4"]
FAST6 = FLAVOURS["v3-ipv6"]
