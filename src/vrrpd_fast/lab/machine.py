"""What every machine of the lab does first: own namespaces, lo up, an address on each LAN. Runs inside it."""

from pyroute2 import IPRoute

from vrrpd_fast.lab.switch import LANS

NETWORKS = ("192.168.0.{}", "10.10.10.{}")  # /24, one per LAN
PREFIXLEN = 24


def configure(number: int) -> None:
    """Bring the links up; the machine's number is the host part of its addresses."""
    with IPRoute() as netlink:
        (loopback,) = netlink.link_lookup(ifname="lo")
        netlink.link("set", index=loopback, state="up")
        for name, network in zip(LANS, NETWORKS, strict=True):
            (index,) = netlink.link_lookup(ifname=name)
            netlink.link("set", index=index, state="up")
            netlink.addr("add", index=index, address=network.format(number), prefixlen=PREFIXLEN)


def addresses() -> list[str]:
    """Every IPv4 address of this machine."""
    with IPRoute() as netlink:
        return [str(message.get("address")) for message in netlink.get_addr(family=2)]
