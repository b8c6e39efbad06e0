"""Both daemons with one and the same keepalived.conf."""

import sys

from lab.kit.keepalived import Keepalived
from lab.kit.net import Net
from lab.kit.vrrpd import DAEMON, VrrpdFast

CONF = "keepalived.conf"


class KeepalivedConf(Keepalived):
    """keepalived with a file as it was written by hand."""

    text = ""

    def configure(self) -> None:
        for left in self.directory.glob("*.pid"):  # of a killed run; its process may still be a zombie
            left.unlink()
        self.write(self.directory / CONF, self.text)


class VrrpdFastConf(VrrpdFast):
    """vrrpd-fast with the same file."""

    text = ""

    def configure(self) -> None:
        self.write(self.directory / CONF, self.text)

    def argv(self) -> list[str]:
        files = ["--config", str(self.directory / CONF), "--socket", str(self.socket_path)]
        return [sys.executable, "-m", DAEMON, *files]


KINDS: dict[str, type[KeepalivedConf] | type[VrrpdFastConf]] = {
    "keepalived": KeepalivedConf,
    "vrrpd-fast": VrrpdFastConf,
}


def make(kind: str, net: Net, node: str, text: str) -> KeepalivedConf | VrrpdFastConf:
    """A daemon that has this text for its file; it is not started."""
    daemon = KINDS[kind](net, node)
    daemon.text = text
    return daemon
