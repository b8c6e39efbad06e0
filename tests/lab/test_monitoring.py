"""Debian's prometheus scrapes a real pair: every query of the dashboard has data, every rule is evaluated."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.parse
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from lab.kit.fixtures import Build
from lab.kit.net import Net
from lab.kit.nsenter import socket_in
from lab.kit.vrrpd import CONTROL, VrrpdFast, environment
from lab.kit.waiting import wait_until

MONITORING = Path(__file__).parents[2] / "packaging" / "monitoring"
ADDRESS = ("127.0.0.1", 9090)
WATCHER = "r1"  # prometheus and the exporters live there, on loopback


def document(router: str, priority: int, directory: Path) -> dict[str, Any]:
    return {
        "global_defs": {
            "router_id": router,
            "vrrp_notify_fifo": str(directory / f"fifo-{router}"),
            "script_user": "root",
        },
        "vrrp_script": {"CHK": {"script": "/usr/bin/true", "interval": 1, "weight": 2}},
        "vrrp_instance": {
            "lan": {
                "interface": "eth0",
                "version": 3,
                "virtual_router_id": 51,
                "priority": priority,
                "advert_int": 0.1,
                "virtual_ipaddress": ["10.0.0.51/24"],
                "track_script": ["CHK"],
                "notify": "/usr/bin/true",
            }
        },
    }


class Prometheus:
    """One that scrapes these ports on loopback every second, and evaluates the rules."""

    def __init__(self, net: Net, ports: dict[str, str]) -> None:
        self._net = net
        directory = net.directory / "prometheus"
        directory.mkdir()
        targets = "".join(
            f"      - targets: ['{port}']\n        labels: {{instance: {router}}}\n"
            for router, port in ports.items()
        )
        (directory / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{MONITORING}/vrrpd-fast.rules.yml']\n"
            "scrape_configs:\n  - job_name: vrrp\n    static_configs:\n" + targets
        )
        argv = [
            "prometheus",
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            "--web.listen-address=127.0.0.1:9090",
            "--log.level=warn",
        ]
        self.log_path = directory / "log"
        with self.log_path.open("wb") as log:
            net.start(net.command(WATCHER, *argv), stdout=log, stderr=subprocess.STDOUT)

    def get(self, path: str, **query: str) -> Any:
        status, text = self._fetch(f"/api/v1/{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, f"{query}: {text!r}\n{self.log_path.read_text()[-2000:]}"
        return json.loads(text)["data"]

    def is_there(self) -> bool:
        try:
            return self._fetch("/-/ready")[0] == 200
        except ConnectionRefusedError:
            return False

    def _fetch(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection(*ADDRESS, timeout=20)
        connection.sock = socket_in(self._net.namespace(WATCHER), socket.AF_INET, socket.SOCK_STREAM, 0)
        with closing(connection):
            connection.sock.connect(ADDRESS)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def value(self, expression: str) -> float | None:
        """Of the only series, None when there is none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None


def export(net: Net, daemon: VrrpdFast) -> str:
    """Start the exporter of a router; where it listens."""
    path = net.directory / f"exporter-{daemon.node}"
    words = ["--socket", str(daemon.socket_path), "exporter", "--listen", "127.0.0.1:0"]
    with path.open("wb") as log:
        net.start(
            net.command(WATCHER, sys.executable, "-c", CONTROL, *words),
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
    pattern = re.compile(r"http://([\d.:]+)/metrics")
    return wait_until(lambda: pattern.search(path.read_text()), 15, f"the exporter of {daemon.node}")[1]


@pytest.mark.peer("prometheus")
def test_prometheus_sees_a_pair_fail_over_and_the_dashboard_has_data(build: Build) -> None:
    net = build(["r1", "r2"])
    pair = [
        VrrpdFast(net, "r1", document("r1", 150, net.directory)),
        VrrpdFast(net, "r2", document("r2", 100, net.directory)),
    ]
    first, second = pair
    for each in pair:
        each.start()
    prometheus = Prometheus(net, {each.node: export(net, each) for each in pair})
    wait_until(prometheus.is_there, 30, "prometheus is ready", pause=0.3)
    state = 'vrrp_state{job="vrrp", name="lan", instance="%s"}'
    wait_until(
        lambda: [prometheus.value(state % each.node) for each in pair] == [2, 1], 30, "a pair", pause=0.5
    )
    assert prometheus.value("sum(vrrpd_fast_up)") == 2

    first.kill()
    wait_until(lambda: prometheus.value(state % "r2") == 2, 20, "the takeover is seen", pause=0.5)
    wait_until(
        lambda: prometheus.value('vrrpd_fast_condition{instance="r1", condition="stopped"}') == 1,
        20,
        "that the first one is gone",
        pause=0.5,
    )
    assert prometheus.value('vrrpd_fast_up{instance="r1"}') == 0
    assert prometheus.value('vrrp_master_transitions_total{instance="r2"}') == 1
    wait_until(  # what was last known of the dead one is no member any more
        lambda: [each["metric"]["instance"] for each in prometheus.query("vrrp:member:state")] == ["r2"],
        20,
        "one member is left",
        pause=0.5,
    )
    steps = 'vrrpd_fast_takeover_seconds_bucket{instance="r2", le="+Inf"}'
    wait_until(
        lambda: (
            {each["metric"]["step"]: each["value"][1] for each in prometheus.query(steps)}
            == {"advert": "1", "addresses": "1", "announced": "1"}
        ),
        10,
        "how late its takeover was",
        pause=0.5,
    )
    first.start()
    wait_until(lambda: prometheus.value(state % "r1") == 2, 20, "it is back", pause=0.5)
    time.sleep(4)  # rates need samples

    # The dashboard, as Grafana would ask with its variables.
    variables = {"$__rate_interval": "4s", "$__range": "1m", "$job": ".*", "$instance": ".*", "$name": ".*"}
    empty = []
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    asked = 0
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for variable, value in variables.items():
                expression = expression.replace(variable, value)
            found = prometheus.query(expression)
            asked += 1
            values = [float(each["value"][1]) for each in found]
            if not values or any(value != value for value in values):
                empty.append((panel["title"], expression, values))
    assert asked > 20
    assert not empty
    for variable in dashboard["templating"]["list"][1:]:
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
        selector = selector.replace("$job", ".*").replace("$instance", ".*")
        assert prometheus.get(f"label/{label}/values", **{"match[]": selector}), variable

    # The rules: evaluated without an error, and the one that should fires.
    (group,) = prometheus.get("rules")["groups"]
    assert [rule["name"] for rule in group["rules"] if rule["health"] != "ok"] == []
    pending = {alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"]}
    assert "VRRPSplitBrain" not in pending
    second.kill()
    wait_until(
        lambda: (
            {
                (alert["labels"]["alertname"], alert["labels"]["instance"])
                for alert in prometheus.get("alerts")["alerts"]
                if alert["labels"].get("instance")
            }
            >= {("VRRPDaemonDown", "r2")}
        ),
        20,
        "the alert of the daemon that is gone is pending",
        pause=0.5,
    )
