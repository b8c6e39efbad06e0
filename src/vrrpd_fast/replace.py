"""A file replaced as a whole: whoever reads it sees the old text or the new one, in full."""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterable


def replace(path: str, data: bytes | Iterable[bytes], mode: int) -> None:
    """Write `data`, or its pieces in a row, beside `path` and rename it there.

    OSError, with the old file untouched, if that fails.

    Nothing is followed, nothing but a regular file replaced: in /tmp, anybody may have put something there.
    """
    directory, name = os.path.split(path)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise OSError(errno.EEXIST, "there is something else than a regular file", path)
    file, beside = tempfile.mkstemp(prefix=f".{name}.", dir=directory or ".")  # O_EXCL, 0600
    try:
        with open(file, "wb") as writer:
            writer.writelines((data,) if isinstance(data, bytes) else data)
            os.fchmod(writer.fileno(), mode)
        os.rename(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
