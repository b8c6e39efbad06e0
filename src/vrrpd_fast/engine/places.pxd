# Which virtual router an advert is for. See places.pyx.

from libc.stdint cimport int32_t, uint8_t, uint32_t

from vrrpd_fast.engine.keys cimport keys_t
from vrrpd_fast.engine.virtual_router cimport vr_t

ctypedef struct places_t:
    keys_t keys                # (ifindex, family, VRID) -> handle of the first there
    int32_t ambiguous          # how many share a key or have no interface

# `routers` are the virtual routers by handle, all along.
cdef int places_init(places_t *places) noexcept nogil
cdef void places_free(places_t *places) noexcept nogil
cdef int32_t places_first(const places_t *places, uint32_t ifindex, int family, int vrid) noexcept nogil
cdef int32_t places_find(const places_t *places, const vr_t *routers, uint32_t ifindex, int family, int vrid,
                         const uint8_t *source, const uint8_t *destination) noexcept nogil
cdef bint places_taken(const places_t *places, const vr_t *routers, uint32_t ifindex,
                       const vr_t *vr) noexcept nogil
cdef int places_add(places_t *places, vr_t *routers, int32_t handle) noexcept nogil
cdef void places_remove(places_t *places, vr_t *routers, int32_t handle) noexcept nogil
