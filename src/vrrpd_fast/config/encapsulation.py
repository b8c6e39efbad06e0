"""`encap TYPE …` of a route: mpls, ip, ip6, ila (ip-route(8))."""

from vrrpd_fast.config import iproute
from vrrpd_fast.config.addresses import EntryError, parse_address
from vrrpd_fast.config.entry import Line
from vrrpd_fast.config.problems import quoted
from vrrpd_fast.model import Encapsulation

_KINDS = ("mpls", "ip", "ip6", "ila")
_LABEL_MOST = (1 << 20) - 1
_FLAGS_MOST = 0xFFFF


def encapsulation(line: Line) -> Encapsulation:
    """What stands behind the word `encap`; raises EntryError."""
    kind = line.choice("encap", _KINDS)
    if kind == "mpls":
        return Encapsulation(kind=kind, labels=_labels(line.value("encap mpls")))
    if kind == "ila":
        return Encapsulation(kind=kind, locator=_locator(line.value("encap ila")))
    return _tunnel(kind, line)


def _tunnel(kind: str, line: Line) -> Encapsulation:
    key = f"encap {kind}"
    version, longest_id = (4, (1 << 64) - 1) if kind == "ip" else (6, (1 << 64) - 1)
    found: dict[str, object] = {}
    while (word := line.peek()) is not None:
        # The words of the route itself go on behind the tunnel's; dst and id are the tunnel's alone.
        if word not in ("id", "dst", "src", "tos", "dsfield", "tc", "ttl", "hoplimit", "flags"):
            break
        line.take()
        name = {"dst": "destination", "src": "source", "dsfield": "tos", "tc": "tos", "hoplimit": "ttl"}.get(
            word, word
        )
        if name in found:
            raise EntryError(f"{word} stands twice", key)
        if name in ("destination", "source"):
            text = line.value(key)
            try:
                address = parse_address(text)
            except EntryError as error:
                raise EntryError(f"{word} {error}", key) from error
            if address.version != version:
                raise EntryError(f"{word} {address} is not IPv{version}", key)
            found[name] = address
        elif name == "tos":
            found[name] = iproute.number(iproute.DSFIELDS, line.value(key), 255, key)
        else:
            found[name] = line.number(key, {"id": longest_id, "ttl": 255}.get(name, _FLAGS_MOST))
    if "destination" not in found and "id" not in found:
        raise EntryError("needs dst or id", key)
    return Encapsulation(kind=kind, **found)  # type: ignore[arg-type]


def _labels(text: str) -> tuple[int, ...]:
    labels = []
    for word in text.split("/"):
        label = iproute.plain(word)
        if label is None or label > _LABEL_MOST:
            raise EntryError(
                f"{quoted(text)} is not LABEL or LABEL/LABEL…, each in 0..{_LABEL_MOST}", "encap mpls"
            )
        labels.append(label)
    return tuple(labels)


def _locator(text: str) -> int:
    """64 bits as four groups of four hexadecimal digits, like 2001:db8:0:1."""
    groups = text.split(":")
    value = 0
    for group in groups:
        if (
            len(groups) != 4
            or not 1 <= len(group) <= 4
            or any(c not in "0123456789abcdefABCDEF" for c in group)
        ):
            raise EntryError(f"{quoted(text)} is not a locator, like 2001:db8:0:1", "encap ila")
        value = value << 16 | int(group, 16)
    return value
