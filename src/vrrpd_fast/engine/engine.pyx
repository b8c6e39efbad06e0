"""The machine on real sockets and a real clock: what the event loop calls.

The loop watches three descriptors: one timerfd (absolute, CLOCK_MONOTONIC, re-armed once per tick) and one
raw receive socket per address family. Each reader runs without the GIL from the first system call to the
last: packets are judged in batches, due adverts leave in one sendmmsg, the timer is set. Python hears of it
(`hook`) only when there is something to drain: a transition, a complaint, a challenged master, a late tick.

Multicast adverts go out through one AF_PACKET socket for all links, with the IP header packed ahead; unicast
ones through a raw IP socket, because the kernel must resolve the neighbour.
"""

from libc.errno cimport ENOBUFS, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_REALTIME
from posix.unistd cimport close, read

from vrrpd_fast.engine.clock cimport clock_ns, monotonic_ns, timer_open, timer_set
from vrrpd_fast.engine.machine cimport RELEASE, Machine, enlarged, hear_steady, transition_t
from vrrpd_fast.engine.places cimport places_first
from vrrpd_fast.engine.rows cimport Rows, segment_begin, segment_end, segment_live
from vrrpd_fast.engine.steady cimport SteadyFilter, steady_absorbed, steady_disarm
from vrrpd_fast.engine.virtual_router cimport ADVERTISEMENT_RCVD, COUNTER_LAST, NS_PER_CS, vr_t
from vrrpd_fast.engine.wheel cimport wheel_next_ns
from vrrpd_fast.engine.wire cimport patch_priority

import os

from vrrpd_fast.engine.steady import ROOM_MAX as _ROOM_MAX


cdef extern from *:
    """
    #define LATE_LIMIT_NS INT64_C(5000000)
    #define MIN_POLL_NS INT64_C(1000000)
    #define MAX_POLL_NS INT64_C(10000000)
    #define POLLING_WINDOW_NS INT64_C(100000000)
    """
    const int64_t LATE_LIMIT_NS     # a tick later than this is told
    const int64_t MIN_POLL_NS       # an eighth of the shortest interval, within these
    const int64_t MAX_POLL_NS
    const int64_t POLLING_WINDOW_NS
    int __builtin_clzll(unsigned long long) noexcept nogil

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    int AF_INET, AF_INET6, AF_PACKET
    struct msghdr:
        void *msg_name
        unsigned int msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags

cdef extern from "<netinet/in.h>" nogil:
    struct sockaddr_in:
        unsigned short sin_family
        uint32_t sin_addr "sin_addr.s_addr"
    struct sockaddr_in6:
        unsigned short sin6_family
        uint8_t sin6_addr "sin6_addr.s6_addr"[16]
        uint32_t sin6_scope_id
    unsigned short htons(unsigned short)

cdef extern from "<linux/if_packet.h>" nogil:
    struct sockaddr_ll:
        unsigned short sll_family
        unsigned short sll_protocol
        int sll_ifindex
        unsigned char sll_halen
        unsigned char sll_addr[8]

cdef extern from "mmsg.h" nogil:
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    int mmsg_send(int fd, mmsghdr *messages, unsigned int count, unsigned int *failed, int *last_errno)
    int mmsg_receive(int fd, mmsghdr *messages, unsigned int count)

cdef extern from "ancillary.h" nogil:
    enum: ANCILLARY_SIZE
    struct ancillary:
        uint32_t ifindex
        int hop_limit
        uint8_t destination[16]
    void ancillary_read(msghdr *message, ancillary *out)

cdef enum:
    RECEIVE_BATCH = 64
    HEAD_ROOM = 256         # most adverts, with their IP header; dense, so that few pages are touched
    TAIL_ROOM = 4096        # the rest of long ones: an IPv6 advert of 255 addresses has 4088 bytes
    WAKE_BATCHES = 8        # packets taken per wake-up: 512, then the loop may do other things
    TICK_BATCHES = 64       # packets heard before timers are looked at: 4096 and two per virtual router
    LATENESS_BUCKETS = 40   # bucket n counts what was late by less than 2^n ns
    STEPS = 3               # of a takeover: advert sent, addresses there, addresses announced
    SEND_BATCH = 1024
    ROUTES = 3

cdef enum route:            # which socket a datagram leaves through
    ROUTE_PACKET = 0
    ROUTE_UNICAST4 = 1
    ROUTE_UNICAST6 = 2

cdef union destination:
    sockaddr_ll link
    sockaddr_in ipv4
    sockaddr_in6 ipv6

ctypedef struct output_t:
    int32_t copies          # 1, or one per unicast peer
    int32_t route
    size_t length           # of one datagram
    mmsghdr *messages       # copies adverts, then copies releases; one block with all below
    iovec *vectors
    destination *names
    uint8_t *datagrams

ctypedef struct batch_t:
    int fd
    unsigned int count
    mmsghdr messages[SEND_BATCH]

ctypedef struct receive_t:
    int fd
    mmsghdr messages[RECEIVE_BATCH]
    iovec vectors[RECEIVE_BATCH][2]
    sockaddr_in6 names[RECEIVE_BATCH]  # IPv6 only: an IPv4 datagram comes with its header
    uint8_t control[RECEIVE_BATCH][ANCILLARY_SIZE]
    uint8_t heads[RECEIVE_BATCH][HEAD_ROOM]
    uint8_t tails[RECEIVE_BATCH][TAIL_ROOM]
    uint8_t whole[HEAD_ROOM + TAIL_ROOM]


cdef inline int bucket_of(int64_t ns) noexcept nogil:
    cdef int bucket = 64 - __builtin_clzll(<unsigned long long> ns | 1)
    return bucket if bucket < LATENESS_BUCKETS else LATENESS_BUCKETS - 1


cdef void prepare_ear(receive_t *ear, int fd, bint wants_names) noexcept:
    """Everything that receiving needs and the kernel leaves as it is."""
    cdef int i
    ear.fd = fd
    for i in range(RECEIVE_BATCH):
        ear.vectors[i][0].iov_base = &ear.heads[i][0]
        ear.vectors[i][0].iov_len = HEAD_ROOM
        ear.vectors[i][1].iov_base = &ear.tails[i][0]
        ear.vectors[i][1].iov_len = TAIL_ROOM
        ear.messages[i].msg_hdr.msg_iov = &ear.vectors[i][0]
        ear.messages[i].msg_hdr.msg_iovlen = 2
        if wants_names:
            ear.messages[i].msg_hdr.msg_name = &ear.names[i]
            ear.messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_in6)
        ear.messages[i].msg_hdr.msg_control = &ear.control[i][0]
        ear.messages[i].msg_hdr.msg_controllen = ANCILLARY_SIZE


cdef void forsake(vr_t *vr) noexcept:
    """Have a virtual router's adverts heard here; what the kernel filter has seen of them is kept."""
    steady_disarm(vr.steady)
    hear_steady(vr)
    vr.counters[ADVERTISEMENT_RCVD] += steady_absorbed(vr.steady) - vr.absorbed_before
    vr.absorbed_before = 0
    vr.steady = vr.set.entry
    steady_disarm(vr.steady)


cdef class Engine(Machine):
    cdef int timer
    cdef int64_t timer_ns       # what the timerfd is set to; -1 = off
    cdef SteadyFilter steady    # None: every advert is heard here
    cdef object steady_loss     # why there is no filter any more
    cdef object hook
    cdef bint hooked            # the hook was called and nothing drained since
    cdef output_t *outputs
    cdef int32_t output_capacity
    cdef batch_t *batches       # one per route
    cdef receive_t *ears        # IPv4, IPv6
    cdef bint is_polling        # sockets are read on the tick, not when they are readable
    cdef bint polling_told      # what Python was told of that
    cdef int64_t poll_ns        # how often
    cdef int64_t heard_ns       # the last tick
    cdef int64_t window_ns      # when the present count of wake-ups or packets began
    cdef uint32_t window_count
    cdef Rows rows              # None: nobody is to see anything
    cdef int32_t rows_next      # the rotation's next row
    cdef uint64_t lateness[LATENESS_BUCKETS]
    cdef uint64_t takeover[STEPS][LATENESS_BUCKETS]
    cdef int64_t late_limit_ns
    cdef int64_t late_ns        # the worst tick since take_late(), if it was later than the limit
    cdef int64_t late_at_ns
    cdef uint64_t wakeups
    cdef uint64_t datagrams_received
    cdef uint64_t datagrams_sent
    cdef uint64_t send_failed
    cdef uint64_t send_dropped
    cdef int send_errno

    def __cinit__(self, *args, **kwargs):
        self.timer = -1
        self.timer_ns = -1
        self.late_limit_ns = LATE_LIMIT_NS
        self.poll_ns = MAX_POLL_NS
        self.batches = <batch_t *> calloc(ROUTES, sizeof(batch_t))
        self.ears = <receive_t *> calloc(2, sizeof(receive_t))
        if self.batches == NULL or self.ears == NULL:
            raise MemoryError

    def __init__(self, hook, *, int receive4, int receive6, int packet, int unicast4, int unicast6,
                 SteadyFilter steady=None):
        self.hook = hook
        self.steady = steady
        prepare_ear(&self.ears[0], receive4, False)
        prepare_ear(&self.ears[1], receive6, True)
        self.batches[<int> ROUTE_PACKET].fd = packet
        self.batches[<int> ROUTE_UNICAST4].fd = unicast4
        self.batches[<int> ROUTE_UNICAST6].fd = unicast6
        self.timer = timer_open()
        if self.timer < 0:
            raise OSError(errno, os.strerror(errno))

    def __dealloc__(self):
        cdef int32_t handle
        for handle in range(self.output_capacity):
            free(self.outputs[handle].messages)
        free(self.outputs)
        free(self.batches)
        free(self.ears)
        if self.timer >= 0:
            close(self.timer)

    @property
    def timer_fd(self):
        return self.timer

    @staticmethod
    def now_ns():
        return monotonic_ns()

    # -- control ------------------------------------------------------------------------------------------

    def add(self, **settings):
        cdef int32_t handle
        if self.rows is not None and self.free_count == 0:
            self.rows.grow(2 * self.capacity)
        handle = Machine.add(self, **settings)
        cdef int64_t interval_ns = self.routers[handle].set.interval_cs * NS_PER_CS
        self.poll_ns = max(MIN_POLL_NS, min(self.poll_ns, interval_ns // 8))
        if self.steady is not None:
            if <uint32_t> self.capacity > <uint32_t> self.steady.slots:
                self._enlarge_filter(self.capacity, self.steady.room)
            self._bind_filter(self.routers[handle].ifindex, self.routers[handle].family,
                              self.routers[handle].vrid)
        return handle

    def move(self, int32_t handle, uint32_t ifindex, bytes source):
        cdef vr_t *vr = self.at(handle)
        cdef uint32_t former = vr.ifindex
        Machine.move(self, handle, ifindex, source)
        self._bind_filter(ifindex, vr.family, vr.vrid)
        if former != ifindex:
            self._bind_filter(former, vr.family, vr.vrid)

    # Only who is alone with its (ifindex, family, VRID) has its adverts absorbed by the kernel: the filter
    # finds an entry by nothing else.

    cdef _bind_filter(self, uint32_t ifindex, int family, int vrid):
        """Have the filter serve who is alone with this key, and none of several."""
        cdef int32_t handle = places_first(&self.places, ifindex, family, vrid)
        cdef bint alone = handle >= 0 and self.routers[handle].next < 0 and ifindex != 0
        while handle >= 0 and self.steady is not None:
            if alone:
                self._enter_filter(handle)
            else:
                self._leave_filter(handle)
            handle = self.routers[handle].next

    cdef _enter_filter(self, int32_t handle):
        cdef vr_t *vr = &self.routers[handle]
        try:
            self.steady.bind(handle, vr.ifindex, vr.family, vr.vrid)
        except OSError as error:
            self._give_up_filter(error)
            return
        if vr.steady == vr.set.entry:
            vr.steady = self.steady.entry(handle)
            vr.absorbed_before = steady_absorbed(vr.steady)

    cdef _leave_filter(self, int32_t handle):
        if self.routers[handle].steady != self.routers[handle].set.entry:
            forsake(&self.routers[handle])
            self.steady.unbind(handle)

    cdef _enlarge_filter(self, slots, room):
        cdef int32_t handle
        try:
            self.steady.grow(slots, room)
        except OSError as error:
            self._give_up_filter(error)
            return
        for handle in range(self.capacity):
            if self.routers[handle].steady != self.routers[handle].set.entry:
                self.routers[handle].steady = self.steady.entry(handle)

    cdef _give_up_filter(self, error):
        """Go on without the kernel filter; what it has counted is kept."""
        cdef int32_t handle
        for handle in range(self.capacity):
            if self.routers[handle].steady != self.routers[handle].set.entry:
                forsake(&self.routers[handle])
        self.steady.close()
        self.steady = None
        self.steady_loss = str(error)

    @property
    def filter_loss(self):
        return self.steady_loss

    @property
    def has_filter(self):
        return self.steady is not None

    def equip(self, int32_t handle, datagrams):
        cdef vr_t *vr = self.at(handle)
        cdef int32_t copies = <int32_t> len(datagrams), copy
        cdef size_t length = len(datagrams[0]), at
        cdef output_t output
        cdef uint8_t *block
        self._room_for(handle)
        if self.steady is not None and self.steady.room < min(length, _ROOM_MAX):
            self._enlarge_filter(self.steady.slots, min(length, _ROOM_MAX))
        # One block: messages, vectors, names, datagrams. Every part but the last is a multiple of 4 bytes.
        block = <uint8_t *> calloc(1, <size_t> copies * (
            2 * (sizeof(mmsghdr) + sizeof(iovec) + length) + sizeof(destination)))
        if block == NULL:
            raise MemoryError
        output.copies = copies
        output.length = length
        output.messages = <mmsghdr *> block
        output.vectors = <iovec *> (output.messages + 2 * copies)
        output.names = <destination *> (output.vectors + 2 * copies)
        output.datagrams = <uint8_t *> (output.names + copies)
        for copy in range(copies):
            if <size_t> len(datagrams[copy]) != length:
                free(block)
                raise ValueError("the datagrams of a virtual router have one length")
            at = <size_t> copy * length
            memcpy(output.datagrams + at, <const char *> datagrams[copy], length)
            memcpy(output.datagrams + <size_t> copies * length + at, <const char *> datagrams[copy], length)
            patch_priority(output.datagrams + <size_t> copies * length + at, 0)
            output.route = address_datagram(output.datagrams + at, vr.ifindex, &output.names[copy])
        for copy in range(2 * copies):
            output.vectors[copy].iov_base = output.datagrams + <size_t> copy * length
            output.vectors[copy].iov_len = length
            output.messages[copy].msg_hdr.msg_iov = &output.vectors[copy]
            output.messages[copy].msg_hdr.msg_iovlen = 1
            output.messages[copy].msg_hdr.msg_name = &output.names[copy % copies]
            output.messages[copy].msg_hdr.msg_namelen = (
                sizeof(sockaddr_ll) if output.route == ROUTE_PACKET
                else sizeof(sockaddr_in) if output.route == ROUTE_UNICAST4 else sizeof(sockaddr_in6))
        free(self.outputs[handle].messages)
        self.outputs[handle] = output

    cdef _room_for(self, int32_t handle):
        cdef int32_t capacity = self.capacity
        cdef void *block
        if handle < self.output_capacity:
            return
        block = enlarged(self.outputs, <size_t> self.output_capacity * sizeof(output_t),
                         <size_t> capacity * sizeof(output_t))
        if block == NULL:
            raise MemoryError
        self.outputs = <output_t *> block
        self.output_capacity = capacity

    def set_priority(self, int32_t handle, int priority, int64_t now_ns):
        cdef output_t *output
        cdef int32_t copy
        Machine.set_priority(self, handle, priority, now_ns)
        if handle < self.output_capacity:
            output = &self.outputs[handle]
            for copy in range(output.copies):
                patch_priority(output.datagrams + <size_t> copy * output.length, <uint8_t> priority)

    def remove(self, int32_t handle):
        cdef vr_t *vr = self.at(handle)
        cdef uint32_t ifindex = vr.ifindex
        cdef int family = vr.family, vrid = vr.vrid
        self.settle()  # a release that was queued leaves before its packet is freed
        if self.steady is not None:
            self._leave_filter(handle)
        if self.rows is not None and self.rows.has(handle):
            self.rows.refresh(handle, vr)
        Machine.remove(self, handle)
        self._bind_filter(ifindex, family, vrid)
        if handle < self.output_capacity:
            free(self.outputs[handle].messages)
            memset(&self.outputs[handle], 0, sizeof(output_t))

    def settle(self):
        with nogil:
            self.flush()
            self.rearm()
        self._tell()

    # -- what the loop calls ------------------------------------------------------------------------------

    def on_timer(self):
        with nogil:
            self.tick()
        self._tell()

    def on_readable4(self):
        with nogil:
            self.hear(0, WAKE_BATCHES)
            self.judge_polling(1)
            self.flush()
            self.rearm()
        self._tell()

    def on_readable6(self):
        with nogil:
            self.hear(1, WAKE_BATCHES)
            self.judge_polling(1)
            self.flush()
            self.rearm()
        self._tell()

    cdef _tell(self):
        if not self.hooked and (
                self.event_count or self.complaint_count or self.challenged_count or self.ready_count
                or self.has_unknown or self.late_ns or self.is_polling != self.polling_told):
            self.hooked = True
            self.hook()

    def drain(self, int limit):
        self.hooked = False
        if self.unsent_count:
            self.note_sent(-1)  # by a call from Python, which has not settled
        return Machine.drain(self, limit)

    cdef void tick(self) noexcept nogil:
        """Hear first, then look at the clock: an advert that waits in the socket keeps its master alive."""
        cdef uint64_t expirations, heard = self.datagrams_received
        self.wakeups += 1
        self.note_lateness()
        read(self.timer, &expirations, sizeof(expirations))
        self.timer_ns = -1
        # After a stall each virtual router's first advert must be among those heard: two per router at least.
        self.hear(0, TICK_BATCHES + self.capacity // 32)
        self.hear(1, TICK_BATCHES + self.capacity // 32)
        if self.is_polling:
            self.judge_polling(<uint32_t> (self.datagrams_received - heard))
        self.heard_ns = monotonic_ns()
        self.fire(self.heard_ns)
        self.flush()
        self.rearm()

    cdef void judge_polling(self, uint32_t count) noexcept nogil:
        """Read on the tick when wake-ups by packets would cost more, and back when few packets come.

        `count` is what has come since the last call: wake-ups by readable sockets, or packets while polling.
        """
        cdef int64_t now_ns = monotonic_ns(), window_ns = now_ns - self.window_ns
        cdef uint32_t ticks
        self.window_count += count
        if window_ns < POLLING_WINDOW_NS:
            return
        ticks = <uint32_t> (window_ns // self.poll_ns)
        if self.is_polling:
            self.is_polling = self.window_count >= ticks
        else:
            self.is_polling = self.window_count >= 2 * ticks
        self.window_ns = now_ns
        self.window_count = 0

    cdef void note_lateness(self) noexcept nogil:
        cdef int64_t now_ns = monotonic_ns(), late_ns = now_ns - self.timer_ns
        if self.timer_ns < 0 or late_ns < 0:
            return
        self.lateness[bucket_of(late_ns)] += 1
        if late_ns > self.late_limit_ns and late_ns > self.late_ns:
            self.late_ns = late_ns
            self.late_at_ns = now_ns

    cdef void rearm(self) noexcept nogil:
        cdef int64_t next_ns = wheel_next_ns(&self.wheel)
        if self.is_polling and (next_ns < 0 or self.heard_ns + self.poll_ns < next_ns):
            next_ns = self.heard_ns + self.poll_ns
        if next_ns == self.timer_ns:
            return
        self.timer_ns = next_ns
        timer_set(self.timer, next_ns)

    cdef void hear(self, int which, int batches) noexcept nogil:
        """Take and judge what waits in a receive socket, `batches` × 64 packets at most."""
        cdef receive_t *ear = &self.ears[which]
        cdef ancillary beside
        cdef mmsghdr *message
        cdef const uint8_t *data
        cdef int64_t now_ns
        cdef int received, i
        if ear.fd < 0:
            return
        while batches:
            batches -= 1
            received = mmsg_receive(ear.fd, ear.messages, RECEIVE_BATCH)
            if received <= 0:
                return
            now_ns = monotonic_ns()
            self.datagrams_received += received
            for i in range(received):
                message = &ear.messages[i]
                ancillary_read(&message.msg_hdr, &beside)
                data = &ear.heads[i][0]
                if message.msg_len > HEAD_ROOM:
                    data = &ear.whole[0]
                    memcpy(&ear.whole[0], &ear.heads[i][0], HEAD_ROOM)
                    memcpy(&ear.whole[0] + HEAD_ROOM, &ear.tails[i][0], message.msg_len - HEAD_ROOM)
                if which == 0:
                    self.judge_ipv4(now_ns, beside.ifindex, data, message.msg_len)
                else:
                    self.judge_ipv6(now_ns, beside.ifindex, data, message.msg_len,
                                    ear.names[i].sin6_addr, beside.destination, beside.hop_limit)
                    message.msg_hdr.msg_namelen = sizeof(sockaddr_in6)
                message.msg_hdr.msg_controllen = ANCILLARY_SIZE
            if received < RECEIVE_BATCH:
                return

    cdef void flush(self) noexcept nogil:
        """Send every advert that is due, in one batch per socket."""
        cdef uint32_t i
        cdef int32_t copy, first
        cdef output_t *output
        cdef batch_t *batch
        for i in range(self.due_count):
            if self.due[i].handle >= self.output_capacity or not self.count_due(self.due[i]):
                continue
            output = &self.outputs[self.due[i].handle]
            batch = &self.batches[output.route]
            first = output.copies if self.due[i].kind == RELEASE else 0
            for copy in range(output.copies):
                if batch.count == SEND_BATCH:
                    self.send(batch)
                batch.messages[batch.count] = output.messages[first + copy]
                batch.count += 1
        self.due_count = 0
        for copy in range(ROUTES):
            if self.batches[copy].count:
                self.send(&self.batches[copy])
        if self.unsent_count:
            self.note_sent(monotonic_ns())

    cdef void note_sent(self, int64_t now_ns) noexcept nogil:
        """What the transitions since the last flush had to send has left (-1: not yet): let it be seen."""
        cdef transition_t *event
        cdef int64_t late_ns
        while self.unsent_count:
            event = &self.events[(self.event_head + self.event_count - self.unsent_count)
                                 & (self.event_capacity - 1)]
            self.unsent_count -= 1
            event.sent_ns = now_ns
            late_ns = -1
            if event.deadline_ns >= 0 and now_ns >= 0:
                late_ns = now_ns - event.deadline_ns
                self.takeover[0][bucket_of(late_ns)] += 1
            if event.handle >= 0 and self.rows is not None and self.rows.has(event.handle):
                self.rows.change(event.handle, &self.routers[event.handle], event, late_ns)

    cdef void send(self, batch_t *batch) noexcept nogil:
        cdef unsigned int failed = 0, dropped = 0, at = 0
        while True:
            at += <unsigned int> mmsg_send(batch.fd, batch.messages + at, batch.count - at, &failed,
                                           &self.send_errno)
            if at == batch.count:
                break
            # No room in the kernel: an advert is worth nothing later, and the next one is an interval away.
            # ENOBUFS is one link's full queue, EAGAIN the whole socket's.
            if errno != ENOBUFS:
                dropped += batch.count - at
                break
            dropped += 1
            at += 1
        self.datagrams_sent += batch.count - failed - dropped
        self.send_failed += failed
        self.send_dropped += dropped
        batch.count = 0

    # -- the stats segment --------------------------------------------------------------------------------

    def write_rows(self, Rows rows):
        rows.grow(self.capacity)
        self.rows = rows

    def show(self, int32_t handle, uint32_t serial):
        cdef vr_t *vr = self.at(handle)
        if self.rows is None or not self.rows.has(handle):
            return False
        self.rows.show(handle, vr, serial)
        return True

    def hide(self, int32_t handle):
        if self.rows is not None and self.rows.has(handle):
            self.rows.hide(handle)

    def refresh_rows(self, int32_t limit):
        with nogil:
            self.rotate(limit)
        return self.rows_next > 0

    cdef void rotate(self, int32_t limit) noexcept nogil:
        """Bring the next `limit` rows up to date."""
        cdef int32_t handle, end
        if self.rows is None:
            return
        end = min(self.rows_next + limit, self.capacity, self.rows.capacity)
        for handle in range(self.rows_next, end):
            if self.routers[handle].used:
                self.rows.refresh(handle, &self.routers[handle])
        self.rows_next = 0 if end == min(self.capacity, self.rows.capacity) else end

    def note_takeover(self, int step, int64_t late_ns):
        if not 0 < step < STEPS:
            raise ValueError(f"a takeover has no step {step}")
        self.takeover[step][bucket_of(max(late_ns, 0))] += 1

    def beat(self, uint32_t others, uint64_t receive_dropped, uint64_t link_overruns, *, bint stopped=False):
        cdef segment_live *live
        cdef int64_t now_ns = monotonic_ns(), real_ns = clock_ns(CLOCK_REALTIME)
        cdef uint64_t *engine
        if self.rows is None:
            return
        self.rows.offset_ns = real_ns - now_ns
        live = self.rows.live()
        segment_begin(&live.sequence)
        live.stopped = stopped
        live.others = others
        live.beat_ns = now_ns
        live.beat_real_ns = real_ns
        engine = &live.engine[0]
        engine[0] = self.steady is not None
        engine[1] = self.is_polling
        engine[2] = self.wakeups
        engine[3] = self.datagrams_received
        engine[4] = self.datagrams_sent
        engine[5] = self.send_failed
        engine[6] = self.send_dropped
        engine[7] = <uint64_t> self.send_errno
        engine[8] = self.events_lost
        engine[9] = receive_dropped
        engine[10] = link_overruns
        memcpy(live.unattributed, self.foreign, COUNTER_LAST * sizeof(uint64_t))
        memcpy(live.lateness, self.lateness, sizeof(self.lateness))
        memcpy(live.takeover, self.takeover, sizeof(self.takeover))
        segment_end(&live.sequence)

    def take_polling(self):
        self.polling_told = self.is_polling
        return bool(self.is_polling)

    def take_late(self):
        late = (self.late_ns, self.late_at_ns) if self.late_ns else None
        self.late_ns = 0
        return late

    def lateness_ns(self):
        return {1 << n: self.lateness[n] for n in range(LATENESS_BUCKETS) if self.lateness[n]}

    def health(self):
        return {
            "kernel_filter": int(self.steady is not None),
            "polling": int(self.is_polling),
            "wakeups": self.wakeups,
            "datagrams_received": self.datagrams_received,
            "datagrams_sent": self.datagrams_sent,
            "send_failed": self.send_failed,
            "send_dropped": self.send_dropped,
            "send_errno": self.send_errno,
            "events_lost": self.events_lost,
        }


cdef int address_datagram(const uint8_t *datagram, uint32_t ifindex, destination *name) noexcept:
    """Fill in where an IP datagram goes, by its own header; returns the route it takes."""
    memset(name, 0, sizeof(destination))
    if datagram[0] >> 4 == 4:
        if datagram[16] & 0xf0 == 0xe0:
            name.link.sll_family = <unsigned short> AF_PACKET
            name.link.sll_protocol = htons(0x0800)
            name.link.sll_ifindex = <int> ifindex
            name.link.sll_halen = 6
            # RFC 1112 6.4: 01-00-5e and the low 23 bits of the group
            name.link.sll_addr[0] = 0x01
            name.link.sll_addr[1] = 0x00
            name.link.sll_addr[2] = 0x5e
            name.link.sll_addr[3] = datagram[17] & 0x7f
            name.link.sll_addr[4] = datagram[18]
            name.link.sll_addr[5] = datagram[19]
            return ROUTE_PACKET
        name.ipv4.sin_family = <unsigned short> AF_INET
        memcpy(&name.ipv4.sin_addr, datagram + 16, 4)
        return ROUTE_UNICAST4
    if datagram[24] == 0xff:
        name.link.sll_family = <unsigned short> AF_PACKET
        name.link.sll_protocol = htons(0x86dd)
        name.link.sll_ifindex = <int> ifindex
        name.link.sll_halen = 6
        # RFC 2464 7: 33-33 and the low 32 bits of the group
        name.link.sll_addr[0] = 0x33
        name.link.sll_addr[1] = 0x33
        memcpy(&name.link.sll_addr[2], datagram + 36, 4)
        return ROUTE_PACKET
    name.ipv6.sin6_family = <unsigned short> AF_INET6
    memcpy(name.ipv6.sin6_addr, datagram + 24, 16)
    if datagram[24] == 0xfe and datagram[25] & 0xc0 == 0x80:
        name.ipv6.sin6_scope_id = ifindex
    return ROUTE_UNICAST6
