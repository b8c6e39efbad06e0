# VRRP packets as bytes: the declarations that machine and engine cimport. See wire.pyx for the rules.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

# Why an advert is refused, in the order of the checks (RFC 9568 7.1); their names: REJECTS in wire.pyx.
cdef enum reject:
    ACCEPTED = 0
    REJECT_TTL = 1             # R1, U4 TTL or hop limit is not 255, or not in a peer's range
    REJECT_SHORT = 2           # R2  fixed header incomplete
    REJECT_VERSION = 3         # R3  not 2 or 3, or not the configured one
    REJECT_TYPE = 4            # R4  not ADVERTISEMENT
    REJECT_LENGTH = 5          # R5  length differs from what count and version say
    REJECT_CHECKSUM = 6        # R6
    REJECT_VRID = 7            # R7  not configured on the receiving interface and family
    REJECT_OWN = 8             # R14 our own advert came back
    REJECT_PEER = 9            # U5, U6 not from a configured peer, or unicast/multicast mixed up
    REJECT_AUTH = 10           # R11 v2 authentication type or password is not ours
    REJECT_INTERVAL = 11       # R9, R10 v3 interval 0, v2 interval not ours
    REJECT_COUNT = 12          # R13 no addresses
    REJECT_ADDRESSES = 13      # R12 v2 address list differs and the sender is not the owner
    REJECT_LAST = 14

ctypedef struct advert_t:
    uint8_t family             # 4 or 6
    uint8_t version
    uint8_t type
    uint8_t vrid
    uint8_t priority
    uint8_t count
    uint8_t auth_type          # v2 only, else 0
    uint8_t ttl                # or hop limit
    uint8_t multicast          # 1 when the destination is a multicast address
    uint32_t interval_cs       # centiseconds in both versions
    uint32_t ifindex           # filled in by the receiver, not by parse
    uint8_t source[16]         # IPv4 in the first four bytes, rest zero
    uint8_t destination[16]
    const uint8_t *message     # the VRRP message inside the packet
    const uint8_t *addresses   # count * (4 or 16) bytes of it
    size_t length              # of the message

# A whole IPv4 datagram as a raw socket gives it. expected_version 0 accepts 2 and 3; any_ttl leaves R1 out.
cdef int parse_ipv4(const uint8_t *datagram, size_t length, int expected_version, bint any_ttl,
                    advert_t *out) noexcept nogil

# A VRRP message; source and destination are 16 bytes, the hop limit comes from IPV6_HOPLIMIT.
cdef int parse_ipv6(const uint8_t *message, size_t length, const uint8_t *source,
                    const uint8_t *destination, int hop_limit, int expected_version, bint any_ttl,
                    advert_t *out) noexcept nogil

# The VRID of an IPv4 datagram / a VRRP message, before any check; -1 when it is too short to have one.
cdef int peek_vrid_ipv4(const uint8_t *datagram, size_t length) noexcept nogil
cdef int peek_vrid_ipv6(const uint8_t *message, size_t length) noexcept nogil

# Set the priority of a packed datagram (IP header included) and mend its VRRP checksum (RFC 1624).
cdef void patch_priority(uint8_t *datagram, uint8_t priority) noexcept nogil

# Bytes of a message with so many addresses.
cdef size_t message_size(int family, int version, size_t count) noexcept nogil
