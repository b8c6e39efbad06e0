"""The native configuration file as msgspec Structs: keepalived's words, block for block.

What stands here is the shape of the file: keys, types, ranges and one-line descriptions, which also make the
JSON Schema and the reference in docs/CONFIG.md. What a combination of keys means is resolve.py's business,
what is wrong with one is check.py's. UNSET is "not stated", so that a global default can come in later.
"""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from vrrpd_fast.config.schema.base import Block, Text
from vrrpd_fast.config.schema.bfd import BfdInstance, TrackBfdEntry
from vrrpd_fast.config.schema.entries import (
    AddressEntry,
    Authentication,
    CommandEntry,
    FifoEntry,
    GarpGroup,
    LinkDelay,
    PeerEntry,
    TrackFile,
    TrackFileEntry,
    TrackInterfaceEntry,
    TrackProbeEntry,
    TrackScriptEntry,
    VrrpScript,
)
from vrrpd_fast.config.schema.global_defs import GlobalDefs
from vrrpd_fast.config.schema.group import VrrpSyncGroup
from vrrpd_fast.config.schema.instance import VrrpInstance
from vrrpd_fast.config.schema.probes import PROBE_KINDS, VrrpProbe
from vrrpd_fast.config.schema.processes import TrackProcessEntry, VrrpTrackProcess

__all__ = [
    "IN_RANGES",
    "PROBE_KINDS",
    "AddressEntry",
    "Authentication",
    "BfdInstance",
    "CommandEntry",
    "FifoEntry",
    "File",
    "GarpGroup",
    "GlobalDefs",
    "PeerEntry",
    "TrackBfdEntry",
    "TrackFile",
    "TrackFileEntry",
    "TrackInterfaceEntry",
    "TrackProbeEntry",
    "TrackProcessEntry",
    "TrackScriptEntry",
    "VrrpInstance",
    "VrrpProbe",
    "VrrpScript",
    "VrrpSyncGroup",
    "VrrpTrackProcess",
    "schema_json",
]


class File(Block):
    """A whole configuration of vrrpd-fast."""

    schema_url: Annotated[
        str | UnsetType, Meta(description="For editors: where the JSON Schema of this file lies; ignored")
    ] = field(default=UNSET, name="$schema")
    net_namespace: Annotated[
        Text | UnsetType,
        Meta(description="Network namespace to run in; unchangeable while the daemon runs"),
    ] = UNSET
    global_defs: Annotated[GlobalDefs, Meta(description="Defaults for the whole file")] = field(
        default_factory=GlobalDefs
    )
    garp_group: Annotated[
        list[GarpGroup], Meta(description="Interfaces that share a limit of announcements")
    ] = []
    interface_up_down_delays: Annotated[
        dict[str, LinkDelay],
        Meta(description="By interface: seconds that a link is down, or [down, up], before it counts"),
    ] = {}
    vrrp_script: Annotated[dict[str, VrrpScript], Meta(description="Health checks by name")] = {}
    vrrp_probe: Annotated[
        dict[str, VrrpProbe], Meta(description="Health checks that fork nothing, by name")
    ] = {}
    track_file: Annotated[dict[str, TrackFile], Meta(description="Files with a number, by name")] = {}
    vrrp_track_process: Annotated[
        dict[str, VrrpTrackProcess], Meta(description="Processes that have to run, by name")
    ] = {}
    bfd_instance: Annotated[
        dict[str, BfdInstance], Meta(description="BFD sessions with neighbours, by name")
    ] = {}
    vrrp_sync_group: Annotated[
        dict[str, VrrpSyncGroup], Meta(description="Virtual routers that change their states together")
    ] = {}
    vrrp_instance: Annotated[dict[str, VrrpInstance], Meta(description="Virtual routers by name")] = {}


# Structs that a block with a range is made of: there a number may be written as a text that comes to one.
IN_RANGES: tuple[type[Block], ...] = (
    VrrpInstance,
    VrrpScript,
    VrrpProbe,
    *PROBE_KINDS.values(),
    TrackFile,
    VrrpTrackProcess,
    BfdInstance,
    AddressEntry,
    PeerEntry,
    TrackInterfaceEntry,
    TrackProbeEntry,
    TrackScriptEntry,
    TrackFileEntry,
    TrackProcessEntry,
    TrackBfdEntry,
)
_EXPRESSION = {"type": "string", "pattern": r"^\{[^{}]+\}$"}
_ABOUT = ("description", "default")


def schema_json() -> bytes:
    """JSON Schema (2020-12) of the native file, for editors and `vrrpd-fast --schema`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vrrpd-fast configuration",
        **msgspec.json.schema(File),
    }
    for block in IN_RANGES:
        properties = schema["$defs"][block.__name__]["properties"]
        for key, value in properties.items():
            if value.get("type") in ("integer", "number"):
                about = {word: value.pop(word) for word in _ABOUT if word in value}
                properties[key] = {**about, "anyOf": [value, _EXPRESSION]}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
