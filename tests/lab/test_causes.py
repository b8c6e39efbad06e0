"""Why a state changed: each cause is produced, and named alike by log, event, notify, status and `why`."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.kit.crowd import Many, crowd
from lab.kit.fixtures import Build
from lab.kit.inject import Injector
from lab.kit.net import Net
from lab.kit.settings import FAST
from lab.kit.told import FifoReader, Ground
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until
from vrrpd_fast.observe.events import read

Event = dict[str, Any]
OWN, PEER = "10.0.0.1", "10.0.0.2"


class Stage:
    """Two routers on a LAN: r1 is watched in every way, r2 is for what comes from outside."""

    def __init__(self, build: Build) -> None:
        self.net: Net = build(["r1", "r2"])
        self.ground = Ground(self.net)
        self.fifo = self.ground.path / "fifo"
        self.lines = FifoReader(self.fifo)
        self.net.at_close.append(self.lines.close)
        self.flag: Path = self.ground.path / "flag"
        self.ours = VrrpdFast(self.net, "r1")
        self.other = VrrpdFast(self.net, "r2", VI=FAST.settings(100))

    def document(self, priority: int = 150, more: Any = None, **blocks: Any) -> dict[str, Any]:
        settings = FAST.settings(priority, notify=f"{self.ground.recorder} VI", **(more or {}))
        return {
            "global_defs": {"router_id": "r1", "script_user": "root", "notify_fifo": str(self.fifo)},
            "vrrp_instance": {"VI": settings},
            **blocks,
        }

    def start(self, state: str = "MASTER", **more: Any) -> None:
        self.ours.document = self.document(**more)
        self.ours.start()
        self.ours.wait_state("VI", state)

    def start_other(self, priority: int = 100, state: str = "BACKUP") -> None:
        self.other.instances = {"VI": FAST.settings(priority)}
        self.other.start()
        self.other.wait_state("VI", state)

    def injector(self) -> Injector:
        made = Injector(self.net, "r2")
        self.net.at_close.append(made.close)
        return made

    @contextmanager
    def rival(self, vrid: int, priority: int, address: str) -> Iterator[None]:
        """Another master, as long as the block lasts."""
        injector = self.injector()
        over = threading.Event()

        def speak() -> None:
            while not over.wait(0.04):
                injector.advert(vrid=vrid, priority=priority, interval_cs=10, addresses=[address])

        thread = threading.Thread(target=speak)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def events(self, kind: str) -> list[Event]:
        return [event for event in read(str(self.ours.socket_path), name="VI") if event["event"] == kind]

    def last(self, new: str, reason: str) -> Event:
        """The event of the last transition, once it is this one."""

        def found() -> Event | None:
            last = self.events("transition")[-1]
            return last if (last["new"], last["reason"]) == (new, reason) else None

        wait_until(found, 8, f"{new} for {reason} among {self.events('transition')}\n{self.ours.log}")
        return self.events("transition")[-1]

    def agree(self, event: Event, text: str) -> None:
        """Log, event, notify and status tell the same story under the same id."""
        assert text in event["text"]
        self.ours.wait_log(f"{event['old']} -> {event['new']}: {event['text']} [{event['id']}]")
        facts = wait_until(lambda: self._facts(event["id"]), 8, f"a script was told of {event}")
        assert facts["STATE"] == event["new"]
        assert facts["PREVIOUS_STATE"] == event["old"]
        assert facts["REASON"] == event["text"]
        assert facts["PRIORITY"] == str(event["priority"])
        assert abs(float(facts["TIME"]) - event["time"]) < 0.000_002
        self.lines.wait(f'INSTANCE "VI" {event["new"]} {event["priority"]}')
        assert self.ours.instance("VI")["reason"] == event["text"]
        self._why(event)

    def _why(self, event: Event) -> None:
        """The command says the same, to people and as JSON, from the files alone."""
        found = self.why(event["id"])
        last = found["transitions"][0]
        assert (last["id"], last["reason"], last["text"]) == (event["id"], event["reason"], event["text"])
        assert f"VI is {event['new']} since " in found["sentence"]
        assert event["text"] in found["sentence"]
        said = self.ours.ctl("why", "VI")
        assert (said.returncode, said.stderr) == (0, "")
        words = " ".join(said.stdout.split())
        assert " ".join(found["sentence"].split()) in words or event["text"] in words
        assert f"[{event['id']}]" in words

    def why(self, failover: str) -> dict[str, Any]:
        """What `vrrpctl why --json` says, once the segment has this failover."""

        def found() -> dict[str, Any] | None:
            done = self.ours.ctl("why", "VI", "--json")
            assert done.returncode == 0, done
            said: dict[str, Any] = json.loads(done.stdout)
            return said if said["transitions"][0]["id"] == failover and said["next"] else None

        return wait_until(found, 8, f"why tells of {failover}")

    def _facts(self, failover: str) -> dict[str, str] | None:
        return next((each for each in self.ground.facts if each.get("FAILOVER_ID") == failover), None)

    def steps(self, event: Event) -> list[str]:
        """What was done, in order."""
        times = [step["at_us"] for step in event["steps"]]
        assert times == sorted(times)
        return [step["what"] for step in event["steps"]]


@pytest.fixture
def stage(build: Build) -> Stage:
    return Stage(build)


TAKEN = ["advert_sent", "addresses_added", "announced"]
GIVEN = ["priority_zero_sent", "addresses_removed"]


def holds(steps: list[str], wanted: list[str]) -> bool:
    """Whether these are among the steps, in this order."""
    rest = iter(steps)
    return all(each in rest for each in wanted)


def test_start_and_no_advert(stage: Stage) -> None:
    stage.start()
    first, second = stage.events("transition")
    assert (first["old"], first["new"], first["reason"]) == ("INIT", "BACKUP", "startup")
    stage.agree(second, "no advert heard for 341 ms (3 × 100 ms + skew 41 ms)")
    assert second["reason"] == "no_advert"
    assert holds(stage.steps(second), ["down_timer", *TAKEN])
    assert second["id"] != first["id"]
    others = [event["event"] for event in read(str(stage.ours.socket_path)) if "instance" not in event]
    assert [each for each in others if each not in ("late", "loss")] == ["start"]


def test_the_master_is_silent(stage: Stage) -> None:
    stage.start_other(200, "MASTER")
    stage.start("BACKUP")
    wait_until(lambda: stage.ours.instance("VI")["master_address"] == PEER, 5, "r2 is followed")
    stage.other.kill()
    event = stage.last("MASTER", "no_advert")
    stage.agree(event, f"no advert from {PEER} for ")
    heard = event["steps"][0]
    assert (heard["what"], heard["from"], heard["priority"]) == ("advert_heard", PEER, 200)
    assert -400_000 < heard["at_us"] < -300_000
    timer = event["steps"][1]
    assert (timer["what"], timer["interval_us"]) == ("down_timer", 341_406)
    assert timer["at_us"] == -timer["late_us"] <= 0
    assert holds(stage.steps(event), ["advert_heard", "down_timer", *TAKEN])
    later = wait_until(lambda: stage.events("steps"), 8, "what came later")
    assert {each["id"] for each in later} <= {each["id"] for each in stage.events("transition")}


def test_the_master_resigns(stage: Stage) -> None:
    stage.start_other(200, "MASTER")
    stage.start("BACKUP")
    wait_until(lambda: stage.ours.instance("VI")["master_address"] == PEER, 5, "r2 is followed")
    stage.other.stop()
    event = stage.last("MASTER", "resigned")
    stage.agree(event, f"{PEER} resigned (priority 0), skew 41 ms")
    assert holds(stage.steps(event), ["priority_zero_heard", "down_timer", *TAKEN])


def test_preempting_a_lower_master(stage: Stage) -> None:
    stage.start_other(100, "MASTER")
    stage.start("MASTER")
    event = stage.last("MASTER", "preempt")
    stage.agree(event, f"preempts {PEER}, whose priority 100 is lower than 150")
    assert holds(stage.steps(event), ["rival_heard", "down_timer", *TAKEN])


def test_a_higher_priority_is_heard(stage: Stage) -> None:
    stage.start()
    stage.start_other(200, "MASTER")
    event = stage.last("BACKUP", "higher_priority")
    stage.agree(event, f"advert from {PEER} with priority 200, higher than 150")
    assert holds(stage.steps(event), ["winner_heard", "addresses_removed"])
    assert "priority_zero_sent" not in stage.steps(event)


def test_the_same_priority_and_a_higher_address(stage: Stage) -> None:
    stage.start()
    with stage.rival(51, 150, FAST.vip):
        event = stage.last("BACKUP", "higher_address")
        stage.agree(event, f"advert from {PEER} with the same priority 150")


@pytest.mark.parametrize(
    ("reason", "word", "spoil", "block", "text"),
    [
        (
            "tracked_script",
            "track_script",
            lambda flag: flag.unlink(),
            lambda flag: {"vrrp_script": {"watched": {"script": f"test -e {flag}", "interval": 0.1}}},
            "vrrp_script watched is down",
        ),
        (
            "tracked_file",
            "track_file",
            lambda flag: flag.write_text("7"),
            lambda flag: {"track_file": {"watched": {"file": str(flag), "weight": 0}}},
            "track_file watched has the value 7",
        ),
        (
            "tracked_probe",
            "track_probe",
            lambda flag: flag.write_text("7"),
            lambda flag: {
                "vrrp_probe": {"watched": {"interval": 0.1, "value": {"file": str(flag), "expect": "= 0"}}}
            },
            "vrrp_probe watched is down",
        ),
    ],
)
def test_a_tracker_without_weight(
    stage: Stage,
    reason: str,
    word: str,
    spoil: Callable[[Path], None],
    block: Callable[[Path], dict[str, Any]],
    text: str,
) -> None:
    stage.flag.write_text("0")
    stage.start(more={word: ["watched"]}, **block(stage.flag))
    spoil(stage.flag)
    event = stage.last("FAULT", reason)
    stage.agree(event, text)
    assert holds(stage.steps(event), GIVEN)
    wait_until(lambda: _tracker(stage, "watched"), 5, "the tracker's own event")
    stage.flag.write_text("0")
    event = stage.last("MASTER", "no_advert")
    assert [each["reason"] for each in stage.events("transition")][-2] == "recovered"


def _tracker(stage: Stage, name: str) -> list[Event]:
    events = read(str(stage.ours.socket_path))
    return [each for each in events if each["event"] == "tracker" and each["tracker"] == name]


def test_a_tracker_with_weight_explains_the_priority(stage: Stage) -> None:
    stage.flag.touch()
    script = {"watched": {"script": f"test -e {stage.flag}", "interval": 0.1, "weight": -70}}
    stage.start_other(100, "MASTER")
    stage.start(more={"track_script": ["watched"]}, vrrp_script=script)
    stage.flag.unlink()
    event = stage.last("BACKUP", "higher_priority")
    stage.agree(event, f"advert from {PEER} with priority 100, higher than 80")
    assert "150 base" in event["sum"] and "70 watched" in event["sum"]
    moved = stage.events("priority")[-1]
    assert (moved["old"], moved["new"], moved["sum"]) == (150, 80, event["sum"])
    assert _tracker(stage, "watched")[-1]["new"] == "down"


def test_a_tracked_interface(stage: Stage) -> None:
    stage.net.ip("r1", "link", "add", "t0", "type", "veth", "peer", "name", "t1")
    for name in ("t0", "t1"):
        stage.net.ip("r1", "link", "set", name, "up")
    stage.start(more={"track_interface": ["t0"]})
    stage.net.ip("r1", "link", "set", "t1", "down")
    event = stage.last("FAULT", "tracked_interface")
    stage.agree(event, "t0 is down")


def test_its_own_interface(stage: Stage) -> None:
    stage.start()
    stage.net.ip("r1", "link", "set", "eth0", "down")
    event = stage.last("FAULT", "interface_down")
    stage.agree(event, "interface eth0 is down")
    stage.net.ip("r1", "link", "set", "eth0", "up")
    stage.last("MASTER", "no_advert")


def test_an_interface_that_is_not_there(stage: Stage) -> None:
    stage.start("FAULT", more={"interface": "eth7"})
    event = stage.last("FAULT", "interface_gone")
    stage.agree(event, "interface eth7 does not exist")


def test_a_sync_group(stage: Stage) -> None:
    """The cause is the other member's, and both share the failover."""
    document = stage.document()
    document["vrrp_instance"]["B"] = FAST.settings(150, vrid=52, virtual_ipaddress=["10.0.0.52/24"])
    document["vrrp_sync_group"] = {"G": {"group": ["VI", "B"]}}
    stage.ours.document = document
    stage.ours.start()
    stage.ours.wait_state("VI", "MASTER")
    stage.ours.wait_state("B", "MASTER")
    with stage.rival(52, 200, "10.0.0.52"):
        event = stage.last("BACKUP", "sync_group")
        stage.agree(event, "another member of its sync group")
    assert event["group"] == "G"
    both = [each for each in read(str(stage.ours.socket_path)) if each.get("id") == event["id"]]
    assert [(each["instance"], each["reason"]) for each in both if each["event"] == "transition"] == [
        ("B", "higher_priority"),
        ("VI", "sync_group"),
    ]
    assert [each["state"] for each in both if each["event"] == "group"] == ["BACKUP"]


def test_the_operator(stage: Stage) -> None:
    stage.start_other(100, "MASTER")
    stage.start()
    answer = stage.ours.call("Resign", names=["VI"], for_seconds=600)
    assert answer == {"resigned": ["VI"], "held": ["VI"], "refused": {}}
    event = stage.last("BACKUP", "operator")
    stage.agree(event, "resigned by the operator")
    assert holds(stage.steps(event), GIVEN)
    stage.other.wait_state("VI", "MASTER")
    assert "the operator has had it resign, until " in " ".join(stage.why(event["id"])["next"])
    stage.ours.call("Resign", names=["VI"], for_seconds=0)
    stage.last("MASTER", "preempt")
    order, end = stage.events("operator")
    assert order["text"] == "the operator has it resign for 600 s"
    assert "taken resign back" in end["text"]


def test_the_operators_priority(stage: Stage) -> None:
    stage.start_other(100, "MASTER")
    stage.start()
    answer = stage.ours.call("SetPriority", name="VI", priority=50)
    assert answer == {"configured": 150, "effective": 50}
    event = stage.last("BACKUP", "higher_priority")
    stage.agree(event, f"advert from {PEER} with priority 100, higher than 50")
    assert event["base"] == 50
    stage.ours.call("SetPriority", name="VI", priority=None)
    event = stage.last("MASTER", "preempt")
    assert event["base"] == 150


def test_a_reload(stage: Stage) -> None:
    stage.start()
    document = stage.document()
    document["vrrp_instance"]["NEW"] = document["vrrp_instance"].pop("VI") | {"virtual_router_id": 60}
    stage.ours.change(document)
    stage.ours.call("Reload")
    event = stage.last("INIT", "reconfigured")
    assert "by a reload" in event["text"]
    stage.ours.wait_log(f"[{event['id']}]")
    reload = wait_until(lambda: _reloads(stage), 5, "the reload's event")[-1]
    assert (reload["added"], reload["removed"]) == (["NEW"], ["VI"])
    stage.ours.document = {"vrrp_instance": {"NEW": {}}}
    stage.ours.configure()
    with pytest.raises(AssertionError, match="ReloadFailed"):
        stage.ours.call("Reload")
    wait_until(lambda: "findings" in _reloads(stage)[-1], 5, "the event of one that failed")


def _reloads(stage: Stage) -> list[Event]:
    return [each for each in read(str(stage.ours.socket_path)) if each["event"] == "reload"]


def test_the_stop_and_the_next_run(stage: Stage) -> None:
    stage.start()
    stage.ours.signal(signal.SIGTERM)
    assert stage.ours.process is not None
    stage.ours.process.wait(10)
    event = stage.last("INIT", "shutdown")
    assert holds(stage.steps(event), ["priority_zero_sent"])
    all_of_it = list(read(str(stage.ours.socket_path)))
    assert "stop" in [each["event"] for each in all_of_it]
    stage.ours.start()
    stage.ours.wait_state("VI", "MASTER")
    again = list(read(str(stage.ours.socket_path), since=all_of_it[-1]["seq"]))
    assert again[0]["seq"] == all_of_it[-1]["seq"] + 1
    assert "start" in [each["event"] for each in again]


def test_a_stuck_daemon_and_one_that_was_killed(stage: Stage) -> None:
    """Why is told from the files, and says that they are old."""
    stage.start()
    event = stage.last("MASTER", "no_advert")
    stage.agree(event, "no advert heard")
    stage.ours.signal(signal.SIGSTOP)

    def said(what: str) -> bool:
        done = stage.ours.ctl("why", "VI")
        return done.returncode == 3 and what in done.stderr and event["text"] in " ".join(done.stdout.split())

    try:
        wait_until(lambda: said("vrrpd-fast is stuck"), 8, "it is seen to be stuck", pause=0.2)
    finally:
        stage.ours.signal(signal.SIGCONT)
    stage.ours.kill()
    wait_until(lambda: said("vrrpd-fast is not running"), 8, "it is seen to have ended", pause=0.2)


def test_who_else_claims_it(stage: Stage) -> None:
    stage.start()
    injector = stage.injector()
    injector.advert(vrid=51, priority=90, interval_cs=10, addresses=[FAST.vip])
    wait_until(lambda: stage.events("challenged"), 5, "the challenger is told")
    assert stage.events("challenged")[0]["from"] == PEER
    injector.advert(vrid=51, priority=90, interval_cs=10, addresses=["10.0.0.77"])
    wait_until(lambda: stage.events("complaint"), 5, "the complaint is told")
    complaint = stage.events("complaint")[0]
    assert (complaint["from"], complaint["what"]) == (PEER, "addresses")


def test_a_tracked_process(stage: Stage) -> None:
    watched = stage.net.start(stage.net.command("r1", "sleep", "7131"))
    block = {"watched": {"process": "sleep 7131"}}
    stage.start(more={"track_process": ["watched"]}, vrrp_track_process=block)
    watched.kill()
    watched.wait()
    event = stage.last("FAULT", "tracked_process")
    stage.agree(event, "vrrp_track_process watched")
    assert holds(stage.steps(event), GIVEN)


def test_a_bfd_session(stage: Stage) -> None:
    session = {"neighbor_ip": PEER, "min_rx": 50, "min_tx": 50, "multiplier": 3}
    stage.other.document = {
        "bfd_instance": {"back": session | {"neighbor_ip": OWN}},
        "vrrp_instance": {"VI": FAST.settings(100, track_bfd=[{"name": "back", "weight": -1}])},
    }
    stage.other.start()
    stage.start(more={"track_bfd": ["watched"]}, bfd_instance={"watched": session})
    stage.other.kill()
    event = stage.last("FAULT", "tracked_bfd")
    stage.agree(event, "watched")
    assert holds(stage.steps(event), GIVEN)


def test_a_takeover_of_hundreds_has_a_whole_story_each(build: Build) -> None:
    net = build(["r1", "r2"])
    vrids = range(1, 201)
    first = Many(net, "r1", crowd([0], vrids, priority=150, count=3))
    second = Many(net, "r2", crowd([0], vrids, priority=100, count=3))
    first.start()
    first.wait_all("MASTER")
    second.start()
    second.wait_all("BACKUP")
    path = str(second.socket_path)
    before = list(read(path))[-1]["seq"]
    first.kill()
    second.wait_all("MASTER")

    def taken() -> list[Event]:
        return [
            event
            for event in read(path, before)
            if event["event"] == "transition" and event["new"] == "MASTER"
        ]

    wait_until(lambda: len(taken()) == len(vrids), 10, "every story is told")
    assert len({event["id"] for event in taken()}) == len(vrids)
    for event in taken():
        assert "cut" not in event
        assert event["reason"] == "no_advert"
        done = {step["what"]: 0 for step in event["steps"]}
        for step in event["steps"]:
            done[step["what"]] += step.get("count", 1)
        assert (done["advert_sent"], done["addresses_added"], done["announced"]) == (1, 3, 3)
    numbers = [event["seq"] for event in read(path, before)]
    assert numbers == list(range(before + 1, before + 1 + len(numbers)))
