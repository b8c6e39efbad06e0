"""Which virtual router an advert is for: by (ifindex, family, VRID), and where several have that, by more.

Mostly there is one. Several share a key when groups or unicast peers tell them apart: a chain by `next`. And
unicast without an interface has ifindex 0: it is looked for where nobody else is meant.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from vrrpd_fast.engine.checks cimport find_peer
from vrrpd_fast.engine.keys cimport keys_find, keys_free, keys_init, keys_put, keys_remove
from vrrpd_fast.engine.virtual_router cimport vr_t

cdef enum:
    NOBODY = -1
    UNCLEAR = -2


cdef inline uint64_t key_of(uint32_t ifindex, int family, int vrid) noexcept nogil:
    return <uint64_t> ifindex << 16 | <uint64_t> family << 8 | <uint64_t> vrid


cdef int places_init(places_t *places) noexcept nogil:
    """Returns 0, or -1 when there is no memory."""
    places.ambiguous = 0
    return keys_init(&places.keys)


cdef void places_free(places_t *places) noexcept nogil:
    keys_free(&places.keys)


cdef int32_t places_first(const places_t *places, uint32_t ifindex, int family, int vrid) noexcept nogil:
    """The first with this key; -1 when there is none."""
    return keys_find(&places.keys, key_of(ifindex, family, vrid))


cdef int32_t places_find(const places_t *places, const vr_t *routers, uint32_t ifindex, int family, int vrid,
                         const uint8_t *source, const uint8_t *destination) noexcept nogil:
    """Whom an advert is for; negative when it is for nobody here."""
    cdef int32_t handle = places_first(places, ifindex, family, vrid), meant
    if places.ambiguous == 0:
        return handle
    meant = choose(routers, handle, source, destination)
    if meant == NOBODY:
        meant = choose(routers, places_first(places, 0, family, vrid), source, destination)
    if meant == NOBODY and handle >= 0 and routers[handle].next < 0:
        return handle  # alone: it says what is wrong with it
    return meant


cdef int32_t choose(const vr_t *routers, int32_t handle, const uint8_t *source,
                    const uint8_t *destination) noexcept nogil:
    """Who of a chain: by group, by peer, or who alone hears any sender; else NOBODY or UNCLEAR."""
    cdef int32_t alone = NOBODY
    cdef const vr_t *vr
    while handle >= 0:
        vr = &routers[handle]
        if not vr.set.is_unicast:
            if memcmp(destination, vr.set.group, vr.address_length) == 0:
                return handle
        elif memcmp(destination, vr.source, vr.address_length) == 0:
            if find_peer(vr, source) >= 0:
                return handle
            if not vr.set.check_unicast_src:
                alone = handle if alone == NOBODY else UNCLEAR
        handle = vr.next
    return alone


cdef bint places_taken(const places_t *places, const vr_t *routers, uint32_t ifindex,
                       const vr_t *vr) noexcept nogil:
    """Whether another one is there that packets could not tell from `vr`: of the same group."""
    cdef int32_t handle = places_first(places, ifindex, vr.family, vr.vrid)
    cdef const vr_t *other
    while handle >= 0:
        other = &routers[handle]
        if other != vr and not other.set.is_unicast and not vr.set.is_unicast and memcmp(
                other.set.group, vr.set.group, vr.address_length) == 0:
            return True
        handle = other.next
    return False


cdef int places_add(places_t *places, vr_t *routers, int32_t handle) noexcept nogil:
    """Where its ifindex, family and VRID say. Returns 0, or -1 (and nothing is changed) without memory."""
    cdef vr_t *vr = &routers[handle]
    cdef int32_t last = places_first(places, vr.ifindex, vr.family, vr.vrid)
    vr.next = -1
    places.ambiguous += last >= 0 or vr.ifindex == 0
    if last >= 0:
        while routers[last].next >= 0:
            last = routers[last].next
        routers[last].next = handle
    elif keys_put(&places.keys, key_of(vr.ifindex, vr.family, vr.vrid), handle) < 0:
        places.ambiguous -= vr.ifindex == 0
        return -1
    return 0


cdef void places_remove(places_t *places, vr_t *routers, int32_t handle) noexcept nogil:
    cdef vr_t *vr = &routers[handle]
    cdef uint64_t key = key_of(vr.ifindex, vr.family, vr.vrid)
    cdef int32_t before = keys_find(&places.keys, key)
    places.ambiguous -= before != handle or vr.next >= 0 or vr.ifindex == 0
    if before == handle:
        keys_remove(&places.keys, key)
        if vr.next >= 0:
            keys_put(&places.keys, key, vr.next)  # in the room that has just become free
    else:
        while routers[before].next != handle:
            before = routers[before].next
        routers[before].next = vr.next
    vr.next = -1
