"""The same population as a configuration file of each daemon."""

import json

from harness.shape import OUR_PRIORITY, Shape

# The second set of gratuitous ARPs comes early, so that it is over before a measurement begins.
GARP_DELAY_S = 1


def native(shape: Shape) -> str:
    """vrrpd-fast's own form."""
    return json.dumps(
        {
            "global_defs": {"router_id": "bench", "vrrp_garp_master_delay": GARP_DELAY_S},
            "vrrp_instance": {
                router.name: {
                    "interface": f"v{router.link}",
                    "virtual_router_id": router.vrid,
                    "version": 3,
                    "priority": OUR_PRIORITY,
                    "advert_int": router.interval_cs / 100,
                    "virtual_ipaddress": [
                        f"{address}/{address.max_prefixlen}" for address in router.addresses
                    ],
                }
                for router in shape.routers()
            },
        }
    )


def keepalived(shape: Shape) -> str:
    """keepalived.conf."""
    blocks = [
        f"global_defs {{\n  router_id bench\n  vrrp_version 3\n  vrrp_garp_master_delay {GARP_DELAY_S}\n}}\n"
    ]
    for router in shape.routers():
        addresses = "".join(f"    {address}/{address.max_prefixlen}\n" for address in router.addresses)
        blocks.append(
            f"vrrp_instance {router.name} {{\n"
            "  state BACKUP\n"
            f"  interface v{router.link}\n"
            f"  virtual_router_id {router.vrid}\n"
            f"  priority {OUR_PRIORITY}\n"
            f"  advert_int {router.interval_cs / 100}\n"
            f"  virtual_ipaddress {{\n{addresses}  }}\n"
            "}\n"
        )
    return "".join(blocks)
