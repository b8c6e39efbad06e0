"""Where events go: into the FIFOs, and to the scripts of the virtual router they concern."""

import asyncio
import logging
import operator
import time
from collections.abc import Coroutine
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from ..model import JSON, Command, Config, Instance, Notify, State, SyncGroup
from ..spawn.command import Identity, resolve_user
from ..spawn.spawn import Spawner
from ..story import Story
from .channel import Channel
from .events import Event, Kind, Word, scripts
from .scripts import Job, ScriptQueue

log = logging.getLogger(__name__)

STOP_LIMIT = 5.0  # seconds that the scripts of a stop have; keepalived's child_wait_time
STATE_WORDS = {State.MASTER: Word.MASTER, State.BACKUP: Word.BACKUP, State.FAULT: Word.FAULT}
_COMMANDS = operator.attrgetter(
    "master", "backup", "fault", "stop", "deleted", "every", "master_rx_lower_pri"
)


def needs_programs(config: Config) -> bool:
    """Whether anything in a configuration is run for an event."""
    fifos = (config.notify_fifo, config.vrrp_notify_fifo)
    if any(fifo is not None and fifo.script is not None for fifo in fifos):
        return True
    looked_at: Notify | None = None
    notifies = [each.notify for each in config.instances.values()]
    for notify in [*notifies, *(each.notify for each in config.sync_groups.values())]:
        if notify is not looked_at:  # thousands share one that says nothing
            looked_at = notify
            if any(_COMMANDS(notify)):
                return True
    return False


class Notifier:
    """One per daemon. It waits for nobody: what is not taken at once is queued, in bounded memory."""

    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        self._channels: dict[str, Channel] = {}  # by path
        self._identities: dict[tuple[str | None, str | None], Identity | None] = {}
        self._scripts = ScriptQueue(spawner, self._identity)
        self._ending: set[asyncio.Task[None]] = set()
        self._number = 0

    # -- configuration ------------------------------------------------------------------------------------

    def prepare(self, config: Config) -> dict[str, Channel]:
        """Open what is new in a configuration, for `use`; OSError or ValueError, and all is as it was."""
        fresh: dict[str, Channel] = {}
        try:
            for given in (config.notify_fifo, config.vrrp_notify_fifo):
                if given is None:
                    continue
                known = self._channels.get(given.path)
                if known is not None and known.is_in_place:
                    known.prepare(given)
                else:
                    fresh[given.path] = Channel(self._spawner, given, config.process.umask)
        except (OSError, ValueError):
            for channel in fresh.values():
                channel.abandon()
            raise
        return fresh

    def use(self, config: Config, fresh: dict[str, Channel]) -> None:
        """Take what `prepare` made. A FIFO that stays is not closed: its readers see no end of file."""
        self._identities.clear()
        wanted = {fifo.path: fifo for fifo in (config.notify_fifo, config.vrrp_notify_fifo) if fifo}
        for path in [path for path in self._channels if path not in wanted or path in fresh]:
            self._finish(self._channels.pop(path).end())
        for path, given in wanted.items():
            channel = self._channels[path] = fresh[path] if path in fresh else self._channels[path]
            former = channel.use(given)
            if former is not None:
                self._finish(former.stop(0))

    def _finish(self, work: Coroutine[None, None, None]) -> None:
        task = self._spawner.loop.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _identity(self, command: Command) -> Identity | None:
        key = (command.user, command.group)
        if key not in self._identities:
            self._identities[key] = resolve_user(*key)
        return self._identities[key]

    # -- events -------------------------------------------------------------------------------------------

    def tell(
        self,
        instance: Instance,
        word: Word,
        priority: int,
        *,
        old: State,
        at: float | None = None,
        reason: str = "",
        master_address: IPv4Address | IPv6Address | None = None,
        master_priority: int = 0,
        story: Story | None = None,
    ) -> None:
        """Something happened to a virtual router, `at` seconds since 1970 (None: now)."""
        self._send(
            self._event(
                instance,
                word,
                priority,
                old=old,
                at=time.time() if at is None else at,
                reason=reason,
                master_address=master_address,
                master_priority=master_priority,
                story=story,
            )
        )

    def removed(self, instance: Instance, priority: int, state: State) -> None:
        """A virtual router is no longer configured; `state` is what it was in."""
        if instance.notify.tells_deleted:
            word = Word.DELETED
        elif state is State.FAULT:
            return  # it has been told
        else:
            word = Word.FAULT
        self._send(
            self._event(
                instance, word, priority, old=state, at=time.time(), reason="removed", is_removal=True
            )
        )

    def repeat(self, instance: Instance, priority: int, state: State) -> None:
        """Write into the FIFOs what is so already (fifo_write_vrrp_states_on_reload)."""
        if state in STATE_WORDS:
            self._write(
                self._event(
                    instance, STATE_WORDS[state], priority, old=state, at=time.time(), reason="reload"
                )
            )

    def tell_group(self, group: SyncGroup, word: Word, state: State, failover: str = "") -> None:
        """All members of a sync group have a state now, or the daemon ends."""
        event = self._group_event(group, word, state, failover)
        self._write(event)
        self._run(group.notify, event)

    def repeat_group(self, group: SyncGroup, state: State) -> None:
        """Write into the FIFOs what all members are in already (fifo_write_vrrp_states_on_reload)."""
        if state in STATE_WORDS:
            self._write(self._group_event(group, STATE_WORDS[state], state))

    def _group_event(self, group: SyncGroup, word: Word, state: State, failover: str = "") -> Event:
        """Its priority is always 0."""
        self._number += 1
        return Event(
            kind=Kind.GROUP,
            name=group.name,
            word=word,
            priority=0,
            number=self._number,
            at=time.time(),
            old=state,
            failover=failover,
        )

    def _event(self, instance: Instance, word: Word, priority: int, **facts: Any) -> Event:
        self._number += 1
        return Event(
            name=instance.name, instance=instance, word=word, priority=priority, number=self._number, **facts
        )

    def _send(self, event: Event) -> None:
        self._write(event)
        assert event.instance is not None
        self._run(event.instance.notify, event)

    def _run(self, notify: Notify, event: Event) -> None:
        for word, command, more in scripts(notify, event):
            self._scripts.add(Job(word, command, more, event))

    def _write(self, event: Event) -> None:
        if self._channels:
            line = event.line
            for channel in self._channels.values():
                channel.write(line)
            if event.story is not None:
                event.story.note("fifo", line=line.decode(errors="replace").rstrip())

    # -- the end, and status ------------------------------------------------------------------------------

    async def close(self) -> None:
        """Let scripts run and readers read what there is, within a few seconds; then close everything."""
        ends = [self._spawner.loop.create_task(channel.end()) for channel in self._channels.values()]
        left = await self._scripts.drain(STOP_LIMIT)
        if left:
            log.warning("%d notify scripts have not ended within %g s and are given up", left, STOP_LIMIT)
        self._scripts.close()
        self._channels.clear()
        await asyncio.gather(*ends, *self._ending)

    def status(self) -> JSON:
        """What the status contract has under `notify`."""
        return {
            "scripts": self._scripts.describe(),
            "fifos": [channel.describe() for channel in self._channels.values()],
        }
