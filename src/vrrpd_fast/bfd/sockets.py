"""The sockets that BFD sessions share, opened when the first session needs them."""

import errno
import socket

from vrrpd_fast.system import enlarge_buffer

PORT = 3784  # RFC 5881 4
MULTIHOP_PORT = 4784  # RFC 5883 5
SOURCE_PORTS = range(49152, 65536)  # RFC 5881 4

_IP_PKTINFO, _IP_RECVTTL = 8, 12  # linux/in.h; the socket module has no names for them
_IPV6_HDRINCL = 36  # linux/in6.h
_BUFFER_BYTES = 4 << 20  # a packet is charged about 800 bytes: 5000 that arrive at once fit
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class PortTakenError(OSError):
    """Another daemon has the port; the message says what to do."""


class Sockets:
    """One to send from per family, one to receive with per family and port; all non-blocking."""

    def __init__(self) -> None:
        self._receivers: dict[tuple[int, bool], socket.socket] = {}
        self._senders: dict[int, socket.socket] = {}

    def need(self, family: int, is_multihop: bool) -> tuple[int, int]:
        """Descriptors of a receive socket and of the one to send from.

        PortTakenError when another process has the port, PermissionError without CAP_NET_RAW.
        """
        if family not in self._senders:
            self._senders[family] = _sender(family)
        if (family, is_multihop) not in self._receivers:
            self._receivers[family, is_multihop] = _receiver(family, is_multihop)
        return self._receivers[family, is_multihop].fileno(), self._senders[family].fileno()

    def sender(self, family: int) -> int:
        """The descriptor to send from, which need() has opened."""
        return self._senders[family].fileno()

    def drop(self, family: int, is_multihop: bool) -> None:
        """Nobody needs this receive socket any more."""
        receiver = self._receivers.pop((family, is_multihop), None)
        if receiver is not None:
            receiver.close()

    def close(self) -> None:
        for each in (*self._receivers.values(), *self._senders.values()):
            each.close()
        self._receivers.clear()
        self._senders.clear()


def source_towards(family: int, neighbour: bytes, scope: int) -> bytes | None:
    """The address that the kernel would send from to a neighbour; None when there is no way to it."""
    address = socket.inet_ntop(_FAMILIES[family], neighbour)
    with socket.socket(_FAMILIES[family], socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: connect(2) of UDP only looks the route up.
            probe.connect((address, PORT) if family == 4 else (address, PORT, 0, scope))
        except OSError:
            return None
        return socket.inet_pton(_FAMILIES[family], probe.getsockname()[0].partition("%")[0])


def has_address(family: int, address: bytes, scope: int) -> bool:
    """Whether it is an address of this host that can be sent from."""
    text = socket.inet_ntop(_FAMILIES[family], address)
    with socket.socket(_FAMILIES[family], socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((text, 0) if family == 4 else (text, 0, 0, scope))
        except OSError:
            return False
    return True


def _sender(family: int) -> socket.socket:
    sender = socket.socket(_FAMILIES[family], socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_RAW)
    if family == 6:
        sender.setsockopt(socket.IPPROTO_IPV6, _IPV6_HDRINCL, 1)
    enlarge_buffer(sender, socket.SO_SNDBUF, _BUFFER_BYTES)
    return sender


def _receiver(family: int, is_multihop: bool) -> socket.socket:
    receiver = socket.socket(_FAMILIES[family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == 4:
            receiver.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            receiver.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        else:
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        enlarge_buffer(receiver, socket.SO_RCVBUF, _BUFFER_BYTES)
        receiver.bind(("0.0.0.0" if family == 4 else "::", MULTIHOP_PORT if is_multihop else PORT))
    except OSError as error:
        receiver.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTakenError(
            errno.EADDRINUSE,
            f"UDP port {MULTIHOP_PORT if is_multihop else PORT} is taken: another daemon (FRR's bfdd, "
            "keepalived, BIRD?) does BFD in this network namespace, and only one can",
        ) from error
    return receiver
