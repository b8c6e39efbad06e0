"""What the process makes of itself, and takes back: each test in a process of its own."""

import logging
import os
from pathlib import Path

import pytest

from lab.kit.netns import in_new_namespace
from unit.child import in_child
from vrrpd_fast import tuning
from vrrpd_fast.model import Process
from vrrpd_fast.tuning import Tuning

BEGIN = """
import pathlib
from vrrpd_fast.model import Process
from vrrpd_fast.tuning import Tuning
def status(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(line.split(None, 1)[1] for line in lines if line.startswith(name + ":"))
tuning = Tuning()
"""


def test_nothing_configured_changes_nothing() -> None:
    assert in_child(
        BEGIN
        + """
def picture():
    return [status(name) for name in ("Name", "Umask", "Cpus_allowed_list", "VmLck")]
before = picture()
tuning.apply(Process())
found = before == picture()
"""
    )


def test_set_and_taken_back() -> None:
    before, configured, after = in_child(
        BEGIN
        + """
def picture():
    return [status("Name"), status("Umask"), sorted(os.sched_getaffinity(0)), status("VmLck") != "0 kB"]
found = [picture()]
first = min(os.sched_getaffinity(0))
tuning.apply(Process(name="vrrp \\u00e9", umask=0o026, cpu_affinity=(first,), no_swap=True))
found.append(picture())
tuning.apply(Process())
found.append(picture())
"""
    )
    assert configured == ["vrrp é", "0026", configured[2], True]
    assert len(configured[2]) == 1
    assert after == before
    assert before[3] is False


def test_threads_and_children_move_along() -> None:
    """Also those that were there before; scripts are children of the helper that starts them."""
    assert in_child(
        BEGIN
        + """
import subprocess, threading
quit = threading.Event()
thread = threading.Thread(target=quit.wait)
thread.start()
helper = subprocess.Popen(["sleep", "60"])
first = min(os.sched_getaffinity(0))
before = os.sched_getaffinity(0)
tuning.apply(Process(cpu_affinity=(first,)))
tasks = (0, thread.native_id, helper.pid)
found = [all(os.sched_getaffinity(task) == {first} for task in tasks)]
tuning.apply(Process())
found.append(all(os.sched_getaffinity(task) == before for task in tasks))
quit.set()
helper.kill()
"""
    ) == [True, True]


def test_a_reload_changes_only_what_differs() -> None:
    umask, name = in_child(
        BEGIN
        + """
tuning.apply(Process(name="one", umask=0o077))
os.umask(0o011)  # another's doing
tuning.apply(Process(name="other", umask=0o077))
found = [status("Umask"), status("Name")]
"""
    )
    assert (umask, name) == ("0011", "other")


def test_a_refusal_is_told_and_the_rest_is_done(caplog: pytest.LogCaptureFixture) -> None:
    before = os.umask(0o022)
    made = Tuning()
    try:
        made.apply(Process(cpu_affinity=(9999,), umask=0o027))
        assert os.umask(0o027) == 0o027
    finally:
        made.apply(Process())
        os.umask(before)
    assert [record.getMessage() for record in caplog.records] == [
        "vrrp_cpu_affinity: cannot be as configured: Invalid argument"
    ]
    assert caplog.records[0].levelno == logging.ERROR


@pytest.mark.lab
@in_new_namespace
def test_local_igmp_is_silenced_in_this_namespace_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("/proc/sys/net/ipv4/igmp_link_local_mcast_reports")
    assert path == tuning.LOCAL_IGMP
    before = path.read_text()
    made = Tuning()
    made.apply(Process(disable_local_igmp=True))
    assert path.read_text() == "0\n"
    made.apply(Process(disable_local_igmp=True, umask=made._umask))
    made.close()
    assert path.read_text() == before == "1\n"
