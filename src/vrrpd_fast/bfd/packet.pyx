"""BFD Control packets as bytes: pack, parse and judge (RFC 5880 section 4.1, 6.8.6).

No clock, no socket, no state. Asynchronous mode without authentication: a packet with an authentication
section is read, so that it can be refused by its own counter. The echo function's packets are none of these.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from collections import namedtuple


cdef extern from "checksum.h" nogil:
    uint32_t checksum_add(const void *data, size_t length, uint32_t sum)
    uint16_t checksum_fold(uint32_t sum)


cdef enum:
    VERSION = 1
    AUTHENTICATED_LENGTH = 26   # the least with an authentication section
    UDP = 17                    # IP protocol, IPv6 next header


# Indexed by `enum refusal`.
REFUSALS = (
    "accepted",
    "short",
    "version",
    "length",
    "multiplier",
    "multipoint",
    "discriminator",
    "state",
    "session",
    "sender",
    "ttl",
    "authentication",
)

Control = namedtuple(
    "Control",
    "diagnostic state flags multiplier my_discriminator your_discriminator min_tx_us min_rx_us",
)


cdef inline uint32_t read_be32(const uint8_t *at) noexcept nogil:
    return <uint32_t> at[0] << 24 | <uint32_t> at[1] << 16 | <uint32_t> at[2] << 8 | at[3]


cdef inline void write_be32(uint8_t *at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t> (value >> 24)
    at[1] = <uint8_t> (value >> 16)
    at[2] = <uint8_t> (value >> 8)
    at[3] = <uint8_t> value


cdef int control_parse(const uint8_t *data, size_t length, control_t *out) noexcept nogil:
    """What follows the packet in its datagram is no part of it and no fault."""
    cdef size_t stated, least
    if length < CONTROL_LENGTH:
        return REFUSED_SHORT
    out.diagnostic = data[0] & 0x1f
    out.state = data[1] >> 6
    out.flags = data[1] & 0x3f
    out.multiplier = data[2]
    stated = data[3]
    out.my_discriminator = read_be32(data + 4)
    out.your_discriminator = read_be32(data + 8)
    out.min_tx_us = read_be32(data + 12)
    out.min_rx_us = read_be32(data + 16)
    if data[0] >> 5 != VERSION:
        return REFUSED_VERSION
    least = AUTHENTICATED_LENGTH if out.flags & FLAG_AUTHENTICATION else CONTROL_LENGTH
    if stated < least or stated > length:
        return REFUSED_LENGTH
    if out.multiplier == 0:
        return REFUSED_MULTIPLIER
    if out.flags & FLAG_MULTIPOINT:
        return REFUSED_MULTIPOINT
    if out.my_discriminator == 0:
        return REFUSED_DISCRIMINATOR
    if out.your_discriminator == 0 and out.state > DOWN:
        return REFUSED_STATE
    return TAKEN


cdef void control_pack(uint8_t *out, const control_t *control) noexcept nogil:
    out[0] = <uint8_t> (VERSION << 5) | control.diagnostic
    out[1] = <uint8_t> (control.state << 6) | control.flags
    out[2] = control.multiplier
    out[3] = CONTROL_LENGTH
    write_be32(out + 4, control.my_discriminator)
    write_be32(out + 8, control.your_discriminator)
    write_be32(out + 12, control.min_tx_us)
    write_be32(out + 16, control.min_rx_us)
    write_be32(out + 20, 0)  # no echo


cdef uint16_t udp_checksum(const uint8_t *source, const uint8_t *destination, size_t address_length,
                           const uint8_t *datagram, size_t length) noexcept nogil:
    cdef uint8_t rest[4]
    cdef uint32_t total
    cdef uint16_t folded
    rest[0] = 0
    rest[1] = UDP
    rest[2] = <uint8_t> (length >> 8)
    rest[3] = <uint8_t> length
    total = checksum_add(source, address_length, 0)
    total = checksum_add(destination, address_length, total)
    total = checksum_add(rest, sizeof(rest), total)
    folded = checksum_fold(checksum_add(datagram, length, total))
    return folded if folded else 0xffff  # 0 would mean that there is none


# For tests and tools; the machine uses the functions above.

def parse(bytes data not None):
    cdef control_t control
    cdef int verdict = control_parse(data, len(data), &control)
    if verdict != TAKEN:
        return verdict, None
    return verdict, Control(control.diagnostic, control.state, control.flags, control.multiplier,
                            control.my_discriminator, control.your_discriminator, control.min_tx_us,
                            control.min_rx_us)


def pack(control):
    cdef control_t packed
    cdef uint8_t out[CONTROL_LENGTH]
    (packed.diagnostic, packed.state, packed.flags, packed.multiplier, packed.my_discriminator,
     packed.your_discriminator, packed.min_tx_us, packed.min_rx_us) = control
    control_pack(out, &packed)
    return out[:CONTROL_LENGTH]
