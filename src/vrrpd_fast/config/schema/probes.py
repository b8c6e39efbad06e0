"""vrrp_probe of the native file: what all probes have, and a block for each kind."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from vrrpd_fast.config.schema.base import Block, Damping, Range, Text, Weight
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


class HttpProbe(Block):
    """Up while a request is answered as expected. Redirects are not followed."""

    address: Annotated[Text, Meta(description="IP address; fe80::1%eth0 for one of a link")]
    port: Annotated[Port, Meta(description="TCP port")] = 80
    source: Annotated[Text | UnsetType, Meta(description="Own IP address to connect from")] = UNSET
    host: Annotated[Text | UnsetType, Meta(description="Name of the site; the address if unset")] = UNSET
    method: Annotated[Literal["GET", "HEAD", "OPTIONS"], Meta(description="What to ask")] = "GET"
    path: Annotated[Text, Meta(description="What to ask for, with its query if it has one")] = "/"
    status: Annotated[
        Annotated[int, Meta(ge=100, le=599)] | Text,
        Meta(description="Status codes that mean up, like 204 or 200-299 301"),
    ] = "200-299"
    expect: Annotated[Text | UnsetType, Meta(description="What must be in the first 64 KiB of the body")] = (
        UNSET
    )
    matches: Annotated[
        Text | UnsetType, Meta(description="Regular expression (Python's) to be found there")
    ] = UNSET


class HttpsProbe(HttpProbe):
    """HttpProbe over TLS."""

    port: Annotated[Port, Meta(description="TCP port")] = 443
    host: Annotated[
        Text | UnsetType,
        Meta(description="Name of the site, also asked for by SNI and to be certified; the address if unset"),
    ] = UNSET
    verify: Annotated[bool, Meta(description="The certificate has to be valid and for the host")] = True
    ca_file: Annotated[
        Text | UnsetType, Meta(description="File of certificates to trust; the system's if unset")
    ] = UNSET
    certificate_days: Annotated[
        int, Meta(ge=0, le=3650, description="Days that the certificate has to be valid for still")
    ] = 0


class SystemdProbe(Block):
    """Up while a unit of systemd is in one of some states."""

    unit: Annotated[Text, Meta(description="Name of the unit; .service is added if it has no suffix")]
    states: Annotated[
        list[Literal["active", "reloading", "inactive", "failed", "activating", "deactivating"]] | UnsetType,
        Meta(description="States that mean up; active and reloading if unset"),
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
    damping: Annotated[
        Damping, Meta(description="Seconds to be up without a break after it went down twice in them; 0: off")
    ] = 0
    # What is asked: as many keys as there are kinds, by the words of model.ProbeKind.
    tcp: Annotated[TcpProbe | UnsetType, Meta(description="Ask whether TCP connects")] = UNSET
    unix: Annotated[UnixProbe | UnsetType, Meta(description="Ask whether a unix socket connects")] = UNSET
    http: Annotated[HttpProbe | UnsetType, Meta(description="Ask a web server")] = UNSET
    https: Annotated[HttpsProbe | UnsetType, Meta(description="Ask a web server over TLS")] = UNSET
    systemd: Annotated[SystemdProbe | UnsetType, Meta(description="Ask systemd for a unit")] = UNSET
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
    "http": HttpProbe,
    "https": HttpsProbe,
    "systemd": SystemdProbe,
    **PROBES_OF_THE_SYSTEM,
}
