"""What a build tells of itself, and what it does not take for its own; by what a real server keeps of it."""

import asyncio
import json
import logging
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.build_dataset import build_dataset
from flows.leftovers import bury
from flows.turns import Holder, turn
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.config import BuildConfig
from tasks.progress import watched_by

OTHER = Holder(run="the other", run_id="3f9c", attempt=1, host="here", pid=7, since="2026-01-02 02:00:00 UTC")
PAID = CallRecord(
    key="a" * 64, kind="chat", endpoint="here", model="small", role="judge", stage="verify", item="one", sample=0,
    response="{}", prompt_tokens=1_000, completion_tokens=50, usd=1.25, seconds=1.0, made_at=1.0,
)  # fmt: skip


class Ear:
    """Hears that a build waits."""

    def __init__(self) -> None:
        self.waited = asyncio.Event()

    def waits(self, sentence: str) -> None:
        self.waited.set()

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None: ...

    def items_done(self, count: int) -> None: ...

    def shard_done(self) -> None: ...

    def stage_ends(self) -> None: ...


async def say_nothing(sentence: str | None) -> None: ...


async def pays(out: Path) -> None:
    journal = await open_journal(out, None)
    await journal.put(PAID)
    await journal.close()


async def costs_shown(run: UUID | None) -> dict[str, object]:
    assert run is not None
    async with get_client() as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        shown = {one.key: one for one in await client.read_artifacts(artifact_filter=of_run)}
    (row,) = json.loads(str(shown["taskcraft-cost"].data))
    return dict(row)


async def test_what_another_run_pays_while_this_one_waits_is_not_its_own(
    prefect: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    ear, config = Ear(), BuildConfig(judge="openai:small")
    async with turn(tmp_path, say_nothing, OTHER):
        with watched_by(ear):
            missing = str(tmp_path / "missing.jsonl")
            waiting = asyncio.create_task(build_dataset([], str(tmp_path), config, missing, return_state=True))
        await asyncio.wait_for(ear.waited.wait(), 30)
        await pays(tmp_path)
    ended = await waiting
    assert ended.type == "FAILED" and "missing.jsonl" in str(ended.message)
    row = await costs_shown(ended.state_details.flow_run_id)
    assert (row["calls of this run"], row["calls so far"]) == (0, 1)
    assert (row["paid by this run"], row["paid so far"]) == (r"$0.00", r"$1.25")


async def test_a_wrong_setting_of_the_worker_is_a_sentence_where_the_output_is_a_url_too(
    prefect: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKCRAFT_CALLS_AT_ONCE", "many")
    ended = await build_dataset(["docs"], "s3://bucket/demo", return_state=True)
    assert str(ended.message).startswith("The environment variable TASKCRAFT_CALLS_AT_ONCE is not valid: ")


async def test_a_server_that_does_not_take_what_a_killed_run_left_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(nowhere), caplog.at_level(logging.WARNING):
        await bury(uuid4(), 1)
    assert "left on the server may be said to run still" in caplog.text
