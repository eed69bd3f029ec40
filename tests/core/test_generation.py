"""Generation: caps, refusals, duplicates; and every conclusion is accounted for, as a task or with a reason."""

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.documents.render import render
from taskcraft_core.errors import BudgetExceeded, ResponseError
from taskcraft_core.generation import generate
from taskcraft_core.models import (
    AtomicTask,
    Box,
    Conclusion,
    Document,
    Evidence,
    Passage,
    Reason,
    Rejection,
    Table,
    content_hash,
)
from taskcraft_core.roles.extractive.author import ExtractiveAuthor
from taskcraft_core.roles.extractive.normalise import normalise

CONFIG = BuildConfig()


def page(title: str = "Iron", language: str = "en", rows: int = 12, **changed) -> Document:
    isotopes = tuple((f"Iron-{40 + n}", f"{n}.5 days") for n in range(1, rows + 1))
    return Document(
        id="1" * 64, uri="s/iron.html", title=title, media_type="text/html", language=language,
        blocks=(
            Table(place="b0", header=("Isotope", "Half-life"), rows=isotopes),
            Box(place="b1", entries=(("Melting point", "1,538 °C"), ("Symbol", "Fe"))),
        ),
    ).model_copy(update=changed)  # fmt: skip


class Listing:
    """An author that concludes what it is told and phrases all of it, but for the answers in `silent`."""

    spec = "listing"

    def __init__(self, conclusions: list[Conclusion], silent: frozenset[str] = frozenset()) -> None:
        self.conclusions, self.silent, self.asked = conclusions, silent, []

    async def conclude(self, document: Document) -> tuple[list[Conclusion], list[Rejection]]:
        return list(self.conclusions), []

    async def ask(self, document: Document, conclusion: Conclusion) -> AtomicTask | Rejection:
        self.asked.append(conclusion.answer)
        if conclusion.answer in self.silent:
            return Rejection(stage="generate", reason=Reason.NO_PHRASE, item=conclusion.evidence.quote, detail="No.")
        return AtomicTask(
            question=f"According to the page “{document.title}”, what is the {conclusion.relation}?",
            answer=conclusion.answer, identifier=document.title, relation=conclusion.relation,
            language=document.language, tool=document.tool, evidence=conclusion.evidence,
        )  # fmt: skip


def conclusion(document: Document, row: int, **changed) -> Conclusion:
    cells = document.blocks[0].rows[row]
    evidence = Evidence(
        document_id=document.id, uri=document.uri, media_type=document.media_type, quote=f"| {' | '.join(cells)} |",
        answer_span=cells[1], place=f"b0.r{row}",
    )  # fmt: skip
    answer = changed.pop("answer", normalise(cells[1]))
    relation = changed.pop("relation", f"half-life of {cells[0]}")
    return Conclusion(answer=answer, relation=relation, source="row_cell", evidence=evidence.model_copy(update=changed))


def reasons(rejections: list[Rejection]) -> list[Reason]:
    return [rejection.reason for rejection in rejections]


async def test_the_rules_ask_about_a_page_and_prove_what_they_ask() -> None:
    document = page()
    tasks, _ = await generate(document, ExtractiveAuthor(), CONFIG)
    assert 2 <= len(tasks) <= CONFIG.max_tasks_per_document
    for task in tasks:
        assert task.identifier == "Iron" in task.question
        assert task.evidence.quote in render(document)
        assert task.evidence.answer_span in task.evidence.quote
        assert normalise(task.evidence.answer_span) == task.answer
    assert len({task.question for task in tasks}) == len(tasks)


async def test_a_document_gives_no_more_tasks_than_the_cap_and_tells_what_it_left_out() -> None:
    document = page()
    found = [conclusion(document, row) for row in range(12)]
    author = Listing(found)
    tasks, rejected = await generate(document, author, BuildConfig(max_tasks_per_document=5))
    assert [task.answer for task in tasks] == [one.answer for one in found[:5]]
    assert reasons(rejected) == [Reason.DOCUMENT_CAP] * 7
    assert author.asked == [one.answer for one in found[:5]], "nothing is phrased beyond the cap"


async def test_no_more_conclusions_are_used_than_the_cap() -> None:
    document = page()
    same = [conclusion(document, 0) for _ in range(4)]
    found = [*same, *(conclusion(document, row) for row in range(1, 12))]
    tasks, rejected = await generate(document, Listing(found), BuildConfig(max_conclusions=6))
    assert len(tasks) == 3
    assert reasons(rejected) == [Reason.NEAR_DUPLICATE] * 3 + [Reason.DOCUMENT_CAP] * 9


async def test_one_conclusion_that_cannot_be_phrased_does_not_lose_the_others() -> None:
    document = page()
    found = [conclusion(document, row) for row in range(4)]
    tasks, rejected = await generate(document, Listing(found, frozenset({found[1].answer})), CONFIG)
    assert [task.answer for task in tasks] == [found[0].answer, found[2].answer, found[3].answer]
    assert reasons(rejected) == [Reason.NO_PHRASE]


@pytest.mark.parametrize(
    "broken",
    [{"quote": "| Iron-99 | 1.5 days |"}, {"answer_span": "9.9 days"}, {"answer": "9.9 days"}],
    ids=["quote", "span", "answer"],
)
async def test_a_conclusion_without_its_evidence_is_not_asked(broken: dict[str, str]) -> None:
    document = page()
    author = Listing([conclusion(document, 0, **broken), conclusion(document, 1)])
    tasks, rejected = await generate(document, author, CONFIG)
    assert [task.answer for task in tasks] == ["2.5 days"]
    assert reasons(rejected) == [Reason.EVIDENCE]
    assert author.asked == ["2.5 days"]


async def test_one_question_is_asked_once_and_so_is_one_fact() -> None:
    document = page()
    first = conclusion(document, 0)
    again = conclusion(document, 0, relation="time after which half of Iron-41 is left")
    another = conclusion(document, 1, relation=first.relation)
    tasks, rejected = await generate(document, Listing([first, again, another]), CONFIG)
    assert [task.answer for task in tasks] == [first.answer]
    assert reasons(rejected) == [Reason.NEAR_DUPLICATE] * 2


@pytest.mark.parametrize("language", ["fr", "und", "ja"])
async def test_another_language_is_refused(language: str) -> None:
    tasks, rejected = await generate(page(language=language), ExtractiveAuthor(), CONFIG)
    assert not tasks
    assert reasons(rejected) == [Reason.LANGUAGE]
    assert language in rejected[0].detail
    assert rejected[0].item == "s/iron.html"


@pytest.mark.parametrize("title", ["", "42", "Home", "a" * 200, "The “Iron” page", "《铁》", "Iron\nand steel"])
async def test_a_title_that_names_nothing_is_refused(title: str) -> None:
    tasks, rejected = await generate(page(title), ExtractiveAuthor(), CONFIG)
    assert not tasks
    assert reasons(rejected) == [Reason.TITLE]


async def test_a_page_that_states_nothing_is_rejected_and_not_lost() -> None:
    empty = page(blocks=(Passage(place="b0", text="So it goes."),))
    tasks, rejected = await generate(empty, ExtractiveAuthor(), CONFIG)
    assert not tasks
    assert reasons(rejected) == [Reason.NO_CONCLUSION]


async def test_every_conclusion_is_accounted_for(world) -> None:
    author = ExtractiveAuthor()
    for document in world.documents:
        found, aside = await author.conclude(document)
        tasks, rejected = await generate(document, author, CONFIG)
        assert len(tasks) + len(rejected) == max(len(found) + len(aside), 1), document.uri
        assert all(one.document_id == document.id and one.stage == "generate" for one in rejected), document.uri
        assert all(one.detail.endswith(".") and one.item for one in rejected), document.uri


async def test_generation_gives_the_same_again(world) -> None:
    document = world.pick(world.documents, 0)
    once, again = [await generate(document, ExtractiveAuthor(), CONFIG) for _ in range(2)]
    assert content_hash(repr(once)) == content_hash(repr(again))


# --- responses that are none --------------------------------------------------------------------------------------


class Failing(Listing):
    """An author that raises instead of concluding, or of asking for some answers."""

    def __init__(self, conclusions: list[Conclusion], error: Exception, answers: frozenset[str]) -> None:
        super().__init__(conclusions)
        self.error, self.answers = error, answers

    async def conclude(self, document: Document) -> tuple[list[Conclusion], list[Rejection]]:
        if not self.answers:
            raise self.error
        return await super().conclude(document)

    async def ask(self, document: Document, conclusion: Conclusion) -> AtomicTask | Rejection:
        if conclusion.answer in self.answers:
            raise self.error
        return await super().ask(document, conclusion)


NULL = ResponseError(Reason.RESPONSE_INVALID, "The model answered with null.")


async def test_a_response_that_is_none_costs_one_conclusion() -> None:
    document = page()
    found = [conclusion(document, row) for row in range(3)]
    tasks, rejected = await generate(document, Failing(found, NULL, frozenset({found[1].answer})), CONFIG)
    assert [task.answer for task in tasks] == [found[0].answer, found[2].answer]
    assert reasons(rejected) == [Reason.RESPONSE_INVALID]
    assert rejected[0].item == found[1].evidence.quote
    assert rejected[0].detail == "s/iron.html: The model answered with null."


async def test_conclusions_that_are_none_cost_the_document() -> None:
    tasks, rejected = await generate(page(), Failing([], NULL, frozenset()), CONFIG)
    assert not tasks
    assert reasons(rejected) == [Reason.RESPONSE_INVALID]
    assert (rejected[0].item, rejected[0].document_id) == ("s/iron.html", "1" * 64)


@pytest.mark.parametrize("answers", [frozenset(), frozenset({"1.5 days"})])
async def test_a_budget_that_is_reached_is_no_rejection(answers: frozenset[str]) -> None:
    document = page()
    author = Failing([conclusion(document, 0)], BudgetExceeded("--max-usd is reached"), answers)
    with pytest.raises(BudgetExceeded):
        await generate(document, author, CONFIG)
