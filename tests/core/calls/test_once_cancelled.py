"""Single flight when those who ask are cancelled, or their run: no answer that is on its way is lost."""

import asyncio
import gc
from contextlib import asynccontextmanager

import pytest
from asked import Service, settle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskcraft_core.calls.once import Once


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

    @asynccontextmanager
    async def claim(self, key):
        yield await self.get(key)

    async def put(self, record):
        self._kept[record.key] = record.response
