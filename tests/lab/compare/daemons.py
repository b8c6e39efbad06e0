"""Both daemons with one and the same keepalived.conf."""

import sys

from lab.kit.daemons import Daemon
from lab.kit.keepalived import Keepalived
from lab.kit.net import Net
from lab.kit.vrrpd import DAEMON, VrrpdFast


class KeepalivedConf(Keepalived):
    """keepalived with a file as it was written by hand."""

    text = ""

    @property
    def config_path(self) -> str:
        return str(self.directory / "keepalived.conf")

    def configure(self) -> None:
        for left in self.directory.glob("*.pid"):  # of a killed run; its process may still be a zombie
            left.unlink()
        self.write(self.directory / "keepalived.conf", self.text)


class VrrpdFastConf(VrrpdFast):
    """vrrpd-fast with the same file."""

    text = ""

    def configure(self) -> None:
        self.write(self.directory / "keepalived.conf", self.text)

    def argv(self) -> list[str]:
        path = str(self.directory / "keepalived.conf")
        return [sys.executable, "-m", DAEMON, "--config", path, "--socket", str(self.socket_path)]


KINDS: dict[str, type[KeepalivedConf] | type[VrrpdFastConf]] = {
    "keepalived": KeepalivedConf,
    "vrrpd-fast": VrrpdFastConf,
}


def make(kind: str, net: Net, node: str, text: str) -> KeepalivedConf | VrrpdFastConf:
    daemon = KINDS[kind](net, node)
    daemon.text = text
    return daemon


__all__ = ["Daemon", "KeepalivedConf", "VrrpdFastConf", "make"]
