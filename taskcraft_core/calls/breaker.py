"""A circuit breaker: a service that is down is left alone, and asked by one call at a time whether it is back."""

from __future__ import annotations

import math
import random

FAILURES = 5
"""Failures in a row that open it, when no older call is left that could still be answered."""
FAILURES_AT_MOST = 20
"""Failures in a row that open it anyway."""
REFUSALS = 5
"""Rounds of refusals in a row, with a pause after each, that are an outage too (a used-up quota looks like that)."""
SHORTEST, LONGEST = 1.0, 60.0
"""Seconds it stays open, at first and in the end, give or take a fifth."""
IDLE = 300.0
"""After so many seconds in which nothing was sent, an earlier failure says nothing about now."""


class Breaker:
    """Closed until calls only fail; open for a while; then one probe decides.

    Any answer to a call sent since closes it, the probe's or another's. One request that always fails does not open
    it, as long as others are answered or older ones may still be.

    Args:
        patience: Seconds without an answer after which there is no point in waiting.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.is_open = False
        self.probing = False
        self.refusing = False  # what opened it were refusals
        self.trouble_since = math.inf  # the first failure or refusal since the last answer
        self._last_trouble = math.inf
        self._given_up = False
        self._failures = 0
        self._failing_since = math.inf
        self._witnesses = 0  # calls in flight that are older than the first failure in the row
        self._cool_down = 0.0
        self._open_until = -math.inf

    @property
    def next_at(self) -> float:
        """The earliest moment of the next send; infinite while a probe is out."""
        if not self.is_open:
            return -math.inf
        return math.inf if self.probing else self._open_until

    def gives_up_at(self, now: float) -> float:
        """The moment from which waiting is pointless, as things stand.

        Once it was reached, who comes while the service is left alone is sent away at once; after that, one call
        probes and the others await what comes of it.
        """
        if not self.is_open:
            return math.inf
        if not self._given_up:
            return self.trouble_since + self.patience
        return now if not self.probing and now < self._open_until else math.inf

    def give_up(self, now: float) -> str:
        """All who waited are sent away; who tries again a little later shall find the service probed anew.

        Returns:
            One sentence for them.
        """
        if not self._given_up:
            self._given_up = True
            self._cool_down = 0.0
            self._open(now)
        lasted = f"for {max(now - self.trouble_since, 0):.0f} seconds"
        if self.refusing:
            return f"The service has refused every call {lasted}: check its quota and rate limits, then run again."
        return f"The service has not answered {lasted}: check that it is up and OPENAI_BASE_URL, then run again."

    def answered(self, sent_at: float, now: float) -> None:
        """A call was answered. If it is older than the failures, it only makes up for one of them."""
        self._failures -= 1
        if sent_at <= self._failing_since < math.inf and self._failures > 0:
            self.trouble_since = now
            return
        self.is_open = self.probing = self.refusing = self._given_up = False
        self.trouble_since = self._failing_since = math.inf
        self._failures = self._witnesses = 0
        self._cool_down = 0.0

    def failed(self, sent_at: float, now: float, in_flight: int, *, probe: bool) -> None:
        """A call failed as calls do when a service is down; so many are in flight, it among them."""
        self._note(sent_at, now)
        self.refusing = False
        self._failures += 1
        if self._failures == 1:
            self._failing_since, self._witnesses = now, in_flight
        lost = self._failures >= FAILURES_AT_MOST or (self._failures >= FAILURES and not self._witnesses)
        if probe or (lost and not self.is_open):
            self._open(now)

    def refused(self, sent_at: float, now: float, rounds: int, *, probe: bool, fresh: bool) -> None:
        """A call was refused: the service is up, unless it has been refusing for many rounds."""
        self._note(sent_at, now)
        self._failures = self._witnesses = 0
        if rounds < REFUSALS:
            self.is_open = self.is_open and not probe
        elif probe or (fresh and not self.is_open):
            self.refusing = True
            self._open(now)

    def ended(self, sent_at: float, *, probe: bool) -> None:
        """A call is over, whatever came of it."""
        if probe:
            self.probing = False
        if sent_at < self._failing_since and self._witnesses:
            self._witnesses -= 1

    def _note(self, sent_at: float, now: float) -> None:
        if not self.is_open and sent_at - self._last_trouble > IDLE:
            self.trouble_since = math.inf
            self._failures = self._witnesses = 0
        self.trouble_since = min(self.trouble_since, now)
        self._last_trouble = now

    def _open(self, now: float) -> None:
        self._cool_down = min(max(self._cool_down * 2, SHORTEST), LONGEST)
        self.is_open = True
        self._open_until = now + self._cool_down * random.uniform(0.8, 1.2)
