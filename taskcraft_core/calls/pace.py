"""Sending evenly: no bursts, each send sets the earliest moment of the next one (the generic cell rate algorithm)."""

from __future__ import annotations

import math

SLACK = 0.02
"""Seconds by which a send may be late without the next one being later for it: timers are never exact."""
FIXED_SHARE = 0.99
"""A limit a minute is paced by a little less, so that no slack and no slip of the clock breaks it."""


class Pace:
    """A rate that is held evenly.

    Args:
        rate: Units (requests, tokens) a second; infinite for none.
    """

    __slots__ = ("next_at", "rate")

    def __init__(self, rate: float = math.inf) -> None:
        self.rate = rate
        self.next_at = -math.inf

    @classmethod
    def per_minute(cls, limit: float | None) -> Pace:
        """The pace that keeps a limit a minute; without a limit there is none."""
        return cls(limit * FIXED_SHARE / 60 if limit else math.inf)

    def take(self, now: float, amount: float = 1.0) -> None:
        """Something of this size goes out now; the next may follow when it has been worked off."""
        self.next_at = max(self.next_at, now - SLACK) + amount / self.rate

    def give_back(self, amount: float = 1.0) -> None:
        """So much of what was taken was not needed (or, if negative, was needed besides)."""
        self.next_at -= amount / self.rate
