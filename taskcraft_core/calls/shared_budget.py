"""A budget whose caps hold over several processes with one journal.

A process sets an amount aside for its next calls before it makes them, in one step that no other comes between: so
what was spent and what is set aside, by all of them, never passes a cap together. The amounts become smaller as the
cap comes near. When nothing is left, a process waits for what others have set aside and perhaps do not need.
"""

from __future__ import annotations

import asyncio
import math
import uuid
from contextlib import suppress

from taskcraft_core.calls.amount import Amount
from taskcraft_core.calls.budget import ROUNDING, Budget, Caps, Ticket
from taskcraft_core.calls.holdings import LEASE
from taskcraft_core.calls.journal import CallJournal, Spent
from taskcraft_core.errors import TaskCraftError

LOOK = 0.5
"""Seconds between two looks at what others have given back."""
PATIENCE = 3 * LEASE
"""Seconds after which what others have set aside, neither more nor less in all that time, is taken for spent."""
RENEWAL = LEASE / 4
"""Seconds after which what is set aside is set aside anew, or given back if it was not needed meanwhile."""
NOTHING = Amount()


class SharedBudget(Budget):
    """Admits calls as a `Budget` does, out of what it has set aside. Belongs to one event loop; to be closed.

    Args:
        caps: The caps of all processes together.
        spent: What the journal holds already.
        journal: The journal that they share.
        sharers: How many processes there are.
    """

    def __init__(self, caps: Caps, spent: Spent, journal: CallJournal, sharers: int) -> None:
        super().__init__(caps, spent)
        self._limits = _limits(caps, spent, NOTHING)
        self._others = NOTHING
        self._holder = uuid.uuid4().hex
        self._journal = journal
        self._sharers = sharers
        self._turn = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None
        self._held_at = -math.inf
        self._used = False
        self._over = False

    async def ask(self, tokens: int, usd: float | None) -> Ticket:
        """Admits one call, when there is room for it in what is set aside.

        Raises:
            BudgetExceeded: A cap would be passed.
            ProviderUnavailable: The journal's database cannot be reached.
        """
        async with self._turn:
            if self._caps.usd is None or usd is not None:
                await self._make_room(Amount(1, tokens, usd or 0.0))
            self._used = True
            return self.admit(tokens, usd)

    async def rest(self) -> None:
        """Gives back what calls in flight do not need."""
        if self._renewing is not None:
            async with self._turn:
                await self._set_aside(NOTHING, NOTHING)

    async def close(self) -> None:
        """Gives back everything."""
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None
            with suppress(TaskCraftError):  # it ends by itself when the lease does
                await self._journal.set_aside(self._holder, lambda _, __: NOTHING)

    async def _make_room(self, need: Amount) -> None:
        """Sets more aside, until the call fits or there is no more to be had.

        After somebody has waited in vain, whoever comes next looks once and does not wait, unless others have got on.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + (0.0 if self._over else PATIENCE)
        while not self._fits(need):
            before = self._others
            await self._set_aside(need, None)
            if self._fits(need) or self._others == NOTHING or self._reached(self._caps, need) is not None:
                break
            if self._others != before:
                until = loop.time() + PATIENCE
            elif loop.time() >= until:
                self._over = True
                return
            await asyncio.sleep(LOOK)
        self._over = False

    def _fits(self, need: Amount) -> bool:
        fresh = asyncio.get_running_loop().time() < self._held_at + LEASE - RENEWAL
        return fresh and self._reached(self._limits, need) is None

    def _refused(self, need: Amount) -> str | None:
        """Of all limits that are reached when nothing more could be set aside, the cap that was in the way."""
        if (reached := self._reached(self._limits, need)) is None:
            return None
        return self._reached(_left(self._caps, Spent(0, 0, 0.0, 0), self._others), need) or reached

    async def _set_aside(self, need: Amount, wish: Amount | None) -> None:
        """Sets aside what calls in flight need, and more, if at least what is needed is left.

        Args:
            need: The least that helps.
            wish: The most that is wanted; None for a fair share of what is left.
        """
        flight, before = self._flight, self._spent
        now = asyncio.get_running_loop().time()
        seen: list[tuple[Spent, Amount, Amount]] = []

        def decide(spent: Spent, others: Amount) -> Amount:
            mine = flight + _granted(_left(self._caps, spent, others + flight), need, wish, self._sharers)
            seen.append((spent, others, mine))
            return mine

        await self._journal.set_aside(self._holder, decide)
        spent, self._others, mine = seen[-1]
        # What was answered meanwhile may be among it or not; counted twice, it is only a little too much.
        self._spent = _plus(spent, self._spent, before)
        self._limits = _limits(self._caps, spent, mine)
        self._held_at = now
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Keeps what is set aside while it is needed."""
        while True:
            await asyncio.sleep(RENEWAL)
            with suppress(TaskCraftError):  # whoever asks next is told
                async with self._turn:
                    used, self._used = self._used, False
                    await self._set_aside(NOTHING, self._unused() if used else NOTHING)

    def _unused(self) -> Amount:
        """What is set aside beyond what calls in flight need."""
        limits, spent, flight = self._limits, self._spent, self._flight
        return Amount(
            max((limits.calls or 0) - spent.calls - flight.calls, 0),
            max((limits.tokens or 0) - spent.tokens - flight.tokens, 0),
            max((limits.usd or 0.0) - spent.usd - flight.usd, 0.0),
        )


def _left(caps: Caps, spent: Spent, taken: Amount) -> Caps:
    """What the caps leave over; None is no cap."""
    return Caps(
        None if caps.usd is None else max(caps.usd - spent.usd - taken.usd, 0.0),
        None if caps.tokens is None else max(caps.tokens - spent.tokens - taken.tokens, 0),
        None if caps.calls is None else max(caps.calls - spent.calls - taken.calls, 0),
    )


def _granted(left: Caps, need: Amount, wish: Amount | None, sharers: int) -> Amount:
    """How much of what is left is taken: nothing if it is less than is needed."""
    lacking = (
        (left.calls is not None and left.calls < need.calls)
        or (left.tokens is not None and left.tokens < need.tokens)
        or (left.usd is not None and left.usd + ROUNDING < need.usd)
    )
    if lacking:
        return NOTHING
    calls, tokens, usd = left.calls or 0, left.tokens or 0, left.usd or 0.0
    if wish is not None:
        return Amount(min(calls, wish.calls), min(tokens, wish.tokens), min(usd, wish.usd))
    parts = 2 * sharers
    return Amount(
        min(calls, max(need.calls, calls // parts)),
        min(tokens, max(need.tokens, tokens // parts)),
        min(usd, max(need.usd, usd / parts)),
    )


def _limits(caps: Caps, spent: Spent, mine: Amount) -> Caps:
    """How far this process may go by itself."""
    return Caps(
        None if caps.usd is None else spent.usd + mine.usd,
        None if caps.tokens is None else spent.tokens + mine.tokens,
        None if caps.calls is None else spent.calls + mine.calls,
    )


def _plus(spent: Spent, after: Spent, before: Spent) -> Spent:
    return Spent(
        spent.calls + after.calls - before.calls,
        spent.tokens + after.tokens - before.tokens,
        spent.usd + after.usd - before.usd,
        spent.unpriced + after.unpriced - before.unpriced,
    )
