"""The daemons a test can run by name."""

from lab.kit.daemons import Daemon
from lab.kit.frr import Frr
from lab.kit.keepalived import Keepalived
from lab.kit.vrrpd import VrrpdFast

PEERS: dict[str, type[Daemon]] = {"vrrpd-fast": VrrpdFast, "keepalived": Keepalived, "frr": Frr}
