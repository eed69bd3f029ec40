"""The items of a shard, several under way at a time: while one waits for a model, the others go on.

How many is counted over all shards of the process: the last shard of a stage may have all the room for itself, and
eight shards have no more of it together. They take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import httpx

from taskcraft_core.calls.purpose import working_on
from taskcraft_core.errors import ResponseError, TaskCraftError
from taskcraft_core.models import Rejection, Stage
from tasks.logs import run_logger
from tasks.progress import items_done

T = TypeVar("T")
R = TypeVar("R")

LONGEST_NAME = 200

_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, asyncio.Semaphore]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Item(Generic[T]):
    """What a stage works on.

    Attributes:
        name: A task id, a question or a document's uri; its rejection is booked under it.
        document_id: The document that it comes from.
        value: The thing itself.
        task_id: What its calls are booked under; the name, if it has none.
        uri: What the document is called; its id, if that is not known.
    """

    name: str
    document_id: str
    value: T
    task_id: str = ""
    uri: str = ""

    @property
    def place(self) -> str:
        """The item for a person: its document, and its name."""
        uri = self.uri or self.document_id
        name = self.name if len(self.name) <= LONGEST_NAME else f"{self.name[: LONGEST_NAME - 1]}…"
        return f"the document {uri}" if self.name == uri else f"the document {uri}, “{name}”"


class ItemFailed(TaskCraftError):
    """Something unforeseen went wrong with an item; the error is its cause."""


async def each(
    stage: Stage, items: Sequence[Item[T]], work: Callable[[T], Awaitable[R]], at_once: int
) -> list[R | Rejection]:
    """Works on every item, at most `at_once` at a time, those of other shards counted.

    An error stops the shard, but not the items under way: their calls are paid for, and are kept by letting them
    end. Only a cancellation stops everything at once.

    Args:
        stage: Whose items they are.
        items: In the order of the results.
        work: What is done with each.
        at_once: 1 for roles that compute and never wait: one of this shard. Shards that say the same larger number
            share the room.

    Returns:
        What the work gave, in the order of the items; a rejection where a model gave nothing to go on with.

    Raises:
        ItemFailed: Something unforeseen went wrong with an item first.
        Exception: An outage, or an error told on purpose that is no `ResponseError`, came first.
    """
    results: dict[int, R | Rejection] = {}
    failures: list[Exception] = []
    room = _room(at_once) if at_once > 1 else asyncio.Semaphore(1)

    async def one(place: int, item: Item[T]) -> None:
        try:
            with working_on(stage, item.task_id or item.name):
                results[place] = await work(item.value)
        except ResponseError as error:
            results[place] = _rejected(stage, item, error)
        except (TaskCraftError, httpx.TransportError) as error:
            failures.append(error)
            return
        except Exception as error:
            failures.append(_unforeseen(item, error))
            return
        items_done()

    async with asyncio.TaskGroup() as group:
        for place, item in enumerate(items):
            await room.acquire()
            if failures:
                room.release()
                break
            # not at the end of the work, which a cancellation may keep from beginning
            group.create_task(one(place, item)).add_done_callback(lambda _: room.release())
    if failures:
        raise failures[0]
    return [results[place] for place in range(len(items))]


def _unforeseen(item: Item[T], error: Exception) -> ItemFailed:
    """The error that names the item; where in the program it happened is for the log alone."""
    failed = ItemFailed(f"at {item.place}: {type(error).__name__}: {error}; the log of the run tells where")
    failed.__cause__ = error
    run_logger().error(str(failed), exc_info=error)
    return failed


def _room(most: int) -> asyncio.Semaphore:
    """One for each event loop, as a semaphore that was waited for belongs to its loop for ever."""
    return _rooms.setdefault(asyncio.get_running_loop(), {}).setdefault(most, asyncio.Semaphore(most))


def parted(results: Iterable[tuple[list[T], list[Rejection]] | Rejection]) -> tuple[list[T], list[Rejection]]:
    """What was made and what was left out, of work that gives both."""
    made: list[T] = []
    left_out: list[Rejection] = []
    for result in results:
        found, rejected = ([], [result]) if isinstance(result, Rejection) else result
        made += found
        left_out += rejected
    return made, left_out


def _rejected(stage: Stage, item: Item[T], error: ResponseError) -> Rejection:
    return Rejection(
        stage=stage, reason=error.reason, item=item.name, detail=error.detail, document_id=item.document_id
    )
