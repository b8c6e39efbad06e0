"""Plain files: statements and braces in all layouts keepalived takes, and where words stand."""

from pathlib import Path

import pytest

from unit.config.conf.statements import read_text

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
