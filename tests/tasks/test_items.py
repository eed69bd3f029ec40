"""Items of a shard at once: their order, what an error stops and what it does not, and what a rejection is."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.calls.purpose import Purpose, purpose
from taskcraft_core.errors import BudgetExceeded, ResponseError
from taskcraft_core.models import Reason, Rejection
from tasks.items import Item, ItemFailed, each
from tasks.progress import watched_by
from tasks.workbench import SPARE_ITEMS, items_at_once


class Ear:
    """Counts the items that are told to be done."""

    def __init__(self) -> None:
        self.done = 0

    def waits(self, sentence: str) -> None: ...

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None: ...

    def items_done(self, count: int) -> None:
        self.done += count

    def shard_done(self) -> None: ...

    def stage_ends(self) -> None: ...


def numbered(values: Sequence[int]) -> list[Item[int]]:
    return [Item(f"item {value}", f"document {value}", value) for value in values]


@given(turns=st.lists(st.integers(0, 5), max_size=25), at_once=st.integers(1, 8))
def test_results_are_in_the_order_of_the_items_and_few_are_under_way(turns: list[int], at_once: int) -> None:
    """Each item gives the loop back as often as it is told to, so they end in many orders."""
    under_way, most = 0, 0

    async def work(place: int) -> tuple[int, Purpose]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(turns[place]):
            await asyncio.sleep(0)
        under_way -= 1
        return place, purpose()

    ear = Ear()
    with watched_by(ear):
        results = asyncio.run(each("verify", numbered(range(len(turns))), work, at_once))
    assert results == [(place, Purpose("verify", f"item {place}")) for place in range(len(turns))]
    assert most <= at_once and ear.done == len(turns)


async def test_as_many_as_allowed_are_under_way() -> None:
    all_here = asyncio.Barrier(3)

    async def work(value: int) -> int:
        await all_here.wait()
        return value

    assert await asyncio.wait_for(each("depth", numbered([1, 2, 3]), work, 3), 5) == [1, 2, 3]


async def test_shards_share_the_room_and_take_turns() -> None:
    """Each of eight shards could fill it alone."""
    under_way = most = 0
    begun: list[int] = []
    ended: list[int] = []

    async def work(shard: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        begun.append(shard)
        for _ in range(3):
            await asyncio.sleep(0)
        under_way -= 1

    async def run(shard: int) -> None:
        await each("verify", numbered([shard] * 40), work, 12)
        ended.append(len(begun))

    async with asyncio.TaskGroup() as group:
        for shard in range(8):
            group.create_task(run(shard))
    assert most == 12 and len(begun) == 8 * 40
    assert set(begun[: ended[0]]) == set(range(8)), "no shard waits until another has ended"


async def test_rules_go_item_by_item_in_each_shard() -> None:
    both = asyncio.Barrier(2)

    async def work(value: int) -> int:
        await both.wait()
        return value

    shards = (each("verify", numbered(values), work, 1) for values in ([1, 2], [3, 4]))
    assert await asyncio.wait_for(asyncio.gather(*shards), 5) == [[1, 2], [3, 4]]


@pytest.mark.parametrize(("processes", "calls"), [("1", 64), ("4", 16), ("100", 1)])
def test_a_few_more_items_than_calls_of_this_process(
    monkeypatch: pytest.MonkeyPatch, processes: str, calls: int
) -> None:
    monkeypatch.setenv("TASKCRAFT_CALLS_AT_ONCE", "64")
    monkeypatch.setenv("TASKCRAFT_PROCESSES", processes)
    assert items_at_once("extractive", "openai:some-model") == calls + SPARE_ITEMS
    assert items_at_once("extractive", "extractive") == 1


async def test_calls_are_booked_under_the_task_and_a_rejection_under_its_name() -> None:
    booked: list[str] = []

    async def work(value: int) -> int:
        booked.append(purpose().item)
        raise ResponseError(Reason.RESPONSE_INVALID, "The model answered in prose.")

    items = [Item("a question", "a document", 1, "0f3c"), Item("a uri", "a document", 2)]
    rejections = await each("verify", items, work, 1)
    assert booked == ["0f3c", "a uri"]
    assert [one.item for one in rejections if isinstance(one, Rejection)] == ["a question", "a uri"]


async def test_what_a_model_answers_wrongly_is_a_rejection_of_its_item() -> None:
    async def work(value: int) -> int:
        if value == 2:
            raise ResponseError(Reason.RESPONSE_INVALID, "The model answered in prose.")
        return value

    first, second, third = await each("generate", numbered([1, 2, 3]), work, 2)
    assert (first, third) == (1, 3)
    assert second == Rejection(
        stage="generate", reason=Reason.RESPONSE_INVALID, item="item 2", detail="The model answered in prose.",
        document_id="document 2",
    )  # fmt: skip


async def test_an_error_lets_those_under_way_end_and_starts_no_other() -> None:
    here, failed = asyncio.Barrier(3), asyncio.Event()
    started: list[int] = []
    ended: list[int] = []

    async def work(value: int) -> int:
        started.append(value)
        await here.wait()
        if value == 2:
            failed.set()
            raise BudgetExceeded("--max-usd 1 is reached")
        await failed.wait()
        await asyncio.sleep(0)
        ended.append(value)
        if value == 3:
            raise ValueError("a later one, which is not told")
        return value

    with pytest.raises(BudgetExceeded, match="--max-usd 1"):
        await each("verify", numbered([1, 2, 3, 4, 5]), work, 3)
    assert started == [1, 2, 3] and sorted(ended) == [1, 3]


async def test_something_unforeseen_names_the_item_and_its_document() -> None:
    async def work(value: int) -> int:
        return {1: 1}[value]

    items = [
        Item("How long is a day?", "1f4b", 1, uri="solar/titan.html"),
        Item("How long is a year?", "1f4b", 2, uri="solar/titan.html"),
    ]
    with pytest.raises(
        ItemFailed, match=r"^at the document solar/titan.html, “How long is a year\?”: KeyError: 2;"
    ) as told:
        await each("verify", items, work, 1)
    assert isinstance(told.value.__cause__, KeyError) and not told.value.retryable
    with pytest.raises(ItemFailed, match="^at the document solar/titan.html: KeyError: 2;"):
        await each("generate", [Item("solar/titan.html", "1f4b", 2, uri="solar/titan.html")], work, 1)


async def test_an_outage_stays_what_it_is_so_that_the_shard_is_tried_again() -> None:
    async def work(value: int) -> int:
        raise httpx.ConnectError("no route")

    with pytest.raises(httpx.ConnectError, match="no route"):
        await each("verify", numbered([1]), work, 1)


async def test_a_cancellation_stops_all_at_once() -> None:
    here, never = asyncio.Barrier(3), asyncio.Event()
    ended: list[int] = []

    async def work(value: int) -> int:
        try:
            await here.wait()
            await never.wait()
        except asyncio.CancelledError:
            ended.append(value)
            raise
        return value

    running = asyncio.create_task(each("verify", numbered([1, 2, 3]), work, 2))
    await asyncio.wait_for(here.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 5)
    assert sorted(ended) == [1, 2]
    again = asyncio.Barrier(2)

    async def meet(_: int) -> None:
        await again.wait()

    await asyncio.wait_for(each("verify", numbered([1, 2]), meet, 2), 5)  # all the room is there again


async def test_work_that_never_began_gives_its_room_back() -> None:
    async def work(value: int) -> int:
        return value

    running = asyncio.create_task(each("verify", numbered([1, 2, 3]), work, 2))
    asyncio.get_running_loop().call_soon(running.cancel)  # after its first step, before that of its items
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await asyncio.wait_for(each("verify", numbered([1, 2, 3]), work, 2), 5) == [1, 2, 3]


async def test_nothing_to_do_is_nothing_done() -> None:
    async def work(value: int) -> int:
        return value

    assert await each("verify", numbered([]), work, 64) == []
