"""keepalived.stats: counters as indented text."""

from collections.abc import Iterable, Iterator

# Its lines: a heading, or a label and the counter's name in the JSON dump.
LINES: tuple[tuple[str, str | None], ...] = (
    ("  Advertisements", None),
    ("    Received", "advert_rcvd"),
    ("    Sent", "advert_sent"),
    ("  Became master", "become_master"),
    ("  Released master", "release_master"),
    ("  Packet Errors", None),
    ("    Length", "packet_len_err"),
    ("    TTL", "ip_ttl_err"),
    ("    Invalid Type", "invalid_type_rcvd"),
    ("    Advertisement Interval", "advert_interval_err"),
    ("    Address List", "addr_list_err"),
    ("  Authentication Errors", None),
    ("    Invalid Type", "invalid_authtype"),
    ("    Type Mismatch", "authtype_mismatch"),
    ("    Failure", "auth_failure"),
    ("  Priority Zero", None),
    ("    Received", "pri_zero_rcvd"),
    ("    Sent", "pri_zero_sent"),
)


def stats(routers: Iterable[tuple[str, dict[str, int]]]) -> Iterator[str]:
    """The file, a virtual router at a time: its name, and its counters by the names of the JSON dump."""
    for router, counts in routers:
        lines = [f"VRRP Instance: {router}"]
        lines += [f"{label}:" if name is None else f"{label}: {counts[name]}" for label, name in LINES]
        yield "\n".join(lines) + "\n"
