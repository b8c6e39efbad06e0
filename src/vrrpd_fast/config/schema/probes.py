"""vrrp_probe of the native file: what all probes have, and a block for each kind."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from vrrpd_fast.config.schema.base import Block, Range, Text, Weight
from vrrpd_fast.config.schema.probe_system import (
    PROBES_OF_THE_SYSTEM,
    DnsProbe,
    GatewayProbe,
    IcmpProbe,
    NeighbourProbe,
    Port,
    ProcessProbe,
    RouteProbe,
    ValueProbe,
)


class TcpProbe(Block):
    """Up while connections are accepted."""

    address: Annotated[Text, Meta(description="IP address; fe80::1%eth0 for one of a link")]
    port: Annotated[Port, Meta(description="TCP port")]
    source: Annotated[Text | UnsetType, Meta(description="Own IP address to connect from")] = UNSET
    send: Annotated[Text | UnsetType, Meta(description="What is sent once connected")] = UNSET
    expect: Annotated[
        Text | UnsetType, Meta(description="What must be in the first 16 KiB of the answer")
    ] = UNSET


class UnixProbe(Block):
    """Up while connections to a stream socket of this machine are accepted."""

    path: Annotated[Text, Meta(description="File name of the socket; @NAME for an abstract one")]
    send: Annotated[Text | UnsetType, Meta(description="What is sent once connected")] = UNSET
    expect: Annotated[
        Text | UnsetType, Meta(description="What must be in the first 16 KiB of the answer")
    ] = UNSET


class VrrpProbe(Block, kw_only=True):
    """A check that forks nothing: has exactly one of the blocks that say what is asked."""

    range: Annotated[
        Range | UnsetType, Meta(description='Variables of a block that stands for many, like {"n": [1, 500]}')
    ] = UNSET
    interval: Annotated[float, Meta(ge=0.01, le=86400, description="Seconds between runs")] = 1.0
    timeout: Annotated[
        Annotated[float, Meta(ge=0.001, le=86400)] | UnsetType,
        Meta(description="Seconds until a run is given up and counts as failed; interval if unset"),
    ] = UNSET
    weight: Annotated[
        Weight,
        Meta(description="Added to the priority while up (> 0) or failed (< 0); 0: FAULT while failed"),
    ] = 0
    reverse: Annotated[bool, Meta(description="Turn the meaning of up and failed around")] = False
    rise: Annotated[int, Meta(ge=1, le=100000, description="Successes in a row that mean up")] = 1
    fall: Annotated[int, Meta(ge=1, le=100000, description="Failures in a row that mean failed")] = 1
    init_fail: Annotated[bool, Meta(description="Counts as failed until the first success")] = False
    # What is asked: as many keys as there are kinds, by the words of model.ProbeKind.
    tcp: Annotated[TcpProbe | UnsetType, Meta(description="Ask whether TCP connects")] = UNSET
    unix: Annotated[UnixProbe | UnsetType, Meta(description="Ask whether a unix socket connects")] = UNSET
    icmp: Annotated[IcmpProbe | UnsetType, Meta(description="Ask for an echo")] = UNSET
    dns: Annotated[DnsProbe | UnsetType, Meta(description="Ask a DNS server")] = UNSET
    process: Annotated[ProcessProbe | UnsetType, Meta(description="Ask whether a process runs")] = UNSET
    route: Annotated[RouteProbe | UnsetType, Meta(description="Ask the routing tables")] = UNSET
    neighbour: Annotated[NeighbourProbe | UnsetType, Meta(description="Ask for a neighbour")] = UNSET
    gateway: Annotated[GatewayProbe | UnsetType, Meta(description="Ask for a network's gateway")] = UNSET
    value: Annotated[ValueProbe | UnsetType, Meta(description="Ask what a file or sysctl holds")] = UNSET


# The blocks of the kinds by their words. A range may have its variables in them too.
PROBE_KINDS: dict[str, type[Block]] = {
    "tcp": TcpProbe,
    "unix": UnixProbe,
    **PROBES_OF_THE_SYSTEM,
}
