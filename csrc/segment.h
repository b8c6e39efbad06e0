/* The stats segment as the engine writes it: docs/SEGMENT.md. A file mapped shared, read by other processes.
 *
 * A sequence is odd while what it guards is being written. One writer; its stores may not be seen before the
 * odd sequence nor after the even one, whatever the processor reorders.
 */
#ifndef VRRPD_FAST_SEGMENT_H
#define VRRPD_FAST_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_SLOTS (1 << 17)
#define SEGMENT_HEADER_SIZE 4096
#define SEGMENT_SEQUENCES_AT SEGMENT_HEADER_SIZE
#define SEGMENT_ROWS_AT (SEGMENT_SEQUENCES_AT + SEGMENT_SLOTS * sizeof(uint32_t))
#define SEGMENT_LIVE_AT 128
#define SEGMENT_BUCKETS 40
#define SEGMENT_NEVER_LATE UINT32_C(0xffffffff)

struct segment_row {
    uint32_t serial;
    uint8_t state;
    uint8_t old_state;
    uint8_t cause;
    uint8_t priority;
    uint8_t master_priority;
    uint8_t family;
    uint8_t flags; /* bit 0: there is a master's address */
    uint8_t spare;
    uint32_t master_interval_cs;
    uint8_t master[16];
    int64_t changed_ns; /* CLOCK_REALTIME */
    int64_t seen_ns;
    int64_t deadline_ns;
    uint32_t flaps;
    uint32_t late_ns;
    uint64_t counters[16];
};

struct segment_live {
    uint32_t sequence;
    uint32_t stopped;
    uint32_t rows;
    uint32_t others;
    int64_t beat_ns;
    int64_t beat_real_ns;
    uint64_t engine[16];
    uint64_t unattributed[16];
    uint64_t lateness[SEGMENT_BUCKETS];
    uint64_t takeover[3][SEGMENT_BUCKETS];
};

_Static_assert(sizeof(struct segment_row) == 192, "readers know rows of 192 bytes");
_Static_assert(offsetof(struct segment_row, counters) == 64, "readers know where counters begin");
_Static_assert(sizeof(struct segment_live) == 1568, "readers know a header of that length");
_Static_assert(offsetof(struct segment_live, lateness) == 416 - SEGMENT_LIVE_AT, "as above");

static inline void segment_begin(uint32_t *sequence)
{
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void segment_end(uint32_t *sequence)
{
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELEASE);
}

#endif
