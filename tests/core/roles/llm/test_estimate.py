"""The estimate of a build with models, against what can be counted by hand."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.calls.prices import Price, Prices
from taskcraft_core.config import BuildConfig
from taskcraft_core.models import Document, Passage
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.llm.estimate import Estimate, Measured, estimate
from taskcraft_core.roles.llm.expected import SAMPLE, Sample, measure, sampled, tokens_of

PRICES = Prices({"small": Price(input=1.0, output=10.0)})
MODEL = BuildConfig(author="openai:small", solver="openai:small", judge="openai:large", max_hops=1, max_width=1)
TEN = Sample(documents=10, sampled=10, parts=1.0, concluding=2_000, reading=1_000)


def document(number: int, text: str = "The River Lune is 84 km long.") -> Document:
    return Document(
        id=f"{number:064x}", uri=f"{number}.md", title="River Lune", media_type="text/markdown", language="en",
        blocks=(Passage(place="b0", text=text),),
    )  # fmt: skip


def calls(found: Estimate) -> dict[tuple[str, str], int]:
    return {(line.stage, line.role): line.calls for line in found.lines}


def test_calls_follow_from_the_rates() -> None:
    found = estimate(TEN, MODEL, PRICES, Measured({"questions a document": 4.0}))
    assert calls(found) == {
        ("generate", "author"): 10 + 40,  # a part of each, and a question for each
        ("verify", "solver"): 40 + round(40 * 3.5),  # a guess, and an agent that calls 2.5 tools
        ("verify", "judge"): 80,
    }
    assert [(one.value, one.measured) for one in found.assumptions][:2] == [(4.0, True), (0.5, False)]


def test_a_price_is_the_models_and_an_unknown_one_is_unknown() -> None:
    found = estimate(TEN, MODEL, PRICES, Measured())
    prices = {line.role: line.usd for line in found.lines}
    author = found.lines[0]
    assert author.usd == pytest.approx((author.prompt_tokens + 10 * author.completion_tokens) / 1e6)
    assert prices["judge"] is None and found.unpriced


def test_rules_cost_nothing() -> None:
    assert estimate(TEN, BuildConfig(), PRICES, Measured()).lines == ()
    only_judge = estimate(TEN, BuildConfig(judge="openai:small"), PRICES, Measured())
    assert {line.role for line in only_judge.lines} == {"judge"} and not only_judge.unpriced


def test_what_was_measured_here_is_taken_as_it_is() -> None:
    stages = [("generate", "author"), ("verify", "solver"), ("verify", "judge")]
    known = Measured(
        rates={"questions a document": 3.0, "share of questions that pass verification": 1.0},
        calls=dict.fromkeys(stages, 5.0),
        tokens=dict.fromkeys(stages, (100.0, 10.0)),
    )
    found = estimate(TEN, MODEL, PRICES, known)
    assert list(calls(found).values()) == [50, 150, 150]
    assert all(
        (line.prompt_tokens, line.completion_tokens) == (line.calls * 100, line.calls * 10) for line in found.lines
    )
    assert len(found.assumptions) == 5 and all(one.measured for one in found.assumptions)


def test_own_tasks_are_verified_and_not_authored() -> None:
    alone = estimate(TEN, MODEL, PRICES, Measured(), own=30, authors=False)
    assert set(calls(alone)) == {("verify", "solver"), ("verify", "judge")} and calls(alone)["verify", "judge"] == 60
    both = estimate(TEN, MODEL, PRICES, Measured(), own=30)
    assert calls(both)["verify", "judge"] == 2 * (60 + 30)


@given(hops=st.integers(1, 5), width=st.integers(1, 2), documents=st.integers(1, 500))
def test_more_of_anything_never_takes_less(hops: int, width: int, documents: int) -> None:
    def total(config: BuildConfig, number: int) -> int:
        sample = Sample(number, 5, 1.5, 2_000, 1_000)
        return sum(line.calls for line in estimate(sample, config, PRICES, Measured()).lines)

    config = MODEL.model_copy(update={"max_hops": hops, "max_width": width})
    more = [config.model_copy(update={"max_hops": hops + 1}), config.model_copy(update={"max_width": width + 1})]
    assert all(total(one, documents) >= total(config, documents) for one in more)
    assert total(config, documents + 1) >= total(config, documents)


def test_searching_the_web_is_paid_by_the_search() -> None:
    found = estimate(TEN, MODEL.model_copy(update={"search": "tavily"}), PRICES, Measured())
    (search,) = [line for line in found.lines if line.role == "search"]
    assert search.model == "tavily" and search.usd is not None and search.usd > 0


def test_prompts_are_rendered_with_the_documents() -> None:
    long = "A long sentence about the River Lune and its bridges. " * 60
    short, longer = measure([document(1)], 7), measure([document(1), document(2, long)], 7)
    assert short.documents == 7 and short.sampled == 1 and short.parts == 1
    assert short.concluding > tokens_of(prompt("author_conclude").instructions)
    assert longer.concluding - short.concluding == pytest.approx(tokens_of(long) / 2, rel=0.1)
    assert measure([], 0) == Sample(0, 0, 0, 0, 0)


def test_the_sample_is_the_same_whatever_the_order() -> None:
    documents = [document(number) for number in range(3 * SAMPLE)]
    drawn = sampled(documents)
    assert len(drawn) == SAMPLE and sampled(reversed(documents)) == drawn
    assert [one.id for one in drawn] != [one.id for one in documents[:SAMPLE]]


def test_chinese_takes_a_token_a_character() -> None:
    assert tokens_of("abcd" * 10) == 10
    assert tokens_of("赵州桥") == 3


def test_the_table_of_prices_that_comes_along_can_be_used(tmp_path: Path) -> None:
    found = estimate(TEN, MODEL.model_copy(update={"judge": "openai:gpt-4o"}), Prices.load(None), Measured())
    assert {line.role: line.usd is not None for line in found.lines}["judge"]
