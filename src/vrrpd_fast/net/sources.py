"""Which address of ours the kernel would send from."""

import contextlib
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

_DISCARD = 9  # a port; nothing is sent


def source_towards(peer: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address | None:
    """The source address that the routes give a packet to `peer`; None when no route leads there."""
    family = socket.AF_INET if peer.version == 4 else socket.AF_INET6
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(peer), _DISCARD))  # looks up the route, ip(7)
        return ip_address(probe.getsockname()[0])
    return None
