"""The configuration of one router of a pair, and what two of them disagree about."""

from msgspec import Struct

from vrrpd_fast.config.conf.statement import Place
from vrrpd_fast.config.form import Form, read_file
from vrrpd_fast.config.load import form_of, resolved
from vrrpd_fast.model import Config, Severity

BOTH_MASTER = "so both become MASTER"


class Difference(Struct, frozen=True, kw_only=True):
    """What two configurations disagree about: `what` is the key, of the two the names, values and places.

    `more` virtual routers of the same two ranges disagree as well.
    """

    severity: Severity
    what: str
    names: tuple[str | None, str | None]
    values: tuple[str, str]
    places: tuple[Place | None, Place | None]
    consequence: str
    more: int = 0

    def __str__(self) -> str:
        names = " / ".join(dict.fromkeys(name for name in self.names if name is not None))
        stated = " and ".join(
            f"{value} ({place.file}:{place.line})" if place else value
            for value, place in zip(self.values, self.places, strict=True)
        )
        text = f"{self.severity}: {names}: {self.what}: {stated}: {self.consequence}"
        return f"{text} (and {self.more} more of this range)" if self.more else text


class Side(Struct, frozen=True):
    """One router's configuration, and the file it comes from."""

    config: Config
    form: Form

    def place(self, *path: str | int) -> Place:
        return self.form.place(path)

    @property
    def file(self) -> str:
        return self.form.place(()).file


def read_side(name: str, *, config_id: str | None = None) -> Side:
    """A file of either form; ConfigError if it cannot be used.

    Its programs and users are those of another machine, and not looked for.
    """
    form = form_of(read_file(name), name, config_id=config_id)
    return Side(resolved(form).config, form)
