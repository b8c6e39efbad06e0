"""The addresses of one virtual router, as messages that are ready before they are needed."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from vrrpd_fast.model import Family, VirtualAddress
from vrrpd_fast.net import messages
from vrrpd_fast.net.carried import Carried


class Prepared(Carried, eq=False, kw_only=True):
    """A virtual address with the messages that add and remove it; `ifindex` 0: no such interface now.

    One of IPv6 is slow: the more addresses a link has, the longer, up to 1 ms.
    """

    absent: ClassVar[frozenset[int]] = messages.ABSENT

    address: VirtualAddress
    ifindex: int
    packed: bytes
    length: int  # by which the kernel knows it
    frame: tuple[int, bytes] | None = None  # its announcement (ifindex, Ethernet frame), once it is packed

    @property
    def key(self) -> messages.Key:
        return self.ifindex, self.packed, self.length

    def __str__(self) -> str:
        return f"{self.address} on {self.address.dev}"


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


def _prepare(address: VirtualAddress, ifindex: int) -> Prepared:
    return Prepared(
        add=messages.new_address(address, ifindex),
        remove=messages.del_address(address, ifindex),
        is_slow=address.family is Family.IPV6,
        address=address,
        ifindex=ifindex,
        packed=address.address.packed,
        length=address.kernel_prefixlen,
    )
