"""How many calls a second a service accepts, found out by watching it refuse."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque

from taskcraft_core.calls.pace import SLACK, Pace

LONGEST_RETRY_AFTER = 120.0
SHORTEST_BACK_OFF, LONGEST_BACK_OFF = 1.0, 30.0
"""Seconds of pause where the service does not say; doubled with each in a row that was too short."""
SLOWEST = 1.0
"""Calls a second that the rate never falls below; for a service that takes fewer, the pauses between have to do."""
PLATEAU = 0.97
"""The share of what the service was seen to accept at which the rate lingers."""
DIP = 0.05
"""How far under the plateau the rate starts after a refusal."""
CLIMB = 10.0
"""Seconds in use from there to the plateau; after twice as long it is as far above it, and then climbs ever faster."""
DOUBLING = 1.5
"""Seconds in use in which a rate doubles that rests on a rough measure."""
FEW = 5
"""Fewer calls or refusals than this say nothing about a rate."""
MANY = 0.2
"""Refusals of more than this share of a second's calls are a limit on the rate without further question."""
RECENT = 100
"""About so many outcomes make up the share of calls refused recently."""
TOLERATED, MOST_TOLERATED = 0.03, 0.4
"""Up to this share refusals slow nobody down: at first, and at most, where lowering the rate was seen not to help."""
LONG = 1000
"""In about so many outcomes it is forgotten that more was once tolerated, if there was no more reason for it."""
LOWERED = 0.75
"""The share of what is accepted at which a trial is held: if there is a limit, this is well below it."""
SETTLED = 1.0
"""Seconds after which a lower rate shows: a service that counts the calls of the last second has forgotten the rest."""
SOME = 40
"""Outcomes from which on a share is worth a thought."""
LONGEST_TRIAL = 10.0
"""Seconds after which a trial ends, whatever it has shown."""
LIMIT, NOISE = 3, 4
"""By how many refusals a trial must see fewer, or more, than half of what was expected, to end; more is a rash word
where refusals are heard of before answers."""
HINT = 0.05
"""Seconds after a refusal in which nothing is sent while no answer is known: there may be more to come."""


class AdaptiveRate:
    """Unlimited until the service refuses many calls, from then on paced by what it was seen to accept.

    Many refusals at once are a limit: all sending pauses, then goes on at what was accepted. From there the rate
    doubles time and again while the measure is rough (a burst, an outage); later it rises to just under what was
    accepted, lingers, and climbs ever faster (the cubic curve of RFC 9438), so that refusals are rare while the limit
    stays, and a limit that rose is found soon.

    Fewer refusals, yet more than are tolerated, put the rate to the trial: it is lowered. A limit answers that with
    no more refusals; where their share stays, they have other causes (one replica of many, say), against which
    slowing down does not help. Then that share is tolerated and the rate is what it was before.

    Attributes:
        rounds: Drops in a row with nothing accepted in between.
    """

    def __init__(self) -> None:
        self.rounds = 0
        self._pace = Pace()
        self._accepted = math.inf  # calls a second, as seen before the last refusal that counted
        self._rough = False  # whether that was measured from too little to be relied upon
        self._in_use = 0.0  # seconds since in which the pace was what held calls back
        self._sent: deque[float] = deque(maxlen=10_000)
        self._refused: deque[float] = deque(maxlen=1_000)  # when the calls were sent that were refused
        self._dropped_at = -math.inf  # the last pause began
        self._window = (-math.inf, -math.inf)  # what was accepted was measured from the calls sent then
        self._answered = False  # whether any call was that was sent since
        self._out = 0  # calls in flight that were sent since
        self._tolerated = TOLERATED
        self._since = -math.inf  # what follows is about calls sent later than this
        self._heard, self._share = 0, 0.0  # their outcomes, and how many of the recent ones were refusals
        self._suspected = 0.0  # the share that led to the trial that is on
        self._evidence = 0.0  # that the rate was too high; below zero that it was not
        self._ceiling = math.inf  # the highest rate meanwhile
        self._before = (self._accepted, self._rough, self._in_use)  # as it was before the trial
        self._idle_at = -math.inf  # nobody else was waiting when a call was sent then

    @property
    def rate(self) -> float:
        """Calls a second; infinite until the first refusals that count."""
        return self._pace.rate

    @property
    def next_at(self) -> float:
        """The earliest moment of the next call; infinite while one alone is out to see whether it is accepted."""
        return math.inf if self.rounds > 1 and self._out else self._pace.next_at

    def sent(self, now: float, others: bool) -> None:
        """A call goes out; `others` wait for their turn.

        Where none do, what is accepted tells how much is asked for, and not how much the service can take.
        """
        if not others:
            self._idle_at = now
        if now - self._pace.next_at < SLACK and self._sent:
            self._in_use += min(now - self._sent[-1], 2 / self.rate, 1.0)
            self._set_rate()
        self._pace.take(now)
        self._sent.append(now)
        self._out += 1

    def ended(self, sent_at: float) -> None:
        """A call is over that was sent at this moment, whatever came of it."""
        if sent_at > self._dropped_at:
            self._out -= 1

    def answered(self, sent_at: float) -> None:
        """A call was answered that was sent at this moment."""
        if sent_at > self._dropped_at:
            self.rounds, self._answered = 0, True
        self._hear(sent_at, refused=False)

    def refused(self, sent_at: float, now: float, retry_after: float | None) -> bool:
        """A call was refused.

        Args:
            sent_at: When it was sent.
            now: The loop's time.
            retry_after: Seconds the service asks to wait, if it does; where few are refused, only this call has to.

        Returns:
            Whether so many were that sending pauses; once for all that were sent before.
        """
        self._refused.append(sent_at)
        if sent_at <= self._dropped_at:  # that calls sent before the pause are refused is known
            if self._sent[-1] <= self._dropped_at:
                self._measure_again()
                self._pause(now, retry_after)
            return False
        self._hear(sent_at, refused=True)
        sent, refused = self._count(self._dropped_at, sent_at)
        nothing = not self._answered and sent == refused
        after, _ = self._second(sent_at)
        sent, refused = self._count(max(after, self._dropped_at), sent_at)
        if nothing or (refused >= FEW and refused > self._by_chance(sent)):
            self._drop(sent_at, now, nothing=nothing)
            self._pause(now, retry_after)
            return True
        if not self._answered:
            self._pace.next_at = max(self._pace.next_at, now + HINT)
        share = min(self._share, refused / max(sent, 1))  # the first one misleads before the first answers are there
        known = self._heard >= SOME and sent_at - self._sent[0] >= SETTLED and self._idle_at <= after
        if known and not self._suspected and share > self._tolerated:
            self._try_lower(sent_at, now, share)
        return False

    def _by_chance(self, sent: int) -> float:
        """How many refusals of so many calls may still have another cause than the rate, with some bad luck."""
        usual = max(MANY, 2 * self._tolerated) * sent
        return usual + 2 * math.sqrt(usual)

    def _hear(self, sent_at: float, refused: bool) -> None:
        """Counts an outcome among the recent ones, and as evidence in a trial."""
        if sent_at <= self._since:
            return
        self._heard += 1
        self._share += (refused - self._share) / min(self._heard, RECENT)
        if self._suspected:
            self._evidence += self._suspected - 2 * refused
            over = self._heard >= RECENT or sent_at > self._since + LONGEST_TRIAL
            if over or not -NOISE < self._evidence < LIMIT:
                self._judge(sent_at)
        elif self._share < self._tolerated / 4:  # there has been no reason to tolerate so much
            self._tolerated = max(self._tolerated * (1 - 1 / LONG), TOLERATED)

    def _try_lower(self, sent_at: float, now: float, share: float) -> None:
        """Under the plateau if the rate is above it: there all was accepted. Else well under what is accepted."""
        self._before = (self._accepted, self._rough, self._in_use)
        self._suspected, self._evidence = share, 0.0
        seen = self._seen(*self._second(sent_at))
        if self._rough or self.rate <= PLATEAU * self._accepted or math.isinf(self._accepted):
            self._ceiling = LOWERED * seen
        else:
            seen = max(seen, self._accepted)
        self._start(now + SETTLED, seen, rough=math.isinf(self._accepted))

    def _judge(self, now: float) -> None:
        """Fewer refusals at the lower rate: it was too high. As many, even well under what is accepted: it was not."""
        if self._evidence < 0 and math.isinf(self._ceiling):
            self._accepted = self._seen(*self._second(now))
            self._ceiling, self._evidence, self._since, self._heard = LOWERED * self._accepted, 0.0, now + SETTLED, 0
        else:
            if self._evidence < 0:
                self._tolerated = min(2 * self._suspected, MOST_TOLERATED)
                self._accepted, self._rough, self._in_use = self._before
            self._suspected, self._ceiling = 0.0, math.inf
        self._set_rate()

    def _drop(self, sent_at: float, now: float, *, nothing: bool) -> None:
        """A limit: what was accepted is the new measure. If nothing was since the last one, even that is too much."""
        self.rounds = self.rounds + 1 if nothing else 1
        least = SLOWEST if math.isinf(self._accepted) else self._accepted / 2
        self._tolerated, self._suspected, self._ceiling = TOLERATED, 0.0, math.inf
        self._dropped_at, self._window = now, self._second(sent_at)
        self._answered, self._out = False, 0
        if self.rounds > 1:
            self._start(now, max(self._accepted / 2, SLOWEST), rough=True)
        elif math.isinf(self._accepted) and self._count(*self._window)[0] < FEW:
            self._start(now, math.inf, rough=False)  # no rate can be told from so few; the pause has to do
        else:
            idle = self._idle_at > self._window[0]
            self._start(now, max(self._seen(*self._window), least), rough=idle or math.isinf(self._accepted))

    def _start(self, since: float, accepted: float, *, rough: bool) -> None:
        """A new measure, and a new count of the refusals that speak for or against it."""
        self._accepted, self._rough, self._in_use = accepted, rough, 0.0
        self._since, self._heard, self._share = since, 0, 0.0
        self._set_rate()

    def _set_rate(self) -> None:
        way = (self._in_use - CLIMB) / CLIMB
        slow_start = 2.0 ** min(self._in_use / DOUBLING, 64.0) / 2  # what it means to be that fast is "unlimited"
        cubic = PLATEAU * (1 + DIP * way**3)
        self._pace.rate = min(self._accepted * (slow_start if self._rough else cubic), self._ceiling)

    def _pause(self, now: float, retry_after: float | None) -> None:
        pause = min(SHORTEST_BACK_OFF * 2.0 ** min(self.rounds - 1, 10), LONGEST_BACK_OFF)
        if retry_after is not None and retry_after >= 0:
            pause = max(min(retry_after, LONGEST_RETRY_AFTER), pause if self.rounds > 1 else 0.0)
        margin = min(1 / self.rate, 0.05)  # to come at the very moment the service named would be to come early
        self._pace.next_at = max(self._pace.next_at, now + pause + margin)

    def _second(self, until: float) -> tuple[float, float]:
        """The second up to this moment; more where the rate is so low that a second would tell nothing."""
        return until - min(max(1.0, 10 / self.rate), 60.0), until

    def _seen(self, after: float, until: float) -> float:
        """Calls a second accepted of those sent in this time."""
        sent, refused = self._count(after, until)
        return max((sent - refused) / (until - after), SLOWEST)

    def _measure_again(self) -> None:
        """While the pause lasts, refusals keep coming in: the more of them, the clearer what was accepted."""
        if self.rounds == 1 and not math.isinf(self._accepted):
            self._accepted = min(self._accepted, self._seen(*self._window))
            self._set_rate()

    def _count(self, after: float, until: float) -> tuple[int, int]:
        """Calls sent in this time, and those of them that were refused (which are not told in order)."""
        sent = bisect_right(self._sent, until) - bisect_right(self._sent, after)
        return max(sent, 0), sum(1 for moment in self._refused if after < moment <= until)
