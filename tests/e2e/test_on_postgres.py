"""A team's stack without its containers: the Prefect server on a real PostgreSQL, the journal beside it, one night."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Postgres, postgres
from stack import Stack

from flows.deploying import POOL
from taskcraft_core.loopback.process import Loopback, start

KEY = "sk-s3cr3t-in-a-block"
SOURCES = ["data/samples/zh/dayan-ta.html", "data/samples/zh/mingsheng.html"]


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


def test_a_night_runs_from_end_to_end(
    database: Postgres, model: Loopback, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    env = {
        "TASKCRAFT_JOURNAL_URL": database.fresh("journal"),
        "OPENAI_BASE_URL": model.base_url,
    }
    config = tmp_path / "build.toml"
    config.write_text('author = "openai:gpt-4o-mini"\nmax_hops = 1\nmax_width = 1\nbuckets = 2\n')
    home, out = tmp_path_factory.mktemp("prefect"), tmp_path / "out"
    with Stack(home, database.fresh("prefect", "postgresql+asyncpg"), **env) as stack:
        keep_key_in_block(stack)
        stack.deploy(SOURCES, out, "--config", str(config))
        run = stack.wait(stack.run("nightly"), seconds=300)
        deployment = stack.call("GET", "/deployments/name/build-dataset/nightly")
        assert run["state_type"] == "COMPLETED", run["state"]["message"]
        stages = [child["state_type"] for child in stack.children(run["id"])]
        assert len(stages) >= 5 and set(stages) == {"COMPLETED"}
    release = json.loads((out / "releases" / "v1" / "manifest.json").read_text())
    assert release and not list(home.glob("*.db")), "the server has kept everything in PostgreSQL"
    kept = database.execute("\\c prefect\nSELECT count(*) FROM flow_run WHERE state_type = 'COMPLETED';")
    assert str(len(stages) + 1) in kept.split()
    calls = database.execute("\\c journal\nSELECT count(*) FROM taskcraft_calls;")
    assert str(model.stats()["seen"]) in calls.split() and not (out / "journal.sqlite").exists()
    assert KEY not in json.dumps(deployment) and KEY not in (home / "worker.log").read_text()
