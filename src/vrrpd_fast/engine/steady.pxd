# The kernel filter's entries, as the machine uses them. The contract is in csrc/steady_filter.h.

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "steady_filter.h" nogil:
    enum:
        STEADY_CHUNK
        STEADY_ROOM_MAX
    struct steady_entry:
        uint64_t last_seen_ns
        uint64_t absorbed
        uint32_t armed
        uint16_t length
        uint16_t room
    struct steady_filter:
        uint32_t slots
        uint32_t room
        int keys_fd
        int entries_fd
        int program_fd
        const char *failed
        uint8_t *entries

    int steady_arm(steady_entry *entry, const uint8_t *source, const uint8_t *destination,
                   const uint8_t *message, size_t length)
    bint steady_equals(const steady_entry *entry, const uint8_t *source, const uint8_t *destination,
                       size_t address_length, const uint8_t *message, size_t length)
    void steady_disarm(steady_entry *entry)
    uint64_t steady_last_seen_ns(const steady_entry *entry)
    uint64_t steady_absorbed(const steady_entry *entry)

    int steady_filter_open(steady_filter *filter, uint32_t slots, uint32_t room, char *log, size_t log_size)
    void steady_filter_close(steady_filter *filter)
    int steady_filter_attach(const steady_filter *filter, int socket)
    int steady_filter_detach(int socket)
    int steady_filter_bind(const steady_filter *filter, uint32_t slot, uint32_t ifindex, uint8_t family,
                           uint8_t vrid)
    int steady_filter_unbind(const steady_filter *filter, uint32_t ifindex, uint8_t family, uint8_t vrid)
    steady_entry *steady_filter_entry(const steady_filter *filter, uint32_t slot)

cdef class SteadyFilter:
    cdef steady_filter filter
    cdef list sockets          # what the program is attached to
    cdef dict keys             # slot -> (ifindex, family, vrid)

    cdef steady_entry *entry(self, uint32_t slot) noexcept nogil  # unchecked; valid until grow() or close()
    cdef steady_entry *at(self, slot) except NULL                 # IndexError
    cdef _unmap(self, slot)
