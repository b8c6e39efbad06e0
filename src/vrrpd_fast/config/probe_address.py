"""Addresses and texts in the blocks of vrrp_probe. Addresses may have a zone (fe80::1%eth0)."""

from ipaddress import ip_address

from msgspec import UNSET, UnsetType

from vrrpd_fast.config.problems import Path, Problems, quoted

_LONGEST_TEXT = 4096


def address(text: str, path: Path, problems: Problems, *, needs_zone: bool = True) -> str:
    """An IP address as it is asked; names are refused, since then DNS would be asked first.

    `needs_zone`: nothing else tells the link of a link-local address.
    """
    try:
        parsed = ip_address(text)
    except ValueError:
        problems.error(path, f"{quoted(text)} is not an IP address")
        return text
    zone = getattr(parsed, "scope_id", None)
    if parsed.version == 6 and parsed.is_link_local and needs_zone and not zone:
        problems.error(path, f"{text} is an address of one link: write {text}%INTERFACE")
    elif zone and not needs_zone:
        problems.error(path, f"{quoted(text)}: leave out %{zone}, the interface is told beside it")
    return str(parsed)


def check_length(text: str | UnsetType, path: Path, problems: Problems) -> None:
    """Texts have a limit, as a probe goes to its helper in one message."""
    if text is not UNSET and len(text.encode()) > _LONGEST_TEXT:
        problems.error(path, f"is longer than {_LONGEST_TEXT} bytes")


def own_address(
    text: str | UnsetType, other: str, path: Path, problems: Problems, *, needs_zone: bool = True
) -> str | None:
    """An address of this machine, of the family of the one that is asked; None when none is stated."""
    if text is UNSET:
        return None
    own = address(text, path, problems, needs_zone=needs_zone)
    if (":" in own) is not (":" in other):
        problems.error(path, f"{own} is of another family than {other}")
    return own
