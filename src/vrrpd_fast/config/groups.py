"""vrrp_sync_group: who is in which, and what a group adds to its members."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from vrrpd_fast import model
from vrrpd_fast.config import commands, schema
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema.base import stated
from vrrpd_fast.config.tracking import Definitions, tracks
from vrrpd_fast.model import TrackKind

_ORDER = {kind: number for number, kind in enumerate(TrackKind)}


class _Group(Struct, frozen=True):
    block: schema.VrrpSyncGroup
    path: Path
    notify: model.Notify
    tracks: tuple[model.Track, ...]


class Groups:
    """The groups of a file; `definitions` is what they may track."""

    def __init__(
        self,
        blocks: Mapping[str, schema.VrrpSyncGroup],
        definitions: Definitions,
        user: commands.User,
        problems: Problems,
    ) -> None:
        self._problems = problems
        self._groups: dict[str, _Group] = {}
        self._of: dict[str, _Group] = {}
        for name, block in blocks.items():
            path = ("vrrp_sync_group", name)
            group = self._groups[name] = _Group(
                block,
                path,
                commands.notify(block, user, False, path, problems),
                tracks(block, definitions, path, problems),
            )
            self._take_members(group)

    def _take_members(self, group: _Group) -> None:
        members = group.block.group
        if not members:
            self._problems.error((*group.path, "group"), "is empty; name its vrrp_instances")
        elif len(members) == 1:
            self._problems.warning((*group.path, "group"), "has one member, which it has no effect on")
        for index, member in enumerate(members):
            other = self._of.setdefault(member, group)
            where = (*group.path, "group", index)
            if other is not group:
                self._problems.error(where, f"{quoted(member)} is in vrrp_sync_group {other.path[1]} already")
            elif member in members[:index]:
                self._problems.error(where, f"{quoted(member)} stands twice")

    def tells_priority_changes(self, member: str, usual: bool) -> bool:
        """What an instance that does not say does about notify_priority_changes."""
        group = self._of.get(member)
        return usual if group is None else stated(group.block.notify_priority_changes, usual)

    def with_group(self, instance: model.Instance) -> model.Instance:
        """An instance, and what its group tracks for it."""
        group = self._of.get(instance.name)
        if group is None:
            return instance
        if not group.block.sync_group_tracking_weight:
            self._check_weights(instance, group)
        own = {(track.kind, track.name) for track in instance.tracks}
        own.add((TrackKind.INTERFACE, instance.interface))
        added = [track for track in group.tracks if (track.kind, track.name) not in own]
        if not added:
            return instance
        both = sorted([*instance.tracks, *added], key=lambda track: _ORDER[track.kind])
        return msgspec.structs.replace(instance, tracks=tuple(both))

    def _check_weights(self, instance: model.Instance, group: _Group) -> None:
        for kind in dict.fromkeys(track.kind for track in instance.tracks if track.weight):
            self._problems.error(
                ("vrrp_instance", instance.name, f"track_{kind}"),
                f"has a weight, and vrrp_sync_group {group.path[1]} wants equal priorities: "
                f"let the group track it, take weight 0 (FAULT), or say sync_group_tracking_weight there",
                (*group.path, "group"),
            )

    def settings(self, instances: Mapping[str, model.Instance]) -> dict[str, model.SyncGroup]:
        """The groups for the daemon; members that do not exist are noted."""
        for group in self._groups.values():
            for index, member in enumerate(group.block.group):
                if member not in instances:
                    nearest = self._problems.suggestion(member, instances)
                    self._problems.error(
                        (*group.path, "group", index),
                        f"there is no vrrp_instance {quoted(member)}{nearest}",
                        ("vrrp_instance",),
                    )
            known = [instances[name] for name in group.block.group if name in instances]
            if len({instance.is_owner for instance in known}) > 1:
                self._problems.error(
                    (*group.path, "group"),
                    "has members with priority 255 and others without: they could never agree on a master",
                    *(("vrrp_instance", instance.name, "priority") for instance in known),
                )
        return {
            name: model.SyncGroup(name=name, members=tuple(group.block.group), notify=group.notify)
            for name, group in self._groups.items()
        }
