"""What keepalived knows and we do not serve: told with line and consequence, fatal only where it must be."""

import pytest

from unit.config.conf.conf_texts import errors, findings, instance_text, loaded, warnings
from vrrpd_fast.config.conf.keyword import Block, Grammar, Named, Refused, Repeated, Table, Unserved
from vrrpd_fast.config.conf.keywords_global import GLOBAL_DEFS
from vrrpd_fast.config.conf.keywords_instance import VRRP_INSTANCE
from vrrpd_fast.config.conf.keywords_top import TOP

TABLES = [("", TOP), ("global_defs", GLOBAL_DEFS), ("vrrp_instance one", VRRP_INSTANCE)]


def placed(block: str, statement: str) -> tuple[str, int]:
    """A whole file with a statement in a block, and the line it stands on."""
    if block == "":
        return f"{statement}\n{instance_text()}", 1
    if block == "global_defs":
        return f"global_defs {{\n  {statement}\n}}\n{instance_text()}", 2
    return instance_text("interface eth0", statement), 4


def words(kind: type) -> list[tuple[str, str, str]]:
    return [
        (block, word, entry.consequence)
        for block, table in TABLES
        for word, entry in table.items()
        if isinstance(entry, Unserved | Refused) and isinstance(entry, kind)
    ]


@pytest.mark.parametrize(("block", "word", "consequence"), words(Unserved))
@pytest.mark.parametrize("rest", ["", " some 5 words", " {\n a b\n c {\n d\n }\n }"])
def test_a_word_that_vrrp_does_without(block: str, word: str, consequence: str, rest: str) -> None:
    text, line = placed(block, word + rest)
    where = f"{block}: {word}" if block else word
    assert warnings(text) == [f"{line}: {where}: not served: {consequence}"]
    assert errors(text, strict=True) == [f"{line}: {where}: not served: {consequence}"]
    assert loaded(text).config.instances == loaded(instance_text()).config.instances


@pytest.mark.parametrize(("block", "word", "consequence"), words(Refused))
def test_a_word_that_would_make_another_router(block: str, word: str, consequence: str) -> None:
    text, line = placed(block, f"{word} x {{\n }}" if block == "" else word)
    where = f"{block}: {word}" if block else word
    assert errors(text) == [f"{line}: {where}: not served yet: {consequence}"]


@pytest.mark.parametrize("word", [word for word, entry in GLOBAL_DEFS.items() if isinstance(entry, Grammar)])
def test_a_word_for_the_reader_alone(word: str) -> None:
    text = f"global_defs {{\n  {word} {'1' if word == 'random_seed' else 'match'}\n}}\n{instance_text()}"
    assert findings(text, strict=True) == []


def test_what_is_rewritten_is_no_error_with_strict() -> None:
    text = instance_text("advert_int 1.5")
    assert findings(text, strict=True) == findings(text)
    assert warnings(text)


def depth(table: Table) -> int:
    inner = [entry.table for entry in table.values() if isinstance(entry, Block | Named | Repeated)]
    return 1 + max(map(depth, inner), default=0)


def test_the_tables_end() -> None:
    assert depth(TOP) == 3
