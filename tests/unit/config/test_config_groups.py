"""vrrp_sync_group: what a group comes to, for itself and for its members."""

import json
from typing import Any

import pytest

from vrrpd_fast.config.load import load_text
from vrrpd_fast.model import Config, ConfigError

CONF = """
vrrp_script chk {
    script true
    weight 5
}
vrrp_sync_group G {
    group {
        one
        two
    }
    %s
}
vrrp_instance one {
    interface eth0
    virtual_router_id 1
    virtual_ipaddress { 10.0.0.1/24 }
    track_script { chk }
    track_interface { eth2 weight -10 }
}
vrrp_instance two {
    interface eth1
    virtual_router_id 1
    virtual_ipaddress { 10.1.0.1/24 }
}
"""


def load(group: dict[str, Any], one: dict[str, Any] | None = None, **more: Any) -> Config:
    """Instances one, on eth0, and two, on eth1, in group G; a script chk of weight 5."""
    instances: dict[str, dict[str, Any]] = {
        name: {
            "interface": f"eth{number}",
            "virtual_router_id": 1,
            "virtual_ipaddress": [f"10.{number}.0.1/24"],
        }
        for number, name in enumerate(["one", "two"])
    }
    instances["one"] |= one or {}
    document = {
        "vrrp_script": {"chk": {"script": "true", "weight": 5}},
        "vrrp_sync_group": {"G": {"group": ["one", "two"], **group}},
        "vrrp_instance": instances,
        **more,
    }
    return load_text(json.dumps(document), "f").config


def test_members_and_notify() -> None:
    config = load({"notify_master": "/m", "track_script": ["chk"]}, global_defs={"script_user": "nobody"})
    group = config.sync_groups["G"]
    assert group.members == ("one", "two")
    assert group.notify.master is not None
    assert (group.notify.master.script, group.notify.master.user) == ("/m", "nobody")


def test_what_a_group_tracks_every_member_tracks() -> None:
    config = load({"track_script": ["chk"], "track_interface": ["eth1 weight 20", "eth2"]})
    one, two = config.instances["one"], config.instances["two"]
    assert [(track.name, track.weight) for track in one.tracks] == [("eth1", 20), ("eth2", 0), ("chk", 5)]
    assert [(track.name, track.weight) for track in two.tracks] == [
        ("eth2", 0),
        ("chk", 5),
    ]  # eth1 is its own


def test_what_a_member_tracks_itself_is_not_tracked_twice() -> None:
    config = load({"track_script": ["chk"]}, {"track_script": ["chk weight 0"]})
    assert [(track.name, track.weight) for track in config.instances["one"].tracks] == [("chk", 0)]


def test_a_weight_of_a_member_s_own_needs_the_group_s_leave() -> None:
    with pytest.raises(ConfigError, match="sync_group_tracking_weight"):
        load({}, {"track_script": ["chk"]})
    config = load({"sync_group_tracking_weight": True}, {"track_script": ["chk"]})
    assert config.instances["one"].tracks[0].weight == 5


def test_priority_changes_are_the_instance_s_then_the_group_s_then_the_global_word() -> None:
    def told(group: dict[str, Any], one: dict[str, Any], usual: bool) -> list[bool]:
        more = {"vrrp_notify_priority_changes": usual}
        config = load({"track_script": ["chk"], **group}, one, global_defs=more)
        return [instance.notify.priority_changes for instance in config.instances.values()]

    word = "notify_priority_changes"
    assert told({}, {}, True) == [True, True]
    assert told({word: False}, {}, True) == [False, False]
    assert told({word: True}, {word: False}, False) == [False, True]


@pytest.mark.parametrize(
    ("word", "weights", "warnings"),
    [("", (0, 0), 2), ("sync_group_tracking_weight", (5, -10), 0), ("global_tracking", (5, -10), 0)],
)
def test_keepalived_takes_the_weights_of_members_away(
    word: str, weights: tuple[int, int], warnings: int
) -> None:
    loaded = load_text(CONF % word, "keepalived.conf")
    one = loaded.config.instances["one"]
    assert (one.tracks[1].weight, one.tracks[0].weight) == weights
    told = [finding for finding in loaded.findings if "its weight becomes 0" in finding.message]
    assert len(told) == warnings
