"""The whole lab: switch, client and two routers, and how to wait for something in it while it is shown."""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from vrrpd_fast.control.client import Client, Unreachable
from vrrpd_fast.lab.process import LabError
from vrrpd_fast.lab.reference import VirtualRouter, seconds
from vrrpd_fast.lab.router import Router
from vrrpd_fast.lab.screen import MOVING, Screen
from vrrpd_fast.lab.switch import LANS, Switch
from vrrpd_fast.lab.witness import ClientMachine
from vrrpd_fast.model import NS_PER_S

SHOWN_EVERY_NS = NS_PER_S // 10
ANSWERS_WITHIN_NS = NS_PER_S // 10  # a client that heard nothing for longer is told to wait
CLIENT_NUMBER = 100


class Standing(Struct, frozen=True):
    """What a daemon says of one of its virtual routers."""

    state: str
    priority: int


class Lab:
    def __init__(self, directory: Path, screen: Screen, virtual_routers: tuple[VirtualRouter, ...]) -> None:
        self.screen = screen
        self.virtual_routers = virtual_routers
        self._switch = Switch()
        self.routers = tuple(
            Router(name, number, self._switch, directory) for name, number in (("r1", 2), ("r2", 3))
        )
        self._client = ClientMachine(CLIENT_NUMBER, self._switch, [vr.address for vr in virtual_routers])
        self.witness = self._client.witness
        self._standings: dict[str, dict[str, Standing]] = {}
        self._shown_ns = 0

    def standing(self, router: Router, virtual_router: VirtualRouter) -> Standing | None:
        """As the daemon told it last; None when no daemon answers there."""
        return self._standings.get(router.name, {}).get(virtual_router.name)

    def wait(self, what: str, condition: Callable[[], bool], timeout: float) -> None:
        """Watch and show the lab until the condition holds; LabError names what did not come in time."""
        deadline_ns = time.monotonic_ns() + round(timeout * NS_PER_S)
        while True:
            self._client.read(0.02)
            now_ns = time.monotonic_ns()
            if now_ns - self._shown_ns >= SHOWN_EVERY_NS:
                self._shown_ns = now_ns
                self._ask()
                self.screen.table(self._rows(now_ns))
                if condition():
                    return
            if now_ns > deadline_ns:
                raise LabError(f"waited {timeout:g} s in vain: {what}")

    def is_settled(self, master: Router, priorities: dict[str, int]) -> bool:
        """Daemons, wire and client agree that `master` has all, and on these effective priorities."""
        for virtual_router in self.virtual_routers:
            for router in self.routers:
                standing = self.standing(router, virtual_router)
                state = "MASTER" if router is master else "BACKUP"
                priority = priorities.get(router.name)
                if standing != (Standing(state, priority) if priority is not None else None):
                    return False
            advert = self.witness.adverts.get(virtual_router.vrid)
            if advert is None or advert["priority"] != priorities[master.name]:
                return False
            if not self.is_served_by(master, virtual_router) or not self.is_answered(virtual_router):
                return False
        return True

    def is_served_by(self, router: Router, virtual_router: VirtualRouter) -> bool:
        """Its adverts are the last on the wire, and the client's ARP table has its link-layer address."""
        lan = LANS.index(virtual_router.interface)
        advert = self.witness.adverts.get(virtual_router.vrid)
        return (
            advert is not None
            and advert["source"] == router.sources[lan]
            and self.witness.neighbours.get(str(virtual_router.address)) == router.macs[lan]
        )

    def is_answered(self, virtual_router: VirtualRouter) -> bool:
        return self.witness.answered_since(
            str(virtual_router.address), self.witness.at_ns - ANSWERS_WITHIN_NS
        )

    def _ask(self) -> None:
        """Have every daemon tell its status."""
        for router in self.routers:
            self._standings[router.name] = {}
            if not router.is_on:
                continue
            try:
                with Client(str(router.socket), timeout=1) as daemon:
                    status = daemon.call("org.vrrpdfast.GetStatus")["status"]
            except Unreachable:
                continue
            self._standings[router.name] = {
                instance["name"]: Standing(instance["state"], instance["effective_priority"])
                for instance in status["instances"]
            }

    def _rows(self, now_ns: int) -> list[str]:
        names = "".join(f"{f'{vr.name} ({vr.address})':<22}" for vr in self.virtual_routers)
        rows = [f"  {'':<8}{names}haproxy"]
        for router in self.routers:
            told = ""
            for virtual_router in self.virtual_routers:
                standing = self.standing(router, virtual_router)
                told += f"{f'{standing.state} {standing.priority}' if standing else '-':<22}"
            haproxy = ("runs" if router.has_haproxy else "stopped") if router.is_on else "no power"
            rows.append(f"  {router.name:<8}{told}{haproxy}")
        answers = (self.witness.answers.get(str(vr.address)) for vr in self.virtual_routers)
        rows.append(f"  {'client':<8}" + "".join(self._silence(at_ns, now_ns) for at_ns in answers))
        return rows

    @staticmethod
    def _silence(answered_ns: int | None, now_ns: int) -> str:
        if answered_ns is None:
            return f"{'no answer yet':<22}"
        silence_ns = now_ns - answered_ns
        if silence_ns < ANSWERS_WITHIN_NS:
            return f"{'answered':<22}"
        return f"silent for {MOVING}{seconds(silence_ns):<11}{MOVING}"
