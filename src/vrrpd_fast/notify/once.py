"""startup_script and shutdown_script: run once, waited for, with an end."""

import asyncio
import logging

from ..model import Command, Process
from ..spawn.command import arguments, resolve_user
from ..spawn.spawn import Spawner

log = logging.getLogger(__name__)


async def run_startup(process: Process) -> None:
    await _run_once("startup_script", process.startup_script, process.startup_script_timeout, process.umask)


async def run_shutdown(process: Process) -> None:
    await _run_once(
        "shutdown_script", process.shutdown_script, process.shutdown_script_timeout, process.umask
    )


async def _run_once(what: str, command: Command | None, timeout: float, umask: int | None) -> None:
    """Run a script, at most `timeout` seconds. Whatever becomes of it is told, and stops nobody."""
    if command is None:
        return
    spawner = Spawner(asyncio.get_running_loop())
    spawner.umask = umask
    try:
        spawner.start()
        result = await spawner.run(
            arguments(command.script),
            timeout=timeout,
            identity=resolve_user(command.user, command.group),
        )
    except (OSError, ValueError) as error:
        log.error("%s %s: %s", what, command.script, error)
        return
    finally:
        await spawner.close()
    level = logging.INFO if result.is_success else logging.ERROR
    log.log(level, "%s %s: %s", what, command.script, result)
