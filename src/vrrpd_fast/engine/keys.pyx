"""Which virtual router a packet is for: an open-addressing table, at most half full, without tombstones.

Keys are not 0. The hash is no secret: who can choose keys (interface index, family, VRID) owns the machine.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free


cdef int keys_init(keys_t *table) noexcept nogil:
    """An empty table. Returns 0, or -1 when there is no memory."""
    table.mask = 63
    table.used = 0
    table.keys = <uint64_t *> calloc(table.mask + 1, sizeof(uint64_t))
    table.values = <int32_t *> calloc(table.mask + 1, sizeof(int32_t))
    return 0 if table.keys != NULL and table.values != NULL else -1


cdef void keys_free(keys_t *table) noexcept nogil:
    free(table.keys)
    free(table.values)


cdef int32_t keys_find(const keys_t *table, uint64_t key) noexcept nogil:
    """The value of a key, -1 when it is not there."""
    cdef uint32_t at = <uint32_t> mix(key) & table.mask
    while table.keys[at]:
        if table.keys[at] == key:
            return table.values[at]
        at = (at + 1) & table.mask
    return -1


cdef int keys_put(keys_t *table, uint64_t key, int32_t value) noexcept nogil:
    """Add a key that is not there. Returns 0, or -1 (and nothing is changed) when there is no memory."""
    if 2 * (table.used + 1) > table.mask and enlarge(table) < 0:
        return -1
    place(table, key, value)
    table.used += 1
    return 0


cdef void keys_remove(keys_t *table, uint64_t key) noexcept nogil:
    """Remove a key that is there; what follows it in its run is placed anew."""
    cdef uint32_t at = <uint32_t> mix(key) & table.mask
    cdef uint64_t moved
    while table.keys[at] != key:
        at = (at + 1) & table.mask
    table.keys[at] = 0
    table.used -= 1
    at = (at + 1) & table.mask
    while table.keys[at]:
        moved = table.keys[at]
        table.keys[at] = 0
        place(table, moved, table.values[at])
        at = (at + 1) & table.mask


cdef void place(keys_t *table, uint64_t key, int32_t value) noexcept nogil:
    cdef uint32_t at = <uint32_t> mix(key) & table.mask
    while table.keys[at]:
        at = (at + 1) & table.mask
    table.keys[at] = key
    table.values[at] = value


cdef int enlarge(keys_t *table) noexcept nogil:
    cdef keys_t old = table[0]
    cdef uint32_t at
    table.mask = 2 * old.mask + 1
    table.keys = <uint64_t *> calloc(table.mask + 1, sizeof(uint64_t))
    table.values = <int32_t *> calloc(table.mask + 1, sizeof(int32_t))
    if table.keys == NULL or table.values == NULL:
        keys_free(table)
        table[0] = old
        return -1
    for at in range(old.mask + 1):
        if old.keys[at]:
            place(table, old.keys[at], old.values[at])
    keys_free(&old)
    return 0
