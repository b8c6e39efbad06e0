# One virtual router as the machine holds it, and its timers.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from vrrpd_fast.engine.steady cimport steady_entry

cdef enum state:               # model.State
    STATE_INIT = 0
    STATE_BACKUP = 1
    STATE_MASTER = 2
    STATE_FAULT = 3

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

ctypedef struct settings_t:    # what a reload may change; settings.pyx says what each means
    uint8_t *addresses         # address_count * address_length
    uint8_t *peers             # peer_count * address_length
    uint8_t *peer_ttls         # peer_count * (least, most)
    steady_entry *entry        # with room for adverts of our own length
    uint64_t addresses_hash    # order-independent
    int64_t preempt_delay_ns
    uint32_t interval_cs       # Advertisement_Interval
    int32_t peer_count
    uint8_t address_count
    uint8_t priority           # when they were given; vr_t.priority is the present one
    uint8_t down_timer_adverts
    uint8_t preempt
    uint8_t answer_losing
    uint8_t check_addresses
    uint8_t skip_check_adv_addr
    uint8_t strict
    uint8_t higher_prio_send_advert
    uint8_t owner_ignore_adverts
    uint8_t is_unicast
    uint8_t check_unicast_src
    uint8_t auth_type
    uint8_t auth_pass[8]
    uint8_t group[16]

ctypedef struct vr_t:
    uint8_t used
    uint8_t state
    uint8_t family
    uint8_t vrid
    uint8_t address_length     # 4 or 16
    uint8_t resigned           # the running down timer is the skew time after a priority 0
    uint8_t challenged         # listed in Machine.challenged
    uint8_t odd                # the last advert accepted was counted as more than that
    uint8_t gated              # a member of a sync group: it does not become MASTER by itself
    uint8_t ready              # the reason for which it would, were it not gated; 0: it would not
    uint8_t listed             # in Machine.ready
    uint8_t yields             # the operator had it resign: it follows every master it hears
    uint8_t master_priority
    uint8_t rival[16]          # who is ignored; while resigned, who sent the priority 0
    uint8_t master[16]
    uint8_t source[16]         # our primary address; IPv4 in the first four bytes
    uint32_t ifindex           # 0: unicast without an interface, heard on all of them
    uint32_t told              # complaints made since the last change of state
    int32_t phase              # index into Machine.phases while MASTER
    int32_t phase_slot         # index into that phase's members
    int64_t armed_ns           # what the wheel is armed at; -1 = not armed
    int64_t master_since_ns    # the first advert of this mastership
    int64_t answered_ns        # last reaction to a losing advert or a priority 0
    uint64_t absorbed_before   # by the kernel filter's entry, for a virtual router that had it earlier
    settings_t set
    # From here on what an advert that equals the last one touches.
    uint8_t version
    uint8_t priority
    uint8_t down_timer_adverts
    uint8_t rival_priority     # who is lower than us and ignored since the last accepted advert; 0 = nobody
    uint32_t master_interval_cs  # Active_Adver_Interval
    int32_t next               # another one with the same (ifindex, family, VRID); -1 = no more
    steady_entry *steady       # the last settled advert: in the kernel filter's memory or in set.entry
    int64_t last_seen_ns       # last accepted advert; -1 = none
    int64_t deadline_ns        # when the down timer runs out; the wheel may be armed earlier (lazy)
    int64_t preempt_since_ns   # when the first lower-priority advert started the delay; -1 = not running
    uint64_t counters[COUNTER_LAST]

cdef extern from *:
    """
    #define NS_PER_CS INT64_C(10000000)
    #define NS_PER_S INT64_C(1000000000)
    """
    const int64_t NS_PER_CS
    const int64_t NS_PER_S

cdef inline int64_t skew_ns(const vr_t *vr) noexcept nogil:
    """Skew_Time (RFC 9568 6.1; version 2: RFC 3768 6.1), to the nanosecond."""
    if vr.version == 2:
        return (256 - vr.priority) * NS_PER_S // 256
    return (256 - vr.priority) * (vr.master_interval_cs * NS_PER_CS) // 256

cdef inline int64_t down_interval_ns(const vr_t *vr) noexcept nogil:
    """Active_Down_Interval (RFC 9568 6.1), with keepalived's down_timer_adverts in place of the 3."""
    return vr.down_timer_adverts * (vr.master_interval_cs * NS_PER_CS) + skew_ns(vr)
