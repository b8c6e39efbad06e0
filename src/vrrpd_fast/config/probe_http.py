"""Probes that ask a web server: from the block of the file to its settings."""

import re
from typing import Any

from msgspec import UNSET

from vrrpd_fast import model
from vrrpd_fast.config.probe_address import address, check_length, own_address
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import probes as schema
from vrrpd_fast.config.schema.base import stated

_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}")
_TARGET = re.compile(r"/[!-~]*|\*")
_RANGE = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")


def http(block: schema.HttpProbe, path: Path, problems: Problems) -> model.HttpProbe:
    """An http block."""
    return model.HttpProbe(**_common(block, path, problems))


def https(block: schema.HttpsProbe, path: Path, problems: Problems) -> model.HttpsProbe:
    """An https block."""
    check_length(block.ca_file, (*path, "ca_file"), problems)
    if block.ca_file is not UNSET:
        if not block.ca_file.startswith("/") or "\0" in block.ca_file:
            problems.error((*path, "ca_file"), f"{quoted(block.ca_file)} is not an absolute path")
        elif not block.verify:
            problems.error((*path, "ca_file"), "has no meaning while verify is off", (*path, "verify"))
    return model.HttpsProbe(
        **_common(block, path, problems),
        verify=block.verify,
        ca_file=stated(block.ca_file, None),
        certificate_days=block.certificate_days,
    )


def _common(block: schema.HttpProbe, path: Path, problems: Problems) -> dict[str, Any]:
    asked = address(block.address, (*path, "address"), problems)
    if block.host is not UNSET and not _HOST.fullmatch(block.host):
        problems.error(
            (*path, "host"), f"{quoted(block.host)} is not the name of a host; a port stands in port"
        )
    if not _TARGET.fullmatch(block.path):
        problems.error(
            (*path, "path"),
            f"{quoted(block.path)} does not begin with / or has characters to be written as %XX",
        )
    for key in ("path", "expect", "matches"):
        check_length(getattr(block, key), (*path, key), problems)
        if key != "path" and block.method == "HEAD" and getattr(block, key) is not UNSET:
            problems.error((*path, key), "an answer to HEAD has no body", (*path, "method"))
    if block.matches is not UNSET:
        try:
            re.compile(block.matches.encode())
        except (re.error, RecursionError, OverflowError) as error:
            problems.error((*path, "matches"), f"{quoted(block.matches)} is no regular expression: {error}")
    return {
        "address": asked,
        "port": block.port,
        "source": own_address(block.source, asked, (*path, "source"), problems),
        "host": stated(block.host, None),
        "method": block.method,
        "path": block.path,
        "status": _status(block.status, (*path, "status"), problems),
        "expect": stated(block.expect, None),
        "matches": stated(block.matches, None),
    }


def _status(value: int | str, path: Path, problems: Problems) -> tuple[tuple[int, int], ...]:
    """`200-299 301`: the first and the last of each range."""
    ranges = []
    for word in str(value).replace(",", " ").split():
        found = _RANGE.fullmatch(word)
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if low > high:
            problems.error(path, f"{quoted(word)} is neither a status code nor a range like 200-299")
        ranges.append((low, high))
    if not ranges:
        problems.error(path, "is empty: no answer would mean up")
    return tuple(ranges)
