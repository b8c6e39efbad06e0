"""Namespaces made by the bare system calls, as an ordinary user would make them."""

import subprocess
import sys
from pathlib import Path

import pytest

from vrrpd_fast.lab.namespaces import obstacle

INSIDE = """
from vrrpd_fast.lab.namespaces import isolate
first = isolate(as_root=False)
import os, socket
processes = [name for name in os.listdir("/proc") if name.isdigit()]
print(first != 1 and os.getpid() == 1, os.getuid(), socket.if_nameindex(), processes)
raise SystemExit(7)
"""

FORBIDDEN = """
from pathlib import Path
from vrrpd_fast.lab.namespaces import NamespaceError, isolate
isolate(as_root=False)
Path("/proc/sys/user/max_user_namespaces").write_text("0")
try:
    isolate(as_root=False)
except NamespaceError as error:
    print(error)
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.lab
def test_process_one_of_an_empty_machine() -> None:
    inside = run(INSIDE)
    assert inside.stdout.split(" ", 2) == ["True", "0", "[(1, 'lo')] ['1']\n"], inside.stderr
    assert inside.returncode == 7  # the keeper outside hands the status on


@pytest.mark.lab
def test_a_forbidden_user_namespace_names_the_sysctl() -> None:
    assert "sysctl user.max_user_namespaces is 0" in run(FORBIDDEN).stdout


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("user/max_user_namespaces", "0\n", "user.max_user_namespaces=10000"),
        ("kernel/unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone=1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1\n", "apparmor_restrict_unprivileged_userns=0"),
        ("user/max_user_namespaces", "9000\n", ""),
        ("kernel/unprivileged_userns_clone", "1\n", ""),
    ],
)
def test_advice_names_the_setting_in_the_way(tmp_path: Path, name: str, value: str, advice: str) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text(value)
    assert advice in obstacle(tmp_path)
    assert bool(obstacle(tmp_path)) == bool(advice)
