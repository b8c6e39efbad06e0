"""What `vrrpctl diff` finds: every disagreement that breaks a group, and nothing where there is none."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vrrpd_fast.config.pair.compare import Comparison, compare
from vrrpd_fast.config.pair.side import Difference, read_side
from vrrpd_fast.model import Severity

EXAMPLES = Path(__file__).parents[3] / "examples"
Document = dict[str, Any]


def document() -> Document:
    """One router of a pair whose other differs by its priority alone."""
    return {
        "vrrp_instance": {
            "lan": {
                "interface": "eth0",
                "virtual_router_id": 50,
                "version": 3,
                "priority": 200,
                "advert_int": 0.1,
                "virtual_ipaddress": ["192.0.2.75/24", "192.0.2.76/24"],
            }
        }
    }


def both(tmp_path: Path, a: Document, b: Document) -> Comparison:
    paths = (tmp_path / "a.json", tmp_path / "b.json")
    for path, value in zip(paths, (a, b), strict=True):
        path.write_text(json.dumps(value, indent=1))
    return compare(*(read_side(str(path)) for path in paths))


def pair(
    tmp_path: Path, change: Document, common: Document | None = None, old: Document | None = None
) -> Comparison:
    """The second router has `change`, both have `common`, the first has `old`."""
    a, b = document(), document()
    for one, more in ((a, [common, old]), (b, [{"priority": 100}, common, change])):
        for changes in filter(None, more):
            one["vrrp_instance"]["lan"].update(copy.deepcopy(changes))
    return both(tmp_path, a, b)


def told(comparison: Comparison) -> list[tuple[str, str]]:
    return [(str(each.severity), each.what) for each in comparison.differences]


V2 = {"version": 2, "advert_int": 1}
UNICAST = {"unicast_src_ip": "192.0.2.1", "unicast_peer": ["192.0.2.2"]}
BACK = {"unicast_src_ip": "192.0.2.2", "unicast_peer": ["192.0.2.1"]}
PASS = {"auth_type": "PASS", "auth_pass": "one"}


@pytest.mark.parametrize("common", [{}, V2, V2 | {"authentication": PASS}])
def test_a_pair_that_fits(tmp_path: Path, common: Document) -> None:
    comparison = pair(tmp_path, {}, common)
    assert told(comparison) == []
    assert comparison.counts == (1, 0, 0)
    comparison = pair(tmp_path, BACK, common, UNICAST)
    assert told(comparison) == []


def test_names_interfaces_and_order_may_differ(tmp_path: Path) -> None:
    a, b = document(), document()
    block = b["vrrp_instance"].pop("lan")
    block |= {"interface": "enp1s0", "priority": 100, "virtual_ipaddress": ["192.0.2.76/24", "192.0.2.75/24"]}
    b["vrrp_instance"]["VI_1"] = block
    assert told(both(tmp_path, a, b)) == []


@pytest.mark.parametrize(
    ("change", "common", "old", "severity", "what", "consequence"),
    [
        ({"virtual_router_id": 51}, {}, {}, "error", "virtual_router_id", "carry the same addresses"),
        ({"version": 2, "advert_int": 1}, {}, {"advert_int": 1}, "error", "version", "both become MASTER"),
        ({"advert_int": 2}, V2, {}, "error", "advert_int", "version 2 refuses"),
        ({"advert_int": 0.2}, {}, {}, "warning", "advert_int", "adopts"),
        ({"virtual_ipaddress": ["192.0.2.75/24"]}, {}, {}, "error", "virtual_ipaddress", "does not carry"),
        ({"virtual_ipaddress": ["192.0.2.75/24"]}, V2, {}, "error", "virtual_ipaddress", "are refused"),
        (
            {"virtual_ipaddress": ["192.0.2.75/24"]},
            {"check_addresses": "strict"},
            {},
            "error",
            "virtual_ipaddress",
            "are refused",
        ),
        (
            {"virtual_ipaddress_excluded": ["10.0.0.1"]},
            {},
            {},
            "error",
            "virtual_ipaddress_excluded",
            "does not carry",
        ),
        (
            {"virtual_ipaddress": ["192.0.2.75/25", "192.0.2.76/24"]},
            {},
            {},
            "warning",
            "prefix length",
            "network",
        ),
        ({"priority": 200}, {}, {}, "warning", "priority", "trackers"),
        ({"priority": 255}, {}, {"priority": 255}, "error", "priority", "higher address"),
        ({"authentication": PASS}, V2, {}, "error", "authentication", "refused"),
        (
            {"authentication": PASS | {"auth_pass": "two"}},
            V2,
            {"authentication": PASS},
            "error",
            "authentication",
            "",
        ),
        ({"checksum": "rfc9568"}, {}, {}, "warning", "checksum", "another implementation"),
        ({"accept": False}, {}, {}, "warning", "packets to the addresses", "who is MASTER"),
        (BACK, {}, {}, "error", "unicast_peer", "neither hears"),
        ({"unicast_peer": ["192.0.2.3"]}, {}, UNICAST, "error", "unicast_peer", "does not hear"),
        (BACK | {"unicast_peer": ["192.0.2.9"]}, {}, UNICAST, "error", "unicast_peer", "does not hear"),
        (
            {"unicast_peer": ["192.0.2.2"]},
            {},
            {"unicast_peer": ["192.0.2.2"]},
            "error",
            "unicast_peer",
            "to itself",
        ),
        (
            BACK | {"unicast_peer": ["192.0.2.1 min_ttl 255"]},
            {},
            UNICAST | {"unicast_ttl": 64},
            "error",
            "unicast_ttl",
            "",
        ),
        (
            {"mcast_src_ip": "192.0.2.1"},
            {},
            {"mcast_src_ip": "192.0.2.1"},
            "error",
            "mcast_src_ip",
            "its own",
        ),
        ({"mcast_dst_ip": "224.0.0.20"}, {}, {}, "error", "mcast_dst_ip", "neither hears"),
        ({"nopreempt": True}, {}, {}, "warning", "preemption", "all the same"),
        ({"preempt_delay": 60}, {}, {}, "warning", "preempt_delay", "does not wait"),
    ],
)
def test_what_is_found(
    tmp_path: Path,
    change: Document,
    common: Document,
    old: Document,
    severity: str,
    what: str,
    consequence: str,
) -> None:
    comparison = pair(tmp_path, change, common, old)
    assert told(comparison) == [(severity, what)]
    (found,) = comparison.differences
    assert consequence in found.consequence
    # Turned round it is the same, seen from the other side.
    paths = [str(tmp_path / name) for name in ("b.json", "a.json")]
    (back,) = compare(*map(read_side, paths)).differences
    assert (back.severity, back.what) == (found.severity, found.what)
    assert back.values == found.values[::-1] or what in ("authentication", "priority")


def test_nopreempt_where_it_counts(tmp_path: Path) -> None:
    """At the one of higher priority: it keeps it from taking over, and nothing is odd about it."""
    assert told(pair(tmp_path, {}, {}, {"nopreempt": True})) == []


def test_nopreempt_of_one_and_trackers(tmp_path: Path) -> None:
    common = {"track_interface": ["eth9 weight -150"]}
    assert told(pair(tmp_path, {}, common, {"nopreempt": True})) == [("warning", "preemption")]


def test_families_of_one_name(tmp_path: Path) -> None:
    comparison = pair(tmp_path, {"virtual_ipaddress": ["fe80::1"]})
    assert told(comparison) == [("error", "address family")]


def test_no_password_is_shown(tmp_path: Path) -> None:
    hush, hark = ({"authentication": PASS | {"auth_pass": word}} for word in ("hush", "hark"))
    (found,) = pair(tmp_path, hush, V2, hark).differences
    assert "hush" not in str(found) and "hark" not in str(found)


def test_missing_ones(tmp_path: Path) -> None:
    a, b = document(), document()
    lan = a["vrrp_instance"]["lan"]
    b["vrrp_instance"]["lan"]["priority"] = 100
    only_a = {"wan": lan | {"interface": "eth1", "virtual_router_id": 61, "virtual_ipaddress": ["10.1.0.1"]}}
    only_b = {"dmz": lan | {"interface": "eth2", "virtual_router_id": 62, "virtual_ipaddress": ["10.2.0.1"]}}
    a["vrrp_instance"] |= only_a
    b["vrrp_instance"] |= only_b
    comparison = both(tmp_path, a, b)
    assert comparison.counts == (1, 1, 1)
    first, second = map(str, comparison.differences)
    line = next(
        n for n, text in enumerate((tmp_path / "a.json").read_text().splitlines(), 1) if ": 61" in text
    )
    assert first == (
        f"error: wan: virtual_router_id: 61 on eth1 ({tmp_path}/a.json:{line}) and none in "
        f"{tmp_path}/b.json: nobody stands in when it fails"
    )
    assert second.startswith(
        f"error: dmz: virtual_router_id: none in {tmp_path}/a.json and 62 on eth2 ({tmp_path}/b"
    )


def test_places_of_both_forms(tmp_path: Path) -> None:
    a, b = tmp_path / "a.json", tmp_path / "b.conf"
    a.write_text(json.dumps(document() | {"global_defs": {"router_id": "a"}}, indent=1))
    b.write_text(
        "vrrp_instance VI {\n interface enp0\n virtual_router_id 50\n version 3\n priority 100\n"
        " advert_int 0.3\n virtual_ipaddress {\n  192.0.2.75/24\n  192.0.2.76/24\n }\n}\n"
    )
    (found,) = compare(read_side(str(a)), read_side(str(b))).differences
    line = next(n for n, text in enumerate(a.read_text().splitlines(), 1) if "advert_int" in text)
    assert str(found).startswith(
        f"warning: lan / VI: advert_int: 0.1 s ({a}:{line}) and 0.3 s ({b}:6): the BACKUP"
    )


def many(count: int, vrid: Callable[[int], int], name: str, priority: int, interface: str) -> Document:
    return {
        "vrrp_instance": {
            f"{name}{n}": {
                "interface": f"{interface}{n}",
                "virtual_router_id": vrid(n),
                "priority": priority,
                "virtual_ipaddress": [f"10.{n // 250}.{n % 250}.1/24"],
            }
            for n in range(count)
        }
    }


def test_one_vrid_on_many_interfaces(tmp_path: Path) -> None:
    """Told apart by their networks, whatever they are called."""
    a = many(600, lambda n: 7, "lan", 200, "eth")
    b = many(600, lambda n: 7, "VI_", 100, "enp")
    for block in b["vrrp_instance"].values():
        block["virtual_ipaddress"] = [block["virtual_ipaddress"][0].replace(".1/", ".2/")]
    comparison = both(tmp_path, a, b)
    assert comparison.counts == (600, 0, 0)
    assert {each.what for each in comparison.differences} == {"virtual_ipaddress"}
    assert all(a.removeprefix("lan") == b.removeprefix("VI_") for a, b in names(comparison))


def names(comparison: Comparison) -> list[tuple[str, str]]:
    found = [each.names for each in comparison.differences]
    return [(a, b) for a, b in found if a is not None and b is not None]


def test_swapped_vrids_are_seen_as_such(tmp_path: Path) -> None:
    a = many(2, lambda n: 50 + n, "lan", 200, "eth")
    b = many(2, lambda n: 51 - n, "lan", 100, "eth")
    comparison = both(tmp_path, a, b)
    assert comparison.counts == (2, 0, 0)
    assert all(each.severity is Severity.ERROR for each in comparison.differences)


def test_a_range_is_told_once(tmp_path: Path) -> None:
    side = read_side(str(EXAMPLES / "500-links.json"))
    (found,) = compare(side, side).differences
    assert (found.what, found.more) == ("priority", 499)
    assert str(found).endswith("(and 499 more of this range)")


GROUPS = {"G": {"group": ["lan0", "lan1", "lan2"]}}


def grouped(
    tmp_path: Path, groups_a: Document, groups_b: Document, change: Callable[[Document], object] = bool
) -> list[Difference]:
    a = many(3, lambda n: 50 + n, "lan", 200, "eth") | {"vrrp_sync_group": groups_a}
    b = many(3, lambda n: 50 + n, "lan", 100, "eth") | {"vrrp_sync_group": groups_b}
    change(b["vrrp_instance"])
    return both(tmp_path, a, b).differences


def test_groups_that_fit(tmp_path: Path) -> None:
    assert grouped(tmp_path, GROUPS, {"H": {"group": ["lan2", "lan1", "lan0"]}}) == []


@pytest.mark.parametrize(
    ("groups_a", "groups_b", "values"),
    [
        (GROUPS, {}, ("G keeps lan0, lan1, lan2 together", "lan0, lan1, lan2 in none")),
        ({}, GROUPS, ("lan0, lan1, lan2 in none", "G keeps lan0, lan1, lan2 together")),
        (
            GROUPS,
            {"G": {"group": ["lan0", "lan1"]}},
            ("G keeps lan0, lan1, lan2 together", "lan0, lan1 in group G, lan2 in none"),
        ),
    ],
)
def test_groups_that_are_split(
    tmp_path: Path, groups_a: Document, groups_b: Document, values: tuple[str, str]
) -> None:
    (found,) = grouped(tmp_path, groups_a, groups_b)
    assert (found.severity, found.what, found.values) == (Severity.ERROR, "vrrp_sync_group", values)


def test_priorities_that_pull_a_group_to_both_sides(tmp_path: Path) -> None:
    (found,) = grouped(tmp_path, GROUPS, GROUPS, lambda blocks: blocks["lan2"].update(priority=210))
    assert found.what == "priorities in vrrp_sync_group G"
    assert found.names == ("lan0", "lan2")
