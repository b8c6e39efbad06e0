"""Namespaces of one test: routers and clients on bridged LANs, with known MAC and IP addresses."""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from lab.kit.waiting import wait_until

_serial: Iterator[int] = itertools.count()

# What a lab node differs in from a fresh namespace: it routes, answers on the right link only and does not
# wait a second for duplicate address detection.
NODE_SYSCTLS = {
    "net/ipv4/ip_forward": 1,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv4/conf/all/arp_ignore": 1,
    "net/ipv6/conf/all/forwarding": 1,
    "net/ipv6/conf/default/forwarding": 1,
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/router_solicitations": 0,
    "net/ipv6/conf/default/addr_gen_mode": 1,
}
SWITCH_SYSCTLS = {"net/ipv6/conf/all/disable_ipv6": 1, "net/ipv6/conf/default/disable_ipv6": 1}


@dataclass(frozen=True)
class Port:
    """Where one node is plugged into one LAN."""

    node: str
    lan: int
    interface: str
    peer: str  # the other end, in the switch's namespace
    mac: str
    ipv4: IPv4Address
    ipv6: IPv6Address
    link_local: IPv6Address


class Net:
    """LANs and nodes. Node k of LAN n has eth<n> with 10.<n>.0.<k>/24, 2001:db8:<n>::<k>/64 and fe80::<k>."""

    def __init__(self, directory: Path, *lans: Sequence[str]) -> None:
        self.directory = directory
        self.tag = f"vf{os.getpid():x}-{next(_serial):x}"
        self.switch = f"{self.tag}-switch"
        self.ours: set[str] = set()  # the nodes that run vrrpd-fast
        self.ports: dict[tuple[str, int], Port] = {}
        self._namespaces = [self.switch]
        self.at_close: list[Callable[[], object]] = []  # called when all processes are gone
        self._processes: list[subprocess.Popen[bytes]] = []
        nodes = list(dict.fromkeys(node for lan in lans for node in lan))
        self._namespaces += [self.namespace(node) for node in nodes]
        try:
            self._build(lans, nodes)
        except BaseException:
            self.close()
            raise

    def _build(self, lans: Sequence[Sequence[str]], nodes: Sequence[str]) -> None:
        wiring: list[str] = []
        inside: dict[str, list[str]] = {node: ["link set lo up"] for node in nodes}
        switch: list[str] = []
        bridges: list[str] = []
        for lan, members in enumerate(lans):
            bridges.append(f"link add br{lan} up type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
            for member in members:
                number = nodes.index(member) + 1
                port = Port(
                    node=member,
                    lan=lan,
                    interface=f"eth{lan}",
                    peer=f"{member}.{lan}",
                    mac=f"02:00:00:00:{lan:02x}:{number:02x}",
                    ipv4=IPv4Address(f"10.{lan}.0.{number}"),
                    ipv6=IPv6Address(f"2001:db8:{lan}::{number:x}"),
                    link_local=IPv6Address(f"fe80::{number:x}"),
                )
                self.ports[member, lan] = port
                wiring.append(
                    f"link add {port.peer} netns {self.switch} type veth "
                    f"peer name {port.interface} address {port.mac} netns {self.namespace(member)}"
                )
                switch.append(f"link set {port.peer} master br{lan} up")
                inside[member] += [
                    f"addr add {port.ipv4}/24 brd + dev {port.interface}",
                    f"link set {port.interface} up",
                    f"addr add {port.link_local}/64 dev {port.interface} nodad",
                    f"addr add {port.ipv6}/64 dev {port.interface} nodad",
                ]
        # The sysctls go first: a link takes its defaults when it enters the namespace. The bridges go before
        # the links: a veth whose two ends have the same index gets its carrier a second late.
        _batch(["ip", "-batch", "-"], [f"netns add {name}" for name in self._namespaces])
        self._sysctl(self.switch, SWITCH_SYSCTLS)
        for node in nodes:
            self._sysctl(self.namespace(node), NODE_SYSCTLS)
        _batch(["ip", "-n", self.switch, "-batch", "-"], bridges)
        _batch(["ip", "-batch", "-"], wiring)
        for node in nodes:
            _batch(["ip", "-n", self.namespace(node), "-batch", "-"], inside[node])
        _batch(["ip", "-n", self.switch, "-batch", "-"], switch)
        wait_until(self._is_forwarding, 5, "all ports of the switch forward")

    def _sysctl(self, namespace: str, values: dict[str, int]) -> None:
        script = "; ".join(f"echo {value} > /proc/sys/{key}" for key, value in values.items())
        subprocess.run(["ip", "netns", "exec", namespace, "sh", "-ec", script], check=True)

    def _is_forwarding(self) -> bool:
        output = subprocess.run(
            ["bridge", "-n", self.switch, "-j", "link", "show"], check=True, capture_output=True
        ).stdout
        forwarding = {link["ifname"] for link in json.loads(output) if link.get("state") == "forwarding"}
        return forwarding >= {port.peer for port in self.ports.values()}

    def namespace(self, node: str) -> str:
        return f"{self.tag}-{node}"

    def port(self, node: str, lan: int = 0) -> Port:
        return self.ports[node, lan]

    def ip(self, node: str, *words: str) -> None:
        """`ip WORDS` inside a node, or inside `switch`; a failure is the test's."""
        subprocess.run(["ip", "-n", self.namespace(node), *words], check=True)

    def ip_json(self, node: str, *words: str) -> Any:
        output = subprocess.run(
            ["ip", "-n", self.namespace(node), "-j", *words], check=True, capture_output=True
        ).stdout
        return json.loads(output or b"[]")

    def addresses(self, node: str, interface: str | None = None) -> set[str]:
        """All IP addresses a node has, on one interface or on any; tentative ones do not count."""
        where = ["dev", interface] if interface else []
        return {
            entry["local"]
            for link in self.ip_json(node, "addr", "show", *where)
            for entry in link.get("addr_info", [])
            if "local" in entry and not entry.get("tentative")
        }

    def route_type(self, node: str, address: str) -> str:
        """What a node would do with a packet to an address: local, unicast, …"""
        (route,) = self.ip_json(node, "route", "get", address)
        return str(route.get("type", "unicast"))

    def is_up(self, node: str, interface: str) -> bool:
        return any(
            link.get("operstate") == "UP" for link in self.ip_json(node, "link", "show", "dev", interface)
        )

    def command(self, node: str, *argv: str) -> list[str]:
        """The words that run `argv` inside a node."""
        return ["nsenter", f"--net=/run/netns/{self.namespace(node)}", "--", *argv]

    def run(self, node: str, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(node, *argv), check=check, capture_output=True, text=True, timeout=30
        )

    def start(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own; it is killed when the lab closes, whatever happens."""
        process = subprocess.Popen(argv, start_new_session=True, stdin=subprocess.DEVNULL, **options)
        self._processes.append(process)
        return process

    def pings(self, node: str, address: str, timeout: float = 1.0) -> bool:
        """One echo request and its answer."""
        words = ["ping", "-n", "-q", "-c", "1", "-W", str(timeout), address]
        return self.run(node, *words, check=False).returncode == 0

    def must_ping(self, node: str, address: str) -> None:
        """Like pings(); a failure shows what every node has and knows."""
        if self.pings(node, address):
            return
        shown = [
            f"{each}:\n{self.run(each, 'ip', 'addr').stdout}{self.run(each, 'ip', 'neigh').stdout}"
            for each in dict.fromkeys(port.node for port in self.ports.values())
        ]
        raise AssertionError(f"{node} gets no answer from {address}\n" + "\n".join(shown))

    def plug_in_here(self, node: str, lan: int = 0) -> Port:
        """One more node: the network namespace of the tests themselves, on a LAN with one more link."""
        number = len({port.node for port in self.ports.values()}) + 1
        port = Port(
            node=node,
            lan=lan,
            interface=f"{self.tag}.{lan}"[:15],
            peer=f"{node}.{lan}",
            mac=f"02:00:00:00:{lan:02x}:{number:02x}",
            ipv4=IPv4Address(f"10.{lan}.0.{number}"),
            ipv6=IPv6Address(f"2001:db8:{lan}::{number:x}"),
            link_local=IPv6Address(f"fe80::{number:x}"),
        )
        self._namespaces.append(self.namespace(node))  # a name of it, which goes when the lab closes
        _batch(
            ["ip", "-batch", "-"],
            [
                f"netns attach {self.namespace(node)} {os.getpid()}",
                f"link add {port.interface} address {port.mac} type veth "
                f"peer name {port.peer} netns {self.switch}",
                f"addr add {port.ipv4}/24 brd + dev {port.interface}",
                f"link set {port.interface} up",
            ],
        )
        _batch(["ip", "-n", self.switch, "-batch", "-"], [f"link set {port.peer} master br{lan} up"])
        self.ports[node, lan] = port
        wait_until(self._is_forwarding, 5, "all ports of the switch forward")
        return port

    def close(self) -> None:
        for process in self._processes:
            kill_group(process)
        for clean_up in self.at_close:
            clean_up()
        existing = [name for name in self._namespaces if Path("/run/netns", name).exists()]
        if existing:
            _batch(["ip", "-force", "-batch", "-"], [f"netns del {name}" for name in existing])


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL everything in the process's session that it started, at once, and reap it."""
    for pid in sorted(session_of(process.pid)):
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
    process.wait()


def session_of(leader: int) -> set[int]:
    """The processes whose session was opened by `leader`, and the leader itself while it exists."""
    found = set()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.add(int(entry))
    return found


def _batch(argv: Sequence[str], lines: Sequence[str]) -> None:
    subprocess.run(argv, input="\n".join(lines) + "\n", text=True, check=True)


def now_ns() -> int:
    """The clock of captured frames (CLOCK_REALTIME, what the kernel stamps packets with)."""
    return time.time_ns()
