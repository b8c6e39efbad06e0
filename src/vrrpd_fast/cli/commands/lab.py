"""The reference deployment on two routers in network namespaces of their own; the master fails.

What a client saw is compared with the protocol's own time. Needs no root.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import msgspec

from vrrpd_fast.lab.namespaces import MS_NODEV, MS_NOSUID, NamespaceError, is_privileged, isolate, mount
from vrrpd_fast.lab.process import LabError
from vrrpd_fast.lab.screen import Screen
from vrrpd_fast.lab.story import Outcome, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast", action="store_true", help="only the part with sub-second failover")
    parser.add_argument(
        "--json", action="store_true", help="the result as JSON on stdout, the story on stderr"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 when everything happened as it should, 1 when it did not."""
    directory = Path(tempfile.mkdtemp(prefix="vrrp-"))
    sandbox = os.fork()
    if sandbox == 0:
        status = 1
        try:
            status = _in_sandbox(directory, fast=arguments.fast, as_json=arguments.json)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return os.waitstatus_to_exitcode(os.waitpid(sandbox, 0)[1]) & 0xFF
    except BaseException as interruption:
        os.kill(sandbox, signal.SIGKILL)
        os.waitpid(sandbox, 0)
        if isinstance(interruption, KeyboardInterrupt):
            print("interrupted; the lab is gone", file=sys.stderr)
            return 128 + signal.SIGINT
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
        directory.rmdir()


def _in_sandbox(directory: Path, *, fast: bool, as_json: bool) -> int:
    """The lab itself, in namespaces that vanish with it; the directory is a tmpfs that only the lab sees."""
    os.setsid()  # Ctrl-C is the caller's to handle
    screen = Screen(sys.stderr if as_json else sys.stdout)
    began = time.monotonic()
    outcomes: list[Outcome] = []
    failure = ""
    try:
        isolate(as_root=is_privileged())
        mount("tmpfs", str(directory), "tmpfs", MS_NOSUID | MS_NODEV)
        tell(screen, directory, outcomes, fast=fast)
    except (LabError, NamespaceError) as error:
        failure = str(error)
    took = time.monotonic() - began
    if as_json:
        result = {"ok": not failure, "failure": failure, "seconds": took, "outcomes": outcomes}
        print(msgspec.json.format(msgspec.json.encode(result)).decode(), flush=True)
    if failure:
        print(f"vrrpctl lab: {failure}", file=sys.stderr, flush=True)
        return 1
    screen.say(f"\nEverything happened as it should, in {took:.0f} s.")
    return 0
