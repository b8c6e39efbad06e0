"""The JSON that convert makes behaves as the keepalived.conf did, and reads well."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.config.conf.conf_texts import SAMPLES, instance_text
from vrrpd_fast.config.convert import convert
from vrrpd_fast.config.load import load, load_text
from vrrpd_fast.model import Config, ConfigError, Finding

EXAMPLES = Path(__file__).parents[3] / "examples"

# A busy machine may stall any example; what counts is the outcome.
UNTIMED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def both(path: Path, **options: Any) -> tuple[Config, Config]:
    """What a keepalived.conf comes to, and what its JSON comes to."""
    text = convert(str(path), **options).text
    return load(path, **options).config, load_text(text, "converted.json").config


def test_the_reference_deployment() -> None:
    of_conf, of_json = both(EXAMPLES / "keepalived.conf")
    assert of_conf == of_json == load(EXAMPLES / "vips.json").config
    assert load(EXAMPLES / "keepalived.conf").findings == []
    stated = json.loads((EXAMPLES / "vips.json").read_text())
    assert json.loads(convert(str(EXAMPLES / "keepalived.conf")).text) == stated


@pytest.mark.peer("keepalived")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("keepalived.conf*")), ids=lambda path: path.name)
def test_a_sample(path: Path) -> None:
    try:
        load(path)
    except ConfigError as refused:
        with pytest.raises(ConfigError) as caught:
            convert(str(path))
        assert caught.value.findings == refused.findings
        return
    of_conf, of_json = both(path)
    assert of_conf == of_json


def test_json_stands_in_lines_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "k.conf"
    many = ", ".join(f"10.0.0.{i}" for i in range(1, 30))
    path.write_text("global_defs {\n router_id a\n}\n" + instance_text("accept", addresses=many))
    lines = convert(str(path)).text.split("\n")
    assert lines[:4] == ["{", '  "global_defs": {', '    "router_id": "a"', "  },"]
    assert lines[-1] == ""
    assert max(map(len, lines)) <= 100
    assert '      "accept": true,' in lines
    assert '        "10.0.0.7",' in lines


def test_what_was_lost_is_told(tmp_path: Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text("virtual_server 10.0.0.1 80 {\n}\n" + instance_text("advert_int 1.5"))
    converted = convert(str(path))
    assert [finding.line for finding in converted.findings] == [1, 6]
    assert converted.findings == load(path).findings
    assert json.loads(converted.text) == {
        "vrrp_instance": {
            "one": {
                "virtual_router_id": 1,
                "interface": "eth0",
                "advert_int": 2,
                "virtual_ipaddress": ["10.0.0.1"],
            }
        }
    }


def test_other_letters_stay_letters(tmp_path: Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text(instance_text("notify /ä.sh", name="Straße"))
    assert '"notify": "/ä.sh"' in convert(str(path)).text


def faults(path: Path, **options: Any) -> list[Finding]:
    with pytest.raises(ConfigError) as caught:
        convert(str(path), **options)
    return caught.value.findings


def test_json_is_not_converted(tmp_path: Path) -> None:
    (finding,) = faults(EXAMPLES / "vips.json")
    assert finding.message == "is JSON already, there is nothing to convert"


def test_a_file_with_an_error_is_not_converted(tmp_path: Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text(instance_text("priority 300"))
    (finding,) = faults(path)
    assert (finding.line, finding.message) == (4, "vrrp_instance one: priority: 300 is not in 1..255")


def test_conditions_are_resolved(tmp_path: Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text(instance_text("@a priority 200", "@^a priority 50"))
    for config_id, priority in (("a", 200), ("b", 50)):
        of_conf, of_json = both(path, config_id=config_id)
        assert of_conf == of_json
        assert of_conf.instances["one"].priority == priority


LINES = st.lists(
    st.sampled_from(
        [
            "state MASTER",
            "state BACKUP",
            "priority 255",
            "priority 120",
            "version 2",
            "version 3",
            "advert_int 0.5",
            "advert_int 1.239",
            "advert_int 60",
            "nopreempt",
            "preempt",
            "preempt_delay 7",
            "accept",
            "no_accept",
            "strict_mode",
            "strict_mode no",
            "mcast_src_ip 10.0.0.3",
            "unicast_src_ip 10.0.0.4",
            "unicast_peer {\n 10.0.0.5 min_ttl 250\n 10.0.0.6\n}",
            "unicast_peer {\n}",
            "unicast_fault_no_peer",
            "unicast_ttl 20",
            "check_unicast_src",
            "mcast_dst_ip 224.0.0.200",
            "track_src_ip",
            "down_timer_adverts 7",
            "lower_prio_no_advert",
            "higher_prio_send_advert no",
            "skip_check_adv_addr",
            "v3_checksum_as_v2",
            "garp_master_delay 0",
            "garp_lower_prio_repeat 2",
            "garp_extra_if all 9",
            "authentication {\n auth_type PASS\n auth_pass 1234567890\n}",
            "authentication {\n auth_pass x\n}",
            "virtual_ipaddress {\n 10.0.0.77\n 2001:db8::7 dev eth1\n 10.0.0.77\n}",
            "virtual_ipaddress_excluded {\n 10.0.0.88/24 brd + dev eth1\n fe80::88 label x\n}",
            "virtual_routes {\n 10.9.0.0/16 via 10.0.0.254 no_track\n}",
            "track_interface {\n eth1 weight -5\n eth2\n}",
            'track_script {\n chk\n "a b" weight 2 reverse\n}',
            "notify \"/n.sh a 'b c'\" nobody",
            "notify_master /m.sh",
            "notify_deleted",
            "dont_track_primary",
            "smtp_alert",
        ]
    ),
    max_size=12,
)
GLOBALS = st.lists(
    st.sampled_from(
        [
            "vrrp_version 3",
            "vrrp_strict",
            "vrrp_min_garp",
            "vrrp_garp_lower_prio_repeat 3",
            "vrrp_down_timer_adverts 2",
            "nftables vips",
            "umask 022",
            "vrrp_notify_fifo /run/f nobody",
            "script_user nobody",
            "smtp_server 10.0.0.1",
        ]
    ),
    max_size=4,
)
SCRIPTS = (
    'vrrp_script chk {\n script "/bin/true"\n}\nvrrp_script "a b" {\n script "/bin/false x"\n weight 3\n}\n'
)


@UNTIMED
@given(globals_=GLOBALS, lines=LINES, addresses=st.sampled_from(["10.0.0.1", "fe80::1, 2001:db8::1"]))
def test_any_mixture(
    tmp_path_factory: pytest.TempPathFactory, globals_: list[str], lines: list[str], addresses: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "mixture.conf"
    block = "".join(f" {line}\n" for line in globals_)
    path.write_text(f"global_defs {{\n{block}}}\n{SCRIPTS}{instance_text(*lines, addresses=addresses)}")
    try:
        loaded = load(path)
    except ConfigError as refused:
        assert faults(path) == refused.findings
        return
    of_conf, of_json = both(path)
    assert of_conf == of_json == loaded.config
