"""The deployments on a real server: what they say, that twice is as once, and what the form of the UI refuses."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings
from stack import ROOT, Stack

from flows import serving
from flows.deploying import Wanted, next_night
from taskcraft_core.errors import ConfigError

SAMPLES = ROOT / "data" / "samples" / "zh"
NAMES = ("nightly", "on-demand")
OF_THE_RECORD = {"id", "created", "updated", "deployment_id", "last_polled", "concurrency_limit_id", "created_by"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A server, on which was deployed as the file says; no worker."""
    stack = Stack(tmp_path_factory.mktemp("prefect"))
    try:
        stack.start_server()
        stack.command("prefect", "work-pool", "create", "taskcraft", "--type", "process")
        deployed_by_prefect(stack)
        yield stack
    finally:
        stack.close()


@pytest.fixture(scope="module")
def as_written(stack: Stack) -> dict[str, Any]:
    """What `prefect deploy` has put on the server."""
    return everything(stack)


@pytest.fixture(scope="module")
def deployed(stack: Stack, as_written: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `taskcraft deploy` has made of that."""
    config = tmp_path_factory.mktemp("config") / "build.toml"
    config.write_text("max_hops = 2\n")
    options = ("--cron", "30 3 * * 1-5", "--timezone", "Europe/Vienna", "--config", str(config))
    told = stack.deploy([str(SAMPLES.relative_to(ROOT)), "https://example.org/a.html"], Path("out/here"), *options)
    assert "03:30 CE" in told and "on-demand" in told
    return everything(stack)


def deployed_by_prefect(stack: Stack) -> None:
    stack.command("prefect", "--no-prompt", "deploy", "--prefect-file", "deployments/prefect.yaml", "--all")


def everything(stack: Stack) -> dict[str, Any]:
    """The deployments and automations of the server, less what every record has for itself."""
    deployments = {name: stack.call("GET", f"/deployments/name/build-dataset/{name}") for name in NAMES}
    automations = stack.call("POST", "/automations/filter", {})
    return {
        "ids": {name: one["id"] for name, one in deployments.items()} | {one["name"]: one["id"] for one in automations},
        "deployments": {name: plain(one) for name, one in deployments.items()},
        "automations": sorted((plain(one) for one in automations), key=lambda one: one["name"]),
    }


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key not in OF_THE_RECORD}
    if isinstance(value, list):
        inner = [plain(one) for one in value]
        return sorted(inner) if all(isinstance(one, str) for one in inner) else inner
    return value


def test_prefect_deploys_what_the_file_says(as_written: dict[str, Any]) -> None:
    nightly, on_demand = (as_written["deployments"][name] for name in NAMES)
    (schedule,) = nightly["schedules"]
    assert schedule["active"] and schedule["schedule"]["cron"] == "0 2 * * *"
    assert schedule["schedule"]["timezone"] == "UTC" and on_demand["schedules"] == []
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    assert nightly["parameters"]["prune"] is True and "prune" not in on_demand["parameters"]
    for one in (nightly, on_demand):
        assert one["entrypoint"] == "flows.build_dataset:build_dataset" and one["enforce_parameter_schema"]
        assert one["work_pool_name"] == "taskcraft" and not one["pull_steps"] and one["path"] is None
        assert one["job_variables"]["working_dir"] == "." and "taskcraft" in one["tags"]
        assert one["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30" and one["description"]
    assert nightly["job_variables"]["env"]["PREFECT_FLOWS_DEFAULT_RETRIES"] == "1"
    assert [one["name"] for one in as_written["automations"]] == ["taskcraft: a run without a sign of life has crashed"]


def test_neither_the_file_nor_what_is_deployed_of_it_names_a_machine(as_written: dict[str, Any]) -> None:
    text = (ROOT / "deployments" / "prefect.yaml").read_text()
    for told in (text, json.dumps(as_written)):
        assert str(ROOT) not in told and str(Path.home()) not in told
    parameters = yaml.safe_load(text)["deployments"][0]["parameters"]
    assert all(not Path(source).is_absolute() for source in parameters["sources"])


def test_without_a_source_that_of_the_file_has_to_be_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = {name: text for name, text in os.environ.items() if not name.startswith(("PREFECT_", "TASKCRAFT_"))}
    command = [sys.executable, "-m", "flows.cli", "deploy", "--out", "out"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    said = "data/samples: there is no such file, folder or URL."
    assert (done.returncode, done.stderr) == (2, f"taskcraft: {said}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said):
        Wanted((), "out").check_here()


def test_of_the_next_night_is_told_what_is_so(stack: Stack, deployed: dict[str, Any]) -> None:
    nightly = stack.call("GET", "/deployments/name/build-dataset/nightly")
    missed = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2015-01-01T02:00:00Z"}}
    stack.call("POST", f"/deployments/{nightly['id']}/create_flow_run", {"state": missed})
    schedule = f"/deployments/{nightly['id']}/schedules/{nightly['schedules'][0]['id']}"
    with temporary_settings({PREFECT_API_URL: stack.api}):
        told = next_night()
        assert told.startswith("next on") and ", 03:30 CE" in told and "2015" not in told
        assert next_night(seconds=0).startswith("by its schedule")
        stack.call("PATCH", schedule, {"active": False})
        try:
            assert next_night(seconds=0) == "paused"
        finally:
            stack.call("PATCH", schedule, {"active": True})


def test_options_are_laid_over_the_file_and_nothing_else_changes(
    as_written: dict[str, Any], deployed: dict[str, Any]
) -> None:
    assert deployed["ids"] == as_written["ids"]
    for name in NAMES:
        there = deployed["deployments"][name]
        given = there.pop("parameters")
        assert given["sources"] == [str(SAMPLES), "https://example.org/a.html"]
        assert given["out"] == str(ROOT / "out" / "here") and given["config"] == {"max_hops": 2}
        schedules = [one["schedule"] for one in there.pop("schedules")]
        expected = [{"cron": "30 3 * * 1-5", "timezone": "Europe/Vienna", "day_or": True}] if name == "nightly" else []
        assert schedules == expected
        before = {k: v for k, v in as_written["deployments"][name].items() if k not in ("parameters", "schedules")}
        assert there == before


def test_twice_is_as_once(stack: Stack, deployed: dict[str, Any], tmp_path: Path) -> None:
    (automation,) = stack.call("POST", "/automations/filter", {})
    stack.call("PATCH", f"/automations/{automation['id']}", {"enabled": False})
    stack.deploy([str(SAMPLES)], tmp_path)
    once = everything(stack)
    stack.deploy([str(SAMPLES)], tmp_path)
    assert everything(stack) == once
    assert not once["automations"][0]["enabled"], "whoever has switched an automation off finds it off"


def test_a_stop_cancels_the_runs_of_its_own_worker(
    stack: Stack, deployed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "CANCEL_SECONDS", 0.0)
    runs = {name: stack.run() for name in ("ours", "theirs")}
    for name, run_id in runs.items():
        stack.call("PATCH", f"/flow_runs/{run_id}/labels", {"prefect.worker.name": name})
        stack.call("POST", f"/flow_runs/{run_id}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    with temporary_settings({PREFECT_API_URL: stack.api}):
        serving.cancel_runs("ours")
    states = {name: stack.flow_run(run_id)["state_type"] for name, run_id in runs.items()}
    assert states == {"ours": "CANCELLING", "theirs": "RUNNING"}


WRONG = {
    "sources": {"sources": "data/samples"},
    "sources[0]": {"sources": [""]},
    "out": {"out": " "},
    "prune": {"prune": "perhaps"},
    "failed_shards": {"failed_shards": 101},
    "runner": {"runner": "dask:8786"},
    "config.judge": {"config": {"judge": "gpt-4o"}},
    "config.search": {"config": {"search": "google"}},
    "config.max_hops": {"config": {"max_hops": 9}},
    "config.buckets": {"config": {"buckets": 0}},
    "config": {"config": {"max_hop": 2}},
}
RIGHT = [
    {"sources": [], "tasks": "tasks.jsonl"},
    {"runner": "dask:tcp://10.0.0.1:8786", "failed_shards": 5},
    {"config": {"author": "openai:gpt-4o-mini?temperature=0&seed=1", "judge": "openai:org/model-7b", "limit": 3}},
    {"config": {"solver": "my_company.solvers:Careful"}},
]


@pytest.mark.parametrize("place", WRONG)
def test_what_is_wrong_is_refused_before_a_run_is_made(stack: Stack, deployed: dict[str, Any], place: str) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        stack.run(**WRONG[place])
    assert refused.value.response.status_code == 409
    assert f"'{place}'" in refused.value.response.text, "the reason names the field"
    shown = in_the_form(stack, WRONG[place])
    assert not shown["valid"] and place.split(".")[0].split("[")[0] in str(shown["errors"])


@pytest.mark.parametrize("parameters", RIGHT)
def test_what_is_right_is_taken(stack: Stack, deployed: dict[str, Any], parameters: dict[str, Any]) -> None:
    shown = in_the_form(stack, parameters)
    assert shown["valid"], shown
    assert stack.flow_run(stack.run(**parameters))["state_type"] == "SCHEDULED"


def in_the_form(stack: Stack, parameters: dict[str, Any]) -> dict[str, Any]:
    """What the form of the UI is told of these parameters."""
    there = stack.call("GET", "/deployments/name/build-dataset/on-demand")
    values = there["parameters"] | parameters
    return dict(
        stack.call("POST", "/ui/schemas/validate", {"schema": there["parameter_openapi_schema"], "values": values})
    )


def test_every_field_of_the_form_says_what_it_is(deployed: dict[str, Any]) -> None:
    schema = deployed["deployments"]["nightly"]["parameter_openapi_schema"]
    fields = schema["properties"] | schema["definitions"]["BuildConfig"]["properties"]
    assert {"sources", "out", "runner", "max_hops", "judge"} <= set(fields)
    assert not [name for name, field in fields.items() if not field.get("description")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cron": "tomorrow"}, "--cron 'tomorrow' is not valid"),
        ({"timezone": "Mars/North"}, "--timezone 'Mars/North' is not valid"),
        ({"notify": "hooks/s3cr3t"}, "TASKCRAFT_NOTIFY_URL is not valid"),
        ({"config_file": Path("nowhere.toml")}, "nowhere.toml: cannot be read"),
    ],
)
def test_wrong_options_are_one_sentence(
    options: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKCRAFT_NOTIFY_URL", "https://example.org/")
    with pytest.raises(ConfigError) as refused:
        Wanted((str(SAMPLES),), str(tmp_path), **options).check()
    assert said in str(refused.value) and "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({}, 2, "taskcraft: Set PREFECT_API_URL"),
        ({"PREFECT_API_URL": "http://127.0.0.1:9/api"}, 1, "http://127.0.0.1:9/api does not answer"),
    ],
)
def test_without_a_server_it_says_how_to_get_one(
    settings: dict[str, str], code: int, said: str, tmp_path: Path
) -> None:
    env = {name: text for name, text in os.environ.items() if not name.startswith(("PREFECT_", "TASKCRAFT_"))}
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "deploy", str(SAMPLES), "--out", str(tmp_path)],
        env=env | settings | {"PREFECT_HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == code and said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
