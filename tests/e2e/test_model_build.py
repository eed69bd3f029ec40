"""The pipeline with chat models in every role, over HTTP: whole, disturbed, refused, and without a trace of the key."""

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from leaks import holding
from model_builds import HEADER, KEY, QUERY, ROOT, SECRETS, ModelBuild, build, environment, fail

from taskcraft_core.loopback.behaviour import TRANSPORT
from taskcraft_core.loopback.process import start

SOURCES = ["data/samples/solar-system", "data/samples/zh"]
LABEL = {"TASKCRAFT_ENDPOINT_LABEL": "loopback"}
"""Two addresses of one endpoint, which is known by its label."""
FEW = ["data/samples/zh/taishan.html", "data/samples/zh/zhaozhou-qiao.html"]
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
    refused: str
    broken: str
    folder: Path


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    folder = tmp_path_factory.mktemp("models")
    with start(keep=1) as server, ThreadPoolExecutor(2) as aside:
        refused, broken = (aside.submit(failing, folder) for failing in (refused_build, broken_build))
        env = environment(server, folder / "home", TASKCRAFT_CALL_TIMEOUT="3", TASKCRAFT_CALL_ATTEMPTS="6", **LABEL)
        plain = build(SOURCES, folder / "plain", env, server, "--verbose")
        server.control(share=0.25, faults=DISTURBING, seed=3, retry_after=0.05)
        disturbed = build(SOURCES, folder / "disturbed", env, server)
        rules = [rule("author_conclude", name, fault) for name, fault in HOPELESS.items()]
        rules.append(rule("author_ask", "Titan", "wrong_language"))
        server.control(defaults=True, rules=rules, echo_key=True)
        hopeless = build(SOURCES, folder / "hopeless", env, server, "--max-hops", "1", "--max-width", "1")
        sent = server.requests()[0]
        assert HEADER in sent["headers"].values() and sent["query"] == {"code": QUERY}, "secrets to look for were sent"
        yield Builds(plain, disturbed, hopeless, refused.result(), broken.result(), folder)


def refused_build(folder: Path) -> str:
    """The wrong key, for a server that repeats it in the error."""
    with start(key="another", echo_key=True) as server:
        return fail(FEW, folder / "refused", environment(server, folder / "refused-home"), "--verbose")


def broken_build(folder: Path) -> str:
    """A service that works until there is something to do."""
    with start(rules=[{"text": "", "fault": "500", "prompt": "author_conclude"}], echo_key=True) as server:
        limits = {"TASKCRAFT_OUTAGE_PATIENCE": "0.5", "TASKCRAFT_CALL_ATTEMPTS": "2"}
        return fail(FEW, folder / "broken", environment(server, folder / "broken-home", **limits))


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
    titan = hashlib.sha256((ROOT / "data/samples/solar-system/titan.html").read_bytes()).hexdigest()
    assert {one.document_id for one in foreign} == {titan}
    assert "Titan" not in {row.identifier for row in builds.hopeless.rows.values()}


def test_no_secret_is_anywhere(builds: Builds) -> None:
    """Not where builds ended well, not where errors repeated the key, not in Prefect's databases."""
    assert holding(builds.folder, SECRETS) == []
    assert len(list(builds.folder.rglob("prefect.db"))) == 3, "Prefect's databases were looked at"
    printed = (one.printed for one in (builds.plain, builds.disturbed, builds.hopeless))
    assert all(secret not in text for secret in SECRETS for text in (*printed, builds.refused, builds.broken))
    echoed = [one.detail for one in builds.hopeless.rejections if "You sent" in one.detail]
    assert echoed and all("***" in detail for detail in echoed), "the errors did repeat them"


def test_runs_that_fail_say_why(builds: Builds) -> None:
    assert "set OPENAI_API_KEY to a valid key" in builds.refused
    assert "of 2 shards of the stage generate failed" in builds.broken and "check that it is up" in builds.broken


def test_the_search_for_secrets_finds_them(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(f"Bearer {KEY}")
    prose = " ".join(f"moon {number}" for number in range(2_000))
    nested = pa.table({"n": [[{"text": f"{prose} {HEADER} {prose}"}]]})
    pq.write_table(nested, tmp_path / "a.parquet", compression="zstd", write_statistics=False)
    with closing(sqlite3.connect(tmp_path / "b.db")) as database, database:
        database.execute("CREATE TABLE calls (response BLOB)")
        database.execute("INSERT INTO calls VALUES (?)", [("x" * 4_070 + QUERY).encode()])
    assert HEADER.encode() not in (tmp_path / "a.parquet").read_bytes()
    assert holding(tmp_path, SECRETS) == [("a.parquet", HEADER), ("b.db", QUERY), ("log.txt", KEY)]


def test_calls_are_booked_under_the_task_that_they_are_made_for(builds: Builds) -> None:
    booked: defaultdict[str, set[str]] = defaultdict(set)
    for stage, item in journalled(builds.plain.out, "stage, item"):
        booked[stage].add(item)
    rows = builds.plain.rows.values()
    deep, wide = ([row for row in rows if row.kind == kind] for kind in ("depth", "width"))
    auxiliary = {row.parent_ids[1] for row in deep}  # verified when a task is extended by them
    assert {row.task_id for row in rows if row.kind == "atomic"} - auxiliary <= booked["verify"]
    assert {row.parent_ids[0] for row in deep} <= booked["depth"]
    assert {" + ".join(row.parent_ids) for row in wide} <= booked["width"]
    assert booked["generate"] and all(item.endswith((".html", ".txt", ".md")) for item in booked["generate"])


def test_the_same_again_makes_no_call_and_no_version(builds: Builds, tmp_path: Path) -> None:
    with start() as server:
        env = environment(server, builds.folder / "home", **LABEL)
        again = build(SOURCES, builds.plain.out, env, server)
    assert again.seen["seen"] == 0 and "unchanged" in again.printed


def test_a_stop_by_budget_says_what_it_would_take_and_a_higher_cap_goes_on(builds: Builds, tmp_path: Path) -> None:
    few = ("--max-hops", "1", "--max-width", "1")
    with start() as server:
        env = environment(server, builds.folder / "home")
        stopped = fail(FEW, tmp_path, env, "--max-calls", "15", *few)
        seen = server.stats()["seen"]
        assert seen == 15, "the cap is never exceeded, nor left unused"
        assert "--max-calls" in stopped and "15" in stopped
        going_on = build(FEW, tmp_path, env, server, "--max-calls", "100000", *few)
    assert going_on.rows and seen + going_on.seen["seen"] == len(journalled(tmp_path, "key")), "nothing is paid twice"


def journalled(out: Path, columns: str) -> list[tuple[str, ...]]:
    """What the journal holds of calls to models."""
    with closing(sqlite3.connect(out / "journal.sqlite")) as journal:
        return journal.execute(f"SELECT {columns} FROM calls WHERE kind = 'chat'").fetchall()
