"""Virtual time: the loop's clock jumps to whatever is due next, so a minute passes in milliseconds; a service in it."""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from taskcraft_core.calls.throttle import Permit, Throttle

T = TypeVar("T")


class Clock(selectors.SelectSelector):
    """Instead of waiting, it says that the time has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits, and nothing will ever happen"
        self.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def run(work: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Server:
    """Accepts so many calls in any second and refuses the others at once; may be down for a while."""

    latency: float
    per_second: float = float("inf")
    retry_after: float | None = None
    down: Callable[[float], bool] = lambda moment: False
    window: deque[float] = field(default_factory=deque)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(3))
    in_flight: int = 0
    peak: int = 0

    async def call(self, permit: Permit) -> bool:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await asyncio.sleep(self.chance.uniform(0, 0.005))
            return await self._answer(permit)
        finally:
            self.in_flight -= 1

    async def _answer(self, permit: Permit) -> bool:
        moment = now()
        if self.down(moment):
            self.failed.append(moment)
            permit.failed()
            return False
        while self.window and moment - self.window[0] >= 1 - 1e-9:
            self.window.popleft()
        if len(self.window) >= self.per_second:
            self.refused.append(moment)
            permit.refused(self.retry_after)
            return False
        self.window.append(moment)
        self.accepted.append(moment)
        await asyncio.sleep(self.latency * self.chance.uniform(0.5, 1.5))
        permit.answered(100)
        return True


async def item(throttle: Throttle, call: Callable[[Permit], Awaitable[bool]], pause: float = 0.0) -> None:
    """Calls until it is answered; waits by itself before it calls again."""
    done = False
    while not done:
        async with throttle.permit(100) as permit:
            done = await call(permit)
        if not done and pause:
            await asyncio.sleep(pause)


async def items(throttle: Throttle, call: Callable[[Permit], Awaitable[bool]], number: int, pause: float = 0.0) -> None:
    await asyncio.gather(*(item(throttle, call, pause) for _ in range(number)))


def per_second(moments: list[float], since: float, until: float) -> float:
    return sum(since <= moment < until for moment in moments) / (until - since)


def most_within(moments: list[float], seconds: float) -> int:
    return max(sum(first <= moment < first + seconds for moment in moments) for first in moments)
