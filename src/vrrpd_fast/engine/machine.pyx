"""The VRRP state machine for thousands of virtual routers, sans I/O.

RFC 9568 section 6 for version 3, RFC 3768 section 6 for version 2. Callers bring `now_ns` and packets; what
to send (`due`), the next deadline and transitions (`events`) come out. Nothing here reads a clock or a
socket, and nothing between a packet or timer and its consequences runs Python.

Three rules shape the code:
- Down timers are lazy: an accepted advert only moves `deadline_ns`; the wheel looks again when the old
  deadline comes. Only a deadline that moves forward in time re-arms it.
- A master rides in one of 8 phases of its interval, so that thousands of them cost 8 wake-ups an interval.
- A packet that failed a check touches nothing but its counter. An advert out of turn (to a loser, to a
  priority 0) is sent at most once per eighth of the interval and leaves the phase alone.

Wheel timers: 2 × handle is a down timer, odd ones are phases (phases.pxd).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from vrrpd_fast.engine.checks cimport check
from vrrpd_fast.engine.phases cimport (
    PHASES, phase_t, phases_advance, phases_free, phases_join, phases_leave, phases_of,
)
from vrrpd_fast.engine.places cimport (
    places_add, places_find, places_free, places_init, places_remove, places_taken,
)
from vrrpd_fast.engine.settings cimport Settings, settings_free
from vrrpd_fast.engine.steady cimport (
    steady_absorbed, steady_arm, steady_disarm, steady_equals, steady_last_seen_ns,
)
from vrrpd_fast.engine.virtual_router cimport (
    ADVERTISEMENT_RCVD, ADVERTISEMENT_SENT, COUNTER_LAST, MASTER_TRANSITIONS, NS_PER_CS, NS_PER_S,
    PRIORITY_ZERO_PKTS_RCVD, PRIORITY_ZERO_PKTS_SENT, STATE_BACKUP, STATE_FAULT, STATE_INIT, STATE_MASTER,
    down_interval_ns, skew_ns, vr_t,
)
from vrrpd_fast.engine.wheel cimport (
    wheel_arm, wheel_cancel, wheel_free, wheel_grow, wheel_init, wheel_next_ns, wheel_pop,
)
from vrrpd_fast.engine.wire cimport (
    ACCEPTED, REJECT_LAST, REJECT_OWN, REJECT_VRID, advert_t, parse_ipv4, parse_ipv6, peek_vrid_ipv4,
    peek_vrid_ipv6,
)

from ipaddress import IPv4Address, IPv6Address

from vrrpd_fast.engine import wire as _wire
from vrrpd_fast.model import Complaint, Reason, Snapshot, State, Transition

COUNTERS = (
    "master_transitions", "advertisement_rcvd", "advertisement_sent", "interval_errors",
    "priority_zero_pkts_rcvd", "priority_zero_pkts_sent", "invalid_type_pkts_rcvd", "packet_length_errors",
    "checksum_errors", "version_errors", "vrid_errors", "ip_ttl_errors", "address_list_errors",
    "authentication_errors", "peer_errors",
)

# By value: to call the class takes many times as long, which a takeover of thousands feels.
_STATES = tuple(State)
_REASONS = tuple(Reason)

cdef enum:
    EVENTS_MAX = 1 << 20  # transitions that wait for Python; past that the oldest are lost and counted
    COMPLAINTS_MAX = 256

# enum reject -> enum counter, from the one table of wire.pyx
cdef int COUNTER_OF[<int> REJECT_LAST]
for _verdict, (_, _counter) in enumerate(_wire.REJECTS):
    COUNTER_OF[<int> _verdict] = COUNTERS.index(_counter)


cdef void hear_steady(vr_t *vr) noexcept nogil:
    cdef int64_t seen_ns
    if vr.resigned or vr.last_seen_ns < 0:
        return  # nothing was accepted since the start: what the filter has seen is of another time
    seen_ns = <int64_t> steady_last_seen_ns(vr.steady)
    if seen_ns > vr.last_seen_ns:
        vr.last_seen_ns = seen_ns
        vr.rival_priority = 0
        vr.deadline_ns = seen_ns + down_interval_ns(vr)


cdef inline bint is_plain(const uint8_t *datagram, size_t length) noexcept nogil:
    """No IP options, TTL 255, nothing behind the message. That it is no fragment is known with the VRID."""
    return (datagram[0] == 0x45 and datagram[8] == 255
            and <size_t> (datagram[2] << 8 | datagram[3]) == length)


cdef inline bint may_answer(int64_t now_ns, vr_t *vr) noexcept nogil:
    """Whether a master may react to an advert now: at most once per eighth of its interval.

    It sends at once, leaving its phase alone, and has its addresses announced again: who lost may have taken
    the traffic.
    """
    if now_ns - vr.answered_ns < vr.set.interval_cs * NS_PER_CS // PHASES:
        return False
    vr.answered_ns = now_ns
    return True


cdef inline void hear_all(vr_t *vr) noexcept nogil:
    """Have nothing absorbed, here or by the kernel filter, until the next advert is accepted."""
    steady_disarm(vr.steady)


cdef inline bint absorb(int64_t now_ns, vr_t *vr, const uint8_t *source, const uint8_t *destination,
                        const uint8_t *message, size_t length) noexcept nogil:
    """Take up an advert that equals the last accepted one, which was judged; False when it does not.

    What process() would do of it, no more: nothing else can have changed, or it would have been disarmed,
    as it is by what starts a preempt_delay.
    The deadline moves away, so that the wheel need not be told.
    """
    if not steady_equals(vr.steady, source, destination, vr.address_length, message, length):
        return False
    vr.counters[ADVERTISEMENT_RCVD] += 1
    vr.last_seen_ns = now_ns
    vr.rival_priority = 0
    vr.deadline_ns = now_ns + down_interval_ns(vr)
    return True


cdef int32_t without(int32_t *handles, int32_t count, int32_t handle) noexcept nogil:
    """Take a handle out of a list; how many are left."""
    cdef int32_t i, kept = 0
    for i in range(count):
        if handles[i] != handle:
            handles[kept] = handles[i]
            kept += 1
    return kept


cdef void *enlarged(void *block, size_t old_size, size_t size) noexcept nogil:
    """Like realloc, and what is new is zero, without being touched: it costs no memory until it is used."""
    cdef void *larger = calloc(1, size)
    if larger != NULL:
        if block != NULL:
            memcpy(larger, block, old_size)
        free(block)
    return larger


cdef object as_address(int family, const uint8_t *raw):
    if family == 4:
        return IPv4Address((<char *> raw)[:4])
    return IPv6Address((<char *> raw)[:16])


cdef class Machine:

    def __cinit__(self):
        if wheel_init(&self.wheel, 0) < 0 or places_init(&self.places) < 0:
            raise MemoryError

    def __dealloc__(self):
        cdef int32_t i
        for i in range(self.capacity):
            settings_free(&self.routers[i].set)
        free(self.routers)
        free(self.free_handles)
        free(self.challenged)
        free(self.ready)
        free(self.events)
        free(self.due)
        phases_free(&self.phases)
        places_free(&self.places)
        wheel_free(&self.wheel)

    # -- control: add, change, remove ---------------------------------------------------------------------

    def add(self, *, uint32_t ifindex, int family, int vrid, int version, **settings):
        cdef int32_t handle
        cdef vr_t *vr
        cdef Settings wanted
        if (family, version) not in ((4, 2), (4, 3), (6, 3)) or not 1 <= vrid <= 255:
            raise ValueError(f"no such virtual router: family {family}, VRID {vrid}, version {version}")
        wanted = Settings(family, version, **settings)
        if self.free_count == 0:
            self.grow()
        handle = self.free_handles[self.free_count - 1]
        vr = &self.routers[handle]
        memset(vr, 0, sizeof(vr_t))
        wanted.give(vr)
        vr.family = <uint8_t> family
        vr.version = <uint8_t> version
        vr.vrid = <uint8_t> vrid
        vr.address_length = 4 if family == 4 else 16
        vr.phase = -1
        vr.last_seen_ns = -1
        vr.armed_ns = -1
        vr.preempt_since_ns = -1
        vr.answered_ns = -(<int64_t> 1 << 62)
        vr.state = STATE_INIT
        vr.master_interval_cs = vr.set.interval_cs
        try:
            self.prepare_phases(vr)
            self.place(handle, ifindex)
        except BaseException:
            settings_free(&vr.set)
            memset(vr, 0, sizeof(vr_t))
            raise
        vr.used = 1
        self.free_count -= 1
        return handle

    def change(self, int32_t handle, int64_t now_ns, **settings):
        cdef vr_t *vr = self.at(handle)
        cdef uint32_t interval_cs = vr.set.interval_cs
        cdef int64_t before = down_interval_ns(vr), skew_before = skew_ns(vr)
        cdef Settings wanted = Settings(vr.family, vr.version, **settings)
        wanted.give(vr)
        hear_all(vr)
        self.prepare_phases(vr)
        # A version 3 backup that follows a master keeps the master's interval (6.4.2).
        if vr.version == 2 or vr.last_seen_ns < 0 or vr.state == STATE_MASTER:
            vr.master_interval_cs = vr.set.interval_cs
        if vr.state == STATE_BACKUP:
            self.arm_down(now_ns, vr, handle, vr.deadline_ns + (
                skew_ns(vr) - skew_before if vr.resigned else down_interval_ns(vr) - before))
        elif vr.state == STATE_MASTER and vr.set.interval_cs != interval_cs:
            self.leave_phase(vr, handle)
            vr.master_since_ns = now_ns
            self.queue_due(handle, REGULAR)
            self.join_phase(now_ns, vr, handle)

    def remove(self, int32_t handle):
        cdef vr_t *vr = self.at(handle)
        cdef uint32_t i, kept = 0
        hear_all(vr)
        self.leave_phase(vr, handle)
        self.disarm_down(vr, handle)
        places_remove(&self.places, self.routers, handle)
        settings_free(&vr.set)
        memset(vr, 0, sizeof(vr_t))
        self.free_handles[self.free_count] = handle
        self.free_count += 1
        # The handle will be given out again: nothing of this one may be mistaken for its successor's.
        for i in range(self.event_count):
            if self.events[(self.event_head + i) & (self.event_capacity - 1)].handle == handle:
                self.events[(self.event_head + i) & (self.event_capacity - 1)].handle = -1
        for i in range(self.due_count):
            if self.due[i].handle != handle:
                self.due[kept] = self.due[i]
                kept += 1
        self.due_count = kept
        kept = 0
        for i in range(self.complaint_count):
            if self.complaints[i].handle != handle:
                self.complaints[kept] = self.complaints[i]
                kept += 1
        self.complaint_count = kept
        self.challenged_count = without(self.challenged, self.challenged_count, handle)
        self.ready_count = without(self.ready, self.ready_count, handle)

    def move(self, int32_t handle, uint32_t ifindex, bytes source):
        cdef vr_t *vr = self.at(handle)
        if len(source) != vr.address_length:
            raise ValueError(f"source address of {len(source)} bytes for IPv{vr.family}")
        if ifindex != vr.ifindex:
            self.place(handle, ifindex)
        memcpy(vr.source, <const char *> source, vr.address_length)
        hear_all(vr)

    cdef place(self, int32_t handle, uint32_t ifindex):
        """Have it found on a link; ValueError when packets could not tell it from one that is there."""
        cdef vr_t *vr = &self.routers[handle]
        if places_taken(&self.places, self.routers, ifindex, vr):
            raise ValueError(f"VRID {vr.vrid} for IPv{vr.family} is taken on interface index {ifindex}")
        if vr.used:
            places_remove(&self.places, self.routers, handle)
        vr.ifindex = ifindex
        if places_add(&self.places, self.routers, handle) < 0:
            raise MemoryError

    cdef vr_t *at(self, int32_t handle) except NULL:
        if not 0 <= handle < self.capacity or not self.routers[handle].used:
            raise IndexError(f"no virtual router has handle {handle}")
        return &self.routers[handle]

    cdef grow(self):
        """Twice the room for virtual routers; pointers into self.routers do not outlive this."""
        cdef int32_t old = self.capacity, new = old * 2 if old else 64, handle
        cdef void *block
        block = enlarged(self.routers, <size_t> old * sizeof(vr_t), <size_t> new * sizeof(vr_t))
        if block == NULL:
            raise MemoryError
        self.routers = <vr_t *> block
        block = realloc(self.free_handles, <size_t> new * sizeof(int32_t))
        if block == NULL:
            raise MemoryError
        self.free_handles = <int32_t *> block
        block = realloc(self.challenged, <size_t> new * sizeof(int32_t))
        if block == NULL:
            raise MemoryError
        self.challenged = <int32_t *> block
        block = realloc(self.ready, <size_t> new * sizeof(int32_t))
        if block == NULL:
            raise MemoryError
        self.ready = <int32_t *> block
        for handle in range(new - 1, old - 1, -1):
            self.free_handles[self.free_count] = handle
            self.free_count += 1
        self.capacity = new

    cdef prepare_phases(self, const vr_t *vr):
        """Make the phases of a virtual router's interval, and room on the wheel for every timer there is."""
        if phases_of(&self.phases, vr.set.interval_cs * NS_PER_CS) < 0:
            raise MemoryError
        if wheel_grow(&self.wheel, 2 * max(self.capacity, self.phases.capacity)) < 0:
            raise MemoryError

    # -- control: start, stop, priority -------------------------------------------------------------------

    def start(self, int32_t handle, int64_t now_ns, reason=Reason.STARTUP):
        cdef vr_t *vr = self.at(handle)
        cdef int cause = int(reason)
        if vr.state == STATE_BACKUP or vr.state == STATE_MASTER:
            return
        vr.master_interval_cs = vr.set.interval_cs
        vr.last_seen_ns = -1
        vr.master_priority = 0
        memset(vr.master, 0, 16)
        if vr.priority == 255 and not vr.gated:
            self.become_master(now_ns, vr, handle, REASON_OWNER)
            return
        self.arm_down(now_ns, vr, handle, now_ns + down_interval_ns(vr))
        self.become_backup(now_ns, vr, handle, cause)
        if vr.priority == 255:
            self.be_ready(vr, handle, REASON_OWNER)

    def stop(self, int32_t handle, int64_t now_ns, state, reason):
        cdef vr_t *vr = self.at(handle)
        cdef int old = vr.state, new = int(state), cause = int(reason)
        if new != STATE_INIT and new != STATE_FAULT:
            raise ValueError(f"a virtual router does not stop into {State(new).name}")
        if old == new:
            return
        if old == STATE_MASTER:
            self.leave_phase(vr, handle)
            self.queue_due(handle, RELEASE)
        hear_all(vr)
        self.disarm_down(vr, handle)
        vr.ready = 0
        vr.state = <uint8_t> new
        self.emit(now_ns, vr, handle, old, cause)

    def set_priority(self, int32_t handle, int priority, int64_t now_ns):
        cdef vr_t *vr = self.at(handle)
        cdef int64_t before = skew_ns(vr)
        if not 1 <= priority <= 255:
            raise ValueError(f"priority {priority} is not in 1..255")
        vr.priority = <uint8_t> priority
        hear_all(vr)
        if vr.state == STATE_BACKUP:
            self.arm_down(now_ns, vr, handle, vr.deadline_ns + skew_ns(vr) - before)

    # -- sync groups --------------------------------------------------------------------------------------

    def gate(self, int32_t handle, bint gated):
        cdef vr_t *vr = self.at(handle)
        vr.gated = gated
        vr.ready = 0

    def is_ready(self, int32_t handle):
        cdef vr_t *vr = self.at(handle)
        return vr.ready != 0 or vr.state == STATE_MASTER

    def take_ready(self):
        handles = [self.ready[i] for i in range(self.ready_count)]
        for handle in handles:
            self.routers[<int32_t> handle].listed = 0
        self.ready_count = 0
        return handles

    def promote(self, int32_t handle, int64_t now_ns):
        cdef vr_t *vr = self.at(handle)
        if vr.state == STATE_BACKUP and vr.ready:
            self.disarm_down(vr, handle)
            self.become_master(now_ns, vr, handle, vr.ready)

    def demote(self, int32_t handle, int64_t now_ns, reason):
        cdef vr_t *vr = self.at(handle)
        cdef int cause = int(reason)
        if vr.state != STATE_MASTER:
            return
        self.leave_phase(vr, handle)
        self.queue_due(handle, RELEASE)
        self.arm_down(now_ns, vr, handle, now_ns + down_interval_ns(vr))
        self.become_backup(now_ns, vr, handle, cause)

    def yield_to_all(self, int32_t handle, bint yields):
        cdef vr_t *vr = self.at(handle)
        vr.yields = yields
        hear_all(vr)

    cdef void be_ready(self, vr_t *vr, int32_t handle, int reason) noexcept nogil:
        """It would become MASTER, and is to be asked for (promote) until a master is heard."""
        hear_all(vr)
        if not vr.ready:
            vr.ready = <uint8_t> reason
        if not vr.listed:
            vr.listed = 1
            self.ready[self.ready_count] = handle
            self.ready_count += 1

    cdef void time_out(self, int64_t now_ns, vr_t *vr, int32_t handle, int reason) noexcept nogil:
        """The down timer has run out; in a sync group it starts again until all members are ready."""
        if not vr.gated:
            self.become_master(now_ns, vr, handle, reason)
            return
        vr.resigned = 0
        self.be_ready(vr, handle, reason)
        self.arm_down(now_ns, vr, handle, now_ns + down_interval_ns(vr))

    # -- packets in ---------------------------------------------------------------------------------------

    def receive_ipv4(self, int64_t now_ns, uint32_t ifindex, bytes datagram):
        return self.judge_ipv4(now_ns, ifindex, <const uint8_t *> PyBytes_AS_STRING(datagram),
                               <size_t> PyBytes_GET_SIZE(datagram))

    def receive_ipv6(self, int64_t now_ns, uint32_t ifindex, bytes message, bytes source, bytes destination,
                     int hop_limit):
        if len(source) != 16 or len(destination) != 16:
            raise ValueError("IPv6 addresses have 16 bytes")
        return self.judge_ipv6(now_ns, ifindex, <const uint8_t *> PyBytes_AS_STRING(message),
                               <size_t> PyBytes_GET_SIZE(message),
                               <const uint8_t *> PyBytes_AS_STRING(source),
                               <const uint8_t *> PyBytes_AS_STRING(destination), hop_limit)

    cdef int judge_ipv4(self, int64_t now_ns, uint32_t ifindex, const uint8_t *datagram,
                        size_t length) noexcept nogil:
        cdef advert_t advert
        cdef vr_t *vr
        cdef int vrid = peek_vrid_ipv4(datagram, length), verdict
        cdef int32_t handle = -1
        if vrid > 0:
            handle = places_find(&self.places, self.routers, ifindex, 4, vrid, datagram + 12, datagram + 16)
        if handle < 0:
            verdict = parse_ipv4(datagram, length, 0, False, &advert)
        else:
            vr = &self.routers[handle]
            if (is_plain(datagram, length)
                    and absorb(now_ns, vr, datagram + 12, datagram + 16, datagram + 20, length - 20)):
                return ACCEPTED
            verdict = parse_ipv4(datagram, length, vr.version, vr.set.is_unicast, &advert)
        advert.ifindex = ifindex
        return self.judge(now_ns, handle, verdict, &advert)

    cdef int judge_ipv6(self, int64_t now_ns, uint32_t ifindex, const uint8_t *message, size_t length,
                        const uint8_t *source, const uint8_t *destination, int hop_limit) noexcept nogil:
        cdef advert_t advert
        cdef vr_t *vr
        cdef int vrid = peek_vrid_ipv6(message, length), verdict
        cdef int32_t handle = -1
        if vrid > 0:
            handle = places_find(&self.places, self.routers, ifindex, 6, vrid, source, destination)
        if handle < 0:
            verdict = parse_ipv6(message, length, source, destination, hop_limit, 0, False, &advert)
        else:
            vr = &self.routers[handle]
            if hop_limit == 255 and absorb(now_ns, vr, source, destination, message, length):
                return ACCEPTED
            verdict = parse_ipv6(message, length, source, destination, hop_limit, vr.version,
                                 vr.set.is_unicast, &advert)
        advert.ifindex = ifindex
        return self.judge(now_ns, handle, verdict, &advert)

    cdef int judge(self, int64_t now_ns, int32_t handle, int verdict, const advert_t *advert) noexcept nogil:
        """Count a packet that was parsed, and let it act if every check is passed."""
        cdef vr_t *vr
        cdef uint32_t told, what
        if handle < 0:
            if verdict == ACCEPTED:
                verdict = REJECT_VRID
                self.note_unknown(now_ns, advert)
            self.foreign[COUNTER_OF[verdict]] += 1
            return verdict
        vr = &self.routers[handle]
        if verdict == ACCEPTED:
            verdict = check(vr, advert, &told)
        if verdict != ACCEPTED:
            vr.counters[COUNTER_OF[verdict]] += 1
            if verdict != REJECT_OWN:
                if verdict < REJECT_VRID:
                    self.tell(vr, handle, verdict, NULL)  # parsing may have stopped short of the source
                else:
                    self.tell(vr, handle, verdict, advert.source)
            return verdict
        for what in range(32 if told else 0):
            if told >> what & 1:
                self.tell(vr, handle, what, advert.source)
        vr.counters[ADVERTISEMENT_RCVD] += 1
        if advert.priority == 0:
            vr.counters[PRIORITY_ZERO_PKTS_RCVD] += 1
        if not (vr.set.owner_ignore_adverts and vr.priority == 255):
            self.process(now_ns, vr, handle, advert)
        return ACCEPTED

    cdef void note_unknown(self, int64_t now_ns, const advert_t *advert) noexcept nogil:
        """Keep one advert of a VRID that nobody has here for Python, at most once a second."""
        if not self.reports_unknown or self.has_unknown or now_ns < self.unknown_until_ns:
            return
        self.unknown_until_ns = now_ns + NS_PER_S
        self.unknown = advert[0]
        self.has_unknown = True

    cdef void process(self, int64_t now_ns, vr_t *vr, int32_t handle, const advert_t *advert) noexcept nogil:
        """6.4.2 and 6.4.3 for an advert that passed every check."""
        cdef int order, reason
        cdef bint follow, steady
        if vr.state == STATE_BACKUP:
            hear_steady(vr)
            if advert.priority == 0:
                hear_all(vr)
                vr.resigned = 1
                memcpy(vr.rival, advert.source, 16)
                self.arm_down(now_ns, vr, handle, now_ns + skew_ns(vr))
                return
            follow = (advert.priority >= vr.priority or vr.yields
                      or not (vr.set.preempt or vr.priority == 255))
            # What is absorbed has a TTL of 255, which a peer's range might refuse.
            steady = follow and not vr.odd and advert.ttl == 255
            if follow:
                vr.preempt_since_ns = -1
            elif vr.set.preempt_delay_ns > 0 and vr.priority != 255:
                if vr.preempt_since_ns < 0:
                    vr.preempt_since_ns = now_ns
                follow = now_ns - vr.preempt_since_ns < vr.set.preempt_delay_ns
            if follow:
                vr.ready = 0
                memcpy(vr.master, advert.source, 16)
                vr.master_priority = advert.priority
                vr.master_interval_cs = advert.interval_cs
                vr.last_seen_ns = now_ns
                vr.resigned = 0
                vr.rival_priority = 0
                self.arm_down(now_ns, vr, handle, now_ns + down_interval_ns(vr))
                if steady:
                    steady_arm(vr.steady, advert.source, advert.destination, advert.message, advert.length)
                else:
                    hear_all(vr)
            elif not vr.resigned:
                vr.rival_priority = advert.priority
                memcpy(vr.rival, advert.source, 16)
        elif vr.state == STATE_MASTER:
            if advert.priority == 0:
                if may_answer(now_ns, vr):
                    self.queue_due(handle, REGULAR)
                return
            order = <int> advert.priority - <int> vr.priority
            if order == 0:
                order = memcmp(advert.source, vr.source, vr.address_length)
            if order > 0:
                if vr.set.higher_prio_send_advert:
                    self.queue_due(handle, FAREWELL)
                self.leave_phase(vr, handle)
                memcpy(vr.master, advert.source, 16)
                vr.master_priority = advert.priority
                vr.master_interval_cs = advert.interval_cs
                vr.last_seen_ns = now_ns
                self.arm_down(now_ns, vr, handle, now_ns + down_interval_ns(vr))
                reason = REASON_HIGHER_PRIORITY if advert.priority > vr.priority else REASON_HIGHER_ADDRESS
                self.become_backup(now_ns, vr, handle, reason)
            elif may_answer(now_ns, vr):
                if vr.set.answer_losing:
                    self.queue_due(handle, REGULAR)
                vr.rival_priority = advert.priority
                memcpy(vr.rival, advert.source, 16)
                if not vr.challenged:
                    vr.challenged = 1
                    self.challenged[self.challenged_count] = handle
                    self.challenged_count += 1

    # -- transitions --------------------------------------------------------------------------------------

    cdef void become_master(self, int64_t now_ns, vr_t *vr, int32_t handle, int reason) noexcept nogil:
        cdef int old = vr.state
        vr.state = STATE_MASTER
        vr.counters[MASTER_TRANSITIONS] += 1
        vr.master_since_ns = now_ns
        hear_all(vr)
        self.queue_due(handle, REGULAR)
        self.join_phase(now_ns, vr, handle)
        self.emit(now_ns, vr, handle, old, reason)
        vr.master_interval_cs = vr.set.interval_cs
        vr.resigned = 0
        vr.rival_priority = 0
        vr.ready = 0

    cdef void become_backup(self, int64_t now_ns, vr_t *vr, int32_t handle, int reason) noexcept nogil:
        cdef int old = vr.state
        vr.state = STATE_BACKUP
        vr.resigned = 0
        vr.rival_priority = 0
        vr.ready = 0
        vr.preempt_since_ns = -1
        self.emit(now_ns, vr, handle, old, reason)

    cdef void emit(self, int64_t now_ns, vr_t *vr, int32_t handle, int old, int reason) noexcept nogil:
        """Append a transition to the ring; the oldest is lost (and counted) only past a million of them."""
        cdef transition_t *event
        cdef transition_t *grown
        cdef uint32_t capacity, i
        vr.told = 0
        if self.event_count == self.event_capacity:
            capacity = 2 * self.event_capacity if self.event_capacity else 1024
            grown = NULL
            if capacity <= EVENTS_MAX:
                grown = <transition_t *> malloc(<size_t> capacity * sizeof(transition_t))
            if grown == NULL:
                self.events_lost += 1
                if self.event_capacity == 0:
                    return
                self.event_head = (self.event_head + 1) & (self.event_capacity - 1)
                self.event_count -= 1
            else:
                for i in range(self.event_count):
                    grown[i] = self.events[(self.event_head + i) & (self.event_capacity - 1)]
                free(self.events)
                self.events = grown
                self.event_head = 0
                self.event_capacity = capacity
        event = &self.events[(self.event_head + self.event_count) & (self.event_capacity - 1)]
        self.event_count += 1
        event.handle = handle
        event.old = <uint8_t> old
        event.new = vr.state
        event.reason = <uint8_t> reason
        event.family = vr.family
        event.at_ns = now_ns
        event.silence_ns = now_ns - vr.last_seen_ns if vr.last_seen_ns >= 0 else -1
        event.down_interval_ns = down_interval_ns(vr)
        event.skew_ns = skew_ns(vr)
        event.deadline_ns = -1
        if reason in (REASON_NO_ADVERT, REASON_RESIGNED, REASON_PREEMPT) and vr.deadline_ns <= now_ns:
            event.deadline_ns = vr.deadline_ns
        event.sent_ns = -1
        if self.unsent_count < self.event_count:
            self.unsent_count += 1
        if reason == REASON_PREEMPT:
            event.master_priority = vr.rival_priority
            memcpy(event.master, vr.rival, 16)
        elif reason == REASON_RESIGNED:
            event.master_priority = 0
            memcpy(event.master, vr.rival, 16)
        else:
            event.master_priority = vr.master_priority
            memcpy(event.master, vr.master, 16)

    cdef void tell(self, vr_t *vr, int32_t handle, uint32_t what, const uint8_t *source) noexcept nogil:
        """Have something said about the adverts heard, once until the state changes."""
        cdef complaint_t *complaint
        if vr.told >> what & 1 or self.complaint_count == COMPLAINTS_MAX:
            return
        vr.told |= <uint32_t> 1 << what
        complaint = &self.complaints[self.complaint_count]
        self.complaint_count += 1
        complaint.handle = handle
        complaint.what = what
        if source == NULL:
            memset(complaint.source, 0, 16)
        else:
            memcpy(complaint.source, source, 16)

    # -- timers -------------------------------------------------------------------------------------------

    def advance(self, int64_t now_ns):
        self.fire(now_ns)

    def next_deadline_ns(self):
        return wheel_next_ns(&self.wheel)

    cdef void fire(self, int64_t now_ns) noexcept nogil:
        """Every timer due at now_ns: phases send, down timers look when the last advert came."""
        cdef int32_t timer, i
        cdef vr_t *vr
        cdef phase_t *phase
        while True:
            timer = wheel_pop(&self.wheel, now_ns)
            if timer < 0:
                return
            if timer & 1:
                phase = &self.phases.all[timer >> 1]
                for i in range(phase.count):
                    # Who became master in this very tick has just sent its first.
                    if self.routers[phase.members[i]].master_since_ns != now_ns:
                        self.queue_due(phase.members[i], REGULAR)
                phases_advance(&self.phases, &self.wheel, timer >> 1, now_ns)
                continue
            vr = &self.routers[timer >> 1]
            vr.armed_ns = -1
            hear_steady(vr)
            if vr.deadline_ns > now_ns:
                self.arm_down(now_ns, vr, timer >> 1, vr.deadline_ns)
            elif vr.resigned:
                self.time_out(now_ns, vr, timer >> 1, REASON_RESIGNED)
            elif vr.rival_priority:
                self.time_out(now_ns, vr, timer >> 1, REASON_PREEMPT)
            else:
                self.time_out(now_ns, vr, timer >> 1, REASON_NO_ADVERT)

    cdef void arm_down(self, int64_t now_ns, vr_t *vr, int32_t handle, int64_t deadline_ns) noexcept nogil:
        """Set the down timer, lazily: the wheel looks at the last whole interval before the deadline.

        There the deadline has moved on, as long as the master lives, and all virtual routers of an interval
        look at the same moment; only a deadline less than an interval away is armed as it is.
        """
        cdef int64_t look_ns = deadline_ns - deadline_ns % (vr.master_interval_cs * NS_PER_CS)
        if look_ns <= now_ns:
            look_ns = deadline_ns
        vr.deadline_ns = deadline_ns
        if vr.armed_ns < 0 or look_ns < vr.armed_ns:
            vr.armed_ns = look_ns
            wheel_arm(&self.wheel, 2 * handle, look_ns)

    cdef void disarm_down(self, vr_t *vr, int32_t handle) noexcept nogil:
        vr.armed_ns = -1
        wheel_cancel(&self.wheel, 2 * handle)

    # -- adverts out --------------------------------------------------------------------------------------

    cdef void queue_due(self, int32_t handle, int32_t kind) noexcept nogil:
        cdef void *block
        cdef uint32_t capacity
        if self.due_count == self.due_capacity:
            capacity = 2 * self.due_capacity if self.due_capacity else 256
            block = realloc(self.due, <size_t> capacity * sizeof(due_t))
            if block == NULL:
                return
            self.due = <due_t *> block
            self.due_capacity = capacity
        self.due[self.due_count].handle = handle
        self.due[self.due_count].kind = kind
        self.due_count += 1

    cdef bint count_due(self, due_t due) noexcept nogil:
        """Whether an advert that was queued is still to be sent; if so it is counted as sent.

        Who yielded since must be silent but for its priority 0 or a last word.
        """
        cdef vr_t *vr = &self.routers[due.handle]
        if due.kind == REGULAR and vr.state != STATE_MASTER:
            return False
        vr.counters[ADVERTISEMENT_SENT] += 1
        if due.kind == RELEASE:
            vr.counters[PRIORITY_ZERO_PKTS_SENT] += 1
        return True

    cdef void join_phase(self, int64_t now_ns, vr_t *vr, int32_t handle) noexcept nogil:
        vr.phase = phases_join(&self.phases, &self.wheel, vr.set.interval_cs * NS_PER_CS, now_ns, handle,
                               &vr.phase_slot)

    cdef void leave_phase(self, vr_t *vr, int32_t handle) noexcept nogil:
        cdef int32_t moved
        if vr.phase >= 0:
            moved = phases_leave(&self.phases, &self.wheel, vr.phase, vr.phase_slot)
            self.routers[moved].phase_slot = vr.phase_slot
            vr.phase = -1

    # -- what Python asks ---------------------------------------------------------------------------------

    def take_due(self):
        due = []
        for i in range(self.due_count):
            if self.count_due(self.due[i]):
                due.append((self.due[i].handle, self.due[i].kind == RELEASE))
        self.due_count = 0
        return due

    def drain(self, int limit):
        cdef transition_t *event
        drained = []
        while self.event_count and len(drained) < limit:
            event = &self.events[self.event_head]
            self.event_head = (self.event_head + 1) & (self.event_capacity - 1)
            self.event_count -= 1
            if self.unsent_count > self.event_count:
                self.unsent_count = self.event_count
            if event.handle < 0:
                continue
            drained.append(Transition(
                handle=event.handle,
                old=_STATES[event.old],
                new=_STATES[event.new],
                reason=_REASONS[event.reason],
                at_ns=event.at_ns,
                master_address=(
                    as_address(event.family, event.master)
                    if event.master_priority or event.reason == REASON_RESIGNED else None
                ),
                master_priority=event.master_priority,
                silence_ns=event.silence_ns,
                down_interval_ns=event.down_interval_ns,
                skew_ns=event.skew_ns,
                deadline_ns=event.deadline_ns,
                sent_ns=event.sent_ns,
            ))
        return drained

    def take_challenged(self):
        handles = [self.challenged[i] for i in range(self.challenged_count)]
        for handle in handles:
            self.routers[<int32_t> handle].challenged = 0
        self.challenged_count = 0
        return handles

    def rival(self, int32_t handle):
        cdef vr_t *vr = self.at(handle)
        return (as_address(vr.family, vr.rival), vr.rival_priority) if vr.rival_priority else None

    def report_unknown(self, bint wanted):
        self.reports_unknown = wanted
        self.has_unknown = False

    def take_unknown(self):
        if not self.has_unknown:
            return None
        self.has_unknown = False
        return (self.unknown.vrid, self.unknown.ifindex,
                as_address(self.unknown.family, self.unknown.source))

    def take_complaints(self):
        complaints = []
        for i in range(self.complaint_count):
            handle = self.complaints[i].handle
            family = self.routers[<int32_t> handle].family
            source = self.complaints[i].source[:16] if family == 6 else self.complaints[i].source[:4]
            known = any(source)
            complaints.append((handle, Complaint(self.complaints[i].what),
                               as_address(family, self.complaints[i].source) if known else None))
        self.complaint_count = 0
        return complaints

    def down_deadline_ns(self, int32_t handle):
        cdef vr_t *vr = self.at(handle)
        hear_steady(vr)
        return vr.deadline_ns if vr.state == STATE_BACKUP else -1

    def snapshot(self, int32_t handle):
        cdef vr_t *vr = self.at(handle)
        cdef uint64_t absorbed = steady_absorbed(vr.steady) - vr.absorbed_before
        statistics = counters_dict(vr.counters)
        statistics["advertisement_rcvd"] += absorbed
        statistics["kernel_absorbed"] = absorbed
        return Snapshot(
            state=State(vr.state),
            priority=vr.priority,
            master_interval_cs=vr.master_interval_cs,
            master_address=as_address(vr.family, vr.master) if vr.master_priority else None,
            master_priority=vr.master_priority,
            statistics=statistics,
        )

    def unattributed(self):
        return counters_dict(self.foreign)


cdef dict counters_dict(const uint64_t *counters):
    return {COUNTERS[i]: counters[i] for i in range(COUNTER_LAST)}
