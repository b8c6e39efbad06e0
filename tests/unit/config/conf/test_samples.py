"""The samples of Debian's package and the examples of the manual page, as docs/KEEPALIVED.md lists them."""

import gzip
import re
from pathlib import Path

import pytest

from unit.config.conf.conf_texts import SAMPLES, errors, instance_text, warnings
from unit.config.conf.keepalived_reference import DOCUMENT
from vrrpd_fast.config.load import check
from vrrpd_fast.model import Severity

pytestmark = pytest.mark.peer("keepalived")

MANUAL = Path("/usr/share/man/man5/keepalived.conf.5.gz")
LISTED = dict(re.findall(r"^\| `(keepalived\.conf\S*)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE))
# The error that a refused sample gets, and the one that a passing sample must not get.
REFUSALS = {
    "keepalived.conf.SSL_GET": ["AH is not served"],
    "keepalived.conf.conditional_conf": ["use_vmac: not served yet"],
    "keepalived.conf.vrrp.lvs_syncd": ["group: is missing", "VI_2: unknown keyword", "VI_3: unknown keyword"],
    "keepalived.conf.vrrp.rules": ['"192.168.200." is not an IP address'],
}
NAMES = sorted(path.name for path in SAMPLES.glob("keepalived.conf*"))


@pytest.mark.parametrize("name", NAMES)
def test_a_sample(name: str) -> None:
    # conditional_conf asks to be read as high or as low.
    findings = check(SAMPLES / name, config_id="high")
    found = [finding.message for finding in findings if finding.severity is Severity.ERROR]
    expected = REFUSALS.get(name, [])
    assert len(found) == len(expected)
    assert all(part in message for part, message in zip(expected, found, strict=True))
    if name in LISTED:
        assert LISTED[name].startswith("refused: " if expected else "passes")
    else:  # for load balancing only
        assert not expected
        text = (SAMPLES / name).read_text()
        assert not re.search(r"^vrrp_", text, re.MULTILINE)
        told = [finding.message for finding in findings]
        assert any(message.startswith("virtual_server: not served") for message in told)


def test_every_listed_sample_is_there() -> None:
    assert set(REFUSALS) <= set(LISTED) <= set(NAMES)


def manual() -> str:
    """The manual page without fonts."""
    text = gzip.decompress(MANUAL.read_bytes()).decode()
    return re.sub(r"\\f[BIR]", "", text).replace("\\e", "\\")


def examples(block: str) -> list[str]:
    """The lines of a block of the page that are no syntax but examples."""
    page = manual()
    page = page[page.index(".SH VRRP instance(s)") :]
    found = re.search(rf"^ *{block} \{{\n(.*?)^ *\}}", page, re.MULTILINE | re.DOTALL)
    assert found
    lines = [line.split("#")[0].strip() for line in found[1].splitlines()]
    return [line for line in lines if line and not re.search(r"[<>\[\]]|\.\.\.", line)]


@pytest.mark.parametrize(
    ("block", "count"), [("virtual_ipaddress", 2), ("virtual_routes", 7), ("virtual_rules", 2)]
)
def test_lines_of_the_manual_page(block: str, count: int) -> None:
    lines = examples(block)
    assert len(lines) == count
    text = instance_text(f"{block} {{", *lines, "}")
    assert errors(text) == []


def test_conditions_of_the_manual_page() -> None:
    text = """\
global_defs {
    @main   router_id main_router
    @backup router_id backup_router
}
vrrp_instance VRRP {
    interface eth0
    virtual_router_id 1
    virtual_ipaddress {
        1.2.3.100
    }
    @main    unicast_src_ip 1.2.3.4
    @backup  unicast_src_ip 1.2.3.5
    @backup2 unicast_src_ip 1.2.3.6
    unicast_peer {
        @^main    1.2.3.4
        @^backup  1.2.3.5
        @^backup2 1.2.3.6
    }
}
"""
    for name in ("main", "backup", "backup2"):
        assert errors(text, config_id=name) == []


def paragraph(begin: str, end: str = ".fi") -> str:
    """From a line of the page to the end of its example."""
    page = manual()
    return page[page.index(begin) : page.index(end, page.index(begin))]


def test_a_definition_of_many_lines() -> None:
    """It makes two virtual routers, with words that are not served yet."""
    text = paragraph("    $INSTANCE= \\")
    found = errors(text, config_id="high")
    assert len(found) == 4
    assert sum("use_vmac: not served yet" in message for message in found) == 2
    assert sum('there is no vrrp_script "offset_instance_' in message for message in found) == 2


def test_definitions_in_definitions() -> None:
    """Virtual servers only; the page has empty lines in them, which end a definition in keepalived too."""
    text = re.sub(r"\n\n(?= +(?:MISC|notify|\}))", "\n", paragraph("    $RS= \\"))
    assert errors(text) == []
    assert sum("virtual_server: not served" in message for message in warnings(text)) == 2


def test_repetition() -> None:
    line = paragraph("~SEQx(AD2", "\n")
    text = instance_text("virtual_ipaddress_excluded {", line, "}", addresses="fe81::1")
    assert errors(text) == []
