"""Single flight: an answer on its way is not asked for again."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from asked import settle

from taskcraft_core.calls.once import Once
from taskcraft_core.calls.purpose import Purpose, purpose, working_on


async def test_what_the_journal_has_is_not_asked_for(journal, service, record):
    await journal.put(record("k", "kept"))
    once = Once(journal)
    assert await once.get("k", service.make) == "kept"
    assert (once.found, once.made, service.asked) == (1, 0, 0)


async def test_many_askers_one_call(journal, service):
    once = Once(journal)
    askers = [asyncio.create_task(once.get("k", service.make)) for _ in range(50)]
    await settle()
    service.open.set()
    assert await asyncio.gather(*askers) == ["answer"] * 50
    assert (once.found, once.made, service.asked) == (49, 1, 1)
    assert await once.get("k", service.make) == "answer"
    assert (once.found, service.asked) == (50, 1)


async def test_other_keys_do_not_wait(journal, service):
    once = Once(journal)
    waiting = asyncio.create_task(once.get("k", service.make))
    await settle()

    async def other():
        return "other"

    assert await once.get("another", other) == "other"
    service.open.set()
    assert await waiting == "answer"


async def test_a_failure_is_shared_and_then_forgotten(journal, service):
    once = Once(journal)
    service.fault = ValueError("no")
    askers = [asyncio.create_task(once.get("k", service.make)) for _ in range(5)]
    await settle()
    service.open.set()
    assert await asyncio.gather(*askers, return_exceptions=True) == [service.fault] * 5
    assert (once.found, once.made, service.asked) == (0, 0, 1)
    service.fault = None
    assert await once.get("k", service.make) == "answer"
    assert (once.made, service.asked) == (1, 2)


async def test_a_call_is_made_in_the_context_of_who_asks_first(journal):
    seen = []

    async def make():
        seen.append(purpose())
        return "answer"

    with working_on("depth", "Which moon?"):
        await Once(journal).get("k", make)
    assert seen == [Purpose("depth", "Which moon?")]


class Slow:
    """A journal whose lookups take their time, as those of a database elsewhere do."""

    def __init__(self, journal):
        self._journal = journal

    async def get(self, key):
        found = await self._journal.get(key)
        await settle()
        return found

    @asynccontextmanager
    async def claim(self, key):
        yield await self.get(key)


@pytest.mark.parametrize("late", range(12))
async def test_a_lookup_that_is_out_of_date_when_it_arrives_asks_nothing(journal, service, late):
    once = Once(Slow(journal))
    service.open.set()
    first = asyncio.create_task(once.get("k", service.make))
    for _ in range(late):
        await asyncio.sleep(0)
    assert await asyncio.gather(first, once.get("k", service.make)) == ["answer"] * 2
    assert service.asked == 1
