"""What probes of the bench ask: a TCP port, a unix socket, a web server and a DNS server, in one process.

    python bench/targets.py DIRECTORY      prints `ready`; ends with its standard input

TCP 8001 and DIRECTORY/socket accept and hang up, TCP 8002 speaks HTTP, UDP 8053 answers any question with
192.0.2.1.
"""

import asyncio
import struct
import sys
from typing import Any

TCP_PORT, HTTP_PORT, DNS_PORT = 8001, 8002, 8053
UNIX_SOCKET = "socket"
_PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
_RECORD = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, bytes([192, 0, 2, 1]))


class Silent(asyncio.Protocol):
    """Accepts and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Web(asyncio.Protocol):
    """Has one page."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(_PAGE)
            self._transport.close()


class Names(asyncio.DatagramProtocol):
    """Knows one address."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        end = data.index(b"\0", 12) + 5
        header = data[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
        self._transport.sendto(header + data[12:end] + _RECORD, peer)


async def main() -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Silent, "0.0.0.0", TCP_PORT, backlog=1024)
    await loop.create_unix_server(Silent, f"{sys.argv[1]}/{UNIX_SOCKET}", backlog=1024)
    await loop.create_server(Web, "0.0.0.0", HTTP_PORT, backlog=1024)
    await loop.create_datagram_endpoint(Names, ("0.0.0.0", DNS_PORT))
    ended = loop.create_future()
    loop.add_reader(sys.stdin.fileno(), lambda: ended.done() or ended.set_result(None))
    print("ready", flush=True)
    await ended


if __name__ == "__main__":
    asyncio.run(main())
