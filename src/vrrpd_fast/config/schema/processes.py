"""vrrp_track_process of the native file, and the entries of track_process."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from vrrpd_fast.config.schema.base import Block, Damping, Range, Text

_Weight = Annotated[int, Meta(ge=-254, le=254)]
_Delay = Annotated[float, Meta(ge=0, le=3600)]


class TrackProcessEntry(Block):
    """Interest in processes; as one line: NAME [weight N] [reverse|noreverse]."""

    name: Annotated[Text, Meta(description="Name of a vrrp_track_process")]
    weight: Annotated[
        _Weight | UnsetType,
        Meta(description="Instead of the weight of the vrrp_track_process; 0: FAULT while it is down"),
    ] = UNSET
    reverse: Annotated[
        bool | UnsetType, Meta(description="Instead of the reverse of the vrrp_track_process")
    ] = UNSET


class VrrpTrackProcess(Block, kw_only=True):
    """Processes that have to run: as many as quorum says at least, and quorum_max at most."""

    range: Annotated[
        Range | UnsetType, Meta(description='Variables of a block that stands for many, like {"n": [1, 500]}')
    ] = UNSET
    process: Annotated[
        Text | Annotated[list[str], Meta(min_length=1)],
        Meta(description="Name, and perhaps parameters: words of a line, or a list of words"),
    ]
    param_match: Annotated[
        Literal["initial", "partial"] | UnsetType,
        Meta(description="More parameters may follow (partial), the last may go on (initial)"),
    ] = UNSET
    full_command: Annotated[
        bool,
        Meta(description="The name is the first word of the command line, as it is if there are parameters"),
    ] = False
    weight: Annotated[
        _Weight, Meta(description="Added to the priority while up (> 0) or down (< 0); 0: FAULT while down")
    ] = 0
    reverse: Annotated[bool, Meta(description="Turn the meaning of up and down around")] = False
    quorum: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | UnsetType,
        Meta(description="Processes that mean up; 1 if unset, 0 with quorum_max 0"),
    ] = UNSET
    quorum_max: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | UnsetType, Meta(description="More processes mean down")
    ] = UNSET
    delay: Annotated[_Delay, Meta(description="Seconds; default of fork_delay and terminate_delay")] = 0
    fork_delay: Annotated[
        _Delay | UnsetType, Meta(description="Seconds until it counts that processes have forked")
    ] = UNSET
    terminate_delay: Annotated[
        _Delay | UnsetType, Meta(description="Seconds until it counts that processes have ended")
    ] = UNSET
    damping: Annotated[
        Damping, Meta(description="Seconds to be up without a break after it went down twice in them; 0: off")
    ] = 0
