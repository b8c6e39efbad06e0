"""What a right file comes to: the reference deployment, keepalived's defaults, and each key's effect."""

import os
import socket
import time
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import msgspec
import pytest

from unit.config.loading import instance, load
from unit.samples import on_link, on_script
from vrrpd_fast import model
from vrrpd_fast.config import commands, resolve, schema
from vrrpd_fast.config import load as loading
from vrrpd_fast.config.check import most_addresses
from vrrpd_fast.config.groups import Groups
from vrrpd_fast.config.problems import Problems
from vrrpd_fast.model import Config, ConfigError, Family, Garp, Instance, Script, VirtualAddress

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(autouse=True)
def no_keepalived_script_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "keepalived_script_user", lambda: None)


def errors(**keys: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        instance(**keys)
    return [finding.message for finding in caught.value.findings]


def test_reference_deployment() -> None:
    def router(name: str, interface: str, address: str) -> Instance:
        return Instance(
            name=name,
            interface=interface,
            family=Family.IPV4,
            virtual_router_id=int(name),
            version=2,
            priority=100,
            advert_int_cs=100,
            virtual_addresses=(VirtualAddress(address=IPv4Address(address), prefixlen=32, dev=interface),),
            tracks=(on_script("CHK-LB", weight=2),),
        )

    loaded = loading.load(EXAMPLES / "vips.json")
    assert loaded.findings == []
    assert loaded.config == Config(
        router_id="haproxy1",
        scripts={"CHK-LB": Script(name="CHK-LB", script="killall -0 haproxy", interval=2.0, timeout=2.0)},
        instances={
            "50": router("50", "eth0", "192.168.0.75"),
            "51": router("51", "eth1", "10.10.10.10"),
        },
    )


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_examples_have_no_finding(path: Path) -> None:
    assert loading.check(path) == []


def test_defaults_are_keepalived_s() -> None:
    one = instance()
    assert (one.version, one.priority, one.advert_int_cs) == (2, 100, 100)
    assert (one.preempt, one.preempt_delay, one.accept) == (True, 0.0, True)
    assert (one.down_timer_adverts, one.lower_prio_no_advert) == (3, False)
    assert (one.checksum, one.check_addresses) == ("rfc5798", False)
    assert (one.source_ip, one.group, one.unicast_peers) == (None, IPv4Address("224.0.0.18"), ())
    assert one.garp == Garp()
    assert load({}).config.router_id == socket.gethostname()


def test_script_defaults() -> None:
    script = load({"vrrp_script": {"S": {"script": "true"}}}).config.scripts["S"]
    assert script == Script(name="S", script="true", interval=1.0, timeout=1.0)
    script = load({"vrrp_script": {"S": {"script": "true", "interval": 0.2}}}).config.scripts["S"]
    assert script.timeout == 0.2


def test_ipv6_is_version_3() -> None:
    one = instance(virtual_ipaddress=["fe80::1"], global_defs={"vrrp_version": 2})
    assert (one.version, one.family, one.group) == (3, Family.IPV6, IPv6Address("ff02::12"))
    assert one.virtual_addresses[0].prefixlen == 128


def test_version_of_the_instance_beats_the_global_one() -> None:
    assert instance(global_defs={"vrrp_version": 3}).version == 3
    assert instance(global_defs={"vrrp_version": 3}, version=2).version == 2


def test_state_master_without_priority_is_the_owner() -> None:
    assert instance(state="MASTER").priority == 255
    assert instance(state="MASTER", priority=150).priority == 150
    assert instance(state="BACKUP").priority == 100
    assert instance(state="BACKUP", priority=255).is_owner


@pytest.mark.parametrize(
    ("version", "seconds", "centiseconds"),
    [
        *[(2, 1, 100), (2, 255, 25500), (2, 3.0, 300), (3, 0.01, 1), (3, 0.1, 10)],
        *[(3, 0.29, 29), (3, 1.1, 110), (3, 40.95, 4095), (3, 40, 4000)],
    ],
)
def test_advert_int(version: int, seconds: float, centiseconds: int) -> None:
    assert instance(version=version, advert_int=seconds).advert_int_cs == centiseconds


def test_every_interval_of_version_3_is_accepted() -> None:
    problems = Problems()
    defaults = resolve._defaults(schema.GlobalDefs(), problems)
    groups = Groups({}, {}, defaults.user, problems)
    instances = resolve._Instances(defaults, {}, groups, problems)
    for centiseconds in range(1, 4096):
        assert instances._advert_int_cs(float(f"{centiseconds / 100:.2f}"), 3, ()) == centiseconds
    assert problems.items == []


def test_other_global_defaults() -> None:
    defaults = {
        "vrrp_down_timer_adverts": 5,
        "vrrp_lower_prio_no_advert": True,
        "vrrp_mcast_group4": "224.0.0.19",
        "checksum": "rfc9568",
    }
    one = instance(global_defs=defaults)
    assert (one.down_timer_adverts, one.lower_prio_no_advert, one.checksum) == (5, True, "rfc9568")
    assert one.group == IPv4Address("224.0.0.19")
    one = instance(
        global_defs=defaults, version=3, down_timer_adverts=2, lower_prio_no_advert=False, checksum="rfc5798"
    )
    assert (one.down_timer_adverts, one.lower_prio_no_advert, one.checksum) == (2, False, "rfc5798")


def test_v3_checksum_as_v2() -> None:
    assert instance(v3_checksum_as_v2=True).checksum == "rfc9568"
    assert instance(global_defs={"v3_checksum_as_v2": True}).checksum == "rfc9568"
    assert instance(global_defs={"v3_checksum_as_v2": True}, v3_checksum_as_v2=False).checksum == "rfc5798"
    assert instance(global_defs={"v3_checksum_as_v2": True, "checksum": "rfc9568"}).checksum == "rfc9568"


def test_check_addresses() -> None:
    assert instance(version=3, check_addresses="strict").check_addresses is True
    assert instance(version=3, check_addresses="log").check_addresses is False


def test_nopreempt() -> None:
    assert instance(nopreempt=True).preempt is False
    assert instance(preempt_delay=2.5).preempt_delay == 2.5


def test_routes_and_rules() -> None:
    routes = ["10.1.0.0/16 via 10.0.0.254", "blackhole 10.2.0.0/16"]
    rules = ["from 10.1.0.0/16 table 100 preference 7"]
    one = instance(virtual_routes=routes, virtual_rules=rules)
    assert [route.text for route in one.routes] == routes
    assert [(rule.text, rule.preference) for rule in one.rules] == [(rules[0], 7)]


def test_password() -> None:
    assert instance(authentication={"auth_type": "PASS", "auth_pass": "12345678"}).auth_pass == b"12345678"
    assert instance(authentication={"auth_type": "PASS", "auth_pass": "é"}).auth_pass == b"\xc3\xa9"


def test_accept() -> None:
    assert not instance(no_accept=True).accept
    assert not instance(accept=False).accept
    assert not instance(accept=False, no_accept=True).accept


EVERYTHING: dict[str, Any] = {
    "net_namespace": "blue",
    "global_defs": {
        "router_id": "r",
        "vrrp_priority": 1,
        "vrrp_rt_priority": 1,
        "vrrp_rlimit_rttime": 5,
        "max_auto_priority": 1,
        "min_auto_priority_delay": 1,
        "vrrp_cpu_affinity": [0],
        "vrrp_no_swap": True,
        "vrrp_netlink_monitor_rcv_bufs": 1,
        "vrrp_netlink_monitor_rcv_bufs_force": True,
        "vrrp_rx_bufs_policy": "MTU",
        "vrrp_rx_bufs_multiplier": 2,
        "vrrp_process_name": "v",
        "umask": 0,
        "json_version": 2,
        "vrrp_startup_delay": 1,
        "vrrp_delay_after_boot": 1,
        "log_unknown_vrids": True,
        "disable_local_igmp": True,
        "startup_script": "a",
        "startup_script_timeout": 1,
        "shutdown_script": "a",
        "shutdown_script_timeout": 1,
        "dynamic_interfaces": True,
        "notify_fifo": "/a",
        "vrrp_notify_fifo": "/b",
        "fifo_write_vrrp_states_on_reload": True,
        "enable_script_security": True,
        "nftables": "t",
    },
    "garp_group": [{"garp_interval": 1, "interface": "eth0"}],
    "interface_up_down_delays": {"eth0": 1},
    "vrrp_script": {"S": {"script": "true"}},
    "vrrp_probe": {"P": {"unix": {"path": "/run/p"}}},
    "track_file": {"F": {"file": "/run/f", "init_file": 1}},
    "vrrp_track_process": {"W": {"process": "w", "damping": 60}},
    "bfd_instance": {"B": {"neighbor_ip": "10.0.0.3"}},
    "vrrp_sync_group": {"G": {"group": ["unicast", "multicast"], "notify": "a"}},
    "vrrp_instance": {
        "unicast": {
            "interface": "eth0",
            "virtual_router_id": 1,
            "virtual_ipaddress": ["10.0.0.1"],
            "virtual_ipaddress_excluded": ["10.0.0.2"],
            "unicast_src_ip": "10.0.0.9",
            "unicast_peer": ["10.0.0.8"],
            "unicast_ttl": 1,
            "check_unicast_src": True,
            "track_src_ip": True,
            "authentication": {"auth_type": "PASS", "auth_pass": "a"},
            "virtual_routes": ["10.1.0.0/16 via 10.0.0.254"],
            "virtual_rules": ["from 10.1.0.0/16 table 5 preference 7"],
            "promote_secondaries": True,
            "preempt_delay": 1,
            "down_timer_adverts": 4,
            "lower_prio_no_advert": True,
            "higher_prio_send_advert": True,
            "skip_check_adv_addr": True,
            "dont_track_primary": True,
            "notify": "a",
            "garp_master_delay": 1,
            "track_script": ["S"],
            "track_interface": ["eth1"],
            "track_probe": ["P"],
            "track_file": ["F weight 0"],
            "track_process": ["W"],
            "track_bfd": ["B"],
        },
        "multicast": {
            "interface": "eth0",
            "virtual_router_id": 2,
            "version": 3,
            "virtual_ipaddress": ["10.0.0.3"],
            "mcast_dst_ip": "224.0.0.19",
            "nopreempt": True,
            "no_accept": True,
            "strict_mode": True,
            "checksum": "rfc9568",
            "check_addresses": "strict",
        },
    },
}


def test_every_field_of_the_model_can_be_reached() -> None:
    """What a file cannot say, nobody can have."""
    loaded = load(EVERYTHING)
    assert loaded.findings == []
    whole = loaded.config
    for structs in ([whole], [whole.process], list(whole.instances.values())):
        for field in msgspec.structs.fields(type(structs[0])):
            if field.required:
                continue
            usual = field.default_factory() if field.default is msgspec.NODEFAULT else field.default  # type: ignore[misc]
            assert any(getattr(one, field.name) != usual for one in structs), field.name


def test_excluded_addresses_may_be_of_any_family() -> None:
    one = instance(virtual_ipaddress_excluded=["10.0.0.2", "2001:db8::1/64 dev eth9"])
    assert [str(address) for address in one.excluded_addresses] == ["10.0.0.2/32", "2001:db8::1/64"]
    assert one.excluded_addresses[1].dev == "eth9"
    assert len(one.all_addresses) == 3


def test_same_address_on_two_links() -> None:
    blocks = {
        name: {"interface": name, "virtual_router_id": 1, "virtual_ipaddress": ["fe80::1"]}
        for name in ("eth0", "eth1")
    }
    assert load({"vrrp_instance": blocks}).findings == []


def test_same_vrid_for_both_families() -> None:
    four = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1"]}
    six = four | {"virtual_ipaddress": ["fe80::1"]}
    assert load({"vrrp_instance": {"four": four, "six": six}}).findings == []


def test_same_vrid_where_groups_or_peers_tell_them_apart() -> None:
    block = {"interface": "eth0", "virtual_router_id": 1}
    apart = [
        {},
        {"mcast_dst_ip": "224.0.0.19"},
        {"unicast_peer": ["10.0.0.8"]},
        {"unicast_peer": ["10.0.0.9"]},
    ]
    blocks = {
        str(number): block | keys | {"virtual_ipaddress": [f"10.0.0.{number}"]}
        for number, keys in enumerate(apart, 1)
    }
    assert load({"vrrp_instance": blocks}).findings == []


def test_tracking() -> None:
    scripts = {"S": {"script": "true", "weight": 5, "reverse": True}}
    one = instance(scripts=scripts, track_script=["S"])
    assert one.tracks == (on_script("S", weight=5, reverse=True),)
    one = instance(scripts=scripts, track_script=["S weight -7 noreverse"])
    assert one.tracks == (on_script("S", weight=-7, reverse=False),)
    one = instance(scripts=scripts, track_script=[{"name": "S", "weight": 0}])
    assert one.tracks == (on_script("S", weight=0, reverse=True),)
    one = instance(track_interface=["eth1", "eth2 weight -20 reverse", {"interface": "eth3", "weight": 1}])
    assert one.tracks == (
        on_link("eth1"),
        on_link("eth2", weight=-20, reverse=True),
        on_link("eth3", weight=1),
    )


def test_owner_may_track_without_weight() -> None:
    one = instance(priority=255, scripts={"S": {"script": "true"}}, track_script=["S"])
    assert one.tracks == (on_script("S", weight=0),)


@pytest.mark.parametrize(
    ("family", "version", "most"),
    [(Family.IPV4, 2, 255), (Family.IPV4, 3, 255), (Family.IPV6, 3, 90)],
)
def test_most_addresses_of_an_advert(family: Family, version: int, most: int) -> None:
    assert most_addresses(family, version) == most
    if family is Family.IPV4:
        addresses = [f"10.0.{number // 200}.{number % 200 + 1}" for number in range(most)]
    else:
        addresses = [f"fe80::{number + 1:x}" for number in range(most)]
    assert len(instance(version=version, virtual_ipaddress=addresses).virtual_addresses) == most
    one_more = "10.9.9.9" if family is Family.IPV4 else "fe80::ffff"
    assert (
        "virtual_ipaddress_excluded" in errors(version=version, virtual_ipaddress=[*addresses, one_more])[0]
    )


def test_schema_key_is_ignored() -> None:
    assert load({"$schema": "https://example.org/schema.json"}).config.instances == {}


def test_suggestions_are_bounded() -> None:
    """Comparing every wrong name with every right one must not be a way to hold the loop."""
    blocks = {
        f"r{i}": {
            "interface": f"eth{i}",
            "virtual_router_id": 1,
            "virtual_ipaddress": ["10.0.0.1"],
            "track_script": [f"X{i}"],
        }
        for i in range(1000)
    }
    scripts = {f"C{i}": {"script": "true"} for i in range(1000)}
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load({"vrrp_script": scripts, "vrrp_instance": blocks})
    assert sum("there is no vrrp_script" in finding.message for finding in caught.value.findings) == 1000
    assert time.process_time() - began < 10


# Files that are no text, or no file.


def only_finding(path: Path | str) -> str:
    (finding,) = loading.check(path)
    with pytest.raises(ConfigError):
        loading.load(path)
    return str(finding).removeprefix(f"{path}:")


def test_missing_file(tmp_path: Path) -> None:
    assert only_finding(tmp_path / "x.json") == "0:0: error: cannot be read: No such file or directory"


def test_directory(tmp_path: Path) -> None:
    assert only_finding(tmp_path) == "0:0: error: cannot be read: Is a directory"


def test_name_with_nul() -> None:
    assert only_finding("a\0b") == "0:0: error: cannot be read: embedded null byte"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "1:1: error: is empty"),
        (b"\xef\xbb\xbf{}", "1:1: error: begins with a byte order mark; save it as UTF-8 without one"),
        ("{}".encode("utf-16"), "1:1: error: is UTF-16; save it as UTF-8"),
        (b'{\n"\xc3\xa9\xe9"', "2:3: error: byte 0xe9 is not UTF-8"),
    ],
)
def test_bytes_that_are_no_json_text(tmp_path: Path, raw: bytes, told: str) -> None:
    path = tmp_path / "vips.json"
    path.write_bytes(raw)
    assert only_finding(path).startswith(told)


def test_endless_file() -> None:
    assert only_finding("/dev/zero") == "0:0: error: is larger than 64 MiB"


def test_pipe_is_read(tmp_path: Path) -> None:
    """As the shell's <(…) hands it over."""
    reading, writing = os.pipe()
    os.write(writing, b"{}")
    os.close(writing)
    try:
        assert [f.severity for f in loading.check(f"/dev/fd/{reading}")] == [model.Severity.WARNING]
    finally:
        os.close(reading)
