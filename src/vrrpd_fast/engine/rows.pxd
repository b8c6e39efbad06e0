# Rows of the stats segment, written in place. See rows.pyx.

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from vrrpd_fast.engine.machine cimport transition_t
from vrrpd_fast.engine.virtual_router cimport vr_t

cdef extern from "segment.h" nogil:
    enum:
        SEGMENT_SLOTS
        SEGMENT_BUCKETS
        SEGMENT_LIVE_AT
        SEGMENT_SEQUENCES_AT
    const size_t SEGMENT_ROWS_AT
    const uint32_t SEGMENT_NEVER_LATE
    struct segment_row:
        uint32_t serial
        uint8_t state
        uint8_t old_state
        uint8_t cause
        uint8_t priority
        uint8_t master_priority
        uint8_t family
        uint8_t flags
        uint32_t master_interval_cs
        uint8_t master[16]
        int64_t changed_ns
        int64_t seen_ns
        int64_t deadline_ns
        uint32_t flaps
        uint32_t late_ns
        uint64_t counters[16]
    struct segment_live:
        uint32_t sequence
        uint32_t stopped
        uint32_t rows
        uint32_t others
        int64_t beat_ns
        int64_t beat_real_ns
        uint64_t engine[16]
        uint64_t unattributed[16]
        uint64_t lateness[SEGMENT_BUCKETS]
        uint64_t takeover[3][SEGMENT_BUCKETS]
    void segment_begin(uint32_t *sequence)
    void segment_end(uint32_t *sequence)

cdef class Rows:
    cdef int fd
    cdef uint8_t *base
    cdef size_t length
    cdef int32_t capacity      # rows that are mapped
    cdef int64_t offset_ns     # from CLOCK_MONOTONIC to CLOCK_REALTIME, as of the last beat

    cdef int grow(self, int32_t capacity) noexcept
    cdef segment_live *live(self) noexcept nogil
    cdef bint has(self, int32_t handle) noexcept nogil
    cdef void refresh(self, int32_t handle, vr_t *vr) noexcept nogil
    cdef void change(self, int32_t handle, vr_t *vr, const transition_t *event,
                     int64_t late_ns) noexcept nogil
    cdef void show(self, int32_t handle, vr_t *vr, uint32_t serial) noexcept nogil
    cdef void hide(self, int32_t handle) noexcept nogil
