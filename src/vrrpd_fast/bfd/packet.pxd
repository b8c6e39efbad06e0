# BFD Control packets as bytes: the declarations that session and speaker cimport. See packet.pyx.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    CONTROL_LENGTH = 24        # without an authentication section

cdef enum bfd_state:           # RFC 5880 4.1
    ADMIN_DOWN = 0
    DOWN = 1
    INIT = 2
    UP = 3

cdef enum bfd_diagnostic:      # RFC 5880 4.1; those that we give
    DIAG_NONE = 0
    DIAG_EXPIRED = 1
    DIAG_NEIGHBOUR_DOWN = 3
    DIAG_ADMIN_DOWN = 7

cdef enum bfd_flag:
    FLAG_MULTIPOINT = 0x01
    FLAG_DEMAND = 0x02
    FLAG_AUTHENTICATION = 0x04
    FLAG_FINAL = 0x10
    FLAG_POLL = 0x20

# Why a packet is refused, in the order of the checks (RFC 5880 6.8.6). Their names: REFUSALS.
cdef enum refusal:
    TAKEN = 0
    REFUSED_SHORT = 1
    REFUSED_VERSION = 2
    REFUSED_LENGTH = 3
    REFUSED_MULTIPLIER = 4
    REFUSED_MULTIPOINT = 5
    REFUSED_DISCRIMINATOR = 6  # the sender's is 0
    REFUSED_STATE = 7          # our discriminator is 0 in a state that knows it
    REFUSED_SESSION = 8        # of nobody here
    REFUSED_SENDER = 9         # our discriminator, but not from that neighbour, or not to our address
    REFUSED_TTL = 10           # RFC 5881 5, or as max_hops says
    REFUSED_AUTHENTICATION = 11
    REFUSALS_COUNT = 12

ctypedef struct control_t:
    uint8_t diagnostic
    uint8_t state
    uint8_t flags
    uint8_t multiplier
    uint32_t my_discriminator
    uint32_t your_discriminator
    uint32_t min_tx_us
    uint32_t min_rx_us

# What can be judged without the session; REFUSED_AUTHENTICATION is the machine's, by FLAG_AUTHENTICATION.
cdef int control_parse(const uint8_t *data, size_t length, control_t *out) noexcept nogil
cdef void control_pack(uint8_t *out, const control_t *control) noexcept nogil

# The UDP checksum (RFC 768, RFC 8200 8.1) over pseudo-header and datagram, in whose checksum field 0 stands.
cdef uint16_t udp_checksum(const uint8_t *source, const uint8_t *destination, size_t address_length,
                           const uint8_t *datagram, size_t length) noexcept nogil
