"""Hundreds of virtual routers at once, and what is asked of them together."""

from collections.abc import Iterable
from typing import Any

from lab.kit.daemons import Settings
from lab.kit.net import Net
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

# One announcement per address, so that what is counted is what was taken over.
ONCE = {"garp_master_repeat": 1, "garp_master_delay": 0}
POLL_S = 0.1  # asking for the status of thousands is work for the daemon that is watched


def name(lan: int, vrid: int, family: int = 4) -> str:
    return f"VI_{family}_{lan}_{vrid}"


def addresses(lan: int, vrid: int, count: int, family: int = 4) -> list[str]:
    """Virtual addresses that no two virtual routers share."""
    if family == 4:
        return [f"10.{100 + lan}.{vrid}.{number}/32" for number in range(1, count + 1)]
    more = [f"2001:db8:{0xA000 + lan:x}:{vrid:x}::{number:x}/128" for number in range(2, count + 1)]
    return [f"fe80::{0xA000 + lan:x}:{vrid:x}:1/128", *more]


def crowd(
    lans: Iterable[int],
    vrids: Iterable[int],
    *,
    priority: int,
    interval: float = 0.1,
    count: int = 1,
    family: int = 4,
    **more: Any,
) -> dict[str, Settings]:
    """The virtual routers of one node: every VRID on every LAN."""
    vrids = list(vrids)
    return {
        name(lan, vrid, family): {
            "version": 3,
            "interface": f"eth{lan}",
            "virtual_router_id": vrid,
            "priority": priority,
            "advert_int": interval,
            "virtual_ipaddress": addresses(lan, vrid, count, family),
        }
        | ONCE
        | more
        for lan in lans
        for vrid in vrids
    }


class Many(VrrpdFast):
    """vrrpd-fast with a crowd of virtual routers and any further words on its command line."""

    def __init__(self, net: Net, node: str, instances: dict[str, Settings], *words: str) -> None:
        super().__init__(net, node, **instances)
        self.words = words
        self.wrap: list[str] = []  # the program that runs it

    def argv(self) -> list[str]:
        return [*self.wrap, *super().argv(), *self.words]

    def states(self) -> dict[str, str]:
        return {each["name"]: each["state"] for each in self.status()["instances"]}

    def wait_all(self, state: str, timeout: float = 20.0, names: Iterable[str] | None = None) -> None:
        """Until every virtual router, or each of `names`, is in a state."""
        wanted = set(self.instances if names is None else names)

        def there() -> bool:
            now = self.states()
            return all(now[each] == state for each in wanted)

        wait_until(there, timeout, f"all of {self.node} are {state}\n{self.log[-2000:]}", pause=POLL_S)

    def wait_addresses(self, wanted: Iterable[str], timeout: float = 10.0) -> None:
        """Until the kernel has all of these."""
        wanted = set(wanted)
        wait_until(
            lambda: wanted <= self.net.addresses(self.node), timeout, f"addresses of {self.node}", pause=0.05
        )

    def total(self, counter: str) -> int:
        return sum(each["statistics"][counter] for each in self.status()["instances"])

    def transitions(self) -> int:
        """How often any of them changed its state, by the log."""
        return self.log.count(" -> ")
