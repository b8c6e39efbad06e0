"""Policy of one virtual router: what its link, its trackers and its transitions mean.

A VirtualRouter stands between the engine, which speaks the protocol, and the kernel side, which carries its
addresses. It owns no socket and no timer of the protocol.
"""

import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence, Set
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from vrrpd_fast import explain
from vrrpd_fast.engine import wire
from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.engine.membership import Memberships
from vrrpd_fast.groups import Group
from vrrpd_fast.model import (
    JSON,
    NS_PER_S,
    Complaint,
    Instance,
    Reason,
    State,
    Transition,
    VirtualAddress,
)
from vrrpd_fast.net.links import Link
from vrrpd_fast.net.routing import PreparedRouting
from vrrpd_fast.net.sources import source_towards
from vrrpd_fast.net.vips import PreparedAddresses
from vrrpd_fast.story import Story
from vrrpd_fast.track.priority import Fault, effective
from vrrpd_fast.track.readings import Find, Reading, explained, readings

log = logging.getLogger(__name__)

# Stands in for the index of an interface that does not exist: each virtual router on one has its own key.
_nowhere = itertools.count(0x8000_0000)
# Most virtual routers have none of it, and share this.
_NO_ROUTING = PreparedRouting((), (), lambda device: None, lambda device: None)
Record = Callable[..., None]  # Recorder.note
ANYWHERE = 0  # the engine's index for a virtual router without an interface


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a virtual router needs of the rest of the daemon; all of them share one."""

    engine: Engine
    memberships: Memberships
    find_tracked: Find
    link: Callable[[str], Link | None]
    claim: Callable[["VirtualRouter"], None]  # its addresses should be there, or should go
    is_native: Callable[[VirtualAddress], bool]  # on its interface, and not our doing
    waits: Callable[[], str | None]  # why nobody may take part yet (start.py)
    tell_priority: Callable[["VirtualRouter"], None]  # its effective priority has changed
    record: Record
    tell_changed: Callable[["VirtualRouter"], None]  # its card (below) may say something else now
    vrf_table: Callable[[str], int | None]
    is_here: Callable[[IPv4Address | IPv6Address], bool]  # whether an address is on any interface


class VirtualRouter:
    """One vrrp_instance at work."""

    # Thousands of them: a dictionary for each would take three times the memory.
    __slots__ = (
        *("_around", "_deaf", "_fault", "_ifindex", "_last_event", "_last_fault", "_listening", "_priority"),
        *("_serial", "_source", "_then", "addresses", "generation", "group", "handle", "instance"),
        *("is_waiting", "last_transition", "name", "ordered", "own_fault", "routing", "state", "story"),
        "yields_until",
    )

    def __init__(self, instance: Instance, around: Surroundings) -> None:
        self.instance = instance
        self.name = instance.name  # which no reload changes
        self.ordered: int | None = None  # the operator's in place of the configured priority
        self.yields_until: float | None = None  # see yield_until
        self.story: Story | None = None  # of the last transition
        self.state = State.INIT
        self._last_event: Transition | None = None
        self._last_fault = ""
        self.last_transition = time.time()  # seconds since 1970
        self.generation = 0  # grows with every transition: what was planned in an older one is void
        self._around = around
        self._priority = instance.priority
        self._source: IPv4Address | IPv6Address | None = None
        # Our priority and address at the last transition.
        self._then: tuple[int, IPv4Address | IPv6Address | None] = (instance.priority, None)
        self._ifindex: int | None = None  # where the engine has us; None when the interface does not exist
        self._serial = 0  # of the link there: another may come with the same index
        self._listening: int | None = None  # where we are in the multicast group
        self._deaf = ""  # why we are not, although we should
        self._fault: tuple[Reason, str] | None = None
        self.own_fault: tuple[Reason, str] | None = None  # without those of its sync group
        self.is_waiting = False  # for the first result of a tracker of its own
        self.group: Group | None = None
        self.handle = around.engine.add(
            ifindex=next(_nowhere),
            family=instance.family,
            vrid=instance.virtual_router_id,
            version=instance.version,
            **_settings(instance),
        )
        self.addresses = self._prepare(set())
        self.routing = self.prepare_routing(instance)

    @property
    def is_master(self) -> bool:
        return self.state is State.MASTER

    @property
    def priority(self) -> int:
        """Effective priority: the configured one and what trackers add."""
        return self._priority

    @property
    def statistics(self) -> dict[str, int]:
        """Its counters (docs/STATUS.md)."""
        return self._around.engine.snapshot(self.handle).statistics

    @property
    def learned_interval(self) -> float:
        """Seconds between the adverts of the master it follows."""
        return self._around.engine.snapshot(self.handle).master_interval_cs / 100

    @property
    def patience_ns(self) -> int:
        """How long at most it hears no master, as a BACKUP, before it would be one.

        The skew is less than an interval (RFC 9568 6.1), in version 2 than a second (RFC 3768 6.1).
        """
        adverts = self.instance.down_timer_adverts + 1
        return round((adverts * self.learned_interval + 1.0) * NS_PER_S)

    @property
    def base(self) -> int:
        """Priority without trackers: as configured, unless the operator has set another."""
        return self.instance.priority if self.ordered is None else self.ordered

    @property
    def failover(self) -> str | None:
        """Id of the last transition."""
        return None if self.story is None else self.story.id

    @property
    def source(self) -> IPv4Address | IPv6Address | None:
        """The address our adverts come from; None when there is none."""
        return self._source

    # -- what happens to it -------------------------------------------------------------------------------

    def evaluate(self, now_ns: int) -> None:
        """Look at link and trackers again: start, stop, or send another priority. The caller settles."""
        if self._follow_link():
            self._equip()
        priority = self._effective()
        if priority != self._priority:
            sum_ = self.sum
            self._log(logging.INFO, "priority", "priority %d -> %d (%s)", self._priority, priority, sum_)
            self._around.record("priority", instance=self.name, old=self._priority, new=priority, sum=sum_)
            self._priority = priority
            self._around.engine.set_priority(self.handle, priority, now_ns)
            self._around.tell_priority(self)
        fault = self._find_common_fault()
        was_faulty = self._fault is not None or self.state is State.FAULT
        if fault is not None and self.state is State.FAULT and fault != self._fault:
            self._last_fault = fault[1]
            self._log(logging.WARNING, "fault", "still FAULT: %s", fault[1])
        self._fault = fault
        if fault is not None:
            self._around.engine.stop(self.handle, now_ns, State.FAULT, fault[0])
        elif self._why_waiting() is None:
            self._around.engine.start(self.handle, now_ns, Reason.RECOVERED if was_faulty else Reason.STARTUP)
        self._around.tell_changed(self)

    def detach(self) -> None:
        """Let go of an interface that went or has another index, before another router comes there."""
        link = self._around.link(self.instance.interface)
        if self._ifindex in (None, ANYWHERE) or (link is not None and link.serial == self._serial):
            return
        self._listen(None)
        self._ifindex = None
        self._around.engine.move(self.handle, next(_nowhere), self._packed_source())

    def link_changed(self, device: str, now_ns: int) -> None:
        """A device of ours came, went or changed."""
        self.addresses.retarget(device, self._index_of(device))
        self.routing.retarget(device)
        self.evaluate(now_ns)

    def on_transition(self, event: Transition, story: Story) -> None:
        """The engine reports a change of state, in order; `story` takes note of what is done for it."""
        self.story = story
        self.state = event.new
        self.generation += 1
        self._last_event = event
        self._then = (self._priority, self._source)
        self.last_transition = time.time() - (self._around.engine.now_ns() - event.at_ns) / NS_PER_S
        if event.new is State.FAULT and self._fault is not None:
            self._last_fault = self._fault[1]
        if event.new is State.MASTER or (event.old is State.MASTER and event.new is not State.INIT):
            self._around.claim(self)  # who released has withdrawn its addresses before
        self._around.tell_changed(self)

    def tell(self, event: Transition, story: Story) -> str:
        """Log a transition, and return its reason; nothing that moves traffic waits for this."""
        level = logging.WARNING if event.new is State.FAULT else logging.INFO
        reason = self._explain(event)
        text = "%s -> %s: %s"
        self._log(level, "transition", text, event.old.name, event.new.name, reason, failover=story.id)
        return reason

    @property
    def reason(self) -> str:
        """Why it is in its state, or what it waits for."""
        is_free = self._fault is None and self.state in (State.INIT, State.FAULT)
        if is_free and (why := self._why_waiting()) is not None:
            return why
        return "not started" if self._last_event is None else self._explain(self._last_event)

    def _why_waiting(self) -> str | None:
        """What it waits for before it takes part, although nothing is wrong."""
        if (why := self._around.waits()) is not None:
            return why
        if (awaited := self._awaited()) is not None:
            return f"waits for the first result of {awaited}"
        if self.group is not None and (other := self.group.waits_for(self.name)) is not None:
            return f"waits for {other} of vrrp_sync_group {self.group.name}"
        return None

    def _explain(self, event: Transition) -> str:
        if event.new is State.FAULT and self._last_fault:
            return self._last_fault
        return explain.transition(event, self.instance, *self._then)

    def on_complaint(self, what: Complaint, source: IPv4Address | IPv6Address | None) -> None:
        text = explain.complaint(what, source)
        self._log(logging.WARNING, "complaint", "%s", text)
        who = None if source is None else str(source)
        self._around.record(
            "complaint", instance=self.name, what=what.name.lower(), text=text, **{"from": who}
        )

    def _log(self, level: int, event: str, text: str, *args: object, failover: str | None = None) -> None:
        extra = {"instance": self.name, "event": event}
        if failover is not None:
            extra["failover"] = failover
        log.log(level, "instance %s: " + text, self.name, *args, extra=extra, stacklevel=2)

    def order(self, priority: int | None, now_ns: int) -> None:
        """Another base priority by the operator; None: the configured one. The caller settles."""
        self.ordered = priority
        self.evaluate(now_ns)
        self._around.tell_changed(self)

    def yield_until(self, until: float | None) -> None:
        """The operator has it resign until then (seconds since 1970, math.inf); None: no more."""
        self.yields_until = until
        self._around.engine.yield_to_all(self.handle, until is not None)
        self._around.tell_changed(self)

    def reconfigure(self, instance: Instance, now_ns: int, routing: PreparedRouting | None = None) -> None:
        """Other settings under the same identity (see `identity`); the state stays.

        `routing` is what prepare_routing has made for it, unless that is to be done here.
        """
        if instance.priority != self.instance.priority:
            self.ordered = None  # the file has the last word
        self.instance = instance
        self._priority = self._effective()
        self._around.engine.change(self.handle, now_ns, **{**_settings(instance), "priority": self._priority})
        self._follow_link()
        self.addresses = self._prepare({prepared.address for prepared in self.addresses.additions})
        self.routing = self.prepare_routing(instance, self.routing) if routing is None else routing
        self._equip()
        self.evaluate(now_ns)

    def release(self, now_ns: int, reason: Reason = Reason.SHUTDOWN) -> None:
        """Give up mastership, if held (priority 0), and stop; the caller has withdrawn the addresses."""
        self._around.engine.stop(self.handle, now_ns, State.INIT, reason)

    def close(self) -> None:
        """Leave the engine and the multicast group for good."""
        self._around.engine.remove(self.handle)
        self._listen(None)

    # -- link ---------------------------------------------------------------------------------------------

    def _prepare(self, ours: Set[VirtualAddress]) -> PreparedAddresses:
        """The addresses we add and remove. An owner's that are on the interface without us are left alone.

        `ours` are known to be our doing; a kernel before 5.18 cannot tell.
        """
        instance = self.instance
        carried = [
            virtual
            for virtual in instance.all_addresses
            if virtual in ours or not (instance.is_owner and self._around.is_native(virtual))
        ]
        return PreparedAddresses(carried, self._index_of)

    def prepare_routing(self, instance: Instance, former: PreparedRouting | None = None) -> PreparedRouting:
        """Routes and rules as this virtual router, or a new instance of it, has them."""
        if not (instance.routes or instance.rules):
            return _NO_ROUTING
        return PreparedRouting(
            instance.routes, instance.rules, self._index_of, self._around.vrf_table, former
        )

    def _index_of(self, device: str) -> int | None:
        link = self._around.link(device)
        return None if link is None else link.index

    def _follow_link(self) -> bool:
        """Where is our interface, and which source address have we there? Whether that has changed."""
        if self.instance.interface:
            link = self._around.link(self.instance.interface)
            source = self._find_source(link)
            ifindex = None if link is None else link.index
            self._serial = 0 if link is None else link.serial
        else:  # unicast by the kernel's routes
            source, ifindex = self._route_source(), ANYWHERE
        self._listen(ifindex)
        if (ifindex, source) == (self._ifindex, self._source):
            return False
        self._ifindex = ifindex
        self._source = source
        self._around.engine.move(
            self.handle, next(_nowhere) if ifindex is None else ifindex, self._packed_source()
        )
        return True

    def _route_source(self) -> IPv4Address | IPv6Address | None:
        """Without an interface: as configured, else what the routes to the first peer say."""
        instance = self.instance
        if instance.source_ip is not None or not instance.unicast_peers:
            return instance.source_ip
        return source_towards(instance.unicast_peers[0].address)

    def _packed_source(self) -> bytes:
        if self._source is None:
            return bytes(4 if self.instance.family == 4 else 16)
        return self._source.packed

    def _find_source(self, link: Link | None) -> IPv4Address | IPv6Address | None:
        instance = self.instance
        if link is None:
            return None
        if instance.source_ip is not None:
            return instance.source_ip
        packed = link.ipv4 if instance.family == 4 else link.ipv6
        if packed is None:
            return None
        return IPv4Address(packed) if instance.family == 4 else IPv6Address(packed)

    def _listen(self, ifindex: int | None) -> None:
        """Be in the multicast group on this interface and no other."""
        if self.instance.is_unicast or ifindex == self._listening:
            return
        if self._listening is not None:
            self._around.memberships.leave(self._listening, self.instance.group)
            self._listening = None
        self._deaf = ""
        if ifindex is None:
            return
        try:
            self._around.memberships.join(ifindex, self.instance.group)
        except OSError as error:  # gone already, or without IPv6: tried again at the next evaluation
            self._deaf = f"cannot listen on interface {self.instance.interface}: {error.strerror}"
        else:
            self._listening = ifindex

    def _equip(self) -> None:
        """Pack the adverts anew: source, destinations or contents have changed."""
        instance = self.instance
        destinations: Sequence[IPv4Address | IPv6Address] = (instance.group,)
        if instance.is_unicast:
            destinations = [peer.address for peer in instance.unicast_peers]
        if self._source is None or not destinations:
            return
        self._around.engine.equip(
            self.handle,
            [
                wire.pack_advert(
                    family=instance.family,
                    version=instance.version,
                    vrid=instance.virtual_router_id,
                    priority=self._priority,
                    interval_cs=instance.advert_int_cs,
                    addresses=[virtual.address.packed for virtual in instance.virtual_addresses],
                    source=self._source.packed,
                    destination=destination.packed,
                    checksum=instance.checksum,
                    ttl=instance.unicast_ttl if instance.is_unicast else 255,
                    auth_pass=instance.auth_pass,
                )
                for destination in destinations
            ],
        )

    # -- trackers -----------------------------------------------------------------------------------------

    def _readings(self) -> Iterator[Reading]:
        return readings(self.instance, self._around.find_tracked)

    def _effective(self) -> int:
        return effective(self.base, (reading.part for reading in self._readings()))

    @property
    def sum(self) -> str:
        """How its priority comes about."""
        owner = "base" if self.ordered is None else "by the operator"
        return explained(self.base, self._readings(), owner)

    def _awaited(self) -> str | None:
        """The first tracker that must have a result before we take part."""
        return next((one.title for one in self._readings() if one.part is Fault.UNKNOWN), None)

    def _find_common_fault(self) -> tuple[Reason, str] | None:
        """What keeps it from taking part: its own fault, or one of its sync group."""
        before = self.own_fault, self.is_waiting
        self.own_fault = self._find_fault()
        self.is_waiting = self._awaited() is not None
        if self.group is None:
            return self.own_fault
        if (self.own_fault, self.is_waiting) != before:
            self.group.member_changed(self.name)
        return self.own_fault or self.group.fault_of_others(self.name)

    def _find_fault(self) -> tuple[Reason, str] | None:
        """What keeps us from taking part, the most basic cause first."""
        instance = self.instance
        link = self._around.link(instance.interface)
        if link is None and instance.interface:
            return Reason.INTERFACE_GONE, f"interface {instance.interface} does not exist"
        if link is not None and not link.up and not instance.dont_track_primary:
            return Reason.INTERFACE_DOWN, f"interface {instance.interface} is down"
        if instance.is_unicast and not instance.unicast_peers:
            return Reason.NO_PEERS, "it is unicast (unicast_fault_no_peer) and has no unicast_peer"
        if self._source is None and not instance.interface:
            return Reason.NO_ADDRESS, f"no route leads to {instance.unicast_peers[0].address}"
        if self._source is None:
            kind = "IPv4 address" if instance.family == 4 else "usable IPv6 link-local address"
            return Reason.NO_ADDRESS, f"interface {instance.interface} has no {kind} of its own"
        wanted = instance.source_ip if instance.track_src_ip else None
        if wanted is not None and not (self._around.is_here if link is None else link.has)(wanted):
            where = f"interface {instance.interface}" if instance.interface else "any interface"
            return Reason.NO_ADDRESS, f"the source address {wanted} is not on {where}"
        if self._deaf:
            return Reason.INTERFACE_DOWN, self._deaf
        for reading in self._readings():
            if reading.part is Fault.DOWN:
                return reading.fault
        return None

    # -- status -------------------------------------------------------------------------------------------

    def status(self) -> JSON:
        """One entry of `instances` in the status contract; intervals in seconds."""
        snapshot = self._around.engine.snapshot(self.handle)
        master_address: str | None
        if self.is_master:
            master_address, master_priority = str(self._source), self._priority
        else:
            master_address = None if snapshot.master_address is None else str(snapshot.master_address)
            master_priority = snapshot.master_priority
        return {
            **self._facts(),
            "state": self.state.name,
            "effective_priority": self._priority,
            "master_advert_int": snapshot.master_interval_cs / 100,
            "master_address": master_address,
            "master_priority": master_priority,
            "tracking": [reading.status() for reading in self._readings()],
            "statistics": snapshot.statistics,
        }

    def card(self) -> JSON:
        """The same for the stats segment (docs/SEGMENT.md), without what the engine writes there itself."""
        return {
            **self._facts(),
            "tracking": [reading.card() for reading in self._readings()],
            "group": None if self.group is None else self.group.name,
            "failover": self.failover,
            "flaps": self.generation,
        }

    def _orders(self) -> JSON | None:
        """What the operator has ordered and is still so."""
        if self.ordered is None and self.yields_until is None:
            return None
        until = self.yields_until
        return {
            "priority": self.ordered,
            "yields": until is not None,
            "until": None if until is None or until == math.inf else round(until, 3),
        }

    def _facts(self) -> JSON:
        """An entry of the status contract with what is not known to the engine; the rest is None."""
        instance = self.instance
        return {
            "name": instance.name,
            "interface": instance.interface,
            "address_family": f"ipv{int(instance.family)}",
            "virtual_router_id": instance.virtual_router_id,
            "version": instance.version,
            "state": None,
            "priority": instance.priority,
            "effective_priority": None,
            "priority_sum": self.sum,
            "preempt": instance.preempt,
            "preempt_delay": instance.preempt_delay,
            "operator": self._orders(),
            "advert_int": instance.advert_int_cs / 100,
            "master_advert_int": None,
            "master_address": None,
            "master_priority": None,
            "last_transition": round(self.last_transition, 6),
            "reason": self.reason,
            "virtual_addresses": [str(virtual) for virtual in instance.all_addresses],
            "tracking": None,
            "statistics": None,
        }


def identity(instance: Instance) -> tuple[object, ...]:
    """What makes it another virtual router when it changes: the new one starts over."""
    return (
        instance.name,
        instance.interface,
        instance.family,
        instance.virtual_router_id,
        instance.version,
        instance.group,
        instance.is_unicast,
    )


def _settings(instance: Instance) -> JSON:
    """What the engine may be told anew while the virtual router lives."""
    return {
        "priority": instance.priority,
        "advert_int_cs": instance.advert_int_cs,
        "addresses": [virtual.address.packed for virtual in instance.virtual_addresses],
        "preempt": instance.preempt,
        "preempt_delay_ns": round(instance.preempt_delay * NS_PER_S),
        "down_timer_adverts": instance.down_timer_adverts,
        "answer_losing": not instance.lower_prio_no_advert,
        "check_addresses": instance.check_addresses,
        "skip_check_adv_addr": instance.skip_check_adv_addr,
        "strict": instance.strict,
        "higher_prio_send_advert": instance.higher_prio_send_advert,
        "owner_ignore_adverts": instance.owner_ignore_adverts,
        "auth_pass": instance.auth_pass,
        "is_unicast": instance.is_unicast,
        "peers": [peer.address.packed for peer in instance.unicast_peers],
        "peer_ttls": [(peer.min_ttl, peer.max_ttl) for peer in instance.unicast_peers],
        "check_unicast_src": instance.check_unicast_src,
        "group": instance.group.packed,
    }
