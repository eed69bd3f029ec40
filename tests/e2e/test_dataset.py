"""Every row of the built dataset holds what a row promises, checked against the documents read once more."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.rows import Row, row_hash, task_of
from taskcraft_core.extension.balance import chain_of
from taskcraft_core.extension.selector import targets
from taskcraft_core.models import Evidence, task_id_of
from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.tools import READERS, local_toolbox
from taskcraft_core.tools.replay import replay

CONFIG = BuildConfig()
SAMPLES = Path(__file__).parent.parent.parent / "data" / "samples"
READS = {name: tool for tool, name in READERS.items()}


def stands_in(part: str, text: str) -> bool:
    """Whether a text holds a part as whole words or numbers, whatever the case; Chinese has no word borders."""
    before = r"(?<!\w)(?<!\d[.,])" if part[0].isascii() else ""
    after = r"(?!\w|[.,]\d)" if part[-1].isascii() else ""
    return re.search(before + re.escape(part.casefold()) + after, text.casefold()) is not None


def proved(row: Row, rows: dict[str, Row]) -> list[tuple[str, Evidence]]:
    """What each piece of evidence has to be the proof of, by the parents of a row."""
    parents = [rows[key] for key in row.parent_ids]
    if row.kind == "atomic":
        return [(row.answer, row.evidence[0])]
    ordered = [parents[1], parents[0]] if row.kind == "depth" else parents
    answers = [answer for parent in ordered for answer, _ in proved(parent, rows)]
    return list(zip(answers, row.evidence, strict=True))


def replaced(row: Row, rows: dict[str, Row]) -> Iterator[str]:
    """The identifiers that a depth task does not name any more."""
    while row.kind == "depth":
        row = rows[row.parent_ids[0]]
        yield row.identifier


def test_there_are_enough_tasks_of_every_kind(built) -> None:
    atomic, depth = built.kind("atomic"), built.kind("depth")
    tools = Counter(row.evidence[0].media_type for row in atomic)
    read = Counter(tool for row in atomic for tool in row.tools)
    assert len(atomic) >= 300
    assert all(read[tool] >= 30 for tool in READERS), (read, tools)
    hops = Counter(row.hops for row in depth)
    assert hops[2] >= 60
    assert hops[3] >= 20
    assert len(built.kind("width")) >= 50


def test_chains_lead_from_pages_into_pdfs_and_images(built) -> None:
    tools = {row.tools for row in built.kind("depth")}
    assert {("page", "pdf"), ("page", "image")} <= tools


def test_the_audit_finds_nothing_that_the_stages_let_through(built) -> None:
    assert [one for one in built.left_out if one.stage == "audit"] == []


def test_every_file_is_a_document_or_a_rejection(built) -> None:
    uris = {document.uri for document in built.corpus.documents.values()} | {one.item for one in built.unusable}
    # the records of a JSONL file carry uris of their own
    files = {
        f"samples/{path.relative_to(SAMPLES).as_posix()}" for path in SAMPLES.rglob("*.*") if path.suffix != ".jsonl"
    }
    assert [name for name in sorted(files) if not any(uri.startswith(name) for uri in uris)] == []


def test_no_superset_carries_the_dataset(built) -> None:
    depth = built.kind("depth")
    used = Counter(superset for row in depth for superset in chain_of(row, built.rows))
    assert len(used) >= 12
    assert max(used.values()) <= CONFIG.superset_share * len(depth)


def test_ids_and_row_hashes_are_content_hashes(built) -> None:
    for row in built.rows.values():
        assert row.task_id == task_id_of(
            row.question, row.answers, row.identifier, row.relation, row.parent_ids, row.evidence
        )
        assert row.row_hash == row_hash(task_of(row))
        named = {one.name for one in row.lineage.stage_fingerprints}
        assert {"ingest", "generate", "verify", "width", "audit"} <= named


def test_questions_are_asked_once(built) -> None:
    assert max(Counter(row.question for row in built.rows.values()).values()) == 1


def test_evidence_stands_in_the_documents_and_proves_the_answers(built) -> None:
    for row in built.rows.values():
        for answer, evidence in proved(row, built.rows):
            assert evidence.answer_span in evidence.quote, row.question
            assert normalise(evidence.answer_span) == answer, row.question
            assert evidence.quote in built.corpus.text(evidence.document_id), row.question
            document = built.corpus.documents[evidence.document_id]
            assert (evidence.uri, evidence.media_type) == (document.uri, document.media_type)


def test_no_question_contains_its_answer(built) -> None:
    told = [
        (row.question, answer)
        for row in built.rows.values()
        for answer in row.answers
        if stands_in(answer, row.question)
    ]
    assert not told


def test_no_depth_question_contains_what_was_replaced(built) -> None:
    left = [
        (row.question, name)
        for row in built.kind("depth")
        for name in replaced(row, built.rows)
        if stands_in(name, row.question)
    ]
    assert not left


def test_each_selector_picks_exactly_one_target(built) -> None:
    for row in built.kind("depth"):
        core, auxiliary = (built.rows[key] for key in row.parent_ids)
        found = targets(row.selector, built.corpus)
        assert len(found) == 1, row.question
        (target,) = found
        assert built.corpus.documents[target].title.casefold() == core.identifier.casefold()
        assert normalise(core.identifier).casefold() == auxiliary.answer.casefold()
        assert row.selector.document_id == built.corpus.by_title(row.identifier)[0].id


def test_atomic_rows(built) -> None:
    for row in built.kind("atomic"):
        assert (row.hops, row.width, row.parent_ids, row.selector) == (1, 1, (), None)
        assert (row.answers, row.trajectory_kind) == ((row.answer,), "solved")
        assert (len(row.evidence), row.agent_steps <= CONFIG.max_steps) == (1, True)
        (named,) = built.corpus.by_title(row.identifier)
        assert row.tools == tuple(dict.fromkeys([named.tool, built.corpus.documents[row.evidence[0].document_id].tool]))
        assert stands_in(row.identifier, row.question)


def test_depth_rows(built) -> None:
    for row in built.kind("depth"):
        core, auxiliary = (built.rows[key] for key in row.parent_ids)
        assert auxiliary.kind == "atomic"
        assert core.kind in {"atomic", "depth"}
        assert (row.hops, row.width) == (core.hops + 1, 1)
        assert row.hops <= CONFIG.max_hops
        assert (row.answer, row.answers) == (core.answer, core.answers)
        assert (row.identifier, row.relation) == (auxiliary.identifier, auxiliary.relation)
        assert row.evidence == (*auxiliary.evidence, *core.evidence)
        assert row.tools == tuple(dict.fromkeys([*auxiliary.tools, *core.tools]))
        assert stands_in(row.identifier, row.question)
        assert row.selector.document_id not in {one.document_id for one in core.evidence}, "a cycle"


def test_width_rows(built) -> None:
    for row in built.kind("width"):
        parts = [built.rows[key] for key in row.parent_ids]
        assert (row.width, row.hops) == (len(parts), max(part.hops for part in parts))
        assert 2 <= row.width <= CONFIG.max_width
        assert row.answers == tuple(part.answer for part in parts)
        assert row.answer == "; ".join(row.answers)
        assert row.evidence == tuple(one for part in parts for one in part.evidence)
        assert row.identifier.split("; ") == list(dict.fromkeys(part.identifier for part in parts))
        assert row.relation.split("; ") == list(dict.fromkeys(part.relation for part in parts))
        assert row.tools == tuple(dict.fromkeys(tool for part in parts for tool in part.tools))
        assert row.selector is None


def test_scores_follow_the_acceptance_rule(built) -> None:
    for row in built.rows.values():
        assert row.no_tools_score == 0
        assert row.agent_score >= 1
        assert row.checks == tuple(sorted(set(row.checks)))


def test_trajectories_are_chat_messages_that_lead_to_the_answer(built) -> None:
    for row in built.rows.values():
        first, *_, last = row.trajectory
        assert (first.role, first.content) == ("user", row.question)
        assert (last.role, last.content, last.tool_calls) == ("assistant", row.answer, ())
        calls = [call for message in row.trajectory for call in message.tool_calls]
        limit = CONFIG.max_steps if row.kind == "atomic" else 10
        assert row.agent_steps == len(calls) <= limit
        assert all(isinstance(json.loads(call.arguments), dict) for call in calls)
        assert len({call.id for call in calls}) == len(calls)
        assert {READS[call.name] for call in calls if call.name != "search"} >= set(row.tools) - {"page"}


async def test_every_trajectory_replays(built) -> None:
    tools = local_toolbox(built.corpus)
    for row in built.rows.values():
        assert await replay(row.trajectory, tools), row.question
