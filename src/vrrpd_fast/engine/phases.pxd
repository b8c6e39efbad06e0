# Masters that advertise together. See phases.pyx.

from libc.stdint cimport int32_t, int64_t

from vrrpd_fast.engine.wheel cimport wheel_t

cdef enum:
    PHASES = 8

ctypedef struct phase_t:
    int64_t interval_ns
    int64_t offset_ns          # fires at offset_ns + n * interval_ns
    int64_t next_ns
    int32_t *members
    int32_t count
    int32_t capacity

ctypedef struct phases_t:
    phase_t *all               # PHASES of each interval, one behind the other; not all are used
    int32_t count
    int32_t capacity

cdef inline int32_t phase_timer(int32_t phase) noexcept nogil:
    """The wheel timer of a phase: odd, so that even ones are free for others."""
    return 2 * phase + 1

cdef void phases_free(phases_t *phases) noexcept nogil
cdef int32_t phases_of(phases_t *phases, int64_t interval_ns) noexcept nogil
cdef int32_t phases_join(phases_t *phases, wheel_t *wheel, int64_t interval_ns, int64_t now_ns,
                         int32_t member, int32_t *slot) noexcept nogil
cdef int32_t phases_leave(phases_t *phases, wheel_t *wheel, int32_t phase, int32_t slot) noexcept nogil
cdef void phases_advance(phases_t *phases, wheel_t *wheel, int32_t phase, int64_t now_ns) noexcept nogil
