"""Says what became of a value that keepalived changes."""

from typing import Any

from vrrpd_fast.config.conf.places import Places
from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.model import Severity


class Teller:
    """Warnings about values of the document, with their places before the document changes."""

    def __init__(self, places: Places, problems: Problems) -> None:
        self._places = places
        self.problems = problems

    def __call__(self, path: Path, message: str) -> None:
        self.problems.at(self._places.find(path), path, message, Severity.WARNING)

    def dropped(self, block: dict[str, Any], path: Path, why: str) -> None:
        """Take the last key of `path` out of `block`, if it is there, and say why."""
        if path[-1] in block:
            self(path, f"left out, as keepalived does: {why}")
            del block[path[-1]]
