"""Which form a file is in, where its findings stand, and that a file is read once."""

import os
from pathlib import Path

import pytest

from unit.config.conf.conf_texts import instance_text
from vrrpd_fast.config.load import check, load, load_text
from vrrpd_fast.model import ConfigError


@pytest.mark.parametrize("text", ["{}", " \n\t{}", '{"vrrp_instance": {}}'])
def test_json(text: str) -> None:
    (finding,) = load_text(text, "f").findings
    assert finding.message == "vrrp_instance: there is none, so there is nothing to do"


@pytest.mark.parametrize("text", ["[]", '"x"', " [1]"])
def test_what_means_to_be_json(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "f")
    assert all("unknown keyword" not in finding.message for finding in caught.value.findings)


@pytest.mark.parametrize("before", ["", "\n\n", "! x\n", "# x\n", "$A=1\n", "@^nobody ", "  "])
def test_keepalived_conf(before: str) -> None:
    loaded = load_text(before + instance_text(), "f")
    assert loaded.findings == []
    assert list(loaded.config.instances) == ["one"]


@pytest.mark.parametrize("text", ["", " \n\t\r\n"])
def test_an_empty_file_is_neither(text: str) -> None:
    with pytest.raises(ConfigError, match="f:1:1: error: is empty"):
        load_text(text, "f")


def test_comments_alone_are_a_file_without_instances() -> None:
    (finding,) = load_text("# nothing yet\n", "f").findings
    assert (finding.line, finding.message) == (1, "vrrp_instance: there is none, so there is nothing to do")


@pytest.mark.parametrize("text", ["{}", instance_text()])
def test_a_pipe_is_read(text: str) -> None:
    """As the shell's <(…) hands it over."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    try:
        assert [finding.severity for finding in check(f"/dev/fd/{reading}")] in ([], ["warning"])
    finally:
        os.close(reading)


def test_findings_stand_in_the_file_that_has_them(tmp_path: Path) -> None:
    main, inner = tmp_path / "keepalived.conf", tmp_path / "more.conf"
    main.write_text(
        "global_defs {\n smtp_server 10.0.0.1\n}\ninclude more.conf\n"
        + instance_text("priority 300", name="two", vrid=2, addresses="10.0.0.2")
    )
    inner.write_text(instance_text("prioritty 5", "state master"))
    found = [(finding.file, finding.line) for finding in check(main)]
    assert found == [
        (str(main), 2),
        (str(main), 8),
        (str(inner), 4),
        (str(inner), 5),
    ]


def test_a_second_place_in_another_file_is_named(tmp_path: Path) -> None:
    main, inner = tmp_path / "keepalived.conf", tmp_path / "more.conf"
    main.write_text("include more.conf\n" + instance_text(name="two", addresses="10.0.0.2"))
    inner.write_text(instance_text())
    (finding,) = check(main)
    assert finding.message == (
        "vrrp_instance two: virtual_router_id: 1 on eth0 (IPv4) is already that of vrrp_instance one "
        f"({inner}:2)"
    )


def test_the_host_name_is_the_usual_id(tmp_path: Path) -> None:
    path = tmp_path / "keepalived.conf"
    host = os.uname().nodename.partition(".")[0]
    path.write_text(instance_text(f"@{host} priority 150", f"@^{host} priority 50"))
    assert load(path).config.instances["one"].priority == 150
    assert load(path, config_id="another").config.instances["one"].priority == 50
