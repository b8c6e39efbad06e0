"""What a running daemon cannot take from a new configuration: for that it must be started again."""

from vrrpd_fast.config.problems import Problems, quoted
from vrrpd_fast.model import Config


def check_reload(running: Config, wanted: Config, problems: Problems) -> None:
    """Note as an error what differs from `running` and cannot."""
    was = running.process.net_namespace
    if wanted.process.net_namespace != was:
        told = "there is none" if was is None else f"it is {quoted(was)}"
        problems.error(("net_namespace",), f"cannot change while the daemon runs ({told}); start it again")
