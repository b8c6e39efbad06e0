"""The wiring: two bridges are the two LANs, a veth pair is a cable from a bridge to a machine."""

import errno

from pyroute2 import IPRoute, NetlinkError

from vrrpd_fast.lab.process import LabError

LANS = ("eth0", "eth1")  # a machine's interface is named as the LAN it is plugged into
BRIDGE_PORT_DISABLED = 0  # linux/if_bridge.h BR_STATE_DISABLED


class Switch:
    """Lives in the namespace of the process that makes it."""

    def __init__(self) -> None:
        self._netlink = IPRoute()
        self._bridges: dict[str, int] = {}
        for lan in LANS:
            self._add(f"lan-{lan}", kind="bridge")
            self._bridges[lan] = self._index(f"lan-{lan}")
            self._netlink.link("set", index=self._bridges[lan], state="up")

    def _add(self, name: str, *, kind: str, **arguments: object) -> None:
        try:
            self._netlink.link("add", ifname=name, kind=kind, **arguments)
        except NetlinkError as error:
            raise LabError(f"cannot make a {kind}: {error.args[1]} (no kernel module?)") from error

    def _index(self, name: str) -> int:
        (index,) = self._netlink.link_lookup(ifname=name)
        return int(index)

    def plug(self, machine: str, number: int, pid: int) -> None:
        """Give the machine whose processes share the namespaces of `pid` an interface on each LAN."""
        for lan, name in enumerate(LANS):
            mac = mac_address(lan, number)
            peer = {"ifname": name, "address": mac, "net_ns_pid": pid}
            self._add(f"{machine}-{name}", kind="veth", peer=peer)
            port = self._index(f"{machine}-{name}")
            self._netlink.link("set", index=port, master=self._bridges[name], state="up")

    def unplug(self, machine: str) -> None:
        """Pull all cables at once. Blocking the port is immediate; taking a link down takes milliseconds."""
        for port in [self._index(f"{machine}-{name}") for name in LANS]:
            self._netlink.brport("set", index=port, state=BRIDGE_PORT_DISABLED)

    def discard(self, machine: str) -> None:
        """Remove what is left of the cables: those of a dead namespace go by themselves, but later."""
        for name in LANS:
            for index in self._netlink.link_lookup(ifname=f"{machine}-{name}"):
                try:
                    self._netlink.link("del", index=index)
                except NetlinkError as error:
                    if error.code != errno.ENODEV:  # it went just now
                        raise


def mac_address(lan: int, number: int) -> str:
    """A fixed, locally administered address: a machine is the same one after it was switched on again."""
    return f"02:00:00:00:{lan:02x}:{number:02x}"
