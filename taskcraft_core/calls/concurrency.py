"""How many calls may be in flight: as many as the service bears, never more than the cap."""

from __future__ import annotations

import math

DROP = 0.75
"""What is left of the limit after many calls were refused."""
STEP = 2.0
"""Places by which it grows back in one round trip."""


class ConcurrencyLimit:
    """Doubles with each round trip until many are refused; that lowers it, answers raise it again bit by bit.

    It moves only on calls in whose time it was reached: otherwise it proves nothing, and is not what was too high.

    Args:
        cap: It never exceeds this.
        start: Where it begins.
    """

    def __init__(self, cap: int, start: int) -> None:
        self.cap = max(cap, 1)
        self.start = min(max(start, 1), self.cap)
        self.value = float(self.start)
        self._doubling = True
        self._reached_at = -math.inf

    def reached(self, now: float) -> None:
        """Somebody has to wait because of it."""
        self._reached_at = now

    def answered(self, sent_at: float) -> None:
        """A call was answered that was sent at this moment."""
        if sent_at <= self._reached_at and self.value < self.cap:
            self.value = min(self.value + (1.0 if self._doubling else STEP / self.value), self.cap)

    def refused(self, sent_at: float) -> None:
        """The service refused many calls, of which this is one; once for all that were sent together."""
        self._doubling = False
        if sent_at <= self._reached_at:
            self.value = max(self.value * DROP, 1.0)

    def restart(self) -> None:
        """After an outage: not everybody at once."""
        self.value = min(self.value, self.start)
