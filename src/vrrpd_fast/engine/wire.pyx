# cython: autotestdict=False
"""VRRP packets as bytes: pack, patch, parse and judge (RFC 9568 section 5, RFC 3768 section 5 for version 2).

No clock, no socket, no state. Checks are made in the order of RFC 9568 7.1; what needs to know the virtual
router (its VRID, peers, interval, addresses) is the machine's part. The steady path is patch and parse, which
touch no Python object.

Supported: VRRPv2 over IPv4, VRRPv3 over IPv4 and IPv6. Version 2 over IPv6 does not exist and is refused.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from collections import namedtuple


cdef extern from "checksum.h" nogil:
    uint32_t checksum_add(const void *data, size_t length, uint32_t sum)
    uint16_t checksum_fold(uint32_t sum)


cdef enum:
    PROTOCOL = 112           # IP protocol, IPv6 next header
    TTL = 255                # 5.1.1.3, 5.1.2.3
    TYPE_ADVERT = 1          # 5.2.2
    TRAFFIC_CLASS = 0xc0     # network control (CS6)
    IPV4_HEADER = 20         # without options
    IPV6_HEADER = 40
    HEADER = 8               # the fixed part of an advert, both versions
    AUTH_DATA = 8            # v2: what follows the addresses (RFC 3768 5.3)
    AUTH_PASS = 1            # v2: a password in them (RFC 2338 5.3.6)
    AT_PRIORITY = 2
    AT_CHECKSUM = 6


# Indexed by `enum reject`: the reason, and the one counter that it moves (RFC 8347's names where it has one).
REJECTS = (
    ("accepted", "advertisement_rcvd"),
    ("ttl", "ip_ttl_errors"),
    ("short", "packet_length_errors"),
    ("version", "version_errors"),
    ("type", "invalid_type_pkts_rcvd"),
    ("length", "packet_length_errors"),
    ("checksum", "checksum_errors"),
    ("vrid", "vrid_errors"),
    ("own", "peer_errors"),
    ("peer", "peer_errors"),
    ("auth", "authentication_errors"),
    ("interval", "interval_errors"),
    ("count", "address_list_errors"),
    ("addresses", "address_list_errors"),
)

Advert = namedtuple(
    "Advert",
    "family version type vrid priority interval_cs auth_type multicast source destination addresses ttl "
    "auth_data",
)


cdef inline uint16_t read_be16(const uint8_t *at) noexcept nogil:
    return <uint16_t>(at[0] << 8 | at[1])


cdef inline void write_be16(uint8_t *at, uint16_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 8)
    at[1] = <uint8_t>value


cdef inline size_t address_size(int family) noexcept nogil:
    return 4 if family == 4 else 16


cdef size_t message_size(int family, int version, size_t count) noexcept nogil:
    return HEADER + count * address_size(family) + (AUTH_DATA if version == 2 else 0)


cdef uint32_t add_pseudo_header(const uint8_t *source, const uint8_t *destination, int family,
                                size_t length, uint32_t total) noexcept nogil:
    """Add the pseudo-header to a partial sum; both families have the same words in it (RFC 8200 8.1)."""
    cdef uint8_t rest[4]
    rest[0] = 0
    rest[1] = PROTOCOL
    write_be16(rest + 2, <uint16_t>length)
    total = checksum_add(source, address_size(family), total)
    total = checksum_add(destination, address_size(family), total)
    return checksum_add(rest, sizeof(rest), total)


cdef bint is_checksum_right(const uint8_t *message, size_t length, const advert_t *advert) noexcept nogil:
    """P10: v2 covers the message, v3 over IPv6 the pseudo-header too; v3 over IPv4 is seen in both forms."""
    cdef uint32_t total = checksum_add(message, length, 0)
    if advert.family == 4 and checksum_fold(total) == 0:
        return True
    if advert.version == 2:
        return False
    total = add_pseudo_header(advert.source, advert.destination, advert.family, length, total)
    return checksum_fold(total) == 0


cdef int parse_message(const uint8_t *message, size_t received, size_t length, int expected_version,
                       advert_t *out) noexcept nogil:
    """R2 to R6. `received` bytes are there, `length` is what the IP header says; `out` has its IP part."""
    if received < HEADER or length < HEADER:
        return REJECT_SHORT
    out.version = message[0] >> 4
    out.type = message[0] & 0x0f
    out.vrid = message[1]
    out.priority = message[2]
    out.count = message[3]
    if out.version == 3:
        out.interval_cs = read_be16(message + 4) & 0x0fff  # the reserve nibble is ignored (5.2.6)
    elif out.version == 2 and out.family == 4:
        out.auth_type = message[4]
        out.interval_cs = message[5] * <uint32_t>100
    else:
        return REJECT_VERSION
    if expected_version != 0 and out.version != expected_version:
        return REJECT_VERSION
    if out.type != TYPE_ADVERT:
        return REJECT_TYPE
    if length != message_size(out.family, out.version, out.count) or received < length:
        return REJECT_LENGTH
    if not is_checksum_right(message, length, out):
        return REJECT_CHECKSUM
    if out.vrid == 0:  # 5.2.3; nobody can have it configured
        return REJECT_VRID
    out.message = message
    out.addresses = message + HEADER
    out.length = length
    return ACCEPTED


cdef size_t find_message(const uint8_t *datagram, size_t length) noexcept nogil:
    """Where the VRRP message starts in an IPv4 datagram; 0 when there is none to be read."""
    cdef size_t header
    if length < IPV4_HEADER or datagram[0] >> 4 != 4:
        return 0
    header = (datagram[0] & 0x0f) * 4  # options may follow the first 20 bytes
    if header < IPV4_HEADER or header > length:
        return 0
    if read_be16(datagram + 6) & 0x3fff:  # a fragment: more to come, or an offset
        return 0
    return header


cdef int parse_ipv4(const uint8_t *datagram, size_t length, int expected_version, bint any_ttl,
                    advert_t *out) noexcept nogil:
    """R1 to R6 for a datagram with its IP header. `out` has source and destination unless it is too short.

    What lies behind the IP total length is link padding and no part of the message.
    """
    cdef size_t header, total
    memset(out, 0, sizeof(advert_t))
    out.family = 4
    if length < IPV4_HEADER:
        return REJECT_SHORT
    memcpy(out.source, datagram + 12, 4)
    memcpy(out.destination, datagram + 16, 4)
    out.multicast = datagram[16] & 0xf0 == 0xe0
    out.ttl = datagram[8]
    if out.ttl != TTL and not any_ttl:
        return REJECT_TTL
    header = find_message(datagram, length)
    total = read_be16(datagram + 2)
    if header == 0 or total < header:
        return REJECT_SHORT
    return parse_message(datagram + header, length - header, total - header, expected_version, out)


cdef int parse_ipv6(const uint8_t *message, size_t length, const uint8_t *source,
                    const uint8_t *destination, int hop_limit, int expected_version, bint any_ttl,
                    advert_t *out) noexcept nogil:
    """R1 to R6 for a message whose IPv6 header the kernel has taken off."""
    memset(out, 0, sizeof(advert_t))
    out.family = 6
    memcpy(out.source, source, 16)
    memcpy(out.destination, destination, 16)
    out.multicast = destination[0] == 0xff
    if hop_limit != TTL and not (any_ttl and hop_limit >= 0):  # -1: the kernel did not say
        return REJECT_TTL
    out.ttl = <uint8_t>hop_limit
    return parse_message(message, length, length, expected_version, out)


cdef int peek_vrid_ipv4(const uint8_t *datagram, size_t length) noexcept nogil:
    cdef size_t header = find_message(datagram, length)
    if header == 0:
        return -1
    return peek_vrid_ipv6(datagram + header, length - header)


cdef int peek_vrid_ipv6(const uint8_t *message, size_t length) noexcept nogil:
    return message[1] if length >= 2 else -1


cdef void patch_priority(uint8_t *datagram, uint8_t priority) noexcept nogil:
    """Incremental update by RFC 1624 equation 3: HC' = ~(~HC + ~m + m').

    A sum that was never zero stays so under this equation, hence the same bytes as packing anew.
    """
    cdef uint8_t *message = datagram
    cdef uint16_t old, new
    cdef uint32_t total
    message += IPV6_HEADER if datagram[0] >> 4 == 6 else (datagram[0] & 0x0f) * 4
    old = read_be16(message + AT_PRIORITY)
    message[AT_PRIORITY] = priority
    new = read_be16(message + AT_PRIORITY)
    total = <uint16_t>~read_be16(message + AT_CHECKSUM)
    total += <uint16_t>~old
    total += new
    write_be16(message + AT_CHECKSUM, checksum_fold(total))


def pack_advert(*, family, version, vrid, priority, interval_cs, addresses, source, destination,
                checksum="rfc5798", ttl=TTL, auth_pass=b""):
    check_fields(family, version, vrid, priority, interval_cs, addresses, source, destination, checksum, ttl,
                 auth_pass)
    cdef bint is_ipv4 = family == 4
    cdef size_t header = IPV4_HEADER if is_ipv4 else IPV6_HEADER
    cdef size_t size = address_size(family)
    cdef size_t length = message_size(family, version, len(addresses))
    cdef bytearray packet = bytearray(header + length)
    cdef uint8_t *datagram = <uint8_t *>packet
    cdef uint8_t *message = datagram + header
    cdef uint8_t *at = message + HEADER
    cdef bytes address
    cdef uint32_t total = 0
    cdef uint16_t field

    message[0] = <uint8_t>(<int>version << 4 | TYPE_ADVERT)
    message[1] = vrid
    message[2] = priority
    message[3] = <uint8_t>len(addresses)
    write_be16(message + 4, interval_cs if version == 3 else interval_cs // 100)  # v2: seconds, one byte
    if auth_pass:
        message[4] = AUTH_PASS
        memcpy(message + length - AUTH_DATA, <const uint8_t *><bytes>auth_pass, <size_t>len(auth_pass))
    for address in addresses:
        memcpy(at, <const uint8_t *>address, size)
        at += size
    if not is_ipv4 or (version == 3 and checksum == "rfc5798"):
        total = add_pseudo_header(source, destination, family, length, 0)
    field = checksum_fold(checksum_add(message, length, total))
    memcpy(message + AT_CHECKSUM, &field, 2)

    if is_ipv4:
        datagram[0] = 4 << 4 | IPV4_HEADER // 4
        datagram[1] = TRAFFIC_CLASS
        write_be16(datagram + 2, <uint16_t>(header + length))
        datagram[6] = 0x40  # don't fragment; with it an identification of 0 is fine (RFC 6864 4.1)
        datagram[8] = ttl
        datagram[9] = PROTOCOL
        memcpy(datagram + 12, <const uint8_t *>source, 4)
        memcpy(datagram + 16, <const uint8_t *>destination, 4)
        field = checksum_fold(checksum_add(datagram, header, 0))
        memcpy(datagram + 10, &field, 2)
    else:
        write_be16(datagram, 6 << 12 | TRAFFIC_CLASS << 4)
        write_be16(datagram + 4, <uint16_t>length)
        datagram[6] = PROTOCOL
        datagram[7] = ttl
        memcpy(datagram + 8, <const uint8_t *>source, 16)
        memcpy(datagram + 24, <const uint8_t *>destination, 16)
    return bytes(packet)


cdef check_fields(family, version, vrid, priority, interval_cs, addresses, source, destination, checksum,
                  ttl, auth_pass):
    """ValueError that begins with the name of the field that cannot be packed."""
    if family not in (4, 6):
        raise ValueError(f"family: {family!r} is neither 4 nor 6")
    if version not in (2, 3):
        raise ValueError(f"version: {version!r} is neither 2 nor 3")
    if version == 2 and family == 6:
        raise ValueError("version: 2 does not exist over IPv6")
    check_range("vrid", vrid, 1, 255)
    check_range("priority", priority, 0, 255)
    check_range("ttl", ttl, 0, 255)
    if version == 3:
        check_range("interval_cs", interval_cs, 1, 4095)
    else:
        check_range("interval_cs", interval_cs, 100, 25500)
        if interval_cs % 100:
            raise ValueError(f"interval_cs: {interval_cs} is not whole seconds, as version 2 needs")
    check_range("addresses: count", len(addresses), 1, 255)
    for address in addresses:
        check_address("addresses", address, family)
    check_address("source", source, family)
    check_address("destination", destination, family)
    if checksum not in ("rfc5798", "rfc9568"):
        raise ValueError(f"checksum: {checksum!r} is neither 'rfc5798' nor 'rfc9568'")
    if auth_pass and version != 2:
        raise ValueError("auth_pass: is for version 2")
    check_range("auth_pass: length", len(auth_pass), 0, AUTH_DATA)


cdef check_range(str field, value, int low, int high):
    if not low <= value <= high:
        raise ValueError(f"{field}: {value} is not in {low}..{high}")


cdef check_address(str field, address, int family):
    if type(address) is not bytes or len(address) != <Py_ssize_t>address_size(family):
        raise ValueError(f"{field}: {address!r} is not {address_size(family)} bytes")


def set_priority(bytearray datagram not None, priority):
    check_range("priority", priority, 0, 255)
    cdef size_t length = len(datagram)
    cdef const uint8_t *data = datagram
    cdef bint is_ipv6 = length > 0 and data[0] >> 4 == 6
    cdef size_t header = IPV6_HEADER if is_ipv6 else find_message(data, length)
    if header == 0 or length < header + HEADER:
        raise ValueError("datagram: holds no whole VRRP header")
    patch_priority(datagram, priority)


def checksum(bytes data not None):
    cdef uint16_t field = checksum_fold(checksum_add(<const uint8_t *>data, len(data), 0))
    return read_be16(<const uint8_t *>&field)


def judge_ipv4(bytes datagram not None, int expected_version=0, bint any_ttl=False):
    cdef advert_t advert
    cdef int verdict = parse_ipv4(datagram, len(datagram), expected_version, any_ttl, &advert)
    return verdict, as_tuple(&advert) if verdict == ACCEPTED else None


def judge_ipv6(bytes message not None, bytes source not None, bytes destination not None, int hop_limit=TTL,
               int expected_version=0, bint any_ttl=False):
    check_address("source", source, 6)
    check_address("destination", destination, 6)
    cdef advert_t advert
    cdef int verdict = parse_ipv6(message, len(message), source, destination, hop_limit, expected_version,
                                  any_ttl, &advert)
    return verdict, as_tuple(&advert) if verdict == ACCEPTED else None


cdef as_tuple(const advert_t *advert):
    cdef size_t size = address_size(advert.family)
    cdef size_t i
    return Advert(
        advert.family,
        advert.version,
        advert.type,
        advert.vrid,
        advert.priority,
        advert.interval_cs,
        advert.auth_type,
        advert.multicast != 0,
        advert.source[:size],
        advert.destination[:size],
        tuple([advert.addresses[i * size:(i + 1) * size] for i in range(advert.count)]),
        advert.ttl,
        advert.message[advert.length - AUTH_DATA:advert.length] if advert.version == 2 else b"",
    )


def vrid_ipv4(bytes datagram not None):
    return peek_vrid_ipv4(datagram, len(datagram))


def vrid_ipv6(bytes message not None):
    return peek_vrid_ipv6(message, len(message))


# What packing must give, byte for byte; made with another packet library. (arguments, datagram)
cdef tuple GOLDEN = (
    (
        dict(family=4, version=2, vrid=51, priority=100, interval_cs=100, addresses=[bytes((192, 0, 2, 254))],
             source=bytes((192, 0, 2, 1)), destination=bytes((224, 0, 0, 18))),
        "45c0002800004000ff70d891c0000201e0000012213364010001b7cbc00002fe0000000000000000",
    ),
    (
        dict(family=4, version=3, vrid=51, priority=100, interval_cs=100, addresses=[bytes((192, 0, 2, 254))],
             source=bytes((192, 0, 2, 1)), destination=bytes((224, 0, 0, 18))),
        "45c0002000004000ff70d899c0000201e000001231336401006404d8c00002fe",
    ),
    (
        dict(family=6, version=3, vrid=51, priority=100, interval_cs=100,
             addresses=[bytes.fromhex("fe80000000000000") + bytes(7) + b"\x51"],
             source=bytes.fromhex("fe80000000000000") + bytes(7) + b"\x01",
             destination=bytes.fromhex("ff02000000000000") + bytes(7) + b"\x12"),
        "6c000000001870fffe800000000000000000000000000001ff020000000000000000000000000012"
        "3133640100646d76fe800000000000000000000000000051",
    ),
)


def self_test():
    for arguments, expected in GOLDEN:
        datagram = pack_advert(**arguments)
        what = f"VRRPv{arguments['version']} over IPv{arguments['family']}"
        if datagram.hex() != expected:
            raise RuntimeError(f"self test: {what} is packed as {datagram.hex()}, not {expected}")
        released = bytearray(datagram)
        set_priority(released, 0)
        if released != pack_advert(**{**arguments, "priority": 0}):
            raise RuntimeError(f"self test: {what} is not patched as it is packed")
        if arguments["family"] == 4:
            verdict, advert = judge_ipv4(datagram)
        else:
            verdict, advert = judge_ipv6(
                datagram[IPV6_HEADER:], arguments["source"], arguments["destination"]
            )
        if verdict != ACCEPTED or advert.priority != arguments["priority"]:
            raise RuntimeError(f"self test: {what} is refused: {REJECTS[verdict][0]}")
