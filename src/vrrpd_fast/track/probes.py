"""All vrrp_probe of a configuration, from one reload to the next. A helper process (probe/) runs them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import JSON, NS_PER_S, Probe
from vrrpd_fast.probe import messages
from vrrpd_fast.probe.messages import Report, Start, Stop
from vrrpd_fast.spawn.helper import Helper
from vrrpd_fast.track.priority import Fault, contribution

log = logging.getLogger(__name__)

SILENCE_S = 10.0  # the helper speaks every second …
START_S = 30.0  # … once it has started, which takes long on a machine that is just booting
_ARGUMENTS = ("-P", "-m", "vrrpd_fast.probe.helper")
_GOLDEN = 0.618033988749895  # its multiples, modulo 1, are spread evenly, however many there are
_REQUESTS_PER_SLICE = 64


class ProbeTracker:
    """What is known of one probe; `share` is where in its interval it runs."""

    def __init__(self, probe: Probe, serial: int, limit: RateLimit) -> None:
        self.probe = probe
        self.serial = serial
        self.share = 1.0
        self.state: bool | None = False if probe.init_fail else None
        self.report: Report | None = None
        self._limit = limit
        self._earlier = (0, 0)  # runs, and those left out, by helpers that are gone

    @property
    def text(self) -> str:
        return f"vrrp_probe {self.probe.name} is {'up' if self.state else 'down'}"

    def part(self, weight: int, reverse: bool) -> int | Fault:
        return contribution(weight, reverse, self.state)

    def request(self) -> Start:
        """What has it run, with all that is known."""
        return Start(self.serial, self.probe, self.state, self.share)

    def take(self, report: Report) -> bool:
        """Believe a report; whether the state is another one."""
        before, self.report, self.state = self.state, report, report.state
        if self.state is before:
            return False
        self._tell_change(report, before is not None)
        return True

    def lose(self) -> None:
        """The helper is gone, and with it the count."""
        if self.report is not None:
            runs, skipped = self._earlier
            self._earlier = runs + self.report.runs, skipped + self.report.skipped
            self.report = structs.replace(self.report, runs=0, skipped=0)

    def describe(self) -> JSON:
        """What status shows of this probe; durations in seconds."""
        report, (runs, skipped) = self.report, self._earlier
        return {
            "name": self.probe.name,
            "type": "probe",
            "state": {True: "up", False: "down", None: "unknown"}[self.state],
            "kind": self.probe.kind.word,
            "target": self.probe.kind.target,
            "last_result": None if report is None else report.text,
            "last_duration": None if report is None else round(report.duration_ns / NS_PER_S, 6),
            "runs": runs + (0 if report is None else report.runs),
            "skipped": skipped + (0 if report is None else report.skipped),
        }

    def _tell_change(self, report: Report, was_known: bool) -> None:
        probe = self.probe
        if self.state:
            level, verb, needed = logging.INFO, "succeeded", f"{probe.rise} of {probe.rise} successes"
        else:
            level, verb, needed = logging.WARNING, "failed", f"{probe.fall} of {probe.fall} failures"
        count = f"after {needed}" if was_known else "at its first run"
        self._limit.log(
            log, level, probe.name, "vrrp_probe %s: %s (%s) %s", probe.name, verb, report.text, count
        )


class Probes:
    """A reload goes: prepare, take, then `start` and `drop` when virtual routers are as configured.

    `on_change(name)`: the judgement on a probe is another, or the first since it was changed. Without probes
    there is no helper. While it is lost, what is known stays.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_change: Callable[[str], None]) -> None:
        self._loop = loop
        self._on_change = on_change
        self._serial = 0
        self._trackers: dict[str, ProbeTracker] = {}
        # Who judges in place of a probe that a reload changed, until its first result.
        self._former: dict[str, ProbeTracker] = {}
        self._running: dict[int, ProbeTracker] = {}
        self._requests: deque[ProbeTracker | Stop] = deque()  # to be sent, a few a turn of the loop
        self._turn: asyncio.Handle | None = None
        self._limit = RateLimit(10, 10.0)
        self._heard_at = 0.0
        self._look_due = 0.0
        self._watchdog: asyncio.TimerHandle | None = None
        self.helper = self._new_helper()
        self._leaving: set[asyncio.Task[None]] = set()

    def prepare(self, probes: Mapping[str, Probe]) -> dict[str, ProbeTracker]:
        """Those that are new or differ. OSError when a helper is needed and cannot be started."""
        fresh = {}
        for name, probe in probes.items():
            known = self._trackers.get(name)
            if known is None or known.probe != probe:
                self._serial += 1
                fresh[name] = ProbeTracker(probe, self._serial, self._limit)
        if fresh:
            self.helper.need()
        return fresh

    def take(self, fresh: Mapping[str, ProbeTracker]) -> None:
        """Put them in the place of what there was, which judges on until they have a result."""
        for name, tracker in fresh.items():
            if name in self._trackers:
                self._stop(self._trackers[name])
                self._former[name] = self.judge(name)
            self._trackers[name] = tracker

    def start(self, fresh: Iterable[ProbeTracker]) -> None:
        """Begin to run them, thousands not all at once."""
        for number, tracker in enumerate(fresh):
            tracker.share = 1.0 - number * _GOLDEN % 1.0
            self._running[tracker.serial] = tracker
            self._request(tracker)
        if self._running and self._watchdog is None:
            self._heard_at = self._loop.time() + START_S
            self._plan_look()

    def drop(self, probes: Mapping[str, Probe]) -> None:
        """Forget those that are not configured any more."""
        for name in self._trackers.keys() - probes.keys():
            self._stop(self._trackers.pop(name))
            self._former.pop(name, None)
        if not self._trackers and self.helper.pid is not None:
            task = self._loop.create_task(self.helper.close())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
            self.helper = self._new_helper()
            self._forget()

    def judge(self, name: str) -> ProbeTracker:
        """Who says whether a probe is up: one that a reload has just changed must not shake priorities."""
        tracker = self._trackers[name]
        return tracker if tracker.state is not None else self._former.get(name, tracker)

    def stop(self) -> None:
        """Believe nothing any more."""
        self._running.clear()
        self._forget()

    async def close(self) -> None:
        """End the helper."""
        self.stop()
        await asyncio.gather(self.helper.close(), *self._leaving)

    # -- the helper ---------------------------------------------------------------------------------------

    def _new_helper(self) -> Helper:
        helper = Helper(
            self._loop,
            "probe helper",
            _ARGUMENTS,
            on_message=self._on_message,
            on_loss=lambda how: self._on_loss(helper),
            on_start=self._on_start,
            per_wake=1,
        )
        return helper

    def _forget(self) -> None:
        """Nothing is to be told to a helper, nor expected of it."""
        self._requests.clear()
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _stop(self, tracker: ProbeTracker) -> None:
        if self._running.pop(tracker.serial, None) is not None:
            self._request(Stop(tracker.serial))

    def _request(self, request: ProbeTracker | Stop) -> None:
        self._requests.append(request)
        if self._turn is None:
            self._turn = self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._turn = None
        if not self.helper.is_running:
            self._requests.clear()  # it gets all of it when it is there again
            return
        some = [self._requests.popleft() for _ in range(min(_REQUESTS_PER_SLICE, len(self._requests)))]
        for message in messages.batches(each if isinstance(each, Stop) else each.request() for each in some):
            self.helper.send(message)
        if self._requests:
            self._turn = self._loop.call_soon(self._send)

    def _on_message(self, message: bytes) -> None:
        self._heard_at = self._loop.time()
        for report in messages.decode_reports(message):
            tracker = self._running.get(report.serial)
            if tracker is not None and tracker.take(report):
                name = tracker.probe.name
                self._former.pop(name, None)
                self._on_change(name)

    def _on_loss(self, helper: Helper) -> str:
        if helper is self.helper:  # and not one that had to leave
            for tracker in self._running.values():
                tracker.lose()
        return f"{len(self._running)} probes keep the state they have"

    def _on_start(self) -> None:
        self._heard_at = self._loop.time() + START_S
        self._requests.clear()
        for tracker in self._running.values():
            self._request(tracker)

    def _plan_look(self) -> None:
        self._look_due = self._loop.time() + SILENCE_S / 2
        self._watchdog = self._loop.call_at(self._look_due, self._look)

    def _look(self) -> None:
        """A helper that says nothing at all is stuck, and is replaced."""
        now = self._loop.time()
        if now - self._look_due > 1.0:
            self._heard_at = now  # we have been away ourselves
        self._plan_look()
        if self.helper.is_running and now - self._heard_at > SILENCE_S:
            log.error("probe helper (pid %d) says nothing for %.0f s", self.helper.pid, SILENCE_S)
            self.helper.kill()
