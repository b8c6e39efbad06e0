"""What may be set of a virtual router, and changed while it lives."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from vrrpd_fast.engine.checks cimport hash_addresses
from vrrpd_fast.engine.steady cimport STEADY_CHUNK, steady_entry
from vrrpd_fast.engine.virtual_router cimport settings_t, vr_t
from vrrpd_fast.engine.wire cimport message_size

GROUPS = {4: bytes((224, 0, 0, 18)), 6: bytes.fromhex("ff02") + bytes(13) + b"\x12"}


cdef class Settings:

    def __init__(self, int family, int version, *, int priority, uint32_t advert_int_cs, addresses,
                 bint preempt=True, int64_t preempt_delay_ns=0, int down_timer_adverts=3,
                 bint answer_losing=True, bint check_addresses=False, bint skip_check_adv_addr=False,
                 bint strict=False, bint higher_prio_send_advert=False, bint owner_ignore_adverts=False,
                 bytes auth_pass=b"", bint is_unicast=False, peers=(), peer_ttls=(),
                 bint check_unicast_src=False, group=None):
        cdef settings_t *values = &self.values
        cdef size_t room
        if not 1 <= priority <= 255:
            raise ValueError(f"priority {priority} is not in 1..255")
        if not 1 <= advert_int_cs <= (25500 if version == 2 else 4095):
            raise ValueError(f"advertisement interval {advert_int_cs} cs is out of range")
        if not 1 <= down_timer_adverts <= 100:
            raise ValueError(f"down_timer_adverts {down_timer_adverts} is not in 1..100")
        if len(addresses) > 255:
            raise ValueError(f"{len(addresses)} addresses do not fit an advert")
        if len(auth_pass) > 8 or (auth_pass and version != 2):
            raise ValueError("a password has at most 8 bytes, and is for version 2")
        if len(peer_ttls) not in (0, len(peers)):
            raise ValueError(f"{len(peer_ttls)} ranges of TTLs for {len(peers)} peers")
        self.address_length = 4 if family == 4 else 16
        values.addresses = pack_addresses(addresses, self.address_length)
        values.address_count = <uint8_t> len(addresses)
        values.addresses_hash = hash_addresses(values.addresses, values.address_count, self.address_length)
        values.peers = pack_addresses(peers, self.address_length)
        values.peer_count = <int32_t> len(peers)
        values.peer_ttls = pack_addresses([bytes(each) for each in peer_ttls]
                                          or [b"\0\xff"] * len(peers), 2)
        group = GROUPS[family] if group is None else group
        if len(group) != self.address_length:
            raise ValueError(f"a group of {len(group)} bytes for IPv{family}")
        memcpy(values.group, <const char *> group, self.address_length)
        memcpy(values.auth_pass, <const char *> auth_pass, <size_t> len(auth_pass))
        values.auth_type = 1 if auth_pass else 0
        values.priority = <uint8_t> priority
        values.interval_cs = advert_int_cs
        values.down_timer_adverts = <uint8_t> down_timer_adverts
        values.preempt = preempt
        values.preempt_delay_ns = preempt_delay_ns
        values.answer_losing = answer_losing
        values.check_addresses = check_addresses
        values.skip_check_adv_addr = skip_check_adv_addr
        values.strict = strict
        values.higher_prio_send_advert = higher_prio_send_advert
        values.owner_ignore_adverts = owner_ignore_adverts
        values.is_unicast = is_unicast or len(peers) > 0
        values.check_unicast_src = check_unicast_src
        room = message_size(family, version, values.address_count) + STEADY_CHUNK - 1
        room -= room % STEADY_CHUNK
        values.entry = <steady_entry *> calloc(1, sizeof(steady_entry) + room)
        if values.entry == NULL:
            raise MemoryError
        values.entry.room = <uint16_t> room

    def __dealloc__(self):
        settings_free(&self.values)

    cdef void give(self, vr_t *vr) noexcept:
        if vr.steady == vr.set.entry:
            vr.steady = self.values.entry
        settings_free(&vr.set)
        vr.set = self.values
        vr.priority = vr.set.priority
        vr.down_timer_adverts = vr.set.down_timer_adverts
        memset(&self.values, 0, sizeof(settings_t))


cdef void settings_free(settings_t *settings) noexcept nogil:
    free(settings.addresses)
    free(settings.peers)
    free(settings.peer_ttls)
    free(settings.entry)


cdef uint8_t *pack_addresses(addresses, int length) except NULL:
    """Packed addresses one behind the other; ValueError when one has another length."""
    cdef uint8_t *packed
    for address in addresses:
        if len(address) != length:
            raise ValueError(f"an address of {len(address)} bytes among addresses of {length}")
    packed = <uint8_t *> malloc(<size_t> (len(addresses) * length) or 1)
    if packed == NULL:
        raise MemoryError
    for i, address in enumerate(addresses):
        memcpy(packed + <int> i * length, <const char *> address, length)
    return packed
