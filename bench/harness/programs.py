"""What is measured, and what stands on the other side: the daemons, and the bare C programs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import vrrpd_fast
from harness import config, shape
from harness.network import BenchError, Node

OURS = "vrrpd-fast"
KEEPALIVED = "keepalived"
FLOOR = "bare C"

PHASES = 8  # bursts per interval of the bare sender
_SOURCES = Path(__file__).parent.parent
_PROGRAMS = ("sender", "sink", "capture", "sendpath")
_NEEDED = {"keepalived": "keepalived", "ip": "iproute2", "nsenter": "util-linux", "setpriv": "util-linux"}


def missing() -> list[str]:
    """What this machine lacks, as one line each."""
    lacking = [
        f"{program} is missing (Debian: apt-get install {package})"
        for program, package in _NEEDED.items()
        if shutil.which(program) is None
    ]
    if shutil.which(compiler()) is None:
        lacking.append(f"no C compiler: {compiler()} (Debian: apt-get install gcc libc6-dev)")
    return lacking


def compiler() -> str:
    return os.environ.get("CC", "cc")


class Programs:
    """Everything compiled into, and all files kept in, one directory that the caller removes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._serial = 0
        for name in _PROGRAMS:
            done = subprocess.run(
                [compiler(), "-std=gnu11", "-O2", "-o", directory / name, _SOURCES / f"{name}.c"],
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise BenchError(f"{name}.c does not compile:\n{done.stderr}")

    def daemon(
        self, node: Node, subject: str, population: shape.Shape, our_options: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start vrrpd-fast or keepalived on a population; its log goes to a file."""
        self._serial += 1
        where = self.directory / f"{self._serial}"
        where.mkdir()
        if subject == OURS:
            (where / "vips.json").write_text(config.native(population))
            argv = [*_our_argv(where), *our_options]
        else:
            (where / "keepalived.conf").write_text(config.keepalived(population))
            argv = _keepalived_argv(where)
        with (where / "log").open("wb") as log:
            return node.start(
                *argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(Path(vrrpd_fast.__file__).parent.parent)},
            )

    def last_words(self) -> str:
        """The end of the log of the daemon started last."""
        lines = (self.directory / f"{self._serial}" / "log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-10:])

    def sender(
        self,
        node: Node,
        population: shape.Shape,
        *,
        host: int = 2,
        priority: int = shape.MASTER_PRIORITY,
        phases: int = PHASES,
    ) -> subprocess.Popen[bytes]:
        """The bare sender at work for a whole population, in `phases` bursts per (shortest) interval."""
        process = node.start(
            str(self.directory / "sender"),
            str(population.longest_cs * 10_000_000),
            str(phases * population.longest_cs // population.interval_cs),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(shape.plan(population, phases, host, priority).encode())
        process.stdin.close()
        _wait_ready(process)
        return process

    def sink(self, node: Node, population: shape.Shape) -> subprocess.Popen[bytes]:
        """The bare receiver, listening on all links."""
        families = "".join(str(family) for family in population.families)
        process = node.start(
            str(self.directory / "sink"), families, *population.interfaces(), stdout=subprocess.PIPE
        )
        _wait_ready(process)
        return process

    def capture(self, node: Node, output: Path) -> subprocess.Popen[bytes]:
        """The capture at work; close its stdin to have the records written to `output`."""
        with output.open("wb") as stdout:
            process = node.start(
                str(self.directory / "capture"), stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE
            )
        assert process.stderr is not None
        if process.stderr.readline() != b"ready\n":
            raise BenchError("the capture does not start")
        return process


def finish_capture(capture: subprocess.Popen[bytes]) -> None:
    """Have it write its records; BenchError with its words when it cannot."""
    assert capture.stdin is not None and capture.stderr is not None
    capture.stdin.close()
    if capture.wait():
        raise BenchError(capture.stderr.read().decode())


def _our_argv(where: Path) -> list[str]:
    files = ["--config", str(where / "vips.json"), "--socket", str(where / "control.sock")]
    return [sys.executable, "-m", "vrrpd_fast.cli.daemon", *files]


def _keepalived_argv(where: Path) -> list[str]:
    files = [
        "-f",
        str(where / "keepalived.conf"),
        "-p",
        str(where / "main.pid"),
        "-r",
        str(where / "vrrp.pid"),
    ]
    return ["keepalived", "-n", "-l", "-G", "-P", *files]


def _wait_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        raise BenchError(f"{process.args!r} does not start")
