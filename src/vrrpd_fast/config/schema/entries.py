"""Blocks inside other blocks, and entries of lists that may also be written as one line."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from vrrpd_fast.config.schema.base import Block, Damping, Range, ShortDelay, Text, Ttl, Weight, WideWeight


class AddressEntry(Block):
    """A virtual address; as one line: ADDRESS[/LENGTH], then the other keys as words."""

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
    peer: Annotated[
        Text | UnsetType, Meta(description="Other end of a point-to-point link, with or without /LENGTH")
    ] = UNSET
    home: Annotated[bool, Meta(description="Home address of Mobile IPv6 (IPv6)")] = False
    dad: Annotated[
        bool, Meta(description="Do duplicate address detection, which is left out otherwise (IPv6)")
    ] = field(default=False, name="-nodad")
    mngtmpaddr: Annotated[
        bool, Meta(description="The kernel makes temporary addresses from it; needs length 64 (IPv6)")
    ] = False
    noprefixroute: Annotated[bool, Meta(description="The kernel adds no route to its network")] = False
    autojoin: Annotated[bool, Meta(description="The kernel joins it as a multicast group (Linux 4.1)")] = (
        False
    )
    no_track: Annotated[bool, Meta(description="Not put back when somebody else removes it")] = False
    preferred_lft: Annotated[
        Annotated[int, Meta(ge=0, le=2**32 - 2)] | Literal["forever"] | UnsetType,
        Meta(description="Seconds it is preferred as a source; if unset forever, 0 for an IPv6 /128"),
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


class TrackFileEntry(Block):
    """Interest in the number in a file; as one line: NAME [weight N] [reverse|noreverse]."""

    name: Annotated[Text, Meta(description="Name of a track_file")]
    weight: Annotated[
        Annotated[int, Meta(ge=-254, le=254)] | UnsetType,
        Meta(description="Instead of the weight of the track_file; 0: FAULT while the number is not 0"),
    ] = UNSET
    reverse: Annotated[bool | UnsetType, Meta(description="Instead of the reverse of the track_file")] = UNSET


class TrackProbeEntry(Block):
    """Interest in a probe; as one line: NAME [weight N] [reverse|noreverse]."""

    name: Annotated[Text, Meta(description="Name of a vrrp_probe")]
    weight: Annotated[
        Weight | UnsetType, Meta(description="Instead of the weight of the probe; 0: FAULT while it fails")
    ] = UNSET
    reverse: Annotated[bool | UnsetType, Meta(description="Instead of the reverse of the probe")] = UNSET


class PeerEntry(Block):
    """Another router; as one line: ADDRESS [min_ttl N] [max_ttl N]."""

    address: Annotated[Text, Meta(description="Its own address, no virtual one")]
    min_ttl: Annotated[
        Ttl | UnsetType, Meta(description="Its adverts with a lower TTL are discarded; 0 if unset")
    ] = UNSET
    max_ttl: Annotated[
        Ttl | UnsetType, Meta(description="Its adverts with a higher TTL are discarded; 255 if unset")
    ] = UNSET


class CommandEntry(Block):
    """A command and who runs it; as text: the command alone."""

    script: Annotated[Text, Meta(description="The command with its arguments, in quotes as in a shell")]
    user: Annotated[
        Text | UnsetType, Meta(description='"user" or "user group" that runs it; script_user if unset')
    ] = UNSET


class FifoEntry(Block):
    """A FIFO and whose it is; as text: the path alone."""

    path: Annotated[Text, Meta(description="File name of the FIFO; made if it is not there")]
    user: Annotated[
        Text | UnsetType, Meta(description='"user" or "user group" that owns it; our own if unset')
    ] = UNSET


class Authentication(Block):
    """Authentication of version 2, which later RFCs removed."""

    auth_type: Annotated[
        Literal["PASS", "AH"], Meta(description="PASS, the plain password of RFC 2338; AH is not served")
    ]
    auth_pass: Annotated[Text, Meta(description="Password of at most 8 bytes, readable on the wire")]


class GarpGroup(Block):
    """Least seconds between two announcements on some interfaces together."""

    garp_interval: Annotated[
        Annotated[float, Meta(ge=0, le=86400)] | UnsetType,
        Meta(description="Seconds between two gratuitous ARP; vrrp_garp_interval if unset"),
    ] = UNSET
    gna_interval: Annotated[
        Annotated[float, Meta(ge=0, le=86400)] | UnsetType,
        Meta(description="Seconds between two unsolicited NA; vrrp_gna_interval if unset"),
    ] = UNSET
    interface: Annotated[Text | UnsetType, Meta(description="The one interface it is for")] = UNSET
    interfaces: Annotated[list[Text] | UnsetType, Meta(description="The interfaces that share it")] = UNSET


class VrrpScript(Block, kw_only=True):
    """A health check: a command whose exit code 0 means up."""

    range: Annotated[
        Range | UnsetType, Meta(description='Variables of a block that stands for many, like {"n": [1, 500]}')
    ] = UNSET
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
    damping: Annotated[
        Damping, Meta(description="Seconds to be up without a break after it went down twice in them; 0: off")
    ] = 0
    user: Annotated[
        Text | UnsetType, Meta(description='"user" or "user group" that runs it; script_user if unset')
    ] = UNSET


Command = Text | CommandEntry
Fifo = Text | FifoEntry
LinkDelay = ShortDelay | list[ShortDelay]


class TrackFile(Block, kw_only=True):
    """A file with a number in it, which moves priorities whenever it changes."""

    range: Annotated[
        Range | UnsetType, Meta(description='Variables of a block that stands for many, like {"n": [1, 500]}')
    ] = UNSET
    file: Annotated[Text, Meta(description="The file, by its absolute path")]
    weight: Annotated[
        WideWeight,
        Meta(
            description="The number times this is added to the priority, FAULT below -253; "
            "0: FAULT while the number is not 0"
        ),
    ] = 1
    reverse: Annotated[bool, Meta(description="Turn the sign of weight around, or the meaning of 0")] = False
    init_file: Annotated[
        Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] | Text | UnsetType,
        Meta(
            description='"NUMBER" is written into a file that is not there, "NUMBER overwrite" into any, '
            "when tracking begins"
        ),
    ] = UNSET
