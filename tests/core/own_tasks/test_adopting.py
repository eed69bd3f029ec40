"""Tasks that people bring along: given their evidence, or rejected with a sentence that says what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metals import CORPUS, IRON, IRON_ID, TIN, own, read

from taskcraft_core.checks import evidence_missing
from taskcraft_core.corpus import Corpus
from taskcraft_core.evidence import locate
from taskcraft_core.models import Reason
from taskcraft_core.own_tasks import adopt


def test_an_adopted_task_is_whole() -> None:
    [task], _ = adopt([own("When was the melting point of iron measured?", document="e/iron.html")], CORPUS)
    assert (task.question, task.relation) == ("When was the melting point of iron measured?",) * 2
    assert (task.answer, task.identifier, task.language, task.tool) == ("1894-05-03", "Iron", "en", "page")
    assert task.evidence.document_id == IRON_ID and task.evidence.uri == "e/iron.html"
    assert task.evidence.answer_span == "3 May 1894"
    assert task.evidence.quote == "Its melting point was measured on 3 May 1894 by J. W. Marsh."


@pytest.mark.parametrize(
    ("question", "answer", "quote", "span", "published"),
    [
        ("When was Kiruna opened?", "1898", "| Kiruna | 1898 | 1,365 m |", "1898", "1898"),
        ("How deep is Kiruna?", "1365 m", "| Kiruna | 1898 | 1,365 m |", "1,365 m", "1,365 m"),
        ("Which mine was opened in 1741?", "malmberget", "| Malmberget | 1741 | 1,250 m |", "Malmberget", "Malmberget"),
        ("How dense is iron?", "7.874 g/cm³", "Density: 7.874 g/cm³", "7.874 g/cm³", "7.874 g/cm³"),
        ("What is its atomic number?", "26", "Atomic number: 26", "26", "26"),
        ("When was it measured?", "1894-05-03", "Its melting point was measured on 3 May 1894 by J. W. Marsh.",
         "3 May 1894", "1894-05-03"),
        ("When was it measured?", "May 3, 1894", "Its melting point was measured on 3 May 1894 by J. W. Marsh.",
         "3 May 1894", "1894-05-03"),
        ("What did the measurement give?", "1,538 °C", "The measurement gave 1538 °C in a furnace of the Royal Mint.",
         "1538 °C", "1,538 °C"),
        ("Whose furnace was it?", "“the  royal Mint”", "The measurement gave 1538 °C in a furnace of the Royal Mint.",
         "the Royal Mint", "the Royal Mint"),
    ],
)  # fmt: skip
def test_an_answer_is_found_however_it_is_written(
    question: str, answer: str, quote: str, span: str, published: str
) -> None:
    [task], rejected = adopt([own(question, answer, document="e/iron.html")], CORPUS)
    assert not rejected
    assert (task.evidence.quote, task.evidence.answer_span, task.answer) == (quote, span, published)
    assert evidence_missing(task.evidence, task.answer, CORPUS) is None
    block = next(one for one in CORPUS.documents[IRON_ID].blocks if one.place == task.evidence.place.partition(".r")[0])
    assert (block.kind == "passage") == (".r" not in task.evidence.place)


def test_chinese_answers_are_found() -> None:
    for answer in ("1894年5月3日", "1894-05-03", "May 3, 1894"):
        [task], _ = adopt([own("熔点是哪一天测定的？", answer, identifier="铁")], CORPUS)
        assert (task.evidence.answer_span, task.answer, task.language) == ("1894年5月3日", "1894-05-03", "zh")
        assert evidence_missing(task.evidence, task.answer, CORPUS) is None


@pytest.mark.parametrize("answer", ["189", "8", "538 °C", "365 m", "ron", "Iron Age", "7.8", "1898 m", "yes", "."])
def test_a_part_of_a_word_or_number_is_not_the_answer(answer: str) -> None:
    tasks, [rejection] = adopt([own("What?", answer, document="e/iron.html")], CORPUS)
    assert not tasks
    assert (rejection.reason, rejection.document_id, rejection.item) == (Reason.EVIDENCE, IRON_ID, "What?")
    assert "e/iron.html" in rejection.detail


def test_the_document_is_found_by_its_title_or_by_a_search() -> None:
    tasks, rejected = adopt(
        [
            own("At which temperature does it melt?", "232 °C", identifier="tin"),
            own("At which temperature does tin melt?", "232 °C"),
            own("How deep is the mine of Kiruna?", "1,365 m", identifier="Metals"),
            own("How deep is the mine of Kiruna ever?", "9 km"),
            own("Zephyria?", "9 km"),
        ],
        CORPUS,
    )
    assert [(task.evidence.uri, task.identifier) for task in tasks] == [
        ("e/tin.html", "tin"), ("e/tin.html", "Tin"), ("e/iron.html", "Metals"),
    ]  # fmt: skip
    assert [one.reason for one in rejected] == [Reason.EVIDENCE] * 2
    assert all("name the document" in one.detail for one in rejected)


def test_a_title_that_two_documents_have_names_none() -> None:
    corpus = Corpus([read(IRON, "a"), read(IRON.replace("3000", "3500"), "b")])
    _, [rejection] = adopt([own(identifier="Iron")], corpus)
    assert rejection.reason == Reason.IDENTIFIER and "2 documents" in rejection.detail
    [task], _ = adopt([own(identifier="Iron", document="b")], corpus)
    assert task.evidence.uri == "b"


def test_of_several_places_the_one_that_the_question_is_about() -> None:
    text = "The lake is 40 m deep. The tower is 40 m high. The road is 40 m wide."
    page = read(f"<title>Sizes</title><h1>Sizes</h1><p>{text}</p>", "sizes")
    found = locate("40 m", "How high is the tower?", page)
    assert found and found.quote == "The tower is 40 m high."


def test_a_document_in_another_language_is_told_so() -> None:
    page = read(TIN, "tin").model_copy(update={"language": "de"})
    _, [rejection] = adopt([own("At what?", "232 °C", document="tin")], Corpus([page]))
    assert rejection.reason == Reason.LANGUAGE


def test_a_long_line_is_quoted_in_part() -> None:
    page = read(f"<title>Long</title><h1>Long</h1><p>{'word ' * 2_000}Kiruna {'word ' * 2_000}</p>", "long")
    found = locate("kiruna", "Where?", page)
    assert found and found.answer_span == "Kiruna" and "Kiruna" in found.quote and len(found.quote) <= 1_000


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_asked_evidence_holds_or_there_is_none(question: str, answer: str) -> None:
    for document in CORPUS.documents.values():
        found = locate(answer, question, document)
        if found is not None:
            assert found.answer_span in found.quote and found.quote in CORPUS.text(document.id)


@given(st.data())
def test_every_piece_of_a_line_is_found_in_it(data: st.DataObject) -> None:
    document = CORPUS.documents[data.draw(st.sampled_from(sorted(CORPUS.documents)))]
    words = data.draw(st.sampled_from([line for line in CORPUS.text(document.id).splitlines() if line])).split()
    words = words[data.draw(st.integers(0, len(words) - 1)) :][: data.draw(st.integers(1, 4))]
    answer = " ".join(words).strip("#| ")
    heading = any(answer in title for title in ("# " + document.title, "## Mines"))
    if answer and "|" not in answer and not heading:
        found = locate(answer, "What?", document)
        assert found is not None and found.answer_span == answer


def test_of_what_a_search_finds_the_document_that_the_question_names_comes_first() -> None:
    mines = "<title>Mines of the north</title><h1>Mines of the north</h1><p>{}</p>"
    deep = read(mines.format("The mine of Kiruna is 1,365 m deep. Iron is found there."), "mines")
    for title in ("Iron", "Mines of the north"):
        question = f"According to the page “{title}”, how deep is the mine of Kiruna?"
        [task], _ = adopt([own(question, "1,365 m")], Corpus([*CORPUS.documents.values(), deep]))
        assert task.identifier == title
