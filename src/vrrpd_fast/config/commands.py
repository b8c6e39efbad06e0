"""Who runs what: script users, notify words, FIFOs and the scripts that read them."""

import pwd

from msgspec import UNSET, UnsetType

from vrrpd_fast import model
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import CommandEntry, FifoEntry, GlobalDefs, VrrpInstance, VrrpSyncGroup
from vrrpd_fast.config.schema.base import stated
from vrrpd_fast.spawn.command import words_of

User = tuple[str | None, str | None]
"""User and group; None is our own user, and the user's own group."""

_KEEPALIVED_SCRIPT_USER = "keepalived_script"
# Words of the configuration by field of model.Notify.
NOTIFY_WORDS = {
    "master": "notify_master",
    "backup": "notify_backup",
    "fault": "notify_fault",
    "stop": "notify_stop",
    "deleted": "notify_deleted",
    "every": "notify",
    "master_rx_lower_pri": "notify_master_rx_lower_pri",
}
_NO_NOTIFY = (model.Notify(), model.Notify(priority_changes=True))


def keepalived_script_user() -> str | None:
    """The user that keepalived prefers for scripts, where the machine has it; None is our own user."""
    try:
        return pwd.getpwnam(_KEEPALIVED_SCRIPT_USER).pw_name
    except KeyError:
        return None


def script_user(block: GlobalDefs, problems: Problems) -> User:
    """Who runs a script that states no user."""
    if block.script_user is UNSET:
        return keepalived_script_user(), None
    return user_and_group(block.script_user, ("global_defs", "script_user"), problems)


def user_and_group(text: str, path: Path, problems: Problems) -> User:
    words = text.split()
    if not 1 <= len(words) <= 2 or not text.isprintable():
        problems.error(path, f'{quoted(text)} is not "user" or "user group"')
        return None, None
    return words[0], words[1] if len(words) == 2 else None


def check_command(script: str, path: Path, problems: Problems) -> None:
    """Whether there are words in it; programs.py looks at what they name."""
    try:
        words_of(script)
    except ValueError as error:
        problems.error(path, str(error))


def command(entry: str | CommandEntry, usual: User, path: Path, problems: Problems) -> model.Command:
    """A command line and who runs it; `usual` is who runs it when the entry does not say."""
    user, group = usual
    if isinstance(entry, str):
        check_command(entry, path, problems)
        return model.Command(script=entry, user=user, group=group)
    check_command(entry.script, (*path, "script"), problems)
    if entry.user is not UNSET:
        user, group = user_and_group(entry.user, (*path, "user"), problems)
    return model.Command(script=entry.script, user=user, group=group)


def command_or_none(
    entry: str | CommandEntry | UnsetType, usual: User, path: Path, problems: Problems
) -> model.Command | None:
    return None if entry is UNSET else command(entry, usual, path, problems)


def notify(
    block: VrrpInstance | VrrpSyncGroup, usual: User, priority_changes: bool, path: Path, problems: Problems
) -> model.Notify:
    """The notify words of an instance or group; `priority_changes` is the default."""
    priority_changes = stated(block.notify_priority_changes, priority_changes)
    commands = {}
    for field, key in NOTIFY_WORDS.items():
        entry = getattr(block, key, UNSET)  # a group has fewer words
        if entry is not UNSET and not isinstance(entry, bool):
            commands[field] = command(entry, usual, (*path, key), problems)
    tells_deleted = isinstance(block, VrrpInstance) and block.notify_deleted is not False
    if not commands and not tells_deleted:
        return _NO_NOTIFY[priority_changes]
    return model.Notify(**commands, tells_deleted=tells_deleted, priority_changes=priority_changes)


def fifos(block: GlobalDefs, usual: User, problems: Problems) -> tuple[model.Fifo | None, model.Fifo | None]:
    """notify_fifo and vrrp_notify_fifo."""
    every = _fifo("notify_fifo", block.notify_fifo, block.notify_fifo_script, usual, problems)
    vrrp = _fifo("vrrp_notify_fifo", block.vrrp_notify_fifo, block.vrrp_notify_fifo_script, usual, problems)
    if every is not None and vrrp is not None and every.path == vrrp.path:
        problems.error(
            ("global_defs", "vrrp_notify_fifo"),
            f"{quoted(vrrp.path)} is notify_fifo already; each needs a file of its own",
            ("global_defs", "notify_fifo"),
        )
    return every, vrrp


def _fifo(
    key: str,
    entry: str | FifoEntry | UnsetType,
    script: str | CommandEntry | UnsetType,
    usual: User,
    problems: Problems,
) -> model.Fifo | None:
    path: Path = ("global_defs", key)
    reader = command_or_none(script, usual, ("global_defs", f"{key}_script"), problems)
    if entry is UNSET:
        if reader is not None:
            problems.error(("global_defs", f"{key}_script"), f"has nothing to read without {key}", path)
        return None
    user: User = (None, None)
    if isinstance(entry, str):
        name = entry
    else:
        name, path = entry.path, (*path, "path")
        if entry.user is not UNSET:
            user = user_and_group(entry.user, ("global_defs", key, "user"), problems)
    if not name.startswith("/") or not name.isprintable():
        problems.error(path, f"{quoted(name)} is not the path of a FIFO, like /run/vrrp.fifo")
    return model.Fifo(path=name, user=user[0], group=user[1], script=reader)
