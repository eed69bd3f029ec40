"""The loop of a worker process: every shard is worked on there, one build at a time, and nothing stays behind."""

import asyncio
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import pytest

from taskcraft_core.errors import ConfigError, ProviderUnavailable, TaskCraftError
from taskcraft_core.shards import Reference
from tasks import residence, terms
from tasks.caching import shard_task
from tasks.terms import Terms

ASKED: ContextVar[str] = ContextVar("asked", default="nobody")


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is a worker's for the time of a test."""
    for name, value in {"_loop": None, "_floor": None, "_builds": {}, "_faults": {}}.items():
        monkeypatch.setattr(residence, name, value)
    monkeypatch.setattr(terms, "_current", None)
    yield
    loop = residence._loop
    if loop is not None:
        loop.call_soon_threadsafe(loop.stop)


def of(out: str, **limits: int) -> Terms:
    return Terms(out, "mark", limits, "1", "http://127.0.0.1:9/api", None, False, terms.machine(), False)


async def in_a_task(work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """As Prefect runs what it was sent: on an event loop of its own."""
    return await asyncio.to_thread(lambda: asyncio.run(residence.at_home(work, *arguments)))


async def until_at_home(shards: int) -> None:
    """Waits until so many shards have come to the loop of the worker, those that wait for their turn included."""
    assert residence._loop is not None
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks(residence._loop)) < shards:
            await asyncio.sleep(0.01)


async def where(out: str) -> tuple[int, str, int]:
    return threading.get_ident(), ASKED.get(), terms.settings().calls_at_once


async def test_in_the_process_of_the_build_work_is_done_where_it_is() -> None:
    assert (await residence.at_home(where, "a"))[0] == threading.get_ident()


async def test_shards_are_worked_on_on_one_loop_in_the_context_of_who_asks(worker: None) -> None:
    residence.begin(of("a", calls_at_once=5), None)
    ASKED.set("verify, 1 of 2")
    first, second = await asyncio.gather(in_a_task(where, "a"), in_a_task(where, "a"))
    assert first == second
    assert first[0] != threading.get_ident() and first[1:] == ("verify, 1 of 2", 5)


async def test_shards_of_another_build_wait_and_have_its_limits(worker: None) -> None:
    residence.begin(of("a", calls_at_once=5), None)
    residence.begin(of("b", calls_at_once=6), None)
    begun, go = threading.Event(), threading.Event()
    done: list[str] = []

    async def slow(out: str) -> None:
        begun.set()
        while not go.is_set():
            await asyncio.sleep(0.01)
        done.append(out)

    async def quick(out: str) -> int:
        done.append(out)
        return terms.settings().calls_at_once

    first = asyncio.ensure_future(in_a_task(slow, "a"))
    await asyncio.to_thread(begun.wait, 10)
    other = asyncio.ensure_future(in_a_task(quick, "b"))
    await until_at_home(2)
    assert await in_a_task(quick, "a") == 5
    assert done == ["a"] and not other.done()
    go.set()
    assert await other == 6 and done == ["a", "a", "b"]
    await first


async def test_errors_come_back_as_they_are(worker: None) -> None:
    async def fails(out: str) -> None:
        raise ProviderUnavailable("It cannot be reached.", 503)

    residence.begin(of("a"), None)
    with pytest.raises(ProviderUnavailable) as caught:
        await in_a_task(fails, "a")
    assert caught.value.status == 503


async def test_a_build_that_ends_stops_its_shards_and_puts_away_what_they_shared(worker: None) -> None:
    residence.begin(of("a"), None)
    begun, left = threading.Event(), threading.Event()

    class Thing:
        async def __aenter__(self) -> "Thing":
            return self

        async def __aexit__(self, *_: object) -> None:
            left.set()

    async def endless(out: str) -> None:
        assert await residence.keep(Thing) is await residence.keep(Thing)
        begun.set()
        await asyncio.Event().wait()

    shard = asyncio.ensure_future(in_a_task(endless, "a"))
    await asyncio.to_thread(begun.wait, 10)
    await residence.end("a")
    assert left.is_set()
    with pytest.raises(asyncio.CancelledError):
        await shard
    with pytest.raises(TaskCraftError, match="is over"):
        await in_a_task(where, "a")


async def test_a_worker_that_lacks_something_says_so(worker: None) -> None:
    residence.begin(of("a"), "It has no journal.")
    assert residence.fault_of("a") == "It has no journal."
    with pytest.raises(ConfigError, match="It has no journal"):
        await in_a_task(where, "a")
    residence.begin(of("a"), None)
    assert (await in_a_task(where, "a"))[1] == "nobody"


WRONG = {
    ("TASKCRAFT_OPENAI_HEADERS", "x-planted"): "openai_headers",
    ("TASKCRAFT_OPENAI_QUERY", '{"planted": 1}'): "openai_query",
    ("TASKCRAFT_CALLS_AT_ONCE", "planted"): "calls_at_once",
}


@pytest.mark.parametrize(("variable", "value"), WRONG)
async def test_a_worker_with_settings_that_are_wrong_names_them_and_not_what_they_hold(
    worker: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str
) -> None:
    dask_worker = pytest.importorskip("tasks.dask_worker", reason="needs the extra dask")
    build = replace(of(str(tmp_path)), version=version_of("taskcraft"))
    (tmp_path / build.mark).touch()
    monkeypatch.setattr(dask_worker, "_reaches", lambda api: True)
    monkeypatch.setenv(variable, value)
    told = dask_worker.fault_of(build, "tcp://10.0.0.7:41")
    name = WRONG[variable, value]
    assert told == (
        "The Dask worker tcp://10.0.0.7:41 computes nothing. "
        f"Settings in the environment are not valid, correct them: {name}."
    )

    @shard_task
    async def computes(out: str, stage: str, fingerprint: str) -> Reference:
        raise AssertionError("no shard is begun")

    residence.begin(build, told)
    with pytest.raises(ConfigError, match=name) as caught:
        await asyncio.to_thread(lambda: asyncio.run(computes.fn(build.out, "verify", "aaaa")))
    assert "planted" not in "".join(traceback.format_exception(caught.value))
