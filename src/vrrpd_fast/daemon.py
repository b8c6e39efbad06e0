"""The process: configuration in, signals, control socket, the fleet of virtual routers, an orderly end."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine
from functools import partial

import vrrpd_fast
from vrrpd_fast import explain
from vrrpd_fast.config.load import Loaded, load
from vrrpd_fast.control.service import Refusal, Service
from vrrpd_fast.dump.dumper import Kind
from vrrpd_fast.engine import wire
from vrrpd_fast.fleet import Fleet, Summary
from vrrpd_fast.log import LEVELS
from vrrpd_fast.model import JSON, NS_PER_S, Config, ConfigError, Finding
from vrrpd_fast.net.messages import kernel_tags_addresses, may_change_addresses
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.notify.once import run_shutdown, run_startup
from vrrpd_fast.scheduling import Scheduling
from vrrpd_fast.system import ServiceManager, enter_network, raise_limits
from vrrpd_fast.tuning import Tuning

log = logging.getLogger(__name__)

MAX_FILES = 65536  # control connections, scripts and a multicast holder per 20 links
SWITCH_S = 0.0005  # how long another thread may keep the interpreter from the loop
RECORDED_NAMES = 50  # of each kind, in the event of a reload
DUMPS: dict[int, Kind] = {  # as keepalived --signum tells them
    signal.SIGUSR1: Kind.DATA,
    signal.SIGUSR2: Kind.STATS,
    signal.SIGRTMAX - 1: Kind.STATS_CLEAR,
    signal.SIGRTMIN + 2: Kind.JSON,
}
STUCK_NS = NS_PER_S  # a timer overdue by this much means that adverts do not leave


class ReloadError(Exception):
    """The new configuration cannot be used; `findings` says why. What ran goes on."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


class Daemon:
    """One run of vrrpd-fast on the running loop."""

    def __init__(
        self,
        config_path: str,
        socket_path: str,
        *,
        config_id: str | None = None,
        strict_config: bool = False,
        kernel_filter: bool = True,
    ) -> None:
        self._config_path = config_path
        self._load = partial(load, config_path, config_id=config_id, strict=strict_config)
        self._socket_path = socket_path
        self._kernel_filter = kernel_filter
        self._config = Config(router_id="")
        self._started_ns = time.monotonic_ns()
        self._end = asyncio.Event()
        self._started = asyncio.Event()
        self._manager = ServiceManager()
        self._tuning = Tuning()
        self._scheduling = Scheduling()
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. ConfigError or OSError, leaving nothing, when it cannot start."""
        wire.self_test()
        sys.setswitchinterval(SWITCH_S)
        loop = asyncio.get_running_loop()
        loaded = self._load()
        _tell(loaded.findings)
        if loaded.config.process.net_namespace is not None:
            enter_network(
                loaded.config.process.net_namespace
            )  # every socket is opened there, but for Unix ones
        raise_limits(MAX_FILES)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        for signum, kind in DUMPS.items():
            loop.add_signal_handler(signum, self._on_dump, kind)
        service = Service(self)
        await service.start(self._socket_path)  # a second copy ends here, before it has touched anything
        process = loaded.config.process
        try:
            if not await self._wait_for(run_startup(process)):
                return
            self._fleet = Fleet(
                loop,
                kernel_filter=self._kernel_filter,
                socket_path=self._socket_path,
                started_ns=self._started_ns,
                on_late=self._scheduling.on_late,
            )
            self._dumper = self._fleet.make_dumper(lambda: self._config)
            try:
                _check_kernel()
                self._fleet.recorder.open(self._socket_path)
                self._fleet.listen()
                await self._apply(loaded.config)
                self._started.set()
                gc.collect()
                gc.freeze()  # what lives as long as the process need not be walked again
                told = explain.routers(len(loaded.config.instances))
                self._manager.ready(told)
                log.info("vrrpd-fast %s: %s", vrrpd_fast.__version__, told)
                self._record_start(loaded.config)
                if self._manager.watchdog_ns is not None:
                    self._keep(self._feed_watchdog(self._manager.watchdog_ns / 2 / NS_PER_S))
                await self._end.wait()
                self._manager.stopping()
                log.info("stopping")
                self._fleet.recorder.note("stop", text="told to stop")
            finally:
                async with self._reloading:
                    for task in self._tasks:
                        task.cancel()
                    await self._fleet.close()
                    self._tuning.close()
                    if self._started.is_set():
                        process = self._config.process
        finally:
            await run_shutdown(process)
            await service.close()
            self._manager.close()

    # -- what the control socket asks ---------------------------------------------------------------------

    async def status(self, names: list[str]) -> JSON:
        """The status contract; `names` restricts the instances, all of them when empty."""
        await self._started.wait()
        instances = await self._fleet.status(set(names))
        return {
            "router_id": self._config.router_id,
            "version": vrrpd_fast.__version__,
            "pid": os.getpid(),
            "uptime": round((time.monotonic_ns() - self._started_ns) / NS_PER_S, 3),
            "instances": instances,
            "unattributed": self._fleet.engine.unattributed(),
            "engine": self._fleet.health(),
            "notify": self._fleet.notifier.status(),
        }

    async def reload(self) -> JSON:
        """Read the file again and apply the difference. ReloadError when it cannot be used."""
        await self._started.wait()
        async with self._reloading:
            self._manager.reloading()
            try:
                loaded = await self._read()
                _tell(loaded.findings)
                summary = await self._apply(loaded.config)
            except ConfigError as error:
                raise self._refused([str(finding) for finding in error.findings]) from error
            except (ValueError, OSError) as error:
                raise self._refused([f"{self._config_path}: {error}"]) from error
            finally:
                self._manager.ready()
            log.info("reloaded: %s", summary)
            self._fleet.recorder.note("reload", text=str(summary), **summary.some(RECORDED_NAMES))
            return {
                "added": summary.added,
                "removed": summary.removed,
                "restarted": summary.restarted,
                "changed": summary.changed,
                "unchanged": summary.unchanged,
                **({"failed": summary.failed} if summary.failed else {}),
            }

    def _refused(self, findings: list[str]) -> ReloadError:
        self._fleet.recorder.note("reload", text="not reloaded", findings=findings[:RECORDED_NAMES])
        return ReloadError(findings)

    def _record_start(self, config: Config) -> None:
        self._fleet.recorder.note(
            "start",
            at=time.time() - (time.monotonic_ns() - self._started_ns) / NS_PER_S,
            version=vrrpd_fast.__version__,
            pid=os.getpid(),
            router_id=config.router_id,
            instances=len(config.instances),
        )

    # -- what an operator orders --------------------------------------------------------------------------

    async def resign(self, names: list[str], seconds: float | None) -> JSON:
        """Have virtual routers give up mastership (orders.py). NotFound, Refusal."""
        await self._started.wait()
        return await self._fleet.orders.resign(names, seconds)

    async def set_priority(self, name: str, priority: int | None) -> JSON:
        """Put a base priority in place of the configured one; None: as configured. NotFound, Refusal."""
        await self._started.wait()
        return self._fleet.orders.set_priority(name, priority)

    async def set_log_level(self, level: str) -> JSON:
        """One of log.LEVELS, until the next start. Refusal."""
        await self._started.wait()
        if level not in LEVELS:
            raise Refusal(f"log level {level!r}: one of {', '.join(LEVELS)} is wanted")
        root = logging.getLogger()
        before = logging.getLevelName(root.level).lower()
        root.setLevel(LEVELS[level])
        log.info("log level %s, before %s, by order of the operator", level, before)
        self._fleet.recorder.note("operator", what="log_level", text=f"log level {level}, before {before}")
        return {"previous": before}

    async def _read(self) -> Loaded:
        """The file, read on a thread that leaves the interpreter to the loop every SWITCH_S."""
        gc.disable()  # one walk over all objects would hold the loop longer than that
        try:
            return await asyncio.to_thread(self._load, running=self._config)
        finally:
            gc.freeze()  # what was read now lives as long as what was read at the start
            gc.enable()

    async def _apply(self, config: Config) -> Summary:
        self._tuning.apply(config.process)
        try:
            summary = await self._fleet.apply(config)
        except (ValueError, OSError):
            self._tuning.apply(self._config.process)  # everything is as before
            raise
        # Not before: a program that the fleet starts, and it itself at the start, have no need to be urgent.
        self._scheduling.apply(config.process)
        self._config = config
        await self._fleet.publish()
        return summary

    async def _wait_for(self, work: Coroutine[None, None, None]) -> bool:
        """Whether something was done before we were told to end; it is cancelled then."""
        doing = asyncio.create_task(work)
        ending = asyncio.create_task(self._end.wait())
        await asyncio.wait((doing, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if doing.done():
            await doing
            return True
        doing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await doing
        return False

    def _on_dump(self, kind: Kind) -> None:
        if self._started.is_set():
            self._keep(self._dumper.dump(kind))

    def _on_hangup(self) -> None:
        self._keep(self._reload_on_signal())

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        """Run beside everything else; the loop itself would forget the task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload_on_signal(self) -> None:
        try:
            await self.reload()
        except ReloadError as error:
            log.error("not reloaded, everything goes on as before:")
            for finding in error.findings:
                log.error("%s", finding)

    async def _feed_watchdog(self, interval: float) -> None:
        """Feed systemd's watchdog every `interval` seconds, as long as the engine's timer is served."""
        engine = self._fleet.engine
        while True:
            deadline_ns = engine.next_deadline_ns()
            if deadline_ns < 0 or deadline_ns > engine.now_ns() - STUCK_NS:
                self._manager.alive()
            await asyncio.sleep(interval)


def _check_kernel() -> None:
    """PermissionError when addresses cannot be moved (CAP_NET_ADMIN); what this kernel lacks is said once."""
    with contextlib.closing(Netlink()) as netlink:
        if not may_change_addresses(netlink):
            raise PermissionError(errno.EPERM, "addresses cannot be moved: Operation not permitted")
        if not kernel_tags_addresses(netlink):
            log.warning(
                "this kernel keeps no owner tag on addresses (before 5.18): --withdraw cannot find ours"
            )


def _tell(findings: list[Finding]) -> None:
    for finding in findings:
        log.warning("%s", finding)
