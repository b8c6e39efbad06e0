"""vrrp_sync_group: virtual routers that change their states together.

All are MASTER or none is: a member whose down timer has run out waits, ready, until every other one is ready
or MASTER; one that yields takes the others with it; one that cannot serve keeps the others from serving.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.model import JSON, Reason, State, SyncGroup, Transition

Fault = tuple[Reason, str]


class Member(Protocol):
    """A virtual router, as far as its group is concerned. `own_fault` is what keeps it itself
    from serving; `is_waiting` says whether it cannot tell yet; `patience_ns` is how long it listens
    at most before it would be MASTER.
    """

    handle: int
    state: State
    own_fault: Fault | None
    is_waiting: bool
    group: "Group | None"

    @property
    def name(self) -> str: ...

    @property
    def patience_ns(self) -> int: ...


class Group:
    """One vrrp_sync_group at work. `reconsider` has a member look at its faults again, before long.

    `split` is where it enters itself while its members have not the same state.
    """

    def __init__(
        self, settings: SyncGroup, engine: Engine, reconsider: Callable[[str], None], split: set["Group"]
    ) -> None:
        self.settings = settings
        self.state = State.INIT  # which its members had together last, or began in
        self.failover = ""  # id of its members' way from one common state to another
        self._engine = engine
        self._reconsider = reconsider
        self._split = split
        self._members: dict[str, Member] = {}
        self._split_ns: int | None = None  # since when some were seen to be MASTER and others not

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def is_split(self) -> bool:
        """Whether its members were not all in one state when it looked last."""
        return self in self._split

    def join(self, member: Member) -> None:
        self._members[member.name] = member
        member.group = self
        self._engine.gate(member.handle, True)
        if self._missing() is None:
            self.member_changed(member.name)

    def describe(self) -> JSON:
        """What observers are shown of it; its state is what its members had together last."""
        return {"name": self.name, "state": self.state.name, "members": list(self.settings.members)}

    def adopt(self) -> None:
        """A new group of virtual routers that run already: what they have together is no news."""
        states = self._look()
        if self.state is State.INIT and self._missing() is None and len(states) == 1:
            (self.state,) = states

    def _missing(self) -> str | None:
        """The first member that does not run."""
        return next((name for name in self.settings.members if name not in self._members), None)

    def _look(self) -> set[State]:
        """The states of all members."""
        states = {member.state for member in self._members.values()}
        if len(states) > 1:
            self._split.add(self)
        else:
            self._split.discard(self)
            self._split_ns = None
        return states

    def leave(self, member: Member) -> None:
        del self._members[member.name]
        member.group = None
        self._engine.gate(member.handle, False)
        self._look()
        if member.own_fault is not None or member.is_waiting:
            self.member_changed(member.name)

    def fault_of_others(self, name: str) -> Fault | None:
        """Why a member cannot serve, although it could by itself."""
        for member in self._members.values():
            if member.name != name and member.own_fault is not None:
                text = f"vrrp_sync_group {self.name}: {member.name} is FAULT: {member.own_fault[1]}"
                return Reason.SYNC_GROUP, text
        return None

    def waits_for(self, name: str) -> str | None:
        """Another member, without which this one does not begin: all begin together."""
        missing = self._missing()
        if missing is not None:
            return missing
        return next(
            (other for other, member in self._members.items() if other != name and member.is_waiting), None
        )

    def member_changed(self, name: str) -> None:
        """What keeps a member from serving has come, gone or become something else."""
        for other in self._members:
            if other != name:
                self._reconsider(other)

    def lead(self, now_ns: int) -> None:
        """Make all MASTER, if every one of them is or would be. The caller settles."""
        members = self._members.values()
        if self._missing() is None and all(self._engine.is_ready(member.handle) for member in members):
            for member in members:
                self._engine.promote(member.handle, now_ns)

    def begin(self, event: Transition) -> bool:
        """Whether a member's change of state is the first of all, and the group begins with it as BACKUP.

        A fault is the group's when all have it, at the beginning as later.
        """
        if self.state is not State.INIT or event.new is not State.BACKUP:
            return False
        self.state = State.BACKUP
        return True

    def follow(self, event: Transition, now_ns: int) -> bool:
        """A member has changed its state; whether all have the same now, another than before.

        Who yields takes the others with it. The caller settles.
        """
        if event.old is State.MASTER and event.new is State.BACKUP and event.reason is not Reason.SYNC_GROUP:
            self._demote(now_ns)
        states = self._look()
        if len(states) != 1 or self._missing() is not None or self.state in states:
            return False
        (self.state,) = states
        return self.state is not State.INIT

    def mend(self, now_ns: int) -> None:
        """Make an end of a group in two parts, MASTER and BACKUP, which a reload can bring together.

        Who is BACKUP has the time to get ready; when it follows a master until then, all do.
        """
        if self._look() != {State.MASTER, State.BACKUP}:
            self._split_ns = None
        elif self._split_ns is None:
            self._split_ns = now_ns
        elif now_ns - self._split_ns > max(member.patience_ns for member in self._members.values()):
            self._demote(now_ns)

    def _demote(self, now_ns: int) -> None:
        for member in self._members.values():
            self._engine.demote(member.handle, now_ns, Reason.SYNC_GROUP)


class Groups:
    """All groups of the daemon."""

    def __init__(self, engine: Engine, reconsider: Callable[[str], None]) -> None:
        self._engine = engine
        self._reconsider = reconsider
        self._groups: dict[str, Group] = {}
        self._split: set[Group] = set()
        self._of: dict[str, Group] = {}  # by the name of a member

    @property
    def are_there(self) -> bool:
        return bool(self._groups)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def configure(self, groups: Mapping[str, SyncGroup], members: Mapping[str, Member]) -> None:
        """Be these groups; `members` are the virtual routers that run already."""
        self._groups = {name: self._make(settings) for name, settings in groups.items()}
        self._split.intersection_update(self._groups.values())
        self._of = {name: group for group in self._groups.values() for name in group.settings.members}
        for name, member in members.items():
            group = self._of.get(name)
            if member.group is not group:
                self.leave(member)
                self.join(member)
                self._reconsider(name)
        for group in self._groups.values():
            group.adopt()

    def _make(self, settings: SyncGroup) -> Group:
        group = self._groups.get(settings.name)
        if group is None:
            return Group(settings, self._engine, self._reconsider, self._split)
        group.settings = settings
        return group

    def join(self, member: Member) -> None:
        """A virtual router that is to start; nothing happens to one that is in no group."""
        if (group := self._of.get(member.name)) is not None:
            group.join(member)

    def mend(self, now_ns: int) -> None:
        """Have no group be in two parts for long. To be called about once a second; the caller settles."""
        for group in list(self._split):
            group.mend(now_ns)

    @staticmethod
    def leave(member: Member) -> None:
        """A virtual router that has stopped, or goes on alone."""
        if member.group is not None:
            member.group.leave(member)
