"""Builds that know nothing of each other, with one journal on PostgreSQL: they share its caps and its answers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from taskcraft_core.calls.journal import open_journal
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


async def test_what_both_ask_at_once_is_paid_for_once(server: Loopback, engine_of) -> None:
    first, second = [await engine_of() for _ in range(2)]
    questions = [f"Which of {n} moons?" for n in range(20)]
    told = await asyncio.gather(guesses(first, questions), guesses(second, questions[::-1]))
    assert server.stats()["seen"] == 20
    assert told[0] == told[1][::-1] and {type(one) for one in told[0]} == {Answers}
    assert first.once.made + second.once.made == first.once.found + second.once.found == 20


CLAIMANT = """
import asyncio, sys
from taskcraft_core.calls.journal import open_journal

async def main():
    journal = await open_journal(None, sys.argv[1])
    async with journal.claim("k"):
        print("claimed", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_process_that_is_killed_while_it_asks_keeps_nobody_waiting(postgres) -> None:
    url = postgres.url(postgres.fresh())
    journal = await open_journal(Path(), url)

    async def ask() -> str | None:
        async with journal.claim("k") as response:
            return response

    command = [sys.executable, "-c", CLAIMANT, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as claimant:
        assert claimant.stdout is not None
        try:
            assert claimant.stdout.readline() == "claimed\n"
            asking = asyncio.create_task(ask())
            assert await asyncio.wait([asking], timeout=0.5) == (set(), {asking})
        finally:
            claimant.kill()
        assert await asyncio.wait_for(asking, 20) is None
    await journal.close()
