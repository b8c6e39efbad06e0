"""What is told: one event as a FIFO's line, as arguments and as environment of a script.

Lines and arguments are those of keepalived (man keepalived.conf, "notify" under vrrp_sync_group), to the
byte. The environment is ours; docs/NOTIFY.md lists it.
"""

import enum
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from ..model import Command, Instance, Notify, State
from ..story import Story


class Word(enum.StrEnum):
    """keepalived's names for what has happened."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"
    DELETED = "DELETED"
    MASTER_RX_LOWER_PRI = "MASTER_RX_LOWER_PRI"
    MASTER_PRIORITY = "MASTER_PRIORITY"
    BACKUP_PRIORITY = "BACKUP_PRIORITY"


class Kind(enum.StrEnum):
    """Whom an event concerns."""

    INSTANCE = "INSTANCE"
    GROUP = "GROUP"


class Event(Struct, frozen=True, kw_only=True):
    """One event. `number` grows with every event of the daemon; `at` is in seconds since 1970."""

    kind: Kind = Kind.INSTANCE
    name: str
    word: Word
    priority: int
    number: int
    at: float
    old: State
    reason: str = ""
    instance: Instance | None = None  # None for a group
    master_address: IPv4Address | IPv6Address | None = None
    master_priority: int = 0
    is_removal: bool = False  # the virtual router is no longer configured
    failover: str = ""  # id of the transition
    story: Story | None = None  # which is told what is done with the event

    @property
    def line(self) -> bytes:
        """As a FIFO has it. The name is quoted but not escaped."""
        return f'{self.kind} "{self.name}" {self.word} {self.priority}\n'.encode(errors="surrogateescape")

    @property
    def arguments(self) -> tuple[str, str, str, str]:
        """What a `notify` script gets after its own arguments."""
        return (self.kind.value, self.name, self.word.value, str(self.priority))

    def environment(self) -> dict[str, str]:
        """What every notify script finds in its environment."""
        facts = {
            "VRRP_TYPE": self.kind.value,
            "VRRP_NAME": self.name,
            "VRRP_STATE": self.word.value,
            "VRRP_PREVIOUS_STATE": self.old.name,
            "VRRP_PRIORITY": str(self.priority),
            "VRRP_REASON": self.reason,
            "VRRP_EVENT": str(self.number),
            "VRRP_TIME": f"{self.at:.6f}",
            "VRRP_FAILOVER_ID": self.failover if self.story is None else self.story.id,
            "VRRP_MASTER_ADDRESS": "" if self.master_address is None else str(self.master_address),
            "VRRP_MASTER_PRIORITY": "" if self.master_address is None else str(self.master_priority),
        }
        if self.instance is not None:
            facts |= {
                "VRRP_INTERFACE": self.instance.interface,
                "VRRP_VRID": str(self.instance.virtual_router_id),
                "VRRP_FAMILY": f"ipv{int(self.instance.family)}",
                "VRRP_VERSION": str(self.instance.version),
                "VRRP_BASE_PRIORITY": str(self.instance.priority),
            }
        return facts


def scripts(notify: Notify, event: Event) -> list[tuple[str, Command, tuple[str, ...]]]:
    """What is run for an event, in order: the word of the configuration, the command, its last arguments."""
    found: list[tuple[str, Command, tuple[str, ...]]] = []
    word, command = _own_script(notify, event)
    if command is not None:
        found.append((word, command, ()))
    is_state = event.word in (Word.MASTER, Word.BACKUP, Word.FAULT, Word.STOP, Word.DELETED)
    if is_state and notify.every is not None:
        found.append(("notify", notify.every, event.arguments))
    return found


def _own_script(notify: Notify, event: Event) -> tuple[str, Command | None]:
    """The script for this kind of event alone."""
    if event.is_removal:  # keepalived says FAULT to `notify`, but does not run notify_fault
        return "notify_deleted", notify.deleted
    match event.word:
        case Word.MASTER:
            return "notify_master", notify.master
        case Word.BACKUP:
            return "notify_backup", notify.backup
        case Word.FAULT:
            return "notify_fault", notify.fault
        case Word.STOP:
            return "notify_stop", notify.stop
        case Word.MASTER_RX_LOWER_PRI:
            return "notify_master_rx_lower_pri", notify.master_rx_lower_pri
    return "", None
