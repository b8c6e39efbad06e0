"""A daemon with files of its own: several at a time, and a configuration that changes while it runs."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import vrrpd_fast
from harness import config
from harness.network import Node
from harness.process import cpu_ns, tree
from harness.programs import OURS, Programs, _keepalived_argv, _our_argv
from harness.shape import OUR_PRIORITY, OWNER_PRIORITY, Shape

_TRANSITION = re.compile(rb" -> (?:MASTER|BACKUP|FAULT|INIT)\b|Entering \w+ STATE")


def text(subject: str, *populations: Shape, priority: int = OUR_PRIORITY) -> str:
    """The configuration of one daemon for all these populations together."""
    if subject == OURS:
        document = json.loads(config.native(populations[0]))
        for population in populations[1:]:
            document["vrrp_instance"] |= json.loads(config.native(population))["vrrp_instance"]
        for instance in document["vrrp_instance"].values():
            instance["priority"] = priority
        return json.dumps(document)
    first, *others = map(config.keepalived, populations)
    blocks = [first, *(other.partition("\n}\n")[2] for other in others)]  # one global_defs is enough
    if priority == OWNER_PRIORITY:  # who owns its addresses waits for nobody, if keepalived is told so
        blocks = [block.replace("\n  state BACKUP\n", "\n  state MASTER\n") for block in blocks]
    return "".join(blocks).replace(f"\n  priority {OUR_PRIORITY}\n", f"\n  priority {priority}\n")


def without_last(subject: str, configuration: str) -> str:
    """The same configuration, but for its last virtual router."""
    if subject == OURS:
        document = json.loads(configuration)
        document["vrrp_instance"].popitem()
        return json.dumps(document)
    return configuration.rpartition("vrrp_instance ")[0]


class Daemon:
    """vrrpd-fast or keepalived at work in a node; it ends with the node."""

    def __init__(self, programs: Programs, node: Node, subject: str, configuration: str) -> None:
        self.subject = subject
        self.node = node
        number = sum(1 for _ in programs.directory.glob("daemon-*"))
        self.where = programs.directory / f"daemon-{number}"
        self.where.mkdir()
        self._file = self.where / ("vips.json" if subject == OURS else "keepalived.conf")
        self._file.write_text(configuration)
        package = Path(vrrpd_fast.__file__).parent.parent
        with (self.where / "log").open("wb") as log:
            self.process = node.start(
                *(_our_argv(self.where) if subject == OURS else _keepalived_argv(self.where)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # TMPDIR is where keepalived writes what it is asked for.
                env=os.environ | {"PYTHONPATH": str(package), "TMPDIR": str(self.where)},
            )

    @property
    def socket(self) -> str:
        """vrrpd-fast's control socket."""
        return str(self.where / "control.sock")

    def cpu_ns(self) -> int:
        return cpu_ns(self.process.pid)

    def waited_ns(self) -> int:
        """How long its processes were ready to run, but had no processor."""
        delays = (Path(f"/proc/{pid}/schedstat").read_text().split()[1] for pid in tree(self.process.pid))
        return sum(map(int, delays))

    def transitions(self) -> int:
        """Changes of state it has logged so far."""
        return len(_TRANSITION.findall((self.where / "log").read_bytes()))

    def last_words(self) -> str:
        return "\n".join((self.where / "log").read_text(errors="replace").splitlines()[-10:])

    def reload(self, configuration: str) -> None:
        self._file.write_text(configuration)
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """SIGKILL."""
        self.node.stop(self.process)
