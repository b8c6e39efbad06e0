"""The documents tell what is there: options, commands, keys, fields, links, and pages that roff can read."""

import argparse
import ast
import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from unit.config import config_reference
from vrrpd_fast.cli import ctl, daemon
from vrrpd_fast.config.load import load_text
from vrrpd_fast.config.schema import schema_json
from vrrpd_fast.engine.engine import Engine

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "vrrpd_fast"
MANUALS = sorted((ROOT / "docs" / "man").iterdir())
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
UNIT = ROOT / "packaging" / "vrrpd-fast.service"
DAEMON = daemon.parser()
CONTROL = ctl.parser()


def each(paths: Iterable[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


def commands() -> dict[str, argparse.ArgumentParser]:
    """The subcommands of vrrpctl."""
    (action,) = (one for one in CONTROL._actions if isinstance(one, argparse._SubParsersAction))
    for parser in action.choices.values():
        parser.load()
    return dict(action.choices)


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {name for action in parser._actions for name in action.option_strings}


def named_options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def manual(name: str) -> Path:
    (found,) = (path for path in MANUALS if path.name == name)
    return found


# -- manual pages -----------------------------------------------------------------------------------------

ESCAPES = re.compile(r"\\(?:f[BIR]|\[aq\]|[-e&])")


def plain(page: str) -> str:
    """The text of a page: macros and escapes taken out, comments dropped, alternating fonts joined."""
    lines = []
    for line in page.splitlines():
        macro, _, rest = line.partition(" ")
        if macro.startswith('.\\"'):
            continue
        if re.fullmatch(r"\.(?:[BIR]|BR|RB|IR|RI|BI|IB)", macro):
            words = shlex.split(rest.replace("\\", "\\\\"))
            line = (" " if len(macro) == 2 else "").join(words)
        elif line.startswith("."):
            line = rest
        lines.append(line)
    text = "\n".join(lines).replace("\\-", "-").replace("\\e", "\\").replace("\\[aq]", "'")
    return re.sub(r"\\f[BIR]", "", text)


def section(page: str, title: str) -> str:
    """From `.SH title` to the next one."""
    found = re.search(rf'^\.SH "?{title}"?\n(.*?)(?=^\.SH|\Z)', page, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return found[1]


def test_the_daemon_s_page_has_its_options_and_no_others() -> None:
    page = manual("vrrpd-fast.8").read_text()
    text = plain(page)
    assert named_options(plain(section(page, "OPTIONS"))) == options(DAEMON)
    assert named_options(text) - {"-0"} == options(DAEMON)  # killall -0
    for name in options(DAEMON) - {"-h", "--help", "--version"}:
        assert re.search(rf"{name}\b", plain(section(page, "SYNOPSIS"))), name


def test_the_daemon_s_page_has_its_choices_and_defaults() -> None:
    text = plain(section(manual("vrrpd-fast.8").read_text(), "OPTIONS"))
    for action in DAEMON._actions:
        if action.choices:
            assert f"{action.option_strings[0]} {'|'.join(action.choices)}" in text
    assert daemon.DEFAULT_SOCKET in text


def test_the_control_page_has_its_commands_and_no_others() -> None:
    page = manual("vrrpctl.8").read_text()
    synopsis = plain(section(page, "SYNOPSIS"))
    parts = re.split(r"^\.SS (\S+)\n", section(page, "COMMANDS"), flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    assert set(sections) == set(commands())
    for name, parser in commands().items():
        assert named_options(plain(sections[name])) == options(parser) - {"-h", "--help"}, name
        assert re.search(rf"(?m)\b{name}$", synopsis), name
    assert named_options(plain(section(page, "OPTIONS"))) == options(CONTROL)
    assert ctl.DEFAULT_SOCKET in plain(page)


@pytest.mark.parametrize("block", config_reference.BLOCKS)
def test_the_file_s_page_has_every_key(block: str) -> None:
    """When this fails: python tests/unit/config/config_reference.py"""
    page = config_reference.MANUAL.read_text()
    _, rest = page.split(config_reference.begin_in_manual(block) + "\n", 1)
    assert rest.split(config_reference.end_in_manual(block), 1)[0].rstrip() == config_reference.manual(block)


@each(MANUALS)
def test_a_page_is_of_this_version(path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    title = shlex.split(path.read_text().splitlines()[0].replace("\\-", "-"))
    assert title[:3] == [".TH", path.stem.upper(), path.suffix[1:]]
    assert title[4] == f"{project['name']} {project['version']}"


@each(MANUALS)
def test_a_page_is_installed(path: Path) -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert f"docs/man/{path.name}" in setuptools["data-files"][f"share/man/man{path.suffix[1:]}"]


@each(MANUALS)
def test_a_page_is_sound_roff(path: Path) -> None:
    text = path.read_text()
    assert list(faults(text)) == []
    if shutil.which("groff"):
        command = ["groff", "-man", "-ww", "-z", "-Kutf8", str(path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        assert told == ""


@pytest.mark.parametrize(
    "damage",
    [
        ".XY word",  # no such macro
        ".B",  # nothing to print
        "\\fBbold without an end",
        "an option --check with hyphens that may be broken",
        "a line that ends in a blank ",
        "'a quote at the beginning",
        "an unknown \\x escape",
        ".EX",  # no .EE
        ".TP",  # without a paragraph
        "naïve letters",
    ],
)
def test_the_linter_finds(damage: str) -> None:
    page = manual("vrrpctl.8").read_text()
    assert list(faults(f"{page}{damage}\n"))


WITH_TEXT = {".TH", ".SH", ".SS", ".B", ".I", ".BR", ".RB", ".IR", ".RI", ".BI", ".IB"}
ALONE = {".TP", ".PP", ".EX", ".EE", ".br", ".nh"}


def faults(page: str) -> Iterator[str]:
    """What is wrong with the macros of a page: enough of groff's own warnings to do without groff."""
    lines = page.splitlines()
    titles = [line.removeprefix(".SH ").strip('"') for line in lines if line.startswith(".SH ")]
    if titles[:2] != ["NAME", "SYNOPSIS"] or titles[-1] != "SEE ALSO":
        yield f"sections are {titles}"
    if not lines[0].startswith(".TH "):
        yield "the first line is no .TH"
    if page.count("\n.EX\n") != page.count("\n.EE\n"):
        yield ".EX and .EE are not in pairs"
    if not re.search(r"^\.SH NAME\n\S+ \\- \S.*\n\.SH", page, re.MULTILINE):
        yield "NAME is not `name \\- what it is`"
    for number, line in enumerate(lines, 1):
        if line.startswith('.\\"'):
            continue
        following = lines[number] if number < len(lines) else ".SH"
        macro = line.split(" ")[0]
        if line != line.rstrip() or not line:
            yield f"{number}: a blank at the end, or nothing"
        if not line.isascii():
            yield f"{number}: not ASCII"
        if line.startswith("'"):
            yield f"{number}: a control character begins the line"
        if line.startswith("."):
            if macro not in WITH_TEXT | ALONE:
                yield f"{number}: no macro {macro}"
            if (macro in WITH_TEXT) != (line != macro):
                yield f"{number}: {macro} with, or without, arguments"
            if macro in (".TP", ".PP", ".SS") and re.match(r"\.(?:SH|SS|PP|TP)\b", following):
                yield f"{number}: {macro} of nothing"
            if line.count('"') % 2:
                yield f"{number}: a quote that does not end"
        left = ESCAPES.sub("", line)
        if "\\" in left:
            yield f"{number}: an unknown escape"
        fonts = re.findall(r"\\f([BIR])", line)
        if fonts and (fonts[-1] != "R" or len(fonts) % 2):
            yield f"{number}: a font that does not end"
        if re.search(r"(?<![\w\\-])--?[a-z]", line):
            yield f"{number}: an option with a hyphen that is no \\-"


# -- documents --------------------------------------------------------------------------------------------

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^|\n\n)((?:    .*\n)+)")
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
EXAMPLES = re.compile(r"^\.EX\n(.*?)^\.EE$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s/])(vrrpd-fast(?= -)|vrrpctl(?= [a-z-]))([^|;&#>]*)")


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each(DOCUMENTS)
def test_links_resolve(path: Path) -> None:
    text = path.read_text()
    for target in filter(None, (a or b for a, b in LINK.findall(FENCE.sub("", text)))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text()), target


def shown_commands(text: str) -> Iterator[list[str]]:
    """Every command line of ours in code of a document, as words, the program first."""
    blocks = FENCE.findall(text)
    prose = FENCE.sub("", text)
    blocks += INDENTED.findall(prose)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [code.replace("\n", " ") for code in INLINE.findall(INDENTED.sub("\n\n", prose))]
    for line in lines:
        for program, rest in COMMAND.findall(line):
            words = re.sub(r"[\[\]…]|\.\.\.", "", rest)
            yield [program, *shlex.split(words)]


def refusal(words: list[str]) -> str:
    """Why our parsers refuse a command line; empty when they take it."""
    program, *arguments = words
    with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.redirect_stdout(io.StringIO()):
        try:
            (DAEMON if program == "vrrpd-fast" else CONTROL).parse_args(arguments)
        except SystemExit as stop:
            return told.getvalue() if stop.code else ""
    return ""


@each([*DOCUMENTS, *MANUALS, UNIT])
def test_shown_commands_exist(path: Path) -> None:
    text = path.read_text()
    if path in MANUALS:
        text = "\n".join(f"```\n{plain(example)}```" for example in EXAMPLES.findall(text))
    elif path == UNIT:
        text = "\n\n" + "".join(f"    {line}\n" for line in text.splitlines() if line.startswith("Exec"))
    for words in shown_commands(text):
        assert refusal(words) == "", words


def test_the_readers_of_commands_read() -> None:
    """What the test above rests on."""
    text = "`vrrpd-fast --chek`\n\n    /bin/vrrpctl status --jsn NAME…\n\n```sh\nvrrpctl stauts | head\n```\n"
    found = sorted(shown_commands(text))
    assert found == [["vrrpctl", "status", "--jsn", "NAME"], ["vrrpctl", "stauts"], ["vrrpd-fast", "--chek"]]
    assert all(map(refusal, found))
    assert refusal(["vrrpctl", "lab", "--slow"])


def shown_configurations() -> Iterator[tuple[str, str]]:
    """Every whole configuration in a document or a page: where it stands, and its text."""
    for path in DOCUMENTS:
        for example in re.findall(r"^```json\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
            yield path.name, example
    for path in MANUALS:
        for example in map(plain, EXAMPLES.findall(section(path.read_text(), "EXAMPLES"))):
            if example.startswith("{"):
                yield path.name, example


def test_shown_configurations_are_right() -> None:
    shown = list(shown_configurations())
    assert {name for name, _ in shown} >= {"README.md", "OPERATIONS.md", "CONFIG.md", "vrrpd-fast.json.5"}
    for name, text in shown:
        assert load_text(text, name).findings == []


def test_the_readme_begins_with_the_example() -> None:
    (shown,) = (text for name, text in shown_configurations() if name == "README.md")
    assert shown == (ROOT / "examples" / "vips.json").read_text()


@pytest.mark.parametrize("name", ["README.md", "OPERATIONS.md"])
def test_commands_are_shown(name: str) -> None:
    (path,) = (path for path in DOCUMENTS if path.name == name)
    assert {words[0] for words in shown_commands(path.read_text())} == {"vrrpd-fast", "vrrpctl"}


def keys_of(file: str, function: str) -> set[str]:
    """The keys of the dict that a function returns, as far as they stand in it."""
    for node in ast.walk(ast.parse((SOURCE / file).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            (returned,) = (one.value for one in ast.walk(node) if isinstance(one, ast.Return))
            assert isinstance(returned, ast.Dict)
            return {str(key.value) for key in returned.keys if isinstance(key, ast.Constant)}
    raise AssertionError(f"{file} has no {function}")


def status_fields(title: str) -> set[str]:
    """The names in the first column of a table of STATUS.md; `""` is the one before all headings."""
    text = (ROOT / "docs" / "STATUS.md").read_text()
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    body = dict(zip(["", *parts[1::2]], parts[::2], strict=True))[title]
    cells = re.findall(r"^\| (`[^|]*) \|", body, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_status_fields_are_documented() -> None:
    engine = Engine(lambda: None, receive4=-1, receive6=-1, packet=-1, unicast4=-1, unicast6=-1)
    counters = set(engine.unattributed())
    assert status_fields("") == keys_of("daemon.py", "status")
    assert status_fields("An instance") == keys_of("router.py", "_facts")
    assert status_fields("Counters") == counters | {"kernel_absorbed"}
    assert status_fields("The engine") == set(engine.health()) | keys_of("fleet.py", "health")
    notify = keys_of("notify/scripts.py", "describe") | keys_of("notify/channel.py", "describe")
    assert status_fields("Notify") == notify
    trackers = keys_of("track/script.py", "describe") | keys_of("track/file.py", "describe")
    trackers |= keys_of("track/probes.py", "describe") | keys_of("track/readings.py", "status")
    trackers |= keys_of("track/process.py", "describe") | keys_of("track/damping.py", "describe")
    assert status_fields("A tracker") == trackers


# -- operations -------------------------------------------------------------------------------------------


def reload_table() -> list[str]:
    """The words in the first column of "What a reload does, option by option"."""
    text = (ROOT / "docs" / "OPERATIONS.md").read_text()
    _, rest = text.split("### What a reload does, option by option\n", 1)
    rows = [line for line in rest.split("\n### ", 1)[0].splitlines() if line.startswith("| ")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_option_has_its_row_among_reloads() -> None:
    definitions = json.loads(schema_json())["$defs"]
    keys = {key for name in ("File", "GlobalDefs", "VrrpInstance") for key in definitions[name]["properties"]}
    blocks = {"global_defs", "vrrp_instance"}
    words = reload_table()
    missing = {key for key in keys - blocks if not any(fnmatch(key, word) for word in words)}
    assert not missing
    assert not {word for word in words if not any(fnmatch(key, word) for key in keys)}
