"""Phases: who advertises at the same moment, so that thousands of masters cost 8 wake-ups an interval.

Each interval in use has up to 8 phases, evenly apart, that fire at multiples of the interval. A member's
gaps are exactly one interval; between joining and its first turn lies more than nothing and at most one.

From 100 ms on an interval has as many phases as make 30 wake-ups a second, below that all 8: there adverts
come so fast that a batch of all at once would be late for the next.
"""

from libc.limits cimport INT_MAX
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from vrrpd_fast.engine.wheel cimport wheel_arm, wheel_cancel, wheel_t


cdef extern from *:
    """
    #define FEW_FROM_NS INT64_C(100000000)
    #define NS_PER_WAKE INT64_C(33333333)
    """
    const int64_t FEW_FROM_NS
    const int64_t NS_PER_WAKE


cdef inline int32_t phases_in(int64_t interval_ns) noexcept nogil:
    """How many of its 8 phases an interval uses."""
    if interval_ns < FEW_FROM_NS or interval_ns >= PHASES * NS_PER_WAKE:
        return PHASES
    return <int32_t> (interval_ns // NS_PER_WAKE)


cdef void phases_free(phases_t *phases) noexcept nogil:
    cdef int32_t phase
    for phase in range(phases.count):
        free(phases.all[phase].members)
    free(phases.all)


cdef int32_t phases_of(phases_t *phases, int64_t interval_ns) noexcept nogil:
    """The first phase of an interval, made if need be; -1 when there is no memory.

    The wheel must have room for the timer of every phase that there is room for (`capacity`).
    """
    cdef int32_t first = 0, phase, capacity
    cdef void *block
    while first < phases.count:
        if phases.all[first].interval_ns == interval_ns:
            return first
        first += PHASES
    if first + PHASES > phases.capacity:
        capacity = 2 * phases.capacity if phases.capacity else 8 * PHASES
        block = realloc(phases.all, <size_t> capacity * sizeof(phase_t))
        if block == NULL:
            return -1
        phases.all = <phase_t *> block
        phases.capacity = capacity
    for phase in range(first, first + PHASES):
        memset(&phases.all[phase], 0, sizeof(phase_t))
        phases.all[phase].interval_ns = interval_ns
        phases.all[phase].offset_ns = (phase - first) * interval_ns // phases_in(interval_ns)
    phases.count = first + PHASES
    return first


cdef int32_t phases_join(phases_t *phases, wheel_t *wheel, int64_t interval_ns, int64_t now_ns,
                         int32_t member, int32_t *slot) noexcept nogil:
    """Join the emptiest phase of an interval that has some; among equals the one that comes last.

    Returns the phase and writes where in it the member is; -1 when there is no memory.
    """
    cdef int32_t first = phases_of(phases, interval_ns)
    cdef int32_t i, best = -1, least = INT_MAX
    cdef int64_t next_ns, best_ns = 0
    cdef phase_t *phase
    cdef void *block
    if first < 0:
        return -1
    for i in range(first, first + phases_in(interval_ns)):
        phase = &phases.all[i]
        next_ns = phase.next_ns
        if phase.count == 0:
            next_ns = now_ns + interval_ns
            # offset_ns < interval_ns: the dividend is positive even in the first interval after boot.
            next_ns -= (next_ns - phase.offset_ns) % interval_ns
        elif next_ns <= now_ns:  # due in this very tick, without the new member
            next_ns += interval_ns
        if phase.count < least or (phase.count == least and next_ns > best_ns):
            best = i
            least = phase.count
            best_ns = next_ns
    phase = &phases.all[best]
    if phase.count == phase.capacity:
        block = realloc(phase.members, (2 * <size_t> phase.capacity + 16) * sizeof(int32_t))
        if block == NULL:
            return -1
        phase.members = <int32_t *> block
        phase.capacity = 2 * phase.capacity + 16
    if phase.count == 0:
        phase.next_ns = best_ns
        wheel_arm(wheel, phase_timer(best), best_ns)
    slot[0] = phase.count
    phase.members[phase.count] = member
    phase.count += 1
    return best


cdef int32_t phases_leave(phases_t *phases, wheel_t *wheel, int32_t phase, int32_t slot) noexcept nogil:
    """Take the member at `slot` out; returns the member that has this slot now (the same one: nobody)."""
    cdef phase_t *left = &phases.all[phase]
    cdef int32_t last
    left.count -= 1
    last = left.members[left.count]
    left.members[slot] = last
    if left.count == 0:
        wheel_cancel(wheel, phase_timer(phase))
    return last


cdef void phases_advance(phases_t *phases, wheel_t *wheel, int32_t phase, int64_t now_ns) noexcept nogil:
    """A phase has fired: set its next time. After a stall what was missed is not made up for."""
    cdef phase_t *fired = &phases.all[phase]
    cdef int64_t missed = (now_ns - fired.next_ns) // fired.interval_ns
    fired.next_ns += (missed + 1) * fired.interval_ns
    wheel_arm(wheel, phase_timer(phase), fired.next_ns)
