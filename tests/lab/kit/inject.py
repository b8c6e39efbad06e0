"""Crafted frames put on the wire from a node's interface."""

import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from lab.kit.net import Net, Port
from lab.kit.nsenter import socket_in
from lab.kit.packets import (
    ETH_IPV4,
    ETH_IPV6,
    GROUP4,
    GROUP4_MAC,
    GROUP6,
    GROUP6_MAC,
    IP,
    craft_datagram,
    craft_message,
    mac_bytes,
)


class Injector:
    """Sends adverts as a node that runs no daemon; every field of them can be wrong."""

    def __init__(self, net: Net, node: str, lan: int = 0) -> None:
        self.net = net
        self.port: Port = net.port(node, lan)
        self._socket = socket_in(net.namespace(node), socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.bind((self.port.interface, 0))

    def source(self, family: int) -> IP:
        return self.port.ipv4 if family == 4 else self.port.link_local

    def advert(
        self,
        *,
        version: int = 3,
        vrid: int,
        priority: int,
        interval_cs: int,
        addresses: list[str],
        family: int | None = None,
        source: IP | None = None,
        destination: IP | None = None,
        destination_mac: str | None = None,
        ttl: int = 255,
        options: bytes = b"",
        **wrong: Any,
    ) -> None:
        """Send one advert; see craft_message for what can be wrong about it."""
        listed: list[IP] = [IPv6Address(text) if ":" in text else IPv4Address(text) for text in addresses]
        if family is None:
            family = listed[0].version
        source = source if source is not None else self.source(family)
        group: IP = GROUP4 if family == 4 else GROUP6
        destination = destination if destination is not None else group
        message = craft_message(
            version=version,
            vrid=vrid,
            priority=priority,
            interval_cs=interval_cs,
            addresses=listed,
            source=source,
            destination=destination,
            **wrong,
        )
        mac = destination_mac or (GROUP4_MAC if family == 4 else GROUP6_MAC)
        self.frame(mac, craft_datagram(source, destination, message, ttl=ttl, options=options), family)

    def frame(self, destination_mac: str, datagram: bytes, family: int) -> None:
        ethertype = ETH_IPV4 if family == 4 else ETH_IPV6
        self.raw(
            mac_bytes(destination_mac) + mac_bytes(self.port.mac) + ethertype.to_bytes(2, "big") + datagram
        )

    def raw(self, frame: bytes) -> None:
        """Send one whole Ethernet frame."""
        self._socket.send(frame)

    def close(self) -> None:
        self._socket.close()
