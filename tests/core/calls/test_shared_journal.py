"""Builds that know nothing of each other, with one journal on PostgreSQL: they share its caps and its answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from taskcraft_core.config import Settings
from taskcraft_core.errors import BudgetExceeded
from taskcraft_core.loopback.process import Loopback, start
from taskcraft_core.roles.llm.answers import Answers
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.structured import ask


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with start(canned='{"answers": ["Phobos"]}', latency=0.05) as server:
        yield server


@pytest.fixture
async def engine_of(server: Loopback, postgres, tmp_path) -> AsyncIterator[Callable[..., Awaitable[Engine]]]:
    """Opens engines as builds on several machines have them: each by itself, all with one journal."""
    server.control(reset=True)
    url, opened = postgres.url(postgres.fresh()), []

    async def make(**given: object) -> Engine:
        values = {"OPENAI_API_KEY": "sk-any", "OPENAI_BASE_URL": server.base_url, "journal_url": url, **given}
        opened.append(await Engine.open(Settings.model_validate(values), tmp_path))
        return opened[-1]

    yield make
    for engine in opened:
        await engine.close()


async def guesses(engine: Engine, questions: list[str]) -> list[object]:
    """The answers, or what was raised instead, to questions asked at once."""
    model = engine.model("solver", "openai:gpt-4o-mini")
    asked = (ask(model, Answers, "solver_guess", {"question": question}) for question in questions)
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_a_cap_holds_over_all_of_them_and_each_counts_what_it_did(server: Loopback, engine_of) -> None:
    first, second = [await engine_of(max_calls=7) for _ in range(2)]
    told = await asyncio.gather(
        *(guesses(engine, [f"{name} {n}?" for n in range(10)]) for name, engine in (("a", first), ("b", second)))
    )
    assert server.stats()["seen"] == 7
    assert sum(isinstance(one, BudgetExceeded) for answers in told for one in answers) == 13
    assert first.budget.own.calls + second.budget.own.calls == 7
    assert [engine.budget.own.calls for engine in (first, second)] == [first.once.made, second.once.made]
    assert (await first.journal.spent()).usd == pytest.approx(first.budget.own.usd + second.budget.own.usd)
