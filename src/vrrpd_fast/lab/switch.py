"""The wiring: two bridges are the two LANs, a veth pair is a cable from a bridge to a machine."""

import errno
import os
import socket
import struct

from pyroute2 import IPRoute, NetlinkError

from vrrpd_fast.lab.process import LabError

LANS = ("eth0", "eth1")  # a machine's interface is named as the LAN it is plugged into

# linux/rtnetlink.h, linux/if_link.h, linux/if_bridge.h
RTM_SETLINK = 19
NLMSG_ERROR = 2
NLM_F_REQUEST = 1
NLM_F_ACK = 4
NLA_F_NESTED = 0x8000
AF_BRIDGE = 7
IFLA_PROTINFO = 12
IFLA_BRPORT_STATE = 1
BR_STATE_DISABLED = 0


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
        """Pull all cables at once: blocking a port takes microseconds, taking a link down milliseconds."""
        ports = [self._index(f"{machine}-{name}") for name in LANS]
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
            netlink.send(b"".join(map(_block_port, ports)))
            for _ in ports:
                kind, error = struct.unpack_from("=4xH10xi", netlink.recv(4096))
                if kind != NLMSG_ERROR or error != 0:
                    raise LabError(f"cannot block a port of the switch: {os.strerror(-error)}")

    def discard(self, machine: str) -> None:
        """Remove what is left of the cables: those of a dead namespace go by themselves, but later."""
        for name in LANS:
            for index in self._netlink.link_lookup(ifname=f"{machine}-{name}"):
                try:
                    self._netlink.link("del", index=index)
                except NetlinkError as error:
                    if error.code != errno.ENODEV:  # it went just now
                        raise


def _block_port(index: int) -> bytes:
    """The request to disable a bridge port. By hand: pyroute2's brport() takes `state` for the link's."""
    state = struct.pack("=HHB3x", 5, IFLA_BRPORT_STATE, BR_STATE_DISABLED)
    attribute = struct.pack("=HH", 4 + len(state), IFLA_PROTINFO | NLA_F_NESTED) + state
    body = struct.pack("=BxHiII", AF_BRIDGE, 0, index, 0, 0) + attribute
    return struct.pack("=IHHII", 16 + len(body), RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, 0, 0) + body


def mac_address(lan: int, number: int) -> str:
    """A fixed, locally administered address: a machine is the same one after it was switched on again."""
    return f"02:00:00:00:{lan:02x}:{number:02x}"
