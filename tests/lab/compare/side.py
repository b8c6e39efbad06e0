"""One of the two daemons of a comparison, in namespaces of its own, with everything that watches it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lab.compare.daemons import make
from lab.compare.notes import Notes
from lab.kit.capture import Capture
from lab.kit.inject import Injector
from lab.kit.net import Net, now_ns, session_of
from lab.kit.packets import Advert
from lab.kit.timing import processor_wait_s
from lab.kit.waiting import wait_until

ROUTER, FAR = "r1", "r2"
PATIENCE_S = 15.0  # how long anything may take that must come
ONE_BEAT_NS = 100_000_000  # copies of one advert are not further apart; beats of scenarios are


@dataclass
class Mark:
    """When a step began on one side, and what may make its times vague."""

    step: str
    begin_ns: int
    is_exact: bool = False  # the kernel's stamp of the packet that began it
    vague_s: float = 0.0  # how long the action itself took, when the begin is not exact
    waited_s: float = 0.0  # how long the daemon waited for a processor in this step
    facts: dict[str, object] = field(default_factory=dict)
    state: dict[str, list[str]] = field(default_factory=dict)


class Side:
    """The daemon runs in node r1; node r2 is the rest of the world, from where packets are injected."""

    def __init__(self, kind: str, net: Net, wire: Capture, conf: str, fifos: tuple[str, ...]) -> None:
        self.kind = kind
        self.net = net
        self.wire = wire
        self.notes = Notes(net.directory, fifos)
        self.daemon = make(kind, net, ROUTER, self.localised(conf))
        self.marks: list[Mark] = []
        self._far: dict[tuple[str, int], Injector] = {}
        self._waited_before_s = 0.0

    def localised(self, conf: str) -> str:
        return conf.replace("@DIR@", str(self.net.directory))

    def far(self, lan: int = 0, node: str = FAR) -> Injector:
        """Where packets of the rest of the world come from."""
        if (node, lan) not in self._far:
            self._far[node, lan] = Injector(self.net, node, lan)
        return self._far[node, lan]

    @property
    def mark(self) -> Mark:
        return self.marks[-1]

    def begin(self, step: str, act: Callable[["Side"], None], after_advert: bool, about: int | None) -> None:
        """Do a step's action; from now on, what is seen belongs to this step."""
        self._note_waiting()
        aligned_ns = self._next_beat_ns(about) if after_advert else None
        self.marks.append(Mark(step, now_ns()))
        act(self)
        mark = self.mark
        if not mark.is_exact:
            mark.vague_s = (now_ns() - mark.begin_ns) / 1e9
        if aligned_ns is not None:  # how late we were, who wanted to act right after the advert
            mark.vague_s += max(0.0, (mark.begin_ns - aligned_ns) / 1e9)
        self._note_waiting()

    def _next_beat_ns(self, about: int | None) -> int:
        """When the next regular advert has gone out, to all peers if there are several."""
        begin_ns = now_ns()
        vrid = self.wire.wait_advert(ROUTER, vrid=about, after=begin_ns, timeout=PATIENCE_S).vrid
        peers = {advert.destination for advert in self.adverts(vrid=vrid)}

        def together() -> int:
            sent = self.wire.adverts(ROUTER, vrid=vrid, after=begin_ns)
            last_ns = {advert.destination: advert.time_ns for advert in sent}
            is_one_beat = max(last_ns.values()) - min(last_ns.values()) < ONE_BEAT_NS
            return max(last_ns.values()) if peers <= set(last_ns) and is_one_beat else 0

        return self.wire.wait(together, PATIENCE_S, f"one beat to {peers}")

    def _note_waiting(self) -> None:
        """Put what the daemon has waited for a processor so far down to the step it belongs to."""
        process = self.daemon.process
        waited_s = sum(map(processor_wait_s, session_of(process.pid))) if process is not None else 0.0
        if self.marks:
            self.mark.waited_s += max(0.0, waited_s - self._waited_before_s)
        self._waited_before_s = waited_s

    def wait(self, until: Callable[["Side"], object]) -> None:
        """Until something is seen in the current step."""
        try:
            wait_until(lambda: until(self), PATIENCE_S, f"{self.mark.step} on {self.kind}")
        except AssertionError as error:
            lines = "\n".join(note.text for note in self.notes.lines)
            raise AssertionError(
                f"{error}\n{self.wire.story()}\nnotes:\n{lines}\nlog:\n{self.daemon.log[-6000:]}"
            ) from None
        self._note_waiting()

    def heard_from_far(self, sender: str = FAR) -> None:
        """Set the step's begin to the moment when the packet just injected crossed the wire."""
        injected = self.wire.wait_advert(sender, after=self.mark.begin_ns, timeout=PATIENCE_S)
        self.mark.begin_ns = injected.time_ns
        self.mark.is_exact = True

    def adverts(self, **match: int) -> list[Advert]:
        """The adverts of the daemon in the current step."""
        return self.wire.adverts(ROUTER, after=self.mark.begin_ns, **match)

    def close(self) -> None:
        for injector in self._far.values():
            injector.close()
        self.notes.close()
