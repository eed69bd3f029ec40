"""A build that fails in one shard: seen and retried in the Prefect UI by a browser, and from the command line."""

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, NONE, Ui, browser
from model_builds import KEY, MODEL
from stack import Stack, is_final

from taskcraft_core.loopback.process import Loopback, start

Run = dict[str, Any]

SOURCES, FEW = ["data/samples/landmarks"], ["data/samples/zh"]
CONFIG = {
    **dict.fromkeys(("author", "solver", "judge"), f'"{MODEL}"'),
    "max_hops": 2, "max_width": 2, "max_tasks_per_document": 2,
}  # fmt: skip
BY_RULE = dict.fromkeys(("author", "solver", "judge"), "extractive")
FAULT, FAULT_OF_FEW = "verify, 3 of 8", "generate, 2 of 3"
WRONG_TEXTS = {"Author": "nonsense!", "runner": "cluster"}
SHARD = re.compile(r".+, \d+ of \d+")
SECONDS = 300
"""No build here takes long, but machines may be busy."""


@dataclass(frozen=True)
class Attempt:
    """What was there when an attempt to build had ended: the run and those of its shards, and what was paid so far."""

    run: Run
    shards: list[Run]
    versions: list[str]
    calls_seen: int
    calls_kept: int


@dataclass(frozen=True)
class Seen:
    """A build that failed and was retried, and what the pages said."""

    failed: Attempt
    retried: Attempt
    stages: list[Run]
    pages: dict[str, str]

    @property
    def shards_again(self) -> dict[str, str]:
        """The states of the shards of the second attempt, by name."""
        before = {run["id"] for run in self.failed.shards}
        return {run["name"]: run["state"]["name"] for run in self.retried.shards if run["id"] not in before}


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
    out, pages = stack.home.parent / "out", {}
    with browser(stack.url, tmp_path_factory.mktemp("profile")) as ui:
        pages |= started_with_the_form(ui, stack)
        run_id = newest_run(stack)
        stack.wait(run_id, seconds=SECONDS)
        failed = attempt(stack, models, run_id, out)
        pages |= failure_seen(ui, stack, run_id)
        mended(faults, FAULT)
        pages["confirmation"] = ui.retry()
        stack.wait(run_id, until=lambda run: run["state_type"] == "COMPLETED", seconds=SECONDS)
        retried = attempt(stack, models, run_id, out)
        pages |= result_seen(ui, stack, run_id)
    return Seen(failed, retried, stack.children(run_id), pages)


def started_with_the_form(ui: Ui, stack: Stack) -> dict[str, str]:
    """Types wrong values into the form, then right ones, and starts the build."""
    there = f"deployments/deployment/{stack.call('GET', '/deployments/name/build-dataset/on-demand')['id']}"
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
    pages["runs by the wrong form"] = newest_run(stack)
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


def attempt(stack: Stack, models: Loopback, run_id: str, out: Path) -> Attempt:
    shards = shards_of(stack, run_id)
    versions = sorted(path.name for path in (out / "releases").glob("v*"))
    with closing(sqlite3.connect(out / "journal.sqlite")) as journal:
        (kept,) = journal.execute("SELECT count(DISTINCT key) FROM calls WHERE kind = 'chat'").fetchone()
    return Attempt(stack.flow_run(run_id), shards, versions, models.stats()["seen"], kept)


def shards_of(stack: Stack, run_id: str) -> list[Run]:
    """The shards of all stages of a run that has ended, as soon as the server has written down how each of them did."""
    deadline = time.monotonic() + SECONDS
    while True:
        shards = [run for run in stack.task_runs(run_id) if SHARD.fullmatch(run["name"])]
        stages = {stage["id"] for stage in stack.children(run_id) if stage["name"] != "publish"}
        counts = Counter((run["flow_run_id"], run["name"].rpartition(" of ")[2], label(run)) for run in shards)
        whole = all(count == int(of) for (_, of, _), count in counts.items())
        if whole and stages == {stage for stage, _, _ in counts} and all(is_final(run) for run in shards):
            return shards
        assert time.monotonic() < deadline, sorted(run["name"] for run in shards)
        time.sleep(0.5)


def label(shard: Run) -> str:
    """What the stage of a shard is called in its name."""
    return str(shard["name"]).rpartition(", ")[0]


def newest_run(stack: Stack) -> str:
    """The id of the build on demand that was started last; empty if there is none."""
    asked = {"deployments": {"name": {"any_": ["on-demand"]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 1}
    return next((str(run["id"]) for run in stack.call("POST", "/flow_runs/filter", asked)), "")


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
    again = seen.shards_again
    before = {run["name"] for run in seen.failed.shards}
    assert {name for name in before if again[name] != "Cached"} == {FAULT}
    assert again[FAULT] == "Completed"
    new = {name: state for name, state in again.items() if name not in before}
    assert set(new.values()) == {"Completed"} and {name.split(",")[0] for name in new} == {"depth", "width", "audit"}
    assert "Task runs with persisted results will use cached values" in seen.pages["confirmation"]


def test_the_retry_pays_for_no_call_twice(seen: Seen) -> None:
    assert 0 < seen.failed.calls_seen == seen.failed.calls_kept
    assert seen.failed.calls_seen < seen.retried.calls_seen == seen.retried.calls_kept


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


def test_the_command_line_retries_a_run_as_well(stack: Stack, faults: Path, tmp_path: Path) -> None:
    run_id = stack.run(sources=FEW, out=str(tmp_path), config=BY_RULE)
    failed = stack.wait(run_id, seconds=SECONDS)
    assert failed["state_type"] == "FAILED" and FAULT_OF_FEW in failed["state"]["message"]
    before = {run["id"] for run in shards_of(stack, run_id)}
    mended(faults, FAULT_OF_FEW)
    stack.command("prefect", "flow-run", "retry", run_id)
    ended = stack.wait(run_id, until=lambda run: run["state_type"] == "COMPLETED", seconds=SECONDS)
    assert ended["run_count"] == 2
    again = {run["name"]: run["state"]["name"] for run in shards_of(stack, run_id) if run["id"] not in before}
    generated = {name: state for name, state in again.items() if name.startswith("generate")}
    assert generated == {f"generate, {n} of 3": "Completed" if n == 2 else "Cached" for n in (1, 2, 3)}
    assert [path.name for path in (tmp_path / "releases").glob("v*")] == ["v1"]
