"""Where the values of the document stand in a keepalived.conf."""

from vrrpd_fast.config.conf.statement import Place, Statement
from vrrpd_fast.config.problems import Path


class Places:
    """Statements by the path of what they say. An entry of a list has no keyword before its value."""

    def __init__(self, name: str) -> None:
        self._file = Place(name, 1, 1)
        self._statements: dict[Path, Statement] = {}
        self._order: dict[Path, int] = {}

    def add(self, path: Path, statement: Statement) -> None:
        """What `statement` says is at `path`."""
        self._statements[path] = statement

    def find(self, path: Path, *, key: bool = False) -> Place:
        """Of a value or its keyword, or of the nearest block around it."""
        while path:
            statement = self._statements.get(path)
            if statement is not None:
                is_entry = isinstance(path[-1], int)
                words = statement.words
                return words[0 if key or is_entry or len(words) == 1 else 1].place
            path, key = path[:-1], True
        return self._file

    def follows(self, path: Path, other: Path) -> bool:
        """Whether what is at `path` was read after what is at `other`."""
        if len(self._order) != len(self._statements):
            self._order = {known: index for index, known in enumerate(self._statements)}
        return self._order.get(path, 0) > self._order.get(other, 0)

    def move(self, path: Path, to: Path) -> None:
        """A value got another key."""
        self._statements[to] = self._statements.pop(path)

    def keep(self, path: Path, kept: list[int]) -> None:
        """Of the list at `path` only these entries are left."""
        entries = [self._statements.get((*path, index)) for index in kept]
        for index, statement in enumerate(entries):
            if statement is not None:
                self._statements[(*path, index)] = statement

    def move_tail(self, path: Path, begin: int, to: Path, at: int) -> None:
        """The entries from `begin` on of one list become those from `at` on of another."""
        while (statement := self._statements.pop((*path, begin), None)) is not None:
            self._statements[(*to, at)] = statement
            begin, at = begin + 1, at + 1
