"""Fixtures of the lab: namespaces that always go away, captures that tshark judges."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.kit.capture import Capture, Frame
from lab.kit.judge import verdicts
from lab.kit.net import Net
from lab.kit.packets import read_advert

# What a test needs beyond iproute2, by the marker `peer`: the program and Debian's package that has it.
PEERS = {
    "keepalived": ("/usr/sbin/keepalived", "keepalived"),
    "haproxy": ("/usr/sbin/haproxy", "haproxy"),
    "frr": ("/usr/lib/frr/vrrpd", "frr"),
    "killall": ("/usr/bin/killall", "psmisc"),
    "prometheus": ("/usr/bin/prometheus", "prometheus"),
    "strace": ("/usr/bin/strace", "strace"),
    "openssl": ("/usr/bin/openssl", "openssl"),
    "systemd": ("/usr/lib/systemd/systemd", "systemd"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if not item.path.is_relative_to(here):
            continue
        item.add_marker(pytest.mark.lab)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="namespaces need root: unshare --user --map-root-user"))
        for name in _peers(item):
            program, package = PEERS[name]
            if not Path(program).exists():
                item.add_marker(pytest.mark.skip(reason=f"{program} is missing (package {package})"))


def _peers(item: pytest.Item) -> set[str]:
    """The foreign programs a test runs: those its parameters or its `peer` markers name."""
    named = {str(argument) for mark in item.iter_markers("peer") for argument in mark.args}
    callspec = getattr(item, "callspec", None)
    if callspec is not None:
        named |= {value for value in callspec.params.values() if isinstance(value, str) and value in PEERS}
    return named


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., Net]]:
    """Makes a Net of the given LANs; all of it is gone after the test, also after a failed one."""
    with ExitStack() as stack:

        def make(*lans: Sequence[str]) -> Net:
            directory = tmp_path / f"net{len(list(tmp_path.iterdir()))}"
            directory.mkdir()
            net = Net(directory, *lans)
            stack.callback(net.close)
            return net

        yield make


@pytest.fixture(scope="session")
def sent_by_us() -> Iterator[list[tuple[str, Frame]]]:
    """(test, frame) of everything vrrpd-fast sent under capture; tshark judges it when the session ends."""
    sent: list[tuple[str, Frame]] = []
    yield sent
    if not sent or shutil.which("tshark") is None:
        return
    directory = Path(os.environ.get("TMPDIR", "/tmp"))
    path = directory / f"vrrpd-fast-lab-{os.getpid()}.pcap"
    try:
        found = verdicts(sent, path)
    finally:
        path.unlink(missing_ok=True)
    assert not found, "tshark on what vrrpd-fast sent:\n" + "\n".join(found[:20])


@pytest.fixture
def capture(
    request: pytest.FixtureRequest, sent_by_us: list[tuple[str, Frame]]
) -> Iterator[Callable[[Net], Capture]]:
    """Starts the capture of a Net."""
    open_captures: list[Capture] = []

    def start(net: Net) -> Capture:
        open_captures.append(Capture(net))
        return open_captures[-1]

    yield start
    for each in open_captures:
        each.close()
        sent_by_us += [
            (request.node.nodeid, frame)
            for frame in each.frames
            if frame[1] in each.net.ours and read_advert(*frame) is not None
        ]
