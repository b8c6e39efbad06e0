"""Statements as short text, for tests of the grammar."""

from pathlib import Path

from vrrpd_fast.config.conf.reader import read
from vrrpd_fast.config.conf.statement import Statement


def shown(statements: list[Statement]) -> list[object]:
    """Every statement as the list of its words, a block as a list of such after them."""
    found: list[object] = []
    for statement in statements:
        found.append(" ".join(word.text for word in statement.words))
        if statement.block is not None:
            found.append(shown(statement.block))
    return found


def read_text(
    directory: Path, text: str | bytes, config_id: str | None = "main"
) -> tuple[list[object], list[str]]:
    """What read() makes of a text, statements shown and findings without the file's name."""
    path = directory / "keepalived.conf"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    statements, findings = read(str(path), config_id)
    prefix = f"{path}:"
    return shown(statements), [str(finding).removeprefix(prefix) for finding in findings]
