"""What strict mode changes where nothing is stated; what it forbids stands in mistakes/strict_*."""

from unit.config.loading import instance


def test_strict_mode_forces_what_is_not_stated() -> None:
    one = instance(strict_mode=True)
    assert one.strict and not one.accept
    assert one.lower_prio_no_advert and one.owner_ignore_adverts
    assert not one.higher_prio_send_advert
    assert one.down_timer_adverts == 3


def test_only_the_owner_accepts() -> None:
    assert instance(strict_mode=True, priority=255).accept
    assert instance(strict_mode=True, state="MASTER").accept
    assert instance(strict_mode=True, version=3, accept=True).accept


def test_strict_mode_beats_global_defaults_that_are_not_strict() -> None:
    defaults = {
        "vrrp_down_timer_adverts": 5,
        "vrrp_lower_prio_no_advert": False,
        "vrrp_higher_prio_send_advert": True,
        "vrrp_owner_ignore_adverts": False,
    }
    one = instance(global_defs=defaults, strict_mode=True)
    assert (one.down_timer_adverts, one.lower_prio_no_advert) == (3, True)
    assert (one.higher_prio_send_advert, one.owner_ignore_adverts) == (False, True)


def test_strict_mode_of_the_instance_beats_the_global_one() -> None:
    strict = {"vrrp_strict": True}
    assert instance(global_defs=strict).strict
    one = instance(global_defs=strict, strict_mode=False, preempt_delay=5, unicast_peer=["10.0.0.8"])
    assert not one.strict and one.accept
