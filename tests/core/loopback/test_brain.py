"""What the server answers to TaskCraft's prompts, beside what the embedded engine does itself."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.chunks import split
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.documents.render import render, render_block
from taskcraft_core.loopback.brain import think, variables
from taskcraft_core.loopback.process import Loopback
from taskcraft_core.loopback.protocol import Reply
from taskcraft_core.loopback.request import read_request
from taskcraft_core.models import AtomicTask, Conclusion, Document, Task
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.extractive.reading.guessing import guesses
from taskcraft_core.roles.extractive.solver import ExtractiveSolver
from taskcraft_core.roles.extractive.writing import merging
from taskcraft_core.roles.extractive.writing.conclusions import block_at, conclusions
from taskcraft_core.roles.extractive.writing.questions import ask
from taskcraft_core.roles.extractive.writing.supersets import supersets
from taskcraft_core.roles.llm.answers import ANSWERS
from taskcraft_core.tools import Toolbox, local_toolbox

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


def say(name: str, values: dict[str, str], *more: dict[str, Any], two: bool = False, **fields: Any) -> Reply:
    system, user = prompt(name).instructions, prompt(name).render(values)
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}, *more]
    request = read_request({"model": "m", "messages": messages} | fields)
    assert request.prompt == name
    return think(request, two)


def answer(name: str, **values: str) -> dict[str, Any]:
    content = say(name, values).content or ""
    ANSWERS[name].model_validate_json(content)
    return dict(json.loads(content))


async def run(name: str, values: dict[str, str], tools: Toolbox, two: bool = False) -> tuple[dict[str, Any], int, int]:
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


def test_every_prompt_is_answered_in_its_form() -> None:
    for name in ANSWERS:
        values = dict.fromkeys(prompt(name).variables, "1. none")
        fixed = {"language": "English", "medium": "page", "most": "5", "most_steps": "0"}
        values |= {key: value for key, value in fixed.items() if key in values}
        assert variables(prompt(name).render(values)) == values
        answer(name, **values)


def test_conclusions_and_questions_are_the_embedded_authors(
    documents: tuple[Document, ...], authored: dict[str, AtomicTask]
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


def test_no_more_conclusions_than_asked_for(documents: tuple[Document, ...]) -> None:
    values = {**of(documents[0]), "document": render(documents[0])}
    every = answer("author_conclude", **values, most="50")["conclusions"]
    assert answer("author_conclude", **values, most="3")["conclusions"] == every[:3]


def test_a_relation_that_the_rules_did_not_write_gives_no_question(documents: tuple[Document, ...]) -> None:
    values = {
        **of(documents[0]),
        "context": "Nothing of the sort.",
        "quote": "x 7",
        "answer": "7",
        "relation": "number",
    }
    got = answer("author_ask", **values)
    assert got["question"] is None and got["reason"]


async def test_solving_turn_by_turn_is_solving_at_once(authored: dict[str, AtomicTask], tools: Toolbox) -> None:
    for question in sorted(authored)[::41]:
        solved = await ExtractiveSolver().solve(question, tools, 6)
        found, calls, turns = await run("solver_solve", {"question": question, "most_steps": "6"}, tools)
        assert (tuple(found["answers"]), calls) == (solved.answers, solved.steps) and turns == calls + 1


async def test_the_step_limit_is_kept(authored: dict[str, AtomicTask], tools: Toolbox) -> None:
    question = sorted(authored)[0]
    for most in (0, 1, 2):
        _, calls, _ = await run("solver_solve", {"question": question, "most_steps": str(most)}, tools)
        assert calls <= most
    reply = say("solver_solve", {"question": question, "most_steps": "6"}, tools=tools.schemas, tool_choice="none")
    assert reply == Reply('{"answers": []}')


async def test_two_tools_at_once_lead_to_the_same_answer(authored: dict[str, AtomicTask], tools: Toolbox) -> None:
    values = {"question": sorted(authored)[0], "most_steps": "6"}
    one, calls, turns = await run("solver_solve", values, tools)
    two, more_calls, as_many_turns = await run("solver_solve", values, tools, two=True)
    assert one == two and (more_calls, as_many_turns) == (calls + 1, turns)


async def test_a_repair_and_a_picture_do_not_change_what_is_said(
    authored: dict[str, AtomicTask], tools: Toolbox
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
    documents: tuple[Document, ...], corpus: Corpus, tools: Toolbox, authored: dict[str, AtomicTask]
) -> None:
    made = merged = 0
    for target in documents[::3]:
        known = {one.auxiliary.question: one for one in supersets(target.title, target, corpus)}
        core = next((one for one in authored.values() if one.identifier == target.title), None)
        excluded: list[str] = []
        for _ in range(4):
            values = {"identifier": target.title, "about": render(target)[:600], "most_steps": "6"}
            found, calls, _ = await run("author_superset", values | {"excluded": "\n".join(excluded) or "none"}, tools)
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


@pytest.mark.parametrize(
    ("language", "core", "auxiliary", "noun", "wanted"),
    [
        (
            "English",
            "“Old moons” lists a moon with the discovery year 1789. According to the page on that moon, how old is it?",
            "According to the page “Guide”, which page is described as “The first ones”?",
            "page",
            "“Guide” lists a page described as “The first ones”. That page lists a moon with the discovery year 1789. "
            "According to the page on that moon, how old is it?",
        ),
        (
            "Chinese",
            "根据页面《月球》，质量是多少？",
            "根据页面《行星系》，哪个天体的特点为“最近的”？",
            "天体",
            "《行星系》列出了一个特点为“最近的”的天体。根据关于该天体的页面，质量是多少？",
        ),
        (
            "English",
            "According to the image “Radii”, what value is shown for Io?",
            "According to the page “Jupiter”, what is the title of the figure captioned “Sizes”?",
            "figure",
            "“Jupiter” contains a figure captioned “Sizes”. According to that figure, what value is shown for Io?",
        ),
    ],
)
def test_merges(language: str, core: str, auxiliary: str, noun: str, wanted: str) -> None:
    before, after = "“”" if language == "English" else "《》"
    identifier, title = (text.split(before)[1].split(after)[0] for text in (core, auxiliary))
    got = answer(
        "author_merge_depth", question=core, identifier=identifier, title=title, relation="", told_apart_by="",
        noun=noun, auxiliary_question=auxiliary, language=language, tries="none",
    )  # fmt: skip
    assert got["question"] == wanted


def test_what_cannot_be_merged_is_null() -> None:
    got = answer(
        "author_merge_depth", question="How wide is it?", identifier="Io", title="Moons", relation="", noun="moon",
        told_apart_by="", auxiliary_question="Which moon is it?", language="English", tries="none",
    )  # fmt: skip
    assert got["question"] is None and got["reason"]


def test_width_questions_are_merged_and_taken_apart() -> None:
    parts = [f"According to the page “{title}”, what is the mean radius?" for title in ("Io", "Europa")]
    merged = answer("author_merge_width", questions=_numbered(parts), language="English")["question"]
    assert merged == "According to the pages “Io” and “Europa”, what is the mean radius of each, in that order?"
    assert answer("judge_parts", question=merged, parts=_numbered(parts)) == {"missing": [], "added": []}
    swapped = answer("judge_parts", question=merged, parts=_numbered(parts[::-1]))
    assert sorted(swapped["missing"]) == sorted(parts) and not swapped["added"]
    short = answer("judge_parts", question=merged, parts=_numbered(parts[:1]))
    assert short == {"missing": [], "added": parts[1:]}
    assert answer("author_merge_width", questions=_numbered(["a?", "b?"]), language="English")["question"] is None


@pytest.mark.parametrize(
    ("golden", "candidates", "score"),
    [("1,821.6 km", ["1821.6 km"], 2), ("Io", ["Io", "Europa"], 1), ("Io", ["Europa"], 0)],
)
def test_scores(golden: str, candidates: list[str], score: int) -> None:
    question = "According to the page “Moons”, which moon is listed?"
    assert answer("judge_score", question=question, golden=golden, candidates=_numbered(candidates))["score"] == score


def test_guesses_are_the_embedded_solvers() -> None:
    question = "According to the page “Moons of 1610”, in what year was Io found?"
    assert answer("solver_guess", question=question)["answers"] == guesses(question)
    assert answer("solver_guess", question="word " * 10_000)["answers"] == []


def test_a_question_that_names_the_element_is_no_superset_and_no_merge() -> None:
    about = {"identifier": "Io", "title": "Moons", "quote": "| Io | Has volcanoes |", "relation": "Moon by Remark"}
    good, bad = (f"According to the page “Moons”, which moon {trait}?" for trait in ("has volcanoes", "is called Io"))
    assert answer("judge_superset", **about, auxiliary_question=good)["valid"]
    assert not answer("judge_superset", **about, auxiliary_question=bad)["valid"]
    assert not answer("judge_superset", **about, auxiliary_question=good.replace("Moons", "Others"))["valid"]
    core = {
        "core_question": "According to the page “Io”, what is the mass?",
        "auxiliary_question": good,
        "identifier": "Io",
    }
    merged = "“Moons” lists a moon that has volcanoes. According to the page on that moon, what is the mass?"
    assert answer("judge_merge", question=merged, **core)["valid"]
    for spoiled in (merged.replace("that moon", "Io"), merged.replace("mass", "age"), merged.replace("Moons", "A")):
        assert not answer("judge_merge", question=spoiled, **core)["valid"]


async def test_the_server_answers_prompts_and_trifles_over_http(server: Loopback) -> None:
    server.control(canned=None)
    said = {"role": "system", "content": prompt("solver_guess").instructions}
    asked = {"role": "user", "content": prompt("solver_guess").render({"question": "Is “Io” a moon?"})}
    broken = {"role": "user", "content": "<questions>Is Io a moon?</questions>"}
    bodies: Sequence[list[dict[str, Any]]] = ([said, asked], [{"role": "user", "content": "2 + 2?"}], [said, broken])
    async with aiohttp.ClientSession() as session:
        got = []
        for messages in bodies:
            body = {"model": "m", "messages": messages}
            async with session.post(f"{server.base_url}/chat/completions", json=body) as response:
                got.append((response.status, await response.json()))
    assert "Io" in json.loads(got[0][1]["choices"][0]["message"]["content"])["answers"]
    assert got[1][0] == 200 and got[1][1]["choices"][0]["message"]["content"]
    assert (got[2][0], got[2][1]["error"]["code"]) == (400, "loopback_error")
    assert server.stats()["by_prompt"] == {"solver_guess": 2, "other": 1}


def _numbered(texts: Sequence[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, start=1))
