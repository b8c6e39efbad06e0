"""Every kind of probe that asks the network or the kernel moves a priority on the wire, both ways."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest

from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.nsenter import socket_in
from lab.kit.told import Ground, block, global_defs, telling
from lab.kit.vrrpd import VrrpdFast

PATIENCE_S = 10.0
SOON_NS = 1_500_000_000  # on a busy machine; an interval of the probe is 0.1 s, one of adverts 0.2 s
ANSWERS_AGAIN_NS = SOON_NS + 1_000_000_000  # the kernel solicits a neighbour that is gone once a second


@dataclass
class Stage:
    """What a case may change."""

    net: Net
    ground: Path
    speaks: threading.Event  # whether the DNS server does
    process: subprocess.Popen[bytes] | None = None

    def client(self, *words: str) -> None:
        self.net.ip("client", *words)

    def router(self, *words: str) -> None:
        self.net.ip("r1", *words)

    def leave(self, address: str) -> None:
        self.client("addr", "del", address, "dev", "eth0")

    def come(self, address: str) -> None:
        more = ["nodad"] if ":" in address else []
        self.client("addr", "add", address, "dev", "eth0", *more)

    @property
    def program(self) -> Path:
        """A program of a name that nobody else runs, also not this test beside itself."""
        return self.ground / f"probed-{os.getpid()}"

    def start(self) -> None:
        if not self.program.exists():
            shutil.copy("/bin/sleep", self.program)
        self.process = self.net.start([str(self.program), "600"])

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@dataclass
class Case:
    """A block of a probe; what is there before the daemon starts, what makes it fail, and what mends it."""

    kind: str
    lines: str
    fail: Callable[[Stage], object]
    mend: Callable[[Stage], object]
    before: Callable[[Stage], object] = lambda stage: None
    within_ns: int = SOON_NS

    def __str__(self) -> str:
        return f"{self.kind} {self.lines}"


V4, V6 = "10.0.0.2", "2001:db8:0::2"
WAY = ("10.50.0.0/16", "via", V4)
DEFAULT = ("default", "via", V4)
DEFAULT6 = ("default", "via", V6)


def sysctl(stage: Stage, value: int) -> None:
    stage.net.run("r1", "sysctl", "-q", "-w", f"net.ipv4.ip_default_ttl={value}")


CASES = [
    Case("icmp", f"address {V4}", lambda s: s.leave(f"{V4}/24"), lambda s: s.come(f"{V4}/24")),
    Case(
        "icmp",
        f"address {V6}\n    interface eth0\n    source 2001:db8:0::1",
        lambda s: s.leave(f"{V6}/64"),
        lambda s: s.come(f"{V6}/64"),
        within_ns=ANSWERS_AGAIN_NS,
    ),
    Case(
        "dns",
        f"server {V4}\n    name www.example.com\n    expect 192.0.2.80",
        lambda s: s.speaks.clear(),
        lambda s: s.speaks.set(),
    ),
    Case("process", "name PROGRAM", Stage.kill, Stage.start, Stage.start),
    Case(
        "route",
        f"prefix 10.50.0.0/16\n    via {V4}\n    dev eth0",
        lambda s: s.router("route", "replace", "10.50.0.0/16", "via", "10.0.0.3"),
        lambda s: s.router("route", "replace", *WAY),
        lambda s: s.router("route", "add", *WAY),
    ),
    Case(
        "route",
        "prefix ::/0\n    table 77",
        lambda s: s.router("route", "del", *DEFAULT6, "table", "77"),
        lambda s: s.router("route", "add", *DEFAULT6, "table", "77"),
        lambda s: s.router("route", "add", *DEFAULT6, "table", "77"),
    ),
    Case(
        "route",
        "to 10.50.7.7",
        lambda s: s.router("route", "add", "unreachable", "10.50.7.0/24"),
        lambda s: s.router("route", "del", "unreachable", "10.50.7.0/24"),
        lambda s: s.router("route", "add", *WAY),
    ),
    Case(
        "neighbour",
        f"address {V4}\n    interface eth0",
        lambda s: s.leave(f"{V4}/24"),
        lambda s: s.come(f"{V4}/24"),
        within_ns=ANSWERS_AGAIN_NS,
    ),
    Case(
        "neighbour",
        f"address {V6}\n    interface eth0",
        lambda s: s.leave(f"{V6}/64"),
        lambda s: s.come(f"{V6}/64"),
        within_ns=ANSWERS_AGAIN_NS,
    ),
    Case(
        "gateway",
        "interface eth0",
        lambda s: s.router("route", "del", *DEFAULT),
        lambda s: s.router("route", "add", *DEFAULT),
        lambda s: s.router("route", "add", *DEFAULT),
    ),
    Case(
        "gateway",
        "interface eth0\n    family ipv6\n    ask icmp",
        lambda s: s.leave(f"{V6}/64"),
        lambda s: s.come(f"{V6}/64"),
        lambda s: s.router("route", "add", *DEFAULT6),
        within_ns=ANSWERS_AGAIN_NS,
    ),
    Case(
        "gateway",
        f"interface eth0\n    address {V4}",
        lambda s: s.leave(f"{V4}/24"),
        lambda s: s.come(f"{V4}/24"),
        within_ns=ANSWERS_AGAIN_NS,
    ),
    Case(
        "value",
        'sysctl net.ipv4.ip_default_ttl\n    expect "60..70"',
        lambda s: sysctl(s, 33),
        lambda s: sysctl(s, 66),
    ),
    Case(
        "value",
        'file GROUND/role\n    expect "~ ^active"',
        lambda s: (s.ground / "role").write_text("passive\n"),
        lambda s: (s.ground / "role").write_text("active\n"),
        lambda s: (s.ground / "role").write_text("active since today\n"),
    ),
]


@contextmanager
def dns_server(net: Net) -> Iterator[threading.Event]:
    """A DNS server in the client; it answers SERVFAIL while the event is not set."""
    speaks, stop = threading.Event(), threading.Event()
    speaks.set()
    with socket_in(net.namespace("client"), socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("0.0.0.0", 53))
        udp.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    data, sender = udp.recvfrom(4096)
                except TimeoutError:
                    continue
                answer = dns.message.make_response(dns.message.from_wire(data))
                if speaks.is_set():
                    answer.answer.append(dns.rrset.from_text("www.example.com.", 60, "IN", "A", "192.0.2.80"))
                else:
                    answer.set_rcode(dns.rcode.SERVFAIL)
                udp.sendto(answer.to_wire(), sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield speaks
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_probe_moves_the_priority(build: Build, capture: Tap, case: Case) -> None:
    net = build(["r1", "client"])
    wire: Capture = capture(net)
    ground = Ground(net).path
    with dns_server(net) as speaks:
        stage = Stage(net, ground, speaks)
        case.before(stage)
        lines = case.lines.replace("GROUND", str(ground)).replace("PROGRAM", stage.program.name)
        text = global_defs() + (
            "vrrp_probe P {\n  interval 0.1\n  timeout 0.05\n  fall 2\n  weight 20\n"
            f"  {case.kind} {{\n    {lines}\n  }}\n}}\n"
        )
        text += block("VI", 71, 100, "track_probe {", "P", "}")
        daemon = telling("vrrpd-fast", net, "r1", text)
        assert isinstance(daemon, VrrpdFast)
        daemon.start()
        wire.wait_advert("r1", priority=120, timeout=PATIENCE_S)
        for act, priority in ((case.fail, 100), (case.mend, 120)) * 2:
            since = now_ns()
            act(stage)
            wire.wait_advert("r1", priority=priority, after=since, timeout=PATIENCE_S)
            took_ns = now_ns() - since
            assert took_ns < case.within_ns, f"{priority} after {took_ns / 1e9:.2f} s"
        (shown,) = daemon.instance("VI")["tracking"]
        assert (shown["type"], shown["kind"], shown["state"]) == ("probe", case.kind, "up")
        assert shown["skipped"] <= 5, shown


def test_in_a_namespace(build: Build, capture: Tap) -> None:
    """Probes ask in the network namespace of the daemon, which is started in another one."""
    net = build(["r1", "client"])
    wire: Capture = capture(net)
    net.run("r1", "sysctl", "-q", "-w", "net.ipv4.ip_default_ttl=66")
    text = f"net_namespace {net.namespace('r1')}\n" + global_defs()
    for name, kind in (
        ("own_sysctl", 'value {\n sysctl net.ipv4.ip_default_ttl\n expect "66"\n }'),
        ("own_route", "route {\n to 10.0.0.2\n dev eth0\n }"),
        ("the_client", "neighbour {\n address 10.0.0.2\n interface eth0\n }"),
    ):
        text += f"vrrp_probe {name} {{\n interval 0.1\n weight 10\n {kind}\n}}\n"
    text += block("VI", 72, 100, "track_probe {", "own_sysctl", "own_route", "the_client", "}")
    daemon = telling("vrrpd-fast", net, "client", text)
    daemon.start()
    wire.wait_advert("r1", priority=130, timeout=PATIENCE_S)
