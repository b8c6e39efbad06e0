"""promote_secondaries: a primary IPv4 address that goes leaves its secondaries behind.

The kernel's switch for it, net.ipv4.conf.IF.promote_secondaries, is on while a virtual router there wants it,
and then as it was before.
"""

import logging
from pathlib import Path

from vrrpd_fast.model import Instance

log = logging.getLogger(__name__)

SYSCTLS = Path("/proc/sys/net/ipv4/conf")


class Promoter:
    """Which virtual routers want it, by interface."""

    def __init__(self) -> None:
        self._wanting: dict[str, set[str]] = {}
        self._before: dict[str, str] = {}  # interface → what was there

    def register(self, instance: Instance) -> None:
        """A virtual router comes, or changed."""
        for dev in _interfaces(instance):
            self._wanting.setdefault(dev, set()).add(instance.name)
            self.apply(dev)

    def unregister(self, instance: Instance) -> None:
        for dev in _interfaces(instance):
            self._wanting[dev].discard(instance.name)

    def settle(self) -> None:
        """Everybody is registered: what nobody wants any more is as it was."""
        for dev in [dev for dev, names in self._wanting.items() if not names]:
            del self._wanting[dev]
            self._restore(dev)

    def apply(self, dev: str) -> None:
        """An interface has come, perhaps anew."""
        if dev not in self._wanting:
            return
        path = _path(dev)
        try:
            before = path.read_text().strip()
            if before != "1":
                path.write_text("1")
        except FileNotFoundError:
            return  # no such interface yet
        except OSError as error:
            log.error("interface %s: promote_secondaries cannot be set: %s", dev, error.strerror)
            return
        self._before.setdefault(dev, before)

    def _restore(self, dev: str) -> None:
        before = self._before.pop(dev, "1")
        if before == "1":
            return
        try:
            _path(dev).write_text(before)
        except OSError as error:
            log.warning("interface %s: promote_secondaries stays set: %s", dev, error.strerror)


def _interfaces(instance: Instance) -> set[str]:
    if not instance.promote_secondaries:
        return set()
    addresses = [each for each in instance.all_addresses if each.family == 4]
    return {instance.interface, *(each.dev for each in addresses)} - {""}


def _path(dev: str) -> Path:
    return SYSCTLS / dev / "promote_secondaries"
