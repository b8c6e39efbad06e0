# The state machine's structures and C API, for engine.pyx. See machine.pyx.

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from vrrpd_fast.engine.phases cimport phases_t
from vrrpd_fast.engine.places cimport places_t
from vrrpd_fast.engine.virtual_router cimport COUNTER_LAST, vr_t
from vrrpd_fast.engine.wheel cimport wheel_t
from vrrpd_fast.engine.wire cimport advert_t

cdef enum reason:              # model.Reason; the values that the machine itself gives
    REASON_STARTUP = 1
    REASON_OWNER = 2
    REASON_NO_ADVERT = 3
    REASON_RESIGNED = 4
    REASON_PREEMPT = 5
    REASON_HIGHER_PRIORITY = 6
    REASON_HIGHER_ADDRESS = 7

cdef enum due:                 # what is to be sent
    REGULAR = 0                # while MASTER
    RELEASE = 1                # priority 0
    FAREWELL = 2               # a last one of a master that has just yielded

ctypedef struct transition_t:
    int32_t handle             # -1: the virtual router was removed meanwhile
    uint8_t old
    uint8_t new
    uint8_t reason
    uint8_t family
    uint8_t master_priority
    uint8_t master[16]
    int64_t at_ns
    int64_t silence_ns
    int64_t down_interval_ns
    int64_t skew_ns
    int64_t deadline_ns        # the down deadline that made it MASTER; -1: none did
    int64_t sent_ns            # when what it sends had been given to the kernel; -1: not yet

ctypedef struct due_t:
    int32_t handle
    int32_t kind               # enum due

ctypedef struct complaint_t:
    int32_t handle
    uint32_t what
    uint8_t source[16]

# realloc with zeros.
cdef void *enlarged(void *block, size_t old_size, size_t size) noexcept nogil

# Take note of the adverts that the kernel filter has absorbed for a backup.
cdef void hear_steady(vr_t *vr) noexcept nogil

cdef class Machine:
    cdef wheel_t wheel
    cdef vr_t *routers
    cdef int32_t capacity
    cdef int32_t *free_handles
    cdef int32_t free_count
    cdef places_t places
    cdef phases_t phases
    cdef transition_t *events  # ring
    cdef uint32_t event_head
    cdef uint32_t event_count
    cdef uint32_t event_capacity
    cdef uint32_t unsent_count  # the last of them, whose sent_ns is to come
    cdef readonly uint64_t events_lost
    cdef due_t *due
    cdef uint32_t due_count
    cdef uint32_t due_capacity
    cdef int32_t *challenged
    cdef int32_t challenged_count
    cdef int32_t *ready        # members of sync groups that would become MASTER
    cdef int32_t ready_count
    cdef complaint_t complaints[256]
    cdef uint32_t complaint_count
    cdef uint64_t foreign[COUNTER_LAST]
    cdef bint reports_unknown
    cdef bint has_unknown      # and this is it
    cdef advert_t unknown      # its pointers are void
    cdef int64_t unknown_until_ns  # no other one before

    cdef int judge_ipv4(self, int64_t now_ns, uint32_t ifindex, const uint8_t *datagram,
                        size_t length) noexcept nogil
    cdef int judge_ipv6(self, int64_t now_ns, uint32_t ifindex, const uint8_t *message, size_t length,
                        const uint8_t *source, const uint8_t *destination, int hop_limit) noexcept nogil
    cdef int judge(self, int64_t now_ns, int32_t handle, int verdict, const advert_t *advert) noexcept nogil
    cdef void note_unknown(self, int64_t now_ns, const advert_t *advert) noexcept nogil
    cdef void process(self, int64_t now_ns, vr_t *vr, int32_t handle, const advert_t *advert) noexcept nogil
    cdef void fire(self, int64_t now_ns) noexcept nogil
    cdef void become_master(self, int64_t now_ns, vr_t *vr, int32_t handle, int reason) noexcept nogil
    cdef void become_backup(self, int64_t now_ns, vr_t *vr, int32_t handle, int reason) noexcept nogil
    cdef void be_ready(self, vr_t *vr, int32_t handle, int reason) noexcept nogil
    cdef void time_out(self, int64_t now_ns, vr_t *vr, int32_t handle, int reason) noexcept nogil
    cdef void arm_down(self, int64_t now_ns, vr_t *vr, int32_t handle, int64_t deadline_ns) noexcept nogil
    cdef void disarm_down(self, vr_t *vr, int32_t handle) noexcept nogil
    cdef void queue_due(self, int32_t handle, int32_t kind) noexcept nogil
    cdef bint count_due(self, due_t due) noexcept nogil
    cdef void join_phase(self, int64_t now_ns, vr_t *vr, int32_t handle) noexcept nogil
    cdef void leave_phase(self, vr_t *vr, int32_t handle) noexcept nogil
    cdef void emit(self, int64_t now_ns, vr_t *vr, int32_t handle, int old, int reason) noexcept nogil
    cdef void tell(self, vr_t *vr, int32_t handle, uint32_t what, const uint8_t *source) noexcept nogil
    cdef vr_t *at(self, int32_t handle) except NULL
    cdef grow(self)
    cdef prepare_phases(self, const vr_t *vr)
    cdef place(self, int32_t handle, uint32_t ifindex)
