"""Two network namespaces joined by veth pairs. Nothing has a name outside, so nothing can be left behind."""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from harness.process import kill_tree
from harness.shape import Shape
from vrrpd_fast.model import VRRP_GROUP6

# Only adverts and what the daemons do shall cross the links: no IPv6 chatter of the kernel's own.
_SYSCTLS = (
    "net/ipv6/conf/all/disable_ipv6=1",
    "net/ipv6/conf/default/disable_ipv6=1",
    "net/ipv4/conf/all/rp_filter=0",
    "net/ipv4/conf/default/rp_filter=0",
)
# With IPv6 wanted: the addresses it is given and no others, at once.
_IPV6_SYSCTLS = (
    "net/ipv6/conf/default/addr_gen_mode=1",
    "net/ipv6/conf/default/accept_ra=0",
    "net/ipv6/conf/default/accept_dad=0",
    "net/ipv6/conf/default/router_solicitations=0",
    "net/ipv4/conf/all/rp_filter=0",
    "net/ipv4/conf/default/rp_filter=0",
)
_CARRIER_SECONDS = 30.0


class BenchError(Exception):
    """The bench cannot go on; the text says why."""


class Node:
    """A network namespace, held by a process that ends with us, and the programs started in it."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._processes: list[subprocess.Popen[bytes]] = []
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            raise BenchError("cannot make a network namespace")

    @property
    def pid(self) -> int:
        return self._holder.pid

    def command(self, *argv: str) -> list[str]:
        """The words that run a program in here; it is killed when we end, however we end."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "setpriv", "--pdeathsig", "KILL", "--", *argv]

    def run(self, *argv: str, given: str = "") -> str:
        """Run to the end; BenchError with what it said when it fails."""
        done = subprocess.run(self.command(*argv), input=given, capture_output=True, text=True)
        if done.returncode:
            raise BenchError(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def ip(self, commands: Sequence[str]) -> None:
        self.run("ip", "-batch", "-", given="".join(f"{command}\n" for command in commands))

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self.command(*argv), **options)
        self._processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL to the process and its descendants."""
        self._processes.remove(process)
        if process.poll() is None:
            kill_tree(process.pid)
            process.wait()
        _close(process.stdin, process.stdout, process.stderr)

    def packets_sent(self) -> int:
        """Packets that left through any veth so far."""
        lines = Path(f"/proc/{self.pid}/net/dev").read_text().splitlines()[2:]
        counters = (line.strip().partition(":") for line in lines)
        return sum(int(numbers.split()[9]) for name, _, numbers in counters if name != "lo")

    def members(self) -> int:
        """On how many links somebody listens to the VRRP group, IPv4 and IPv6 counted apart."""
        where = Path(f"/proc/{self.pid}/net")
        ipv4 = (where / "igmp").read_text().count("120000E0")  # 224.0.0.18 as it is written there
        return ipv4 + (where / "igmp6").read_text().count(VRRP_GROUP6.packed.hex())

    def indexes(self) -> dict[int, str]:
        """Interface names by index."""
        return {link["ifindex"]: link["ifname"] for link in json.loads(self.run("ip", "-j", "link", "show"))}

    def close(self) -> None:
        for process in list(self._processes):
            self.stop(process)
        self._holder.kill()
        self._holder.wait()
        _close(self._holder.stdin, self._holder.stdout)


class Wire:
    """`near` has the measured daemon, `far` the other side; link n of the shape is v<n> in both."""

    def __init__(self, shape: Shape) -> None:
        self.near = Node()
        try:
            self.far = Node()
        except BaseException:
            self.near.close()
            raise
        try:
            self._build(shape)
        except BaseException:
            self.close()
            raise

    def _build(self, shape: Shape) -> None:
        sysctls = _IPV6_SYSCTLS if shape.ipv6 else _SYSCTLS
        for node in (self.near, self.far):
            node.run(
                "sh",
                "-ec",
                "; ".join("echo {1} > /proc/sys/{0}".format(*each.split("=")) for each in sysctls),
            )
        # A veth whose two ends have the same index gets its carrier a second late: count from elsewhere.
        self.far.ip(["link add skew0 type bridge", "link set lo up"])
        self.near.ip(
            [
                "link set lo up",
                *(
                    f"link add {name} type veth peer name {name} netns {self.far.pid}"
                    for name in shape.interfaces()
                ),
            ]
        )
        for node, number in ((self.near, 1), (self.far, 2)):
            node.ip(
                [
                    command
                    for link, name in enumerate(shape.interfaces())
                    for command in (
                        f"addr add {shape.host(link, number)}/{shape.prefixlen()} dev {name}",
                        f"link set {name} up",
                        *([f"addr add {shape.link_local(number)}/64 dev {name} nodad"] if shape.ipv6 else ()),
                    )
                ]
            )
        self._wait_for_carrier(shape.links)

    def _wait_for_carrier(self, links: int) -> None:
        deadline = time.monotonic() + _CARRIER_SECONDS
        while time.monotonic() < deadline:
            if self.near.run("ip", "-br", "link", "show", "type", "veth", "up").count("LOWER_UP") == links:
                return
            time.sleep(0.05)
        raise BenchError(f"not all of {links} links came up in {_CARRIER_SECONDS:.0f} s")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.near.close()
        self.far.close()


def _close(*streams: IO[bytes] | None) -> None:
    for stream in streams:
        if stream is not None:
            stream.close()
