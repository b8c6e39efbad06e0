"""BFD sessions between the two ends of a wire: the same ones for vrrpd-fast, keepalived and FRR's bfdd."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from harness import config
from harness.daemon import Daemon
from harness.network import BenchError, Wire
from harness.programs import FLOOR, OURS, Programs
from harness.shape import Shape

FRR = Path("/usr/lib/frr")
# Of a whole daemon: beside its sessions it has one virtual router.
ONE = Shape(1, 1, slow_cs=100)
_NETWORKS = {1: IPv4Address("10.128.0.0"), 2: IPv4Address("10.129.0.0")}


@dataclass(frozen=True)
class Sessions:
    """`count` sessions, each between addresses of its own; milliseconds."""

    count: int
    interval_ms: int
    multiplier: int

    @property
    def per_second(self) -> float:
        """Packets that an end sends, by the mean of the jitter (87.5 %)."""
        return self.count * 1000 / self.interval_ms / 0.875


def address(number: int, end: int) -> IPv4Address:
    """Of session `number` on the near (1) or the far (2) end."""
    return _NETWORKS[end] + number + 1


def furnish(wire: Wire, sessions: Sessions) -> None:
    """Addresses on both ends, and who has them: nobody asks by ARP for hundreds of neighbours at once."""
    ends = {1: wire.near, 2: wire.far}
    macs = {
        end: json.loads(node.run("ip", "-j", "link", "show", "dev", "v0"))[0]["address"]
        for end, node in ends.items()
    }
    for end, node in ends.items():
        numbers = range(sessions.count)
        node.ip([f"addr add {address(number, end)}/15 dev v0" for number in numbers])
        other = 3 - end
        node.ip(
            [
                f"neigh replace {address(number, other)} lladdr {macs[other]} nud permanent dev v0"
                for number in numbers
            ]
        )


def text(subject: str, sessions: Sessions, end: int, track: str = "", shape: Shape = ONE) -> str:
    """The configuration of vrrpd-fast or keepalived; `track` is an entry of track_bfd."""
    names = {f"s{number}": number for number in range(sessions.count)}
    if subject == OURS:
        document = json.loads(config.native(shape))
        document["bfd_instance"] = {
            name: {
                "neighbor_ip": str(address(number, 3 - end)),
                "source_ip": str(address(number, end)),
                "min_rx": sessions.interval_ms,
                "min_tx": sessions.interval_ms,
                "multiplier": sessions.multiplier,
                "weight": 1,
            }
            for name, number in names.items()
        }
        for instance in document["vrrp_instance"].values():
            instance["virtual_router_id"] += 100 * end  # the ends are no pair
            instance["track_bfd"] = [track] if track else []
        return json.dumps(document)
    blocks = [
        f"bfd_instance {name} {{\n  neighbor_ip {address(number, 3 - end)}\n"
        f"  source_ip {address(number, end)}\n  min_rx {sessions.interval_ms}\n"
        f"  min_tx {sessions.interval_ms}\n  multiplier {sessions.multiplier}\n}}\n"
        for name, number in names.items()
    ]
    first, _, rest = config.keepalived(shape).partition("\n}\n")
    if track:
        rest = rest.replace("  virtual_ipaddress", f"  track_bfd {{\n    {track}\n  }}\n  virtual_ipaddress")
    return f"{first}\n}}\n{''.join(blocks)}{rest}"


class Speaker:
    """Who has the sessions at one end: vrrpd-fast, keepalived, or bfdd in the place of the bare program."""

    def __init__(self, programs: Programs, wire: Wire, subject: str, sessions: Sessions, end: int) -> None:
        node = wire.near if end == 1 else wire.far
        self._directory: Path | None = None
        if subject == FLOOR:
            self._start_frr(wire, sessions, end)
        else:
            self._daemon = Daemon(programs, node, subject, text(subject, sessions, end))
            self.pid = self._daemon.process.pid

    def _start_frr(self, wire: Wire, sessions: Sessions, end: int) -> None:
        if not (FRR / "bfdd").exists():
            raise BenchError("bfdd is missing (Debian: apt-get install frr)")
        # FRR drops its privileges: a directory that its user may enter.
        where = self._directory = Path(tempfile.mkdtemp(prefix="bench-frr-"))
        where.chmod(0o755)
        shutil.chown(where, "frr", "frr")
        peers = "".join(
            f" peer {address(number, 3 - end)} local-address {address(number, end)} interface v0\n"
            f"  detect-multiplier {sessions.multiplier}\n  receive-interval {sessions.interval_ms}\n"
            f"  transmit-interval {sessions.interval_ms}\n exit\n"
            for number in range(sessions.count)
        )
        (where / "bfdd.conf").write_text(f"bfd\n{peers}exit\n")
        common = f"--vty_socket {where} -P 0 -z {where}/zapi --log file:{where}/log"
        node = wire.near if end == 1 else wire.far
        process = node.start(
            *("sh", "-c"),
            f"{FRR}/zebra {common} -i {where}/z.pid -f /dev/null & sleep 1; "
            f"exec {FRR}/bfdd {common} -i {where}/b.pid -f {where}/bfdd.conf --bfdctl {where}/bfdd.sock",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ,
        )
        self.pid = process.pid

    def close(self) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory)
