"""How builds read in the Prefect UI, by what a real server keeps of them: one that is tried again, a degraded one."""

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows.build_dataset import build_dataset
from flows.naming import DEGRADED
from flows.summary import BuildSummary
from taskcraft_core.config import BuildConfig
from tasks.progress import watched_by

SAMPLES = Path(__file__).parent.parent.parent / "data" / "samples" / "solar-system"
PAGES = ("callisto", "europa", "ganymede", "io", "mimas", "rhea", "titan", "triton")
CONFIG = BuildConfig(max_hops=2, max_tasks_per_document=3, buckets=4)
FAULT = "asks for a fault here; take the line out and retry"


class Mender:
    """Takes the faults back when the stage that has one ends."""

    def __init__(self, faults: Path) -> None:
        self._faults = faults
        self._stage = ""

    def waits(self, sentence: str) -> None: ...

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None:
        self._stage = stage

    def items_done(self, count: int) -> None: ...

    def shard_done(self) -> None: ...

    def stage_ends(self) -> None:
        if self._faults.read_text().startswith(f"{self._stage}, "):
            self._faults.write_text("")


@dataclass
class Told:
    """What the server tells of a build: its run, its stages' and their tasks', and its artifacts."""

    summary: BuildSummary
    root: dict[str, Any]
    stages: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    artifacts: dict[str, dict[str, Any]]

    def shards(self, stage: str) -> list[list[tuple[str, str]]]:
        """By attempt, the shards of a stage and the states in which they ended."""
        attempts = [run["id"] for run in self.stages if run["name"] == stage]
        return [
            sorted((run["name"], run["state_name"]) for run in self.tasks if run["flow_run_id"] == attempt)
            for attempt in attempts
        ]

    def table(self, key: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.artifacts[key]["data"])
        return rows


async def ask(path: str, body: dict[str, Any]) -> Any:
    async with get_client() as client:
        answer = await client._client.post(path, json=body)
    return answer.raise_for_status().json()


async def until(look: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """The server takes in task runs, logs and events when it comes to them."""
    deadline = time.monotonic() + seconds
    while not await look():
        assert time.monotonic() < deadline, "the server never told"
        await asyncio.sleep(0.2)


async def build(sources: Path, out: Path, faults: Path, retries: int = 0, failed_shards: float = 0) -> Told:
    """Builds with the faults of a file, which are taken back in the end of their stage."""
    with pytest.MonkeyPatch.context() as patch, watched_by(Mender(faults)):
        patch.setenv("TASKCRAFT_FAULTS", str(faults))
        state = await build_dataset.with_options(retries=retries)(
            [str(sources)], str(out), CONFIG, failed_shards=failed_shards, return_state=True
        )
    run = str(state.state_details.flow_run_id)
    (root,) = await ask("/flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    stages = await ask(
        "/flow_runs/filter", {"sort": "START_TIME_ASC", "flow_runs": {"parent_flow_run_id": {"any_": [run]}}}
    )
    tasks: list[dict[str, Any]] = []

    async def all_ended() -> bool:
        tasks[:] = await ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [one["id"] for one in stages]}}})
        return bool(tasks) and all(one["state_type"] in ("COMPLETED", "FAILED") for one in tasks)

    await until(all_ended)
    ours = {"flow_run_id": {"any_": [run]}, "key": {"like_": "taskcraft-"}}
    artifacts = await ask("/artifacts/filter", {"artifacts": ours})
    by_key = {one["key"].removeprefix("taskcraft-"): one for one in artifacts}
    assert len(by_key) == len(artifacts), "an artifact is brought up to date, not made again"
    return Told(await state.aresult(), root, stages, tasks, by_key)


async def logged(run: str, last: str) -> list[str]:
    """The log of a run, once it has its last line."""
    lines: list[str] = []

    async def complete() -> bool:
        found = await ask("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"})
        lines[:] = [one["message"] for one in found]
        return last in lines

    await until(complete)
    return lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reporting")
    (made / "solar").mkdir()
    for name in PAGES:
        shutil.copy(SAMPLES / f"{name}.html", made / "solar")
    return made


@pytest.fixture(scope="module")
async def retried(prefect: None, folder: Path) -> Told:
    """A build of which one verify shard fails at first."""
    (folder / "faults").write_text("verify, 2 of 4\n")
    return await build(folder / "solar", folder / "demo", folder / "faults", retries=1)


@pytest.fixture(scope="module")
async def degraded(retried: Told, folder: Path) -> Told:
    """A build into the same folder that may go on without a shard, and has to."""
    lost = sorted(path for path in (folder / "demo/work/verify").glob("*.parquet") if "rejected" not in path.name)[2]
    lost.unlink()
    (folder / "faults").write_text("verify, 3 of 4\n")
    return await build(folder / "solar", folder / "demo", folder / "faults", failed_shards=25)


async def test_siblings_end_first_and_another_attempt_computes_the_failed_shard_alone(retried: Told) -> None:
    first, second = retried.shards("verify")
    assert first == [
        ("verify, 1 of 4", "Completed"), ("verify, 2 of 4", "Failed"), ("verify, 3 of 4", "Completed"),
        ("verify, 4 of 4", "Completed"),
    ]  # fmt: skip
    assert second == [
        ("verify, 1 of 4", "Cached"), ("verify, 2 of 4", "Completed"), ("verify, 3 of 4", "Cached"),
        ("verify, 4 of 4", "Cached"),
    ]  # fmt: skip
    for stage in ("ingest", "generate"):
        assert {state for name, state in retried.shards(stage)[1] if name.startswith(f"{stage}, ")} == {"Cached"}
    computed = {row.stage: row.computed for row in retried.summary.stages}
    assert retried.root["run_count"] == 2 and (computed["ingest"], computed["generate"], computed["verify"]) == (
        0,
        0,
        1,
    )


async def test_the_failed_stage_says_how_many_failed_which_and_why(retried: Told) -> None:
    failed, again = [run for run in retried.stages if run["name"] == "verify"]
    assert failed["state_type"] == "FAILED" and again["state_type"] == "COMPLETED"
    message = failed["state"]["message"]
    assert message.startswith("1 of 4 shards of the stage verify failed (verify, 2 of 4: ") and FAULT in message
    assert message.endswith("the others are kept, so the same command, or a retry, goes on from there.")
    (shard,) = [run for run in retried.tasks if run["state_type"] == "FAILED" and run["name"] == "verify, 2 of 4"]
    assert (
        shard["state"]["message"].startswith("Task run encountered an exception") and FAULT in shard["state"]["message"]
    )
    assert retried.table("failed-shards") == []


async def test_runs_are_called_what_they_are_and_end_with_sentences(retried: Told) -> None:
    root, added = retried.root, retried.summary.published.added
    assert root["name"].startswith("build demo: ") and root["name"].endswith("/solar") and "taskcraft" in root["tags"]
    assert root["state_type"] == "COMPLETED"
    assert root["state"]["message"] == (f"Version 1 is new: {added} added, 0 updated, 0 retired; {added} tasks in all.")
    names = [run["name"] for run in retried.stages]
    assert names == ["ingest", "generate", "verify"] * 2 + ["depth", "width", "audit", "publish"]
    messages = {run["name"]: run["state"]["message"] for run in retried.stages}
    assert messages["ingest"].startswith("ingest: 8 documents, 0 left out; 4 shards, 4 of them reused; ")
    verified, tried = (sum(row[key] for row in retried.table("funnel") if row["stage"] == "verify")
                       for key in ("accepted", "in"))  # fmt: skip
    assert messages["verify"].startswith(f"verify: {verified} of {tried} accepted; 4 shards, 3 of them reused; ")
    assert {run["name"] for run in retried.tasks} >= {"list documents", "publish dataset", "audit, 1 of 1"}
    assert all(run["tags"] == ["verify"] for run in retried.tasks if run["name"].startswith("verify, "))


async def test_artifacts_tell_how_far_what_left_and_where_everything_lies(retried: Told, folder: Path) -> None:
    stages = ("ingest", "generate", "verify", "depth-2-hops", "depth-balanced", "width", "audit")
    assert {retried.artifacts[f"{stage}-progress"]["data"] for stage in stages} == {100}
    assert retried.artifacts["verify-progress"]["description"].startswith("verify: 4 of 4 shards, 3 of them reused")
    funnel = {row["stage"]: row for row in retried.table("funnel")}
    left_out = {row.stage: 0 for row in retried.summary.rejections}
    for row in retried.summary.rejections:
        left_out[row.stage] += row.count
    assert funnel["ingest"]["in"] == funnel["ingest"]["accepted"] == funnel["generate"]["in"] == 8
    assert funnel["generate"]["rejected"] == left_out["generate"] and "document_cap" in funnel["generate"]["reasons"]
    assert retried.table("quality")[0]["rows"] == funnel["audit"]["accepted"] == retried.summary.published.added
    outputs = str(retried.artifacts["outputs"]["data"])
    release = folder / "demo" / "releases" / "v1"
    assert f"[Release v1]({release.as_uri()}): `{release}`" in outputs
    assert "cost" not in retried.artifacts, "no role could be paid"


async def test_the_log_is_short_and_says_what_became_of_each_stage(retried: Told) -> None:
    lines = await logged(retried.root["id"], f"{retried.root['state']['message'].split(';')[0]}.")
    assert [line.split(":")[0] for line in lines if line.startswith(("ingest", "generate", "verify"))] == [
        "ingest", "generate", "ingest", "generate", "verify"
    ]  # fmt: skip
    assert len(lines) < 20 and not any("Traceback" in line for line in lines)
    failed = next(run for run in retried.stages if run["name"] == "verify")
    lines = await logged(failed["id"], failed["state"]["message"])
    assert lines[0].startswith("verify: 4 shards; ") and len(lines) == 3
    assert lines[1].startswith("verify, 2 of 4 failed, and the others go on: ") and FAULT in lines[1]


async def test_a_build_that_goes_on_without_a_shard_says_so_first(degraded: Told) -> None:
    message = degraded.root["state"]["message"]
    assert degraded.root["state"]["name"] == "Completed"
    assert message.startswith("Degraded: 1 shard failed and left out (verify, 3 of 4: ") and FAULT in message
    assert "). Version " in message
    assert [(one.stage, one.shard) for one in degraded.summary.failed_shards] == [("verify", "verify, 3 of 4")]
    (verify,) = [run for run in degraded.stages if run["name"] == "verify"]
    assert "4 shards, 3 of them reused, 1 of them failed and left out; " in verify["state"]["message"]
    assert [row["shard"] for row in degraded.table("failed-shards")] == ["verify, 3 of 4"]


async def test_a_degraded_build_is_an_event_of_its_run(degraded: Told) -> None:
    run = f"prefect.flow-run.{degraded.root['id']}"
    found: list[dict[str, Any]] = []

    async def arrived() -> bool:
        wanted = {"event": {"name": [DEGRADED]}, "resource": {"id": [run]}}
        found[:] = (await ask("/events/filter", {"filter": wanted}))["events"]
        return bool(found)

    await until(arrived)
    (event,) = found
    assert event["payload"] == {"message": degraded.root["state"]["message"]}
    related = {one["prefect.resource.role"]: one.get("prefect.resource.name") for one in event["related"]}
    assert related["flow"] == "build-dataset" and event["resource"]["prefect.resource.name"] == degraded.root["name"]
