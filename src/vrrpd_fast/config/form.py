"""What the two forms of a configuration file have in common: what it says, and where everything stands."""

from typing import Any, Protocol

import msgspec

from vrrpd_fast.config import schema
from vrrpd_fast.config.conf.statement import Place
from vrrpd_fast.config.problems import Path, Problems, printable
from vrrpd_fast.model import ConfigError, Finding, Severity

LARGEST_FILE = 64 << 20


class Form(Protocol):
    """A file whose syntax is right."""

    @property
    def findings(self) -> list[Finding]:
        """What is doubtful about its syntax."""
        ...

    def file(self, problems: Problems) -> schema.File:
        """What it says; what is wrong with it is noted in `problems`."""
        ...

    @property
    def document(self) -> dict[str, Any]:
        """What it says in the native form, without ranges; there is none before file()."""
        ...

    def origin(self, path: Path) -> Path:
        """The path in the file as it was written: many blocks may come from one that is a range."""
        ...

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where a value or its key stands, or the nearest thing around it that does."""
        ...


def structs(document: dict[str, Any]) -> schema.File:
    """A document of the right shape as Structs, else msgspec.ValidationError.

    One virtual router after the other: a single call would keep the interpreter from the loop, which runs
    beside this thread, for 5 ms with a thousand of them.
    """
    blocks = document.get("vrrp_instance")
    if not isinstance(blocks, dict):
        return msgspec.convert(document, schema.File)
    file = msgspec.convert({**document, "vrrp_instance": {}}, schema.File)
    file.vrrp_instance = {name: msgspec.convert(block, schema.VrrpInstance) for name, block in blocks.items()}
    return file


def read_file(name: str) -> bytes:
    """The content of a file; ConfigError when there is none that could be a configuration."""
    try:
        with open(name, "rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise config_error(Place(name, 0, 0), f"cannot be read: {reason}") from error
    if len(raw) > LARGEST_FILE:
        raise config_error(Place(name, 0, 0), f"is larger than {LARGEST_FILE >> 20} MiB")
    return raw


def config_error(place: Place, message: str) -> ConfigError:
    """An error that leaves nothing to look at further."""
    return ConfigError([finding(place, Severity.ERROR, message)])


def finding(place: Place, severity: Severity, message: str) -> Finding:
    return Finding(
        file=place.file,
        line=place.line,
        column=place.column,
        severity=severity,
        message=printable(message),
    )
