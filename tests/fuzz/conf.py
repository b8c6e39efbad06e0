"""Fuzzes the reading of keepalived.conf: `python tests/fuzz/conf.py --seconds N [--seed S]`.

Mutated samples go through the whole chain, as the daemon reads them, as `--check` judges them and as
`vrrpctl convert` writes them. Bad text is a ConfigError with printable findings. Anything else is a
failure, which prints the input: another exception, more than 5 s of CPU, memory that grows, or a conversion
that does not mean the same.
"""

import argparse
import gc
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from vrrpd_fast.config.conf import limits
from vrrpd_fast.config.convert import convert
from vrrpd_fast.config.load import form_of, load, load_text, resolved
from vrrpd_fast.model import Config, ConfigError, Finding

HERE = Path(__file__).parent
SAMPLES = Path("/usr/share/doc/keepalived/samples")
MISTAKES = HERE.parent / "unit" / "config" / "conf_mistakes"

MOST_CPU_S = 5.0
MOST_WALL_S = 120.0  # of one input; a busy machine gives little CPU
MOST_ADDRESS_SPACE = 3 << 30
# A text may make as many lines as the daemon has work for, seconds of it. Here the next text is worth more.
MOST_LINES = 20_000
# Caches of bounded size fill up first; what grows after that by so many blocks of memory is a leak.
WARM_AFTER = 2000
MOST_BLOCKS_MORE = 400_000

_TOKENS = r"""
{ } " ' \ # ! $ ${ $( @ @^ ~SEQ( ~SEQx( ~LST( , ( ) = : ; / - + . é “ 😀 ${_PWD} ${_ENV $A=${A}${A} ${A} $A
$VI ${_RANDOM ${_HASH} @main @^main include includea include_check ~SEQ(N,1,300) ~LST({A,B},{1,2}) 0 1 -1
255 256 0.1 1e9 0x10 99999999999999999999 -0 .5 1.5.2 nan inf true off maybe 10.0.0.1/24 10.0.0.256
fe80::1/64 ::ffff:1.2.3.4 fe80::1%eth0 224.0.0.18 0.0.0.0 eth0 lo weight reverse dev via table prohibit PASS
AH MASTER BACKUP \x00 \xff \n \8 nobody root vrrp_instance vrrp_script global_defs virtual_ipaddress
track_script authentication priority
"""
TOKENS = (*_TOKENS.split(), "\0", "\t", "\r", "\n", "\x0b", "\x7f", "\xa0", "\ufeff")


class Failure(Exception):
    """Something that must not happen to any text."""


def seeds() -> list[bytes]:
    """Texts to begin with: keepalived's samples where they are, the corpus of mistakes, and our own."""
    own = [path.read_bytes() for path in sorted((HERE / "seeds").glob("*.conf"))]
    others = sorted(MISTAKES.glob("*.conf"))
    if SAMPLES.is_dir():
        others += sorted(SAMPLES.glob("keepalived.conf.*"))
    # Ours are without a mistake and rich, so most of the chain is behind them.
    return own * (len(others) // len(own)) + [path.read_bytes() for path in others]


def mutated(chance: random.Random, corpus: list[bytes]) -> bytes:
    """One of the corpus, changed in one to a dozen places."""
    text = chance.choice(corpus)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 12))):
        text = _mutate(chance, text, corpus)[: 1 << 17]
    return text


def _mutate(chance: random.Random, text: bytes, corpus: list[bytes]) -> bytes:
    start = chance.randrange(len(text) + 1)
    stop = min(len(text), start + chance.choice((1, 1, 2, 8, 40, 200)))
    lines = text.splitlines(keepends=True) or [b""]
    line = chance.randrange(len(lines))
    match chance.randrange(10):
        case 0:
            return text[:start] + bytes([chance.randrange(256)]) + text[start + 1 :]
        case 1:
            return text[:start] + text[stop:]
        case 2:
            return text[:stop] + text[start:stop] * chance.choice((1, 2, 30)) + text[stop:]
        case 3 | 4:
            token = chance.choice(TOKENS).encode()
            blank = chance.choice((b"", b" "))
            return text[:start] + blank + token + blank + text[start:]
        case 5:
            words = text.split(b" ")
            words[chance.randrange(len(words))] = chance.choice(TOKENS).encode()
            return b" ".join(words)
        case 6:
            return b"".join(lines[:line] + lines[line + 1 :])
        case 7:
            return b"".join(lines[:line] + [lines[line]] * chance.choice((2, 3, 100)) + lines[line + 1 :])
        case 8:
            other = chance.choice(corpus).splitlines(keepends=True)
            begin = chance.randrange(len(other) + 1)
            return b"".join([*lines[:line], *other[begin : begin + chance.randrange(1, 20)], *lines[line:]])
        case _:
            chance.shuffle(lines)
            return b"".join(lines)


def judge(raw: bytes, path: Path) -> None:
    """Put the text of a file through the chain; raises what is no ConfigError."""
    name = str(path)
    config = _outcome(lambda: resolved(form_of(raw, name, config_id="main")))
    _outcome(lambda: load(name, config_id="main", strict=True))
    if config is None or b"_RANDOM" in raw or raw.lstrip()[:1] in (b"{", b"[", b'"', b"/"):
        return
    converted = convert(name, config_id="main").text
    again = load_text(converted, str(path.with_suffix(".json"))).config
    if again != config:
        raise Failure(f"the JSON of convert does not mean the same:\n{converted}\n{config}\n{again}")


def _outcome(read: object) -> Config | None:
    try:
        loaded = read()  # type: ignore[operator]
    except ConfigError as error:
        _check(error.findings)
        return None
    _check(loaded.findings)
    config: Config = loaded.config
    return config


def _check(findings: list[Finding]) -> None:
    for finding in findings:
        text = str(finding)
        text.encode()
        if not text.isprintable() or finding.line < 0 or finding.column < 0:
            raise Failure(f"not fit for one line of a terminal: {text!r}")


def inputs(seed: int, count: int | None, seconds: float) -> Iterator[bytes]:
    """The corpus as it is, then mutations of it."""
    corpus = seeds()
    yield from corpus
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    made = 0
    while made < count if count is not None else time.monotonic() < end:
        made += 1
        yield mutated(chance, corpus)


def surroundings(directory: Path) -> Path:
    """Files that include lines of the seeds and of mutations meet; returns the path of the text itself."""
    (directory / "hosts").write_text("10.0.0.7/24\n")
    (directory / "included").mkdir()
    (directory / "included" / "hosts").write_text("10.0.0.8/24 dev eth0\n")
    (directory / "included" / "circle").write_text("include ../keepalived.conf\n")
    os.mkfifo(directory / "fifo")
    return directory / "keepalived.conf"


def work(directory: Path, seed: int, count: int | None, seconds: float, beat: int) -> None:
    """The worker: reads one text after the other, a byte for each to the one who watches."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESS_SPACE, MOST_ADDRESS_SPACE))
    limits.MOST_LINES = MOST_LINES
    path = surroundings(directory)
    warm: int | None = None
    for number, raw in enumerate(inputs(seed, count, seconds), 1):
        path.write_bytes(raw)
        judge(raw, path)
        os.write(beat, b".")
        if number % WARM_AFTER == 0:
            gc.collect()
            blocks = sys.getallocatedblocks()
            warm = blocks if warm is None else warm
            if blocks > warm + MOST_BLOCKS_MORE:
                raise Failure(f"memory grows: {warm} blocks at first, now {blocks}")


def fuzz(seed: int, count: int | None = None, seconds: float = 0.0) -> tuple[int, str | None]:
    """How many texts were read, and what failed at the last of them."""
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(directory, seed, count, seconds, write_end)
                code = 0
            except BaseException:
                (directory / "traceback").write_text(traceback.format_exc(), errors="replace")
            finally:
                os._exit(code)
        os.close(write_end)
        done, failure = _watch(child, read_end)
        os.close(read_end)
        if (report := directory / "traceback").exists():
            failure = report.read_text()
        if failure is not None:
            failure += f"\ninput {done + 1} of seed {seed}:\n{(directory / 'keepalived.conf').read_bytes()!r}"
        return done, failure


def _watch(child: int, beats: int) -> tuple[int, str | None]:
    """Counts the beats of the worker until it ends, or ends it when one takes too long."""
    done = 0
    failure = None
    cpu, wall = _cpu_s(child), time.monotonic()
    while True:
        if select.select([beats], [], [], 0.5)[0]:
            beat = os.read(beats, 4096)
            if not beat:
                break
            done += len(beat)
            cpu, wall = _cpu_s(child), time.monotonic()
        elif _cpu_s(child) - cpu > MOST_CPU_S or time.monotonic() - wall > MOST_WALL_S:
            failure = f"more than {MOST_CPU_S:g} s of CPU, or {MOST_WALL_S:g} s in all, for one text"
            os.kill(child, signal.SIGKILL)
            break
    status = os.waitpid(child, 0)[1]
    if status and failure is None:
        failure = f"the worker ended with status {os.waitstatus_to_exitcode(status)}"
    return done, failure


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins")
    chosen = parser.parse_args()
    begun = time.monotonic()
    done, failure = fuzz(chosen.seed, seconds=chosen.seconds)
    print(f"{done} texts in {time.monotonic() - begun:.0f} s, seed {chosen.seed}")
    if failure is None:
        return 0
    print(failure)
    return 1


if __name__ == "__main__":
    sys.exit(main())
