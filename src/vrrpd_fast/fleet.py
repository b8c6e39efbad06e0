"""All virtual routers of the process, and what moves them: the engine, links, trackers, a new configuration.

Whatever concerns many virtual routers at once (a script all of them track, a switch that takes a hundred
links down) is served in slices, one per turn of the loop, so that adverts go out between them.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

import vrrpd_fast
from vrrpd_fast import explain
from vrrpd_fast.carry.announcements import Announcements
from vrrpd_fast.carry.claims import Claims
from vrrpd_fast.carry.guard import Guard
from vrrpd_fast.carry.promote import Promoter
from vrrpd_fast.debounce import Debounce
from vrrpd_fast.dump.dumper import Dumper
from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.engine.membership import Memberships
from vrrpd_fast.engine.sockets import Sockets, receive_bytes
from vrrpd_fast.engine.steady import SteadyFilter
from vrrpd_fast.groups import Groups
from vrrpd_fast.holds import Holds
from vrrpd_fast.interests import ANY_DEVICE, Interests
from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import (
    JSON,
    Complaint,
    Config,
    Instance,
    Reason,
    State,
    TrackKind,
    Transition,
    VirtualAddress,
)
from vrrpd_fast.net.carried import Carried
from vrrpd_fast.net.firewall import Shield
from vrrpd_fast.net.frames import FrameSender
from vrrpd_fast.net.links import LinkMonitor
from vrrpd_fast.net.messages import tagged_addresses
from vrrpd_fast.net.netlink import MESSAGES_PER_SEND, Netlink
from vrrpd_fast.net.routing import PreparedRouting
from vrrpd_fast.net.vips import Prepared
from vrrpd_fast.net.vrf import vrf_table
from vrrpd_fast.notify.notifier import Notifier, needs_programs
from vrrpd_fast.orders import Orders
from vrrpd_fast.recorder.recorder import Recorder
from vrrpd_fast.recorder.watched import Watched
from vrrpd_fast.router import Surroundings, VirtualRouter, identity
from vrrpd_fast.segment.writer import SegmentWriter
from vrrpd_fast.spawn.spawn import Spawner
from vrrpd_fast.start import Start
from vrrpd_fast.story import Story
from vrrpd_fast.tellings import Tellings
from vrrpd_fast.track.watch import Watch

log = logging.getLogger(__name__)

FILTER_SLOTS = 64  # to begin with; both grow with the configuration
FILTER_ROOM = 64  # bytes of an advert
TRANSITIONS_PER_SLICE = 64  # twice what a slice of claims sends, so that it never waits for more
APPLY_SLICE_NS = 500_000  # of a new configuration at a time
START_SLICE_NS = 5_000_000  # of the first one
LOOK_SECONDS = 1.0
ROUTERS_PER_SLICE = 16
ROUTES_PER_SLICE = 32


class Summary(Struct, frozen=True):
    """What a new configuration changed: names of virtual routers."""

    added: list[str]
    removed: list[str]
    restarted: list[str]
    changed: list[str]
    unchanged: int
    failed: dict[str, str] = {}  # those that do not run now, with what the kernel said

    def __str__(self) -> str:
        parts = [
            f"{len(names)} {word}"
            for word, names in (
                ("added", self.added),
                ("removed", self.removed),
                ("restarted", self.restarted),
                ("changed", self.changed),
                ("failed", list(self.failed)),
            )
            if names
        ]
        return ", ".join([*parts, f"{self.unchanged} unchanged"])

    def some(self, count: int) -> JSON:
        """At most so many names of each kind."""
        return {
            "added": self.added[:count],
            "removed": self.removed[:count],
            "restarted": self.restarted[:count],
            "changed": self.changed[:count],
            "failed": dict(list(self.failed.items())[:count]),
        }


class Fleet:
    """Opens every socket of the data plane and the kernel side; OSError when that is not allowed.

    Observers find a stats segment beside `socket_path`; `started_ns` is what they are told of our start.
    `on_late(late_ns)` is told when a tick came late because this process did not run.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        kernel_filter: bool = True,
        socket_path: str | None = None,
        started_ns: int = 0,
        on_late: Callable[[int], None] = lambda late_ns: None,
    ) -> None:
        self.routers: dict[str, VirtualRouter] = {}
        self._loop = loop
        self._on_late = on_late
        self._by_handle: dict[int, VirtualRouter] = {}
        self._interests = Interests()
        self._work: deque[tuple[str, str | None]] = deque()  # (virtual router, device that changed or None)
        self._turn: asyncio.Handle | None = None
        self._draining = False
        self._has_applied = False
        self._is_applying = False
        self._holds = Holds()
        self._is_polling = False
        self._is_releasing = False
        self._is_closing = False
        self._losses: dict[str, int] = {}
        self._last_stories: dict[str, Story] = {}  # of those that are being released
        self._latest = (0, "")  # the latest tick since _look_after looked, and why
        self._told_filter = False
        self._look: asyncio.TimerHandle | None = None
        self._tagged: set[tuple[int, bytes, int]] = set()
        self._limit = RateLimit(10, 10.0)

        self._sockets = Sockets()
        receive6, unicast6 = self._sockets.receive6, self._sockets.unicast6
        self.engine = Engine(
            self._on_engine,
            receive4=self._sockets.receive4.fileno(),
            receive6=-1 if receive6 is None else receive6.fileno(),
            packet=self._sockets.packet.fileno(),
            unicast4=self._sockets.unicast4.fileno(),
            unicast6=-1 if unicast6 is None else unicast6.fileno(),
            steady=self._load_filter() if kernel_filter else None,
        )
        self._groups = Groups(self.engine, self._reconsider)
        self._memberships = Memberships()
        self._netlink = Netlink()
        self._bulk = Netlink()
        self._frames = FrameSender()
        self._spawner = Spawner(loop)
        self.notifier = Notifier(self._spawner)
        self.links = LinkMonitor(
            loop,
            {self._netlink.port_id, self._bulk.port_id},
            self._interests.is_virtual,
            self._on_links,
            self._on_address_lost,
            is_watched=self._interests.is_source,
        )
        self._debounce = Debounce(loop, self.links.get, self._on_seen)
        self._watch = Watch(loop, self._spawner, self._debounce.get, self._on_tracked)
        self._start = Start(loop, self._begin)
        self._shield = Shield()
        self._promoter = Promoter()
        self._announcements = Announcements(loop, self._frames, self.links.get, self._holds)
        self._claims = Claims(
            loop,
            self._netlink,
            self._bulk,
            self._shield,
            self._announcements,
            self.links.get,
            self.links.removed,
            self._holds,
        )
        self.recorder = Recorder(
            loop,
            lambda: self._is_moving() or self._tellings.are_waiting,
            self._holds,
            self.engine.note_takeover,
        )
        self._tellings = Tellings(loop, self.notifier, self._is_moving, self._holds, self.recorder)
        self._segment = SegmentWriter(
            loop, self.engine, socket_path, started_ns, self._is_occupied, self._holds
        )
        self._version = vrrpd_fast.__version__  # to find it takes longer than a loop may be held
        self._surroundings = Surroundings(
            engine=self.engine,
            memberships=self._memberships,
            find_tracked=self._watch.find,
            link=self._debounce.get,
            claim=self._claims.follow,
            is_native=self._is_native,
            waits=lambda: self._start.reason,
            tell_priority=self._tellings.priority,
            record=self.recorder.note,
            tell_changed=self._segment.changed,
            vrf_table=self._vrf_table,
            is_here=self.links.has,
        )
        self.orders = Orders(loop, self.engine, self.routers, self.recorder)
        self._watched = Watched(self.recorder)
        own_ports = {self._netlink.port_id, self._bulk.port_id}
        self._guard = Guard(loop, own_ports, self._claims, self.routers.get, self.links.get)

    def _load_filter(self) -> SteadyFilter | None:
        """The kernel filter, attached; None, said once, where it is not allowed."""
        try:
            steady = SteadyFilter(FILTER_SLOTS, FILTER_ROOM)
            steady.attach(self._sockets.receive4.fileno())
            if self._sockets.receive6 is not None:
                steady.attach(self._sockets.receive6.fileno())
        except OSError as error:
            log.warning("%s; every advert is received one by one", error.strerror or error)
            return None
        return steady

    def listen(self) -> None:
        """Begin to hear adverts and the timer."""
        self._loop.add_reader(self.engine.timer_fd, self.engine.on_timer)
        self._watch_sockets()
        self._look_after()

    def _watch_sockets(self) -> None:
        self._loop.add_reader(self._sockets.receive4.fileno(), self.engine.on_readable4)
        if self._sockets.receive6 is not None:
            self._loop.add_reader(self._sockets.receive6.fileno(), self.engine.on_readable6)

    def _unwatch_sockets(self) -> None:
        self._loop.remove_reader(self._sockets.receive4.fileno())
        if self._sockets.receive6 is not None:
            self._loop.remove_reader(self._sockets.receive6.fileno())

    def _follow_polling(self) -> None:
        """The engine reads its sockets on the tick while that is cheaper than to be woken by them."""
        is_polling = self.engine.take_polling()
        if is_polling is not self._is_polling:
            self._is_polling = is_polling
            if is_polling:
                self._unwatch_sockets()
            else:
                self._watch_sockets()

    # -- configuration ------------------------------------------------------------------------------------

    async def apply(self, config: Config) -> Summary:
        """Become what `config` says, touching only what differs.

        ValueError or OSError, and nothing is changed, when a script cannot be used as written (unknown user,
        quoting), no process can run them, or a FIFO cannot be opened. A virtual router that the kernel then
        refuses is told of and left out, to be made by the next `apply`; at the start it is an OSError.
        """
        self._is_applying = True
        try:
            summary = await self._become(config)
        finally:
            self._is_applying = False
        self._describe_others(config)
        return summary

    async def _become(self, config: Config) -> Summary:
        is_first = not self._has_applied
        self._has_applied = True
        fresh = self._watch.prepare(config)
        if fresh.scripts or needs_programs(config):
            self._spawner.need()
        self._tagged = set(tagged_addresses(self._netlink))
        fifos = self.notifier.prepare(config)
        self._spawner.umask = config.process.umask
        self._size_buffers(config)
        added, removed, restarted, changed = [], [], [], []
        failed: dict[str, str] = {}
        for name, router in list(self.routers.items()):
            instance = config.instances.get(name)
            if instance is None:
                removed.append(name)
            elif identity(instance) != identity(router.instance):
                restarted.append(name)
        self._announcements.configure(config.pacing)
        self._configure_shield(config)
        self._start.configure(config.process)
        self._groups.configure(config.sync_groups, self.routers)
        self.engine.report_unknown(config.process.log_unknown_vrids)
        self._on_seen(self._debounce.configure(config.interface_delays, config.instances.values()))
        await self._stop([*removed, *restarted], self._tellings.removed)
        self.notifier.use(config, fifos)
        await self._watch.take(config, fresh, self.engine.settle)
        former = set(self.routers)
        # At the start nobody waits who advertises already; everybody waits who does not yet.
        limit_ns = APPLY_SLICE_NS if self.routers else START_SLICE_NS
        slice_ns = self.engine.now_ns()
        for name, instance in config.instances.items():
            try:
                if name not in self.routers:
                    await self._create(instance)
                    if name not in restarted:
                        added.append(name)
                elif instance != self.routers[name].instance:
                    await self._change(self.routers[name], instance)
                    changed.append(name)
                else:
                    continue
            except OSError as error:
                if is_first:
                    raise
                failed[name] = error.strerror or str(error)
                text = "instance %s: does not run any more: %s"
                log.error(text, name, failed[name], extra={"instance": name})
            if self.engine.now_ns() - slice_ns > limit_ns:
                self.engine.settle()
                self._holds.note("configuration", slice_ns)
                await asyncio.sleep(0)
                slice_ns = self.engine.now_ns()
        self.engine.settle()
        await self._stop([name for name in failed if name in self.routers], self._tellings.removed)
        if config.fifo_states_on_reload:
            for group in self._groups:
                if former.issuperset(group.settings.members):
                    self._tellings.repeat_group(group.settings, group.state)
            await self._tellings.repeat([self.routers[name] for name in former if name in self.routers])
        await self._watch.drop(config, self.engine.settle)
        self._shield.settle()
        self._guard.settle()
        self._promoter.settle()
        self.links.reelect()
        if not config.dynamic_interfaces:
            self._tell_missing(added)
        self._watch.start(fresh)
        added, restarted, changed = (
            [name for name in names if name not in failed] for names in (added, restarted, changed)
        )
        unchanged = len(self.routers) - len(added) - len(restarted) - len(changed)
        return Summary(added, removed, restarted, changed, unchanged, failed)

    def _size_buffers(self, config: Config) -> None:
        """Receive buffers as configured; called when that, or what they are for, may have changed."""
        self.links.enlarge(config.process.netlink_buffer or 0)
        instances = config.instances.values()
        self._sockets.resize(receive_bytes(config.process, instances, self._mtu))

    def _mtu(self, interface: str) -> int:
        link = self.links.get(interface)
        return 0 if link is None else link.mtu

    def _configure_shield(self, config: Config) -> None:
        shielded = [instance for instance in config.instances.values() if instance.is_shielded]
        versions = {int(address.family) for each in shielded for address in each.all_addresses}
        try:
            self._shield.configure(config.firewall, versions)
        except OSError as error:
            names = ", ".join(each.name for each in shielded)
            log.error("no_accept is not in force for instance %s: %s", names, error.strerror)

    def _tell_missing(self, names: Iterable[str]) -> None:
        """Without dynamic_interfaces a missing interface is a mistake, though we can wait for it."""
        interfaces = dict.fromkeys(self.routers[name].instance.interface for name in names)
        for interface in filter(None, interfaces):
            if self.links.get(interface) is None:
                count = len(self._interests.of_device(interface))
                log.error(
                    "interface %s does not exist: %s FAULT until it does (dynamic_interfaces: no error)",
                    interface,
                    explain.routers(count),
                )

    async def _create(self, instance: Instance) -> None:
        router = VirtualRouter(instance, self._surroundings)
        await self._prepare(router.routing)
        self._register(instance)
        self.routers[instance.name] = router
        self._by_handle[router.handle] = router
        self._groups.join(router)
        self._claims.clear(router)
        router.evaluate(self.engine.now_ns())

    async def _change(self, router: VirtualRouter, instance: Instance) -> None:
        old = router.instance
        gone: list[Carried] = [*router.routing.without([*instance.routes, *instance.rules])]
        gone += [
            each
            for each in router.addresses.removals
            if each.address not in instance.all_addresses and not self._is_taken(each, router)
        ]
        routing = router.prepare_routing(instance, router.routing)
        await self._prepare(routing)
        await self._claims.remove(router, gone)
        if old.is_shielded and not instance.is_shielded:
            self._claims.unshield(router)
        self._unregister(old)
        self._register(instance)
        router.reconfigure(instance, self.engine.now_ns(), routing)
        if _carried(old) != _carried(instance):
            self._claims.follow(router)
        else:
            self._announcements.reconfigure(router, old.garp)

    async def _prepare(self, routing: PreparedRouting) -> None:
        while routing.prepare(ROUTES_PER_SLICE):
            self.engine.settle()
            await asyncio.sleep(0)

    def _is_taken(self, prepared: Prepared, giver: VirtualRouter) -> bool:
        """Whether another virtual router, MASTER, carries an address that this one gives up."""
        names = self._interests.of_address(prepared.address.address.packed)
        others = (self.routers[name] for name in names if name in self.routers)
        return any(
            other is not giver and other.is_master and other.addresses.covers(*prepared.key)
            for other in others
        )

    async def _stop(self, names: Iterable[str], tell: Callable[[VirtualRouter, State], None]) -> None:
        """Withdraw, then release, a few virtual routers at a time: no address has two owners."""
        leaving = [self.routers.pop(name) for name in names]
        states: list[State] = []
        waiting = iter(leaving)
        began_ns = self.engine.now_ns()
        reason = Reason.SHUTDOWN if self._is_closing else Reason.RECONFIGURED
        self._is_releasing = True
        while slice_ := _until(waiting, MESSAGES_PER_SEND):
            for router in slice_:
                if router.is_master:  # its addresses go before it does
                    self._last_stories[router.name] = router.story = self._new_story(router, began_ns)
            try:
                await self._claims.withdraw(slice_)
            except OSError as error:
                log.error("addresses may be left behind: %s", error.strerror or error)
            for router in slice_:
                states.append(router.state)
                router.release(self.engine.now_ns(), reason)
            self.engine.settle()
            await asyncio.sleep(0)
        self._is_releasing = False
        if leaving:
            took = explain.duration(self.engine.now_ns() - began_ns)
            log.info("%s released in %s", explain.routers(len(leaving)), took)
        while self._drain_slice():
            await asyncio.sleep(0)
        for number, (router, state) in enumerate(zip(leaving, states, strict=True), 1):
            tell(router, state)
            del self._by_handle[router.handle]
            self._groups.leave(router)
            router.close()
            if not self._is_closing:
                self._segment.removed(router)
            self._unregister(router.instance)
            if number % ROUTERS_PER_SLICE == 0:
                await asyncio.sleep(0)

    def _register(self, instance: Instance) -> None:
        self._interests.add(instance)
        self._guard.register(instance)
        self._promoter.register(instance)

    def _unregister(self, instance: Instance) -> None:
        self._interests.remove(instance)
        self._guard.unregister(instance)
        self._promoter.unregister(instance)

    def _vrf_table(self, device: str) -> int | None:
        link = self.links.get(device)
        return None if link is None else vrf_table(self._netlink, link.index)

    def _is_native(self, address: VirtualAddress) -> bool:
        """Whether an address is on its interface, whatever its prefix length, and not put there by us."""
        link = self.links.get(address.dev)
        if link is None:
            return False
        family, packed = int(address.family), address.address.packed
        return any(
            (family, packed, length) in link.addresses and (link.index, packed, length) not in self._tagged
            for length in range(address.address.max_prefixlen + 1)
        )

    # -- what happens -------------------------------------------------------------------------------------

    def _on_engine(self) -> None:
        if not self._draining and not self._is_closing:
            self._draining = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._draining = False
        with self._holds.during("transitions"):
            has_more = self._drain_slice()
        self._follow_polling()
        if (unknown := self.engine.take_unknown()) is not None:
            self._tell_unknown(*unknown)
        late = self.engine.take_late()
        if late is not None:
            self._tell_late(*late)
        if has_more:
            self._on_engine()

    def _tell_late(self, late_ns: int, at_ns: int) -> None:
        step = self._holds.blame(late_ns, at_ns)
        if step is None:
            self._on_late(late_ns)
            why = "this process did not run: stopped, or without a CPU"
        else:
            why = f"loop held by {step}"
        self._limit.log(log, logging.WARNING, "late", "%s late: %s", explain.duration(late_ns), why)
        self._latest = max(self._latest, (late_ns, why))

    def _drain_slice(self) -> bool:
        """Have some transitions made by their virtual routers; whether there may be more."""
        events = self.engine.drain(TRANSITIONS_PER_SLICE)
        for event in events:
            router = self._by_handle[event.handle]
            group = router.group
            story = self._begin_story(router, event)
            router.on_transition(event, story)
            self.orders.follow(router, event)
            if group is not None and group.begin(event):
                self._tellings.group(group.settings, group.state, group.failover)
            self._tellings.transition(router, event, story)
            if group is not None and group.follow(event, self.engine.now_ns()):
                self._tellings.group(group.settings, group.state, group.failover)
            if group is not None:
                self._segment.follow("group", group.name)
        for handle in self.engine.take_ready():
            if (group := self._by_handle[handle].group) is not None:
                group.lead(self.engine.now_ns())
        if self._groups.are_there:
            self.engine.settle()
        for handle in self.engine.take_challenged():
            router = self._by_handle[handle]
            self._announcements.defend(router)
            self._tellings.lower_priority_heard(router)
            rival = self.engine.rival(handle)
            self._watched.challenge(router.name, router.generation, rival, router.priority)
        for handle, what, source in self.engine.take_complaints():
            router = self._by_handle[handle]
            router.on_complaint(what, source)
            if what is Complaint.INTERVAL:
                self._debounce.learn(router.instance, router.learned_interval)
        return len(events) == TRANSITIONS_PER_SLICE

    def _begin_story(self, router: VirtualRouter, event: Transition) -> Story:
        """What takes note of the work for a transition."""
        story = self._last_stories.pop(router.name, None)
        if story is None or event.new is not State.INIT:
            return self._new_story(router, event.at_ns)
        story.at_ns = event.at_ns
        return story

    def _new_story(self, router: VirtualRouter, at_ns: int) -> Story:
        """Members of a sync group share a failover until all have one state again."""
        group = router.group
        if group is None:
            failover = self.recorder.new_id()
        elif not group.is_split or not group.failover:
            failover = group.failover = self.recorder.new_id()
        else:
            failover = group.failover
        return Story(failover, router.name, at_ns)

    def _is_moving(self) -> bool:
        return self._is_releasing or self._claims.is_busy

    def _tell_unknown(self, vrid: int, ifindex: int, source: IPv4Address | IPv6Address) -> None:
        """log_unknown_vrids: once in a while for each."""
        link = self.links.by_index(ifindex)
        self._limit.log(
            log,
            logging.WARNING,
            ("unknown", vrid, ifindex),
            "interface %s: advert from %s for virtual router %d, which nobody has here",
            ifindex if link is None else link.name,
            source,
            vrid,
        )

    def _on_links(self, names: set[str]) -> None:
        self._on_seen(self._debounce.follow(names))

    def _on_seen(self, names: set[str]) -> None:
        for device in (*names, ANY_DEVICE) if names else ():
            concerned = self._interests.of_device(device)
            for name in concerned:
                if name in self.routers:
                    self.routers[name].detach()
                    self._work.append((name, device))
            if concerned and device != ANY_DEVICE:
                self._watched.tracker(self._watch.find(TrackKind.INTERFACE, device).describe(), concerned)
            self._segment.follow("tracker", f"{TrackKind.INTERFACE} {device}")
        self._schedule()

    def _begin(self) -> None:
        """The delay at the start is over: everybody takes part."""
        self._work.extend((name, None) for name in self.routers)
        self._schedule()

    def _reconsider(self, name: str) -> None:
        self._work.append((name, None))
        self._schedule()

    def _on_tracked(self, kind: TrackKind, name: str) -> None:
        concerned = self._interests.of_tracked(kind, name)
        self._work.extend((router, None) for router in concerned)
        self._schedule()
        self._watched.tracker(self._watch.find(kind, name).describe(), concerned)
        self._segment.follow("tracker", f"{kind} {name}")

    def _schedule(self) -> None:
        if self._work and self._turn is None:
            self._turn = self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._turn = None
        with self._holds.during("links and trackers"):
            self._serve_slice()
        self._schedule()

    def _serve_slice(self) -> None:
        now_ns = self.engine.now_ns()
        for _ in range(min(ROUTERS_PER_SLICE, len(self._work))):
            name, device = self._work.popleft()
            router = self.routers.get(name)
            if router is None:
                continue
            if device is None:
                router.evaluate(now_ns)
            else:
                router.link_changed(device, now_ns)
                self._promoter.apply(device)
                if router.is_master:
                    self._claims.complete(router, device)
        self.engine.settle()

    def _on_address_lost(self, ifindex: int, packed: bytes, prefixlen: int) -> None:
        for name in self._interests.of_address(packed):
            router = self.routers.get(name)
            if router is None:
                continue
            prepared = router.addresses.find(ifindex, packed, prefixlen)
            if prepared is not None and prepared.address.is_tracked and router.is_master:
                self._limit.log(
                    log,
                    logging.WARNING,
                    prepared.address,
                    "instance %s: someone removed %s from %s: put back",
                    name,
                    prepared.address,
                    prepared.address.dev,
                    extra={"instance": name},
                )
                self._claims.put_back(router, [prepared])

    # -- the end, and status ------------------------------------------------------------------------------

    async def close(self) -> None:
        """Withdraw every address, release every mastership, close everything."""
        # Until the last goodbye nothing else matters: neither what is told, nor what the kernel says of it.
        self._is_closing = True
        self.links.close()
        self._work.clear()
        await self._stop(list(self.routers), self._tellings.stopped)
        for group in self._groups:
            self._tellings.group_stopped(group.settings, group.state)
        self._watch.stop()
        await self._tellings.flush()
        await self.notifier.close()
        self.orders.close()
        self.recorder.close()
        self._loop.remove_reader(self.engine.timer_fd)
        self._unwatch_sockets()
        if self._look is not None:
            self._look.cancel()
        self._start.close()
        self._debounce.close()
        self._guard.close()
        self._promoter.settle()
        self._claims.close()
        self._shield.close()
        self._announcements.close()
        await self._watch.close()
        await self._spawner.close()
        self._frames.close()
        self._segment.close(self._sockets.drops(), self.links.overruns)
        self._memberships.close()
        self._netlink.close()
        self._bulk.close()
        self._sockets.close()

    async def status(self, names: set[str]) -> list[JSON]:
        """The instances of the status contract, made slice by slice; all of them when `names` is empty."""
        wanted = [router for router in self.routers.values() if not names or router.name in names]
        described: list[JSON] = []
        for first in range(0, len(wanted), ROUTERS_PER_SLICE):
            with self._holds.during("status"):
                # One that was removed since is gone from the engine.
                described += [
                    router.status()
                    for router in wanted[first : first + ROUTERS_PER_SLICE]
                    if self.routers.get(router.name) is router
                ]
            await asyncio.sleep(0)
        return described

    async def publish(self) -> None:
        """Have observers see everything that there is now; until the first time they see an earlier run's."""
        await self._segment.publish(self._sockets.drops(), self.links.overruns)

    def _is_occupied(self) -> bool:
        """Whether something is under way that what is shown to observers must not delay."""
        return self._is_applying or self._is_closing or self._is_moving()

    def _describe_others(self, config: Config) -> None:
        """What observers are shown besides virtual routers."""
        process = {"router_id": config.router_id, "version": self._version}
        self._segment.describe(
            [
                ("process", "", lambda: process),
                ("notify", "", self.notifier.status),
                *(("group", group.name, group.describe) for group in self._groups),
                *(
                    ("tracker", f"{kind} {name}", partial(self._describe_tracked, kind, name))
                    for kind, name in self._interests.tracked
                ),
            ]
        )

    def _describe_tracked(self, kind: TrackKind, name: str) -> JSON:
        return self._watch.find(kind, name).describe()

    def _look_after(self) -> None:
        """Once a second: what the kernel lost or refused is told."""
        health = self.engine.health()
        refusal = os.strerror(health["send_errno"])
        for what, count, text in (
            ("received", self._sockets.drops(), "adverts dropped, a receive buffer was full"),
            ("room", health["send_dropped"], "adverts not sent, no room in the kernel"),
            ("refused", health["send_failed"], f"adverts refused by the kernel ({refusal})"),
            ("transitions", health["events_lost"], "transitions lost, too many waited"),
        ):
            lost, self._losses[what] = count - self._losses.get(what, 0), count
            if lost:
                self._limit.log(log, logging.WARNING, what, "%s: %d", text, lost)
                self.recorder.note("loss", what=what, count=lost, text=text)
        (late_ns, why), self._latest = self._latest, (0, "")
        if late_ns:
            self.recorder.note("late", late_us=late_ns // 1000, text=why)
        if self.engine.filter_loss is not None and not self._told_filter:
            self._told_filter = True
            log.warning("kernel filter given up: %s", self.engine.filter_loss)
        self._look_for_routes()
        self._groups.mend(self.engine.now_ns())
        self.engine.settle()
        self._segment.beat(self._sockets.drops(), self.links.overruns)
        self._look = self._loop.call_later(LOOK_SECONDS, self._look_after)

    def _look_for_routes(self) -> None:
        """A new route is no news of a link: who waits for one, unicast without interface, looks again."""
        for name in self._interests.of_device(ANY_DEVICE):
            router = self.routers.get(name)
            if router is not None and router.state is State.FAULT and not router.instance.interface:
                self._work.append((name, None))
        self._schedule()

    def make_dumper(self, config: Callable[[], Config]) -> Dumper:
        """What makes keepalived's dumps of all this; `config` gives the one in force."""
        return Dumper(
            config,
            lambda: self.routers,
            lambda: [(group.settings, group.state) for group in self._groups],
            self._watch.find,
            self.links.get,
            self._holds,
        )

    def health(self) -> JSON:
        """How the daemon itself does: counters of its whole life, and how late its ticks were."""
        return {
            **self.engine.health(),
            "receive_dropped": self._sockets.drops(),
            "link_overruns": self.links.overruns,
            "lateness_ns": self.engine.lateness_ns(),
        }


def _until(routers: Iterator[VirtualRouter], addresses: int) -> list[VirtualRouter]:
    """The next virtual routers, with about this many addresses together."""
    taken: list[VirtualRouter] = []
    count = 0
    while count < addresses and (router := next(routers, None)) is not None:
        taken.append(router)
        count += max(1, len(router.addresses.removals) + len(router.routing.removals))
    return taken


def _carried(instance: Instance) -> tuple[object, ...]:
    """What is in the kernel while it is MASTER."""
    return set(instance.all_addresses), instance.routes, instance.rules, instance.is_shielded
