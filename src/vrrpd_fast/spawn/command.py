"""What a configured script means: the argument vector to run, and the user to run it as."""

import grp
import os
import pwd
import shlex
import shutil

from msgspec import Struct

# The user that keepalived runs its scripts as when it exists.
DEFAULT_USER = "keepalived_script"

# Whatever sh reads as more than a word. Quotes and backslashes are no reason: shlex reads them as sh does.
SHELL_CHARACTERS = frozenset("|&;<>()$`*?[]{}~!#\n")
# Words that only a shell understands.
SHELL_WORDS = frozenset(
    (
        ".",
        ":",
        "cd",
        "command",
        "eval",
        "exec",
        "exit",
        "export",
        "read",
        "set",
        "trap",
        "type",
        "ulimit",
        "umask",
    )
)


class Identity(Struct, frozen=True):
    """Whom a script runs as. Like keepalived, without supplementary groups beyond its group."""

    name: str
    uid: int
    gid: int

    @property
    def groups(self) -> tuple[int, ...]:
        return (self.gid,)


def words_of(script: str) -> list[str]:
    """The words of a script line, with quotes and backslashes as sh reads them. ValueError if unusable."""
    if "\0" in script:
        raise ValueError("a script cannot contain a NUL character")
    try:
        words = shlex.split(script)
    except ValueError as error:
        raise ValueError(f"script {script!r}: {str(error).lower()}") from None
    if not words or not words[0]:
        raise ValueError("the script is empty")
    return words


def program(name: str) -> str:
    """The file that a first word runs: found in PATH, links followed; the word itself if there is none.

    As in keepalived a link to a file beside it keeps its name: programs with many names go by it.
    """
    path = name if "/" in name else shutil.which(name)
    if path is None:
        return name
    directory, last = os.path.split(path)
    here = os.path.join(os.path.realpath(directory), last)
    target = os.path.realpath(path)
    return here if os.path.dirname(target) == os.path.dirname(here) else target


def arguments(script: str) -> list[str]:
    """The argument vector of a notify script: no shell, links followed. That is what keepalived runs."""
    first, *more = words_of(script)
    return [program(first), *more]


def command(script: str) -> list[str]:
    """The argument vector for a check script, through /bin/sh if it needs one. ValueError if unusable."""
    words = words_of(script)
    # `=` in the first word is an assignment before the command.
    if SHELL_CHARACTERS.intersection(script) or words[0] in SHELL_WORDS or "=" in words[0]:
        return ["/bin/sh", "-c", script]
    return words


def resolve_user(user: str | None, group: str | None = None) -> Identity | None:
    """Whom to run a script as, None for the daemon's own user. ValueError names an unknown user or group."""
    if user is None:
        if group is not None:
            raise ValueError(f"group {group!r} needs a user")
        return _default_user()
    entry = _lookup_user(user)
    gid = entry.pw_gid if group is None else _lookup_group(group)
    return _unless_own(Identity(entry.pw_name, entry.pw_uid, gid))


def _default_user() -> Identity | None:
    try:
        entry = pwd.getpwnam(DEFAULT_USER)
    except KeyError:
        return None
    # Without the right to change user, or in a user namespace that lacks this one, there is no default.
    if os.geteuid() != 0 or not _is_mapped("uid", entry.pw_uid) or not _is_mapped("gid", entry.pw_gid):
        return None
    return _unless_own(Identity(entry.pw_name, entry.pw_uid, entry.pw_gid))


def _unless_own(identity: Identity) -> Identity | None:
    is_own = identity.uid == os.geteuid() and identity.gid == os.getegid()
    return None if is_own else identity


def _lookup_user(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        raise ValueError(f"there is no user {user!r}") from None


def _lookup_group(group: str) -> int:
    try:
        return (grp.getgrgid(int(group)) if group.isdecimal() else grp.getgrnam(group)).gr_gid
    except (KeyError, OverflowError):
        raise ValueError(f"there is no group {group!r}") from None


def _is_mapped(kind: str, number: int) -> bool:
    """Whether this user namespace knows the id (user_namespaces(7): first, outside first, length)."""
    with open(f"/proc/self/{kind}_map") as lines:
        ranges = [tuple(map(int, line.split())) for line in lines]
    return any(first <= number < first + length for first, _, length in ranges)
