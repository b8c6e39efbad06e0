"""include and its variants: which files a pattern means, and reading them safely."""

import fnmatch
import os
import re
import stat

from vrrpd_fast.config.conf import limits

_MAGIC = re.compile(r"[*?[]")


class FileError(Exception):
    """A file that cannot be read, as the end of a sentence on it."""


class TooMuch(Exception):
    """A pattern that means more than limits allow."""


def read_file(path: str, *, is_included: bool) -> bytes:
    """The bytes of a regular file; nothing else is opened for long. Raises FileError."""
    try:
        # Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise FileError(
            f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"
        ) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise FileError(
                "is a directory" + ("; name its files, like conf.d/*.conf" if is_included else "")
            )
        if not stat.S_ISREG(mode):
            raise FileError("is not a regular file")
        if mode & 0o111:
            raise FileError("is executable, which a configuration is not; chmod a-x it")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            raw = file.read(limits.LARGEST_FILE + 1)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(raw) > limits.LARGEST_FILE:
        raise FileError(f"is larger than {limits.LARGEST_FILE >> 20} MiB")
    return raw


def alternatives(pattern: str) -> list[str]:
    """What csh makes of the braces in a pattern: `{a,b}/c` is `a/c` and `b/c`. Raises TooMuch."""
    done: list[str] = []
    todo = [pattern]
    while todo:
        text = todo.pop()
        group = _first_group(text)
        if group is None:
            done.append(text)
        else:
            start, end, members = group
            todo += [text[:start] + member + text[end:] for member in reversed(members)]
        if len(done) + len(todo) > limits.MOST_ALTERNATIVES:
            raise TooMuch(f"its braces make more than {limits.MOST_ALTERNATIVES} names")
    return done


def _first_group(text: str) -> tuple[int, int, list[str]] | None:
    """Start, end and members of the first complete { } of a pattern; `{}` stands for itself, as in csh."""
    start = text.find("{")
    while start >= 0:
        depth, begin = 0, start + 1
        members: list[str] = []
        for index in range(start, len(text)):
            match text[index]:
                case "{":
                    depth += 1
                case "," if depth == 1:
                    members.append(text[begin:index])
                    begin = index + 1
                case "}":
                    depth -= 1
                    if depth == 0:
                        if index == start + 1:
                            break
                        return start, index + 1, [*members, text[begin:index]]
        else:
            return None  # it never closes
        start = text.find("{", start + 1)
    return None


class Patterns:
    """Finds the files patterns mean; all of them together may look at so many directory entries."""

    def __init__(self) -> None:
        self._entries_left = limits.MOST_DIRECTORY_ENTRIES

    @property
    def is_spent(self) -> bool:
        """Nothing more can be found."""
        return self._entries_left < 0

    def find(self, directory: str, pattern: str) -> list[str]:
        """Paths that match, sorted; without wildcards the path itself, there or not. Raises TooMuch."""
        self._spend()
        if not has_wildcard(pattern):
            return [os.path.normpath(os.path.join(directory, pattern))]
        found = [os.path.join(directory, "")]
        if pattern.startswith("/"):
            found = ["/"]
        parts = [part for part in pattern.split("/") if part]
        for index, part in enumerate(parts):
            found = self._step(found, part, is_last=index == len(parts) - 1)
        return sorted(os.path.normpath(path) for path in found)

    def _spend(self) -> None:
        self._entries_left -= 1
        if self._entries_left < 0:
            raise TooMuch(f"all include lines look at more than {limits.MOST_DIRECTORY_ENTRIES} files")

    def _step(self, bases: list[str], part: str, *, is_last: bool) -> list[str]:
        if not has_wildcard(part):
            paths = [base + part + ("" if is_last else "/") for base in bases]
            return [path for path in paths if os.path.lexists(path)]
        matches = re.compile(fnmatch.translate(part)).match
        found = []
        for base in bases:
            try:
                with os.scandir(base) as entries:
                    for entry in entries:
                        self._spend()
                        if entry.name.startswith(".") and not part.startswith("."):
                            continue
                        if matches(entry.name):
                            found.append(entry.path + ("" if is_last else "/"))
            except (OSError, ValueError):
                continue  # not a directory, or not for us: nothing in it matches
        return found


def has_wildcard(pattern: str) -> bool:
    return _MAGIC.search(pattern) is not None
