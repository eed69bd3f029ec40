"""What each prompt is answered with: one closed record a prompt, and its strict JSON schema.

A field that a model may leave open is nullable and not optional: strict schemas require every property.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_LISTED = 100
"""A longer list is no answer: nobody states a hundred facts of one text, or gives a hundred candidate answers."""

Text = Annotated[str, Field(max_length=4_000)]


class Answer(BaseModel):
    """Base of the records: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StatedFact(Answer):
    """One fact: the verbatim line or sentence that states it, the verbatim answer in it, and the relation R."""

    quote: Text
    answer: Text
    relation: Text


class Conclusions(Answer):
    """What a document states that can be asked, best first."""

    conclusions: Annotated[tuple[StatedFact, ...], Field(max_length=MOST_LISTED)]


class Question(Answer):
    """A question; null when what was given allows none, with the reason."""

    question: Text | None
    reason: Text


class FoundSuperset(Answer):
    """Where the element is described: the document, the verbatim entry or sentence, and the relation in words.

    `uri` is null when nothing was found. `told_apart_by` is the verbatim part of the quote that tells the element
    apart from its neighbours and does not name it.
    """

    uri: Text | None
    quote: Text
    told_apart_by: Text
    relation: Text


class AuxiliaryQuestion(Answer):
    """The question about the superset whose answer is the element; `noun` is what the element is: "moon"."""

    question: Text | None
    noun: Text


class Answers(Answer):
    """Every candidate answer that fits, best first; none when it is not known."""

    answers: Annotated[tuple[Text, ...], Field(max_length=MOST_LISTED)]


class Score(Answer):
    """How candidate answers compare with the golden one: 2 the same, 1 it is among or inside them, 0 wrong."""

    reason: Text
    score: Literal[0, 1, 2]


class Validity(Answer):
    """Whether something holds, and why (not)."""

    reason: Text
    valid: bool


class Parts(Answer):
    """Which of the given parts a question does not ask, and what it asks besides them."""

    missing: Annotated[tuple[Text, ...], Field(max_length=MOST_LISTED)]
    added: Annotated[tuple[Text, ...], Field(max_length=MOST_LISTED)]


ANSWERS: Mapping[str, type[Answer]] = {
    "author_conclude": Conclusions,
    "author_ask": Question,
    "author_superset": FoundSuperset,
    "author_auxiliary": AuxiliaryQuestion,
    "author_merge_depth": Question,
    "author_merge_width": Question,
    "solver_solve": Answers,
    "solver_guess": Answers,
    "judge_score": Score,
    "judge_superset": Validity,
    "judge_merge": Validity,
    "judge_parts": Parts,
}
"""The record that answers each prompt of `taskcraft_core.prompts`; the prompt's name is the schema's name."""

_NOT_STRICT = frozenset({"title", "description", "default", "maxItems", "maxLength"})
"""Not every endpoint takes these in a strict schema; lengths are checked when the answer is read."""


@cache
def schema_of(prompt: str) -> dict[str, Any]:
    """The strict JSON schema of a prompt's answer; made once."""
    schema: dict[str, Any] = _strict(ANSWERS[prompt].model_json_schema())
    return schema


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    # under "properties" the keys are names of fields, and no keywords
    kept = {key: _fields(value) if key in {"properties", "$defs"} else _strict(value) for key, value in node.items()
            if key not in _NOT_STRICT}  # fmt: skip
    if "properties" in kept:
        kept |= {"required": list(kept["properties"]), "additionalProperties": False}
    return kept


def _fields(named: dict[str, Any]) -> dict[str, Any]:
    return {name: _strict(value) for name, value in named.items()}
