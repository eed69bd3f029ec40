"""What is kept under one number after the other, found in few look-ups however many there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LOOKED_AT = 8
"""Of many, those that were kept last are looked at: what comes back after as many changes is worked out anew."""


class Numbered:
    """Texts that are numbered from 0 without a gap; each is looked up once.

    Args:
        look_up: The text of a number; None if there is none.
    """

    def __init__(self, look_up: Callable[[int], Awaitable[str | None]]) -> None:
        self._look_up = look_up
        self._found: dict[int, str | None] = {}

    async def first(self, fitting: Callable[[str], Awaitable[T | None]]) -> T | None:
        """What `fitting` makes of the first text that it takes: of number 0, most often the only one, or a late one."""
        if (found := await self._fitting(0, fitting)) is not None:
            return found
        count = await self.count()
        for number in reversed(range(max(1, count - LOOKED_AT), count)):
            if (found := await self._fitting(number, fitting)) is not None:
                return found
        return None

    async def count(self) -> int:
        """How many there are."""
        high = 1
        while await self._get(high - 1) is not None:
            high *= 2
        low, high = high // 2, high - 1
        while low < high:
            middle = (low + high) // 2
            if await self._get(middle) is None:
                high = middle
            else:
                low = middle + 1
        return low

    async def _fitting(self, number: int, fitting: Callable[[str], Awaitable[T | None]]) -> T | None:
        text = await self._get(number)
        return await fitting(text) if text is not None else None

    async def _get(self, number: int) -> str | None:
        if number not in self._found:
            self._found[number] = await self._look_up(number)
        return self._found[number]
