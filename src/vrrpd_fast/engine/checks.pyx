"""R8 to R14, U4 to U6: the checks of an advert that need to know the virtual router (RFC 9568 7.1)."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from vrrpd_fast.engine.keys cimport mix
from vrrpd_fast.engine.virtual_router cimport (
    ADDRESS_LIST_ERRORS, INTERVAL_ERRORS, STATE_BACKUP, vr_t,
)
from vrrpd_fast.engine.wire cimport (
    ACCEPTED, REJECT_ADDRESSES, REJECT_AUTH, REJECT_COUNT, REJECT_INTERVAL, REJECT_OWN, REJECT_PEER,
    REJECT_TTL, advert_t,
)


cdef uint64_t hash_addresses(const uint8_t *addresses, int count, int length) noexcept nogil:
    cdef uint64_t total = 0, low, high
    cdef int i
    for i in range(count):
        low = 0
        high = 0
        if length == 4:
            memcpy(&low, addresses + i * 4, 4)
        else:
            memcpy(&low, addresses + i * 16, 8)
            memcpy(&high, addresses + i * 16 + 8, 8)
        total += mix(mix(low + <uint64_t> 0x9e3779b97f4a7c15) + high)
    return total


cdef int find_peer(const vr_t *vr, const uint8_t *address) noexcept nogil:
    cdef int peer
    for peer in range(vr.set.peer_count):
        if memcmp(address, vr.set.peers + peer * vr.address_length, vr.address_length) == 0:
            return peer
    return -1


cdef int check_sender(const vr_t *vr, const advert_t *advert) noexcept nogil:
    """R11, R14, U4 to U6: whether we may be hearing this at all."""
    cdef const uint8_t *ttls
    cdef int peer
    if memcmp(advert.source, vr.source, vr.address_length) == 0:
        return REJECT_OWN
    if not vr.set.is_unicast:
        if memcmp(advert.destination, vr.set.group, vr.address_length) != 0:
            return REJECT_PEER
    else:
        peer = find_peer(vr, advert.source)
        if advert.multicast or (peer < 0 and vr.set.check_unicast_src):
            return REJECT_PEER
        if peer >= 0:
            ttls = vr.set.peer_ttls + 2 * peer
            if not ttls[0] <= advert.ttl <= ttls[1]:
                return REJECT_TTL
    if advert.auth_type != vr.set.auth_type:
        return REJECT_AUTH
    # The last 8 bytes of a version 2 message (RFC 2338 5.3.10).
    if advert.auth_type == 1 and memcmp(advert.message + advert.length - 8, vr.set.auth_pass, 8) != 0:
        return REJECT_AUTH
    return ACCEPTED


cdef bint lists_our_addresses(const vr_t *vr, const advert_t *advert) noexcept nogil:
    return advert.count == vr.set.address_count and (
        memcmp(advert.addresses, vr.set.addresses, <size_t> advert.count * vr.address_length) == 0
        or hash_addresses(advert.addresses, advert.count, vr.address_length) == vr.set.addresses_hash
    )


cdef bint is_followed(const vr_t *vr, const advert_t *advert) noexcept nogil:
    """Whether the sender is the master that the advert before came from."""
    return (vr.state == STATE_BACKUP and vr.last_seen_ns >= 0
            and memcmp(advert.source, vr.master, vr.address_length) == 0)


cdef int check(vr_t *vr, const advert_t *advert, uint32_t *told) noexcept nogil:
    cdef bint same
    cdef int verdict = check_sender(vr, advert)
    told[0] = 0
    if verdict != ACCEPTED:
        return verdict
    if advert.interval_cs == 0 or (vr.version == 2 and advert.interval_cs != vr.set.interval_cs):
        return REJECT_INTERVAL
    if advert.count == 0:
        return REJECT_COUNT
    vr.odd = 0
    if not (vr.set.skip_check_adv_addr and is_followed(vr, advert)):
        same = lists_our_addresses(vr, advert)
        # RFC 3768 7.1 drops a list that is not ours unless the owner sent it; RFC 9568 leaves it to us.
        if not same and ((vr.version == 2 and advert.priority != 255) or vr.set.check_addresses):
            return REJECT_ADDRESSES
        if vr.family == 6 and (advert.addresses[0] != 0xfe or advert.addresses[1] & 0xc0 != 0x80):
            if vr.set.strict:
                return REJECT_ADDRESSES
            told[0] |= <uint32_t> 1 << TELL_LINK_LOCAL
        if not same:
            told[0] |= <uint32_t> 1 << TELL_ADDRESSES
        if told[0]:
            vr.counters[ADDRESS_LIST_ERRORS] += 1
            vr.odd = 1
    if advert.interval_cs != vr.set.interval_cs:
        vr.counters[INTERVAL_ERRORS] += 1
        vr.odd = 1
        told[0] |= <uint32_t> 1 << TELL_INTERVAL
    if vr.priority == 255 and advert.priority == 255:
        told[0] |= <uint32_t> 1 << TELL_OWNER
    return ACCEPTED
