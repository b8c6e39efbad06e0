"""Rows of the stats segment, as the engine writes them. See rows.pyx."""

from typing_extensions import disjoint_base

@disjoint_base
class Rows:
    def __init__(self, fd: int) -> None:
        """Map the beginning of a segment (observe/layout.py); OSError. `fd` stays the caller's."""
