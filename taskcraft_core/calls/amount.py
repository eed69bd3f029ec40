"""An amount of what calls take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """So many calls, tokens and dollars."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        """Both together."""
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)
