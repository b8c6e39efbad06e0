"""Imports run one way, from cli down to model, as LEVELS has it; nobody imports upward or sideways.

Every import counts, also one inside a function: deferring an import does not turn it round.
"""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = "vrrpd_fast"

# A part may import itself and what stands below it. Parts on one line do not know each other.
LEVELS = (
    {"cli"},
    {"daemon", "lab"},
    {"fleet"},
    {"dump", "orders", "tellings"},
    {"interests", "recorder", "router", "scheduling", "segment", "tuning"},
    {"carry", "config", "control", "explain", "groups", "notify", "observe", "track"},
    {"bfd", "debounce", "probe", "start"},
    {"engine", "net", "spawn"},
    {"holds", "judgement", "log", "model", "replace", "story", "system"},
)
RANK = {part: rank for rank, parts in enumerate(reversed(LEVELS)) for part in parts}

# What shows and asks needs no daemon, and must not pay for one at start.
WITHOUT_DAEMON = ("observe", "cli.ctl", "cli.commands", "lab", "control.client")
DAEMON_PARTS = {"daemon", "fleet", "segment", "tellings", "router", "carry", "engine", "net"}

CYTHON_IMPORT = re.compile(
    r"^\s*(?:from\s+([\w.]+)\s+c?import\s+([\w, ]+)|c?import\s+([\w.]+))", re.MULTILINE
)


def imported(file: str, text: str) -> set[str]:
    """Dotted names, from the package on, of our own modules that a file of the package imports."""
    package = [PACKAGE, *Path(file).parts[:-1]]
    names: set[str] = set()

    def add(origin: str, members: list[str]) -> None:
        dots = len(origin) - len(origin.lstrip("."))
        if dots:
            origin = ".".join([*package[: len(package) - dots + 1], *filter(None, [origin.lstrip(".")])])
        names.update([origin, *(f"{origin}.{member}" for member in members)])

    if file.endswith((".pyx", ".pxd")):
        for origin, members, module in CYTHON_IMPORT.findall(text):
            add(origin or module, [member.strip() for member in members.split(",") if origin])
    else:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                add("." * node.level + (node.module or ""), [alias.name for alias in node.names])
    return {name.removeprefix(f"{PACKAGE}.") for name in names if name.startswith(f"{PACKAGE}.")}


def upward(part: str, names: set[str]) -> set[str]:
    """Which of these imports a module of `part` must not make."""
    return {name for name in names if (other := name.split(".")[0]) != part and RANK[other] >= RANK[part]}


def modules() -> dict[str, Path]:
    """Every source file by dotted name, declarations (.pxd, .pyi) under a name of their own."""
    found = {}
    for path in sorted((SOURCE / PACKAGE).rglob("*.py*")):
        if path.suffix in (".py", ".pyx", ".pxd", ".pyi"):
            name = ".".join(path.relative_to(SOURCE / PACKAGE).with_suffix("").parts)
            name = name.removesuffix(".__init__")
            found[name + ("" if path.suffix in (".py", ".pyx") else path.suffix)] = path
    return found


def own_imports(path: Path) -> set[str]:
    """The imports of a file that are parts of ours (`from vrrpd_fast import __version__` is none)."""
    file = str(path.relative_to(SOURCE / PACKAGE))
    return {name for name in imported(file, path.read_text()) if name.split(".")[0] in RANK}


@pytest.mark.parametrize("name", modules())
def test_nothing_imports_upward(name: str) -> None:
    path = modules()[name]
    part = name.split(".")[0]
    if part == "__init__":
        assert not own_imports(path)
        return
    assert part in RANK, f"{part} has no place in LEVELS"
    assert not upward(part, own_imports(path))


def test_model_knows_nobody_of_ours() -> None:
    names = {name for path in (SOURCE / PACKAGE / "model").glob("*.py") for name in own_imports(path)}
    assert {name.split(".")[0] for name in names} == {"model"}


def test_what_shows_and_asks_does_without_the_daemon() -> None:
    files = modules()
    todo = {name for name in files if name.startswith(WITHOUT_DAEMON)}
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        reached = {found for found in own_imports(files[name]) if found in files}
        todo |= reached - seen
    assert "model" in seen
    assert not {name for name in seen if name.split(".")[0] in DAEMON_PARTS}


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        ("net/a.py", "from vrrpd_fast.engine import wire", {"engine", "engine.wire"}),
        ("net/a.py", "def f():\n    from vrrpd_fast import router", {"router"}),
        ("track/a.py", "from ..config.load import load", {"config.load", "config.load.load"}),
        ("track/a.py", "from . import spawn\nfrom .. import model", set()),
        (
            "engine/a.pyx",
            "from vrrpd_fast.net.frames cimport FrameSender",
            {"net.frames", "net.frames.FrameSender"},
        ),
        ("engine/a.pyx", "cimport vrrpd_fast.spawn.spawn", {"spawn.spawn"}),
        ("engine/a.pyx", "from vrrpd_fast.engine.wire cimport (\n    parse,\n)", set()),
        ("control/a.py", "import vrrpd_fast.model\nfrom vrrpd_fast.net.links import Link", set()),
        ("observe/a.py", "from vrrpd_fast.daemon import Daemon", {"daemon", "daemon.Daemon"}),
    ],
)
def test_an_upward_import_is_seen(file: str, text: str, wrong: set[str]) -> None:
    assert upward(file.split("/")[0], imported(file, text)) == wrong
