"""How many calls may be in flight: as many as the service bears, never more than the cap."""

from __future__ import annotations

import math

from taskcraft_core.calls.rate import MANY

DROP = 0.75
"""What is left of the limit after a refusal, when many calls were refused of late; after few it loses less."""
STEP = 2.0
"""Places by which it grows back in one round trip."""


class ConcurrencyLimit:
    """Doubles with each round trip until the first refusal; a refusal lowers it, answers raise it again bit by bit.

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

    def refused(self, sent_at: float, share: float) -> None:
        """The service refused a call, and this share of recent ones; once for all that were sent together."""
        depth = 1.0 if self._doubling else min(share / MANY, 1.0)
        self._doubling = False
        if sent_at <= self._reached_at:
            self.value = max(self.value * (1 - (1 - DROP) * depth), 1.0)

    def restart(self) -> None:
        """After an outage: not everybody at once."""
        self.value = min(self.value, self.start)
