"""Blocks that stand for many: what they come to. What can be wrong with one stands in mistakes/range_*."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.config.loading import load
from unit.samples import on_file
from vrrpd_fast.config.convert import expand
from vrrpd_fast.config.load import load_text
from vrrpd_fast.config.problems import Problems
from vrrpd_fast.config.ranges import expand as write_out
from vrrpd_fast.model import ConfigError, Instance, ValueFile

# A busy machine may stall any example; what counts is the outcome.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text("{}nm+-*/%:()<>.,=0129x_ '\\", max_size=12)
NUMBERS = st.lists(st.integers(-3, 12) | st.sampled_from([2**32, 2**70, True, 1.5, "1", None]), max_size=4)
RANGES = st.dictionaries(st.sampled_from(["n", "m", "N", ""]), NUMBERS, max_size=2) | NUMBERS

FIVE_HUNDRED = """{
  "vrrp_instance": {
    "lan{n}": {
      "range": {"n": [1, 500]},
      "interface": "eth{n}",
      "virtual_router_id": 50,
      "virtual_ipaddress": ["10.{n/250}.{n%250+1}.1/24"]
    }
  }
}"""


def instances(name: str, numbers: dict[str, list[int]], **keys: Any) -> dict[str, Instance]:
    """What one range comes to, without a finding."""
    block = {
        "range": numbers,
        "interface": "eth{n}",
        "virtual_router_id": 1,
        "virtual_ipaddress": ["10.0.0.{n}"],
    }
    loaded = load({"vrrp_instance": {name: block | keys}})
    assert loaded.findings == []
    return loaded.config.instances


def test_five_hundred_virtual_routers_in_a_dozen_lines() -> None:
    assert FIVE_HUNDRED.count("\n") < 12
    loaded = load_text(FIVE_HUNDRED, "f")
    assert loaded.findings == []
    assert list(loaded.config.instances) == [f"lan{n}" for n in range(1, 501)]
    last = loaded.config.instances["lan500"]
    assert (last.interface, str(last.virtual_addresses[0])) == ("eth500", "10.2.1.1/24")


def test_several_variables_make_every_combination() -> None:
    found = instances(
        "{n}-{k}",
        {"n": [1, 2], "k": [1, 5, 2]},
        virtual_router_id="{k}",
        priority="{200 - 100 * (k % 2) + n}",
        virtual_ipaddress=["10.0.{k}.{n}"],
    )
    assert list(found) == ["1-1", "1-3", "1-5", "2-1", "2-3", "2-5"]
    assert [one.virtual_router_id for one in found.values()] == [1, 3, 5, 1, 3, 5]
    assert [one.priority for one in found.values()] == [101, 101, 101, 102, 102, 102]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *[("{n}", 10), ("{ n + 1 }", 11), ("{n-20}", -10), ("{n*n/3}", 33), ("{n%4}", 2), ("{-n}", -10)],
        *[("x{n}y{n}", "x10y10"), ("{n:x}", "a"), ("{n:03}", "010"), ("{n:04x}", "000a")],
        *[("{{n}}", "{n}"), ("{{{n}}}", "{10}"), ("no braces", "no braces"), (7, 7), (True, True)],
        ([{"weight": "{n}"}], [{"weight": 10}]),
    ],
)
def test_texts(text: Any, written: Any) -> None:
    problems = Problems()
    block = {"range": {"n": [10, 10]}, "priority": text}
    expansion = write_out({"vrrp_instance": {"s{n}": block}}, problems)
    assert problems.items == []
    assert expansion.document == {"vrrp_instance": {"s10": {"priority": written}}}


@pytest.mark.parametrize("key", ["virtual_router_id", "version", "advert_int", "garp_extra_if", "weight"])
def test_where_a_number_belongs_it_is_one(key: str) -> None:
    block = {"range": {"n": [3, 3]}, key: "{n}"}
    assert write_out({"vrrp_instance": {"{n}": block}}, Problems()).document["vrrp_instance"]["3"][key] == 3


@pytest.mark.parametrize("value", ["{n}", ["{n}"], {"name": "{n}"}])
def test_elsewhere_it_is_a_text(value: Any) -> None:
    block = {"range": {"n": [3, 3]}, "track_script": value}
    made = write_out({"vrrp_instance": {"{n}": block}}, Problems()).document["vrrp_instance"]["3"]
    assert made["track_script"] == json.loads(json.dumps(value).replace("{n}", "3"))


def test_names_of_digits_can_be_referred_to() -> None:
    script = {"range": {"n": [1, 2]}, "script": "/check {n}"}
    router = {
        "range": {"n": [1, 2]},
        "interface": "eth{n}",
        "virtual_router_id": "{n}",
        "virtual_ipaddress": ["10.0.0.{n}"],
        "track_script": ["{n}"],
    }
    loaded = load({"vrrp_script": {"{n}": script}, "vrrp_instance": {"{n}": router}})
    assert loaded.findings == []
    assert loaded.config.instances["2"].tracks[0].name == "2"


def test_track_files_have_ranges_too() -> None:
    block = {"range": {"n": [1, 3]}, "file": "/run/f{n}", "weight": "{-n}", "init_file": "{n} overwrite"}
    routers = {"range": {"n": [1, 3]}, "interface": "eth{n}", "virtual_router_id": 1}
    routers |= {"virtual_ipaddress": ["10.0.0.{n}"], "track_file": ["f{n}"]}
    loaded = load({"track_file": {"f{n}": block}, "vrrp_instance": {"V{n}": routers}})
    assert loaded.findings == []
    last = ValueFile(name="f3", path="/run/f3", initial=3, overwrite=True)
    assert (len(loaded.config.files), loaded.config.files["f3"]) == (3, last)
    assert loaded.config.instances["V3"].tracks == (on_file("f3", weight=-3),)


def test_other_blocks_stay_where_they_are_and_as_they_are() -> None:
    script = {"script": "awk '{print}'"}
    ranged = {"range": {"n": [1, 2]}, "script": "/check {n}"}
    expansion = write_out({"vrrp_script": {"a": script, "b{n}": ranged, "c{n}": script}}, Problems())
    assert expansion.document["vrrp_script"] == {
        "a": script,
        "b1": {"script": "/check 1"},
        "b2": {"script": "/check 2"},
        "c{n}": script,
    }
    assert expansion.origin(("vrrp_script", "b2", "script")) == ("vrrp_script", "b{n}", "script")
    assert expansion.origin(("vrrp_script", "a", "script")) == ("vrrp_script", "a", "script")


def test_a_range_may_refer_to_another() -> None:
    blocks = {
        "vrrp_script": {"chk{n}": {"range": {"n": [1, 3]}, "script": "/check {n}"}},
        "vrrp_instance": {
            "lan{n}": {
                "range": {"n": [1, 3]},
                "interface": "eth{n}",
                "virtual_router_id": 1,
                "virtual_ipaddress": ["10.0.{n}.1"],
                "track_script": ["chk{n}"],
            }
        },
    }
    loaded = load(blocks)
    assert loaded.findings == []
    assert loaded.config.instances["lan2"].tracks[0].name == "chk2"


def test_blocks_in_all_are_bounded() -> None:
    block = {"range": {"n": [1, 60000]}}
    problems = Problems()
    write_out({"vrrp_instance": {"a{n}": block, "b{n}": block}}, problems)
    (problem,) = problems.items
    assert problem.message == "comes to more than 100000 blocks in all"


def test_findings_stand_at_the_block_and_once() -> None:
    text = FIVE_HUNDRED.replace("50,", "500,")
    with pytest.raises(ConfigError) as caught:
        load_text(text, "f")
    (finding,) = caught.value.findings
    assert str(finding) == (
        "f:6:28: error: vrrp_instance lan1: virtual_router_id: 500 is not in 1..255 (and 499 more of lan{n})"
    )


def test_expansion_comes_to_the_same(tmp_path: Any) -> None:
    path = tmp_path / "vips.json"
    path.write_text(FIVE_HUNDRED)
    expanded = expand(str(path))
    assert expanded.findings == []
    assert "range" not in expanded.text and len(json.loads(expanded.text)["vrrp_instance"]) == 500
    assert load_text(expanded.text, "f") == load_text(FIVE_HUNDRED, "f")


@UNTIMED
@given(TEXTS, RANGES, TEXTS, TEXTS)
def test_any_range_is_written_out_or_refused(name: str, numbers: Any, one: str, other: str) -> None:
    block = {"range": numbers, "priority": one, "track_script": [other, {"name": other}]}
    problems = Problems()
    expansion = write_out({"vrrp_instance": {name: block}}, problems)
    made = expansion.document["vrrp_instance"]
    assert bool(made) != bool(problems.items)
    for each, written in made.items():
        assert expansion.origin(("vrrp_instance", each)) == ("vrrp_instance", name)
        assert set(written) == {"priority", "track_script"}
        assert isinstance(written["priority"], int | str)
    for problem in problems.items:
        assert problem.path[:2] == ("vrrp_instance", name) and problem.message.isprintable()
