"""Reading one line (a route, a rule) word by word, in iproute2's manner: keyword, value, keyword."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_interface

from vrrpd_fast.config.addresses import EntryError, interface_fault, parse_address
from vrrpd_fast.config.iproute import REALMS, number, plain
from vrrpd_fast.config.problems import near, quoted
from vrrpd_fast.model import Family

Network = IPv4Network | IPv6Network
ANYWHERE = ("default", "any", "all")
_UINT32 = 0xFFFFFFFF


class Line:
    """The words of a line, and the address family that follows from them."""

    def __init__(self, text: str, what: str) -> None:
        self.words = text.split()
        self.text = " ".join(self.words)
        self.family: Family | None = None
        self._what = what
        self._at = 0
        self._seen: set[str] = set()
        if not self.words:
            raise EntryError("is empty")

    @property
    def has_more(self) -> bool:
        return self._at < len(self.words)

    def peek(self) -> str | None:
        return self.words[self._at] if self.has_more else None

    def take(self) -> str:
        self._at += 1
        return self.words[self._at - 1]

    def skip(self, word: str) -> bool:
        """Whether the next word is this one, which is then taken."""
        if self.peek() != word:
            return False
        self._at += 1
        return True

    def once(self, key: str) -> None:
        if key in self._seen:
            raise EntryError("stands twice", key)
        self._seen.add(key)

    def value(self, key: str) -> str:
        if not self.has_more:
            raise EntryError("needs a value", key)
        return self.take()

    def number(self, key: str, most: int, least: int = 0) -> int:
        text = self.value(key)
        value = plain(text)
        if value is None:
            raise EntryError(f"{quoted(text)} is not a number", key)
        if not least <= value <= most:
            raise EntryError(f"{quoted(text)} is not in {least}..{most}", key)
        return value

    def choice(self, key: str, choices: Iterable[str]) -> str:
        text = self.value(key)
        known = list(choices)
        if text not in known:
            raise EntryError(f"{quoted(text)} is not one of {', '.join(known)}{near(text, known)}", key)
        return text

    def device(self, key: str) -> str:
        name = self.value(key)
        if fault := interface_fault(name):
            raise EntryError(fault, key)
        return name

    def span(self, key: str, most: int) -> tuple[int, int]:
        """`N` or `N-M`."""
        text = self.value(key)
        first, dash, last = text.partition("-")
        low = plain(first)
        high = plain(last) if dash else low
        if low is None or high is None:
            raise EntryError(f"{quoted(text)} is not N or N-M", key)
        if not 0 <= low <= high <= most:
            raise EntryError(f"{quoted(text)}: the first is at most the second, both in 0..{most}", key)
        return low, high

    def time(self, key: str, scale: int) -> int:
        """`300ms`, `1.5s`, or a bare number in the kernel's own unit, `scale` of which are a millisecond."""
        text = self.value(key)
        digits, factor = text, 1
        if text.endswith("ms"):
            digits, factor = text.removesuffix("ms"), scale
        elif text.endswith("s"):
            digits, factor = text.removesuffix("s"), 1000 * scale
        try:
            value = float(digits)
        except ValueError as error:
            raise EntryError(f"{quoted(text)} is not a time, like 300ms or 1.5s", key) from error
        if not 0 <= value * factor <= _UINT32:
            raise EntryError(f"{quoted(text)} is too long", key)
        return round(value * factor)

    def realms(self) -> int:
        """`TO` or `FROM/TO`, each a number or a name, as the kernel has them in one."""
        first, slash, second = self.value("realms").partition("/")
        source = number(REALMS, first, 0xFFFF, "realms") if slash else 0
        return source << 16 | number(REALMS, second if slash else first, 0xFFFF, "realms")

    def address(self, key: str) -> IPv4Address | IPv6Address:
        """An address of the line's family."""
        try:
            address = parse_address(self.value(key))
        except EntryError as error:
            raise EntryError(str(error), key) from error
        self.meet(Family(address.version), str(address), key)
        return address

    def network(self, text: str, key: str | None, *, strict: bool) -> Network | None:
        """`ADDRESS[/LENGTH]`; None for everything (default, any, all), whose family others tell.

        `strict`: the kernel takes no bits to the right of the length.
        """
        if text in ANYWHERE:
            return None
        host, slash, length = text.partition("/")
        try:
            address = parse_address(host)
        except EntryError as error:
            raise EntryError(str(error), key) from error
        if slash and not (length.isascii() and length.isdigit() and int(length) <= address.max_prefixlen):
            raise EntryError(
                f"{quoted(text)}: the prefix length of {address} is a number in 0..{address.max_prefixlen}",
                key,
            )
        self.meet(Family(address.version), text, key)
        network = ip_interface((address, int(length) if slash else address.max_prefixlen)).network
        if strict and network.network_address != address:
            raise EntryError(f"{quoted(text)} has bits behind its length; did you mean {network}?", key)
        return network

    def meet(self, family: Family, text: str, key: str | None) -> None:
        """Something of a family stands there; everything else is of that one too."""
        if self.family is not None and self.family is not family:
            raise EntryError(f"{text} is IPv{family:d} in an IPv{self.family:d} {self._what}", key)
        self.family = family

    def unknown(self, word: str, known: Iterable[str]) -> EntryError:
        return EntryError(f"unknown word {quoted(word)} in a {self._what}{near(word, known)}")
