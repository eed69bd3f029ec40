"""What the server answers to TaskCraft's prompts, one by one."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import pytest

from taskcraft_core.loopback.brain import variables
from taskcraft_core.loopback.process import Loopback
from taskcraft_core.loopback.protocol import Reply
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.extractive.reading.guessing import guesses
from taskcraft_core.roles.llm.answers import ANSWERS

Say = Callable[..., Reply]
Answer = Callable[..., dict[str, Any]]


def test_every_prompt_is_answered_in_its_form(answer: Answer) -> None:
    for name in ANSWERS:
        values = dict.fromkeys(prompt(name).variables, "1. none")
        fixed = {"language": "English", "medium": "page", "most": "5", "most_steps": "0"}
        values |= {key: value for key, value in fixed.items() if key in values}
        assert variables(prompt(name).render(values)) == values
        answer(name, **values)


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
def test_merges(language: str, core: str, auxiliary: str, noun: str, wanted: str, answer: Answer) -> None:
    before, after = "“”" if language == "English" else "《》"
    identifier, title = (text.split(before)[1].split(after)[0] for text in (core, auxiliary))
    got = answer(
        "author_merge_depth", question=core, identifier=identifier, title=title, relation="", told_apart_by="",
        noun=noun, auxiliary_question=auxiliary, language=language, tries="none",
    )  # fmt: skip
    assert got["question"] == wanted


def test_what_cannot_be_merged_is_null(answer: Answer) -> None:
    got = answer(
        "author_merge_depth", question="How wide is it?", identifier="Io", title="Moons", relation="", noun="moon",
        told_apart_by="", auxiliary_question="Which moon is it?", language="English", tries="none",
    )  # fmt: skip
    assert got["question"] is None and got["reason"]


def test_width_questions_are_merged_and_taken_apart(answer: Answer) -> None:
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
def test_scores(golden: str, candidates: list[str], score: int, answer: Answer) -> None:
    question = "According to the page “Moons”, which moon is listed?"
    assert answer("judge_score", question=question, golden=golden, candidates=_numbered(candidates))["score"] == score


def test_guesses_are_the_embedded_solvers(answer: Answer) -> None:
    question = "According to the page “Moons of 1610”, in what year was Io found?"
    assert answer("solver_guess", question=question)["answers"] == guesses(question)
    assert answer("solver_guess", question="word " * 10_000)["answers"] == []


def test_a_question_that_names_the_element_is_no_superset_and_no_merge(answer: Answer) -> None:
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
