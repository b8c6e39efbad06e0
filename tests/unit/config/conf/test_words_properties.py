"""Whatever stands in a keepalived.conf: a configuration or findings with places in it, and the same again."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vrrpd_fast.config.conf.keywords_global import GLOBAL_DEFS
from vrrpd_fast.config.conf.keywords_instance import AUTHENTICATION, VRRP_INSTANCE
from vrrpd_fast.config.conf.keywords_top import GARP_GROUP, TOP, VRRP_SCRIPT
from vrrpd_fast.config.load import load_text
from vrrpd_fast.model import Config, ConfigError, Finding, Severity

# A busy machine may stall any example; what counts is the outcome.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

KEYWORDS = sorted({*TOP, *GLOBAL_DEFS, *VRRP_INSTANCE, *AUTHENTICATION, *VRRP_SCRIPT, *GARP_GROUP})
VALUES = """
    MASTER BACKUP master yes no true False all forever weight reverse noreverse dev label scope brd + -
    no_track min_ttl max_ttl via table preference from to eth0 eth1 lo 10.0.0.1 10.0.0.1/24 10.0.0.300
    fe80::1 :: 2001:db8::1/64 224.0.0.18 ff02::12 chk one two /bin/true root nobody: a:b:c PASS AH 0x10
    010 = ; "a" "" "/x '/x' ${A} $A @main
"""
WORDS = st.one_of(
    st.sampled_from(KEYWORDS),
    st.sampled_from(VALUES.split()),
    st.integers(-300, 70000).map(str),
    st.floats(-1, 300, allow_nan=False).map(str),
    st.text(max_size=8),
)
LINE = st.lists(WORDS, max_size=5).map(" ".join)
INSTANCE_LINE = st.tuples(st.sampled_from(sorted(VRRP_INSTANCE)), st.lists(WORDS, max_size=3)).map(
    lambda parts: " ".join([parts[0], *parts[1]])
)
BLOCK = st.recursive(
    LINE | INSTANCE_LINE,
    lambda inner: st.tuples(INSTANCE_LINE | LINE, st.lists(inner, max_size=4)).map(
        lambda parts: f"{parts[0]} {{\n" + "".join(f"  {line}\n" for line in parts[1]) + "}"
    ),
    max_leaves=8,
)
INSTANCE = st.tuples(st.sampled_from(["one", "two", '"a b"']), st.lists(BLOCK, max_size=8)).map(
    lambda parts: (
        f"vrrp_instance {parts[0]} {{\n  interface eth0\n  virtual_router_id 7\n"
        "  virtual_ipaddress {\n    10.0.0.9\n  }\n" + "".join(f"  {line}\n" for line in parts[1]) + "}"
    )
)
FILE = st.lists(BLOCK | INSTANCE, max_size=4).map("\n".join)


def judge(text: str, *, strict: bool = False) -> tuple[Config | None, list[Finding]]:
    try:
        loaded = load_text(text, "f", config_id="main", strict=strict)
    except ConfigError as error:
        assert any(finding.severity is Severity.ERROR for finding in error.findings)
        return None, error.findings
    assert all(finding.severity is Severity.WARNING for finding in loaded.findings)
    return loaded.config, loaded.findings


def hold(text: str) -> None:
    config, findings = judge(text)
    lines = text.encode(errors="surrogatepass").decode(errors="surrogateescape").split("\n")
    for finding in findings:
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
        assert finding.message.isprintable()
    assert findings == sorted(findings, key=lambda finding: (finding.line, finding.column))
    assert config is not None or findings
    assert judge(text) == (config, findings)
    strictly, more = judge(text, strict=True)
    assert strictly in (None, config)
    assert [(one.line, one.column, one.message) for one in more] == [
        (one.line, one.column, one.message) for one in findings
    ]


@UNTIMED
@given(FILE)
def test_any_words(text: str) -> None:
    hold(text)


@UNTIMED
@given(INSTANCE, st.integers(0, 400), st.text(max_size=6))
def test_any_damage(text: str, at: int, piece: str) -> None:
    hold(text[:at] + piece + text[at:])
