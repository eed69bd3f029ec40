"""What a model writes down is held against the documents: facts, quotes, and supersets with their selectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.render import render
from taskcraft_core.extension.selector import targets
from taskcraft_core.models import Conclusion, Definitions, Document, Figure, Link, Passage, Reason, Rejection, Table
from taskcraft_core.roles.llm.answers import FoundSuperset, StatedFact
from taskcraft_core.roles.llm.facts import concluded
from taskcraft_core.roles.llm.proposals import Proposal, checked, superset
from taskcraft_core.roles.llm.quoting import context_of, place_of, verbatim


def document(key: str, title: str, *blocks: object, links: tuple[Link, ...] = (), media: str = "text/html") -> Document:
    return Document.model_validate(
        {"id": key * 64, "uri": f"s/{title.lower()}.html", "title": title, "media_type": media, "language": "en",
         "blocks": blocks, "links": links}
    )  # fmt: skip


FERRY = document("1", "Aurora", Passage(place="b0", text="The Aurora was launched on 4 May 1911 at Bergen."))
FLEET = document(
    "2", "Fleet",
    Table(place="b0", caption="All ferries", header=("Ferry", "Known for", "Built"), rows=(
        ("Aurora", "Carried the first cars", "1911"), ("Boreas", "Ran aground twice", "1911"))),
    Definitions(place="b1", entries=(("Aurora", "the ship on the town's seal"),)),
    Passage(place="b2", text="Seven men drowned when the Aurora struck a mine."),
    Figure(place="b3", caption="Cross-section of the hull", href="plan.html"),
    links=tuple(Link(place=place, text="Aurora", href="aurora.html") for place in ("b0.r0", "b1.r0", "b2")),
)  # fmt: skip
PLAN = document("3", "Plan", Passage(place="b0", text="A plan."), media="image/png")
CORPUS = Corpus([FERRY, FLEET, PLAN])


# --- facts ------------------------------------------------------------------------------------------------------------


def fact(quote: str, answer: str, relation: str = "launch of the Aurora") -> Conclusion | Rejection:
    return concluded(FERRY, render(FERRY), StatedFact(quote=quote, answer=answer, relation=relation))


def test_a_fact_that_stands_there_is_a_conclusion_in_the_one_form() -> None:
    found = fact("The Aurora was\nlaunched on 4  May 1911 at Bergen.", "4 May  1911")
    assert isinstance(found, Conclusion)
    assert (found.answer, found.source, found.evidence.place) == ("1911-05-04", "model", "b0")
    assert found.evidence.quote in render(FERRY) and found.evidence.answer_span == "4 May 1911"


@pytest.mark.parametrize(
    ("quote", "answer", "relation", "reason"),
    [
        ("The Aurora was launched on 5 May 1911.", "5 May 1911", "launch", Reason.EVIDENCE),
        ("The Aurora was launched on 4 May 1911 at Bergen.", "1912", "launch", Reason.EVIDENCE),
        ("The Aurora was launched on 4 May 1911 at Bergen.", "", "launch", Reason.EVIDENCE),
        ("", "Bergen", "launch", Reason.EVIDENCE),
        ("The Aurora was launched on 4 May 1911 at Bergen.", "Bergen", " ", Reason.EVIDENCE),
        ("The Aurora was launched on 4 May 1911 at Bergen.", ".", "launch", Reason.NOT_ATOMIC),
    ],
)
def test_a_fact_that_does_not_is_a_rejection(quote: str, answer: str, relation: str, reason: Reason) -> None:
    found = fact(quote, answer, relation)
    assert isinstance(found, Rejection) and found.reason is reason and FERRY.uri in found.detail


@given(st.text(max_size=80), st.text(max_size=40))
def test_what_is_called_verbatim_stands_in_the_text(text: str, quote: str) -> None:
    found = verbatim(text, quote)
    assert found is None or (found in text and len(found.split()) == len(quote.split()))
    assert verbatim(text, text) == (text.strip() or None)


@given(st.data())
def test_any_piece_of_a_text_is_found_however_it_is_spaced(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1, max_size=8))
    text = "".join(word + data.draw(st.sampled_from([" ", "\n", "  ", "\u00a0"])) for word in words)
    assert verbatim(text, "\t".join(words)) is not None


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("It melts at −38.83 °C.", "-38.83 °C"),
        ("the <title> tag", "the ‹title> tag"),
        ("the town’s seal", "the town's seal"),
        ("a “new” ferry", 'a "new" ferry'),
    ],
)
def test_dashes_and_quotes_are_the_texts_own(text: str, quote: str) -> None:
    found = verbatim(text, quote)
    assert found is not None and found in text and found != quote


def test_places_and_contexts_are_those_of_the_block() -> None:
    assert place_of(FLEET, "| Boreas | Ran aground twice | 1911 |") == "b0.r1"
    assert place_of(FLEET, "Aurora — the ship on the town's seal") == "b1.r0"
    assert place_of(FLEET, "Seven men drowned") == "b2"
    assert place_of(FLEET, "nowhere") is None
    context = context_of(FLEET, "b0.r1")
    assert context.startswith("All ferries\n| Ferry | Known for | Built |") and "Boreas" in context


def test_the_context_in_a_long_table_is_its_header_and_the_rows_near_by() -> None:
    rows = tuple((f"Ferry {number}", "a long story " * 20) for number in range(100))
    long = document("4", "Long", Table(place="b0", header=("Ferry", "Story"), rows=rows))
    context = context_of(long, "b0.r50")
    assert "| Ferry | Story |" in context and "Ferry 50" in context and len(context) <= 3_000
    assert "Ferry 90" not in context


# --- supersets --------------------------------------------------------------------------------------------------------


def found(quote: str, telling: str, uri: str = FLEET.uri) -> FoundSuperset:
    return FoundSuperset(uri=uri, quote=quote, told_apart_by=telling, relation="the ferry that is told apart")


@pytest.mark.parametrize(
    ("quote", "telling", "kind", "field", "name"),
    [
        ("| Aurora | Carried the first cars | 1911 |", "Carried the first cars", "row", "Known for", "Aurora"),
        ("| Aurora | Carried the first cars | 1911 |", "carried the first cars!", "row", "Known for", "Aurora"),
        ("Aurora — the ship on the town's seal", "the ship on the town's seal", "item", "description", "Aurora"),
        ("Seven men drowned when the Aurora struck a mine.", "Seven men drowned", "sentence", "sentence", "Aurora"),
    ],
)
def test_a_proposal_becomes_a_selector_that_leads_to_the_element(
    quote: str, telling: str, kind: str, field: str, name: str
) -> None:
    proposal = checked(found(quote, telling), "Aurora", FERRY, CORPUS)
    assert isinstance(proposal, Proposal)
    assert (proposal.selector.kind, proposal.selector.field, proposal.name) == (kind, field, name)
    assert targets(proposal.selector, CORPUS) == {FERRY.id}
    made = superset(proposal, FERRY, "Which ferry carried the first cars?", "the ferry …", "ferry")
    assert made.auxiliary.answer == "Aurora" and made.auxiliary.evidence.quote in CORPUS.text(FLEET.id)


def test_a_year_that_two_ferries_share_leads_to_both() -> None:
    proposal = checked(found("| Aurora | Carried the first cars | 1911 |", "1911"), "Aurora", FERRY, CORPUS)
    assert isinstance(proposal, Proposal) and len(targets(proposal.selector, CORPUS)) == 2


def test_a_figure_is_told_by_its_caption_and_named_in_itself() -> None:
    proposal = checked(found("[Figure: Cross-section of the hull](plan.html)", "Cross-section"), "Plan", PLAN, CORPUS)
    assert isinstance(proposal, Proposal) and proposal.selector.kind == "figure"
    made = superset(proposal, PLAN, "What is the title of the figure?", "figure", "figure")
    assert (made.auxiliary.answer, made.auxiliary.tool) == ("Plan", "image")
    assert made.auxiliary.evidence.quote == "# Plan" and made.auxiliary.evidence.quote in CORPUS.text(PLAN.id)


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        (found("x", "y", uri="https://elsewhere.example/"), Reason.NO_SUPERSET),
        (found("x", "y", uri=FERRY.uri), Reason.CYCLE),
        (found("| Aurora | Sank | 1940 |", "Sank"), Reason.EVIDENCE),
        (found("| Aurora | Carried the first cars | 1911 |", "Sank in 1940"), Reason.SUPERSET_INVALID),
        (found("Seven men drowned when the Aurora struck a mine.", "the Aurora struck"), Reason.SUPERSET_INVALID),
    ],
)
def test_a_proposal_that_does_not_hold_is_a_rejection(proposal: FoundSuperset, reason: Reason) -> None:
    made = checked(proposal, "Aurora", FERRY, CORPUS)
    assert isinstance(made, Rejection) and made.reason is reason and made.stage == "depth"
