"""keepalived's dumps: what keepalived writes of a configuration, and what we do, read by the same parser.

/tmp is a directory of the test's own to both daemons, so that the default names can be used.
"""

import json
import re
import signal
import time
from typing import Any

import pytest

from lab.kit.crowd import Many, crowd
from lab.kit.daemons import Daemon
from lab.kit.fixtures import Build
from lab.kit.ring import Ring
from lab.kit.timing import TOLERANCE_S
from lab.kit.told import Ground, block, global_defs, telling
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until
from lab.kit.waits import Waits

SIGNALS = {
    "data": signal.SIGUSR1,
    "stats": signal.SIGUSR2,
    "json": signal.SIGRTMIN + 2,
}
CLEAR = signal.SIGRTMAX - 1
Dump = dict[str, dict[str, Any]]

TEXT = """
vrrp_script CHK {{
  script "/usr/bin/test -e {ground}/number"
  interval 1
  timeout 1
  weight 2
  rise 2
  fall 3
}}
vrrp_script BAD {{
  script "/usr/bin/false"
  timeout 1
  weight -5
  user nobody
}}
vrrp_script REV {{
  script "/usr/bin/true 'a b'"
  timeout 1
  weight 4 reverse
}}
track_file TF {{
  file "{ground}/number"
  weight 3
}}
vrrp_instance A {{
  interface eth0
  version 3
  virtual_router_id 51
  priority 150
  advert_int 0.25
  virtual_ipaddress {{
    10.0.0.100/24 brd + label eth0:1
    10.0.0.101/32 scope link
    10.1.0.104/24 dev eth1 brd 10.1.0.255 noprefixroute
  }}
  virtual_routes {{
    10.9.0.0/24 via 10.0.0.7 dev eth0 metric 5
  }}
  virtual_rules {{
    from 10.7.0.0/24 table 100 priority 99
  }}
  track_script {{
    CHK
    BAD
    REV weight 7
  }}
  track_interface {{
    eth1
  }}
  track_file {{
    TF
  }}
  notify_master "/usr/bin/true m"
  notify_backup /usr/bin/true
  notify_fault "/usr/bin/true f 'g h'"
  notify_stop /usr/bin/true
  notify_deleted /usr/bin/true
  notify_master_rx_lower_pri "/usr/bin/true x"
  preempt_delay 7.5
}}
vrrp_instance B {{
  interface eth0
  version 2
  virtual_router_id 52
  priority 100
  authentication {{
    auth_type PASS
    auth_pass secret
  }}
  virtual_ipaddress {{
    10.0.0.102
  }}
  virtual_ipaddress_excluded {{
    10.0.0.103
    2001:db8::9/64
  }}
  nopreempt
  notify "/usr/bin/true n" root
  mcast_src_ip {address}
}}
vrrp_instance C {{
  interface eth0
  version 3
  virtual_router_id 53
  priority 90
  advert_int 0.5
  virtual_ipaddress {{
    10.0.0.53/24
  }}
  garp_master_refresh 60
  garp_master_refresh_repeat 2
  garp_lower_prio_delay 2
  garp_lower_prio_repeat 2
  lower_prio_no_advert
  higher_prio_send_advert
  skip_check_adv_addr
  dont_track_primary
  promote_secondaries
  notify_priority_changes true
}}
vrrp_instance U {{
  interface eth0
  version 3
  virtual_router_id 54
  priority 80
  advert_int 0.5
  unicast_src_ip {address}
  check_unicast_src
  unicast_peer {{
    10.0.0.2
    10.0.0.3 min_ttl 4 max_ttl 200
  }}
  virtual_ipaddress {{
    10.0.0.140
  }}
  no_accept
}}
vrrp_instance S {{
  interface eth1
  version 3
  virtual_router_id 60
  strict_mode
  virtual_ipaddress {{
    fe80::60
    2001:db8:1::60/64
  }}
  down_timer_adverts 3
}}
vrrp_instance D {{
  interface nosuch
  version 3
  virtual_router_id 58
  virtual_ipaddress {{
    10.0.0.158
  }}
}}
vrrp_sync_group G {{
  group {{
    E
    F
  }}
  track_interface {{
    eth1
  }}
  notify_master /usr/bin/true
  notify "/usr/bin/true a"
}}
vrrp_instance E {{
  interface eth0
  version 3
  virtual_router_id 61
  advert_int 0.25
  virtual_ipaddress {{
    10.0.0.161
  }}
}}
vrrp_instance F {{
  interface eth1
  version 3
  virtual_router_id 62
  advert_int 0.25
  virtual_ipaddress {{
    10.1.0.162
  }}
}}
"""
BLOCKS = {"VRRP Instance", "VRRP Sync Group", "VRRP Script", "Track file", "Name"}
FLOATS = {"adver_int", "master_adver_int", "last_transition"}  # 1 and 1.0 are the same number in JSON
# What ours does not have of keepalived.data, by section and how it begins.
MISSING: dict[str, tuple[str, ...]] = {
    "VRRP Topology": (
        *("Number of interface and track script faults", "Read timeout", "fd_in", "Flags"),
        *("Unicast checksum compatibility", "Multicast address ff02::12, ifindex"),
    ),
    "VRRP Sync groups": ("Num member fault", "Tracked interfaces"),
    "VRRP Scripts": ("State", "Script uid:gid", "Result", "VRRP instances", "Weight"),
    "VRRP Track files": ("Weight",),
    "Interfaces": (
        *("MAC broadcast", "NIC netlink", "Original", "Delayed", "Seen up", "Reset", "HW Type", "rp_filter"),
        *("Up debounce", "Down debounce", "IPv6 forwarding", "Not IPv6 forwarding"),
    ),
}
# What it has in other words, or of another moment.
OTHERWISE = ("Last transition", "Virtual Routes", "Virtual Rules", "Password")
LAST = re.compile(r"\d+\.\d{6} \(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d\.\d{6} \d{4}\)")
STATES = {"A": 2, "B": 2, "C": 1, "U": 2, "S": 2, "D": 3, "E": 2, "F": 2}


class Alone:
    """A daemon whose /tmp is a directory of its own."""

    def __init__(self, ground: Ground, daemon: Daemon) -> None:
        self.daemon = daemon
        self.ground = str(ground.path)
        self.tmp = ground.path / f"tmp-{daemon.kind}"
        self.tmp.mkdir(mode=0o755)
        daemon.directory = ground.path / daemon.kind
        daemon.directory.mkdir()
        if isinstance(daemon, VrrpdFast):
            daemon.config_path = daemon.directory / "keepalived.conf"
            daemon.socket_path = daemon.directory / "control.sock"
        argv = daemon.argv()
        script = f'mount --bind {self.tmp} /tmp && exec "$@"'
        daemon.argv = lambda: ["unshare", "--mount", "sh", "-c", script, "sh", *argv]  # type: ignore[method-assign]

    def send(self, number: int) -> None:
        assert self.daemon.process is not None
        self.daemon.process.send_signal(number)

    def dump(self, what: str, number: int | None = None) -> str:
        """The file, in full: keepalived's grows while it is written."""
        path = self.tmp / f"keepalived.{what}"
        path.unlink(missing_ok=True)
        self.send(SIGNALS[what] if number is None else number)
        end = {"data": "NIC netlink status update", "json": "]", "stats": "    Sent: "}[what]
        if isinstance(self.daemon, VrrpdFast):
            end = ""  # it is there when it is complete
        wait_until(
            lambda: path.exists() and end in path.read_text(),
            10,
            f"{path} from {self.daemon.kind}\n{self.daemon.log[-3000:]}",
        )
        if end:
            time.sleep(0.3)
        return path.read_text().replace(self.ground.replace("/", self.slash(what)), "GROUND")

    def slash(self, what: str) -> str:
        """keepalived writes a / in JSON as \\/."""
        return r"\/" if what == "json" and self.daemon.kind == "keepalived" else "/"

    def states(self) -> dict[str, int]:
        return {each["data"]["iname"]: each["data"]["state"] for each in json.loads(self.dump("json"))}


def parse(text: str) -> dict[str, Dump]:
    """keepalived.data as section → block → key → value; a list is under its title, a bare line is a key."""
    found: dict[str, Dump] = {}
    section: Dump = {}
    entry: dict[str, Any] = {}
    into: list[str] = []
    for line in text.splitlines():
        key, equals, value = line.strip().partition(" = ")
        if line.startswith("------< "):
            section = found[line.strip("-<> ")] = {}
            entry = section[""] = {}
        elif line.startswith("     "):
            into.append(line.strip())
        elif equals and key in BLOCKS and not line.startswith("  "):
            entry = section[value] = {}
        elif equals:
            entry[key] = value
        elif key.endswith(":") or key == "VRRP instances":
            into = entry[key.removesuffix(":").strip()] = []
        else:
            entry[key] = True
    return found


def run(build: Build, kind: str) -> Alone:
    """A router of this kind with the file, beside a keepalived that is ahead on C."""
    net = build(["r1", "r2"], ["r1"])
    ground = Ground(net)
    (ground.path / "number").write_text("3")
    text = global_defs("vrrp_version 3", "enable_script_security", "dynamic_interfaces", "router_id r1")
    text += TEXT.format(ground=ground.path, address="10.0.0.1")
    made = Alone(ground, telling(kind, net, "r1", text))
    peer = telling("keepalived", net, "r2", block("C", 53, 200, "advert_int 0.5"))
    peer.start()
    made.daemon.start()
    made.daemon.wait_log(
        "(C) Entering BACKUP STATE" if kind == "keepalived" else "instance C: INIT -> BACKUP", 15
    )
    seen: list[dict[str, int]] = []

    def settled() -> bool:
        seen.append(made.states())
        return seen[-1] == STATES

    wait_until(settled, 20, f"the states of {kind} (has {seen})", pause=0.5)
    return made


def values(dump: str) -> Dump:
    """keepalived.json: instance → everything of it."""
    return {each["data"]["iname"]: each["data"] for each in json.loads(dump)}


def differences(theirs: dict[str, Any], ours: dict[str, Any], *expected: str) -> dict[str, tuple[Any, Any]]:
    """Where both have a value, and not the same."""
    return {
        key: (theirs[key], ours[key])
        for key in theirs.keys() & ours.keys()
        if theirs[key] != ours[key] and key not in expected
    }


@pytest.mark.peer("keepalived")
def test_all_of_them_are_what_keepalived_writes(build: Build) -> None:
    made = {kind: run(build, kind) for kind in ("keepalived", "vrrpd-fast")}
    theirs, ours = made["keepalived"], made["vrrpd-fast"]

    # JSON: the same keys for each, and the same values but for those of the moment, passwords, and lines
    # that keepalived writes in its own words.
    documents = values(theirs.dump("json")), values(ours.dump("json"))
    assert list(documents[0]) == list(documents[1])
    for name, other in documents[0].items():
        one = documents[1][name]
        if name == "E":  # what a sync group tracks stands with its members
            assert one.pop("track_ifp") == ["eth1"]
        assert list(one) == list(other), name
        assert {key: type(value) for key, value in one.items() if key not in FLOATS} == {
            key: type(value) for key, value in other.items() if key not in FLOATS
        }, name
        assert differences(other, one, "last_transition", "auth_data", "vroutes", "vrules") == {}, name
        assert abs(one["last_transition"] - time.time()) < 120
    assert documents[1]["B"]["auth_data"] == "********"
    assert documents[1]["A"]["vroutes"] == ["10.9.0.0/24 via 10.0.0.7 dev eth0 metric 5"]
    counted = [json.loads(each.dump("json")) for each in (theirs, ours)]
    for other, one in zip(*counted, strict=True):
        assert list(other["stats"]) == list(one["stats"])
        assert differences(other["stats"], one["stats"], "advert_sent", "advert_rcvd") == {}
    # stats: the same lines, but for the numbers that grow.
    lines = [re.sub(r"(Sent|Received): [1-9]\d*", r"\1: n", each.dump("stats")) for each in (theirs, ours)]
    assert lines[0] == lines[1]
    # data: what we have of it is what keepalived has; what is missing is declared.
    datas = parse(theirs.dump("data")), parse(ours.dump("data"))
    assert set(datas[0]) - set(datas[1]) == {"VRRP Sockpool"}
    assert not set(datas[1]) - set(datas[0])
    for title, section in datas[1].items():
        assert title == "Interfaces" or set(section) == set(datas[0][title]), title
        for name, entry in section.items():
            other = datas[0][title][name]
            if title == "Global definitions":  # two thirds are about what is not here
                assert set(entry) <= set(other)
                continue
            missing = {key for key in set(other) - set(entry) if not key.startswith(MISSING[title])}
            more = {"Tracked interfaces"} if name == "E" else set()
            assert not missing, (title, name)
            assert set(entry) - set(other) - {"Flags: none", "Multicast address ff02::12"} == more, (
                title,
                name,
            )
            for key, value in entry.items():
                if "script" in key and "Number" not in key and isinstance(value, str):
                    assert other.pop(key).removesuffix(", uid:gid 0:0") == value
                elif key == "Tracking VRRP instances":
                    assert sorted(other.pop(key)) == sorted(value)
            assert differences(other, entry, *OTHERWISE) == {}, (title, name)
            if "Last transition" in entry:
                assert LAST.fullmatch(entry["Last transition"]) and LAST.fullmatch(other["Last transition"])
    assert datas[1]["VRRP Topology"]["B"]["Password"] == "********"
    for each in made.values():
        for what in SIGNALS:
            path = each.tmp / f"keepalived.{what}"
            assert (path.stat().st_mode & 0o777, path.stat().st_uid) == (0o600, 0)
        assert each.daemon.stop() == 0


def counters(stats: str, name: str) -> dict[str, int]:
    """keepalived.stats of one instance: label → number, the labels that come twice by the last."""
    (part,) = [each for each in stats.split("VRRP Instance: ") if each.startswith(f"{name}\n")]
    return {label: int(number) for label, number in re.findall(r"^ *([A-Z][\w ]+): (\d+)$", part, re.M)}


@pytest.mark.peer("keepalived")
@pytest.mark.parametrize("kind", ["keepalived", "vrrpd-fast"])
def test_statistics_begin_anew_when_that_is_asked_for(build: Build, kind: str) -> None:
    net = build(["r1", "r2"])
    ground = Ground(net)
    made = Alone(ground, telling(kind, net, "r1", global_defs() + block("A", 51, 100) + block("B", 52, 100)))
    made.daemon.start()
    made.daemon.wait_log("Entering BACKUP STATE" if kind == "keepalived" else "-> BACKUP", 15)
    wait_until(lambda: made.states() == {"A": 2, "B": 2}, 20, "both are MASTER", pause=0.2)
    wait_until(lambda: counters(made.dump("stats"), "B")["Became master"] == 1, 5, "it became master")
    told = counters(made.dump("stats", CLEAR), "B")  # what was until now
    assert told["Became master"] == 1
    after = counters(made.dump("stats"), "B")
    assert (after["Became master"], after["Released master"]) == (0, 0)
    assert json.loads(made.dump("json"))[1]["stats"]["become_master"] == 0
    if isinstance(made.daemon, VrrpdFast):  # what is counted elsewhere goes on
        assert made.daemon.instance("B")["statistics"]["master_transitions"] == 1


def test_dumps_cost_no_advert_and_nobody_can_misuse_them(build: Build) -> None:
    """250 virtual routers, dumped all the time; and what others have put into /tmp."""
    net = build(["r1", "r2"])
    ground = Ground(net)
    crowded = crowd([0], range(1, 251), priority=150)
    router = Many(net, "r1", crowded)
    made = Alone(ground, router)
    ring = Ring(net, 1 << 16)
    router.start()
    router.wait_all("MASTER")
    waits = Waits(router)
    ring.start()
    texts = {}
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for number in (*SIGNALS.values(), CLEAR):
            made.send(number)  # also while the last one is at work
        texts = {what: made.dump(what) for what in SIGNALS}
    waits.close()
    adverts = ring.by_router("r1")
    ring.close()
    assert len(adverts) == 250
    gap = max(waits.longest_net_gap_s([advert.time_ns for advert in each]) for each in adverts.values())
    assert gap < 0.1 + TOLERANCE_S
    assert len(json.loads(texts["json"])) == 250
    assert texts["stats"].count("VRRP Instance: ") == texts["data"].count(" VRRP Instance = ") == 250
    assert sorted(path.name for path in made.tmp.iterdir()) == [
        f"keepalived.{what}" for what in sorted(SIGNALS)
    ]

    precious = ground.path / "precious"
    precious.write_text("precious")
    (made.tmp / "keepalived.json").unlink()
    (made.tmp / "keepalived.json").symlink_to(precious)
    made.send(SIGNALS["json"])
    router.wait_log("keepalived.json: there is something else than a regular file", 10)
    assert precious.read_text() == "precious"
    assert router.stop() == 0
