# The state machine's structures and C API, for engine.pyx. See machine.pyx.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from vrrpd_fast.engine.keys cimport keys_t
from vrrpd_fast.engine.phases cimport phases_t
from vrrpd_fast.engine.steady cimport steady_entry
from vrrpd_fast.engine.wheel cimport wheel_t
from vrrpd_fast.engine.wire cimport advert_t

cdef enum state:               # model.State
    STATE_INIT = 0
    STATE_BACKUP = 1
    STATE_MASTER = 2
    STATE_FAULT = 3

cdef enum reason:              # model.Reason; the values that the machine itself gives
    REASON_STARTUP = 1
    REASON_OWNER = 2
    REASON_NO_ADVERT = 3
    REASON_RESIGNED = 4
    REASON_PREEMPT = 5
    REASON_HIGHER_PRIORITY = 6
    REASON_HIGHER_ADDRESS = 7

cdef enum:             # COUNTERS in machine.pyx gives their names, in this order
    MASTER_TRANSITIONS
    ADVERTISEMENT_RCVD
    ADVERTISEMENT_SENT
    INTERVAL_ERRORS
    PRIORITY_ZERO_PKTS_RCVD
    PRIORITY_ZERO_PKTS_SENT
    INVALID_TYPE_PKTS_RCVD
    PACKET_LENGTH_ERRORS
    CHECKSUM_ERRORS
    VERSION_ERRORS
    VRID_ERRORS
    IP_TTL_ERRORS
    ADDRESS_LIST_ERRORS
    AUTHENTICATION_ERRORS
    PEER_ERRORS
    COUNTER_LAST

cdef enum complaint:           # what is told once besides the reject reasons of wire.pxd
    TELL_INTERVAL = 14         # v3: the master's interval is not ours; adopted
    TELL_ADDRESSES = 15        # the address list is not ours; accepted
    TELL_OWNER = 16            # two routers claim to own the addresses
    TELL_LINK_LOCAL = 17       # the first IPv6 address is not link-local; accepted

ctypedef struct vr_t:
    uint8_t used
    uint8_t state
    uint8_t family
    uint8_t version
    uint8_t vrid
    uint8_t priority           # effective
    uint8_t preempt
    uint8_t answer_losing
    uint8_t check_addresses
    uint8_t down_timer_adverts
    uint8_t resigned           # the running down timer is the skew time after a priority 0
    uint8_t challenged         # listed in Machine.challenged
    uint8_t odd                # the last advert accepted was counted as more than that
    uint8_t address_length     # 4 or 16
    uint8_t address_count
    uint8_t rival_priority     # who is lower than us and ignored since the last accepted advert; 0 = nobody
    uint8_t master_priority
    uint8_t rival[16]          # who that is; while resigned, who sent the priority 0
    uint8_t master[16]
    uint8_t source[16]         # our primary address; IPv4 in the first four bytes
    uint32_t ifindex
    uint32_t interval_cs       # Advertisement_Interval
    uint32_t master_interval_cs  # Active_Adver_Interval
    uint32_t told              # complaints made since the last change of state
    int32_t phase              # index into Machine.phases while MASTER
    int32_t phase_slot         # index into that phase's members
    int32_t peer_count
    int64_t preempt_delay_ns
    int64_t preempt_since_ns   # when the first lower-priority advert started the delay; -1 = not running
    int64_t last_seen_ns       # last accepted advert; -1 = none
    int64_t deadline_ns        # when the down timer runs out; the wheel may be armed earlier (lazy)
    int64_t armed_ns           # what the wheel is armed at; -1 = not armed
    int64_t master_since_ns    # the first advert of this mastership
    int64_t answered_ns        # last reaction to a losing advert or a priority 0
    uint64_t addresses_hash    # order-independent
    steady_entry *steady       # the kernel filter's; NULL without one
    uint64_t absorbed_before   # by that entry, for a virtual router that had it earlier
    uint8_t *addresses
    uint8_t *peers             # peer_count * address_length
    uint64_t counters[COUNTER_LAST]

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

ctypedef struct due_t:
    int32_t handle
    int32_t release            # 1: the priority-0 advert

ctypedef struct complaint_t:
    int32_t handle
    uint32_t what
    uint8_t source[16]

cdef class Machine:
    cdef wheel_t wheel
    cdef vr_t *routers
    cdef int32_t capacity
    cdef int32_t *free_handles
    cdef int32_t free_count
    cdef keys_t keys           # (ifindex, family, VRID) -> handle
    cdef phases_t phases
    cdef transition_t *events  # ring
    cdef uint32_t event_head
    cdef uint32_t event_count
    cdef uint32_t event_capacity
    cdef readonly uint64_t events_lost
    cdef due_t *due
    cdef uint32_t due_count
    cdef uint32_t due_capacity
    cdef int32_t *challenged
    cdef int32_t challenged_count
    cdef complaint_t complaints[256]
    cdef uint32_t complaint_count
    cdef uint64_t foreign[COUNTER_LAST]

    cdef int32_t lookup(self, uint32_t ifindex, int family, int vrid) noexcept nogil
    cdef int judge_ipv4(self, int64_t now_ns, uint32_t ifindex, const uint8_t *datagram,
                        size_t length) noexcept nogil
    cdef int judge_ipv6(self, int64_t now_ns, uint32_t ifindex, const uint8_t *message, size_t length,
                        const uint8_t *source, const uint8_t *destination, int hop_limit) noexcept nogil
    cdef int judge(self, int64_t now_ns, int32_t handle, int verdict, const advert_t *advert) noexcept nogil
    cdef int consider(self, vr_t *vr, int32_t handle, const advert_t *advert) noexcept nogil
    cdef void process(self, int64_t now_ns, vr_t *vr, int32_t handle, const advert_t *advert) noexcept nogil
    cdef void fire(self, int64_t now_ns) noexcept nogil
    cdef void become_master(self, int64_t now_ns, vr_t *vr, int32_t handle, int reason) noexcept nogil
    cdef void become_backup(self, int64_t now_ns, vr_t *vr, int32_t handle, int reason) noexcept nogil
    cdef void arm_down(self, int64_t now_ns, vr_t *vr, int32_t handle, int64_t deadline_ns) noexcept nogil
    cdef void disarm_down(self, vr_t *vr, int32_t handle) noexcept nogil
    cdef void queue_due(self, int32_t handle, int32_t release) noexcept nogil
    cdef bint count_due(self, due_t due) noexcept nogil
    cdef void join_phase(self, int64_t now_ns, vr_t *vr, int32_t handle) noexcept nogil
    cdef void leave_phase(self, vr_t *vr, int32_t handle) noexcept nogil
    cdef void emit(self, int64_t now_ns, vr_t *vr, int32_t handle, int old, int reason) noexcept nogil
    cdef void tell(self, vr_t *vr, int32_t handle, uint32_t what, const uint8_t *source) noexcept nogil
    cdef vr_t *at(self, int32_t handle) except NULL
    cdef configure(self, vr_t *vr, int priority, uint32_t advert_int_cs, addresses, bint preempt,
                   int64_t preempt_delay_ns, int down_timer_adverts, bint answer_losing, bint check_addresses,
                   peers)
    cdef grow(self)
    cdef prepare_phases(self, const vr_t *vr)
    cdef index(self, int32_t handle)
    cdef unindex(self, int32_t handle)
