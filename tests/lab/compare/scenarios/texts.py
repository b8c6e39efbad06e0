"""Pieces of keepalived.conf that scenarios are made of."""

from lab.compare.steps import LINK_LOCAL6, VIP, VIP6, VRID

# Announcements are another scenario's matter: one, at once.
QUIET = "  vrrp_garp_master_repeat 1\n  vrrp_garp_master_delay 0\n"
FAST = "  version 3\n  advert_int 0.2\n"
SLOW = "  version 3\n  advert_int 1\n"


def conf(*instances: str, more_global: str = "", blocks: str = "", quiet: str = QUIET) -> str:
    """A whole file."""
    return f"global_defs {{\n  router_id r1\n{quiet}{more_global}}}\n{blocks}" + "".join(instances)


def instance(
    more: str = "",
    *,
    name: str = "VI",
    vrid: int = VRID,
    priority: int = 100,
    timing: str = FAST,
    addresses: str = f"{VIP}/24",
    interface: str = "eth0",
) -> str:
    """One virtual router; `more` is further lines of its block."""
    listed = "".join(f"    {line}\n" for line in addresses.split("\n"))
    return (
        f"vrrp_instance {name} {{\n  interface {interface}\n"
        f"  virtual_router_id {vrid}\n  priority {priority}\n"
        f"{timing}  virtual_ipaddress {{\n{listed}  }}\n{more}}}\n"
    )


def instance6(more: str = "", **other: object) -> str:
    """The same with IPv6 addresses."""
    listed = f"{LINK_LOCAL6}/64\n{VIP6}/64"
    return instance(more, **({"addresses": listed} | other))  # type: ignore[arg-type]
