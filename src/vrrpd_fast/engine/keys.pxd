# A hash table from 64-bit keys to small integers. See keys.pyx.

from libc.stdint cimport int32_t, uint32_t, uint64_t

ctypedef struct keys_t:
    uint64_t *keys             # 0: free
    int32_t *values
    uint32_t mask              # size - 1, a power of two less one
    uint32_t used

cdef inline uint64_t mix(uint64_t value) noexcept nogil:
    """A 64-bit finaliser (splitmix64): every input bit reaches every output bit."""
    value = (value ^ (value >> 30)) * <uint64_t> 0xbf58476d1ce4e5b9
    value = (value ^ (value >> 27)) * <uint64_t> 0x94d049bb133111eb
    return value ^ (value >> 31)

cdef int keys_init(keys_t *table) noexcept nogil
cdef void keys_free(keys_t *table) noexcept nogil
cdef int32_t keys_find(const keys_t *table, uint64_t key) noexcept nogil
cdef int keys_put(keys_t *table, uint64_t key, int32_t value) noexcept nogil
cdef void keys_remove(keys_t *table, uint64_t key) noexcept nogil
