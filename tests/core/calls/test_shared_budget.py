"""Caps that hold over several processes: what they spend together, what they give back, and who dies with a share."""

import asyncio
import contextlib
import json
import subprocess
import sys

import pytest

from taskcraft_core.calls.amount import Amount
from taskcraft_core.calls.budget import Caps
from taskcraft_core.calls.journal import Spent
from taskcraft_core.calls.shared_budget import SharedBudget
from taskcraft_core.errors import BudgetExceeded

NOTHING = Spent(0, 0, 0.0, 0)

SPENDER = """
import asyncio, json, sys
from pathlib import Path
from taskcraft_core.calls.budget import Caps
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.calls.shared_budget import SharedBudget
from taskcraft_core.errors import BudgetExceeded

name, out, url, sharers = sys.argv[1], sys.argv[2], sys.argv[3] or None, int(sys.argv[4])

async def call(number, budget, journal):
    ticket = await budget.ask(30, 0.25)
    await asyncio.sleep(0.001 * (number % 5))
    await journal.put(CallRecord(
        key=f"{name}{number}", kind="chat", endpoint="lab", model="m", role="author", stage="s", item="i", sample=0,
        response="{}", prompt_tokens=10, completion_tokens=15, usd=0.25, seconds=0.0, made_at=0.0,
    ))
    ticket.settle(25, 0.25)

async def main():
    journal = await open_journal(Path(out), url)
    budget = SharedBudget(Caps(**json.loads(sys.argv[5])), await journal.spent(), journal, sharers)
    print("ready", flush=True)
    sys.stdin.readline()
    made = await asyncio.gather(*(call(n, budget, journal) for n in range(200)), return_exceptions=True)
    said = {str(one) for one in made if one is not None}
    await budget.close()
    await journal.close()
    print(json.dumps([sum(one is None for one in made), sorted(said)]))

asyncio.run(main())
"""


@pytest.mark.parametrize("caps", [{"calls": 103}, {"tokens": 2600, "usd": 90.0}])
async def test_processes_together_spend_all_that_is_allowed_and_no_more(place, caps):
    journal = await place.open()
    command = [sys.executable, "-c", SPENDER]
    spenders = [
        subprocess.Popen(
            [*command, name, str(place.out), place.url or "", "3", json.dumps(caps)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in ("a", "b", "c")
    ]  # fmt: skip
    try:
        assert [one.stdout.readline() for one in spenders] == ["ready\n"] * 3
        told = await asyncio.gather(*(asyncio.to_thread(one.communicate, "\n", 60) for one in spenders))
    finally:
        for one in spenders:
            one.kill()
    made, said = zip(*(json.loads(out) for out, _ in told), strict=True)
    spent = await journal.spent()
    assert sum(made) == spent.calls == 103
    option = next(iter(caps))
    assert any(f"--max-{option} {caps[option]} allows no further call" in one for texts in said for one in texts)
    await journal.close()


@contextlib.asynccontextmanager
async def sharing(place, caps, sharers=2):
    """Two budgets with one journal, as two processes have them."""
    journals = [await place.open() for _ in range(2)]
    budgets = [SharedBudget(caps, NOTHING, journal, sharers) for journal in journals]
    yield budgets
    for budget, journal in zip(budgets, journals, strict=True):
        await budget.close()
        await journal.close()


async def test_what_one_does_not_need_the_other_may_have(place):
    async with sharing(place, Caps(calls=12)) as (first, second):
        (await first.ask(1, None)).cancel()  # three are set aside, and none is needed
        asked = asyncio.ensure_future(asyncio.gather(*(second.ask(1, None) for _ in range(12))))
        while "with 9 more in flight" not in second.so_far():
            await asyncio.sleep(0.01)
        assert not asked.done()
        await first.rest()
        await asyncio.wait_for(asked, 10)
        with pytest.raises(BudgetExceeded, match="--max-calls 12 allows no further call: so far 0 calls"):
            await asyncio.wait_for(second.ask(1, None), 5)


async def test_what_a_dead_process_set_aside_is_free_when_its_lease_ends(place, monkeypatch):
    monkeypatch.setattr("taskcraft_core.calls.sqlite.LEASE", 2.0)
    monkeypatch.setattr("taskcraft_core.calls.postgres.LEASE", 2.0)
    journal = await place.open()
    await journal.set_aside("dead", lambda spent, others: Amount(calls=3))
    async with sharing(place, Caps(calls=8)) as (living, _):
        tickets = await asyncio.wait_for(asyncio.gather(*(living.ask(1, None) for _ in range(8))), 20)
        assert len(tickets) == 8
    await journal.close()


async def test_who_waited_in_vain_gets_what_is_given_back_later(place, monkeypatch):
    monkeypatch.setattr("taskcraft_core.calls.shared_budget.PATIENCE", 0.0)
    monkeypatch.setattr("taskcraft_core.calls.shared_budget.LOOK", 0.01)
    async with sharing(place, Caps(calls=1)) as (first, second):
        ticket = await first.ask(1, None)
        for _ in range(2):
            with pytest.raises(BudgetExceeded):
                await second.ask(1, None)
        ticket.cancel()
        await first.rest()
        await second.ask(1, None)


class Working:
    """A journal beside which another process gets on: whenever one looks, it needs a little less."""

    def __init__(self, journal, tokens):
        self._journal = journal
        self._tokens = tokens

    async def set_aside(self, holder, decide):
        self._tokens = max(self._tokens - 1, 0)
        await self._journal.set_aside("other", lambda spent, others: Amount(tokens=self._tokens))
        await self._journal.set_aside(holder, decide)


async def test_who_waits_goes_on_waiting_while_others_get_on(place, monkeypatch):
    monkeypatch.setattr("taskcraft_core.calls.shared_budget.PATIENCE", 0.0)
    monkeypatch.setattr("taskcraft_core.calls.shared_budget.LOOK", 0.0)
    journal = await place.open()
    budget = SharedBudget(Caps(tokens=10), NOTHING, Working(journal, 10), 2)
    await budget.ask(10, None)
    await budget.close()
    await journal.close()


async def test_a_call_that_never_fits_is_refused_at_once(place):
    async with sharing(place, Caps(tokens=100)) as (first, second):
        await first.ask(40, None)
        with pytest.raises(BudgetExceeded, match="--max-tokens 100 allows no further call of the expected size"):
            await asyncio.wait_for(second.ask(101, None), 5)
        await second.ask(60, None)


async def test_a_model_without_a_price_is_refused_as_ever(place):
    async with sharing(place, Caps(usd=1.0)) as (first, _):
        with pytest.raises(BudgetExceeded, match="no price in the table"):
            await first.ask(1, None)
