"""BFD sessions, thousands of them, sans I/O: RFC 5880 section 6, asynchronous mode without authentication.

Time comes in as `now_ns`, packets as bytes; packets to be sent, a deadline and changes come out. How a
session is found (single hop RFC 5881, multihop RFC 5883): by our discriminator, and before the neighbour
knows it by the neighbour's address; both times the packet must come from the neighbour.

Detection timers are lazy: a packet only moves `detect_ns`, and the wheel looks again when the old deadline
comes. Transmission is jittered by choosing among the marks of a grid (a power of two of nanoseconds, at most
a sixteenth of the interval) that lie 75 to 100 % of the interval ahead: at random, as RFC 5880 6.8.7
wants it, and yet many sessions share a mark, a wake-up and a system call.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

from vrrpd_fast.bfd.packet cimport (
    ADMIN_DOWN,
    CONTROL_LENGTH,
    DIAG_ADMIN_DOWN,
    DIAG_EXPIRED,
    DIAG_NEIGHBOUR_DOWN,
    DIAG_NONE,
    DOWN,
    FLAG_AUTHENTICATION,
    FLAG_DEMAND,
    FLAG_FINAL,
    FLAG_POLL,
    INIT,
    REFUSALS_COUNT,
    REFUSED_AUTHENTICATION,
    REFUSED_SENDER,
    REFUSED_SESSION,
    REFUSED_TTL,
    TAKEN,
    UP,
    control_pack,
    control_parse,
    control_t,
)
from vrrpd_fast.engine.keys cimport keys_find, keys_free, keys_init, keys_put, keys_remove, mix
from vrrpd_fast.engine.wheel cimport (
    wheel_arm,
    wheel_cancel,
    wheel_free,
    wheel_grow,
    wheel_init,
    wheel_next_ns,
    wheel_pop,
)

from vrrpd_fast.bfd.packet import REFUSALS as _REFUSALS


cdef extern from *:
    int __builtin_clzll(unsigned long long) noexcept nogil

cdef enum:
    NS_PER_US = 1000
    GRID_PARTS = 16             # marks per interval, at least; at most twice as many


cdef inline int64_t transmit_ns(const session_t *session) noexcept nogil:
    """The agreed interval between our packets before jitter (RFC 5880 6.8.2)."""
    cdef uint32_t interval_us = session.active_tx_us
    if session.remote_min_rx_us > interval_us:
        interval_us = session.remote_min_rx_us
    return <int64_t> interval_us * NS_PER_US


cdef inline int64_t detection_ns(const session_t *session) noexcept nogil:
    """RFC 5880 6.8.4; 0 before the neighbour has said its multiplier."""
    cdef uint32_t interval_us = session.active_rx_us
    if session.remote_min_tx_us > interval_us:
        interval_us = session.remote_min_tx_us
    return <int64_t> interval_us * NS_PER_US * session.remote_multiplier


cdef uint64_t place_of(const uint8_t *address, size_t address_length, bint is_multihop) noexcept nogil:
    """A hash of a neighbour's address; not 0."""
    cdef uint64_t words[2]
    memset(words, 0, sizeof(words))
    memcpy(words, address, address_length)
    return mix(mix(words[0] + is_multihop) ^ words[1] ^ address_length) | 1


cdef class Sessions:
    def __cinit__(self, *args, **kwargs):
        self.random = 1
        if (wheel_init(&self.wheel, 0) < 0 or keys_init(&self.by_discriminator) < 0
                or keys_init(&self.by_address) < 0):
            raise MemoryError

    def __init__(self, uint64_t seed=1):
        self.random = seed | 1

    def __dealloc__(self):
        wheel_free(&self.wheel)
        keys_free(&self.by_discriminator)
        keys_free(&self.by_address)
        free(self.sessions)
        free(self.free_handles)
        free(self.due)
        free(self.changed)

    # -- control ------------------------------------------------------------------------------------------

    def add(self, int64_t now_ns, *, bytes neighbour not None, uint32_t discriminator, bytes source=None,
            bint is_bound=False, uint32_t scope=0, bint is_multihop=False, **settings):
        cdef int32_t handle, first, other
        cdef session_t *session
        cdef uint64_t place
        cdef uint8_t length = <uint8_t> len(neighbour)
        if length not in (4, 16) or (source is not None and len(source) != length):
            raise ValueError("addresses have 4 or 16 bytes, both the same")
        if discriminator == 0 or keys_find(&self.by_discriminator, discriminator) >= 0:
            raise ValueError(f"the discriminator {discriminator} is taken")
        if self.free_count == 0:
            self.grow()
        handle = self.free_handles[self.free_count - 1]
        session = &self.sessions[handle]
        memset(session, 0, sizeof(session_t))
        session.address_length = length
        session.is_multihop = is_multihop
        session.is_bound = is_bound
        session.scope = scope
        memcpy(session.neighbour, <const char *> neighbour, length)
        if source is not None:
            memcpy(session.source, <const char *> source, length)
        session.can_send = source is not None
        give(session, settings)
        session.state = DOWN
        session.remote_state = DOWN
        session.remote_min_rx_us = 1
        session.local_discriminator = discriminator
        session.desired_tx_us = session.active_tx_us = session.idle_tx_us
        session.required_rx_us = session.active_rx_us = session.min_rx_us
        session.changed_ns = now_ns
        session.is_told = True
        session.next = -1
        place = session.place = place_of(session.neighbour, length, is_multihop)
        first = other = keys_find(&self.by_address, place)
        while other >= 0:
            if (self.sessions[other].address_length == length
                    and memcmp(self.sessions[other].neighbour, session.neighbour, length) == 0
                    and self.sessions[other].is_multihop == is_multihop
                    and self.sessions[other].scope == scope
                    and (not is_bound or not self.sessions[other].is_bound
                         or memcmp(self.sessions[other].source, session.source, length) == 0)):
                raise ValueError("packets could not tell it from another session")
            other = self.sessions[other].next
        if keys_put(&self.by_discriminator, discriminator, handle) < 0:
            raise MemoryError
        if first >= 0:
            session.next = self.sessions[first].next
            self.sessions[first].next = handle
        elif keys_put(&self.by_address, place, handle) < 0:
            keys_remove(&self.by_discriminator, discriminator)
            raise MemoryError
        self.free_count -= 1
        session.used = True
        self.schedule(now_ns, handle)
        return handle

    def change(self, int32_t handle, int64_t now_ns, **settings):
        cdef session_t *session = self.at(handle)
        give(session, settings)
        self.want_tx(now_ns, handle, session.min_tx_us if session.state == UP else session.idle_tx_us)
        self.want_rx(now_ns, handle, session.min_rx_us)
        self.schedule(now_ns, handle)

    def set_source(self, int32_t handle, int64_t now_ns, bytes source):
        cdef session_t *session = self.at(handle)
        session.can_send = source is not None
        if source is not None:
            if len(source) != session.address_length:
                raise ValueError("a source address of the wrong family")
            memcpy(session.source, <const char *> source, session.address_length)
        self.schedule(now_ns, handle)

    def shut(self, int32_t handle, int64_t now_ns):
        self.at(handle)
        self.enter(now_ns, handle, ADMIN_DOWN, DIAG_ADMIN_DOWN)

    def remove(self, int32_t handle):
        cdef session_t *session = self.at(handle)
        cdef int32_t first = keys_find(&self.by_address, session.place), i
        wheel_cancel(&self.wheel, 2 * handle)
        wheel_cancel(&self.wheel, 2 * handle + 1)
        keys_remove(&self.by_discriminator, session.local_discriminator)
        if first != handle:
            while self.sessions[first].next != handle:
                first = self.sessions[first].next
            self.sessions[first].next = session.next
        else:
            keys_remove(&self.by_address, session.place)
            if session.next >= 0:
                keys_put(&self.by_address, session.place, session.next)  # in the room that has become free
        for i in range(self.changed_count):
            if self.changed[i] == handle:
                self.changed_count -= 1
                self.changed[i] = self.changed[self.changed_count]
                break
        for i in range(self.due_count):
            if self.due[i] == handle:
                self.due_count -= 1
                self.due[i] = self.due[self.due_count]
                break
        session.used = False
        self.free_handles[self.free_count] = handle
        self.free_count += 1

    cdef session_t *at(self, int32_t handle) except NULL:
        if not 0 <= handle < self.capacity or not self.sessions[handle].used:
            raise IndexError(f"no session has handle {handle}")
        return &self.sessions[handle]

    cdef grow(self):
        """Twice the room; pointers into self.sessions do not outlive this."""
        cdef int32_t old = self.capacity, new = old * 2 if old else 16, handle
        cdef void *block
        block = realloc(self.sessions, <size_t> new * sizeof(session_t))
        if block == NULL:
            raise MemoryError
        self.sessions = <session_t *> block
        memset(self.sessions + old, 0, <size_t> (new - old) * sizeof(session_t))
        block = realloc(self.free_handles, <size_t> new * sizeof(int32_t))
        if block == NULL:
            raise MemoryError
        self.free_handles = <int32_t *> block
        block = realloc(self.due, <size_t> new * sizeof(int32_t))
        if block == NULL:
            raise MemoryError
        self.due = <int32_t *> block
        block = realloc(self.changed, <size_t> new * sizeof(int32_t))
        if block == NULL:
            raise MemoryError
        self.changed = <int32_t *> block
        if wheel_grow(&self.wheel, 2 * new) < 0:
            raise MemoryError
        for handle in range(new - 1, old - 1, -1):
            self.free_handles[self.free_count] = handle
            self.free_count += 1
        self.capacity = new

    # -- packets in ---------------------------------------------------------------------------------------

    cdef int32_t find(self, const uint8_t *source, const uint8_t *destination, size_t address_length,
                      uint32_t ifindex, bint is_multihop) noexcept nogil:
        """Whose neighbour has this address, for a packet that does not say our discriminator; or -1."""
        cdef int32_t handle = keys_find(&self.by_address, place_of(source, address_length, is_multihop))
        cdef int32_t any_of_ours = -1
        cdef const session_t *session
        while handle >= 0:
            session = &self.sessions[handle]
            if is_from_neighbour(session, source, address_length, ifindex, is_multihop):
                if not session.is_bound:
                    any_of_ours = handle
                elif memcmp(session.source, destination, address_length) == 0:
                    return handle
            handle = session.next
        return any_of_ours

    cdef int judge(self, int64_t now_ns, const uint8_t *source, const uint8_t *destination,
                   size_t address_length, uint32_t ifindex, int ttl, bint is_multihop, const uint8_t *data,
                   size_t length) noexcept nogil:
        """One packet as it was received: the checks of RFC 5880 6.8.6, then what it means. A `refusal`."""
        cdef control_t control
        cdef session_t *session = NULL
        cdef int32_t handle = -1
        cdef int verdict = control_parse(data, length, &control)
        if verdict == TAKEN:
            if control.your_discriminator:
                handle = keys_find(&self.by_discriminator, control.your_discriminator)
            else:
                handle = self.find(source, destination, address_length, ifindex, is_multihop)
            if handle < 0:
                verdict = REFUSED_SESSION
            else:
                session = &self.sessions[handle]
                if not is_from_neighbour(session, source, address_length, ifindex, is_multihop) or (
                        session.is_bound and memcmp(session.source, destination, address_length)):
                    verdict = REFUSED_SENDER
                elif ttl < session.least_ttl:
                    verdict = REFUSED_TTL
                elif control.flags & FLAG_AUTHENTICATION:
                    verdict = REFUSED_AUTHENTICATION
        if verdict == TAKEN:
            self.process(now_ns, handle, &control)
        else:
            self.refused[verdict] += 1
            if session != NULL:
                session.refused += 1
        return verdict

    cdef void process(self, int64_t now_ns, int32_t handle, const control_t *control) noexcept nogil:
        """A packet of the neighbour (RFC 5880 6.8.6, from "Set bfd.RemoteDiscr" on)."""
        cdef session_t *session = &self.sessions[handle]
        cdef int64_t interval_ns = transmit_ns(session)
        cdef bint was_silent = is_silent(session)
        session.received += 1
        session.heard_ns = now_ns
        session.remote_discriminator = control.my_discriminator
        session.remote_state = control.state
        session.remote_diagnostic = control.diagnostic
        session.remote_demand = control.flags & FLAG_DEMAND != 0
        session.remote_min_rx_us = control.min_rx_us
        session.remote_min_tx_us = control.min_tx_us
        session.remote_multiplier = control.multiplier
        if control.flags & FLAG_FINAL and session.poll >= POLL_RUNNING:
            if session.poll == POLL_AGAIN:
                session.poll = POLL_WANTED
            else:
                session.poll = POLL_NONE
                session.active_tx_us = session.desired_tx_us
                session.active_rx_us = session.required_rx_us
        session.detect_ns = now_ns + detection_ns(session)
        self.expect(handle)
        if session.state != ADMIN_DOWN:
            self.follow(now_ns, handle, control)
        if transmit_ns(session) != interval_ns or is_silent(session) != was_silent:
            self.schedule(now_ns, handle)

    cdef void follow(self, int64_t now_ns, int32_t handle, const control_t *control) noexcept nogil:
        """What the neighbour's state means for ours (RFC 5880 6.2, 6.8.6)."""
        cdef int state = self.sessions[handle].state
        if control.state == ADMIN_DOWN:
            if state != DOWN:
                self.enter(now_ns, handle, DOWN, DIAG_NEIGHBOUR_DOWN)
        elif state == DOWN:
            if control.state == DOWN:
                self.enter(now_ns, handle, INIT, self.sessions[handle].diagnostic)
            elif control.state == INIT:
                self.enter(now_ns, handle, UP, DIAG_NONE)
        elif state == INIT:
            if control.state >= INIT:
                self.enter(now_ns, handle, UP, DIAG_NONE)
        elif control.state == DOWN:
            self.enter(now_ns, handle, DOWN, DIAG_NEIGHBOUR_DOWN)
        if control.flags & FLAG_POLL:
            self.queue(handle, DUE_FINAL)

    # -- state --------------------------------------------------------------------------------------------

    cdef void enter(self, int64_t now_ns, int32_t handle, int state, int diagnostic) noexcept nogil:
        """Another state: packets tell of it at once, Python when it drains."""
        cdef session_t *session = &self.sessions[handle]
        cdef int former = session.state
        session.diagnostic = <uint8_t> diagnostic
        if former == state:
            return
        session.state = <uint8_t> state
        session.changed_ns = now_ns
        session.ups += state == UP
        session.downs += former == UP
        session.sent_ns = now_ns
        self.want_tx(now_ns, handle, session.min_tx_us if state == UP else session.idle_tx_us)
        self.schedule(now_ns, handle)
        self.queue(handle, DUE_CHANGE)
        if session.is_told:
            session.is_told = False
            self.changed[self.changed_count] = handle
            self.changed_count += 1

    cdef void expire(self, int64_t now_ns, int32_t handle) noexcept nogil:
        """A Detection Time without a packet (RFC 5880 6.8.1 bfd.RemoteDiscr, 6.8.4)."""
        cdef session_t *session = &self.sessions[handle]
        session.detect_ns = 0
        session.remote_discriminator = 0
        session.remote_state = DOWN
        session.remote_demand = False
        session.remote_min_rx_us = 1
        session.remote_min_tx_us = 0
        session.remote_multiplier = 0
        session.poll = POLL_NONE
        session.active_rx_us = session.required_rx_us
        session.active_tx_us = session.desired_tx_us
        if session.state == INIT or session.state == UP:
            self.enter(now_ns, handle, DOWN, DIAG_EXPIRED)
        self.schedule(now_ns, handle)

    cdef void want_tx(self, int64_t now_ns, int32_t handle, uint32_t interval_us) noexcept nogil:
        """bfd.DesiredMinTxInterval (RFC 5880 6.8.3): while Up a longer one waits for the poll."""
        cdef session_t *session = &self.sessions[handle]
        if interval_us == session.desired_tx_us:
            return
        session.desired_tx_us = interval_us
        if session.state != UP or interval_us < session.active_tx_us or session.remote_discriminator == 0:
            session.active_tx_us = interval_us
            self.schedule(now_ns, handle)
        begin_poll(session)

    cdef void want_rx(self, int64_t now_ns, int32_t handle, uint32_t interval_us) noexcept nogil:
        """bfd.RequiredMinRxInterval (RFC 5880 6.8.3): while Up a shorter one waits for the poll."""
        cdef session_t *session = &self.sessions[handle]
        if interval_us == session.required_rx_us:
            return
        session.required_rx_us = interval_us
        if session.state != UP or interval_us > session.active_rx_us or session.remote_discriminator == 0:
            session.active_rx_us = interval_us
            if session.detect_ns:
                session.detect_ns = session.heard_ns + detection_ns(session)
                self.expect(handle)
        begin_poll(session)

    # -- time ---------------------------------------------------------------------------------------------

    cdef void schedule(self, int64_t now_ns, int32_t handle) noexcept nogil:
        """Set the transmission timer by what holds now."""
        cdef session_t *session = &self.sessions[handle]
        cdef int64_t at_ns
        if is_silent(session):
            wheel_cancel(&self.wheel, 2 * handle)
            return
        at_ns = self.choose(session) if session.sent_ns else now_ns
        wheel_arm(&self.wheel, 2 * handle, at_ns if at_ns > now_ns else now_ns)

    cdef int64_t choose(self, const session_t *session) noexcept nogil:
        """When to send next: a mark of the grid 75 to 100 % of the interval after; 90 % with multiplier 1."""
        cdef int64_t interval_ns = transmit_ns(session)
        cdef int shift = 63 - __builtin_clzll(<unsigned long long> (interval_ns // GRID_PARTS) | 1)
        cdef int64_t latest_ns = interval_ns if session.multiplier > 1 else interval_ns * 9 // 10
        cdef int64_t last = (session.sent_ns + latest_ns) >> shift
        cdef int64_t first = ((session.sent_ns + interval_ns * 3 // 4 - 1) >> shift) + 1
        # xorshift64 (Marsaglia): no secret, only uneven
        self.random ^= self.random << 13
        self.random ^= self.random >> 7
        self.random ^= self.random << 17
        return (first + <int64_t> ((self.random >> 32) % <uint64_t> (last - first + 1))) << shift

    cdef void expect(self, int32_t handle) noexcept nogil:
        """Have the wheel look no later than at `detect_ns`; when it looks earlier it looks again."""
        cdef session_t *session = &self.sessions[handle]
        if session.armed_ns and session.armed_ns <= session.detect_ns:
            return
        session.armed_ns = session.detect_ns
        wheel_arm(&self.wheel, 2 * handle + 1, session.detect_ns)

    cdef void queue(self, int32_t handle, int why) noexcept nogil:
        if self.sessions[handle].due == 0:
            self.due[self.due_count] = handle
            self.due_count += 1
        self.sessions[handle].due |= <uint8_t> why

    cdef void fire(self, int64_t now_ns) noexcept nogil:
        """What is due by time. Hear first: what waits in a socket keeps its session up."""
        cdef int32_t timer, handle
        cdef session_t *session
        while True:
            timer = wheel_pop(&self.wheel, now_ns)
            if timer < 0:
                return
            handle = timer >> 1
            session = &self.sessions[handle]
            if timer & 1 == 0:
                session.sent_ns = now_ns
                self.queue(handle, DUE_PERIODIC)
                self.schedule(now_ns, handle)
                continue
            session.armed_ns = 0
            if session.detect_ns == 0:
                continue
            if session.detect_ns > now_ns:
                self.expect(handle)
            else:
                self.expire(now_ns, handle)

    cdef bint compose(self, int32_t handle, control_t *control) noexcept nogil:
        """The packet of a session that is due (RFC 5880 6.8.7); False when it must not or cannot be sent."""
        cdef session_t *session = &self.sessions[handle]
        cdef int why = session.due
        session.due = 0
        if not session.can_send or (session.is_passive and session.remote_discriminator == 0):
            return False
        control.diagnostic = session.diagnostic
        control.state = session.state
        control.flags = 0
        control.multiplier = session.multiplier
        control.my_discriminator = session.local_discriminator
        control.your_discriminator = session.remote_discriminator
        control.min_tx_us = session.desired_tx_us
        control.min_rx_us = session.required_rx_us
        if why & DUE_FINAL:
            control.flags = FLAG_FINAL  # never together with P (6.5)
        elif session.poll:
            control.flags = FLAG_POLL
            if session.poll == POLL_WANTED:
                session.poll = POLL_RUNNING
        session.sent += 1
        return True

    # -- for Python ---------------------------------------------------------------------------------------

    def hear(self, int64_t now_ns, bytes source not None, bytes destination not None, bytes data not None, *,
             int ttl=255, uint32_t ifindex=1, bint is_multihop=False):
        if len(source) not in (4, 16) or len(destination) != len(source):
            raise ValueError("addresses have 4 or 16 bytes, both the same")
        return self.judge(now_ns, source, destination, len(source), ifindex, ttl, is_multihop, data,
                          len(data))

    def advance(self, int64_t now_ns):
        self.fire(now_ns)
        return self.take()

    def take(self):
        cdef control_t control
        cdef uint8_t packet[CONTROL_LENGTH]
        cdef int32_t i
        packets = []
        for i in range(self.due_count):
            if self.compose(self.due[i], &control):
                control_pack(packet, &control)
                packets.append((self.due[i], packet[:CONTROL_LENGTH]))
        self.due_count = 0
        return packets

    def next_ns(self):
        return wheel_next_ns(&self.wheel)

    def drain(self, int limit):
        cdef int32_t count = min(limit, self.changed_count), i
        drained = []
        for i in range(count):
            self.sessions[self.changed[i]].is_told = True
            drained.append(self.changed[i])
        self.changed_count -= count
        for i in range(self.changed_count):
            self.changed[i] = self.changed[i + count]
        return drained

    def describe(self, int32_t handle):
        cdef const session_t *session = self.at(handle)
        return {
            "state": session.state,
            "remote_state": session.remote_state,
            "diagnostic": session.diagnostic,
            "remote_diagnostic": session.remote_diagnostic,
            "local_discriminator": session.local_discriminator,
            "remote_discriminator": session.remote_discriminator,
            "transmit_us": transmit_ns(session) // NS_PER_US,
            "detection_us": detection_ns(session) // NS_PER_US,
            "remote_min_tx_us": session.remote_min_tx_us,
            "remote_min_rx_us": session.remote_min_rx_us,
            "remote_multiplier": session.remote_multiplier,
            "polling": session.poll != POLL_NONE,
            "changed_ns": session.changed_ns,
            "heard_ns": session.heard_ns,
            "ups": session.ups,
            "downs": session.downs,
            "sent": session.sent,
            "received": session.received,
            "refused": session.refused,
            "source": session.source[:session.address_length] if session.can_send else None,
        }

    def state(self, int32_t handle):
        return self.at(handle).state

    def refusals(self):
        cdef int i
        return {_REFUSALS[i]: self.refused[i] for i in range(1, <int> REFUSALS_COUNT)}


cdef give(session_t *session, settings):
    """What may change while a session lives; all of it is stated. `least_ttl` 0 leaves the check out."""
    for name in ("min_tx_us", "min_rx_us", "idle_tx_us"):
        if not 1 <= settings[name] < 1 << 32:
            raise ValueError(f"{name} {settings[name]} is not in 1..2^32-1")
    if not 1 <= settings["multiplier"] <= 255:
        raise ValueError(f"multiplier {settings['multiplier']} is not in 1..255")
    session.min_tx_us = settings["min_tx_us"]
    session.min_rx_us = settings["min_rx_us"]
    session.idle_tx_us = settings["idle_tx_us"]
    session.multiplier = settings["multiplier"]
    session.is_passive = settings["is_passive"]
    session.least_ttl = settings["least_ttl"]


cdef inline bint is_from_neighbour(const session_t *session, const uint8_t *source, size_t address_length,
                                   uint32_t ifindex, bint is_multihop) noexcept nogil:
    return (session.address_length == address_length
            and memcmp(session.neighbour, source, address_length) == 0
            and session.is_multihop == is_multihop
            and (session.scope == 0 or session.scope == ifindex))


cdef inline bint is_silent(const session_t *session) noexcept nogil:
    """Whether no periodic packets are to be sent (RFC 5880 6.8.7)."""
    return (not session.can_send
            or session.remote_min_rx_us == 0
            or (session.is_passive and session.remote_discriminator == 0)
            or (session.remote_demand and session.state == UP and session.remote_state == UP
                and session.poll == POLL_NONE))


cdef inline void begin_poll(session_t *session) noexcept nogil:
    """Have the neighbour say that it knows new intervals; nobody is asked before there is one."""
    if session.remote_discriminator == 0:
        session.poll = POLL_NONE
        session.active_tx_us = session.desired_tx_us
        session.active_rx_us = session.required_rx_us
    elif session.poll == POLL_NONE:
        session.poll = POLL_WANTED
    elif session.poll == POLL_RUNNING:
        session.poll = POLL_AGAIN
