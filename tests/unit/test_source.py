"""What holds for the text of the whole tree, and for the stubs of the compiled modules."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Bracketed letters, so that the patterns do not find themselves.
FOREIGN = {
    "a path of somebody's machine": re.compile(
        r"(?<![\w.*})])/(?:wor[k]|roo[t]|hom[e]/\w+|Use[r]s|tmp/v3[0-9]+)/"
    ),
    "the host of a package registry": re.compile(
        r"pyp[i]\.org|pythonhoste[d]|npmj[s]\.|deb\.debia[n]|crate[s]\.io|proxy\.golan[g]"
    ),
}


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("what", FOREIGN)
def test_no_file_names(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if FOREIGN[what].search(line)
    ]
    assert not found


def test_the_patterns_find_what_they_look_for() -> None:
    machine, registry = FOREIGN.values()
    assert machine.search("cd /wor" + "k/main") and machine.search("'/home" + "/ada/x'")
    assert not machine.search("$(CURDIR)/work" + "/x") and not machine.search("examples/home" + "/a/")
    assert registry.search("https://pyp" + "i.org/simple")


def compiled_modules() -> list[str]:
    sources = sorted((ROOT / "src").rglob("*.pyx"))
    return [".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in sources]


def test_every_compiled_module_has_a_stub() -> None:
    assert compiled_modules()
    missing = [
        name for name in compiled_modules() if not (ROOT / "src" / (name.replace(".", "/") + ".pyi")).exists()
    ]
    assert not missing


def test_the_stubs_say_what_the_compiled_modules_do(tmp_path: Path) -> None:
    stubtest = [sys.executable, "-m", "mypy.stubtest", "--allowlist", str(ROOT / "tests/stubtest.allow")]
    environment = os.environ | {"MYPYPATH": str(ROOT / "src"), "MYPY_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [*stubtest, "--ignore-unused-allowlist", *compiled_modules()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_setup_builds_every_compiled_module() -> None:
    text = (ROOT / "setup.py").read_text()
    for name in compiled_modules():
        assert f'"{name.removeprefix("vrrpd_fast.").replace(".", "/")}"' in text


def test_the_packaged_reference_is_the_example() -> None:
    packaged = ROOT / "src/vrrpd_fast/lab/vips.json"
    assert packaged.resolve() == (ROOT / "examples/vips.json").resolve()


def test_the_readme_starts_with_the_example() -> None:
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks[0] == (ROOT / "examples/vips.json").read_text()
