"""vrrp_sync_group of the native file."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from vrrpd_fast.config.schema.base import Block, Text
from vrrpd_fast.config.schema.bfd import TrackBfdEntry
from vrrpd_fast.config.schema.entries import (
    Command,
    TrackFileEntry,
    TrackInterfaceEntry,
    TrackProbeEntry,
    TrackScriptEntry,
)
from vrrpd_fast.config.schema.processes import TrackProcessEntry


class VrrpSyncGroup(Block):
    """Virtual routers that change their states together."""

    group: Annotated[list[Text], Meta(description="Names of vrrp_instances; none is in two groups")]
    track_script: Annotated[
        list[Text | TrackScriptEntry], Meta(description="As if every member tracked these scripts")
    ] = []
    track_interface: Annotated[
        list[Text | TrackInterfaceEntry], Meta(description="As if every member tracked these links")
    ] = []
    track_probe: Annotated[
        list[Text | TrackProbeEntry], Meta(description="As if every member tracked these probes")
    ] = []
    track_file: Annotated[
        list[Text | TrackFileEntry], Meta(description="As if every member tracked these files")
    ] = []
    track_process: Annotated[
        list[Text | TrackProcessEntry], Meta(description="As if every member tracked these processes")
    ] = []
    track_bfd: Annotated[
        list[Text | TrackBfdEntry], Meta(description="As if every member tracked these BFD sessions")
    ] = []
    sync_group_tracking_weight: Annotated[
        bool, Meta(description="Members may track with weights of their own: their priorities differ then")
    ] = False
    notify_master: Annotated[Command | UnsetType, Meta(description="Run when all are MASTER")] = UNSET
    notify_backup: Annotated[Command | UnsetType, Meta(description="Run when all are BACKUP")] = UNSET
    notify_fault: Annotated[Command | UnsetType, Meta(description="Run when all are in FAULT")] = UNSET
    notify_stop: Annotated[Command | UnsetType, Meta(description="Run when the daemon stops")] = UNSET
    notify: Annotated[
        Command | UnsetType, Meta(description="Run at each of these with GROUP, name, state, 0")
    ] = UNSET
    notify_priority_changes: Annotated[
        bool | UnsetType, Meta(description="Default of the members' notify_priority_changes")
    ] = UNSET
