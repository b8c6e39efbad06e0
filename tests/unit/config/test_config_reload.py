"""What a reload cannot change: an error at its place, in both forms."""

from pathlib import Path

import pytest

from vrrpd_fast.config.load import load
from vrrpd_fast.model import Config, ConfigError, Process, Severity

HERE = Config(router_id="r1")
THERE = Config(router_id="r1", process=Process(net_namespace="blue"))
JSON = '{\n  "net_namespace": "%s",\n  "vrrp_instance": {}\n}\n'
CONF = "# routers\nnet_namespace %s\nglobal_defs {\n}\n"


@pytest.mark.parametrize(
    ("text", "running", "place", "was"),
    [
        (JSON % "red", THERE, "2:20", "it is 'blue'"),
        (JSON % "red", HERE, "2:20", "there is none"),
        ("{}", THERE, "1:1", "it is 'blue'"),
        (CONF % "red", THERE, "2:15", "it is 'blue'"),
    ],
)
def test_another_network_namespace(tmp_path: Path, text: str, running: Config, place: str, was: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, running=running)
    (finding,) = [each for each in caught.value.findings if each.severity is Severity.ERROR]
    assert str(finding).replace('"', "'") == (
        f"{path}:{place}: error: net_namespace: cannot change while the daemon runs ({was}); start it again"
    )


@pytest.mark.parametrize("text", [JSON % "blue", CONF % "blue"])
def test_the_same_network_namespace(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    assert load(path, running=THERE).config.process.net_namespace == "blue"
    assert load(path).config.process.net_namespace == "blue"
