"""Probes of services: what becomes of them moves the priority on the wire, and the peer takes over."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.nsenter import socket_in
from lab.kit.settings import FAST
from lab.kit.told import Ground
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until
from unit.probe.certificates import Authority

PATIENCE_S = 10.0
HIGH, LOW, PEER = 150, 90, 100

_HAPROXY = """
global
    stats socket {directory}/stats.sock mode 600
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend web
    bind 127.0.0.1:8080
    bind 127.0.0.1:8443 ssl crt {directory}/site.pem
    monitor-uri /health
"""


class Balancer:
    """A real haproxy beside the router r1."""

    def __init__(self, net: Net, directory: Path) -> None:
        self._net = net
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.authority = Authority(directory / "authority")

    def certify(self, names: str = "DNS:www.example.com", days: int = 30) -> None:
        certificate, key = map(Path, self.authority.certificate(names, days))
        (self._directory / "site.pem").write_text(certificate.read_text() + key.read_text())

    def start(self) -> None:
        path = self._directory / "haproxy.cfg"
        path.write_text(_HAPROXY.format(directory=self._directory))
        self._process = self._net.start(self._net.command("r1", "haproxy", "-db", "-q", "-f", str(path)))

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> None:
        self.send(number)
        assert self._process is not None
        self._process.wait(10)

    def restart(self, **certificate: Any) -> None:
        self.end()
        self.certify(**certificate)
        self.start()


class Pair:
    """r1 with a probe that takes 60 of its priority while it fails, and r2."""

    def __init__(self, build: Build, capture: Tap, **probe: Any) -> None:
        self.net = build(["r1", "r2", "client"])
        self.wire: Capture = capture(self.net)
        self.ground = Ground(self.net).path
        self.ours = VrrpdFast(self.net, "r1")
        self.other = VrrpdFast(self.net, "r2", VI=FAST.settings(PEER))
        self.watch(**probe)

    def watch(self, **probe: Any) -> None:
        usual = {"interval": 0.1, "timeout": 0.08, "fall": 2, "weight": LOW - HIGH}
        self.ours.document = {
            "global_defs": {"router_id": "r1"},
            "vrrp_probe": {"P": usual | probe},
            "vrrp_instance": {"VI": FAST.settings(HIGH, track_probe=["P"])},
        }

    def start(self) -> None:
        self.ours.start()
        self.other.start()
        self.wire.wait_advert("r1", priority=HIGH, timeout=PATIENCE_S)
        self.ours.wait_state("VI", "MASTER", timeout=PATIENCE_S)
        self.other.wait_state("VI", "BACKUP", timeout=PATIENCE_S)

    def fails(self, act: Callable[[], object], within_s: float = 1.5) -> str:
        """What is done takes the mastership to r2; what the probe says then."""
        since = now_ns()
        act()
        lowered = self.wire.wait_advert("r1", priority=LOW, after=since, timeout=PATIENCE_S)
        assert (lowered.time_ns - since) / 1e9 < within_s
        self.wire.wait_advert("r2", priority=PEER, after=lowered.time_ns, timeout=PATIENCE_S)
        self.ours.wait_state("VI", "BACKUP", timeout=PATIENCE_S)
        (shown,) = self.ours.instance("VI")["tracking"]
        assert (shown["state"], shown["contribution"]) == ("down", LOW - HIGH)
        return str(shown["last_result"])

    def mends(self, act: Callable[[], object]) -> None:
        """What is done brings it back to r1."""
        since = now_ns()
        act()
        self.wire.wait_advert("r1", priority=HIGH, after=since, timeout=PATIENCE_S)
        self.ours.wait_state("VI", "MASTER", timeout=PATIENCE_S)
        self.other.wait_state("VI", "BACKUP", timeout=PATIENCE_S)


@pytest.fixture
def balanced(build: Build, capture: Tap) -> tuple[Pair, Balancer]:
    pair = Pair(build, capture)
    balancer = Balancer(pair.net, pair.ground)
    balancer.certify()
    balancer.start()
    return pair, balancer


def https(balancer: Balancer, **more: Any) -> dict[str, Any]:
    site = {"address": "127.0.0.1", "port": 8443, "host": "www.example.com", "path": "/health"}
    return site | {"ca_file": balancer.authority.file} | more


@pytest.mark.peer("haproxy")
@pytest.mark.peer("openssl")
@pytest.mark.parametrize("kind", ["tcp", "http", "https", "unix"])
def test_haproxy_stopped_killed_and_wedged(balanced: tuple[Pair, Balancer], kind: str) -> None:
    pair, balancer = balanced
    blocks: dict[str, Any] = {
        "tcp": {"address": "127.0.0.1", "port": 8080},
        "http": {"address": "127.0.0.1", "port": 8080, "path": "/health", "expect": "200 OK"},
        "https": https(balancer, expect="200 OK"),
        "unix": {"path": f"{pair.ground}/stats.sock", "send": "show info\n", "expect": "Stopping: 0"},
    }
    pair.watch(**{kind: blocks[kind]})
    pair.start()
    told = [pair.fails(balancer.end)]
    pair.mends(balancer.start)
    told.append(pair.fails(lambda: balancer.end(signal.SIGKILL)))
    pair.mends(balancer.start)
    assert set(told) == {"Connection refused"}
    if kind == "tcp":
        return  # its kernel goes on accepting: who asks no more than that learns no more
    assert "timed out" in pair.fails(lambda: balancer.send(signal.SIGSTOP))
    pair.mends(lambda: balancer.send(signal.SIGCONT))


@pytest.mark.peer("haproxy")
@pytest.mark.peer("openssl")
def test_certificates(balanced: tuple[Pair, Balancer]) -> None:
    """One that expires soon, has expired, is for another name, or of nobody we trust."""
    pair, balancer = balanced
    pair.watch(fall=10, timeout=1, https=https(balancer, certificate_days=7))
    pair.start()

    def shows(**certificate: Any) -> str:
        found = pair.fails(lambda: balancer.restart(**certificate), within_s=PATIENCE_S)
        wait_until(lambda: "certificate" in result(pair), 5, "haproxy is back")
        found = result(pair)
        pair.mends(lambda: balancer.restart())
        return found

    assert "expires on" in shows(days=3) and "in 3.0 days" in shows(days=3)
    assert shows(days=-1) == "certificate: certificate has expired"
    assert "not valid for 'www.example.com'" in shows(names="DNS:other.example.com")


def result(pair: Pair) -> str:
    (shown,) = pair.ours.instance("VI")["tracking"]
    return str(shown["last_result"])


class Service:
    """Something in a node that accepts connections and answers a line."""

    def __init__(self, net: Net, node: str, port: int) -> None:
        self.answers = True
        self._namespace = net.namespace(node)
        self._port = port
        self._listening: socket.socket | None = None
        self._held: list[socket.socket] = []

    def open(self) -> None:
        self._listening = socket_in(self._namespace, socket.AF_INET, socket.SOCK_STREAM)
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("0.0.0.0", self._port))
        self._listening.listen(64)
        threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        assert self._listening is not None
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        while self._held:
            self._held.pop().close()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            if self.answers:
                with suppress(OSError), connection:
                    connection.sendall(b"ready\n")
            else:
                self._held.append(connection)


@pytest.fixture
def service(build: Build, capture: Tap) -> Iterator[tuple[Pair, Service]]:
    pair = Pair(build, capture, tcp={"address": "10.0.0.3", "port": 7000, "expect": "ready"})
    there = Service(pair.net, "client", 7000)
    there.open()
    yield pair, there
    there.close()


def test_refused_blackholed_and_hung(service: tuple[Pair, Service]) -> None:
    pair, there = service
    client = pair.net.addresses("client", "eth0")
    assert any(address.startswith("10.0.0.3") for address in client), client
    pair.start()
    assert pair.fails(there.close) == "Connection refused"
    pair.mends(there.open)

    def drop(is_on: bool) -> None:
        text = "add table inet dark; add chain inet dark in { type filter hook input priority 0; }; "
        text += "add rule inet dark in tcp dport 7000 drop"
        pair.net.run("client", "nft", text if is_on else "delete table inet dark")

    assert "timed out" in pair.fails(lambda: drop(True))
    pair.mends(lambda: drop(False))

    def answer(is_on: bool) -> None:
        there.answers = is_on

    assert "timed out" in pair.fails(lambda: answer(False))
    pair.mends(lambda: answer(True))


def test_every_10_ms(build: Build, capture: Tap) -> None:
    """A service that ends is known within some intervals of 10 ms, and so is one that is back."""
    pair = Pair(
        build, capture, interval=0.01, timeout=0.01, fall=3, tcp={"address": "127.0.0.1", "port": 7000}
    )
    there = Service(pair.net, "r1", 7000)
    there.open()
    pair.start()
    took = []
    for _ in range(5):
        since = now_ns()
        pair.fails(there.close)
        took.append((pair.wire.wait_advert("r1", priority=LOW, after=since).time_ns - since) / 1e6)
        pair.mends(there.open)
    there.close()
    assert sorted(took)[2] < 30 + 100 + 50, took  # fall, the next advert, and the machine's own pauses


def test_a_helper_that_dies_moves_nothing(service: tuple[Pair, Service]) -> None:
    pair, there = service
    pair.start()
    (helper,) = helpers_of(pair.ours)
    since = now_ns()
    os.kill(helper, signal.SIGKILL)
    wait_until(lambda: helpers_of(pair.ours) not in ([helper], []), 5, "another helper")
    time.sleep(1.0)
    assert {advert.priority for advert in pair.wire.adverts("r1", after=since)} == {HIGH}
    assert "it is started again" in pair.ours.log
    assert pair.fails(there.close) == "Connection refused"
    pair.mends(there.open)


def test_the_helper_is_there_only_while_there_are_probes(service: tuple[Pair, Service]) -> None:
    pair, _ = service
    assert pair.ours.process is None
    pair.start()
    (helper,) = helpers_of(pair.ours)
    assert pair.ours.process is not None
    pair.ours.process.kill()
    wait_until(lambda: not Path(f"/proc/{helper}").exists(), 5, "the helper is gone with its daemon")


def helpers_of(daemon: VrrpdFast) -> list[int]:
    assert daemon.process is not None
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            is_helper = b"vrrpd_fast.probe.helper" in path.read_bytes()
            parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if is_helper and parent == daemon.process.pid:
            found.append(int(path.parent.name))
    return found


def test_a_reload_changes_a_probe_without_shaking_the_priority(service: tuple[Pair, Service]) -> None:
    pair, _ = service
    pair.start()
    since = now_ns()
    # Another interval: the same service, judged anew, counts as before until then.
    pair.watch(interval=0.05, timeout=0.05, tcp={"address": "10.0.0.3", "port": 7000, "expect": "ready"})
    pair.ours.configure()
    pair.ours.call("Reload")
    time.sleep(0.5)
    assert {advert.priority for advert in pair.wire.adverts("r1", after=since)} == {HIGH}
    # Another port, where nobody is; and gone altogether.
    pair.watch(tcp={"address": "10.0.0.3", "port": 7001})

    def reload() -> None:
        pair.ours.configure()
        pair.ours.call("Reload")

    assert pair.fails(reload) == "Connection refused"
    assert pair.ours.document is not None
    pair.ours.document["vrrp_instance"]["VI"].pop("track_probe")
    pair.ours.document["vrrp_probe"] = {}
    pair.mends(reload)
    assert pair.ours.instance("VI")["tracking"] == []


# -- systemd ----------------------------------------------------------------------------------------------


class Underneath(VrrpdFast):
    """vrrpd-fast that finds systemd's socket in a directory of ours."""

    def __init__(self, net: Net, node: str, directory: Path) -> None:
        super().__init__(net, node)
        self._systemd = directory

    def argv(self) -> list[str]:
        mounts = (
            'mount -t tmpfs tmpfs /run && mkdir /run/systemd && mount --bind $0 /run/systemd && exec "$@"'
        )
        return ["unshare", "-m", "sh", "-c", mounts, str(self._systemd), *super().argv()]


@contextmanager
def control_groups() -> Iterator[list[Path]]:
    """A control group in every hierarchy that systemd knows. It would take those of the whole machine
    otherwise: whoever is in its own group moves to its init.scope, without real-time scheduling.
    """
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    roots = [Path(where) for _, where, kind, *_ in mounts if kind in ("cgroup", "cgroup2")]
    groups = [root / f"vrrpd-fast-lab-{os.getpid()}" for root in roots if root.name != "cpuset"]
    for group in groups:
        group.mkdir()
    try:
        yield groups
    finally:
        for group in groups:
            subprocess.run(["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], check=True)


@contextmanager
def systemd(net: Net, directory: Path) -> Iterator[Callable[..., None]]:
    """A real systemd with units of ours: a manager as users have it, in a mount namespace of its own."""
    with control_groups() as groups:
        yield from _systemd(net, directory, groups)


def _systemd(net: Net, directory: Path, groups: list[Path]) -> Iterator[Callable[..., None]]:
    units = directory / "config" / "systemd" / "user"
    units.mkdir(parents=True)
    for name in ("probed", "other"):
        (units / f"{name}.service").write_text("[Service]\nExecStart=/bin/sleep infinity\nRestartSec=60\n")
    surroundings = os.environ | {
        "XDG_RUNTIME_DIR": str(directory),
        "XDG_CONFIG_HOME": str(directory / "config"),
    }
    surroundings.pop("DBUS_SESSION_BUS_ADDRESS", None)
    # It believes to be on a system that systemd has booted.
    run = (
        'for group; do echo $$ >"$group/cgroup.procs" || exit 1; done; '
        "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec /usr/lib/systemd/systemd --user"
    )
    manager = net.start(
        ["unshare", "-m", "sh", "-c", run, "sh", *map(str, groups)],
        env=surroundings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def control(*words: str) -> None:
        subprocess.run(["systemctl", "--user", *words], env=surroundings, check=True, timeout=20)

    wait_until((directory / "systemd" / "private").exists, 10, "systemd listens")
    try:
        yield control
    finally:
        control("exit")  # and all of its units
        manager.wait(20)


@pytest.mark.peer("systemd")
def test_a_unit_of_a_real_systemd(build: Build, capture: Tap) -> None:
    pair = Pair(build, capture, timeout=5, systemd={"unit": "probed"})
    with systemd(pair.net, pair.ground) as control:
        control("start", "probed")
        daemon = Underneath(pair.net, "r1", pair.ground / "systemd")
        daemon.document = pair.ours.document
        pair.ours = daemon
        pair.start()
        assert pair.fails(lambda: control("stop", "probed")) == "inactive (dead)"
        pair.mends(lambda: control("start", "probed"))
        assert pair.fails(lambda: control("kill", "-s", "KILL", "probed")) == "failed (failed)"
        pair.mends(lambda: control("start", "probed"))
        # Nobody listens for a while then, and the connection is lost: a run waits that long.
        since = now_ns()
        control("daemon-reexec")
        time.sleep(1.0)
        assert {advert.priority for advert in pair.wire.adverts("r1", after=since)} == {HIGH}
        assert pair.fails(lambda: control("stop", "probed")) == "inactive (dead)"
