"""The checks that need no agent: each passes a good question and catches the bad one it is there for."""

from collections.abc import Sequence

import pytest

from taskcraft_core import checks
from taskcraft_core.corpus import Corpus
from taskcraft_core.models import Box, Document, Evidence, Passage, Table

IRON = Document(
    id="1" * 64,
    uri="s/iron.html",
    title="Iron",
    media_type="text/html",
    language="en",
    blocks=(
        Box(place="b0", entries=(("Melting point", "1,538 °C"), ("Symbol", "Fe"))),
        Table(place="b1", header=("Isotope", "Half-life"), rows=(("Iron-59", "44.5 days"), ("Iron-60", "2.6 years"))),
        Passage(place="b2", text="The melting point of the ore is 1,597 °C. Nothing else is said."),
    ),
)


def evidence(quote: str, span: str, place: str = "b0.r0") -> Evidence:
    return Evidence(
        document_id=IRON.id, uri=IRON.uri, media_type="text/html", quote=quote, answer_span=span, place=place
    )


def test_evidence_must_stand_in_the_document() -> None:
    corpus = Corpus([IRON])
    good = evidence("Symbol: Fe", "Fe")
    assert checks.evidence_missing(good, "Fe", corpus) is None
    assert checks.evidence_missing(good, "Au", corpus)
    assert checks.evidence_missing(evidence("Symbol: Au", "Au"), "Au", corpus)
    assert checks.evidence_missing(good, "Fe", Corpus([]))


def test_two_documents_of_one_title_are_ambiguous() -> None:
    twin = IRON.model_copy(update={"id": "2" * 64, "uri": "t/iron.html"})
    assert checks.identifier_ambiguous("Iron", Corpus([IRON])) is None
    assert checks.identifier_ambiguous("Iron", Corpus([IRON, twin]))
    assert checks.identifier_ambiguous("Gold", Corpus([IRON]))


def test_a_second_value_for_the_same_question_is_a_rival() -> None:
    melting, symbol = evidence("Melting point: 1,538 °C", "1,538 °C"), evidence("Symbol: Fe", "Fe", "b0.r1")
    assert checks.rival("what is the melting point", "Iron", "1,538 °C", melting, IRON)
    assert checks.rival("what is the symbol", "Iron", "Fe", symbol, IRON) is None
    half_life = evidence("| Iron-59 | 44.5 days |", "44.5 days", "b1.r0")
    assert checks.rival("what is the half-life of Iron-59", "Iron", "44.5 days", half_life, IRON) is None


def test_an_answer_in_the_question_is_guessed() -> None:
    assert checks.guess("Who built the Eiffel Tower?", "Eiffel")
    assert checks.guess("Which tower is the Tower of Eiffel?", "the Eiffel towers")
    assert checks.guess("Who built the Eiffel Tower?", "Koechlin") is None


ENGLISH = [
    "According to the page “Io”, what is the mean radius?",
    "What colour is the Großglockner Hochalpenstraße in “Die Straßen der Alpen und ihre Geschichte”?",
    "Io: how old?",
    "When did the Tour de France Automobile de la Côte d’Azur begin?",
    "According to the page “西湖”, what is the 平均水深?",
]
CHINESE = [
    "根据页面《西湖》，平均水深是多少？",
    "根据页面《铁》，International Space Station的高度是什么？",
    "《铁》的Fe是几价？",
]
FOREIGN = [
    ("Welches Jahr nennt die Seite “Io” für die Entdeckung des Mondes?", "en"),
    ("Selon la page “Io”, quelle est la masse de cette lune ?", "en"),
    ("¿En qué año se inauguró el puente?", "en"),
    ("根据页面《西湖》，平均水深是多少？", "en"),
    ("В каком году был открыт мост?", "en"),
    ("「西湖」というページによると、平均の水深はいくつですか？", "zh"),
    ("What is the mean depth?", "zh"),
    ("According to the page 《西湖》, what is its depth?", "zh"),
]


@pytest.mark.parametrize(("question", "language"), [(q, "en") for q in ENGLISH] + [(q, "zh") for q in CHINESE])
def test_a_question_in_the_language_of_its_document(question: str, language: str) -> None:
    assert checks.wrong_language(question, language, "Io") is None


@pytest.mark.parametrize(("question", "language"), FOREIGN)
def test_a_question_in_another_language(question: str, language: str) -> None:
    assert checks.wrong_language(question, language, "Io")


def test_no_question_of_the_rules_is_in_another_language(world) -> None:
    every = [*world.authored.values(), *(task for one in world.depth for task in one)]
    assert not [q for q in every if checks.wrong_language(q.question, q.language, q.identifier)]


def test_a_part_of_the_replaced_element_is_a_leak() -> None:
    question = (
        "“Bridges” lists a bridge with “1890” under “Opened”. According to the page on that bridge, how long is it?"
    )
    assert checks.leak(question, "2,467 m", "Forth Bridge", "bridge") is None
    assert checks.leak(question, "2,467 m", "Forth Bridge", "")
    assert checks.leak(question, "1890", "Forth Bridge", "bridge")
    assert checks.leak(question + " Forth", "2,467 m", "Forth Bridge", "bridge")
    assert checks.leak("《桥梁》列出了一座赵州桥式的桥。", "隋朝", "赵州桥")
    assert checks.leak("《桥梁》列出了一座石拱桥。", "隋朝", "赵州桥", "桥") is None


def test_readable_questions_are_bounded_and_whole() -> None:
    good: Sequence[str] = ["According to the page “Iron”, what is the symbol?", "根据页面《铁》，符号是什么？"]
    bad = [
        "What is the the symbol?",
        "What is “Fe?",
        "Tell me the symbol.",
        "What? Which?",
        "w " * 80 + "?",
        "What , then?",
    ]
    assert [checks.readable(question) for question in good] == [None, None]
    assert all(checks.readable(question) for question in bad)


def test_a_search_that_brings_the_target_is_a_shortcut() -> None:
    assert checks.shortcut(["a", "b"], "x", [["y"], ["z", "x"]])
    assert checks.shortcut(["a", "b"], "x", [["y"], ["z"]]) is None
