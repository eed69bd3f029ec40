"""What the roles of a process did, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """What the roles did.

    Attributes:
        solved: Solutions worked out.
        carried: Solutions carried over from earlier builds.
        made: Model calls made.
        searches: Searches of the web made.
        found: Model calls that needed no call, where the journal held some when the process began.
        tokens: What the calls read and wrote, in tokens.
        usd: What the calls cost, as far as their price is known.
        unpriced: Calls whose price is not known.
    """

    solved: int = 0
    carried: int = 0
    made: int = 0
    searches: int = 0
    found: int = 0
    tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return self._with(other, 1)

    def __sub__(self, other: Counts) -> Counts:
        """What came after the other."""
        return self._with(other, -1)

    def _with(self, other: Counts, sign: int) -> Counts:
        return Counts(**{name: mine + sign * getattr(other, name) for name, mine in vars(self).items()})
