# The checks of an advert that need to know the virtual router. See checks.pyx.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from vrrpd_fast.engine.virtual_router cimport vr_t
from vrrpd_fast.engine.wire cimport advert_t

cdef enum complaint:           # what is told once besides the reject reasons of wire.pxd
    TELL_INTERVAL = 14         # v3: the master's interval is not ours; adopted
    TELL_ADDRESSES = 15        # the address list is not ours; accepted
    TELL_OWNER = 16            # two routers claim to own the addresses
    TELL_LINK_LOCAL = 17       # the first IPv6 address is not link-local; accepted

# ACCEPTED or a reject reason; `told` gets the complaints (as bits) about an advert that is accepted.
cdef int check(vr_t *vr, const advert_t *advert, uint32_t *told) noexcept nogil

# Equal for equal sets of addresses, whatever their order.
cdef uint64_t hash_addresses(const uint8_t *addresses, int count, int length) noexcept nogil

# Where in `peers` an address stands; -1 when it is none of them.
cdef int find_peer(const vr_t *vr, const uint8_t *address) noexcept nogil
