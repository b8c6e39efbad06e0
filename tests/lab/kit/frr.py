"""FRR's vrrpd as a peer: zebra and vrrpd with a run directory of their own.

FRR wants one macvlan per virtual router and family, with the virtual MAC and the virtual addresses on it; it
sets the macvlan protodown while the router is Backup.
"""

import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from lab.kit.daemons import Daemon, Settings, plain
from lab.kit.net import Net, kill_group
from lab.kit.waiting import wait_until

LIBEXEC = Path("/usr/lib/frr")


class Frr(Daemon):
    """zebra and vrrpd in a node. The interval must be a multiple of 10 ms (version 3) or 1 s (version 2)."""

    kind = "frr"

    def __init__(self, net: Net, node: str, **instances: Settings) -> None:
        super().__init__(net, node, **instances)
        self._zebra: subprocess.Popen[bytes] | None = None
        self._run: Path | None = None
        self._macvlans: dict[str, str] = {}  # virtual address -> its macvlan

    def configure(self) -> None:
        # FRR drops its privileges and cannot enter pytest's own directories, which are root's alone.
        self._run = Path(tempfile.mkdtemp(prefix="frr-"))
        self.net.at_close.append(partial(shutil.rmtree, self._run))
        self._run.chmod(0o755)
        shutil.chown(self._run, "frr", "frr")
        lines = []
        for settings in self.instances.values():
            lines += self._virtual_router(settings)
        (self._run / "vrrpd.conf").write_text("\n".join(lines) + "\n")

    def _virtual_router(self, settings: Settings) -> list[str]:
        vrid, interface = settings["virtual_router_id"], settings["interface"]
        addresses = [plain(line) for line in settings["virtual_ipaddress"]]
        six = ":" in addresses[0]
        macvlan = f"vrrp{6 if six else 4}-{vrid}"
        if not self._macvlans:
            self.net.ip(
                self.node, "link", "add", macvlan, "link", interface, "type", "macvlan", "mode", "bridge"
            )
            mac = f"00:00:5e:00:{2 if six else 1:02x}:{vrid:02x}"
            self.net.ip(self.node, "link", "set", macvlan, "addrgenmode", "none", "address", mac)
            for line in settings["virtual_ipaddress"]:
                address = line.split()[0]
                self.net.ip(self.node, "addr", "add", address, "dev", macvlan, *(["nodad"] if six else []))
            self.net.ip(self.node, "link", "set", macvlan, "up")
        self._macvlans = dict.fromkeys(addresses, macvlan)
        prefix = f" vrrp {vrid}"
        lines = [
            f"interface {interface}",
            f"{prefix} version {settings['version']}",
            f"{prefix} priority {settings['priority']}",
            f"{prefix} advertisement-interval {round(settings['advert_int'] * 1000)}",
            *(f"{prefix} {'ipv6' if six else 'ip'} {address}" for address in addresses),
        ]
        if settings.get("nopreempt"):
            lines.append(f" no vrrp {vrid} preempt")
        return lines

    def _common(self, name: str) -> list[str]:
        return [
            str(LIBEXEC / name),
            *("--vty_socket", str(self._run), "-P", "0"),
            *("-i", f"{self._run}/{name}.pid", "-z", f"{self._run}/zserv.api"),
            *("--log", "stdout"),
        ]

    def start(self) -> None:
        self.configure()
        with self.log_path.open("ab") as log:
            self._zebra = self.net.start(
                self.net.command(self.node, *self._common("zebra"), "-f", os.devnull),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            wait_until(lambda: Path(f"{self._run}/zserv.api").exists(), 10, f"zebra is up:\n{self.log}")
            self.process = self.net.start(
                self.net.command(self.node, *self._common("vrrpd"), "-f", f"{self._run}/vrrpd.conf"),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self, timeout: float = 10.0) -> int:
        status = super().stop(timeout)
        self._end()
        return status

    def kill(self) -> None:
        super().kill()
        self._end()

    def _end(self) -> None:
        """What systemd would do after vrrpd died: zebra goes, and the macvlans answer no more."""
        if self._zebra is not None:
            kill_group(self._zebra)
        for macvlan in set(self._macvlans.values()):
            self.net.ip(self.node, "link", "set", macvlan, "down")
            self.net.ip(self.node, "link", "del", macvlan)
        self._macvlans = {}

    def holds(self, address: str) -> bool:
        macvlan = self._macvlans.get(address)
        return macvlan is not None and self.net.is_up(self.node, macvlan)
