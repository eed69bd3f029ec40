"""Single flight: an answer on its way is not asked for again."""

import asyncio
import gc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.once import Once
from taskcraft_core.calls.purpose import Purpose, purpose, working_on


class Service:
    """Answers when it is told to; counts who asks, and how many at once."""

    def __init__(self, journal, record):
        self.journal = journal
        self.record = record
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.open = asyncio.Event()
        self.fault = None

    async def make(self):
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            if self.fault is not None:
                raise self.fault
            await self.journal.put(self.record("k", "answer"))
            return "answer"
        finally:
            self.at_once -= 1


async def settle():
    """Lets everything that can go on without us go on."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def journal(tmp_path):
    journal = await open_journal(tmp_path, None)
    yield journal
    await journal.close()


@pytest.fixture
def service(journal, record):
    return Service(journal, record)


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


async def test_when_the_first_is_cancelled_the_others_get_the_answer_of_its_call(journal, service):
    once = Once(journal)
    askers = [asyncio.create_task(once.get("k", service.make)) for _ in range(5)]
    await settle()
    askers[0].cancel()
    await settle()
    service.open.set()
    done = await asyncio.gather(*askers, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert done[1:] == ["answer"] * 4
    assert (service.asked, once.made, once.found) == (1, 1, 4)


async def test_a_call_that_nobody_waits_for_any_more_is_kept(journal, service):
    once = Once(journal)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await once.get("k", service.make)
    waiting = asyncio.create_task(once.settle())
    await settle()
    assert not waiting.done()
    service.open.set()
    await waiting
    assert (service.asked, once.made, once.found) == (1, 1, 0)
    assert await journal.get("k") == "answer"
    await once.settle()


async def test_a_call_is_kept_also_on_the_way_out_of_a_failure(journal, service):
    once = Once(journal)

    async def fails():
        await settle()
        raise ValueError("no")

    async def run():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(once.get("k", service.make))
                group.create_task(fails())
        finally:
            await once.settle()

    running = asyncio.create_task(run())
    for _ in range(3):
        await settle()
    service.open.set()
    with pytest.raises(ExceptionGroup):
        await running
    assert await journal.get("k") == "answer"


async def test_a_failure_that_nobody_waits_for_is_no_noise(journal, service):
    heard = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context))
    try:
        once = Once(journal)
        service.fault = ValueError("no")
        asker = asyncio.create_task(once.get("k", service.make))
        await settle()
        asker.cancel()
        service.open.set()
        await once.settle()
        await settle()
        gc.collect()
        assert not heard
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    service.fault = None
    assert await once.get("k", service.make) == "answer"


async def test_a_call_is_made_in_the_context_of_who_asks_first(journal):
    seen = []

    async def make():
        seen.append(purpose())
        return "answer"

    with working_on("depth", "Which moon?"):
        await Once(journal).get("k", make)
    assert seen == [Purpose("depth", "Which moon?")]


async def test_a_cancelled_call_is_made_by_one_of_the_others(journal, service):
    once = Once(journal)

    async def gives_up():
        await settle()
        raise asyncio.CancelledError

    askers = [asyncio.create_task(once.get("k", make)) for make in (gives_up, *[service.make] * 3)]
    service.open.set()
    done = await asyncio.gather(*askers, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert done[1:] == ["answer"] * 3
    assert (service.asked, once.made, once.found) == (1, 1, 2)


@pytest.mark.parametrize("during", ["work", "settling"])
async def test_a_run_that_is_cancelled_waits_for_no_answer(journal, service, during):
    """The service never answers here: whatever waited for it would wait for ever."""
    once = Once(journal, grace=0.0)

    async def run():
        try:
            asker = asyncio.create_task(once.get("k", service.make))
            await settle()
            asker.cancel()
            if during == "work":
                await asyncio.Event().wait()
        finally:
            await once.settle()

    running = asyncio.create_task(run())
    for _ in range(3):
        await settle()
    assert service.at_once == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await settle()
    assert service.at_once == 0


async def test_a_call_that_is_answered_while_the_run_is_cancelled_is_kept(journal, service):
    once = Once(journal)

    async def run():
        asker = asyncio.create_task(once.get("k", service.make))
        try:
            await settle()
            await asyncio.Event().wait()
        finally:
            asker.cancel()
            service.open.set()
            await once.settle()

    running = asyncio.create_task(run())
    for _ in range(3):
        await settle()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (service.asked, once.made) == (1, 1)


def test_the_end_of_a_loop_ends_calls_that_are_under_way():
    ended = []

    async def make():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def main():
        once = Once(Memory())
        asker = asyncio.create_task(once.get("k", make))
        await settle()
        asker.cancel()

    asyncio.run(main())
    assert ended == [True]


async def test_one_who_waits_may_be_cancelled_alone(journal, service):
    once = Once(journal)
    askers = [asyncio.create_task(once.get("k", service.make)) for _ in range(3)]
    await settle()
    askers[1].cancel()
    await settle()
    service.open.set()
    done = await asyncio.gather(*askers, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError)
    assert (done[0], done[2], service.asked) == ("answer", "answer", 1)


class Slow:
    """A journal whose lookups take their time, as those of a database elsewhere do."""

    def __init__(self, journal):
        self._journal = journal

    async def get(self, key):
        found = await self._journal.get(key)
        await settle()
        return found


@pytest.mark.parametrize("late", range(12))
async def test_a_lookup_that_is_out_of_date_when_it_arrives_asks_nothing(journal, service, late):
    once = Once(Slow(journal))
    service.open.set()
    first = asyncio.create_task(once.get("k", service.make))
    for _ in range(late):
        await asyncio.sleep(0)
    assert await asyncio.gather(first, once.get("k", service.make)) == ["answer"] * 2
    assert service.asked == 1


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gone=st.lists(st.integers(0, 7), max_size=6), opened=st.integers(0, 6))
async def test_whoever_is_cancelled_the_others_get_their_answer(record, gone, opened):
    service = Service(Memory(), record)
    once = Once(service.journal)
    askers = [asyncio.create_task(once.get("k", service.make)) for _ in range(8)]
    for turn, number in enumerate([*gone, None]):
        await settle()
        if turn == opened:
            service.open.set()
        elif number is not None:
            askers[number].cancel()
    service.open.set()
    done = await asyncio.gather(*askers, return_exceptions=True)
    for number, answer in enumerate(done):
        assert answer == "answer" or (isinstance(answer, asyncio.CancelledError) and number in gone)
    await once.settle()
    assert once.made == service.asked == 1
    assert once.found == done[1:].count("answer")


class Memory:
    """A journal that forgets."""

    def __init__(self):
        self._kept = {}

    async def get(self, key):
        return self._kept.get(key)

    async def put(self, record):
        self._kept[record.key] = record.response
