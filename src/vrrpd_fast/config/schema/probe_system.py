"""Blocks of vrrp_probe that ask the network's own services and what the kernel of this machine knows."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from vrrpd_fast.config.schema.base import Block, Text

Port = Annotated[int, Meta(ge=1, le=65535)]
RecordType = Literal[
    "A",
    "AAAA",
    "CAA",
    "CNAME",
    "DNSKEY",
    "DS",
    "HTTPS",
    "MX",
    "NAPTR",
    "NS",
    "PTR",
    "SOA",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "TXT",
]


class IcmpProbe(Block, kw_only=True):
    """Up while echo requests are answered (ICMP or ICMPv6)."""

    address: Annotated[Text, Meta(description="IP address; fe80::1%eth0 for one of a link")]
    interface: Annotated[
        Text | UnsetType, Meta(description="Interface to ask through; by the routes if unset")
    ] = UNSET
    source: Annotated[
        Text | UnsetType, Meta(description="Own IP address to ask from; failed while it is not here")
    ] = UNSET


class DnsProbe(Block, kw_only=True):
    """Up while a server answers a question as expected."""

    server: Annotated[Text, Meta(description="IP address of the server")]
    port: Annotated[Port, Meta(description="Its port, UDP and TCP")] = 53
    source: Annotated[Text | UnsetType, Meta(description="Own IP address to ask from")] = UNSET
    name: Annotated[Text, Meta(description="Name that is asked for")]
    type: Annotated[RecordType, Meta(description="Type of record that is asked for")] = "A"
    rcode: Annotated[
        Literal["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"],
        Meta(
            description="Code of the answer that is expected; with NOERROR a record of the type has to come"
        ),
    ] = "NOERROR"
    expect: Annotated[
        Text | UnsetType, Meta(description="One of the records has to be this, as zone files write it")
    ] = UNSET


class ProcessProbe(Block, kw_only=True):
    """Up while enough processes of a name run."""

    name: Annotated[Text, Meta(description="Name of the program, as `ps -o comm` has it, or its file's name")]
    quorum: Annotated[int, Meta(ge=1, le=65535, description="How many have to run")] = 1


class RouteProbe(Block, kw_only=True):
    """Up while a table has a route, or packets to an address have a way; exactly one of prefix and to."""

    prefix: Annotated[
        Text | UnsetType, Meta(description="Destination of the route, exactly: 10.0.0.0/8, 0.0.0.0/0")
    ] = UNSET
    table: Annotated[
        Text | Annotated[int, Meta(ge=1, le=2**32 - 1)],
        Meta(description="Name or number of the table that has the prefix"),
    ] = "main"
    to: Annotated[
        Text | UnsetType,
        Meta(description="IP address that packets would be sent to, by all rules and tables"),
    ] = UNSET
    source: Annotated[
        Text | UnsetType, Meta(description="Own IP address that these packets would come from")
    ] = UNSET
    via: Annotated[Text | UnsetType, Meta(description="Gateway that a next hop has to be")] = UNSET
    dev: Annotated[Text | UnsetType, Meta(description="Interface that it has to lead through")] = UNSET


class NeighbourProbe(Block, kw_only=True):
    """Up while a neighbour on a link answers ARP or ND."""

    address: Annotated[Text, Meta(description="Its IP address")]
    interface: Annotated[Text, Meta(description="Interface of the link")]
    passive: Annotated[
        bool, Meta(description="Do not ask it: up while the kernel has a link-layer address for it")
    ] = False


class GatewayProbe(Block, kw_only=True):
    """Up while the gateway of an interface's network answers."""

    interface: Annotated[Text, Meta(description="Interface of the virtual router, or another")]
    address: Annotated[
        Text | UnsetType,
        Meta(description="The gateway, on a network of the interface; that of its default route if unset"),
    ] = UNSET
    family: Annotated[
        Literal["ipv4", "ipv6"] | UnsetType,
        Meta(description="Family of the default route; that of address, or ipv4 if unset"),
    ] = UNSET
    table: Annotated[
        Text | Annotated[int, Meta(ge=1, le=2**32 - 1)],
        Meta(description="Name or number of the table that has the default route"),
    ] = "main"
    ask: Annotated[
        Literal["neighbour", "icmp"], Meta(description="How it is asked: by ARP or ND, or by an echo request")
    ] = "neighbour"


class ValueProbe(Block, kw_only=True):
    """Up while the value in a file or of a sysctl is as expected; exactly one of file and sysctl."""

    file: Annotated[
        Text | UnsetType, Meta(description="File name, absolute; of a long file the first 4 KiB count")
    ] = UNSET
    sysctl: Annotated[Text | UnsetType, Meta(description="Name as sysctl(8) has it: net.ipv4.ip_forward")] = (
        UNSET
    )
    expect: Annotated[
        Text,
        Meta(description='"= V", "!= V", "< N", "<= N", "> N", ">= N", "LOW..HIGH" or "~ REGEX"'),
    ]


PROBES_OF_THE_SYSTEM: dict[str, type[Block]] = {
    "icmp": IcmpProbe,
    "dns": DnsProbe,
    "process": ProcessProbe,
    "route": RouteProbe,
    "neighbour": NeighbourProbe,
    "gateway": GatewayProbe,
    "value": ValueProbe,
}
