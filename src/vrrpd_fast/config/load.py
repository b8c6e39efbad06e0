"""Reads a configuration file in either form into model.Config: load() for a daemon, check() for `--check`.

Which form it is, the first significant character tells: JSON begins with a bracket.
"""

import os
from collections.abc import Callable

from msgspec import Struct

from vrrpd_fast.config import programs
from vrrpd_fast.config.conf.form import ConfForm
from vrrpd_fast.config.conf.reader import read
from vrrpd_fast.config.conf.statement import Place
from vrrpd_fast.config.form import Form, config_error, finding, read_file
from vrrpd_fast.config.native import NativeForm
from vrrpd_fast.config.problems import Path, Problem, Problems, in_words
from vrrpd_fast.config.reload import check_reload
from vrrpd_fast.config.resolve import resolve
from vrrpd_fast.model import Config, ConfigError, Finding, Severity

# What JSON can begin with; everything else is keepalived.conf.
_JSON_BEGINS = (b"{", b"[", b'"')
_BLANKS = b" \t\r\n"


class Loaded(Struct, frozen=True):
    """A configuration that can be used, and what is doubtful about it (warnings only)."""

    config: Config
    findings: list[Finding]


def load(
    path: str | os.PathLike[str],
    *,
    config_id: str | None = None,
    strict: bool = False,
    running: Config | None = None,
) -> Loaded:
    """Read and resolve a file; raises ConfigError with everything that is wrong with it.

    `config_id` is what `@ID` lines of a keepalived.conf are compared with, by default the short host name;
    `strict` makes an error of everything in it that is not served. `running` is what a daemon runs with: what
    cannot change until it is started again is an error.
    """
    name = os.fspath(path)

    def judge(config: Config, problems: Problems) -> Config:
        if running is not None:
            check_reload(running, config, problems)
        return programs.judge(config, problems)

    return resolved(form_of(read_file(name), name, config_id=config_id, strict=strict), judge)


def check(
    path: str | os.PathLike[str], *, config_id: str | None = None, strict: bool = False
) -> list[Finding]:
    """Everything wrong or doubtful in a file, in its order; never raises for a bad file."""
    try:
        return load(path, config_id=config_id, strict=strict).findings
    except ConfigError as error:
        return error.findings


def load_text(text: str, name: str, *, config_id: str | None = None, strict: bool = False) -> Loaded:
    """As load(), of a text, and without a look at this machine: its programs, users and FIFOs.

    `name` is the file the findings tell, and what includes are relative to.
    """
    raw = text.encode(errors="surrogatepass")
    return resolved(form_of(raw, name, config_id=config_id, strict=strict))


def form_of(raw: bytes, name: str, *, config_id: str | None = None, strict: bool = False) -> Form:
    """The form that a file is in; raises ConfigError when its syntax is wrong."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise config_error(Place(name, 1, 1), "is UTF-16; save it as UTF-8")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise config_error(Place(name, 1, 1), "begins with a byte order mark; save it as UTF-8 without one")
    if not raw.strip(_BLANKS):
        raise config_error(Place(name, 1, 1), "is empty")
    if _is_json(raw):
        return NativeForm(raw, name)
    statements, findings = read(name, config_id, raw)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise ConfigError(_in_order(findings, name))
    return ConfForm(statements, findings, name, strict=strict)


def _is_json(raw: bytes) -> bool:
    """By the first character that is no comment; who writes one into JSON is told that it has none."""
    text = raw.lstrip(_BLANKS)
    while text.startswith((b"//", b"/*")):
        text = text.partition(b"\n" if text[1:2] == b"/" else b"*/")[2].lstrip(_BLANKS)
    return text[:1] in _JSON_BEGINS


def resolved(form: Form, judge: Callable[[Config, Problems], Config] = lambda config, _: config) -> Loaded:
    """What a file of either form comes to; raises ConfigError with everything that is wrong with it.

    `judge` has the last word, if this machine is to say something about it.
    """
    problems = Problems()
    config = judge(resolve(form.file(problems), problems), problems)
    if not problems.items and not form.findings:
        return Loaded(config, [])
    findings = _in_order([*form.findings, *_located(problems, form)], form.place(()).file)
    if any(one.severity is Severity.ERROR for one in findings):
        raise ConfigError(findings)
    return Loaded(config, findings)


def _located(problems: Problems, form: Form) -> list[Finding]:
    located = []
    for problem, more in _once_per_range(problems.items, form):
        place = problem.place
        if place is None:
            place = form.place(problem.path, key=problem.at_key)
        message = _text(problem, place, form)
        if more:
            message += f" (and {more} more of {form.origin(problem.path)[1]})"
        located.append(finding(place, problem.severity, message))
    return located


def _once_per_range(problems: list[Problem], form: Form) -> list[tuple[Problem, int]]:
    """Each problem, and how many more of its kind the blocks of its range have."""
    first: dict[tuple[Path, bool, Severity], int] = {}
    kept: list[tuple[Problem, int]] = []
    for problem in problems:
        origin = form.origin(problem.path)
        key = (origin, problem.at_key, problem.severity)
        if origin is problem.path or key not in first:
            first[key] = len(kept)
            kept.append((problem, 0))
        else:
            seen, more = kept[first[key]]
            kept[first[key]] = seen, more + 1
    return kept


def _in_order(findings: list[Finding], main: str) -> list[Finding]:
    """In the order of the file; those of included files follow, file by file."""
    files = {main: 0}
    for one in findings:
        files.setdefault(one.file, len(files))
    return sorted(findings, key=lambda one: (files[one.file], one.line, one.column))


def _text(problem: Problem, place: Place, form: Form) -> str:
    message = f"{in_words(problem.path)}: {problem.message}"
    if problem.other is not None:
        other = form.place(problem.other)
        where = f"line {other.line}" if other.file == place.file else f"{other.file}:{other.line}"
        message += f" ({where})"
    return message
