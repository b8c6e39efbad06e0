"""Where keepalived's dumps go."""

import pytest

from unit.config.conf.conf_texts import errors, instance_text, loaded
from unit.config.loading import config
from vrrpd_fast.model import Dumps


def dumps(**keys: object) -> Dumps:
    return config(global_defs=keys).dumps


def test_keepaliveds_own_names_unless_others_are_told() -> None:
    assert config().dumps == Dumps()
    assert Dumps() == Dumps(
        data="/tmp/keepalived.data",
        stats="/tmp/keepalived.stats",
        json="/tmp/keepalived.json",
        json_version=1,
    )


def test_files_and_directories() -> None:
    assert dumps(
        state_dump_file="/a/b", stats_dump_file="/run/x/", json_dump_file="/j", json_version=2
    ) == Dumps(data="/a/b", stats="/run/x/keepalived.stats", json="/j", json_version=2)


def test_the_namespace_in_the_name() -> None:
    keys = {"data_use_instance": True, "state_dump_file": "/x.d/state"}
    assert config(net_namespace="blue", global_defs=keys).dumps.data == "/x.d/state.blue"
    keys = {"data_use_instance": True}
    assert config(net_namespace="blue", global_defs=keys).dumps.data == "/tmp/keepalived.blue.data"
    assert config(net_namespace="blue", global_defs=keys).dumps.json == "/tmp/keepalived.json"
    assert config(net_namespace="blue").dumps.data == "/tmp/keepalived.data"
    assert dumps(data_use_instance=True).data == "/tmp/keepalived.data"


@pytest.mark.parametrize("word", ["state_dump_file", "stats_dump_file", "json_dump_file"])
def test_a_path_that_depends_on_where_it_is_started(word: str) -> None:
    text = f"global_defs {{\n  {word} here/x\n}}\n{instance_text()}"
    assert errors(text) == [f'2: global_defs: {word}: "here/x" is not an absolute path']


def test_in_keepaliveds_form() -> None:
    words = "data_use_instance\n  json_version 2\n  json_dump_file /run/k.json\n"
    made = loaded(f"global_defs {{\n  {words}\n}}\n{instance_text()}").config.dumps
    assert made == Dumps(json="/run/k.json", json_version=2)
