"""What keepalived makes of values it cannot serve, judged by keepalived: its data show what it runs with."""

import re
import subprocess
from pathlib import Path

import pytest

from vrrpd_fast.config.load import load
from vrrpd_fast.model import Instance, VirtualAddress

pytestmark = pytest.mark.peer("keepalived")

HEAD = """\
interface_up_down_delays {
  veth0 10 0.001
}
global_defs {
  script_user root
}
vrrp_script chk {
  script "/bin/true"
  weight 3
}
"""
# Each the lines of a vrrp_instance, and its addresses where they are others than 10.0.0.VRID.
INSTANCES: dict[str, tuple[list[str], list[str]]] = {
    "plain": ([], []),
    "interval-2-up": (["advert_int 1.5"], []),
    "interval-2-down": (["advert_int 1.4"], []),
    "interval-2-least": (["advert_int 0.4"], []),
    "interval-3": (["version 3", "advert_int 0.123"], []),
    "interval-3-half": (["version 3", "advert_int 0.125"], []),
    "interval-3-least": (["version 3", "advert_int 0.011"], []),
    "interval-3-most": (["version 3", "advert_int 50"], []),
    "master": (["state MASTER"], []),
    "master-100": (["state MASTER", "priority 100", "nopreempt", "preempt_delay 3"], []),
    "master-then-backup": (["state MASTER", "state BACKUP"], []),
    "owner": (["priority 255", "nopreempt", "preempt_delay 3"], []),
    "owner-trackers": (
        ["priority 255", "track_script {", "chk", "}", "track_interface {", "veth1 weight 3", "}"],
        [],
    ),
    "nopreempt-delay": (["nopreempt", "preempt_delay 3"], []),
    "preempt-again": (["nopreempt", "preempt"], []),
    "delay": (["preempt_delay 3.5"], []),
    "password": (["authentication {", "auth_type PASS", "auth_pass 1234567890", "}"], []),
    "password-alone": (["authentication {", "auth_pass 1234", "}"], []),
    "password-missing": (["authentication {", "auth_type PASS", "}"], []),
    "password-3": (["version 3", "authentication {", "auth_type PASS", "auth_pass 1234", "}"], []),
    "twice": (["priority 110", "priority 120", "advert_int 2", "advert_int 3"], []),
    "accept-again": (["accept", "no_accept", "accept"], []),
    "families": ([], ["10.0.1.1", "2001:db8::1", "10.0.1.2/24"]),
    "ipv6": ([], ["fe80::1:1", "10.0.2.1", "2001:db8::2/64"]),
    "ipv6-strict": (["strict_mode", "version 2"], ["fe80::3:1"]),
    "ipv6-words": ([], ["fe80::2:1 label veth0:1", "fe80::2:2 scope link dev veth0"]),
    "many": ([], [f"10.1.{i // 100}.{i % 100 + 1}" for i in range(270)]),
    "strict": (
        ["strict_mode", "preempt_delay 2", "down_timer_adverts 5", "lower_prio_no_advert no", "accept"],
        [],
    ),
    "strict-3": (["strict_mode", "version 3", "higher_prio_send_advert", "garp_lower_prio_repeat 3"], []),
    "strict-master": (["strict_mode", "state MASTER", "priority 120"], []),
    "strict-owner": (["strict_mode", "state BACKUP", "priority 255"], []),
    "unicast-source": (["unicast_src_ip 10.9.9.9"], []),
    "unicast-empty": (["unicast_peer {", "}"], []),
    "unicast-group": (["unicast_peer {", "10.9.9.8", "}", "mcast_dst_ip 224.0.0.200"], []),
    "unicast-source-of-multicast": (["unicast_peer {", "10.9.9.7", "}", "mcast_src_ip 10.9.9.9"], []),
}
DUMP = """
ip link add veth0 type veth peer veth1
ip address add 10.9.9.9/24 dev veth0
ip link set veth0 up; ip link set veth1 up
mount --bind . /tmp
keepalived -n -l -G -P -f /tmp/keepalived.conf -p /tmp/main.pid -r /tmp/vrrp.pid >/tmp/log 2>&1 &
for i in $(seq 200); do grep -q 'Startup complete' /tmp/log && break; sleep 0.05; done
kill -USR1 $(cat /tmp/vrrp.pid)
for i in $(seq 200); do grep -q 'Sockpool' /tmp/keepalived.data && break; sleep 0.05; done
kill $!; wait
"""
Facts = dict[str, object]


def conf() -> str:
    text = HEAD
    for vrid, (name, (lines, addresses)) in enumerate(INSTANCES.items(), 1):
        inner = "".join(f"  {line}\n" for line in lines)
        listed = "".join(f"    {address}\n" for address in addresses or [f"10.0.0.{vrid}"])
        text += (
            f"vrrp_instance {name} {{\n  interface veth0\n  virtual_router_id {vrid}\n{inner}"
            f"  virtual_ipaddress {{\n{listed}  }}\n}}\n"
        )
    return text


def dumped(directory: Path) -> str:
    """keepalived.data of a run with the keepalived.conf there."""
    subprocess.run(["unshare", "--net", "--mount", "sh", "-c", DUMP], cwd=directory, check=True, timeout=60)
    return (directory / "keepalived.data").read_text()


def blocks_of(data: str) -> dict[str, str]:
    """The virtual routers of keepalived.data by name."""
    topology = data.partition("VRRP Topology")[2].partition("VRRP Sockpool")[0]
    blocks = topology.split(" VRRP Instance = ")[1:]
    return {block.partition("\n")[0]: block for block in blocks}


def of_keepalived(block: str) -> Facts:
    """What a block tells, in our terms."""

    def told(label: str, otherwise: str = "") -> str:
        found = re.search(rf"^ +{label} = (.*)$", block, re.MULTILINE)
        return found[1] if found else otherwise

    def listed(label: str) -> list[str]:
        found = re.search(rf"^   {label}[^\n]*:\n((?:     \S.*\n)*)", block, re.MULTILINE)
        return [line.split()[0] for line in found[1].splitlines()] if found else []

    interval, unit = told("Advert interval").split()
    group = re.search(r"Multicast address ([^\s,]+)", block)
    return {
        "version": int(told("VRRP Version")),
        "priority": int(told("Priority")),
        "interval_cs": int(interval) * 100 if unit == "sec" else int(interval) // 10,
        "preempt": told("Preempt") == "enabled",
        "preempt_delay": float(told("Preempt delay", "0").split()[0]),
        "accept": told("Accept") == "enabled",
        "password": told("Password"),
        "down_timer_adverts": int(told("Down timer adverts")),
        "answers": told("Send advert after receive lower priority advert") == "true",
        "says_farewell": told("Send advert after receive higher priority advert") == "true",
        "lower_prio_repeat": int(told("Gratuitous ARP lower priority repeat")),
        "peers": listed("Unicast Peer"),
        "group": group[1] if group else None,
        "has_source": "(from configuration)" in block,
        "addresses": listed("Virtual IP \\("),
        "excluded": listed("Virtual IP Excluded"),
        "trackers": len(listed("Tracked interfaces")) + len(listed("Tracked scripts")),
    }


def of_ours(one: Instance) -> Facts:
    return {
        "version": one.version,
        "priority": one.priority,
        "interval_cs": one.advert_int_cs,
        "preempt": one.preempt,
        "preempt_delay": one.preempt_delay,
        "accept": one.accept,
        "password": one.auth_pass.decode(),
        "down_timer_adverts": one.down_timer_adverts,
        "answers": not one.lower_prio_no_advert,
        "says_farewell": one.higher_prio_send_advert,
        "lower_prio_repeat": one.garp.lower_prio_repeat,
        "peers": [str(peer.address) for peer in one.unicast_peers],
        "group": None if one.is_unicast else str(one.group),
        "has_source": one.source_ip is not None,
        "addresses": [shown(address) for address in one.virtual_addresses],
        "excluded": [shown(address) for address in one.excluded_addresses],
        "trackers": len(one.tracks),
    }


def shown(address: VirtualAddress) -> str:
    longest = address.address.max_prefixlen
    return str(address.address if address.prefixlen == longest else address)


def test_both_run_with_the_same_values(tmp_path: Path) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(conf())
    config = load(path).config
    data = dumped(tmp_path)
    ours = {name: of_ours(one) for name, one in config.instances.items()}
    theirs = {name: of_keepalived(block) for name, block in blocks_of(data).items()}
    assert list(ours) == list(theirs) == list(INSTANCES)
    differing = {
        name: {key: (value, theirs[name][key]) for key, value in facts.items() if value != theirs[name][key]}
        for name, facts in ours.items()
    }
    assert {name: found for name, found in differing.items() if found} == {}
    delay = config.interface_delays["veth0"]
    debounce = re.search(
        r"Name = veth0\n(?:.*\n)*? +Up debounce timer = (\d+)us\n +Down debounce timer = (\d+)us", data
    )
    assert debounce is not None
    assert [round(delay.up * 1e6), round(delay.down * 1e6)] == [int(debounce[1]), int(debounce[2])]
