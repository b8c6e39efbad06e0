"""vrrp_track_process: which processes it is about, and how many there should be."""

from msgspec import UNSET

from vrrpd_fast import model
from vrrpd_fast.config.problems import Problems, quoted
from vrrpd_fast.config.schema import VrrpTrackProcess
from vrrpd_fast.config.schema.base import stated

_LONGEST_NAME = 15  # bytes that the kernel keeps (TASK_COMM_LEN)


def process_count(name: str, block: VrrpTrackProcess, problems: Problems) -> model.ProcessCount:
    """A vrrp_track_process; worth nothing once `problems` has an error."""
    path = ("vrrp_track_process", name)
    words = block.process.split() if isinstance(block.process, str) else block.process
    if not words or not words[0] or any("\0" in word for word in words):
        problems.error((*path, "process"), "needs the name of a process")
        words = ["?"]
    by_command = block.full_command or len(words) > 1 or block.param_match is not UNSET
    if not by_command and words[0].startswith("/"):
        problems.warning(
            (*path, "process"),
            f"{quoted(words[0])} is never found: names of processes have no directory; say full_command for "
            "the first word of the command line",
        )
    elif not by_command and len(words[0].encode()) > _LONGEST_NAME:
        problems.warning(
            (*path, "process"),
            f"{quoted(words[0])} is never found: the kernel keeps {_LONGEST_NAME} bytes of a name, so write "
            f"{quoted(words[0].encode()[:_LONGEST_NAME].decode(errors='ignore'))}, or say full_command",
        )
    most = stated(block.quorum_max, None)
    least = stated(block.quorum, 1)
    if most == 0 and least == 1:  # none may run
        least = 0
    if most is not None and most < least:
        problems.error((*path, "quorum_max"), f"is less than the quorum of {least}", (*path, "quorum"))
    return model.ProcessCount(
        name=name,
        command=tuple(words),
        by_command=by_command,
        match=stated(block.param_match, "exact"),
        quorum=least,
        quorum_max=most,
        fork_delay=stated(block.fork_delay, block.delay),
        terminate_delay=stated(block.terminate_delay, block.delay),
    )
