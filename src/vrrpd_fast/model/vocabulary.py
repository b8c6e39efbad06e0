"""The words of VRRP itself: states, reasons, families, what adverts can have wrong."""

import enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from msgspec import Struct

NS_PER_CS = 10_000_000
NS_PER_S = 1_000_000_000

# By which addresses (IFA_PROTO), routes (rtm_protocol) and rules (FRA_PROTOCOL) of ours are known in the
# kernel: the number of VRRP among IP protocols, which no routing daemon has.
OWNER_TAG = 112
VRRP_GROUP4 = IPv4Address("224.0.0.18")
VRRP_GROUP6 = IPv6Address("ff02::12")
JSON = dict[str, Any]


class Family(enum.IntEnum):
    """Address family of a virtual router; the value is the IP version."""

    IPV4 = 4
    IPV6 = 6


# Looking it up is five times as fast as making it, which thousands of addresses feel.
FAMILIES = {int(family): family for family in Family}


class State(enum.IntEnum):
    """States as users and scripts of keepalived know them; RFC 9568 says Initialize and Active."""

    INIT = 0
    BACKUP = 1
    MASTER = 2
    FAULT = 3


class Reason(enum.IntEnum):
    """Why a virtual router changed its state. The values are those of `enum reason` in engine/machine.pxd."""

    NONE = 0
    STARTUP = 1  # no protocol cause: it was started, or started again
    OWNER = 2  # priority 255 starts as MASTER (RFC 9568 6.4.1)
    NO_ADVERT = 3  # the down timer ran out (6.4.2)
    RESIGNED = 4  # priority 0 heard, then the skew time ran out (6.4.2)
    PREEMPT = 5  # a master of lower priority was heard and ignored until the down timer ran out
    HIGHER_PRIORITY = 6  # 6.4.3
    HIGHER_ADDRESS = 7  # equal priority, the sender's primary address is higher (6.4.3)
    SHUTDOWN = 8
    INTERFACE_DOWN = 9
    INTERFACE_GONE = 10
    NO_ADDRESS = 11  # the interface has no primary address of the family
    TRACKED_SCRIPT = 12
    TRACKED_INTERFACE = 13
    RECOVERED = 14  # what caused FAULT is over
    RECONFIGURED = 15
    NO_PEERS = 16  # unicast without a peer (unicast_fault_no_peer)
    SYNC_GROUP = 17  # another member of its vrrp_sync_group made it
    TRACKED_FILE = 18
    TRACKED_PROCESS = 19
    TRACKED_PROBE = 20
    TRACKED_BFD = 21
    OPERATOR = 22  # vrrpctl resign


class Complaint(enum.IntEnum):
    """What is said once about the adverts of a virtual router, until its state changes.

    The values are those of `enum reject` in engine/wire.pxd and `enum complaint` in engine/checks.pxd.
    """

    TTL = 1
    SHORT = 2
    VERSION = 3
    TYPE = 4
    LENGTH = 5
    CHECKSUM = 6
    PEER = 9
    AUTHENTICATION = 10
    INTERVAL_REFUSED = 11
    NO_ADDRESSES = 12
    ADDRESSES_REFUSED = 13
    INTERVAL = 14  # adopted
    ADDRESSES = 15  # accepted
    SECOND_OWNER = 16
    NOT_LINK_LOCAL = 17  # accepted


class Transition(Struct, frozen=True, kw_only=True):
    """A state change as the engine reports it; what the peer's fields mean depends on `reason`."""

    handle: int
    old: State
    new: State
    reason: Reason
    at_ns: int  # CLOCK_MONOTONIC
    master_address: IPv4Address | IPv6Address | None  # last master heard, or who outranked us
    master_priority: int
    silence_ns: int  # since the last accepted advert; -1 when none was heard
    down_interval_ns: int  # the down timer that ran out: down_timer_adverts × interval + skew
    skew_ns: int
    deadline_ns: int = -1  # the down deadline that made it MASTER; -1: none did
    sent_ns: int = -1  # when the adverts that belong to it had been given to the kernel; -1: not known


class Snapshot(Struct, frozen=True, kw_only=True):
    """What the engine knows of one virtual router now."""

    state: State
    priority: int  # effective
    master_interval_cs: int
    master_address: IPv4Address | IPv6Address | None
    master_priority: int
    statistics: dict[str, int]
