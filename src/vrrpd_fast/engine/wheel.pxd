# A hierarchical timer wheel over caller-owned integer ids. See wheel.pyx for the contract.

from libc.stdint cimport int32_t, int64_t, uint64_t

cdef enum:
    WHEEL_TICK_BITS = 14       # a tick is 16.384 µs
    WHEEL_SLOT_BITS = 6
    WHEEL_SLOTS = 64
    WHEEL_LEVELS = 9           # 9 × 6 bits of ticks: more than a monotonic clock will ever show

ctypedef struct wheel_timer_t:
    int64_t tick
    int32_t next
    int32_t prev
    int32_t slot               # level * WHEEL_SLOTS + slot, -1 when not armed

ctypedef struct wheel_t:
    wheel_timer_t *timers
    int32_t capacity
    int64_t tick               # the tick reached; nothing due before it is left
    uint64_t occupied[WHEEL_LEVELS]
    int32_t heads[WHEEL_LEVELS * WHEEL_SLOTS]
    int64_t earliest[WHEEL_LEVELS * WHEEL_SLOTS]

cdef int wheel_init(wheel_t *wheel, int32_t capacity) noexcept nogil
cdef int wheel_grow(wheel_t *wheel, int32_t capacity) noexcept nogil
cdef void wheel_free(wheel_t *wheel) noexcept nogil
cdef void wheel_arm(wheel_t *wheel, int32_t timer, int64_t deadline_ns) noexcept nogil
cdef void wheel_cancel(wheel_t *wheel, int32_t timer) noexcept nogil
cdef int64_t wheel_next_ns(const wheel_t *wheel) noexcept nogil
cdef int32_t wheel_pop(wheel_t *wheel, int64_t now_ns) noexcept nogil
