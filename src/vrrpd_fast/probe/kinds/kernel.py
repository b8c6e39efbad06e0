"""The socket by which checks ask rtnetlink; a question is answered before the call returns."""

from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.probe.check import Context


def rtnetlink(context: Context) -> Netlink:
    """The one for questions about one thing; who reads a table opens his own (Netlink.parts)."""
    return Netlink()
