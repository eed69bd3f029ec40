"""The pipeline with chat models in every role, over HTTP: whole, disturbed, refused, and without a trace of the key."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from model_builds import KEY, ROOT, ModelBuild, build, command, environment

from taskcraft_core.loopback.behaviour import TRANSPORT
from taskcraft_core.loopback.process import Loopback, start

SOURCES = ["data/samples/solar-system", "data/samples/zh"]
DISTURBING = [
    *TRANSPORT, "truncated_json", "prose", "null", "refusal", "length", "wrong_schema", "extra_fields", "bad_arguments",
    "flood",
]  # fmt: skip
"""Every fault on the way, and every fault of an answer that shows; an answer in the wrong language does not."""
HOPELESS = {
    "Callisto": "refusal", "Charon": "content_filter", "Deimos": "500", "Enceladus": "wrong_schema", "Europa": "prose",
    "Ganymede": "null", "Iapetus": "flood", "Io": "length",
}  # fmt: skip
"""Faults that always happen when these documents are read."""


@dataclass(frozen=True)
class Builds:
    plain: ModelBuild
    disturbed: ModelBuild
    hopeless: ModelBuild
    folder: Path


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    folder = tmp_path_factory.mktemp("models")
    with start() as server:
        env = environment(server, folder / "home", TASKCRAFT_CALL_TIMEOUT="3", TASKCRAFT_CALL_ATTEMPTS="6")
        plain = build(SOURCES, folder / "plain", env, server, "--verbose")
        server.control(share=0.25, faults=DISTURBING, seed=3, retry_after=0.05)
        disturbed = build(SOURCES, folder / "disturbed", env, server)
        rules = [rule("author_conclude", name, fault) for name, fault in HOPELESS.items()]
        server.control(defaults=True, rules=[*rules, rule("author_ask", "Titan", "wrong_language")])
        hopeless = build(SOURCES, folder / "hopeless", env, server, "--max-hops", "1", "--max-width", "1")
        yield Builds(plain, disturbed, hopeless, folder)


def rule(prompt: str, title: str, fault: str) -> dict[str, str]:
    return {"prompt": prompt, "text": f"<title>\n{title}\n", "fault": fault}


def test_atomic_depth_and_width_tasks_are_published(builds: Builds) -> None:
    kinds = builds.plain.kinds
    assert kinds["atomic", 1] > 100 and kinds["depth", 2] >= 10 and kinds["width", 1] >= 10, kinds
    prompts = builds.plain.seen["by_prompt"]
    assert all(prompts.get(name, 0) > 0 for name in ("author_superset", "solver_solve", "solver_guess", "judge_parts"))


def test_trajectories_are_agent_loops_over_real_tool_calls(builds: Builds) -> None:
    for row in builds.plain.rows.values():
        roles = [message.role for message in row.trajectory]
        assert roles[:2] == ["system", "user"] and roles[-1] == "assistant"
        assert row.question in row.trajectory[1].content
        answers = json.loads(row.trajectory[-1].content)["answers"]
        assert answers and row.trajectory_kind == "solved"
        assert row.agent_steps == sum(len(message.tool_calls) for message in row.trajectory) >= 2
        assert row.no_tools_score == 0 and row.judge_votes


def test_rows_tell_what_made_them(builds: Builds) -> None:
    row = next(iter(builds.plain.rows.values()))
    roles = {named.name: named.value for named in row.lineage.roles}
    assert roles["author"] == roles["solver"] == roles["judge"] == "openai:gpt-4o-mini"
    prompts = {named.name for named in row.lineage.prompt_hashes}
    assert {"author_conclude", "solver_solve", "judge_score"} <= prompts


def test_a_quarter_of_disturbed_calls_changes_no_task(builds: Builds) -> None:
    faults = builds.disturbed.seen["faults"]
    assert set(faults) == set(DISTURBING) - {"flood"} | ({"flood"} & set(faults))
    disturbed, seen = sum(faults.values()), builds.disturbed.seen["seen"]
    assert disturbed > 0.15 * seen, (disturbed, seen)
    plain, rows = builds.plain.rows, builds.disturbed.rows
    assert set(rows) == set(plain)
    assert {key: row.row_hash for key, row in rows.items()} == {key: row.row_hash for key, row in plain.items()}


def test_what_is_refused_for_good_is_a_rejection_with_its_reason(builds: Builds) -> None:
    reasons = {
        "refusal": "model_refused", "content_filter": "model_refused", "500": "call_failed",
        "wrong_schema": "response_invalid", "prose": "response_invalid", "null": "response_invalid",
        "flood": "response_invalid", "length": "response_invalid",
    }  # fmt: skip
    told = {(one.item, one.reason.value) for one in builds.hopeless.rejections if one.stage == "generate"}
    for name, fault in HOPELESS.items():
        assert (f"solar-system/{name.lower()}.html", reasons[fault]) in told, (name, fault)
    rows = builds.hopeless.rows.values()
    assert len(rows) > 50
    assert not {row.identifier for row in rows} & set(HOPELESS)


def test_a_question_in_the_wrong_language_is_rejected(builds: Builds) -> None:
    foreign = [one for one in builds.hopeless.rejections if one.reason.value == "wrong_language"]
    assert foreign and all("titan" in (one.detail + one.item).lower() or one.document_id for one in foreign)
    assert "Titan" not in {row.identifier for row in builds.hopeless.rows.values()}


def test_the_key_is_nowhere(builds: Builds) -> None:
    held = [path for path in builds.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert held == []
    assert any(path.suffix == ".db" for path in builds.folder.rglob("*.db")), "Prefect's database was looked at"
    assert all(KEY not in one.printed for one in (builds.plain, builds.disturbed, builds.hopeless))


def test_the_same_again_makes_no_call_and_no_version(builds: Builds, tmp_path: Path) -> None:
    with start() as server:
        # another address of the same endpoint is the same endpoint by its label
        env = environment(server, builds.folder / "home", TASKCRAFT_ENDPOINT_LABEL="127.0.0.1")
        again = build(SOURCES, builds.plain.out, env, server)
    assert again.seen["seen"] == 0 and "unchanged" in again.printed


def test_a_stop_by_budget_says_what_it_would_take_and_a_higher_cap_goes_on(builds: Builds, tmp_path: Path) -> None:
    with start() as server:
        env = environment(server, builds.folder / "home")
        sources = ["data/samples/zh"]
        stopped = stop(sources, tmp_path / "out", env, server)
        seen = server.stats()["seen"]
        assert seen == 40, "the cap is never exceeded, nor left unused"
        assert "--max-calls" in stopped and "40" in stopped
        build(sources, tmp_path / "out", env, server, "--max-calls", "100000")
        going_on = server.stats()["seen"]
        whole = build(sources, tmp_path / "whole", env, server)
    assert seen + going_on == whole.seen["seen"]


def stop(sources: list[str], out: Path, env: dict[str, str], server: Loopback) -> str:
    """A build that 40 calls are not enough for; what it says."""
    server.control(reset=True)
    done = subprocess.run(
        command(sources, out, "--max-calls", "40"), cwd=ROOT, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr
