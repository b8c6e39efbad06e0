"""Timer wheel: O(1) arm and cancel, never early, late by at most one tick (16.384 µs).

Timers are small integers of the caller's; a timer is armed at most once. A deadline is rounded up to the next
tick. A timer lies on the level of the highest 6-bit digit in which its tick differs from the wheel's own, so
every timer of a level is due before every timer of the next, and the first set bit of the lowest occupied
level is where the next deadline is. When the wheel reaches a slot of a higher level its timers move down.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset


cdef extern from *:
    int __builtin_ctzll(unsigned long long) noexcept nogil
    int __builtin_clzll(unsigned long long) noexcept nogil


cdef int wheel_init(wheel_t *wheel, int32_t capacity) noexcept nogil:
    """An empty wheel at time 0. Returns 0, or -1 when there is no memory."""
    memset(wheel, 0, sizeof(wheel_t))
    for slot in range(WHEEL_LEVELS * WHEEL_SLOTS):
        wheel.heads[slot] = -1
    return wheel_grow(wheel, capacity)


cdef int wheel_grow(wheel_t *wheel, int32_t capacity) noexcept nogil:
    """Room for timers 0 … capacity-1; what is armed stays armed."""
    cdef wheel_timer_t *timers
    if capacity <= wheel.capacity:
        return 0
    timers = <wheel_timer_t *> realloc(wheel.timers, <size_t> capacity * sizeof(wheel_timer_t))
    if timers == NULL:
        return -1
    for timer in range(wheel.capacity, capacity):
        timers[timer].slot = -1
    wheel.timers = timers
    wheel.capacity = capacity
    return 0


cdef void wheel_free(wheel_t *wheel) noexcept nogil:
    free(wheel.timers)
    wheel.timers = NULL
    wheel.capacity = 0


cdef inline void insert(wheel_t *wheel, int32_t timer) noexcept nogil:
    cdef wheel_timer_t *entry = &wheel.timers[timer]
    cdef uint64_t differing = <uint64_t> (entry.tick ^ wheel.tick)
    cdef int level = 0 if differing == 0 else (63 - __builtin_clzll(differing)) // WHEEL_SLOT_BITS
    cdef int digit = <int> (entry.tick >> (level * WHEEL_SLOT_BITS)) & (WHEEL_SLOTS - 1)
    cdef int slot = level * WHEEL_SLOTS + digit
    cdef int32_t head = wheel.heads[slot]
    if head < 0 or entry.tick < wheel.earliest[slot]:
        wheel.earliest[slot] = entry.tick
    entry.slot = slot
    entry.prev = -1
    entry.next = head
    if head >= 0:
        wheel.timers[head].prev = timer
    wheel.heads[slot] = timer
    wheel.occupied[level] |= (<uint64_t> 1) << digit


cdef void wheel_arm(wheel_t *wheel, int32_t timer, int64_t deadline_ns) noexcept nogil:
    """Arm or re-arm; a deadline in the past is due at once."""
    cdef int64_t tick = (deadline_ns + (1 << WHEEL_TICK_BITS) - 1) >> WHEEL_TICK_BITS
    wheel_cancel(wheel, timer)
    wheel.timers[timer].tick = tick if tick > wheel.tick else wheel.tick
    insert(wheel, timer)


cdef void wheel_cancel(wheel_t *wheel, int32_t timer) noexcept nogil:
    """Disarm; no effect when the timer is not armed."""
    cdef wheel_timer_t *entry = &wheel.timers[timer]
    cdef int slot = entry.slot
    if slot < 0:
        return
    if entry.next >= 0:
        wheel.timers[entry.next].prev = entry.prev
    if entry.prev >= 0:
        wheel.timers[entry.prev].next = entry.next
    else:
        wheel.heads[slot] = entry.next
        if entry.next < 0:
            wheel.occupied[slot // WHEEL_SLOTS] &= ~((<uint64_t> 1) << (slot % WHEEL_SLOTS))
    entry.slot = -1


cdef int64_t wheel_next_ns(const wheel_t *wheel) noexcept nogil:
    """The time at which wheel_pop may have something, -1 when nothing is armed.

    Exact after arming; after a cancel it may be the cancelled timer's time (a wake-up for nothing, once).
    """
    cdef int level, slot
    for level in range(WHEEL_LEVELS):
        if wheel.occupied[level]:
            slot = level * WHEEL_SLOTS + __builtin_ctzll(wheel.occupied[level])
            return wheel.earliest[slot] << WHEEL_TICK_BITS
    return -1


cdef int32_t wheel_pop(wheel_t *wheel, int64_t now_ns) noexcept nogil:
    """Disarm and return a timer that is due at `now_ns`, earlier ticks first; -1 when there is none."""
    cdef int64_t now = now_ns >> WHEEL_TICK_BITS
    cdef int64_t start, block
    cdef int level, digit, shift
    cdef int32_t timer, following
    while True:
        for level in range(WHEEL_LEVELS):
            if wheel.occupied[level]:
                break
        else:
            break
        digit = __builtin_ctzll(wheel.occupied[level])
        shift = level * WHEEL_SLOT_BITS
        block = wheel.tick >> (shift + WHEEL_SLOT_BITS) << (shift + WHEEL_SLOT_BITS)
        start = block | <int64_t> digit << shift
        if start > now:
            break
        if start > wheel.tick:
            wheel.tick = start
        timer = wheel.heads[level * WHEEL_SLOTS + digit]
        if level == 0:
            wheel_cancel(wheel, timer)
            return timer
        # The wheel has arrived at this slot: its timers now differ from it in lower digits only.
        wheel.heads[level * WHEEL_SLOTS + digit] = -1
        wheel.occupied[level] &= ~((<uint64_t> 1) << digit)
        while timer >= 0:
            following = wheel.timers[timer].next
            insert(wheel, timer)
            timer = following
    if now > wheel.tick:
        wheel.tick = now
    return -1


cdef class Wheel:
    """The wheel for tests and tools; the machine uses the functions above."""

    cdef wheel_t wheel

    def __cinit__(self, int32_t capacity):
        if wheel_init(&self.wheel, capacity) < 0:
            raise MemoryError

    def __dealloc__(self):
        wheel_free(&self.wheel)

    def arm(self, int32_t timer, int64_t deadline_ns):
        if not 0 <= timer < self.wheel.capacity:
            raise IndexError(timer)
        wheel_arm(&self.wheel, timer, deadline_ns)

    def cancel(self, int32_t timer):
        if not 0 <= timer < self.wheel.capacity:
            raise IndexError(timer)
        wheel_cancel(&self.wheel, timer)

    def next_ns(self):
        return wheel_next_ns(&self.wheel)

    def pop(self, int64_t now_ns):
        return wheel_pop(&self.wheel, now_ns)
