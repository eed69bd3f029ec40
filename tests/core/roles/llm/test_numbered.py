"""Texts that are kept one after the other are found in few look-ups."""

from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.roles.llm.numbered import LOOKED_AT, Numbered


class Kept:
    """So many texts; counts the look-ups."""

    def __init__(self, count: int) -> None:
        self.texts = [f"text {number}" for number in range(count)]
        self.looked_up: list[int] = []

    async def __call__(self, number: int) -> str | None:
        self.looked_up.append(number)
        return self.texts[number] if number < len(self.texts) else None


@given(st.integers(0, 3_000))
async def test_the_first_and_the_last_are_found_in_few_look_ups(count: int) -> None:
    kept = Kept(count)
    numbered = Numbered(kept)
    found: list[str] = []

    async def none_fits(text: str) -> None:
        found.append(text)

    assert await numbered.first(none_fits) is None
    assert found == kept.texts[:1] + kept.texts[1:][-LOOKED_AT:][::-1]
    assert await numbered.count() == count
    assert len(kept.looked_up) == len(set(kept.looked_up)) <= LOOKED_AT + 2 + 2 * count.bit_length()


async def test_where_the_first_will_do_no_other_is_looked_up() -> None:
    kept = Kept(5)

    async def fits(text: str) -> str:
        return text

    assert await Numbered(kept).first(fits) == "text 0" and kept.looked_up == [0]
