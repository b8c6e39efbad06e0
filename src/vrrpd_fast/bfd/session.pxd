# The structures and C API of BFD sessions, for speaker.pyx. See session.pyx.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from vrrpd_fast.bfd.packet cimport REFUSALS_COUNT, control_t
from vrrpd_fast.engine.keys cimport keys_t
from vrrpd_fast.engine.wheel cimport wheel_t

cdef enum due:                 # why a packet is to be sent
    DUE_PERIODIC = 1           # its time has come
    DUE_CHANGE = 2             # it would differ from the last one (RFC 5880 6.8.7)
    DUE_FINAL = 4              # to answer a poll

cdef enum poll:                # a Poll Sequence (RFC 5880 6.5)
    POLL_NONE = 0
    POLL_WANTED = 1            # no packet of it has been sent
    POLL_RUNNING = 2
    POLL_AGAIN = 3             # running, and what it tells is no longer all

ctypedef struct session_t:
    # What is configured
    uint8_t address_length     # 4 or 16
    bint is_multihop
    bint is_passive
    bint is_bound              # `source` is configured: packets to other addresses of ours are not for it
    uint8_t multiplier
    int32_t least_ttl          # of packets that are accepted
    uint32_t scope             # interface of a link-local neighbour, else 0
    uint32_t min_tx_us
    uint32_t min_rx_us
    uint32_t idle_tx_us        # instead of min_tx_us while it is not Up
    uint8_t neighbour[16]
    uint8_t source[16]
    # RFC 5880 6.8.1
    uint8_t state
    uint8_t diagnostic
    uint8_t remote_state
    uint8_t remote_diagnostic
    uint8_t remote_multiplier
    bint remote_demand
    uint32_t local_discriminator
    uint32_t remote_discriminator
    uint32_t desired_tx_us     # what packets say; what holds may be another until a poll is answered
    uint32_t required_rx_us
    uint32_t active_tx_us
    uint32_t active_rx_us
    uint32_t remote_min_tx_us
    uint32_t remote_min_rx_us
    # Ours
    uint8_t poll
    uint8_t due                # bits of `enum due`
    bint used
    bint is_told               # no change waits to be drained
    bint can_send              # its source address is known
    int32_t next               # the next with this hash of its addresses
    uint64_t place             # that hash
    int64_t sent_ns            # the last packet that was not an answer, 0 before the first
    int64_t detect_ns          # when it is down unless a packet comes; 0: nothing is expected
    int64_t armed_ns           # what the wheel has been told of that; 0: nothing
    int64_t heard_ns
    int64_t changed_ns
    uint64_t sent
    uint64_t received
    uint64_t refused
    uint32_t ups
    uint32_t downs

cdef class Sessions:
    cdef wheel_t wheel         # timer 2 × handle: transmission, 2 × handle + 1: detection
    cdef session_t *sessions
    cdef int32_t capacity
    cdef int32_t *free_handles
    cdef int32_t free_count
    cdef keys_t by_discriminator
    cdef keys_t by_address
    cdef int32_t *due          # who has something to send
    cdef int32_t due_count
    cdef int32_t *changed      # whose state Python has not heard of
    cdef int32_t changed_count
    cdef uint64_t random
    cdef uint64_t refused[REFUSALS_COUNT]

    cdef session_t *at(self, int32_t handle) except NULL
    cdef grow(self)
    cdef int32_t find(self, const uint8_t *source, const uint8_t *destination, size_t address_length,
                      uint32_t ifindex, bint is_multihop) noexcept nogil
    cdef int judge(self, int64_t now_ns, const uint8_t *source, const uint8_t *destination,
                   size_t address_length, uint32_t ifindex, int ttl, bint is_multihop, const uint8_t *data,
                   size_t length) noexcept nogil
    cdef void process(self, int64_t now_ns, int32_t handle, const control_t *control) noexcept nogil
    cdef void follow(self, int64_t now_ns, int32_t handle, const control_t *control) noexcept nogil
    cdef void enter(self, int64_t now_ns, int32_t handle, int state, int diagnostic) noexcept nogil
    cdef void expire(self, int64_t now_ns, int32_t handle) noexcept nogil
    cdef void want_tx(self, int64_t now_ns, int32_t handle, uint32_t interval_us) noexcept nogil
    cdef void want_rx(self, int64_t now_ns, int32_t handle, uint32_t interval_us) noexcept nogil
    cdef void schedule(self, int64_t now_ns, int32_t handle) noexcept nogil
    cdef void expect(self, int32_t handle) noexcept nogil
    cdef void queue(self, int32_t handle, int why) noexcept nogil
    cdef int64_t choose(self, const session_t *session) noexcept nogil
    cdef void fire(self, int64_t now_ns) noexcept nogil
    cdef bint compose(self, int32_t handle, control_t *control) noexcept nogil
