"""What the server answers about the samples, beside what the embedded engine does itself."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.chunks import split
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.documents.render import render, render_block
from taskcraft_core.loopback.protocol import Reply
from taskcraft_core.loopback.request import read_request
from taskcraft_core.models import AtomicTask, Conclusion, Document, Task
from taskcraft_core.roles.extractive.solver import ExtractiveSolver
from taskcraft_core.roles.extractive.writing import merging
from taskcraft_core.roles.extractive.writing.conclusions import block_at, conclusions
from taskcraft_core.roles.extractive.writing.questions import ask
from taskcraft_core.roles.extractive.writing.supersets import supersets
from taskcraft_core.roles.llm.answers import ANSWERS
from taskcraft_core.tools import Toolbox, local_toolbox

Say = Callable[..., Reply]
Answer = Callable[..., dict[str, Any]]
SAMPLES = Path(__file__).parents[3] / "data" / "samples"
LANGUAGES = {"en": "English", "zh": "Chinese"}
MEDIA = {"page": "page", "pdf": "PDF", "image": "image"}


def read_sample(path: Path) -> Document:
    data = path.read_bytes()
    return parse_document(data, hashlib.sha256(data).hexdigest(), path.relative_to(SAMPLES).as_posix())[0]


@pytest.fixture(scope="module")
def documents() -> tuple[Document, ...]:
    folders = ("solar-system", "zh", "missions")
    return tuple(read_sample(path) for folder in folders for path in sorted((SAMPLES / folder).glob("*.html")))


@pytest.fixture(scope="module")
def corpus(documents: tuple[Document, ...]) -> Corpus:
    return Corpus(documents)


@pytest.fixture(scope="module")
def tools(corpus: Corpus) -> Toolbox:
    return local_toolbox(corpus)


@pytest.fixture(scope="module")
def authored(documents: tuple[Document, ...]) -> dict[str, AtomicTask]:
    """Every question that the embedded author asks of the samples."""
    asked = [
        ask(document, one) for document in documents for one in conclusions(document) if isinstance(one, Conclusion)
    ]
    return {one.question: one for one in asked if isinstance(one, AtomicTask)}


async def run(
    say: Say, name: str, values: dict[str, str], tools: Toolbox, two: bool = False
) -> tuple[dict[str, Any], int, int]:
    """An agent's answer, its tool calls and its turns; every turn is asked anew, as over HTTP."""
    more: list[dict[str, Any]] = []
    calls = turns = 0
    while True:
        reply = say(name, values, *more, two=two, tools=tools.schemas)
        turns += 1
        if not reply.tool_calls:
            ANSWERS[name].model_validate_json(reply.content or "")
            return json.loads(reply.content or ""), calls, turns
        made = [
            {"id": f"{calls + at}", "type": "function", "function": {"name": called, "arguments": arguments}}
            for at, (called, arguments) in enumerate(reply.tool_calls)
        ]
        more.append({"role": "assistant", "content": None, "tool_calls": made})
        for one in made:
            seen = await tools.call_json(one["function"]["name"], one["function"]["arguments"])
            more.append({"role": "tool", "tool_call_id": one["id"], "content": seen})
        calls += len(made)


def of(document: Document) -> dict[str, str]:
    return {"title": document.title, "language": LANGUAGES[document.language], "medium": MEDIA[document.tool]}


def context(document: Document, place: str) -> str:
    block = block_at(document, place)[0]
    return "\n".join(part for part in (f"## {block.section}" if block.section else "", render_block(block)) if part)


def test_conclusions_and_questions_are_the_embedded_authors(
    documents: tuple[Document, ...], authored: dict[str, AtomicTask], answer: Answer
) -> None:
    asked: set[str] = set()
    for document in documents:
        for part in split(document):
            found = answer("author_conclude", **of(document), document=part.text, most="1000")["conclusions"]
            for fact in found:
                assert fact["answer"] in fact["quote"] and fact["quote"] in part.text
                place = next(b.place for b in document.blocks if fact["quote"] in render_block(b))
                got = answer("author_ask", **of(document), context=context(document, place), **fact)
                asked |= {got["question"]} if got["question"] else set()
    assert len(asked & authored.keys()) > 0.97 * len(authored)
    assert len(asked - authored.keys()) < 0.02 * len(asked)


def test_no_more_conclusions_than_asked_for(documents: tuple[Document, ...], answer: Answer) -> None:
    values = {**of(documents[0]), "document": render(documents[0])}
    every = answer("author_conclude", **values, most="50")["conclusions"]
    assert answer("author_conclude", **values, most="3")["conclusions"] == every[:3]


def test_a_relation_that_the_rules_did_not_write_gives_no_question(
    documents: tuple[Document, ...], answer: Answer
) -> None:
    values = {
        **of(documents[0]),
        "context": "Nothing of the sort.",
        "quote": "x 7",
        "answer": "7",
        "relation": "number",
    }
    got = answer("author_ask", **values)
    assert got["question"] is None and got["reason"]


async def test_solving_turn_by_turn_is_solving_at_once(
    authored: dict[str, AtomicTask], tools: Toolbox, say: Say
) -> None:
    for question in sorted(authored)[::41]:
        solved = await ExtractiveSolver().solve(question, tools, 6)
        found, calls, turns = await run(say, "solver_solve", {"question": question, "most_steps": "6"}, tools)
        assert (tuple(found["answers"]), calls) == (solved.answers, solved.steps) and turns == calls + 1


async def test_the_step_limit_is_kept(authored: dict[str, AtomicTask], tools: Toolbox, say: Say) -> None:
    question = sorted(authored)[0]
    for most in (0, 1, 2):
        _, calls, _ = await run(say, "solver_solve", {"question": question, "most_steps": str(most)}, tools)
        assert calls <= most
    reply = say("solver_solve", {"question": question, "most_steps": "6"}, tools=tools.schemas, tool_choice="none")
    assert reply == Reply('{"answers": []}')


async def test_two_tools_at_once_lead_to_the_same_answer(
    authored: dict[str, AtomicTask], tools: Toolbox, say: Say
) -> None:
    values = {"question": sorted(authored)[0], "most_steps": "6"}
    one, calls, turns = await run(say, "solver_solve", values, tools)
    two, more_calls, as_many_turns = await run(say, "solver_solve", values, tools, two=True)
    assert one == two and (more_calls, as_many_turns) == (calls + 1, turns)


async def test_a_repair_and_a_picture_do_not_change_what_is_said(
    authored: dict[str, AtomicTask], tools: Toolbox, say: Say
) -> None:
    values = {"question": sorted(authored)[0], "most_steps": "6"}
    first = say("solver_solve", values, tools=tools.schemas)
    bad: list[dict[str, Any]] = [{"role": "assistant", "content": "Well."}, {"role": "user", "content": "No JSON."}]
    assert say("solver_solve", values, *bad, tools=tools.schemas) == first
    (name, arguments), picture = first.tool_calls[0], [{"type": "image_url", "image_url": {"url": "data:,"}}]
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
    result = {"role": "tool", "tool_call_id": "1", "content": await tools.call_json(name, arguments)}
    seen: list[dict[str, Any]] = [{"role": "assistant", "content": None, "tool_calls": [call]}, result]
    shown = [*seen, {"role": "user", "content": picture}]
    assert say("solver_solve", values, *seen, tools=tools.schemas) == say(
        "solver_solve", values, *shown, tools=tools.schemas
    )
    messages = [{"role": "system", "content": ""}, {"role": "user", "content": ""}]
    assert not read_request({"model": "m", "messages": messages + shown}).repair


def _proposal_of(found: dict[str, Any], target: Document, corpus: Corpus) -> tuple[Document, dict[str, str]]:
    head = corpus.by_uri(found["uri"])
    assert head is not None and head.id != target.id
    document = corpus.documents[head.id]
    assert found["quote"] in render(document) and found["told_apart_by"] in found["quote"]
    place = next(block.place for block in document.blocks if found["quote"] in render_block(block))
    values = {key: found[key] for key in ("quote", "told_apart_by", "relation")}
    return document, values | {"context": context(document, place), "identifier": target.title} | of(document)


async def test_supersets_found_by_searching_are_the_embedded_authors(
    documents: tuple[Document, ...],
    corpus: Corpus,
    tools: Toolbox,
    authored: dict[str, AtomicTask],
    say: Say,
    answer: Answer,
) -> None:
    made = merged = 0
    for target in documents[::3]:
        known = {one.auxiliary.question: one for one in supersets(target.title, target, corpus)}
        core = next((one for one in authored.values() if one.identifier == target.title), None)
        excluded: list[str] = []
        for _ in range(4):
            values = {"identifier": target.title, "about": render(target)[:600], "most_steps": "6"}
            found, calls, _ = await run(
                say, "author_superset", values | {"excluded": "\n".join(excluded) or "none"}, tools
            )
            assert calls <= 6 and found["uri"] not in excluded
            if found["uri"] is None:
                break
            excluded.append(found["uri"])
            document, about = _proposal_of(found, target, corpus)
            got = answer("author_auxiliary", **about)
            superset = known.get(got["question"])
            if superset is None:
                continue
            made += 1
            assert (superset.document.id, superset.hint) == (document.id, got["noun"])
            assert superset.selector.value == found["told_apart_by"]
            if core is not None and core.language == document.language:
                merged += 1
                asked: dict[str, Any] = {
                    "question": core.question,
                    "identifier": core.identifier,
                    "language": core.language,
                }
                task = Task.model_construct(kind="atomic", **asked)
                one = answer(
                    "author_merge_depth", question=core.question, identifier=core.identifier, title=document.title,
                    relation=found["relation"], told_apart_by=found["told_apart_by"], noun=got["noun"],
                    auxiliary_question=got["question"], language=LANGUAGES[core.language], tries="none",
                )  # fmt: skip
                assert one["question"] == merging.merge_depth(task, superset)
                verdict = answer(
                    "judge_merge", question=one["question"], core_question=core.question,
                    auxiliary_question=got["question"], identifier=core.identifier,
                )  # fmt: skip
                assert verdict["valid"], verdict
    assert made > 15 and merged > 10
