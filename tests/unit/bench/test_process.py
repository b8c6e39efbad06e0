"""Processor time and memory of a process tree."""

import os
import subprocess
import sys
import time

from harness.process import cpu_ns, ended_ns, kill_tree, memory_kb, tree

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE)
assert child.stdout.readline() == b"done\\n"
print(child.pid, flush=True)
time.sleep(600)
"""
CHILD = """
import threading, time
def burn():
    end = time.thread_time_ns() + 60_000_000
    while time.thread_time_ns() < end:
        pass
thread = threading.Thread(target=burn)
thread.start()
thread.join()
print("done", flush=True)
time.sleep(600)
"""


def test_a_tree_is_counted_whole_even_threads_that_are_gone():
    program = PARENT.replace("CHILD", repr(CHILD))
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        child = int(process.stdout.readline())
        assert tree(process.pid) == [process.pid, child]
        used_ns = cpu_ns(process.pid)
        assert cpu_ns(child) >= 60_000_000
        assert used_ns >= cpu_ns(child)
        assert used_ns < time.monotonic_ns()
        memory = memory_kb(process.pid)
        assert 0 < memory["Pss"] <= memory["Rss"]
        assert memory_kb(child)["Rss"] < memory["Rss"]
    finally:
        kill_tree(process.pid)
        process.wait(10)
        process.stdout.close()
    assert tree(process.pid) == [process.pid]


def test_time_of_children_that_have_ended():
    before = ended_ns(os.getpid())
    subprocess.run([sys.executable, "-c", "for n in range(3_000_000): pass"], check=True)
    assert 10_000_000 <= ended_ns(os.getpid()) - before < 20_000_000_000
