"""Processes by name: of the kernel, of a program file, ended ones."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.probe.running import outcome_of, run
from vrrpd_fast.model import ProcessProbe
from vrrpd_fast.probe.check import Context, Outcome
from vrrpd_fast.probe.kinds import process
from vrrpd_fast.probe.kinds.process import name_in

LONG = "a-name-of-more-than-15-bytes"


def test_names_in_stat() -> None:
    assert name_in(b"7 (init) S 1 7") == b"init"
    assert name_in(b"7 (a (b) c) R 1") == b"a (b) c"
    assert name_in(b"7 (init) Z 1 7") is None
    assert name_in(b"") is None
    assert name_in(b")(") is None


@given(st.binary(max_size=64))
def test_noise_has_a_name_or_none(noise: bytes) -> None:
    name_in(noise)
    assert name_in(b"1 (" + noise + b") S 1") == noise


@pytest.mark.parametrize("name", ["probe-me", LONG, LONG + "-2"])
def test_a_process_comes_and_goes(tmp_path: Path, name: str) -> None:
    """Found by the whole of a long name; one that its parent has not waited for is gone."""
    program = tmp_path / name
    shutil.copy("/bin/sleep", program)

    async def main() -> None:
        context = Context(asyncio.get_running_loop())
        check = process.make(ProcessProbe(name=name), context)
        assert await run(check, context) == Outcome(False, "does not run")
        with subprocess.Popen([program, "60"]) as child:
            await asyncio.sleep(0.11)  # /proc is not read again before
            assert await run(check, context) == Outcome(True, "runs")
            assert await run(check, context) == Outcome(True, "runs")
            other = await outcome_of(ProcessProbe(name=LONG + "-3"), context)
            assert other == Outcome(False, "does not run")
            two = await outcome_of(ProcessProbe(name=name, quorum=2), context)
            assert two == Outcome(False, "1 of 2 run")
            child.kill()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            await asyncio.sleep(0.11)
            assert await run(check, context) == Outcome(False, "does not run")
        context.close()

    asyncio.run(main())


def test_one_look_at_proc_serves_all() -> None:
    async def main() -> None:
        context = Context(asyncio.get_running_loop())
        looks = 0
        listdir = os.listdir

        def counted(path: str) -> list[str]:
            nonlocal looks
            looks += 1
            return listdir(path)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(process.os, "listdir", counted)
            probes = [ProcessProbe(name=f"no-such-{number}") for number in range(50)]
            outcomes = await asyncio.gather(*(outcome_of(probe, context) for probe in probes))
        assert {outcome.text for outcome in outcomes} == {"does not run"}
        assert looks == 1

    asyncio.run(main())
