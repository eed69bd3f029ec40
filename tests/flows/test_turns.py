"""Runs that write to one folder take turns, and what a killed one leaves on the server is cleared up by the next."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.context import FlowRunContext
from prefect.states import Running

from flows.leftovers import GONE, bury
from flows.turns import FILE, turn, turn_of_this_run
from flows.waiting import Holder
from taskcraft_core.errors import StorageError
from tasks.progress import watched_by

NIGHTLY = Holder(
    run="build demo: docs", run_id="3f9c", attempt=1, host="builder-2", pid=7, since="2026-01-02 02:00:00 UTC"
)
LATER = NIGHTLY.model_copy(update={"run": "the later one"})
HOLDS = """
import asyncio, sys
from pathlib import Path
from flows.turns import turn
from flows.waiting import Holder

async def hold():
    async with turn(Path(sys.argv[1]), None, Holder.model_validate_json(sys.argv[2])):
        print("holds", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


class Heard(list[str | None]):
    """What a run says while it waits."""

    async def __call__(self, sentence: str | None) -> None:
        self.append(sentence)


async def until(there: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := await there()):
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.05)
    return found


async def test_of_two_in_one_process_the_later_waits_and_says_for_whom(tmp_path: Path) -> None:
    said, order = Heard(), []

    async def later() -> None:
        async with turn(tmp_path, said, LATER) as killed:
            order.append(("later", killed))

    async with turn(tmp_path, said, NIGHTLY) as killed:
        assert killed is None
        waiting = asyncio.create_task(later())
        await until(lambda: asyncio.sleep(0, said))
        order.append(("first", killed))
    await waiting
    where = f"the run build demo: docs (builder-2, since 2026-01-02 02:00:00 UTC) writes to {tmp_path}."
    assert said == [f"Waits for its turn: {where}", None]
    assert order == [("first", None), ("later", None)]


async def test_who_is_cancelled_while_waiting_leaves_the_turn_where_it_is(tmp_path: Path) -> None:
    said = Heard()
    async with turn(tmp_path, said, NIGHTLY):
        waiting = asyncio.create_task(_take(tmp_path, said))
        await until(lambda: asyncio.sleep(0, said))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert Holder.model_validate_json((tmp_path / FILE).read_bytes()) == NIGHTLY
    assert await _take(tmp_path, said) is None


async def _take(out: Path, said: Heard) -> Holder | None:
    async with turn(out, said, LATER) as killed:
        return killed


async def test_the_turn_of_a_killed_process_is_free_at_once_and_tells_whose_it_was(tmp_path: Path) -> None:
    holding = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path), NIGHTLY.model_dump_json()], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holding.stdout is not None and holding.stdout.readline() == "holds\n"
        said = Heard()
        waiting = asyncio.create_task(_take(tmp_path, said))
        await until(lambda: asyncio.sleep(0, said))
    finally:
        os.kill(holding.pid, signal.SIGKILL)
        holding.wait()
    assert await asyncio.wait_for(waiting, 10) == NIGHTLY
    assert await _take(tmp_path, said) is None


async def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "out"
    in_the_way.write_text("no folder")
    with pytest.raises(StorageError, match=r"out: it cannot be written \(File exists\); mend that, then run the same"):
        await _take(in_the_way, Heard())


# --- on a server -------------------------------------------------------------------------------------------


@flow
async def writes(out: str, begun: asyncio.Event, goes_on: asyncio.Event) -> UUID:
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    async with turn_of_this_run(Path(out)):
        begun.set()
        await goes_on.wait()
    return context.flow_run.id


class Ear:
    """Hears that a build waits."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def waits(self, sentence: str) -> None:
        assert sentence.startswith("Waits for its turn: the run ")
        self.heard.set()

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None: ...

    def items_done(self, count: int) -> None: ...

    def shard_done(self) -> None: ...

    def stage_ends(self) -> None: ...


async def test_a_run_that_waits_says_so_to_whoever_watches_and_in_its_log(prefect: None, tmp_path: Path) -> None:
    begun, goes_on, ear = asyncio.Event(), asyncio.Event(), Ear()
    first = asyncio.create_task(writes(str(tmp_path), begun, goes_on))
    await begun.wait()
    with watched_by(ear):
        second = asyncio.create_task(writes(str(tmp_path), asyncio.Event(), goes_on))
    await asyncio.wait_for(ear.heard.wait(), 30)
    goes_on.set()
    await first
    run_id = await second
    async with get_client() as client:
        of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id]))

        async def logged() -> list[str]:
            said = [log.message for log in await client.read_logs(of_run)]
            return said if "Its turn has come." in said else []

        assert any(line.startswith("Waits for its turn: the run ") for line in await until(logged))


@task
async def shard() -> None: ...


@flow
async def stage() -> None:
    await shard()


@flow
async def root() -> UUID:
    await stage()
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    return context.flow_run.id


@pytest.mark.parametrize("again", [False, True])
async def test_what_a_killed_run_has_left_running_is_crashed_but_not_a_run_that_was_started_again(
    prefect: None, again: bool
) -> None:
    run_id = await root()
    async with get_client() as client:
        await client.set_flow_run_state(run_id, Running(), force=True)
        killed = (await client.read_flow_run(run_id)).run_count
        stages = await _stages(client, run_id)
        for one in stages:
            await client.set_flow_run_state(one.id, Running(), force=True)
        shards = await until(lambda: _shards(client, [run_id, *(one.id for one in stages)], 2))
        for one in shards:
            await client.set_task_run_state(one.id, Running(), force=True)
        if again:
            await client.set_flow_run_state(run_id, Running(), force=True)
        await bury(run_id, killed)
        run = await client.read_flow_run(run_id)
        assert run.state_name == ("Running" if again else "Crashed")
        left = [*await _stages(client, run_id), *await _shards(client, [run_id, *(one.id for one in stages)], 2)]
        assert {one.state_name for one in left} == {"Crashed"}
        assert {one.state.message for one in left if one.state} == {GONE}


async def test_a_run_of_another_server_is_left_alone(prefect: None) -> None:
    await bury(UUID(int=7), 1)


async def _stages(client: Any, run_id: UUID) -> list[Any]:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId

    parent = FlowRunFilterParentFlowRunId(any_=[run_id])
    return list(await client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parent)))


async def _shards(client: Any, runs: list[UUID], count: int) -> list[Any]:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    found = await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=runs)))
    return list(found) if len(found) == count else []
