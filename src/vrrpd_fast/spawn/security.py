"""Whether a program can be run, and whether anybody but root could have put something else in its place."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from .command import Identity, program


def find_obstacle(name: str, identity: Identity | None) -> str | None:
    """Why the program of a command line would not start as this user (None: our own), None if it would."""
    path = program(name)
    if "/" not in path:
        return f"{name} is not in PATH"
    try:
        status = os.stat(path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a file"
    if not _may_execute(status, identity):
        who = "this daemon" if identity is None else identity.name
        return f"{path} is not executable for {who}"
    return None


def find_weakness(name: str, identity: Identity | None) -> str | None:
    """Who could replace a program that runs as root, None if nobody can, or if it does not run as root.

    keepalived's rule: every element of its path belongs to root, and neither the group, unless that is
    root's, nor others may write to it; to a sticky directory they may, as they cannot replace what is in
    there. Of a symbolic link both paths count.
    """
    uid = os.geteuid() if identity is None else identity.uid
    path = program(name)
    if uid != 0 or "/" not in path:
        return None
    for element in _elements(name, path):
        try:
            status = os.stat(element)
        except OSError:
            return None  # it does not start at all
        if status.st_uid != 0:
            return f"{element} belongs to uid {status.st_uid}, not to root"
        if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
            continue
        if status.st_mode & stat.S_IWOTH:
            return f"{element} is writable by everybody"
        if status.st_mode & stat.S_IWGRP and status.st_gid != 0:
            return f"{element} is writable by gid {status.st_gid}"
    return None


def _elements(name: str, path: str) -> Iterator[Path]:
    for each in dict.fromkeys((path, name if name.startswith("/") else path)):
        yield from reversed(Path(each).parents)
        yield Path(each)


def _may_execute(status: os.stat_result, identity: Identity | None) -> bool:
    uid = os.geteuid() if identity is None else identity.uid
    groups = {os.getegid(), *os.getgroups()} if identity is None else {identity.gid, *identity.groups}
    if uid == 0:
        return bool(status.st_mode & 0o111)
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid in groups:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
