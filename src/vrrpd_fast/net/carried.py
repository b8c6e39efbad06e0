"""What a virtual router carries in the kernel: requests that are ready before they are needed.

Addresses, routes and rules go the same way: one message adds it, another removes it, and the kernel says
which it refused.
"""

import errno
from collections.abc import Callable, Sequence
from typing import ClassVar

from msgspec import Struct

from vrrpd_fast.net.netlink import Netlink, NetlinkError


class Carried(Struct, eq=False, kw_only=True):
    """One thing with the messages that add and remove it. Its text names it for a reader.

    `is_slow`: the kernel may take a hundred times as long to add it as another.
    """

    # Refusals that mean that what was asked for is so already.
    present: ClassVar[frozenset[int]] = frozenset({errno.EEXIST})
    absent: ClassVar[frozenset[int]] = frozenset()

    add: bytearray
    remove: bytearray
    is_slow: bool = False


class Failure(Struct, frozen=True):
    """What the kernel said against one of a slice."""

    subject: Carried
    error: NetlinkError

    def __str__(self) -> str:
        return f"{self.subject}: {self.error}"


def add(netlink: Netlink, carried: Sequence[Carried]) -> list[Failure]:
    """Add one slice. What is there already is no failure."""
    errors = netlink.transact([each.add for each in carried])
    return [
        Failure(carried[error.index], error)
        for error in errors
        if error.errno not in carried[error.index].present
    ]


def remove(
    netlink: Netlink, carried: Sequence[Carried], on_removed: Callable[[Carried], None]
) -> list[Failure]:
    """Remove one slice, telling `on_removed` each that went by our doing. What is not there is no failure."""
    errors = netlink.transact([each.remove for each in carried])
    refused = {error.index for error in errors}
    for index, each in enumerate(carried):
        if index not in refused:
            on_removed(each)
    return [
        Failure(carried[error.index], error)
        for error in errors
        if error.errno not in carried[error.index].absent
    ]
