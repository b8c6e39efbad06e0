"""BFD sessions on real sockets and a real clock: what the event loop calls.

One timerfd (absolute, CLOCK_MONOTONIC), one UDP receive socket for each address family and port that a
session needs, one raw IP socket per family to send from: so that the packets of all sessions, each with the
source port that is its own (RFC 5881 4), leave in one sendmmsg. Each reader runs without the GIL from its
first system call to the last; Python hears of it (`hook`) when a session has changed its state.

When packets come so fast that waking for each would cost more, the sockets are read eight times in the
shortest interval that is wanted, once in 1 to 5 ms.
"""

from libc.errno cimport ENOBUFS, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close, read

from vrrpd_fast.bfd.packet cimport CONTROL_LENGTH, control_pack, control_t, udp_checksum
from vrrpd_fast.bfd.session cimport Sessions, session_t
from vrrpd_fast.engine.clock cimport monotonic_ns, timer_open, timer_set
from vrrpd_fast.engine.wheel cimport wheel_next_ns

import os


cdef extern from *:
    """
    #define MIN_POLL_NS INT64_C(1000000)
    #define MAX_POLL_NS INT64_C(5000000)
    #define POLLING_WINDOW_NS INT64_C(100000000)
    """
    const int64_t MIN_POLL_NS
    const int64_t MAX_POLL_NS
    const int64_t POLLING_WINDOW_NS

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    int AF_INET, AF_INET6
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
    RECEIVE_ROOM = 64           # a packet has 24 bytes; more is authentication, which is refused unread
    WAKE_BATCHES = 8            # packets taken per wake-up: 512, then the loop may do other things
    TICK_BATCHES = 64           # packets heard before timers are looked at: 4096 and two per session
    SEND_BATCH = 256
    IPV4_HEADER = 20
    IPV6_HEADER = 40
    UDP_HEADER = 8
    UDP = 17                    # IP protocol, IPv6 next header
    TRAFFIC_CLASS = 0xc0        # network control (CS6), as adverts have
    HEADERS_MAX = 48
    EARS = 4                    # IPv4 and IPv6, then both for multihop

cdef union name_t:
    sockaddr_in ipv4
    sockaddr_in6 ipv6

ctypedef struct headers_t:      # what stands before each packet of a session; only the UDP checksum changes
    uint8_t data[HEADERS_MAX]

ctypedef struct batch_t:
    int fd
    unsigned int count
    mmsghdr messages[SEND_BATCH]
    iovec vectors[SEND_BATCH]
    name_t names[SEND_BATCH]
    uint8_t data[SEND_BATCH][HEADERS_MAX + CONTROL_LENGTH]

ctypedef struct ear_t:
    int fd
    mmsghdr messages[RECEIVE_BATCH]
    iovec vectors[RECEIVE_BATCH]
    name_t names[RECEIVE_BATCH]
    uint8_t control[RECEIVE_BATCH][ANCILLARY_SIZE]
    uint8_t data[RECEIVE_BATCH][RECEIVE_ROOM]


cdef class Speaker(Sessions):
    cdef int timer
    cdef int64_t timer_ns       # what the timerfd is set to; -1 = off
    cdef object hook
    cdef bint hooked            # the hook was called and nothing drained since
    cdef headers_t *headers     # by handle
    cdef int32_t headers_capacity
    cdef ear_t *ears
    cdef batch_t *batches       # IPv4, IPv6
    cdef bint is_polling        # sockets are read on the tick, not when they are readable
    cdef bint polling_told      # what Python was told of that
    cdef int64_t poll_ns        # how often
    cdef int64_t heard_ns       # the last tick
    cdef int64_t window_ns      # when the present count of wake-ups or packets began
    cdef uint32_t window_count
    cdef uint64_t wakeups
    cdef uint64_t datagrams_received
    cdef uint64_t datagrams_sent
    cdef uint64_t send_failed
    cdef uint64_t send_dropped
    cdef int send_errno

    def __cinit__(self, *args, **kwargs):
        cdef int i
        self.timer = -1
        self.timer_ns = -1
        self.poll_ns = MAX_POLL_NS
        self.ears = <ear_t *> calloc(EARS, sizeof(ear_t))
        self.batches = <batch_t *> calloc(2, sizeof(batch_t))
        if self.ears == NULL or self.batches == NULL:
            raise MemoryError
        for i in range(EARS):
            prepare_ear(&self.ears[i])
        for i in range(2):
            prepare_batch(&self.batches[i])

    def __init__(self, hook, seed=1):
        Sessions.__init__(self, seed)
        self.hook = hook
        self.timer = timer_open()
        if self.timer < 0:
            raise OSError(errno, os.strerror(errno))

    def __dealloc__(self):
        free(self.headers)
        free(self.ears)
        free(self.batches)
        if self.timer >= 0:
            close(self.timer)

    @property
    def timer_fd(self):
        return self.timer

    @staticmethod
    def now_ns():
        return monotonic_ns()

    # -- control ------------------------------------------------------------------------------------------

    def listen(self, int family, bint is_multihop, int receive, int send):
        if family not in (4, 6):
            raise ValueError(f"no family {family}")
        self.ears[(family == 6) + 2 * is_multihop].fd = receive
        self.batches[family == 6].fd = send

    def equip(self, int32_t handle, int64_t now_ns, bytes source, int port, int ttl):
        cdef session_t *session = self.at(handle)
        cdef uint8_t *data
        self._room_for(handle)
        self.poll_ns = max(MIN_POLL_NS, min(self.poll_ns, <int64_t> session.min_rx_us * 1000 // 8))
        if source is not None and len(source) != session.address_length:
            raise ValueError("a source address of the wrong family")
        if source is not None:
            data = self.headers[handle].data
            memset(data, 0, HEADERS_MAX)
            if session.address_length == 4:
                data[0] = 0x45
                data[1] = TRAFFIC_CLASS
                data[6] = 0x40  # don't fragment; lengths and the header's checksum are the kernel's
                data[8] = <uint8_t> ttl
                data[9] = UDP
                memcpy(data + 12, <const char *> source, 4)
                memcpy(data + 16, session.neighbour, 4)
                data += IPV4_HEADER
            else:
                data[0] = 0x60 | TRAFFIC_CLASS >> 4
                data[1] = TRAFFIC_CLASS << 4 & 0xff
                data[5] = UDP_HEADER + CONTROL_LENGTH
                data[6] = UDP
                data[7] = <uint8_t> ttl
                memcpy(data + 8, <const char *> source, 16)
                memcpy(data + 24, session.neighbour, 16)
                data += IPV6_HEADER
            write_be16(data, <uint16_t> port)
            write_be16(data + 2, 4784 if session.is_multihop else 3784)  # RFC 5881 4, RFC 5883 5
            write_be16(data + 4, UDP_HEADER + CONTROL_LENGTH)
        self.set_source(handle, now_ns, source)

    cdef _room_for(self, int32_t handle):
        cdef int32_t capacity = self.capacity
        cdef void *block
        if handle < self.headers_capacity:
            return
        block = realloc(self.headers, <size_t> capacity * sizeof(headers_t))
        if block == NULL:
            raise MemoryError
        self.headers = <headers_t *> block
        self.headers_capacity = capacity

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

    def on_readable(self, int which):
        with nogil:
            self.hear_ear(which, WAKE_BATCHES)
            self.judge_polling(1)
            self.flush()
            self.rearm()
        self._tell()

    cdef _tell(self):
        if not self.hooked and (self.changed_count or self.is_polling != self.polling_told):
            self.hooked = True
            self.hook()

    def drain(self, int limit):
        self.hooked = False
        return Sessions.drain(self, limit)

    cdef void tick(self) noexcept nogil:
        """Hear first, then look at the clock: a packet that waits in a socket keeps its session up."""
        cdef uint64_t expirations, heard = self.datagrams_received
        cdef int which
        self.wakeups += 1
        read(self.timer, &expirations, sizeof(expirations))
        self.timer_ns = -1
        for which in range(EARS):
            self.hear_ear(which, TICK_BATCHES + self.capacity // 32)
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
        self.is_polling = self.window_count >= (ticks if self.is_polling else 2 * ticks)
        self.window_ns = now_ns
        self.window_count = 0

    cdef void rearm(self) noexcept nogil:
        cdef int64_t next_ns = wheel_next_ns(&self.wheel)
        if self.is_polling and (next_ns < 0 or self.heard_ns + self.poll_ns < next_ns):
            next_ns = self.heard_ns + self.poll_ns
        if next_ns == self.timer_ns:
            return
        self.timer_ns = next_ns
        timer_set(self.timer, next_ns)

    cdef void hear_ear(self, int which, int batches) noexcept nogil:
        """Take and judge what waits in a receive socket, `batches` × 64 packets at most."""
        cdef ear_t *ear = &self.ears[which]
        cdef ancillary beside
        cdef mmsghdr *message
        cdef const uint8_t *source
        cdef int64_t now_ns
        cdef size_t address_length = 16 if which & 1 else 4
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
                source = (<uint8_t *> &ear.names[i].ipv4.sin_addr if address_length == 4
                          else ear.names[i].ipv6.sin6_addr)
                self.judge(now_ns, source, beside.destination, address_length, beside.ifindex,
                           beside.hop_limit, which >= 2, &ear.data[i][0], message.msg_len)
                message.msg_hdr.msg_namelen = sizeof(name_t)
                message.msg_hdr.msg_controllen = ANCILLARY_SIZE
            if received < RECEIVE_BATCH:
                return

    cdef void flush(self) noexcept nogil:
        """Send every packet that is due, in one batch per family."""
        cdef int32_t i, handle
        cdef const session_t *session
        cdef batch_t *batch
        cdef control_t control
        cdef uint8_t *data
        cdef size_t header
        cdef uint16_t checksum
        for i in range(self.due_count):
            handle = self.due[i]
            if not self.compose(handle, &control):
                continue
            session = &self.sessions[handle]
            batch = &self.batches[session.address_length == 16]
            data = &batch.data[batch.count][0]
            header = IPV4_HEADER if session.address_length == 4 else IPV6_HEADER
            memcpy(data, self.headers[handle].data, HEADERS_MAX)
            control_pack(data + header + UDP_HEADER, &control)
            checksum = udp_checksum(session.source, session.neighbour, session.address_length, data + header,
                                    UDP_HEADER + CONTROL_LENGTH)
            memcpy(data + header + 6, &checksum, 2)
            batch.vectors[batch.count].iov_len = header + UDP_HEADER + CONTROL_LENGTH
            if session.address_length == 4:
                batch.names[batch.count].ipv4.sin_family = <unsigned short> AF_INET
                memcpy(&batch.names[batch.count].ipv4.sin_addr, session.neighbour, 4)
            else:
                batch.names[batch.count].ipv6.sin6_family = <unsigned short> AF_INET6
                memcpy(batch.names[batch.count].ipv6.sin6_addr, session.neighbour, 16)
                batch.names[batch.count].ipv6.sin6_scope_id = session.scope
            batch.count += 1
            if batch.count == SEND_BATCH:
                self.send(batch)
        self.due_count = 0
        for i in range(2):
            if self.batches[i].count:
                self.send(&self.batches[i])

    cdef void send(self, batch_t *batch) noexcept nogil:
        cdef unsigned int at = 0, failed = 0, dropped = 0
        while True:
            at += mmsg_send(batch.fd, batch.messages + at, batch.count - at, &failed, &self.send_errno)
            if at >= batch.count:
                break
            # No room in the kernel: the next packet is an interval away, this one is worth nothing later.
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

    def take_polling(self):
        self.polling_told = self.is_polling
        return bool(self.is_polling)

    def health(self):
        return {
            "polling": int(self.is_polling),
            "wakeups": self.wakeups,
            "datagrams_received": self.datagrams_received,
            "datagrams_sent": self.datagrams_sent,
            "send_failed": self.send_failed,
            "send_dropped": self.send_dropped,
            "send_errno": self.send_errno,
        }


cdef inline void write_be16(uint8_t *at, uint16_t value) noexcept nogil:
    at[0] = <uint8_t> (value >> 8)
    at[1] = <uint8_t> value


cdef void prepare_ear(ear_t *ear) noexcept:
    """Everything that receiving needs and the kernel leaves as it is."""
    cdef int i
    ear.fd = -1
    for i in range(RECEIVE_BATCH):
        ear.vectors[i].iov_base = &ear.data[i][0]
        ear.vectors[i].iov_len = RECEIVE_ROOM
        ear.messages[i].msg_hdr.msg_iov = &ear.vectors[i]
        ear.messages[i].msg_hdr.msg_iovlen = 1
        ear.messages[i].msg_hdr.msg_name = &ear.names[i]
        ear.messages[i].msg_hdr.msg_namelen = sizeof(name_t)
        ear.messages[i].msg_hdr.msg_control = &ear.control[i][0]
        ear.messages[i].msg_hdr.msg_controllen = ANCILLARY_SIZE


cdef void prepare_batch(batch_t *batch) noexcept:
    cdef int i
    batch.fd = -1
    for i in range(SEND_BATCH):
        batch.vectors[i].iov_base = &batch.data[i][0]
        batch.messages[i].msg_hdr.msg_iov = &batch.vectors[i]
        batch.messages[i].msg_hdr.msg_iovlen = 1
        batch.messages[i].msg_hdr.msg_name = &batch.names[i]
        batch.messages[i].msg_hdr.msg_namelen = sizeof(name_t)
