"""How many calls a second a service accepts, found out by watching it refuse."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from taskcraft_core.calls.pace import SLACK, Pace

LONGEST_RETRY_AFTER = 120.0
SHORTEST_BACK_OFF, LONGEST_BACK_OFF = 0.1, 30.0
SLOWEST = 1 / 60
"""Calls a second that the rate never falls below."""
PLATEAU = 0.97
"""The share of what the service was seen to accept at which the rate lingers."""
DIP = 0.05
"""How far under the plateau the rate starts after a refusal."""
CLIMB = 10.0
"""Seconds in use from there to the plateau; after twice as long it is as far above it, and then climbs ever faster."""
RECENT = 100
"""About so many outcomes make up the share of calls refused recently."""
MANY = 0.2
"""From this share on, the service no longer accepts what it accepted before."""
TOLERATED = 0.05
"""Up to this share, refusals have other causes than the rate (one replica of many, say), and do not slow it."""
FEW = 5
"""Calls in a second that say nothing about a rate."""
GOOD_WILL = 20
"""So many accepted calls are assumed before the first: one refusal of three is no sign yet."""


class AdaptiveRate:
    """Unlimited until the service refuses a call, from then on paced by what it was seen to accept.

    A refusal pauses all sending. Then the rate starts a little below what was accepted, rises to just under it,
    lingers, and climbs ever faster until the next refusal (the cubic curve of RFC 9438): refusals are rare while the
    service's limit stays, and a limit that rose is found soon. A few refusals among many answers do none of this:
    slowing down would not help against them.

    Attributes:
        drops: Refusals that counted. Calls refused that were sent before the last drop tell nothing new.
        rounds: Drops in a row with nothing accepted in between.
        share: The share of recent calls that were refused.
    """

    def __init__(self) -> None:
        self.drops = 0
        self.rounds = 0
        self.share = 0.0
        self._outcomes = GOOD_WILL
        self._answered = False  # whether any call ever was
        self._pace = Pace()
        self._accepted = math.inf  # calls a second, as seen before the last drop
        self._before = 0.0  # the same, when it was last forgotten
        self._unsure = False  # until the first call after a refusal at no known rate
        self._sent_at_drop = self._refused_at_drop = 0
        self._in_use = 0.0  # seconds since the last drop in which the pace was what held calls back
        self._sent: deque[float] = deque(maxlen=10_000)
        self._refused: deque[float] = deque(maxlen=10_000)
        self._dropped_at = -math.inf  # when the last refused call that counted was sent
        self._last_rounds = 0  # as it was at the last drop
        self._too_short = 0  # pauses in a row after which the very next call was refused again
        self._sent_before = self._lost = 0  # calls sent between the last two drops, and those of them refused
        self._sent_since = self._out = 0  # calls sent since the last drop, and those of them in flight

    @property
    def rate(self) -> float:
        """Calls a second; infinite until the first refusal."""
        return self._pace.rate

    @property
    def next_at(self) -> float:
        """The earliest moment of the next call; infinite while one alone is out to see whether it is accepted."""
        return math.inf if self.rounds > 1 and self._out else self._pace.next_at

    def sent(self, now: float) -> None:
        """A call goes out."""
        if self._unsure:
            self._unsure = False
            if 2 * self._refused_at_drop <= MANY * self._sent_at_drop:  # a few of many: no sign of a limit on the rate
                self._accepted, self._before = math.inf, self._accepted
                self._set_rate()
        elif now - self._pace.next_at < SLACK and self._sent:
            self._in_use += min(now - self._sent[-1], 2 / self.rate)
            self._set_rate()
        self._pace.take(now)
        self._sent.append(now)
        self._sent_since += 1
        self._out += 1

    def ended(self, drops: int) -> None:
        """A call is over that was sent after so many drops."""
        if drops == self.drops:
            self._out -= 1

    def answered(self, drops: int) -> None:
        """A call was answered that was sent after so many drops."""
        self._outcome(0.0)
        self._answered = True
        if drops == self.drops:
            self.rounds = 0

    def refused(self, sent_at: float, drops: int, now: float, retry_after: float | None) -> bool:
        """A call was refused.

        Args:
            sent_at: When it was sent.
            drops: After how many drops it was sent.
            now: The loop's time.
            retry_after: Seconds the service asks to wait, if it does; where few are refused, only this call has to.

        Returns:
            Whether it was a new drop.
        """
        self._outcome(1.0)
        self._refused.append(sent_at)
        much = self.share > TOLERATED or not self._answered
        fresh = drops == self.drops and much
        self._lost += drops == self.drops - 1
        if fresh:
            self._drop(sent_at)
        elif self._unsure:
            self._look_at_drop()
        if fresh or (much and retry_after is not None):
            self._pause(now, retry_after)
        return fresh

    def _outcome(self, refused: float) -> None:
        self._outcomes = min(self._outcomes + 1, RECENT)
        self.share += (refused - self.share) / self._outcomes

    def _drop(self, sent_at: float) -> None:
        self.drops += 1
        again = self._last_rounds > 1
        # Several that went out together and were not refused at once were accepted, even if not answered yet;
        # unless those before, of which that was believed too, were refused to the last.
        in_a_row = self._sent_since < 4 or self._lost >= self._sent_before
        self.rounds = self.rounds + 1 if in_a_row and self.drops > 1 else 1
        self._sent_before, self._lost = self._sent_since, 1
        self._too_short = self._too_short + (self.rounds == 2) if again or self.rounds > 1 else 0
        self._last_rounds = self.rounds
        self._dropped_at = sent_at
        if math.isinf(self._accepted) and _count(self._sent, sent_at - 1.0, sent_at) < FEW:
            pass  # too few to tell a rate from; the pause has to do
        elif math.isinf(self._accepted):
            self._unsure = True
            self._look_at_drop()
        elif self._too_short > 2 or (self.share > MANY and self.rounds in (1, 3)):
            self._accepted, self._in_use, self._too_short = self._seen(0.5 * self._accepted), 0.0, 0
        elif self.rounds == 1 and self.rate > PLATEAU * self._accepted:
            self._accepted, self._in_use = self._seen(self._accepted), 0.0
        elif self.rounds == 1:
            self._accepted = max(self._accepted * (1 - self.share**3), SLOWEST)
        self._set_rate()
        self._sent_since = self._out = 0

    def _look_at_drop(self) -> None:
        """A burst refused in part: with each refusal that comes in, it is clearer how much of it was accepted."""
        window = (self._dropped_at - 1.0, self._dropped_at)
        self._sent_at_drop, self._refused_at_drop = _count(self._sent, *window), _count(self._refused, *window)
        # If next to nothing was accepted, that is no rate: half of what was accepted before is a better guess.
        seen = max(self._sent_at_drop - self._refused_at_drop, self._before / 2, 1.0)
        self._accepted, self._in_use = seen, 0.0
        self._set_rate()

    def _seen(self, least: float) -> float:
        """Calls a second accepted before the last drop; over a short while a rough measure, so it is bounded."""
        window = min(max(1.0, 10 / self.rate), 60.0)
        since = self._dropped_at - window
        accepted = _count(self._sent, since, self._dropped_at) - _count(self._refused, since, self._dropped_at)
        return max(min(accepted / window, self.rate), least, SLOWEST)

    def _set_rate(self) -> None:
        way = (self._in_use - CLIMB) / CLIMB
        self._pace.rate = self._accepted * PLATEAU * (1 + DIP * way**3)

    def _pause(self, now: float, retry_after: float | None) -> None:
        short = 1.0 if self.drops == 1 else min(max(4 / self.rate, SHORTEST_BACK_OFF), 1.0)
        pause = min(short * 2.0 ** min(self.rounds - 1, 10), LONGEST_BACK_OFF)
        if retry_after is not None and retry_after >= 0:
            pause = max(min(retry_after, LONGEST_RETRY_AFTER), pause if self.rounds > 1 else 0.0)
        margin = min(1 / self.rate, 0.05)  # to come at the very moment the service named would be to come early
        self._pace.next_at = max(self._pace.next_at, now + pause + margin)


def _count(moments: Iterable[float], after: float, until: float) -> int:
    return sum(1 for moment in moments if after < moment <= until)
