"""What may be set of a virtual router, and changed while it lives."""

from collections.abc import Sequence

from typing_extensions import disjoint_base

GROUPS: dict[int, bytes]
"""The groups of RFC 9568 (5.1.1.2, 5.1.2.2), by address family."""

@disjoint_base
class Settings:
    def __init__(
        self,
        family: int,
        version: int,
        *,
        priority: int,
        advert_int_cs: int,
        addresses: Sequence[bytes],
        preempt: bool = True,
        preempt_delay_ns: int = 0,
        down_timer_adverts: int = 3,
        answer_losing: bool = True,
        check_addresses: bool = False,
        skip_check_adv_addr: bool = False,
        strict: bool = False,
        higher_prio_send_advert: bool = False,
        owner_ignore_adverts: bool = False,
        auth_pass: bytes = b"",
        is_unicast: bool = False,
        peers: Sequence[bytes] = (),
        peer_ttls: Sequence[tuple[int, int]] = (),
        check_unicast_src: bool = False,
        group: bytes | None = None,
    ) -> None:
        """Check what Machine.add() and Machine.change() are given; ValueError says what cannot be.

        Addresses are packed (4 or 16 bytes each). Beyond what keepalived.conf(5) says of its words:

        - `answer_losing`: a MASTER answers an advert that loses against it (RFC 9568 6.4.3)
        - `check_addresses`: an advert that lists other addresses is refused, also with version 3
        - `skip_check_adv_addr`: not from the master that is followed already
        - `strict`: refuse an IPv6 advert whose first address is not link-local (erratum 8300)
        - `owner_ignore_adverts`: the owner (priority 255) does nothing about the adverts of others
        - `auth_pass`: version 2, type 1 (RFC 2338 5.3.6), padded with zeros; none when empty
        - `peers` make it unicast, as `is_unicast` does without them; `peer_ttls` are (least, most) for each
        - `check_unicast_src`: hear peers only
        - `group`: where adverts of a multicast virtual router go and come from; None: GROUPS
        """
