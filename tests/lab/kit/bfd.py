"""BFD in the lab: packets as they were seen, FRR's bfdd and keepalived's as neighbours."""

import json
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from lab.kit.capture import Capture, Frame, write_pcap
from lab.kit.daemons import Daemon, Settings
from lab.kit.frr import LIBEXEC
from lab.kit.keepalived import Keepalived
from lab.kit.net import Net, kill_group
from lab.kit.waiting import wait_until

ADMIN_DOWN, DOWN, INIT, UP = range(4)
POLL, FINAL = 0x20, 0x10
PORTS = (3784, 4784)


@dataclass(frozen=True)
class BfdPacket:
    """One BFD Control packet (RFC 5880 4.1), and how it came."""

    time_ns: int
    source: IPv4Address | IPv6Address
    ttl: int
    source_port: int
    port: int
    diagnostic: int
    state: int
    flags: int
    multiplier: int
    my_discriminator: int
    your_discriminator: int
    min_tx_us: int
    min_rx_us: int


def read_bfd(frame: Frame) -> BfdPacket | None:
    """What is in a frame, if it is a packet to one of BFD's ports."""
    time_ns, _, _, data = frame
    kind, ip = data[12:14], data[14:]
    source: IPv4Address | IPv6Address
    if kind == b"\x08\x00" and ip[9] == 17:
        source, ttl, udp = IPv4Address(ip[12:16]), ip[8], ip[(ip[0] & 15) * 4 :]
    elif kind == b"\x86\xdd" and ip[6] == 17:
        source, ttl, udp = IPv6Address(ip[8:24]), ip[7], ip[40:]
    else:
        return None
    source_port, port = struct.unpack(">HH", udp[:4])
    if port not in PORTS or len(udp) < 32:
        return None
    first, second, multiplier, _, mine, yours, min_tx, min_rx = struct.unpack(">BBBBIIII", udp[8:28])
    return BfdPacket(
        time_ns=time_ns,
        source=source,
        ttl=ttl,
        source_port=source_port,
        port=port,
        diagnostic=first & 31,
        state=second >> 6,
        flags=second & 63,
        multiplier=multiplier,
        my_discriminator=mine,
        your_discriminator=yours,
        min_tx_us=min_tx,
        min_rx_us=min_rx,
    )


def packets(wire: Capture, sender: str, after: int = 0, port: int = 3784) -> list[BfdPacket]:
    """The packets of a node, seen so far."""
    found = [read_bfd(frame) for frame in list(wire.frames) if frame[0] > after and frame[1] == sender]
    return [packet for packet in found if packet is not None and packet.port == port]


def complaints(wire: Capture, sender: str, directory: Path) -> list[str]:
    """What tshark holds against the BFD packets of a node."""
    frames = [frame for frame in wire.frames if frame[1] == sender and read_bfd(frame) is not None]
    path = directory / "bfd.pcap"
    write_pcap(path, frames)
    fields = ["frame.number", "_ws.malformed", "udp.checksum.status", "bfd.version", "_ws.expert.message"]
    output = subprocess.run(
        ["tshark", "-n", "-o", "udp.check_checksum:TRUE", "-r", str(path), "-Y", "bfd"]
        + ["-T", "fields", "-E", "separator=|"]
        + [word for field in fields for word in ("-e", field)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert frames
    found = [] if len(output) == len(frames) else [f"tshark found {len(output)}, not {len(frames)}"]
    return found + [line for line in output if line.split("|", 1)[1] != "|1|1|"]


def bfd_block(name: str, settings: Settings) -> str:
    """A bfd_instance of keepalived.conf."""
    lines = [key if value is True else f"{key} {value}" for key, value in settings.items()]
    return f"bfd_instance {name} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


class KeepalivedBfd(Keepalived):
    """keepalived with its BFD process; `sessions` are bfd_instance blocks by name."""

    def __init__(self, net: Net, node: str, sessions: dict[str, Settings], **instances: Settings) -> None:
        super().__init__(net, node, **instances)
        self.sessions = sessions

    def configure(self) -> None:
        super().configure()
        path = self.directory / "keepalived.conf"
        text = path.read_text()
        blocks = "".join(bfd_block(name, session) for name, session in self.sessions.items())
        at = text.index("vrrp_instance")  # sessions come before who tracks them
        path.write_text(text[:at] + blocks + text[at:])

    def argv(self) -> list[str]:
        words = [word for word in super().argv() if word != "-P"]
        return [*words, "-b", str(self.directory / "bfd.pid")]


class Bfdd(Daemon):
    """FRR's bfdd, with the zebra it needs. `peers`: the words after `peer`, and the lines after."""

    kind = "bfdd"

    def __init__(self, net: Net, node: str, peers: dict[str, list[str]]) -> None:
        super().__init__(net, node)
        self.peers = peers
        self._zebra: subprocess.Popen[bytes] | None = None
        # FRR drops its privileges and cannot enter pytest's own directories, which are root's alone.
        self._run = Path(tempfile.mkdtemp(prefix="frr-"))
        net.at_close.append(partial(shutil.rmtree, self._run))
        self._run.chmod(0o755)
        shutil.chown(self._run, "frr", "frr")

    def configure(self) -> None:
        lines = ["bfd"]
        for peer, settings in self.peers.items():
            lines += [f" peer {peer}", *(f"  {line}" for line in settings), " exit"]
        (self._run / "bfdd.conf").write_text("\n".join([*lines, "exit"]) + "\n")

    def _common(self, name: str) -> list[str]:
        return [
            str(LIBEXEC / name),
            *("--vty_socket", str(self._run), "-P", "0"),
            *("-i", f"{self._run}/{name}.pid", "-z", f"{self._run}/zserv.api"),
            *("--log", "stdout"),
        ]

    def argv(self) -> list[str]:
        return [*self._common("bfdd"), "-f", f"{self._run}/bfdd.conf", "--bfdctl", f"{self._run}/bfdd.sock"]

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self._zebra = self.net.start(
                self.net.command(self.node, *self._common("zebra"), "-f", "/dev/null"),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: Path(f"{self._run}/zserv.api").exists(), 10, f"zebra is up:\n{self.log}")
        super().start()

    def stop(self, timeout: float = 10.0) -> int:
        status = super().stop(timeout)
        self._end()
        return status

    def kill(self) -> None:
        super().kill()
        self._end()

    def _end(self) -> None:
        if self._zebra is not None:
            kill_group(self._zebra)
            Path(f"{self._run}/zserv.api").unlink(missing_ok=True)

    def tell(self, *lines: str) -> str:
        """Words for its vtysh."""
        words = [word for line in lines for word in ("-c", line)]
        return self.net.run(
            self.node, "vtysh", "--vty_socket", str(self._run), "-d", "bfdd", *words, check=False
        ).stdout

    def shown(self) -> list[dict[str, Any]]:
        """Its sessions as it shows them."""
        text = self.tell("show bfd peers json")
        try:
            shown: list[dict[str, Any]] = json.loads(text)
        except json.JSONDecodeError:
            return []
        return shown
