"""Who may call the service, and when: a limit on calls in flight, on their rate, and a breaker for outages.

Everything here belongs to one event loop and runs between its awaits; there are no locks because nothing needs one.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from types import TracebackType

from taskcraft_core.calls.breaker import Breaker
from taskcraft_core.calls.concurrency import ConcurrencyLimit
from taskcraft_core.calls.pace import Pace
from taskcraft_core.calls.rate import AdaptiveRate
from taskcraft_core.errors import ProviderUnavailable


class Permit:
    """A place for one call: wait for it with `async with`, and say inside what came of the call.

    Only the first outcome counts. Without one (an exception, a cancellation) the place is freed and nothing is learnt.
    """

    __slots__ = ("_told", "_throttle", "probe", "sent_at", "tokens")

    def __init__(self, throttle: Throttle, tokens: int) -> None:
        self._throttle = throttle
        self._told = False
        self.tokens = tokens
        self.sent_at = -math.inf
        self.probe = False

    async def __aenter__(self) -> Permit:
        """Waits for the place.

        Raises:
            ProviderUnavailable: There was no answer for longer than the throttle's patience.
        """
        await self._throttle._acquire(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Frees the place."""
        self._throttle._release(self)

    def answered(self, tokens: int | None) -> None:
        """The service answered, and counted so many tokens (None if it does not say)."""
        if self._tell():
            self._throttle._answered(self, tokens)

    def refused(self, retry_after: float | None) -> None:
        """The service said that this was too much (429, or 503 with Retry-After), and how many seconds to wait."""
        if self._tell():
            self._throttle._refused(self, retry_after)

    def failed(self) -> None:
        """The call failed as calls do in an outage: 5xx, a time-out, no connection."""
        if self._tell():
            self._throttle._failed(self)

    def _tell(self) -> bool:
        told, self._told = self._told, True
        return not told


class Throttle:
    """Hands out places for calls, first come, first served.

    Args:
        cap: Calls in flight, at most.
        start: Calls in flight before the service has answered any; the limit grows from there up to the cap.
        requests_per_minute: Calls started in any minute, at most.
        tokens_per_minute: Tokens in a minute, spread evenly.
        patience: Seconds of outage after which waiting ends with ProviderUnavailable.
    """

    def __init__(
        self,
        cap: int,
        start: int,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        patience: float = 300.0,
    ) -> None:
        self.in_flight = 0
        self._concurrency = ConcurrencyLimit(cap, start)
        self._rate = AdaptiveRate()
        self._requests = Pace.per_minute(requests_per_minute)
        self._tokens = Pace.per_minute(tokens_per_minute)
        self._breaker = Breaker(patience)
        self._last_answer = -math.inf
        self._waiters: deque[tuple[asyncio.Future[None], Permit]] = deque()
        self._woken = False
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """Calls in flight that are allowed at present."""
        return int(self._concurrency.value)

    @property
    def rate(self) -> float:
        """Calls a second that are allowed at present; infinite until the service first refuses one."""
        return self._rate.rate

    def permit(self, tokens: int) -> Permit:
        """A place for a call of this expected size, prompt and answer together."""
        return Permit(self, tokens)

    def answered_since(self, moment: float) -> bool:
        """Whether any call was answered since this moment of the loop's clock."""
        return self._last_answer >= moment

    def stop(self) -> None:
        """Gives no more places, and sends all who wait away as cancelled; calls under way may end."""
        self._stopped = True
        for granted, _ in self._waiters:
            granted.cancel()

    async def _acquire(self, permit: Permit) -> None:
        if self._stopped:
            raise asyncio.CancelledError
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._waiters and self._next_at() <= now:
            self._grant(permit, now)
            return
        granted: asyncio.Future[None] = loop.create_future()
        self._waiters.append((granted, permit))
        self._wake(loop)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and not granted.exception():
                self._take_back(permit)  # the place came at the same moment as the cancellation
            raise

    def _next_at(self) -> float:
        """The earliest moment of the next call; infinite if it depends on one in flight."""
        if self.in_flight >= self.limit:
            return math.inf
        return max(self._breaker.next_at, self._rate.next_at, self._requests.next_at, self._tokens.next_at)

    def _grant(self, permit: Permit, now: float) -> None:
        self.in_flight += 1
        permit.sent_at, permit.probe = now, self._breaker.is_open
        self._breaker.probing = permit.probe
        self._rate.sent(now, others=len(self._waiters) > 1)
        self._requests.take(now)
        self._tokens.take(now, permit.tokens)

    def _take_back(self, permit: Permit) -> None:
        self._requests.give_back()
        self._tokens.give_back(permit.tokens)
        self._release(permit)

    def _release(self, permit: Permit) -> None:
        self.in_flight -= 1
        self._rate.ended(permit.sent_at)
        self._breaker.ended(permit.sent_at, probe=permit.probe)
        if self._waiters and not (loop := self._waiters[0][0].get_loop()).is_closed():
            self._wake(loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Looks at the queue soon, not at once: answers and refusals that come together are all heard first."""
        if not self._woken:
            self._woken = True
            loop.call_soon(self._dispatch, loop)

    def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._woken = False
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = loop.time()
        while self._waiters:
            granted, permit = self._waiters[0]
            if not granted.done():
                moment = self._next_at()
                if moment > now:
                    self._wait_until(moment, now, loop)
                    return
                self._grant(permit, now)
                granted.set_result(None)
            self._waiters.popleft()

    def _wait_until(self, moment: float, now: float, loop: asyncio.AbstractEventLoop) -> None:
        if self.in_flight >= self.limit:
            self._concurrency.reached(now)
        end = self._breaker.gives_up_at(now)
        if end <= now:
            self._give_up(now)
        elif not math.isinf(first := min(moment, end)):
            self._timer = loop.call_at(first, self._dispatch, loop)

    def _give_up(self, now: float) -> None:
        """Sends all who wait away."""
        detail = self._breaker.give_up(now)
        while self._waiters:
            granted, _ = self._waiters.popleft()
            if not granted.done():
                granted.set_exception(ProviderUnavailable(detail))

    def _answered(self, permit: Permit, tokens: int | None) -> None:
        self._last_answer = now = asyncio.get_running_loop().time()
        self._breaker.answered(permit.sent_at, now)
        if permit.probe:
            self._concurrency.restart()
        self._rate.answered(permit.sent_at)
        self._concurrency.answered(permit.sent_at)
        if tokens is not None:
            self._tokens.give_back(permit.tokens - tokens)

    def _refused(self, permit: Permit, retry_after: float | None) -> None:
        now = asyncio.get_running_loop().time()
        fresh = self._rate.refused(permit.sent_at, now, retry_after)
        if fresh:
            self._concurrency.refused(permit.sent_at)
        self._breaker.refused(permit.sent_at, now, self._rate.rounds, probe=permit.probe, fresh=fresh)
        self._tokens.give_back(permit.tokens)

    def _failed(self, permit: Permit) -> None:
        now = asyncio.get_running_loop().time()
        self._breaker.failed(permit.sent_at, now, self.in_flight, probe=permit.probe)
