"""A team's stack without its containers: the Prefect server on a real PostgreSQL, the journal beside it, one night."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import Postgres, postgres
from stack import Stack, is_final

from flows.deploying import POOL
from taskcraft_core.loopback.process import Loopback, start

KEY = "sk-s3cr3t-in-a-block"
DELAY = "PREFECT_FLOWS_DEFAULT_RETRY_DELAY_SECONDS"
FAULT, SIBLING = "verify, 1 of 2", "verify, 2 of 2"
SOURCES = ["data/samples/zh/taishan.html", "data/samples/zh/mingsheng.html"]
"""One document in each of two buckets."""


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as database:
        yield database


@pytest.fixture(scope="module")
def model() -> Iterator[Loopback]:
    with start(key=KEY) as model:  # and no other
        yield model


def keep_key_in_block(stack: Stack) -> None:
    """The key lies in a Secret block, and the work pool names that: deployments/README.md says how."""
    kind = stack.call("GET", "/block_types/slug/secret")
    (schema, *_) = stack.call(
        "POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    )
    block = {"name": "openai-api-key", "data": {"value": KEY}}
    stack.call("POST", "/block_documents/", block | {"block_type_id": kind["id"], "block_schema_id": schema["id"]})
    template = stack.call("GET", f"/work_pools/{POOL}")["base_job_template"]
    template["variables"]["properties"]["env"]["default"] = {
        "OPENAI_API_KEY": "{{ prefect.blocks.secret.openai-api-key }}"
    }
    stack.call("PATCH", f"/work_pools/{POOL}", {"base_job_template": template})


def retry_soon(stack: Stack) -> None:
    """The nightly deployment as it is, but that it waits for a second before it retries, and not for a minute."""
    deployment = stack.call("GET", "/deployments/name/build-dataset/nightly")
    variables = deployment["job_variables"]
    assert (variables["env"]["PREFECT_FLOWS_DEFAULT_RETRIES"], variables["env"][DELAY]) == ("1", "60")
    variables["env"][DELAY] = "1"
    stack.call("PATCH", f"/deployments/{deployment['id']}", {"job_variables": variables})


def awaits_retry(run: dict[str, Any]) -> bool:
    """Whether a run has failed and waits, or has just begun again; it reads what was there before anything else."""
    return is_final(run) or run["state"]["name"] == "AwaitingRetry" or run["run_count"] == 2


def states_of(shard: str, stack: Stack, run_id: str) -> list[str]:
    """How the runs of a shard ended, in the order in which they began."""
    runs = [run for run in stack.task_runs(run_id) if run["name"] == shard]
    return [run["state"]["name"] for run in sorted(runs, key=lambda run: str(run["start_time"]))]


def test_a_night_runs_from_end_to_end_and_retries_by_itself(
    database: Postgres, model: Loopback, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    faults = tmp_path / "faults.txt"
    faults.write_text(f"{FAULT}\n")
    env = {
        "TASKCRAFT_JOURNAL_URL": database.fresh("journal"),
        "TASKCRAFT_FAULTS": str(faults),
        "OPENAI_BASE_URL": model.base_url,
    }
    config = tmp_path / "build.toml"
    config.write_text('author = "openai:gpt-4o-mini"\nmax_hops = 1\nmax_width = 1\nbuckets = 2\n')
    home, out = tmp_path_factory.mktemp("prefect"), tmp_path / "out"
    with Stack(home, database.fresh("prefect", "postgresql+asyncpg"), **env) as stack:
        keep_key_in_block(stack)
        stack.deploy(SOURCES, out, "--config", str(config))
        retry_soon(stack)
        run_id = stack.run("nightly")
        stack.wait(run_id, until=awaits_retry, seconds=300)
        faults.write_text("")
        run = stack.wait(run_id, seconds=300)
        deployment = stack.call("GET", "/deployments/name/build-dataset/nightly")
        assert run["state_type"] == "COMPLETED", run["state"]["message"]
        assert run["run_count"] == 2
        stages = stack.children(run_id)
        ends = Counter(stage["state_type"] for stage in stages)
        assert len(stages) >= 5 and ends == {"FAILED": 1, "COMPLETED": len(stages) - 1}
        assert states_of(FAULT, stack, run_id) == ["Failed", "Completed"]
        assert states_of(SIBLING, stack, run_id) == ["Completed", "Cached"]
    release = json.loads((out / "releases" / "v1" / "manifest.json").read_text())
    assert release and not list(home.glob("*.db")), "the server has kept everything in PostgreSQL"
    kept = database.execute("\\c prefect\nSELECT count(*) FROM flow_run WHERE state_type = 'COMPLETED';")
    assert str(len(stages)) in kept.split(), "all stages but the one that failed, and the run"
    calls = database.execute("\\c journal\nSELECT count(DISTINCT key) FROM taskcraft_calls WHERE kind = 'chat';")
    assert str(model.stats()["seen"]) in calls.split() and not (out / "journal.sqlite").exists()
    assert KEY not in json.dumps(deployment) and KEY not in (home / "worker.log").read_text()
