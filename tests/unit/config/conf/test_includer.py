"""include and its variants: patterns, csh braces, what is missing or no file, circles, include_check."""

import os
import subprocess
from pathlib import Path

import pytest

from unit.config.conf.statements import read_text
from vrrpd_fast.config.conf.includes import TooMuch, alternatives


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two directories of small files, and things that are no files to include."""
    for name in ("b.conf", "a.conf", ".hidden.conf", "deep/c.conf", "deep/d"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{path.name}\n")
    (tmp_path / "run.conf").write_text("run\n")
    (tmp_path / "run.conf").chmod(0o755)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "link").symlink_to("a.conf")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("include a.conf", ["a.conf"]),
        ("include ./deep/../b.conf # b", ["b.conf"]),
        ("include {b,a}.conf", ["b.conf", "a.conf"]),
        ("include [ab].conf", ["a.conf", "b.conf"]),
        ("include ?.conf\nx", ["a.conf", "b.conf", "x"]),
        ("include */c*", ["c.conf"]),
        ("include {deep/{c.conf,d},a.conf}", ["c.conf", "d", "a.conf"]),
        ("include .h*", [".hidden.conf"]),
        ("include link\ninclude a.conf", ["a.conf", "a.conf"]),
        ("include none*", []),
        ("include {,a.conf}", ["a.conf"]),
        ("x {\n include a.conf\n}", ["x", ["a.conf"]]),
        ("x { include a.conf\n}", ["x", ["a.conf"]]),
        ("@main include a.conf\n@other include b.conf", ["a.conf"]),
        ("$F=a\ninclude ${F}.conf", ["a.conf"]),
        ("~LST(F,b,a) include ${F}.conf", ["b.conf", "a.conf"]),
        ("$M= \\\ninclude a.conf \\\nx\n$M", ["a.conf", "x"]),
        ("includea {a,b}.conf", ["a.conf", "b.conf"]),
        ("included a", ["included a"]),
    ],
)
def test_what_is_included(directory: Path, text: str, expected: list[object]) -> None:
    assert read_text(directory, text) == (expected, [])


def test_paths_are_relative_to_the_including_file(directory: Path) -> None:
    (directory / "deep" / "e").write_text("include d\ninclude ../a.conf\n")
    assert read_text(directory, f"include {directory}/deep/e") == (["d", "a.conf"], [])


def test_definitions_and_blocks_go_on_behind_an_include(directory: Path) -> None:
    (directory / "opens").write_text("$D=far\nx {\n")
    assert read_text(directory, "include opens\n${D}\n}\ny") == (["x", ["far"], "y"], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("include none", "warning"),
        ("include none*", None),
        ("include {a.conf,none}", "warning"),
        ("includer none", "error"),
        ("includer none*", None),
        ("includem none", "error"),
        ("includem none*", None),
        ("includew none*", "error"),
        ("includeb {a.conf,none}", "error"),
        ("includea {a.conf,none}", "error"),
        ("includea none*", "error"),
        ("include deep", "error"),
        ("include fifo", "error"),
        ("include run.conf", "error"),
        ("include dangling", "error"),
        ("include /dev/null", "error"),
        ("include f*", "warning"),
        ("includer f*", "error"),
        ("include r*.conf", "warning"),
        ("include dee*", "warning"),
        ('include "a.conf"', "error"),
        ("include", "error"),
        ("include {a,b", "warning"),
        (f"include {'x' * 300}", "warning"),
        ("include keepalived.conf", "error"),
        ("global_defs {\ninclude_check\n}\ninclude none*", "error"),
        ("global_defs {\ninclude_check match\n}\ninclude none", "error"),
        ("global_defs {\ninclude_check match\n}\ninclude none*", None),
        ("global_defs {\ninclude_check\ninclude_check -wildcard_match\n}\ninclude none*", None),
        ("global_defs {\ninclude_check\ninclude_check -wildcard_match\n}\nincluder none", "error"),
        ("global_defs {\ninclude_check\ninclude_check -read\n}\ninclude f*", "warning"),
        ("global_defs {\ninclude_check match\ninclude_check +wildcard_match\n}\ninclude none*", "error"),
        ("global_defs {\ninclude_check nonsense\n}", "error"),
    ],
)
def test_what_cannot_be_included(directory: Path, text: str, expected: str | None) -> None:
    _, findings = read_text(directory, text)
    assert [finding.split(": ")[1] for finding in findings] == ([] if expected is None else [expected])


def test_include_check_of_an_included_file_ends_with_it(directory: Path) -> None:
    (directory / "strict").write_text("global_defs {\ninclude_check\n}\n")
    (directory / "inherits").write_text("include none*\n")
    assert read_text(directory, "include strict\ninclude none*\n")[1] == []
    _, findings = read_text(directory, "global_defs {\ninclude_check\n}\ninclude inherits\n")
    assert [finding.removeprefix(f"{directory}/") for finding in findings] == [
        'inherits:1:9: error: no file matches "none*"'
    ]


def test_a_circle_names_its_files(directory: Path) -> None:
    (directory / "one").write_text("include two\n")
    (directory / "two").write_text("include ./one\n")
    _, findings = read_text(directory, "include one\n")
    assert len(findings) == 1
    assert findings[0].replace(f"{directory}/", "") == (
        "two:1:9: error: files include one another in a circle: one → two → one"
    )


BRACES = ["a", "{a,b}", "x{a,b}y", "{a,b}{c,d}", "{a,{b,c}d}e", "x{,a}", "{f/{,c,d},b}", "a{b", "a}b", "{}a"]


@pytest.mark.parametrize("pattern", BRACES)
def test_braces_are_those_of_a_shell(pattern: str) -> None:
    command = ["bash", "-c", f"printf '%s\\n' {pattern}"]
    bash = subprocess.run(command, capture_output=True, text=True, check=True)
    assert alternatives(pattern) == bash.stdout.splitlines()


def test_braces_without_end() -> None:
    with pytest.raises(TooMuch):
        alternatives("{a,b}" * 30)
