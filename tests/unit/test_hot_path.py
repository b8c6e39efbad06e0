"""The steady path runs no Python: every line of a hot function is white in `cython -a`.

HOT names, module by module, the functions that a steady tick or an ordinary advert goes through. Each must be
declared `noexcept nogil`, and the C that is generated for it must not call into CPython at all (score 0).
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HOT = {
    "src/vrrpd_fast/engine/wire.pyx": [
        "read_be16",
        "write_be16",
        "address_size",
        "message_size",
        "add_pseudo_header",
        "is_checksum_right",
        "parse_message",
        "find_message",
        "parse_ipv4",
        "parse_ipv6",
        "peek_vrid_ipv4",
        "peek_vrid_ipv6",
        "patch_priority",
    ],
    "src/vrrpd_fast/engine/wheel.pyx": [
        "insert",
        "wheel_arm",
        "wheel_cancel",
        "wheel_next_ns",
        "wheel_pop",
    ],
    "src/vrrpd_fast/engine/keys.pyx": ["keys_find"],
    "src/vrrpd_fast/engine/places.pyx": ["key_of", "places_first", "places_find", "choose"],
    "src/vrrpd_fast/engine/phases.pyx": [
        "phases_in",
        "phases_of",
        "phases_join",
        "phases_leave",
        "phases_advance",
    ],
    "src/vrrpd_fast/engine/checks.pyx": [
        "hash_addresses",
        "find_peer",
        "check_sender",
        "lists_our_addresses",
        "is_followed",
        "check",
    ],
    "src/vrrpd_fast/engine/machine.pyx": [
        "hear_steady",
        "hear_all",
        "absorb",
        "is_plain",
        "judge_ipv4",
        "judge_ipv6",
        "judge",
        "note_unknown",
        "process",
        "become_master",
        "become_backup",
        "be_ready",
        "time_out",
        "without",
        "emit",
        "tell",
        "fire",
        "arm_down",
        "disarm_down",
        "may_answer",
        "queue_due",
        "count_due",
        "join_phase",
        "leave_phase",
    ],
    "src/vrrpd_fast/engine/rows.pyx": [
        "row_at",
        "sequence_at",
        "fill",
        "live",
        "has",
        "refresh",
        "change",
        "show",
        "hide",
    ],
    "src/vrrpd_fast/engine/engine.pyx": [
        "bucket_of",
        "tick",
        "note_lateness",
        "rotate",
        "judge_polling",
        "rearm",
        "hear",
        "flush",
        "note_sent",
        "send",
    ],
    "src/vrrpd_fast/bfd/packet.pyx": [
        "read_be32",
        "write_be32",
        "control_parse",
        "control_pack",
        "udp_checksum",
    ],
    "src/vrrpd_fast/bfd/session.pyx": [
        "transmit_ns",
        "detection_ns",
        "place_of",
        "find",
        "judge",
        "process",
        "follow",
        "enter",
        "expire",
        "want_tx",
        "want_rx",
        "schedule",
        "choose",
        "expect",
        "queue",
        "fire",
        "compose",
        "is_from_neighbour",
        "is_silent",
        "begin_poll",
    ],
    "src/vrrpd_fast/bfd/speaker.pyx": [
        "tick",
        "judge_polling",
        "rearm",
        "hear_ear",
        "flush",
        "send",
    ],
}


def directives() -> dict[str, object]:
    """The compiler directives of setup.py that are plain values: what is judged is what is shipped."""
    for node in ast.walk(ast.parse((ROOT / "setup.py").read_text())):
        if isinstance(node, ast.keyword) and node.arg == "compiler_directives":
            assert isinstance(node.value, ast.Dict)
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {ast.literal_eval(k): v.value for k, v in pairs if k and isinstance(v, ast.Constant)}
    raise AssertionError("setup.py has no compiler_directives")


def annotate(module: Path, directory: Path) -> dict[int, int]:
    """Line number -> how much Python its C code has in it, from the page of `cython -a`."""
    command = [sys.executable, "-m", "cython", "-a", "-I", str(ROOT / "src")]
    for name, value in directives().items():
        command += ["-X", f"{name}={value}"]
    subprocess.run([*command, "-o", str(directory / "module.c"), str(module)], check=True)
    page = (directory / "module.html").read_text()
    lines = re.findall(r'<pre class="cython line score-(\d+)".*?<span class="\w*">(\d+)</span>', page)
    return {int(number): int(score) for score, number in lines}


def definition(text: str, name: str) -> tuple[str, range]:
    """What follows the arguments in the definition of a cdef function, and its lines (from 1)."""
    found = re.search(rf"^( *)cdef [^\n()=]*\b{name}\(([^()]|\([^()]*\))*\)([^\n:]*):", text, re.MULTILINE)
    assert found, f"no definition of {name}"
    start = text.count("\n", 0, found.start()) + 1
    end = text.count("\n", 0, found.end()) + 2
    lines = text.splitlines()
    while end <= len(lines) and (not lines[end - 1].strip() or lines[end - 1].startswith(found[1] + " ")):
        end += 1
    return found[3], range(start, end)


def python_in(module: Path, names: list[str], directory: Path) -> list[str]:
    """Everything that keeps the named functions from being pure C."""
    text = module.read_text()
    scores = annotate(module, directory)
    assert len(scores) >= len(text.splitlines()), "the page of cython -a is not understood"
    complaints = []
    for name in names:
        suffix, lines = definition(text, name)
        if suffix.split() != ["noexcept", "nogil"]:
            complaints.append(f"{name} is not noexcept nogil")
        for number in lines:
            if scores[number]:
                complaints.append(f"{name}: {module.name}:{number}: {text.splitlines()[number - 1].strip()}")
    return complaints


@pytest.mark.parametrize("module", HOT)
def test_hot_functions_are_pure_c(module: str, tmp_path: Path) -> None:
    assert python_in(ROOT / module, HOT[module], tmp_path) == []


def test_python_would_be_seen(tmp_path: Path) -> None:
    module = tmp_path / "sample.pyx"
    module.write_text(
        "cdef class Box:\n"
        "    cdef int good(self, int x) noexcept nogil:\n"
        "        return x + 1\n"
        "    cdef int careless(self, int x):\n"
        "        return x + 1\n"
        "\n"
        "    cdef int sly(self,\n"
        "                 int x) noexcept nogil:\n"
        "        with gil:\n"
        "            print(x)\n"
        "        return x\n"
    )
    complaints = python_in(module, ["good", "careless", "sly"], tmp_path)
    assert "careless is not noexcept nogil" in complaints
    assert "sly: sample.pyx:10: print(x)" in complaints
    assert not [c for c in complaints if c.startswith("good")]


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("clock.pxd", ["clock_ns", "monotonic_ns", "timer_open", "timer_set"]),
        ("virtual_router.pxd", ["skew_ns", "down_interval_ns"]),
    ],
)
def test_hot_functions_of_declarations_cannot_hold_the_interpreter(file: str, names: list[str]) -> None:
    """`cython -a` shows no .pxd; without the GIL the compiler refuses whatever needs the interpreter."""
    text = (ROOT / "src/vrrpd_fast/engine" / file).read_text()
    defined = re.findall(r"^cdef inline .*?(\w+)\(.*\)(.*):$", text, re.MULTILINE)
    assert defined == [(name, " noexcept nogil") for name in names]
