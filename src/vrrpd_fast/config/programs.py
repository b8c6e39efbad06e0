"""What a configuration wants to run, seen on this machine: who runs it, is it there, could others replace it.

Errors are an unknown user, an unusable line, a FIFO whose name is taken. The rest is told, no more: a virtual
router must come up although a script of its is gone. What enable_script_security forbids is taken out.
"""

import os
import stat
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from vrrpd_fast.config.commands import NOTIFY_WORDS
from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.model import Command, Config, Fifo, Instance, Notify, Process, Script, Severity, TrackKind
from vrrpd_fast.spawn.command import Identity, command, resolve_user, words_of
from vrrpd_fast.spawn.security import find_obstacle, find_weakness


class Verdict(Struct):
    """What was found of one program run by one user; told once, however often it stands in the file."""

    message: str = ""
    is_refused: bool = False
    is_error: bool = False
    path: Path = ()
    more_places: int = 0


class Programs:
    def __init__(self, is_secured: bool) -> None:
        self._is_secured = is_secured
        self._verdicts: dict[tuple[str, str | None, str | None], Verdict] = {}
        self._users: dict[tuple[str | None, str | None], Identity | ValueError | None] = {}

    def accepts(self, given: Command | Script, path: Path) -> bool:
        """Whether a command may run; what is odd about it is remembered."""
        name = _program_of(given)
        key = (given.script if name is None else name, given.user, given.group)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = self._judge(given, name)
        if verdict.path:
            verdict.more_places += 1
        else:
            verdict.path = path
        return not verdict.is_refused

    def tell(self, problems: Problems) -> None:
        for verdict in self._verdicts.values():
            if not verdict.message:
                continue
            places = f" (and in {verdict.more_places} more places)" if verdict.more_places else ""
            if verdict.is_error:
                problems.error(verdict.path, verdict.message + places)
            else:
                problems.warning(verdict.path, verdict.message + places)

    def _judge(self, given: Command | Script, name: str | None) -> Verdict:
        try:
            words_of(given.script)
            identity = self._identity(given.user, given.group)
        except ValueError as error:
            return Verdict(message=str(error), is_error=True)
        if name is None:
            return Verdict()
        weakness = find_weakness(name, identity)
        if weakness is not None and self._is_secured:
            return Verdict(
                message=f"is not run: {weakness}, and it would run as root (enable_script_security)",
                is_refused=True,
            )
        if weakness is not None:
            return Verdict(
                message=f"{weakness}: others can have it run as root what they like; "
                "enable_script_security refuses that"
            )
        obstacle = find_obstacle(name, identity)
        return Verdict() if obstacle is None else Verdict(message=f"cannot run: {obstacle}")

    def _identity(self, user: str | None, group: str | None) -> Identity | None:
        if (user, group) not in self._users:
            try:
                self._users[user, group] = resolve_user(user, group)
            except ValueError as error:
                self._users[user, group] = error
        found = self._users[user, group]
        if isinstance(found, ValueError):
            raise found
        return found


def _program_of(given: Command | Script) -> str | None:
    """The word that names a file; None when only a shell knows what runs, or nobody."""
    try:
        first = words_of(given.script)[0]
        is_shell = isinstance(given, Script) and command(given.script)[0] != first
    except ValueError:
        return None
    return None if is_shell and "/" not in first else first


def judge(config: Config, problems: Problems) -> Config:
    """The configuration without what must not run. Everything odd about programs and FIFOs is noted.

    Nobody asks the machine about a configuration that has errors already.
    """
    if any(problem.severity is Severity.ERROR for problem in problems.items):
        return config
    programs = Programs(config.script_security)
    scripts = {
        name: script
        for name, script in config.scripts.items()
        if programs.accepts(script, ("vrrp_script", name, "script"))
    }
    gone = config.scripts.keys() - scripts.keys()
    changed: dict[str, Instance] = {}
    for name, instance in config.instances.items():
        fields: dict[str, object] = {}
        notify = _runnable(instance.notify, ("vrrp_instance", name), programs)
        if notify is not instance.notify:
            fields["notify"] = notify
        if gone and any(track.name in gone for track in instance.tracked(TrackKind.SCRIPT)):
            fields["tracks"] = tuple(
                track
                for track in instance.tracks
                if track.kind is not TrackKind.SCRIPT or track.name not in gone
            )
        if fields:
            changed[name] = msgspec.structs.replace(instance, **fields)
    groups = {
        name: msgspec.structs.replace(
            group, notify=_runnable(group.notify, ("vrrp_sync_group", name), programs)
        )
        for name, group in config.sync_groups.items()
    }
    process = config.process
    found = msgspec.structs.replace(
        config,
        scripts=scripts,
        instances=config.instances | changed,
        sync_groups=groups,
        process=msgspec.structs.replace(process, **dict(_refused_process(process, programs))),
        notify_fifo=_fifo(config.notify_fifo, "notify_fifo", programs, problems),
        vrrp_notify_fifo=_fifo(config.vrrp_notify_fifo, "vrrp_notify_fifo", programs, problems),
    )
    programs.tell(problems)
    return found


def _runnable(notify: Notify, path: Path, programs: Programs) -> Notify:
    """The notify words of the block at `path`, without what must not run."""
    refused: dict[str, None] = {}
    for field, word in NOTIFY_WORDS.items():
        given: Command | None = getattr(notify, field)
        if given is not None and not programs.accepts(given, (*path, word)):
            refused[field] = None
    return msgspec.structs.replace(notify, **refused) if refused else notify


def _refused_process(process: Process, programs: Programs) -> Iterator[tuple[str, None]]:
    for field in ("startup_script", "shutdown_script"):
        given: Command | None = getattr(process, field)
        if given is not None and not programs.accepts(given, ("global_defs", field)):
            yield field, None


def _fifo(fifo: Fifo | None, key: str, programs: Programs, problems: Problems) -> Fifo | None:
    if fifo is None:
        return None
    path: Path = ("global_defs", key)
    try:
        if not stat.S_ISFIFO(os.lstat(fifo.path).st_mode):
            problems.error(path, f"{fifo.path} exists and is not a FIFO; take another name, or remove it")
    except FileNotFoundError:
        if not os.path.isdir(os.path.dirname(fifo.path)):
            problems.error(path, f"there is no directory {os.path.dirname(fifo.path)}")
    except (OSError, ValueError) as error:
        problems.error(path, f"{fifo.path}: {error}")
    if fifo.user is not None:
        try:
            resolve_user(fifo.user, fifo.group)
        except ValueError as error:
            problems.error(path, str(error))
    if fifo.script is not None and not programs.accepts(fifo.script, ("global_defs", f"{key}_script")):
        return msgspec.structs.replace(fifo, script=None)
    return fifo
