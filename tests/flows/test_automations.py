"""Which runs the server takes for crashed: builds that are silent for too long, and no run of anybody else."""

import asyncio
import os
import time
from collections.abc import Iterable
from uuid import UUID

import pytest
import yaml
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.server.events.schemas.automations import EventTrigger
from prefect.server.events.schemas.events import ReceivedEvent

from flows.automations import HEARTBEAT, SILENCE, crashed_runs
from flows.build_dataset import build_dataset
from flows.deploying import PREFECT_FILE
from flows.embedded import prepare_prefect
from flows.stages import generate_stage

COMPLETED = "prefect.flow-run.Completed"


async def this_run() -> UUID:
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    return context.flow_run.id


async def events_of(runs: Iterable[UUID]) -> list[ReceivedEvent]:
    """The first heartbeat and the end of each run, once the server has heard of them."""
    ids = [f"prefect.flow-run.{run}" for run in runs]
    wanted = {"filter": {"event": {"name": [HEARTBEAT, COMPLETED]}, "resource": {"id": ids}}}
    deadline = time.monotonic() + 30
    async with get_client() as client:
        while True:
            told = (await client._client.post("/events/filter", json=wanted)).json()["events"]
            if len(told) == 2 * len(ids):
                return [ReceivedEvent.model_validate(event) for event in told]
            assert time.monotonic() < deadline, "the server never told"
            await asyncio.sleep(0.1)


def test_a_run_that_is_killed_while_it_waits_for_its_retry_is_missed_and_one_that_waits_is_not() -> None:
    trigger = EventTrigger.model_validate(crashed_runs().trigger.model_dump(mode="json"))
    assert "prefect.flow-run.AwaitingRetry" not in trigger.expect
    nightly = yaml.safe_load(PREFECT_FILE.read_text())["deployments"][0]
    env = nightly["work_pool"]["job_variables"]["env"]
    delay, beat = int(env["PREFECT_FLOWS_DEFAULT_RETRY_DELAY_SECONDS"]), int(env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert SILENCE.total_seconds() > delay + 2 * beat


async def test_silence_crashes_builds_and_their_stages_and_no_run_of_anybody_else(prefect: None) -> None:
    stage = flow(name=generate_stage.name)(this_run)
    foreign = flow(name="their-flow")(this_run)

    @flow(name=build_dataset.name, persist_result=False)
    async def build() -> tuple[UUID, UUID]:
        return await this_run(), await stage()

    ours, theirs = await build(), await foreign()
    events = await events_of((*ours, theirs))
    trigger = EventTrigger.model_validate(crashed_runs().trigger.model_dump(mode="json"))
    covered = [(event.resource.id, event.event) for event in events if trigger.covers(event)]
    assert sorted(covered) == sorted(
        (f"prefect.flow-run.{run}", name) for run in ours for name in (HEARTBEAT, COMPLETED)
    )


def test_a_run_that_waits_for_its_server_is_not_taken_for_dead_when_that_is_back() -> None:
    env = yaml.safe_load(PREFECT_FILE.read_text())["definitions"]["environment"]
    # Prefect's client doubles its waits, and lengthens each by up to a fifth.
    patience = sum(2**attempt for attempt in range(1, int(env["PREFECT_CLIENT_MAX_RETRIES"]) + 1)) * 1.2
    assert SILENCE.total_seconds() > patience + 2 * int(env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])


def test_a_build_from_the_command_line_gives_as_many_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    prepare_prefect(verbose=False)
    env = yaml.safe_load(PREFECT_FILE.read_text())["definitions"]["environment"]
    assert os.environ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]
