"""How large an advert is, and how many addresses one has room for."""

from vrrpd_fast.model import Family, Instance

# An advert is one datagram that is not fragmented. Where the MTU is smaller, the kernel says so at run time.
MTU = 1500
_IP_HEADER = {Family.IPV4: 20, Family.IPV6: 40}
_ADDRESS_SIZE = {Family.IPV4: 4, Family.IPV6: 16}
_VRRP_HEADER = 8
_VERSION_2_TRAILER = 8  # authentication data (RFC 3768 5.3.10)
_MOST_BY_COUNT_FIELD = 255


def _without_addresses(family: Family, version: int) -> int:
    return _IP_HEADER[family] + _VRRP_HEADER + (_VERSION_2_TRAILER if version == 2 else 0)


def most_addresses(family: Family, version: int) -> int:
    """How many addresses one advert can list (RFC 9568 5.2.5, MTU 1500)."""
    return min(_MOST_BY_COUNT_FIELD, (MTU - _without_addresses(family, version)) // _ADDRESS_SIZE[family])


def advert_size(instance: Instance) -> int:
    """Bytes of an advert of this virtual router with its IP header."""
    family = instance.family
    addresses = len(instance.virtual_addresses) * _ADDRESS_SIZE[family]
    return _without_addresses(family, instance.version) + addresses
