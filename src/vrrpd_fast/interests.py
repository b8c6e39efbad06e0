"""Which virtual routers something concerns: a change of a link, of an address, of something tracked."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from vrrpd_fast.model import Instance, TrackKind, VirtualRoute

ANY_DEVICE = "*"  # no name of an interface


class Interests:
    """Names of virtual routers, by what they want to hear of."""

    def __init__(self) -> None:
        self._by_device: dict[str, set[str]] = {}
        # Thousands of addresses with one name each: a set for every one would take four times the memory.
        self._by_address: dict[bytes, tuple[str, ...]] = {}
        self._by_tracked: dict[tuple[TrackKind, str], set[str]] = {}
        self._by_source: dict[bytes, set[str]] = {}

    def add(self, instance: Instance) -> None:
        for index, keys in self._wanted(instance):
            for key in keys:
                index.setdefault(key, set()).add(instance.name)
        for packed in _addresses(instance):
            self._by_address[packed] = (*self._by_address.get(packed, ()), instance.name)

    def remove(self, instance: Instance) -> None:
        """Undo `add` of the same instance."""
        for index, keys in self._wanted(instance):
            for key in set(keys):
                index[key].discard(instance.name)
                if not index[key]:
                    del index[key]
        for packed in _addresses(instance):
            others = tuple(name for name in self._by_address[packed] if name != instance.name)
            if others:
                self._by_address[packed] = others
            else:
                del self._by_address[packed]

    def of_device(self, device: str) -> Collection[str]:
        """Those on an interface, with addresses or routes there, or tracking it; ANY_DEVICE: on whatever."""
        return self._by_device.get(device, ())

    def of_address(self, packed: bytes) -> Collection[str]:
        """Those whose virtual address it is."""
        return self._by_address.get(packed, ())

    def of_tracked(self, kind: TrackKind, name: str) -> Collection[str]:
        """Those that track something; for an interface of_device has them."""
        return self._by_tracked.get((kind, name), ())

    @property
    def tracked(self) -> Collection[tuple[TrackKind, str]]:
        """Everything that somebody tracks."""
        return self._by_tracked.keys()

    def is_virtual(self, ifindex: int, packed: bytes) -> bool:
        """Whether an address is anybody's virtual address, on whatever link."""
        return packed in self._by_address

    def is_source(self, packed: bytes) -> bool:
        """Whether somebody needs an address to be there, to send from it (track_src_ip)."""
        return packed in self._by_source

    def _wanted(self, instance: Instance) -> Iterator[tuple[dict[Any, set[str]], Iterable[Any]]]:
        yield self._by_device, _devices(instance)
        if instance.tracks:
            yield self._by_tracked, ((track.kind, track.name) for track in instance.tracks)
        if instance.track_src_ip and instance.source_ip is not None:
            yield self._by_source, (instance.source_ip.packed,)


def _addresses(instance: Instance) -> set[bytes]:
    return {each.address.packed for each in instance.all_addresses}


def _devices(instance: Instance) -> set[str]:
    is_anywhere = any(map(_is_anywhere, instance.routes)) or _roams(instance)
    return {
        instance.interface,
        *(address.dev for address in instance.all_addresses),
        *(track.name for track in instance.tracked(TrackKind.INTERFACE)),
        *(device for route in instance.routes for device in route.devices),
        *([ANY_DEVICE] if is_anywhere else []),
    }


def _is_anywhere(route: VirtualRoute) -> bool:
    """Whether only the kernel knows over which interface it goes."""
    return any(hop.dev is None for hop in route.next_hops)


def _roams(instance: Instance) -> bool:
    """Whether its source address may be on any interface, and must be on one."""
    return not instance.interface and (instance.track_src_ip or instance.source_ip is None)
