"""The addresses of one virtual router, as messages that are ready before they are needed."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from vrrpd_fast.model import VirtualAddress
from vrrpd_fast.net import messages
from vrrpd_fast.net.netlink import Netlink, NetlinkError


class Prepared(Struct, eq=False):
    """A virtual address with the messages that add and remove it; `ifindex` 0: no such interface now."""

    address: VirtualAddress
    ifindex: int
    add: bytearray
    remove: bytearray
    frame: tuple[int, bytes] | None = None  # its announcement (ifindex, Ethernet frame), once it is packed

    @property
    def key(self) -> messages.Key:
        return self.ifindex, self.address.address.packed, self.address.prefixlen


class Failure(Struct, frozen=True):
    """What the kernel said against one address."""

    address: VirtualAddress
    error: NetlinkError

    def __str__(self) -> str:
        return f"{self.address} on {self.address.dev}: {self.error}"


class PreparedAddresses:
    """Addresses of one virtual router in the order of its configuration.

    `index_of` names the index of an interface, None when it does not exist.
    """

    def __init__(self, addresses: Iterable[VirtualAddress], index_of: Callable[[str], int | None]) -> None:
        self._all = [_prepare(address, index_of(address.dev) or 0) for address in addresses]
        self._select()

    def retarget(self, dev: str, ifindex: int | None) -> None:
        """An interface came, went (None) or has another index."""
        for prepared in self._all:
            if prepared.address.dev == dev:
                prepared.ifindex = ifindex or 0
                prepared.frame = None
                messages.retarget(prepared.add, prepared.ifindex)
                messages.retarget(prepared.remove, prepared.ifindex)
        self._select()

    def covers(self, ifindex: int, packed: bytes, prefixlen: int) -> bool:
        return (ifindex, packed, prefixlen) in self._by_key

    def find(self, ifindex: int, packed: bytes, prefixlen: int) -> Prepared | None:
        return self._by_key.get((ifindex, packed, prefixlen))

    @property
    def keys(self) -> Iterable[messages.Key]:
        return self._by_key.keys()

    @property
    def additions(self) -> list[Prepared]:
        """What to add, in order: addresses whose interface exists."""
        return list(self._by_key.values())

    @property
    def removals(self) -> list[Prepared]:
        """What to remove, last to first: a primary goes after its secondaries, not with them."""
        return list(reversed(self._by_key.values()))

    @property
    def missing(self) -> list[VirtualAddress]:
        """Addresses whose interface does not exist."""
        return [prepared.address for prepared in self._all if not prepared.ifindex]

    def _select(self) -> None:
        self._by_key = {prepared.key: prepared for prepared in self._all if prepared.ifindex}


def add(netlink: Netlink, addresses: Sequence[Prepared]) -> list[Failure]:
    """Add one slice of addresses."""
    return _failures(addresses, netlink.transact([prepared.add for prepared in addresses]))


def remove(
    netlink: Netlink, addresses: Sequence[Prepared], on_removed: Callable[[int, bytes, int], None]
) -> list[Failure]:
    """Remove one slice of addresses, telling `on_removed` (LinkMonitor.removed) each that went by our doing.

    An address that is not there is no failure.
    """
    errors = netlink.transact([prepared.remove for prepared in addresses])
    refused = {error.index for error in errors}
    for index, prepared in enumerate(addresses):
        if index not in refused:
            on_removed(*prepared.key)
    return _failures(addresses, [error for error in errors if not messages.is_absent(error)])


def _prepare(address: VirtualAddress, ifindex: int) -> Prepared:
    return Prepared(
        address,
        ifindex,
        messages.new_address(address, ifindex),
        messages.del_address(address, ifindex),
    )


def _failures(addresses: Sequence[Prepared], errors: list[NetlinkError]) -> list[Failure]:
    return [Failure(addresses[error.index].address, error) for error in errors]
