"""The deployment a lab runs, and what the protocol itself says about its times."""

import json
from importlib import resources
from ipaddress import IPv4Address

from msgspec import Struct

from vrrpd_fast.model import JSON, NS_PER_CS, NS_PER_S


class VirtualRouter(Struct, frozen=True):
    """What the lab must know of one vrrp_instance."""

    name: str
    vrid: int
    interface: str
    address: IPv4Address
    version: int
    interval_cs: int

    def skew_ns(self, priority: int) -> int:
        """Skew_Time: a share of one second in version 2 (RFC 3768), of the interval in 3 (RFC 9568 6.1)."""
        unit_cs = 100 if self.version == 2 else self.interval_cs
        return (256 - priority) * unit_cs * NS_PER_CS // 256

    def down_interval_ns(self, priority: int) -> int:
        """How long a backup waits after an advert before it takes over."""
        return 3 * self.interval_cs * NS_PER_CS + self.skew_ns(priority)


def load() -> JSON:
    """The reference deployment, examples/vips.json."""
    text = (resources.files("vrrpd_fast.lab") / "vips.json").read_text()
    config: JSON = json.loads(text)
    return config


def quickened(config: JSON, *, advert_int: float, priority: int) -> JSON:
    """The same deployment in version 3 with another interval (seconds) and priority."""
    instances = {
        name: instance | {"version": 3, "advert_int": advert_int, "priority": priority}
        for name, instance in config["vrrp_instance"].items()
    }
    return config | {"vrrp_instance": instances}


def virtual_routers(config: JSON) -> tuple[VirtualRouter, ...]:
    return tuple(
        VirtualRouter(
            name=name,
            vrid=instance["virtual_router_id"],
            interface=instance["interface"],
            address=IPv4Address(instance["virtual_ipaddress"][0].split()[0]),
            version=instance.get("version", 2),
            interval_cs=round(instance["advert_int"] * 100),
        )
        for name, instance in config["vrrp_instance"].items()
    )


def seconds(duration_ns: int) -> str:
    """A duration for people: 3.602 s, 36.1 ms."""
    if duration_ns >= NS_PER_S:
        return f"{duration_ns / NS_PER_S:.3f} s"
    return f"{duration_ns / 1_000_000:.1f} ms"
