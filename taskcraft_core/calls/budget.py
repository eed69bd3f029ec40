"""The budget: a call is admitted before it is made, so that no cap is passed by calls in flight."""

from __future__ import annotations

from dataclasses import dataclass

from taskcraft_core.calls.amount import Amount
from taskcraft_core.calls.journal import Spent
from taskcraft_core.errors import BudgetExceeded

ROUNDING = 1e-9
"""Dollars that adding up may be off by."""
_SIZED = " of the expected size"


def counted(number: int, noun: str) -> str:
    """A number of things: 1 call, 1,234 calls."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@dataclass(frozen=True, slots=True)
class Caps:
    """What the calls of an output folder may take in all; None is no cap."""

    usd: float | None = None
    tokens: int | None = None
    calls: int | None = None


class CapReached(BudgetExceeded):
    """A cap allows no further call; read when everything has ended, it tells what was spent in the end.

    Args:
        budget: Whose cap it is.
        cap: The option and its value, as in `--max-calls 100`.
        size: What further call it does not allow: ` of the expected size`, or nothing.
    """

    def __init__(self, budget: Budget, cap: str, size: str = "") -> None:
        super().__init__(cap)
        self._budget, self._cap, self._size = budget, cap, size

    def __str__(self) -> str:
        """The sentence, as of now."""
        option = self._cap.split()[0]
        return (
            f"{self._cap} allows no further call{self._size}: {self._budget.so_far()}; raise {option} and run again, "
            "and nothing that was answered is asked again."
        )

    def as_of(self, spent: Spent) -> CapReached:
        """The same, with what was spent in all, as whoever has the journal knows."""
        return CapReached(Budget(self._budget.caps, spent), self._cap, self._size)

    def __reduce__(self) -> tuple[type[CapReached], tuple[Budget, str, str]]:
        """Elsewhere it says what was spent up to now."""
        return CapReached, (Budget(self._budget.caps, self._budget.spent), self._cap, self._size)


class Budget:
    """Admits calls while everything spent, and everything expected of calls in flight, stays within the caps.

    Args:
        caps: The caps.
        spent: What the journal holds already.
    """

    def __init__(self, caps: Caps, spent: Spent) -> None:
        self._caps = self._limits = caps
        self._spent = spent
        self._own = Spent(0, 0, 0.0, 0)
        self._calls = 0
        self._tokens = 0
        self._usd = 0.0

    @property
    def caps(self) -> Caps:
        """What the calls may take in all."""
        return self._caps

    @property
    def spent(self) -> Spent:
        """What was spent, up to now; calls in flight are not in it."""
        return self._spent

    @property
    def own(self) -> Spent:
        """What was spent through this budget alone, since it was opened."""
        return self._own

    async def ask(self, tokens: int, usd: float | None) -> Ticket:
        """Admits one call as `admit` does; where processes share the caps, it may have to wait for them."""
        return self.admit(tokens, usd)

    def admit(self, tokens: int, usd: float | None) -> Ticket:
        """Admits one call, before it is made.

        Args:
            tokens: How many it is expected to read and write.
            usd: What that is expected to cost; None if the model has no price.

        Returns:
            A ticket, to be settled when the call was answered, or cancelled.

        Raises:
            BudgetExceeded: A cap would be passed; or there is one on dollars, and the model has no price.
        """
        if self._caps.usd is not None and usd is None:
            raise BudgetExceeded(
                "--max-usd cannot be held, because the model has no price in the table: write a table of prices that"
                " has it and name the file in TASKCRAFT_PRICES (taskcraft_core/calls/prices.toml shows the form),"
                f" or leave --max-usd out; {self.so_far()}."
            )
        if (cap := self._refused(Amount(1, tokens, usd or 0.0))) is not None:
            raise CapReached(self, *self._named(cap))
        self._book(1, tokens, usd or 0.0)
        return Ticket(self, tokens, usd or 0.0)

    async def rest(self) -> None:
        """Nothing is under way for the moment; other processes may have what this one does not need."""

    async def close(self) -> None:
        """Nothing more is asked for."""

    def so_far(self) -> str:
        """What was spent, in words, and how much is in flight."""
        spent = self._spent
        took = f"{counted(spent.tokens, 'token')} and ${spent.usd:,.4f}" if spent.calls else "nothing"
        unpriced = f", besides {counted(spent.unpriced, 'call')} of unknown price" if spent.unpriced else ""
        flight = f", with {self._calls:,} more in flight" if self._calls else ""
        return f"so far {counted(spent.calls, 'call')} took {took}{unpriced}{flight}"

    @property
    def _flight(self) -> Amount:
        """What is expected of calls in flight."""
        return Amount(self._calls, self._tokens, self._usd)

    def _reached(self, limits: Caps, need: Amount) -> str | None:
        """The limit that does not allow this besides what was spent and is in flight; None if all do."""
        spent, flight = self._spent, self._flight
        if limits.calls is not None and spent.calls + flight.calls + need.calls > limits.calls:
            return "calls"
        if limits.tokens is not None and spent.tokens + flight.tokens + need.tokens > limits.tokens:
            return "tokens"
        if limits.usd is not None and spent.usd + flight.usd + need.usd > limits.usd + ROUNDING:
            return "usd"
        return None

    def _refused(self, need: Amount) -> str | None:
        """The cap that does not allow this."""
        return self._reached(self._limits, need)

    def _named(self, cap: str) -> tuple[str, str]:
        """The option and its value, and of what size the calls are that it does not allow."""
        value = getattr(self._caps, cap)
        return f"--max-{cap} {value:g}" if cap == "usd" else f"--max-{cap} {value}", "" if cap == "calls" else _SIZED

    def _book(self, calls: int, tokens: int, usd: float) -> None:
        """Adds to what is in flight."""
        self._calls += calls
        self._tokens += tokens
        # When nothing is in flight, nothing is: sums of fractions would leave crumbs.
        self._usd = self._usd + usd if self._calls else 0.0

    def _add(self, tokens: int, usd: float | None) -> None:
        """Adds to what was spent."""
        self._spent, self._own = _plus(self._spent, tokens, usd), _plus(self._own, tokens, usd)


def _plus(spent: Spent, tokens: int, usd: float | None) -> Spent:
    """What was spent with one more call."""
    return Spent(spent.calls + 1, spent.tokens + tokens, spent.usd + (usd or 0.0), spent.unpriced + (usd is None))


class Ticket:
    """One admitted call. Settled or cancelled once; what comes after that changes nothing."""

    def __init__(self, budget: Budget, tokens: int, usd: float) -> None:
        self._budget = budget
        self._expected = (tokens, usd)
        self._open = True

    def settle(self, tokens: int, usd: float | None) -> None:
        """The call was answered: what it really took replaces what was expected; usd None is an unknown price."""
        if self._open:
            self.cancel()
            self._budget._add(tokens, usd)

    def cancel(self) -> None:
        """The call was not answered and costs nothing."""
        if self._open:
            self._open = False
            tokens, usd = self._expected
            self._budget._book(-1, -tokens, -usd)
