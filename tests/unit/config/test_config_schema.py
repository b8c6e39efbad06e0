"""The JSON Schema, the reference in the docs and the lists of words: all of them follow the Structs."""

import json
from typing import Any

import pytest

from unit.config import config_reference
from vrrpd_fast.config import schema, words
from vrrpd_fast.config.load import load_text
from vrrpd_fast.model import ConfigError

BLOCKS = list(config_reference.BLOCKS.values())


def definitions() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(schema.schema_json())["$defs"]
    return found


def test_schema_of_the_file() -> None:
    whole = json.loads(schema.schema_json())
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert whole["$ref"] == "#/$defs/File"
    assert set(whole["$defs"]) == {block.__name__ for block in BLOCKS}


def test_schema_has_the_ranges_and_the_required_keys() -> None:
    instance = definitions()["VrrpInstance"]
    number, expression = instance["properties"]["virtual_router_id"]["anyOf"]
    assert number == {"type": "integer", "minimum": 1, "maximum": 255}
    assert expression["type"] == "string"
    assert instance["properties"]["state"]["enum"] == ["BACKUP", "MASTER"]
    assert instance["required"] == ["virtual_router_id", "virtual_ipaddress"]
    assert instance["additionalProperties"] is False


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_every_key_is_described_in_a_line(block: type) -> None:
    for key, value in definitions()[block.__name__]["properties"].items():
        assert 5 < len(value["description"]) <= 100, key


@pytest.mark.parametrize("block", config_reference.BLOCKS)
def test_docs_have_every_key(block: str) -> None:
    """When this fails: python tests/unit/config/config_reference.py"""
    text = config_reference.DOCUMENT.read_text()
    written = text.split(config_reference.begin(block), 1)[1].split(config_reference.end(block), 1)[0]
    assert written.strip() == config_reference.table(block)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_words_of_keepalived_are_keys_or_have_a_meaning(block: type) -> None:
    keys = set(definitions()[block.__name__]["properties"])
    for word in words.words_of(block):
        assert word in keys or words.meaning(block, word) is not None, word


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("use_vmac", "not served yet: "),
        ("smtp_alert", "not served: "),
        ("vmac_garp_intvl", "is no key of this file; garp_extra_if is what it sets"),
        ("preempt", "is no key of this file; nopreempt is what it sets"),
    ],
)
def test_words_of_keepalived_in_an_instance(word: str, told: str) -> None:
    block = {"interface": "e", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1"], word: True}
    with pytest.raises(ConfigError) as caught:
        load_text(json.dumps({"vrrp_instance": {"one": block}}), "f")
    (finding,) = caught.value.findings
    assert finding.message.startswith(f"vrrp_instance one: {word}: {told}")


def test_examples_of_the_docs_are_right() -> None:
    examples = config_reference.DOCUMENT.read_text().split("```json\n")[1:]
    assert len(examples) >= 3
    for example in examples:
        assert load_text(example.split("```")[0], "CONFIG.md").findings == []
