"""Plain files: statements and braces in all layouts keepalived takes, and where words stand."""

import os
import time
from pathlib import Path

import pytest

from unit.config.conf.statements import read_text
from vrrpd_fast.config.conf.reader import read
from vrrpd_fast.config.conf.statement import Place, Statement

ADDRESSES = "10.0.0.1/24 dev eth1\n 10.0.0.2"
INSTANCE = ["vrrp_instance V", ["interface eth0", "virtual_ipaddress", ["10.0.0.1/24 dev eth1", "10.0.0.2"]]]


@pytest.mark.parametrize(
    "text",
    [
        f"vrrp_instance V {{\n interface eth0\n virtual_ipaddress {{\n {ADDRESSES}\n }}\n}}\n",
        f"vrrp_instance V\n{{\n interface eth0\n virtual_ipaddress\n\n # x\n {{\n{ADDRESSES}\n }}\n}}",
        f"vrrp_instance V{{ interface eth0\nvirtual_ipaddress{{{ADDRESSES}}} }}",
        f"vrrp_instance V {{\r\ninterface\teth0\r\n\tvirtual_ipaddress {{{ADDRESSES} }}\r\n}}",
        f'vrrp_instance "V" {{ # 1\ninterface "eth0"!2\nvirtual_ipaddress {{\n{ADDRESSES}\n}}}}',
    ],
)
def test_one_instance_in_many_layouts(tmp_path: Path, text: str) -> None:
    assert read_text(tmp_path, text) == (INSTANCE, [])


def test_a_block_on_the_line_of_the_brace_before(tmp_path: Path) -> None:
    text = "a { b } c { d\n} e f {\n}\ng {} h"
    assert read_text(tmp_path, text) == (["a", ["b"], "c", ["d"], "e f", [], "g", [], "h"], [])


@pytest.mark.parametrize(
    "text", ["", "\n", "# only\n! comments", b"# caf\xe9 \xff\xfe\n", "   \t\r\n", "@other a {", "$A=1"]
)
def test_nothing_is_said(tmp_path: Path, text: str | bytes) -> None:
    assert read_text(tmp_path, text) == ([], [])


def places(statements: list[Statement]) -> dict[str, tuple[str, int, int]]:
    found = {}
    for statement in statements:
        for word in statement.words:
            found[word.text] = (Path(word.place.file).name, word.place.line, word.place.column)
        found |= places(statement.block or [])
    return found


def test_places(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("\n  inside ${D}x\n")
    path = tmp_path / "keepalived.conf"
    path.write_text(
        "$D=long\n"
        "$M= \\\n"
        " m1 { \\\n"
        "   m2 \\\n"
        " }\n"
        '\tplain  "quoted" é after\n'
        "x${D}y  z{ w }\n"
        "  @main conditional ${D}\n"
        "  ~SEQ(N, 1, 2) s${N} behind\n"
        "  before $M\n"
        " include more\n"
        "notify_master  '/a b' c\n"
    )
    statements, findings = read(str(path), "main")
    assert not findings
    conf = "keepalived.conf"
    assert places(statements) == {
        "plain": (conf, 6, 2),
        "quoted": (conf, 6, 9),
        "é": (conf, 6, 18),
        "after": (conf, 6, 20),
        "xlongy": (conf, 7, 1),
        "z": (conf, 7, 9),
        "w": (conf, 7, 12),
        "conditional": (conf, 8, 9),
        "long": (conf, 8, 21),  # what a definition put in stands where it is used
        "s1": (conf, 9, 17),
        "s2": (conf, 9, 17),
        "behind": (conf, 9, 23),
        "before": (conf, 10, 3),
        "m1": (conf, 10, 10),
        "m2": (conf, 10, 10),
        "inside": ("more", 2, 3),
        "longx": ("more", 2, 10),
        "notify_master": (conf, 12, 1),
        "/a b": (conf, 12, 16),
        "c": (conf, 12, 23),
    }


def test_a_statement_knows_its_keyword_and_place(tmp_path: Path) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text("\n  priority 100\n")
    (statement,), _ = read(str(path), None)
    assert statement.keyword == "priority"
    assert statement.place == Place(str(path), 2, 3)


def test_a_brace_for_each_missing_one_is_forgiven_once(tmp_path: Path) -> None:
    text = "vrrp_instance A {\nvrrp_script s {\n}\n}\n}\n"
    statements, findings = read_text(tmp_path, text)
    assert statements == ["vrrp_instance A", [], "vrrp_script s", []]
    assert [finding.partition(" error: ")[0] for finding in findings] == ["2:1:", "5:1:"]


def test_findings_come_once_for_all_repetitions(tmp_path: Path) -> None:
    _, findings = read_text(tmp_path, "~SEQ(N,1,100) a ${UNKNOWN}\n")
    assert findings == ['1:17: error: there is no definition "${UNKNOWN}" up to here']


def test_raw_bytes_instead_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "never written"
    statements, findings = read(str(path), None, b"a b\n")
    assert not findings
    assert [word.text for word in statements[0].words] == ["a", "b"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (Path.mkdir, "is a directory"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.touch(0o755), "is executable, which a configuration is not; chmod a-x it"),
        (lambda path: path.write_bytes("a".encode("utf-16")), "is UTF-16; save it as UTF-8"),
    ],
)
def test_what_is_no_file_to_read(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "keepalived.conf"
    make(path)  # type: ignore[operator]
    statements, findings = read(str(path), None)
    assert not statements
    assert [str(finding) for finding in findings] == [f"{path}:0:0: error: {message}"]


def test_2000_instances_are_read_in_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(
        "".join(
            f"vrrp_instance VI_{number} {{\n    interface eth{number}\n    state BACKUP\n"
            "    virtual_router_id 1\n    priority 100\n    advert_int 0.1\n    garp_master_delay 1\n"
            "    nopreempt\n"
            f"    virtual_ipaddress {{\n        10.0.0.1/24 dev eth{number}\n    }}\n}}\n"
            for number in range(2000)
        )
    )
    spent = []
    for _ in range(3):
        begun = time.process_time()
        statements, findings = read(str(path), None)
        spent.append(time.process_time() - begun)
        assert len(statements) == 2000
        assert not findings
    assert min(spent) < 0.3


def test_conditions_are_about_the_short_host_name_by_default(tmp_path: Path) -> None:
    host = os.uname().nodename.partition(".")[0]
    text = f"@{host} here\n@^{host} elsewhere\n@{host}x also elsewhere\n_ ${{_INSTANCE}}\n"
    assert read_text(tmp_path, text, config_id=None) == (["here", f"_ {host}"], [])
