"""What no keepalived in the lab can be asked for: the second form, and processes."""

import json

from unit.samples import instance
from vrrpd_fast.dump.document import document
from vrrpd_fast.dump.facts import Facts, counts_of
from vrrpd_fast.model import ProcessCount

STATISTICS = {
    "master_transitions": 3,
    "advertisement_rcvd": 10,
    "advertisement_sent": 20,
    "packet_length_errors": 1,
    "interval_errors": 2,
    "ip_ttl_errors": 3,
    "invalid_type_pkts_rcvd": 4,
    "address_list_errors": 5,
    "authentication_errors": 6,
    "priority_zero_pkts_rcvd": 7,
    "priority_zero_pkts_sent": 8,
}
STATUS = {
    "state": "MASTER",
    "master_priority": 100,
    "effective_priority": 100,
    "master_advert_int": 0.1,
    "last_transition": 1.5,
    "tracking": [],
    "statistics": STATISTICS,
}


def facts(name: str, **status: object) -> Facts:
    told = {**STATUS, **status}
    return Facts(instance(name), told, None, None, counts_of(STATISTICS, told["state"] == "MASTER"))


def test_counters() -> None:
    assert counts_of(STATISTICS, True) == {
        "advert_rcvd": 10,
        "advert_sent": 20,
        "become_master": 3,
        "release_master": 2,
        "packet_len_err": 1,
        "advert_interval_err": 2,
        "ip_ttl_err": 3,
        "invalid_type_rcvd": 4,
        "addr_list_err": 5,
        "invalid_authtype": 0,
        "authtype_mismatch": 0,
        "auth_failure": 6,
        "pri_zero_rcvd": 7,
        "pri_zero_sent": 8,
    }
    assert counts_of(STATISTICS, False)["release_master"] == 3


def test_both_forms() -> None:
    routers = [facts('a"\n'), facts("b", state="INIT")]
    first = json.loads("".join(document(routers, {}, [], 1)))
    assert [(each["data"]["iname"], each["data"]["state"], each["data"]["wantstate"]) for each in first] == [
        ('a"\n', 2, 2),
        ("b", 0, 1),
    ]
    wanted = ProcessCount(name="P", command=("haproxy", "-f", "x"), by_command=True, quorum=2)
    second = json.loads("".join(document(routers, {}, [(wanted, {"count": 3, "state": "up"})], 2)))
    assert second["vrrp"] == first
    (process,) = second["track_process"]
    assert (process["process"], process["parameters"], process["full_command"]) == ("haproxy", "-f x", True)
    assert (process["min_processes"], process["current_processes"], process["have_quorum"]) == (2, 3, True)
    assert json.loads("".join(document([], {}, [], 1))) == []
