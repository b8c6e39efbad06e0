"""Texts of keepalived.conf for tests, and what they come to."""

from pathlib import Path
from typing import Any

from vrrpd_fast.config.conf.form import ConfForm
from vrrpd_fast.config.load import Loaded, form_of, load_text
from vrrpd_fast.config.problems import Problems
from vrrpd_fast.model import ConfigError, Finding, Instance, Severity

SAMPLES = Path("/usr/share/doc/keepalived/samples")


def instance_text(*lines: str, name: str = "one", vrid: int = 1, addresses: str = "10.0.0.1") -> str:
    """A vrrp_instance with these lines in it; `addresses` separated by commas."""
    listed = "".join(f"    {address.strip()}\n" for address in addresses.split(","))
    inner = "".join(f"  {line}\n" for line in lines)
    if "interface" not in {line.split()[0] for line in lines}:
        inner = "  interface eth0\n" + inner
    return (
        f"vrrp_instance {name} {{\n  virtual_router_id {vrid}\n{inner}"
        f"  virtual_ipaddress {{\n{listed}  }}\n}}\n"
    )


def loaded(text: str, **options: Any) -> Loaded:
    return load_text(text, "test.conf", **options)


def instance(*lines: str, **options: Any) -> Instance:
    """The one instance of a text without any finding."""
    found = loaded(instance_text(*lines, **options))
    assert found.findings == []
    return found.config.instances["one"]


def findings(text: str, **options: Any) -> list[Finding]:
    """Everything that is told about a text."""
    try:
        return loaded(text, **options).findings
    except ConfigError as error:
        return error.findings


def told(text: str, severity: Severity, **options: Any) -> list[str]:
    """`LINE: MESSAGE` of the findings of one severity."""
    return [f"{one.line}: {one.message}" for one in findings(text, **options) if one.severity is severity]


def errors(text: str, **options: Any) -> list[str]:
    return told(text, Severity.ERROR, **options)


def warnings(text: str, **options: Any) -> list[str]:
    """The warnings of a text that can be used."""
    assert errors(text, **options) == []
    return told(text, Severity.WARNING, **options)


def document(text: str) -> dict[str, Any]:
    """The native document that a text comes to."""
    form = form_of(text.encode(), "test.conf")
    assert isinstance(form, ConfForm)
    form.file(Problems())
    return form.document
