"""Probes that ask the network's own services and the kernel: from the block of the file to its settings."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from msgspec import UNSET, UnsetType

from vrrpd_fast import model
from vrrpd_fast.config import iproute
from vrrpd_fast.config.addresses import EntryError, interface_fault, parse_address
from vrrpd_fast.config.probe_address import address, own_address
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import probe_system as schema
from vrrpd_fast.config.schema.base import stated
from vrrpd_fast.probe.kinds.condition import Condition

_LONGEST_NAME, _LONGEST_LABEL = 253, 63  # of DNS (RFC 1035 2.3.4)
_UINT32 = 0xFFFFFFFF


def icmp(block: schema.IcmpProbe, path: Path, problems: Problems) -> model.IcmpProbe:
    """An icmp block."""
    if block.interface is not UNSET:
        _check_interface(block.interface, (*path, "interface"), problems)
    asked = address(block.address, (*path, "address"), problems, needs_zone=block.interface is UNSET)
    return model.IcmpProbe(
        address=asked,
        interface=stated(block.interface, None),
        source=own_address(block.source, asked, (*path, "source"), problems, needs_zone=False),
    )


def dns(block: schema.DnsProbe, path: Path, problems: Problems) -> model.DnsProbe:
    """A dns block."""
    labels = block.name.removesuffix(".").split(".") if block.name != "." else []
    if not block.name.isascii() or not block.name.isprintable() or set(block.name) & set(' "\\'):
        problems.error((*path, "name"), f"{quoted(block.name)} is not a name in DNS")
    elif len(block.name) > _LONGEST_NAME or not all(0 < len(label) <= _LONGEST_LABEL for label in labels):
        problems.error(
            (*path, "name"),
            f"{quoted(block.name)}: a name has at most {_LONGEST_NAME} characters, "
            f"and 1 to {_LONGEST_LABEL} between two dots",
        )
    if block.expect is not UNSET:
        _check_record(block, path, problems)
    server = address(block.server, (*path, "server"), problems)
    return model.DnsProbe(
        server=server,
        port=block.port,
        source=own_address(block.source, server, (*path, "source"), problems),
        name=block.name,
        type=block.type,
        rcode=block.rcode,
        expect=stated(block.expect, None),
    )


def _check_record(block: schema.DnsProbe, path: Path, problems: Problems) -> None:
    where = (*path, "expect")
    if block.rcode != "NOERROR":
        problems.error(where, f"an answer {block.rcode} has no record", (*path, "rcode"))
    elif block.type in ("A", "AAAA"):
        version = 4 if block.type == "A" else 6
        found = _plain_address(str(block.expect), where, problems)
        if found is not None and found.version != version:
            problems.error(where, f"{found} is not IPv{version}, of which {block.type} records are")


def process(block: schema.ProcessProbe, path: Path, problems: Problems) -> model.ProcessProbe:
    """A process block."""
    if "/" in block.name or not block.name.isprintable():
        problems.error((*path, "name"), f"{quoted(block.name)} is not a name: leave out the directory")
    return model.ProcessProbe(name=block.name, quorum=block.quorum)


def route(block: schema.RouteProbe, path: Path, problems: Problems) -> model.RouteProbe:
    """A route block."""
    prefix: IPv4Network | IPv6Network | None = None
    version = 0
    source = None
    if (block.prefix is UNSET) is (block.to is UNSET):
        problems.error(path, "needs either prefix or to", at_key=True)
    if block.prefix is not UNSET:
        prefix = _network(block.prefix, (*path, "prefix"), problems)
        version = prefix.version if prefix is not None else 0
        if block.source is not UNSET:
            problems.error((*path, "source"), "goes with to: a table is not asked where packets come from")
    elif block.to is not UNSET:
        found = _plain_address(block.to, (*path, "to"), problems)
        version = found.version if found is not None else 0
        source = own_address(block.source, block.to, (*path, "source"), problems)
        if block.table != "main":
            problems.error((*path, "table"), "goes with prefix: a packet meets tables as the rules have it")
    if block.dev is not UNSET:
        _check_interface(block.dev, (*path, "dev"), problems)
    if block.via is not UNSET:
        via = _plain_address(block.via, (*path, "via"), problems)
        if via is not None and version == 6 and via.version == 4:
            problems.error((*path, "via"), f"{via} is no gateway of an IPv6 route")
    return model.RouteProbe(
        prefix=None if prefix is None else str(prefix),
        table=_table(block.table, (*path, "table"), problems),
        to=stated(block.to, None),
        source=source,
        via=stated(block.via, None),
        dev=stated(block.dev, None),
    )


def neighbour(block: schema.NeighbourProbe, path: Path, problems: Problems) -> model.NeighbourProbe:
    """A neighbour block."""
    _check_interface(block.interface, (*path, "interface"), problems)
    _plain_address(block.address, (*path, "address"), problems)
    return model.NeighbourProbe(address=block.address, interface=block.interface, passive=block.passive)


def gateway(block: schema.GatewayProbe, path: Path, problems: Problems) -> model.GatewayProbe:
    """A gateway block."""
    _check_interface(block.interface, (*path, "interface"), problems)
    family = stated(block.family, "ipv4")
    if block.address is not UNSET:
        found = _plain_address(block.address, (*path, "address"), problems)
        if found is not None:
            family = f"ipv{found.version}"
            if block.family not in (UNSET, family):
                problems.error((*path, "family"), f"{found} is of another family", (*path, "address"))
        if block.table != "main":
            problems.error(
                (*path, "table"),
                "is where a default route is looked for: leave out address",
                (*path, "address"),
            )
    return model.GatewayProbe(
        interface=block.interface,
        address=stated(block.address, None),
        family=family,
        table=_table(block.table, (*path, "table"), problems),
        ask=block.ask,
    )


def value(block: schema.ValueProbe, path: Path, problems: Problems) -> model.ValueProbe:
    """A value block."""
    file, key = "", "file"
    if (block.file is UNSET) is (block.sysctl is UNSET):
        problems.error(path, "needs either file or sysctl", at_key=True)
    elif block.file is not UNSET:
        file = block.file
    elif block.sysctl is not UNSET:
        file, key = sysctl_file(block.sysctl), "sysctl"
        if {"", ".", ".."} & set(file.split("/")[1:]):
            problems.error((*path, key), f"{quoted(block.sysctl)} is not the name of a sysctl")
    if file and (not file.startswith("/") or "\0" in file):
        problems.error((*path, key), f"{quoted(file)} is not an absolute path")
    try:
        Condition(block.expect)
    except ValueError as error:
        problems.error((*path, "expect"), f"{quoted(block.expect)}: {error}")
    return model.ValueProbe(path=file, expect=block.expect)


def sysctl_file(name: str) -> str:
    """The file of a sysctl. As in sysctl(8) the first separator counts: behind a dot, / stands for a dot."""
    if "." in name.partition("/")[0]:
        name = name.translate(str.maketrans("./", "/."))
    return f"/proc/sys/{name}"


def _check_interface(name: str, path: Path, problems: Problems) -> None:
    if fault := interface_fault(name):
        problems.error(path, fault)


def _plain_address(text: str, path: Path, problems: Problems) -> IPv4Address | IPv6Address | None:
    try:
        return parse_address(text)
    except EntryError as error:
        problems.error(path, str(error))
        return None


def _network(text: str, path: Path, problems: Problems) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        problems.error(
            path, f"{quoted(text)} has bits behind its length; did you mean {ip_network(text, False)}?"
        )
    except ValueError:
        problems.error(path, f"{quoted(text)} is not a prefix, like 10.0.0.0/8")
    return None


def _table(table: str | int | UnsetType, path: Path, problems: Problems) -> int:
    if isinstance(table, int):
        return table
    try:
        return iproute.number(iproute.TABLES, str(table), _UINT32, "table", 1)
    except EntryError as error:
        problems.error(path, str(error))
        return 1
