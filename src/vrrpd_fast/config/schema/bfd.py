"""bfd_instance of the native file, and the entries of track_bfd."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from vrrpd_fast.config.schema.base import Block, Damping, Range, Text, Weight

_Milliseconds = Annotated[float, Meta(ge=1, le=4294967)]


class TrackBfdEntry(Block):
    """Interest in a BFD session; as one line: NAME [weight N] [reverse|noreverse]."""

    name: Annotated[Text, Meta(description="Name of a bfd_instance")]
    weight: Annotated[
        Weight | UnsetType,
        Meta(description="Instead of the weight of the bfd_instance; 0: FAULT while it is not Up"),
    ] = UNSET
    reverse: Annotated[bool | UnsetType, Meta(description="Instead of the reverse of the bfd_instance")] = (
        UNSET
    )


class BfdInstance(Block, kw_only=True):
    """A BFD session with a neighbour (RFC 5880). Milliseconds may have three decimals."""

    range: Annotated[
        Range | UnsetType, Meta(description='Variables of a block that stands for many, like {"n": [1, 500]}')
    ] = UNSET
    neighbor_ip: Annotated[
        Text, Meta(description="Address of the neighbour; a link-local one with its interface, fe80::1%eth0")
    ]
    source_ip: Annotated[
        Text | UnsetType, Meta(description="Our address; as the kernel routes to the neighbour if unset")
    ] = UNSET
    min_rx: Annotated[
        _Milliseconds, Meta(description="Milliseconds between packets that we can receive, at least")
    ] = 10.0
    min_tx: Annotated[
        _Milliseconds, Meta(description="Milliseconds between packets that we send, at least")
    ] = 10.0
    idle_tx: Annotated[
        Annotated[float, Meta(ge=1000, le=4294967)],
        Meta(description="Instead of min_tx while the session is not Up"),
    ] = 1000.0
    multiplier: Annotated[
        int, Meta(ge=1, le=255, description="Packets that the neighbour may miss before it says Down")
    ] = 5
    passive: Annotated[bool, Meta(description="Nothing is sent before the neighbour does")] = False
    ttl: Annotated[
        Annotated[int, Meta(ge=1, le=255)] | UnsetType,
        Meta(description="TTL or hop limit of packets, 255 if unset, when 64 is accepted of IPv6"),
    ] = UNSET
    max_hops: Annotated[
        Annotated[int, Meta(ge=-1, le=255)] | UnsetType,
        Meta(description="By how much less it may be when accepted, 0 if unset; 255, -1 and multihop: any"),
    ] = UNSET
    multihop: Annotated[bool, Meta(description="Routers are between (RFC 5883): port 4784, not 3784")] = False
    weight: Annotated[
        Weight,
        Meta(description="Added to the priority while Up (> 0) or not (< 0); 0: FAULT while it is not Up"),
    ] = 0
    reverse: Annotated[bool, Meta(description="Turn the meaning of Up and not Up around")] = False
    damping: Annotated[
        Damping, Meta(description="Seconds to be Up without a break after it went down twice in them; 0: off")
    ] = 0
