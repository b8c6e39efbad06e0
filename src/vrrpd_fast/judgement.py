"""What results in a row come to: rise and fall, for scripts and probes."""


class Judgement:
    """keepalived's counter: 0..rise+fall-1, up from `rise` on; the first result counts for all.

    `state` is None until then; with init_fail the script is down from the start, and has to rise.
    """

    def __init__(self, rise: int, fall: int, init_fail: bool) -> None:
        self.rise = rise
        self.fall = fall
        self.state: bool | None = False if init_fail else None
        self._count = 0

    @property
    def progress(self) -> tuple[int, int]:
        """How many results in a row speak against the state, and how many it takes."""
        if self.state:
            return self.rise + self.fall - 1 - self._count, self.fall
        return self._count, self.rise

    def add(self, is_success: bool) -> bool:
        """Count one result; whether the state changed."""
        old = self.state
        top = self.rise + self.fall - 1
        if old is None:
            self._count = top if is_success else 0
        elif is_success:
            self._count = self._count + 1 if self._count < self.rise - 1 else top
        else:
            self._count = self._count - 1 if self._count > self.rise else 0
        self.state = self._count >= self.rise
        return self.state != old

    def resume(self, state: bool) -> None:
        """Go on from a state that was known before."""
        self.state = state
        self._count = self.rise + self.fall - 1 if state else 0
