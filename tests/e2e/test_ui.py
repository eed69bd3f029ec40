"""A build that fails in one shard: seen and retried in the Prefect UI by a browser, and from the command line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from attempts import SECONDS, Attempt, Run, assert_no_call_is_paid_twice, attempt
from browser import CHROMIUM, KEPT, NONE, Ui, browser
from model_builds import KEY, MODEL
from stack import Stack

from taskcraft_core.loopback.process import Loopback, start

SOURCES, FEW = ["data/samples/landmarks"], ["data/samples/zh/taishan.html", "data/samples/zh/mingsheng.html"]
"""The few lie in two buckets, one in each."""
CONFIG = {
    **dict.fromkeys(("author", "solver", "judge"), f'"{MODEL}"'),
    "max_hops": 2, "max_width": 2, "max_tasks_per_document": 2,
}  # fmt: skip
SMALL = {**dict.fromkeys(("author", "solver", "judge"), MODEL), "buckets": 2, "max_hops": 1, "max_width": 1}
FAULT, FAULT_OF_FEW = "verify, 3 of 8", "verify, 1 of 2"
WRONG_TEXTS = {"Author": "nonsense!", "runner": "cluster"}
PICTURES = {
    "failed-run", "failed-run-artifacts", "failed-run-logs", "failed-stage-shards", "retried-run-stages",
    "retried-run-artifacts",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A build that failed and was retried, and what the pages said."""

    failed: Attempt
    retried: Attempt
    stages: list[Run]
    pages: dict[str, str]
    servers: set[str]
    began: float


@pytest.fixture(scope="module")
def models() -> Iterator[Loopback]:
    with start() as server:
        yield server


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the shards that are told to fail."""
    file = tmp_path_factory.mktemp("faults") / "faults.txt"
    file.write_text(f"{FAULT}\n{FAULT_OF_FEW}\n")
    return file


@pytest.fixture(scope="module")
def stack(models: Loopback, faults: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Server and worker, and the deployments of a part of the samples, with models in every role."""
    folder = tmp_path_factory.mktemp("ui")
    (folder / "few.toml").write_text("".join(f"{name} = {value}\n" for name, value in CONFIG.items()))
    settings = {"OPENAI_BASE_URL": models.base_url, "OPENAI_API_KEY": KEY, "TASKCRAFT_FAULTS": str(faults)}
    with Stack(folder / "home", **settings) as running:
        running.deploy(SOURCES, folder / "out", "--config", str(folder / "few.toml"))
        yield running


@pytest.fixture(scope="module")
def seen(stack: Stack, models: Loopback, faults: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What a data engineer does: starts the build with the form, sees it fail, retries it, looks around."""
    if CHROMIUM is None:
        pytest.skip(NONE)
    out, pages, began = stack.home.parent / "out", {}, time.time()
    runs, paid = runs_on_demand(stack), models.stats()["seen"]
    with browser(stack.url, tmp_path_factory.mktemp("profile")) as ui:
        pages |= started_with_the_form(ui, stack)
        (run_id,) = runs_on_demand(stack) - runs
        stack.wait(run_id, seconds=SECONDS)
        failed = attempt(stack, models, run_id, out, paid)
        pages |= failure_seen(ui, stack, run_id)
        mended(faults, FAULT)
        pages["confirmation"] = ui.retry()
        stack.wait(run_id, until=lambda run: run["state_type"] == "COMPLETED", seconds=SECONDS)
        retried = attempt(stack, models, run_id, out, paid)
        pages |= result_seen(ui, stack, run_id)
    return Seen(failed, retried, stack.children(run_id), pages, ui.servers, began)


def started_with_the_form(ui: Ui, stack: Stack) -> dict[str, str]:
    """Types wrong values into the form, then right ones, and starts the build."""
    there = f"deployments/deployment/{stack.call('GET', '/deployments/name/build-dataset/on-demand')['id']}"
    runs = runs_on_demand(stack)
    pages = {"deployment": ui.open(there, "on-demand", "flows.build_dataset:build_dataset")}
    ui.keep("deployment")
    pages["form"] = ui.open(f"{there}/run", "failed_shards", "Max Hops", "Submit")
    ui.keep("form", whole=True)
    for label, wrong, right in (("Max Hops", "9", "2"), ("failed_shards", "150", "0")):
        ui.field(label).fill(wrong)
        ui.submit()
        pages[f"wrong {label}"] = ui.complaint(label)
        ui.keep(f"form-refuses-{label.lower().replace(' ', '-').replace('_', '-')}")
        ui.field(label).fill(right)
    for label, wrong in WRONG_TEXTS.items():
        ui.field(label).fill(wrong)
    ui.submit()
    pages["wrong texts"] = ui.until(*(f"'{wrong}' does not match" for wrong in WRONG_TEXTS.values()))
    ui.keep("form-refuses-texts", whole=True)
    pages["runs by the wrong form"] = " ".join(runs_on_demand(stack) - runs)
    ui.open(f"{there}/run", "Max Hops", "Submit")
    ui.answered("/create_flow_run", ui.submit)
    ui.page.wait_for_url("**?tab=Runs")
    return pages


def failure_seen(ui: Ui, stack: Stack, run_id: str) -> dict[str, str]:
    """What the failed run's page says, and that of the stage that failed."""
    verify = next(run["id"] for run in stack.children(run_id) if run["state_type"] == "FAILED")
    pages = {"shards": ui.run_page(verify, "TaskRuns", "Failed", FAULT)}
    ui.keep("failed-stage-shards", whole=True)
    pages["failed artifacts"] = ui.run_page(run_id, "Artifacts", "verify: 7 of 8 shards", "1 shard failed")
    ui.keep("failed-run-artifacts", whole=True)
    pages["failed logs"] = ui.run_page(run_id, "Logs", "Failed", "ERROR")
    ui.keep("failed-run-logs", whole=True)
    pages["failed"] = ui.run_page(run_id, "Details", "Failed", "State Message")
    ui.keep("failed-run")
    return pages


def result_seen(ui: Ui, stack: Stack, run_id: str) -> dict[str, str]:
    """What the pages say when the retry has completed."""
    pages = {"retried": ui.run_page(run_id, "SubflowRuns", "Completed", "build-dataset: publish")}
    ui.keep("retried-run-stages", whole=True)
    pages["retried artifacts"] = ui.run_page(run_id, "Artifacts", "taskcraft-outputs")
    ui.keep("retried-run-artifacts", whole=True)
    pages["artifacts"] = ui.open("artifacts", "taskcraft-funnel", "taskcraft-outputs")
    ui.keep("artifacts", whole=True)
    keys = {artifact["key"]: artifact["id"] for artifact in stack.artifacts(run_id)}
    for name, shown in (("funnel", "reasons"), ("cost", "model"), ("outputs", "Release v1")):
        pages[name] = ui.open(f"artifacts/artifact/{keys[f'taskcraft-{name}']}", shown)
        ui.keep(f"artifact-{name}", whole=True)
    pages["runs"] = ui.open("runs", "Completed")
    ui.keep("runs")
    return pages


def runs_on_demand(stack: Stack) -> set[str]:
    """The ids of the builds that were started on demand."""
    asked = {"deployments": {"name": {"any_": ["on-demand"]}}}
    return {str(run["id"]) for run in stack.call("POST", "/flow_runs/filter", asked)}


def mended(faults: Path, shard: str) -> None:
    """Takes the line of a shard out of the file of faults."""
    faults.write_text(faults.read_text().replace(f"{shard}\n", ""))


def test_the_form_explains_its_parameters_and_refuses_wrong_ones(seen: Seen) -> None:
    for said in ("Files, folders, globs, http(s) URLs", "Deepest chain; 1 turns depth extension off.", "Submit"):
        assert said in seen.pages["form"]
    assert "less than or equal to 6" in seen.pages["wrong Max Hops"]
    assert "less than or equal to 100" in seen.pages["wrong failed_shards"]
    for wrong in WRONG_TEXTS.values():
        assert f"'{wrong}' does not match" in seen.pages["wrong texts"]
    assert seen.pages["runs by the wrong form"] == ""


def test_the_page_of_a_failed_run_says_what_failed_where_and_what_to_do(seen: Seen) -> None:
    message = str(seen.failed.run["state"]["message"])
    assert message.startswith(f"1 of 8 shards of the stage verify failed ({FAULT}: ")
    assert "take the line out and retry" in message and "the others are kept" in message
    assert message in seen.pages["failed"] and message in seen.pages["failed logs"]
    assert "build out: samples/landmarks" in seen.pages["failed"]
    assert "Traceback" not in seen.pages["failed logs"]
    assert "verify: 7 of 8 shards" in seen.pages["failed artifacts"]


def test_the_other_shards_of_the_stage_are_not_stopped_by_the_one_that_fails(seen: Seen) -> None:
    states = {run["name"]: run["state"]["name"] for run in seen.failed.shards if run["name"].startswith("verify")}
    assert states == {f"verify, {n} of 8": "Failed" if n == 3 else "Completed" for n in range(1, 9)}
    assert all(name in seen.pages["shards"] for name in states)


def test_the_retry_computes_the_failed_shard_and_what_was_not_reached(seen: Seen) -> None:
    again = seen.retried.shards_again(seen.failed)
    before = {run["name"] for run in seen.failed.shards}
    assert {name for name in before if again[name] != "Cached"} == {FAULT}
    assert again[FAULT] == "Completed"
    new = {name: state for name, state in again.items() if name not in before}
    assert set(new.values()) == {"Completed"} and {name.split(",")[0] for name in new} == {"depth", "width", "audit"}
    assert "Task runs with persisted results will use cached values" in seen.pages["confirmation"]


def test_the_retry_pays_for_no_call_twice(seen: Seen) -> None:
    assert_no_call_is_paid_twice(seen.failed, seen.retried)


def test_the_retried_run_is_the_same_run_and_makes_one_version(seen: Seen) -> None:
    run = seen.retried.run
    assert run["id"] == seen.failed.run["id"] and run["run_count"] == 2 and run["state_type"] == "COMPLETED"
    assert seen.failed.versions == [] and seen.retried.versions == ["v1"]
    assert run["state"]["message"].startswith("Version 1 is new: ")


def test_the_stages_are_on_the_page_by_name_and_end_with_sentences(seen: Seen) -> None:
    assert [run["name"] for run in seen.stages[:3]] == ["ingest", "generate", "verify"]
    for stage in ("ingest", "generate", "verify", "depth", "width", "audit", "publish"):
        assert stage in seen.pages["retried"], stage
    verified = [run["state"]["message"] for run in seen.stages if run["name"] == "verify"]
    assert "8 shards, 7 of them reused" in verified[1]


def test_the_artifacts_tell_the_funnel_the_cost_and_where_everything_lies(seen: Seen) -> None:
    for key in ("funnel", "cost", "quality", "outputs", "verify-progress"):
        assert f"taskcraft-{key}" in seen.pages["retried artifacts"] and f"taskcraft-{key}" in seen.pages["artifacts"]
    for stage in ("ingest", "generate", "verify", "depth, 2 hops", "width", "audit"):
        assert stage in seen.pages["funnel"], stage
    assert "gpt-4o-mini" in seen.pages["cost"]
    assert KEY not in "".join(seen.pages.values())


def test_pictures_of_what_was_seen_are_kept_and_no_other_server_answered(seen: Seen, stack: Stack) -> None:
    kept = {path.stem for path in KEPT.glob("*.png") if path.stat().st_mtime >= seen.began}
    assert kept >= PICTURES
    assert seen.servers == {stack.url}


def test_the_command_line_retries_a_run_as_well(stack: Stack, models: Loopback, faults: Path, tmp_path: Path) -> None:
    paid = models.stats()["seen"]
    run_id = stack.run(sources=FEW, out=str(tmp_path), config=SMALL)
    assert FAULT_OF_FEW in stack.wait(run_id, seconds=SECONDS)["state"]["message"]
    failed = attempt(stack, models, run_id, tmp_path, paid)
    mended(faults, FAULT_OF_FEW)
    stack.command("prefect", "flow-run", "retry", run_id)
    stack.wait(run_id, until=lambda run: run["state_type"] == "COMPLETED", seconds=SECONDS)
    retried = attempt(stack, models, run_id, tmp_path, paid)
    assert (failed.run["state_type"], failed.versions) == ("FAILED", [])
    assert (retried.run["run_count"], retried.versions) == (2, ["v1"])
    again = retried.shards_again(failed)
    assert {run["name"] for run in failed.shards if again[run["name"]] != "Cached"} == {FAULT_OF_FEW}
    assert again[FAULT_OF_FEW] == "Completed"
    assert_no_call_is_paid_twice(failed, retried)
