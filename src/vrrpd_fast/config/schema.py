"""The native configuration file as msgspec Structs: keepalived's words, block for block.

What stands here is the shape of the file: keys, types, ranges and one-line descriptions, which also make the
JSON Schema and the reference in docs/CONFIG.md. What a combination of keys means is resolve.py's business,
what is wrong with one is check.py's. UNSET is "not stated", so that a global default can come in later.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

Delay = Annotated[float, Meta(ge=0, le=86400)]
Repeat = Annotated[int, Meta(ge=1, le=1000)]
RepeatOrNone = Annotated[int, Meta(ge=0, le=1000)]
DownAdverts = Annotated[int, Meta(ge=1, le=100)]
Weight = Annotated[int, Meta(ge=-253, le=253)]
Text = Annotated[str, Meta(min_length=1)]
Version = Literal[2, 3]
Checksum = Literal["rfc5798", "rfc9568"]


class Block(Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of every object in the file: a key we do not know is an error."""


class GlobalDefs(Block):
    """Defaults for the whole file."""

    router_id: Annotated[
        Text | UnsetType, Meta(description="Name of this router in logs and status; the host name if unset")
    ] = UNSET
    vrrp_version: Annotated[
        Version | UnsetType, Meta(description="Protocol version of instances that state none; 2 if unset")
    ] = UNSET
    vrrp_mcast_group4: Annotated[str, Meta(description="Multicast group of IPv4 adverts")] = "224.0.0.18"
    vrrp_mcast_group6: Annotated[str, Meta(description="Multicast group of IPv6 adverts")] = "ff02::12"
    vrrp_garp_master_delay: Annotated[
        Delay, Meta(description="Seconds until the second set of gratuitous ARP/NA; 0: no second set")
    ] = 5.0
    vrrp_garp_master_repeat: Annotated[Repeat, Meta(description="Gratuitous ARP/NA per address and set")] = 5
    vrrp_garp_master_refresh: Annotated[
        Delay, Meta(description="Seconds between refreshing sets while MASTER; 0: never")
    ] = 0.0
    vrrp_garp_master_refresh_repeat: Annotated[
        Repeat, Meta(description="Gratuitous ARP/NA per address in a refreshing set")
    ] = 1
    vrrp_garp_lower_prio_delay: Annotated[
        Delay | UnsetType,
        Meta(description="Like garp_master_delay, after a losing master was heard; the same if unset"),
    ] = UNSET
    vrrp_garp_lower_prio_repeat: Annotated[
        RepeatOrNone | UnsetType,
        Meta(description="Like garp_master_repeat, after a losing master was heard; the same if unset"),
    ] = UNSET
    vrrp_down_timer_adverts: Annotated[
        DownAdverts, Meta(description="Missed adverts until a BACKUP takes over")
    ] = 3
    vrrp_lower_prio_no_advert: Annotated[
        bool, Meta(description="Do not answer the advert of a losing master at once (version 3)")
    ] = False
    v3_checksum_as_v2: Annotated[
        bool | UnsetType,
        Meta(description="keepalived's word for checksum rfc9568; both forms are accepted all the same"),
    ] = UNSET
    checksum: Annotated[
        Checksum | UnsetType,
        Meta(description="Checksum sent in version 3 over IPv4, with (rfc5798) or without the pseudo-header"),
    ] = UNSET
    script_user: Annotated[
        Text | UnsetType,
        Meta(description='"user" or "user group" for scripts; keepalived_script if it exists, else our own'),
    ] = UNSET


class VrrpScript(Block):
    """A health check: a command whose exit code 0 means up."""

    script: Annotated[Text, Meta(description="The command; a shell is used only if it needs one")]
    interval: Annotated[float, Meta(ge=0.001, le=86400, description="Seconds between runs")] = 1.0
    timeout: Annotated[
        Annotated[float, Meta(ge=0.001, le=86400)] | UnsetType,
        Meta(description="Seconds until a run is killed and counts as failed; interval if unset"),
    ] = UNSET
    weight: Annotated[
        Weight,
        Meta(description="Added to the priority while up (> 0) or failed (< 0); 0: FAULT while failed"),
    ] = 0
    reverse: Annotated[bool, Meta(description="Turn the meaning of up and failed around")] = False
    rise: Annotated[int, Meta(ge=1, le=100000, description="Successes in a row that mean up")] = 1
    fall: Annotated[int, Meta(ge=1, le=100000, description="Failures in a row that mean failed")] = 1
    init_fail: Annotated[bool, Meta(description="Counts as failed until the first success")] = False
    user: Annotated[
        Text | UnsetType, Meta(description='"user" or "user group" that runs it; script_user if unset')
    ] = UNSET


class AddressEntry(Block):
    """A virtual address; as one line: ADDRESS[/LENGTH] [dev IF] [brd IP|+|-] [label L] [scope S]."""

    address: Annotated[Text, Meta(description="ADDRESS or ADDRESS/LENGTH; length 32 or 128 if unset")]
    dev: Annotated[
        Text | UnsetType, Meta(description="Interface that carries it; that of the instance if unset")
    ] = UNSET
    brd: Annotated[
        Text | UnsetType,
        Meta(description="Broadcast address; + and - set all host bits to one and zero (IPv4)"),
    ] = UNSET
    label: Annotated[Text | UnsetType, Meta(description="Label of at most 15 characters (IPv4)")] = UNSET
    scope: Annotated[
        Text | Annotated[int, Meta(ge=0, le=255)] | UnsetType,
        Meta(description="global, site, link, host, nowhere or 0..255; global if unset (IPv4)"),
    ] = UNSET


class TrackScriptEntry(Block):
    """Interest in a script; as one line: NAME [weight N] [reverse|noreverse]."""

    name: Annotated[Text, Meta(description="Name of a vrrp_script")]
    weight: Annotated[
        Weight | UnsetType, Meta(description="Instead of the weight of the script; 0: FAULT while it fails")
    ] = UNSET
    reverse: Annotated[bool | UnsetType, Meta(description="Instead of the reverse of the script")] = UNSET


class TrackInterfaceEntry(Block):
    """Interest in a link; as one line: INTERFACE [weight N] [reverse|noreverse]."""

    interface: Annotated[Text, Meta(description="The link")]
    weight: Annotated[
        Weight, Meta(description="Added to the priority while up (> 0) or down (< 0); 0: FAULT while down")
    ] = 0
    reverse: Annotated[bool, Meta(description="Turn the meaning of up and down around")] = False


class VrrpInstance(Block):
    """One virtual router."""

    interface: Annotated[Text, Meta(description="The link its adverts are sent and heard on")]
    virtual_router_id: Annotated[
        int, Meta(ge=1, le=255, description="VRID, unique per interface and address family")
    ]
    virtual_ipaddress: Annotated[
        list[Text | AddressEntry],
        Meta(description="Virtual addresses of one family, in adverts; one line or an object each"),
    ]
    virtual_ipaddress_excluded: Annotated[
        list[Text | AddressEntry],
        Meta(description="Virtual addresses of any family that adverts do not list"),
    ] = []
    state: Annotated[
        Literal["MASTER", "BACKUP"] | UnsetType,
        Meta(description="MASTER without a priority means priority 255; no other effect"),
    ] = UNSET
    version: Annotated[
        Version | UnsetType, Meta(description="Protocol version; vrrp_version if unset, always 3 for IPv6")
    ] = UNSET
    priority: Annotated[
        Annotated[int, Meta(ge=1, le=255)] | UnsetType,
        Meta(description="255: owner of the addresses; if unset 100, or 255 with state MASTER"),
    ] = UNSET
    advert_int: Annotated[
        float,
        Meta(
            ge=0.01,
            le=255,
            description="Seconds between adverts; version 2: whole, version 3: multiples of 0.01 up to 40.95",
        ),
    ] = 1.0
    nopreempt: Annotated[
        bool, Meta(description="Do not take over from a living master of lower priority")
    ] = False
    preempt_delay: Annotated[
        float, Meta(ge=0, le=1000, description="Seconds to wait before taking over from such a master")
    ] = 0.0
    accept: Annotated[
        bool, Meta(description="Accept packets for the virtual addresses; only true is served yet")
    ] = True
    mcast_src_ip: Annotated[
        str | UnsetType, Meta(description="Source of multicast adverts; the primary address if unset")
    ] = UNSET
    unicast_src_ip: Annotated[
        str | UnsetType, Meta(description="Source of unicast adverts; the primary address if unset")
    ] = UNSET
    unicast_peer: Annotated[
        list[Text] | UnsetType, Meta(description="Addresses of the other routers, instead of multicast")
    ] = UNSET
    down_timer_adverts: Annotated[
        DownAdverts | UnsetType, Meta(description="Instead of vrrp_down_timer_adverts")
    ] = UNSET
    lower_prio_no_advert: Annotated[
        bool | UnsetType, Meta(description="Instead of vrrp_lower_prio_no_advert")
    ] = UNSET
    v3_checksum_as_v2: Annotated[
        bool | UnsetType, Meta(description="Instead of the global v3_checksum_as_v2")
    ] = UNSET
    checksum: Annotated[Checksum | UnsetType, Meta(description="Instead of the global checksum")] = UNSET
    check_addresses: Annotated[
        Literal["log", "strict"],
        Meta(description="An advert that lists other addresses: count and log it, or discard it (version 3)"),
    ] = "log"
    garp_master_delay: Annotated[Delay | UnsetType, Meta(description="Instead of vrrp_garp_master_delay")] = (
        UNSET
    )
    garp_master_repeat: Annotated[
        Repeat | UnsetType, Meta(description="Instead of vrrp_garp_master_repeat")
    ] = UNSET
    garp_master_refresh: Annotated[
        Delay | UnsetType, Meta(description="Instead of vrrp_garp_master_refresh")
    ] = UNSET
    garp_master_refresh_repeat: Annotated[
        Repeat | UnsetType, Meta(description="Instead of vrrp_garp_master_refresh_repeat")
    ] = UNSET
    garp_lower_prio_delay: Annotated[
        Delay | UnsetType, Meta(description="Instead of vrrp_garp_lower_prio_delay")
    ] = UNSET
    garp_lower_prio_repeat: Annotated[
        RepeatOrNone | UnsetType, Meta(description="Instead of vrrp_garp_lower_prio_repeat")
    ] = UNSET
    track_script: Annotated[
        list[Text | TrackScriptEntry], Meta(description="Scripts that move the priority or cause FAULT")
    ] = []
    track_interface: Annotated[
        list[Text | TrackInterfaceEntry],
        Meta(description="Other links that move the priority or cause FAULT; its own always does"),
    ] = []


class File(Block):
    """A whole configuration of vrrpd-fast."""

    schema_url: Annotated[
        str | UnsetType, Meta(description="For editors: where the JSON Schema of this file lies; ignored")
    ] = field(default=UNSET, name="$schema")
    global_defs: Annotated[GlobalDefs, Meta(description="Defaults for the whole file")] = field(
        default_factory=GlobalDefs
    )
    vrrp_script: Annotated[dict[str, VrrpScript], Meta(description="Health checks by name")] = {}
    vrrp_instance: Annotated[dict[str, VrrpInstance], Meta(description="Virtual routers by name")] = {}


def schema_json() -> bytes:
    """JSON Schema (2020-12) of the native file, for editors and `vrrpd-fast --schema`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vrrpd-fast configuration",
        **msgspec.json.schema(File),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
