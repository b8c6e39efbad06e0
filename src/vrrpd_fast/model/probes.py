"""A vrrp_probe: what is asked, kind by kind, and how the answers are judged."""

from msgspec import Struct


class ProbeKind(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What a probe asks. The tag of each kind is its word in the file.

    Settings cross to the helper process as msgpack: their fields are texts, numbers, tuples of these.
    """

    @property
    def word(self) -> str:
        return str(type(self).__struct_config__.tag)

    @property
    def target(self) -> str:
        """What is asked, for people: an address, a file, a name."""
        raise NotImplementedError


class TcpProbe(ProbeKind, frozen=True, kw_only=True, tag="tcp"):
    """Up while something accepts connections; with `expect` while it says that, once `send` is sent."""

    address: str
    port: int
    source: str | None = None
    send: str | None = None
    expect: str | None = None

    @property
    def target(self) -> str:
        return _endpoint(self.address, self.port)


class UnixProbe(ProbeKind, frozen=True, kw_only=True, tag="unix"):
    """TcpProbe for a stream socket of this machine; a path that begins with @ is an abstract name."""

    path: str
    send: str | None = None
    expect: str | None = None

    @property
    def target(self) -> str:
        return self.path


class HttpProbe(ProbeKind, frozen=True, kw_only=True, tag="http"):
    """Up while a request gets an answer of an expected status, and with an expected body.

    `host` is the name in the request, `expect` a text and `matches` a regular expression to be found in the
    body; `status` has the first and the last of each range.
    """

    address: str
    port: int = 80
    source: str | None = None
    host: str | None = None
    method: str = "GET"
    path: str = "/"
    status: tuple[tuple[int, int], ...] = ((200, 299),)
    expect: str | None = None
    matches: str | None = None

    @property
    def target(self) -> str:
        return f"{self.word}://{_endpoint(self.host or self.address, self.port)}{self.path}"


class HttpsProbe(HttpProbe, frozen=True, kw_only=True, tag="https"):
    """HttpProbe over TLS; `host` is also the name that the certificate is asked for and has to have."""

    port: int = 443
    verify: bool = True
    ca_file: str | None = None  # instead of the system's
    certificate_days: int = 0  # that the certificate has to be valid for still


class SystemdProbe(ProbeKind, frozen=True, kw_only=True, tag="systemd"):
    """Up while a unit of systemd is in one of these states (ActiveState)."""

    unit: str
    states: tuple[str, ...] = ("active", "reloading")

    @property
    def target(self) -> str:
        return self.unit


class IcmpProbe(ProbeKind, frozen=True, kw_only=True, tag="icmp"):
    """Up while echo requests are answered; sent through `interface` from `source` if told."""

    address: str
    interface: str | None = None
    source: str | None = None

    @property
    def target(self) -> str:
        return self.address


class DnsProbe(ProbeKind, frozen=True, kw_only=True, tag="dns"):
    """Up while a server answers with `rcode`; for NOERROR with a record of the type (`expect`: this one)."""

    server: str
    port: int = 53
    source: str | None = None
    name: str
    type: str = "A"
    rcode: str = "NOERROR"
    expect: str | None = None

    @property
    def target(self) -> str:
        return f"{self.name} {self.type} at {_endpoint(self.server, self.port)}"


class ProcessProbe(ProbeKind, frozen=True, kw_only=True, tag="process"):
    """Up while at least `quorum` processes of this name run."""

    name: str
    quorum: int = 1

    @property
    def target(self) -> str:
        return self.name


class RouteProbe(ProbeKind, frozen=True, kw_only=True, tag="route"):
    """Up while `table` has the prefix, or packets `to` an address have a way; with a next hop as told."""

    prefix: str | None = None
    table: int = 254  # RT_TABLE_MAIN
    to: str | None = None
    source: str | None = None
    via: str | None = None
    dev: str | None = None

    @property
    def target(self) -> str:
        return str(self.prefix or self.to)


class NeighbourProbe(ProbeKind, frozen=True, kw_only=True, tag="neighbour"):
    """Up while a neighbour answers ARP or ND; `passive`: while the kernel has a link-layer address for it."""

    address: str
    interface: str
    passive: bool = False

    @property
    def target(self) -> str:
        return f"{self.address} on {self.interface}"


class GatewayProbe(ProbeKind, frozen=True, kw_only=True, tag="gateway"):
    """Up while the gateway of an interface's network answers: the one named, or that of the default route."""

    interface: str
    address: str | None = None
    family: str = "ipv4"
    table: int = 254  # RT_TABLE_MAIN, in which the default route is
    ask: str = "neighbour"  # or icmp

    @property
    def target(self) -> str:
        return f"{self.address or self.family} on {self.interface}"


class ValueProbe(ProbeKind, frozen=True, kw_only=True, tag="value"):
    """Up while the value in a file is as expected (probe/kinds/condition.py)."""

    path: str
    expect: str

    @property
    def target(self) -> str:
        return f"{self.path} {self.expect}"


AnyProbeKind = (
    TcpProbe
    | UnixProbe
    | HttpProbe
    | HttpsProbe
    | SystemdProbe
    | IcmpProbe
    | DnsProbe
    | ProcessProbe
    | RouteProbe
    | NeighbourProbe
    | GatewayProbe
    | ValueProbe
)


class Probe(Struct, frozen=True, kw_only=True):
    """A vrrp_probe: what is asked and how its answers are judged, as of a Script. Durations in seconds."""

    name: str
    kind: AnyProbeKind
    interval: float = 1.0
    timeout: float = 1.0
    rise: int = 1
    fall: int = 1
    init_fail: bool = False


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
