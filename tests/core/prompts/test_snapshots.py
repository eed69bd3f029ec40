"""Each prompt with a realistic case, as a model gets it; `UPDATE_SNAPSHOTS=1` writes them anew."""

import os
from pathlib import Path

import pytest

from taskcraft_core.prompts import PROMPTS, prompt

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("name", PROMPTS)
def test_the_rendered_prompt_is_its_snapshot(name: str, examples: dict[str, dict[str, str]]) -> None:
    assert set(examples[name]) == prompt(name).variables
    messages = [("system", prompt(name).instructions), ("user", prompt(name).render(examples[name]))]
    text = "\n\n".join(f"[{role}]\n\n{content}" for role, content in messages if content) + "\n"
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} changed: read it, then UPDATE_SNAPSHOTS=1"


def test_every_snapshot_has_its_prompt() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(PROMPTS)


def test_what_the_examples_quote_stands_in_the_samples(examples: dict[str, dict[str, str]]) -> None:
    fact, entry = examples["author_ask"], examples["author_auxiliary"]
    assert fact["quote"] in examples["author_conclude"]["document"]
    assert fact["answer"] in fact["quote"]
    assert entry["quote"] in entry["context"]
    assert entry["told_apart_by"] in entry["quote"]
