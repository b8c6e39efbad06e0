/*
 * DOC: the kernel absorbs the steady state.
 *
 * An eBPF socket filter for the raw VRRP receive sockets. A backup hears the same advert from the same master
 * again and again. Once one was judged, its virtual router's entry is armed with it; the filter drops every further
 * advert that equals it, and writes down only when the last one came and how many there were. All else reaches the
 * socket, whole; and when that differs from what the entry holds, the filter disarms the entry, so that all behind it
 * reaches the socket, too, until the machine has read it and arms again: nothing overtakes.
 *
 * What must be equal: interface, family, VRID (they find the entry), source, destination, length and every byte of
 * the VRRP message; and TTL or hop limit are 255. What has IP options or extension headers, or is a fragment, is not
 * looked at.
 *
 *     hash map (ifindex, family, VRID) -> slot     written at control time by bpf(2)
 *     array map slot -> struct steady_entry        shared memory: plain loads and stores on both sides
 *
 * An entry in ordinary memory does for who compares by himself: zeroes, but for its room.
 *
 * No Python.h, no globals, Linux 5.10. The functions of an entry are safe without the GIL, for one writer at a time.
 */
#ifndef VRRPD_FAST_STEADY_FILTER_H
#define VRRPD_FAST_STEADY_FILTER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define STEADY_CHUNK 64      /* bytes compared at a time; `room` is a multiple of it */
#define STEADY_ROOM_MAX 1472 /* what fits an MTU of 1500: 255 IPv4 or 90 IPv6 addresses */
#define STEADY_MESSAGE_MIN 8

struct steady_entry {
    uint64_t last_seen_ns; /* CLOCK_MONOTONIC; the filter's */
    uint64_t absorbed;     /* the filter's */
    uint32_t armed;        /* 0, or the generation of what is below; the filter may make it 0 */
    uint32_t generation;
    uint16_t length; /* of the message */
    uint16_t room;   /* how long a message may be; 0 without a filter */
    uint32_t unused;
    uint8_t source[16]; /* IPv4 in the first four bytes, rest zero */
    uint8_t destination[16];
    uint8_t message[]; /* zero from `length` to the end of its chunk */
};
_Static_assert(sizeof(struct steady_entry) == 64, "one cache line before the message");

struct steady_filter {
    uint32_t slots;
    uint32_t room;
    int keys_fd;
    int entries_fd;
    int program_fd;
    const char *failed; /* after an error: the step that it came from */
    uint8_t *entries;
};

struct bpf_insn;

/* Two maps and the program for entries 0 … slots - 1 with `room` bytes of message. 0, or -errno with nothing left
 * open. `log` (may be NULL) gets what the verifier says about a program that it refuses. */
int steady_filter_open(struct steady_filter *filter, uint32_t slots, uint32_t room, char *log, size_t log_size);
/* Disarms every entry first: a socket that still has the program gets everything. */
void steady_filter_close(struct steady_filter *filter);

/* The filter of a socket, in place of any that it had. 0 or -errno. */
int steady_filter_attach(const struct steady_filter *filter, int socket);
int steady_filter_detach(int socket);

/* Which adverts an entry is asked about; `family` is 4 or 6. 0 or -errno (-EEXIST: bound already; -ENOENT: not). */
int steady_filter_bind(const struct steady_filter *filter, uint32_t slot, uint32_t ifindex, uint8_t family,
                       uint8_t vrid);
int steady_filter_unbind(const struct steady_filter *filter, uint32_t ifindex, uint8_t family, uint8_t vrid);

/* The parts of steady_filter_open(), for tests. assemble: how many instructions, -E2BIG past `capacity`. load: a
 * descriptor or -errno. */
int steady_filter_assemble(struct bpf_insn *code, unsigned capacity, int keys_fd, int entries_fd, uint32_t room);
int steady_filter_load(const struct bpf_insn *code, unsigned count, char *log, size_t log_size);

static inline struct steady_entry *steady_filter_entry(const struct steady_filter *filter, uint32_t slot)
{
    size_t size = sizeof(struct steady_entry) + filter->room;

    return (struct steady_entry *)(void *)(filter->entries + slot * size);
}

/* Have nothing absorbed from now on. An advert that was on its way through the filter may still be counted. */
static inline void steady_disarm(struct steady_entry *entry)
{
    __atomic_store_n(&entry->armed, 0, __ATOMIC_SEQ_CST);
}

/* Have adverts absorbed that equal this one; addresses of 16 bytes. Returns 1, or 0 when the message is too long for
 * the entry, which is then not armed. Nothing is written when it is armed with this very advert. */
static inline int steady_arm(struct steady_entry *entry, const uint8_t *source, const uint8_t *destination,
                             const uint8_t *message, size_t length)
{
    size_t end = (length + STEADY_CHUNK - 1) / STEADY_CHUNK * STEADY_CHUNK;

    if (length > entry->room || length < STEADY_MESSAGE_MIN) {
        steady_disarm(entry);
        return 0;
    }
    if (entry->armed && entry->length == length && !memcmp(entry->source, source, 16) &&
        !memcmp(entry->destination, destination, 16) && !memcmp(entry->message, message, length))
        return 1;
    /* The reader looks at `armed` before and after: nothing below may be seen before it is 0, and all of it must be
     * seen with the new generation. */
    steady_disarm(entry);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    memcpy(entry->source, source, 16);
    memcpy(entry->destination, destination, 16);
    memcpy(entry->message, message, length);
    memset(entry->message + length, 0, end - length);
    entry->length = (uint16_t)length;
    if (++entry->generation == 0)
        entry->generation = 1;
    __atomic_store_n(&entry->armed, entry->generation, __ATOMIC_RELEASE);
    return 1;
}

/* Whether an entry is armed with this very advert; addresses of 4 or 16 bytes. */
static inline int steady_equals(const struct steady_entry *entry, const uint8_t *source, const uint8_t *destination,
                                size_t address_length, const uint8_t *message, size_t length)
{
    if (!entry->armed || entry->length != length || memcmp(entry->message, message, length))
        return 0;
    if (address_length == 4)
        return !memcmp(entry->source, source, 4) && !memcmp(entry->destination, destination, 4);
    return !memcmp(entry->source, source, 16) && !memcmp(entry->destination, destination, 16);
}

static inline uint64_t steady_last_seen_ns(const struct steady_entry *entry)
{
    return __atomic_load_n(&entry->last_seen_ns, __ATOMIC_RELAXED);
}

static inline uint64_t steady_absorbed(const struct steady_entry *entry)
{
    return __atomic_load_n(&entry->absorbed, __ATOMIC_RELAXED);
}

#endif
