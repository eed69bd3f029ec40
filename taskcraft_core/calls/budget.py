"""The budget: a call is admitted before it is made, so that no cap is passed by calls in flight."""

from __future__ import annotations

from dataclasses import dataclass

from taskcraft_core.calls.journal import Spent
from taskcraft_core.errors import BudgetExceeded

_ROUNDING = 1e-9
"""Dollars that adding up may be off by."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What the calls of an output folder may take in all; None is no cap."""

    usd: float | None = None
    tokens: int | None = None
    calls: int | None = None


class Budget:
    """Admits calls while everything spent, and everything expected of calls in flight, stays within the caps.

    Args:
        caps: The caps.
        spent: What the journal holds already.
    """

    def __init__(self, caps: Caps, spent: Spent) -> None:
        self._caps = caps
        self._spent = spent
        self._calls = 0
        self._tokens = 0
        self._usd = 0.0

    @property
    def spent(self) -> Spent:
        """What was spent, up to now; calls in flight are not in it."""
        return self._spent

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
        caps, spent = self._caps, self._spent
        if caps.usd is not None and usd is None:
            raise BudgetExceeded(
                "--max-usd cannot be held, because the model has no price in the table: write a table of prices that"
                " has it and name the file in TASKCRAFT_PRICES (taskcraft_core/calls/prices.toml shows the form),"
                f" or leave --max-usd out; {self._so_far()}."
            )
        if caps.calls is not None and spent.calls + self._calls + 1 > caps.calls:
            raise self._exceeded(f"--max-calls {caps.calls}")
        if caps.tokens is not None and spent.tokens + self._tokens + tokens > caps.tokens:
            raise self._exceeded(f"--max-tokens {caps.tokens}")
        if caps.usd is not None and spent.usd + self._usd + (usd or 0.0) > caps.usd + _ROUNDING:
            raise self._exceeded(f"--max-usd {caps.usd:g}")
        self._book(1, tokens, usd or 0.0)
        return Ticket(self, tokens, usd or 0.0)

    def _exceeded(self, cap: str) -> BudgetExceeded:
        option = cap.split()[0]
        return BudgetExceeded(
            f"{cap} does not allow another call: {self._so_far()}; raise {option} and run again, and nothing that was"
            " answered is asked again."
        )

    def _so_far(self) -> str:
        spent = self._spent
        unpriced = f" besides {spent.unpriced} calls of unknown price" if spent.unpriced else ""
        flight = f", with {self._calls} more in flight" if self._calls else ""
        return f"so far {spent.calls} calls took {spent.tokens} tokens and ${spent.usd:.4f}{unpriced}{flight}"

    def _book(self, calls: int, tokens: int, usd: float) -> None:
        """Adds to what is in flight."""
        self._calls += calls
        self._tokens += tokens
        # When nothing is in flight, nothing is: sums of fractions would leave crumbs.
        self._usd = self._usd + usd if self._calls else 0.0

    def _add(self, tokens: int, usd: float | None) -> None:
        """Adds to what was spent."""
        spent = self._spent
        self._spent = Spent(
            spent.calls + 1, spent.tokens + tokens, spent.usd + (usd or 0.0), spent.unpriced + (usd is None)
        )


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
