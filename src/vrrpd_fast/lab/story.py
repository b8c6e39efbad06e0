"""What happens in the lab, act by act, each checked against the protocol's own times (RFC 9568 6.1)."""

import time
from pathlib import Path

from msgspec import Struct

from vrrpd_fast.lab import reference
from vrrpd_fast.lab.lab import Lab
from vrrpd_fast.lab.process import LabError
from vrrpd_fast.lab.reference import VirtualRouter, seconds
from vrrpd_fast.lab.router import Router
from vrrpd_fast.lab.screen import Screen
from vrrpd_fast.lab.switch import LANS
from vrrpd_fast.model import JSON, NS_PER_S

QUICK_ADVERT_INT = 0.01  # seconds
# What a busy machine may add to the protocol's time, or take from it: the client reads its clock late too.
TOLERANCE_NS = 100_000_000
# A handover that both sides take part in leaves hardly a hole.
PLANNED_GAP_NS = 250_000_000
LOG_LINES = 12


class Outcome(Struct, frozen=True, kw_only=True):
    """What the client saw of one virtual router in one act; durations in seconds."""

    act: str
    virtual_router: str
    new_master: str
    outage: float
    protocol: float | None = None  # what the protocol's timers alone make of this failure
    beyond_protocol: float | None = None


def tell(screen: Screen, directory: Path, outcomes: list[Outcome], *, fast: bool) -> None:
    """Build a lab below this directory and play it; what the client saw is added to `outcomes`."""
    config = reference.load()
    lab = Lab(directory, screen, reference.virtual_routers(config))
    story = Story(lab, config, outcomes)
    try:
        if not fast:
            story.reference()
        story.quick()
    except LabError:
        for router in lab.routers:
            screen.heading(f"The last lines of {router.name}'s daemon:")
            screen.say("\n".join(router.log_lines()[-LOG_LINES:]) or "(none)")
        raise


class Story:
    def __init__(self, lab: Lab, config: JSON, outcomes: list[Outcome]) -> None:
        self._lab = lab
        self._config = config
        self._say = lab.screen.say
        self._outcomes = outcomes

    def reference(self) -> None:
        """The reference deployment on both routers: equal priorities, 1 s adverts, a watched haproxy."""
        lab, (r1, r2) = self._lab, self._lab.routers
        lab.screen.heading("The reference deployment, one file on r1 and r2: version 2, adverts every second")
        for router in (r1, r2):
            if router.lend_killall() and router is r1:
                self._say("no killall on this machine: the routers have a small stand-in for it")
            router.power_on()
        r1.start_daemon(self._config)
        lab.wait("r1's daemon answers on its control socket", lambda: self._answers(r1), 5)
        lab.wait("r1 is master of both", lambda: lab.is_settled(r1, {"r1": 102}), 8)
        r2.start_daemon(self._config)
        lab.wait("r2 joins as backup", lambda: lab.is_settled(r1, {"r1": 102, "r2": 102}), 8)
        self._say(
            "r1 was first and is MASTER; r2, equal in priority (100 + 2 for a running haproxy), is BACKUP"
        )

        self._power_failure(r1, r2, 102)
        self._power_back(r1, self._config)
        lab.wait("r1 is back as backup", lambda: lab.is_settled(r2, {"r1": 102, "r2": 102}), 10)
        self._say("r1 is back and stays BACKUP: an equal priority does not preempt")

        lab.screen.heading("haproxy stops on r2: its priority falls to 100, r1 with 102 takes over")
        at_ns = time.monotonic_ns()
        r2.stop_haproxy()
        lab.wait("r1 takes over from r2", lambda: lab.is_settled(r1, {"r1": 102, "r2": 100}), 10)
        self._planned("haproxy stops", r1, at_ns)
        self._stop(r1, r2, 100)
        self._stop_alone(r2)

    def quick(self) -> None:
        """The same deployment at version 3 with the shortest interval the protocol has, r1 preferred."""
        lab, (r1, r2) = self._lab, self._lab.routers
        lab.screen.heading(f"Version 3, adverts every {QUICK_ADVERT_INT * 1000:g} ms, r1 preferred")
        configs = {
            router.name: reference.quickened(self._config, advert_int=QUICK_ADVERT_INT, priority=priority)
            for router, priority in ((r1, 150), (r2, 100))
        }
        lab.virtual_routers = reference.virtual_routers(configs["r1"])
        for router in (r1, r2):
            if not router.is_on:
                router.lend_killall()
                router.power_on()
            elif not router.has_haproxy:
                router.start_haproxy()
            router.start_daemon(configs[router.name])
        lab.wait("r1 is master", lambda: lab.is_settled(r1, {"r1": 152, "r2": 102}), 8)
        self._say("r1 is MASTER: priority 150 against 100, and 2 each for haproxy")
        self._power_failure(r1, r2, 102)
        at_ns = time.monotonic_ns()
        self._power_back(r1, configs["r1"])
        lab.wait("r1 preempts r2", lambda: lab.is_settled(r1, {"r1": 152, "r2": 102}), 10)
        self._planned("return", r1, at_ns)
        self._stop(r1, r2, 102)
        self._stop_alone(r2)

    def _answers(self, router: Router) -> bool:
        if (status := router.daemon_status()) is not None:
            raise LabError(f"{router.name}'s daemon ended with exit status {status}")
        return all(self._lab.standing(router, vr) for vr in self._lab.virtual_routers)

    def _power_failure(self, victim: Router, heir: Router, priority: int) -> None:
        """Switch the master off; the heir has this effective priority."""
        lab = self._lab
        lab.screen.heading(f"Power failure at {victim.name}: its cables go dead, all in it is killed (-9)")
        heard_ns = time.monotonic_ns()
        vrids = [vr.vrid for vr in lab.virtual_routers]
        lab.wait(  # the heir's time runs from an advert, and not from its own start
            f"an advert from {victim.name}",
            lambda: all(lab.witness.adverts[vrid]["at_ns"] > heard_ns for vrid in vrids),
            5,
        )
        at_ns = time.monotonic_ns()
        victim.power_off()
        lab.wait(f"{heir.name} takes over", lambda: lab.is_settled(heir, {heir.name: priority}), 10)
        for virtual_router in lab.virtual_routers:
            wait_ns = virtual_router.down_interval_ns(priority)
            terms = f"3 × {seconds(virtual_router.interval_cs * 10_000_000)}"
            self._unplanned("power failure", virtual_router, heir, priority, at_ns, wait_ns, terms)

    def _power_back(self, router: Router, config: JSON) -> None:
        self._lab.screen.heading(f"{router.name} has power again, boots and starts vrrpd-fast")
        router.power_on()
        router.start_daemon(config)

    def _stop(self, leaver: Router, heir: Router, priority: int) -> None:
        """Stop the master's daemon properly: it sends priority 0, and the heir waits the skew time alone."""
        lab = self._lab
        lab.screen.heading(f"SIGTERM to the daemon of {leaver.name}: it resigns with priority 0")
        at_ns = time.monotonic_ns()
        self._stop_alone(leaver)
        lab.wait(f"{heir.name} takes over", lambda: lab.is_settled(heir, {heir.name: priority}), 10)
        for virtual_router in lab.virtual_routers:
            wait_ns = virtual_router.skew_ns(priority)
            self._unplanned("stop", virtual_router, heir, priority, at_ns, wait_ns, "")

    def _stop_alone(self, router: Router) -> None:
        """SIGTERM; the daemon must end with status 0 and leave no virtual address behind."""
        router.stop_daemon()
        self._lab.wait(f"{router.name}'s daemon ends", lambda: router.daemon_status() is not None, 5)
        if status := router.daemon_status():
            raise LabError(f"{router.name}'s daemon ended with exit status {status} after SIGTERM")
        left = {str(vr.address) for vr in self._lab.virtual_routers} & set(router.tell("addresses"))
        if left:
            raise LabError(f"{router.name}'s daemon stopped but left {', '.join(sorted(left))}")

    def _unplanned(
        self, act: str, vr: VirtualRouter, heir: Router, priority: int, at_ns: int, wait_ns: int, terms: str
    ) -> None:
        """Compare the outage with the protocol: the heir waits `wait_ns` from the last advert it heard."""
        witness = self._lab.witness
        handover = witness.handover_to(vr.vrid, heir.sources[LANS.index(vr.interface)], at_ns)
        gap = witness.longest_gap(str(vr.address), at_ns)
        if handover is None or gap is None:
            raise LabError(f"{vr.name}: the client saw no takeover by {heir.name}")
        due_ns = handover.last_ns + wait_ns
        outage_ns, protocol_ns, beyond_ns = gap.to_ns - gap.from_ns, due_ns - gap.from_ns, gap.to_ns - due_ns
        first_advert = seconds(handover.at_ns - due_ns)
        formula = " + ".join(filter(None, [terms, f"skew {seconds(vr.skew_ns(priority))}"]))
        self._say(f"{vr.name}: {heir.name} took over; the client had no answer for {seconds(outage_ns)}")
        self._say(f"    the protocol alone: {seconds(protocol_ns)} ({formula} after the last advert)")
        self._say(f"    beyond that: first advert {first_advert}, first answer {seconds(beyond_ns)}")
        self._outcomes.append(
            Outcome(
                act=act,
                virtual_router=vr.name,
                new_master=heir.name,
                outage=outage_ns / NS_PER_S,
                protocol=protocol_ns / NS_PER_S,
                beyond_protocol=beyond_ns / NS_PER_S,
            )
        )
        if abs(beyond_ns) > TOLERANCE_NS:
            raise LabError(f"{vr.name}: the outage is over {seconds(TOLERANCE_NS)} off the protocol's time")

    def _planned(self, act: str, heir: Router, since_ns: int) -> None:
        """A change with both routers alive: the longest silence must be short."""
        for vr in self._lab.virtual_routers:
            gap = self._lab.witness.longest_gap(str(vr.address), since_ns)
            outage_ns = gap.to_ns - gap.from_ns if gap else 0
            longest = f"the longest silence was {seconds(outage_ns)}" if gap else "no silence of 3 ms or more"
            self._say(f"{vr.name}: {heir.name} took over; {longest}")
            outcome = Outcome(
                act=act, virtual_router=vr.name, new_master=heir.name, outage=outage_ns / NS_PER_S
            )
            self._outcomes.append(outcome)
            if outage_ns > PLANNED_GAP_NS:
                raise LabError(f"{vr.name}: a planned change may not cost over {seconds(PLANNED_GAP_NS)}")
