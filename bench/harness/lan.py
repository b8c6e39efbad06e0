"""Several nodes on shared links: link n is a bridge in a switch with a cable to v<n> of each node on it."""

import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Address
from types import TracebackType

from harness.network import BenchError, Node
from harness.shape import Shape

_SYSCTLS = (
    "net/ipv6/conf/all/disable_ipv6=1",
    "net/ipv6/conf/default/disable_ipv6=1",
    "net/ipv4/conf/all/rp_filter=0",
    "net/ipv4/conf/default/rp_filter=0",
    "net/ipv4/ip_forward=1",
)


class Lan:
    """Node number n, from 0, is host n + 1 on the links `attached[n]` names. It is gone when this ends."""

    def __init__(self, shape: Shape, attached: Sequence[Sequence[int]]) -> None:
        self.shape = shape
        self.attached = attached
        self.switch = Node()
        self.nodes: list[Node] = []
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        self.switch.ip(
            [f"link add b{link} up type bridge mcast_snooping 0" for link in range(self.shape.links)]
        )
        for number, links in enumerate(self.attached):
            node = Node()
            self.nodes.append(node)
            setting = "; ".join("echo {1} > /proc/sys/{0}".format(*each.split("=")) for each in _SYSCTLS)
            node.run("sh", "-ec", setting)
            cables = [f"type veth peer name v{link} netns {node.pid}" for link in links]
            self.switch.ip(
                [
                    f"link add {self.port(number, link)} master b{link} up {cable}"
                    for link, cable in zip(links, cables, strict=True)
                ]
            )
            node.ip(
                [
                    "link set lo up",
                    *(
                        command
                        for link in links
                        for command in (
                            f"addr add {self.address(number, link)}/{self.shape.prefixlen()} dev v{link}",
                            f"link set v{link} up",
                        )
                    ),
                ]
            )

    def address(self, number: int, link: int) -> IPv4Address:
        """A node's own address on a link."""
        return self.shape.host(link, number + 1)

    @staticmethod
    def port(number: int, link: int) -> str:
        """The switch's end of a cable."""
        return f"p{number}_{link}"

    def hold(self) -> subprocess.Popen[bytes]:
        """A hand on the cables, so that `pull` needs no time to get there."""
        return self.switch.start("ip", "-batch", "-", stdin=subprocess.PIPE)

    def pull(self, number: int, hand: subprocess.Popen[bytes]) -> None:
        """All cables of a node out."""
        assert hand.stdin is not None
        hand.stdin.writelines(
            f"link set {self.port(number, link)} down\n".encode() for link in self.attached[number]
        )
        hand.stdin.close()
        if hand.wait():
            raise BenchError(f"the cables of node {number} do not come out")
        self.switch.stop(hand)

    def plug(self, number: int) -> None:
        """All cables of a node in again."""
        self.switch.ip([f"link set {self.port(number, link)} up" for link in self.attached[number]])

    def __enter__(self) -> "Lan":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for node in (*self.nodes, self.switch):
            node.close()
