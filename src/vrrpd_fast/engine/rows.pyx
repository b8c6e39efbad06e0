"""Rows of the stats segment, one for each virtual router, written in place (csrc/segment.h, docs/SEGMENT.md).

Writing one costs 15 to 100 ns and happens when a state changes, and once a second for all: no advert pays for
it. Only as much of the file is mapped as there are virtual routers, because mapped pages are the daemon's.
"""

from libc.errno cimport errno
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.time cimport CLOCK_REALTIME

from vrrpd_fast.engine.clock cimport clock_ns, monotonic_ns
from vrrpd_fast.engine.machine cimport hear_steady, transition_t
from vrrpd_fast.engine.steady cimport steady_absorbed
from vrrpd_fast.engine.virtual_router cimport (
    ADVERTISEMENT_RCVD, COUNTER_LAST, STATE_BACKUP, STATE_MASTER, vr_t,
)

import os

cdef extern from "<fcntl.h>" nogil:
    int posix_fallocate(int fd, long offset, long length)

cdef extern from "<sys/mman.h>" nogil:
    int MREMAP_MAYMOVE
    void *mremap(void *old, size_t old_size, size_t new_size, int flags)

cdef enum:
    FIRST_ROWS = 64


cdef inline segment_row *row_at(uint8_t *base, int32_t handle) noexcept nogil:
    return <segment_row *> (base + SEGMENT_ROWS_AT) + handle


cdef inline uint32_t *sequence_at(uint8_t *base, int32_t handle) noexcept nogil:
    return <uint32_t *> (base + SEGMENT_SEQUENCES_AT) + handle


cdef void fill(segment_row *row, vr_t *vr) noexcept nogil:
    """What a virtual router is now; the kernel filter is asked what it has absorbed for it."""
    cdef uint64_t absorbed = steady_absorbed(vr.steady) - vr.absorbed_before
    row.state = vr.state
    row.priority = vr.priority
    row.family = vr.family
    row.master_interval_cs = vr.master_interval_cs
    row.seen_ns = -1
    row.deadline_ns = -1
    if vr.state == STATE_MASTER:
        row.master_priority = vr.priority
        row.flags = 1
        memcpy(row.master, vr.source, 16)
    else:
        row.master_priority = vr.master_priority
        row.flags = vr.master_priority != 0
        memcpy(row.master, vr.master, 16)
    if vr.state == STATE_BACKUP:
        hear_steady(vr)
        row.seen_ns = vr.last_seen_ns
        row.deadline_ns = vr.deadline_ns
    memcpy(row.counters, vr.counters, COUNTER_LAST * sizeof(uint64_t))
    row.counters[<int> ADVERTISEMENT_RCVD] += absorbed
    row.counters[<int> COUNTER_LAST] = absorbed


cdef class Rows:

    def __cinit__(self):
        self.fd = -1

    def __init__(self, int fd):
        cdef int refusal
        self.fd = fd
        self.offset_ns = clock_ns(CLOCK_REALTIME) - monotonic_ns()
        refusal = self.grow(FIRST_ROWS)
        if refusal:
            raise OSError(refusal, os.strerror(refusal))

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, self.length)

    cdef int grow(self, int32_t capacity) noexcept:
        """Have room for so many rows, as far as the layout goes; an errno, and nothing has changed, or 0.

        Pages of the file are taken ahead: to find none at the first store would kill us.
        """
        cdef int refusal
        cdef size_t length
        cdef void *base
        capacity = min(capacity, <int32_t> SEGMENT_SLOTS)
        if capacity <= self.capacity:
            return 0
        length = SEGMENT_ROWS_AT + <size_t> capacity * sizeof(segment_row)
        refusal = posix_fallocate(self.fd, 0, <long> (SEGMENT_SEQUENCES_AT + capacity * sizeof(uint32_t)))
        if refusal == 0:
            refusal = posix_fallocate(self.fd, <long> SEGMENT_ROWS_AT, <long> (length - SEGMENT_ROWS_AT))
        if refusal:
            return refusal
        if self.base == NULL:
            base = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, self.fd, 0)
        else:
            base = mremap(self.base, self.length, length, MREMAP_MAYMOVE)
        if base == MAP_FAILED:
            return errno
        self.base = <uint8_t *> base
        self.length = length
        self.capacity = capacity
        return 0

    cdef segment_live *live(self) noexcept nogil:
        return <segment_live *> (self.base + SEGMENT_LIVE_AT)

    cdef bint has(self, int32_t handle) noexcept nogil:
        """Whether there is a row for it: past what the layout knows there is none."""
        return 0 <= handle < self.capacity

    cdef void refresh(self, int32_t handle, vr_t *vr) noexcept nogil:
        cdef uint32_t *sequence = sequence_at(self.base, handle)
        segment_begin(sequence)
        fill(row_at(self.base, handle), vr)
        segment_end(sequence)

    cdef void change(self, int32_t handle, vr_t *vr, const transition_t *event,
                     int64_t late_ns) noexcept nogil:
        """A transition; `late_ns` after its down deadline the advert was sent, -1: it had none."""
        cdef segment_row *row = row_at(self.base, handle)
        cdef uint32_t *sequence = sequence_at(self.base, handle)
        segment_begin(sequence)
        fill(row, vr)
        row.old_state = event.old
        row.cause = event.reason
        row.changed_ns = event.at_ns + self.offset_ns
        row.flaps += 1
        row.late_ns = SEGMENT_NEVER_LATE
        if late_ns >= 0:
            row.late_ns = <uint32_t> min(late_ns, <int64_t> SEGMENT_NEVER_LATE - 1)
        segment_end(sequence)

    cdef void show(self, int32_t handle, vr_t *vr, uint32_t serial) noexcept nogil:
        """Its card is there: readers may see it."""
        cdef segment_row *row = row_at(self.base, handle)
        cdef uint32_t *sequence = sequence_at(self.base, handle)
        cdef segment_live *live = self.live()
        segment_begin(sequence)
        fill(row, vr)
        if row.flaps == 0:
            row.late_ns = SEGMENT_NEVER_LATE
        row.serial = serial
        segment_end(sequence)
        if <uint32_t> handle >= live.rows:
            segment_begin(&live.sequence)
            live.rows = <uint32_t> handle + 1
            segment_end(&live.sequence)

    cdef void hide(self, int32_t handle) noexcept nogil:
        """It is gone, and its slot free for another."""
        cdef uint32_t *sequence = sequence_at(self.base, handle)
        segment_begin(sequence)
        memset(row_at(self.base, handle), 0, sizeof(segment_row))
        segment_end(sequence)
