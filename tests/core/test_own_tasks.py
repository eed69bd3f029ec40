"""Tasks that people bring along: read, given their evidence, or rejected with a sentence that says what to do."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.checks import evidence_missing
from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.documents.sources import list_sources
from taskcraft_core.errors import ConfigError
from taskcraft_core.evidence import locate
from taskcraft_core.models import Document, Reason
from taskcraft_core.own_tasks import OwnTask, adopt, check_documents, read_own_tasks, sources_of

IRON = """<html><head><title>Iron</title></head><body><h1>Iron</h1>
<p>Iron is a metal that people have worked for 3000 years. Its melting point was measured on 3 May 1894 by J. W. Marsh.
The measurement gave 1538 °C in a furnace of the Royal Mint.</p>
<h2>Mines</h2>
<table><caption>Mines of the north</caption><tr><th>Mine</th><th>Opened</th><th>Depth</th></tr>
<tr><td>Kiruna</td><td>1898</td><td>1,365 m</td></tr><tr><td>Malmberget</td><td>1741</td><td>1,250 m</td></tr></table>
<dl><dt>Density</dt><dd>7.874 g/cm³</dd><dt>Atomic number</dt><dd>26</dd></dl></body></html>"""
TIN = "<html><head><title>Tin</title></head><body><h1>Tin</h1><p>Tin melts at 232 °C. It is soft.</p></body></html>"
TIE = """<html><head><title>铁</title></head><body><h1>铁</h1>
<p>铁是一种金属。它的熔点于1894年5月3日测定，约为1538摄氏度。</p></body></html>"""


def read(html: str, uri: str) -> Document:
    return parse_document(html.encode(), hashlib.sha256(html.encode()).hexdigest(), uri, "text/html")[0]


CORPUS = Corpus([read(IRON, "e/iron.html"), read(TIN, "e/tin.html"), read(TIE, "zh/铁.html")])
IRON_ID = hashlib.sha256(IRON.encode()).hexdigest()


def own(question: str = "When was it measured?", answer: str = "3 May 1894", **fields: str) -> OwnTask:
    return OwnTask(line="f.jsonl#1", question=question, answer=answer, **fields)


def write(folder: Path, *lines: object) -> Path:
    path = folder / "tasks.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


# --- reading the file -------------------------------------------------------------------------------------------------


def test_a_file_of_tasks_is_read_with_the_line_that_each_stands_in(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"question": "  How  deep?\n", "answer": 1365, "identifier": "Iron", "document": "e/iron.html", "level": 3},
        "",
        "\ufeff" + json.dumps({"question": "And tin?", "answer": "232 °C"}, ensure_ascii=False),
    )
    tasks, rejected = read_own_tasks(path)
    assert rejected[0].item == "tasks.jsonl#3"  # a byte order mark belongs at the beginning of a file only
    assert tasks == [
        OwnTask(line="tasks.jsonl#1", question="How deep?", answer="1365", identifier="Iron", document="e/iron.html")
    ]


@pytest.mark.parametrize(
    ("line", "reason", "says"),
    [
        ("{", Reason.PARSE_FAILED, "no JSON object"),
        ("[1, 2]", Reason.PARSE_FAILED, "no JSON object"),
        ("[" * 5_000, Reason.PARSE_FAILED, "no JSON object"),
        ('{"question": "' + "x" * 200_000 + '"}', Reason.PARSE_FAILED, "too long"),
        ({"question": "How deep?"}, Reason.NO_CONTENT, "answer is missing"),
        ({"answer": "5"}, Reason.NO_CONTENT, "question is missing"),
        ({"question": None, "answer": ["5"]}, Reason.NO_CONTENT, "question and answer is missing"),
        ({"question": "How deep?", "answer": True}, Reason.NO_CONTENT, "answer is missing"),
        ({"question": "why " * 200, "answer": "5"}, Reason.READABLE, "question has over"),
        ({"question": "How deep?", "answer": "5 " * 200}, Reason.NOT_ATOMIC, "answer has over"),
        ({"question": "How deep?", "answer": "5", "identifier": "x" * 999}, Reason.TITLE, "identifier has over"),
        ({"question": "How deep?", "answer": "5", "document": "x" * 9999}, Reason.EVIDENCE, "document has over"),
    ],
)
def test_a_line_that_is_no_task_is_a_rejection_and_the_others_are_read(
    tmp_path: Path, line: object, reason: Reason, says: str
) -> None:
    tasks, rejected = read_own_tasks(write(tmp_path, line, {"question": "How deep is it?", "answer": "5"}))
    assert [task.line for task in tasks] == ["tasks.jsonl#2"]
    [rejection] = rejected
    assert (rejection.stage, rejection.reason) == ("generate", reason)
    assert says in rejection.detail and rejection.detail.endswith(".") and "tasks.jsonl#1" in rejection.detail
    assert len(rejection.item) <= 200 and len(rejection.detail) < 300


def test_the_same_question_twice_is_one_task(tmp_path: Path) -> None:
    tasks, rejected = read_own_tasks(write(tmp_path, *[{"question": "Why?", "answer": str(n)} for n in range(2)]))
    assert [task.answer for task in tasks] == ["0"]
    assert [(one.item, one.reason) for one in rejected] == [("Why?", Reason.NEAR_DUPLICATE)]


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n\n")
    for name in ("missing.jsonl", ".", "empty.jsonl", "x" * 400):
        with pytest.raises(ConfigError, match=r"name a JSONL file|write one JSON object") as caught:
            read_own_tasks(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_tasks_or_rejections_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(data)
    try:
        tasks, rejected = read_own_tasks(path)
    except ConfigError:
        assert not data.decode("utf-8-sig", "replace").strip()
    else:
        assert tasks or rejected


# --- their documents --------------------------------------------------------------------------------------------------


async def test_documents_that_tasks_bring_along_are_found_wherever_the_file_lies(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "page.html").write_text(IRON)
    (folder / "also.html").write_text(IRON)
    path = write(
        folder,
        {"question": "When was the melting point of iron measured?", "answer": "3 May 1894", "document": "page.html"},
        {"question": "How deep is Kiruna?", "answer": "1,365 m", "document": "./also.html"},
        {"question": "How deep is Malmberget?", "answer": "1,250 m", "document": "page.html"},
        {"question": "What is it?", "answer": "5", "document": "https://a.example/x"},
        {"question": "At what does tin melt?", "answer": "232 °C", "document": "e/tin.html"},
        {"question": "Which folder?", "answer": "5", "document": ".."},
        {"question": "Which name?", "answer": "5", "document": "a\x00b"},
    )
    tasks, _ = read_own_tasks(path)
    sources = sources_of(tasks, path)
    assert sources == [str(folder / "page.html"), str(folder / "also.html"), "https://a.example/x"]
    listed, _ = await list_sources(sources[:2], tmp_path / "out", BuildConfig(), Settings())
    corpus = Corpus([*(read(IRON, item.uri) for item in listed), read(TIN, "e/tin.html")])
    adopted, rejected = adopt(tasks, corpus)
    assert [(task.identifier, task.answer) for task in adopted] == [
        ("Iron", "1894-05-03"), ("Iron", "1,365 m"), ("Iron", "1,250 m"), ("Tin", "232 °C"),
    ]  # fmt: skip
    assert [(one.item, one.reason) for one in rejected] == [
        ("What is it?", Reason.EVIDENCE), ("Which folder?", Reason.EVIDENCE), ("Which name?", Reason.EVIDENCE),
    ]  # fmt: skip
    assert "no document of the build" in rejected[0].detail


def test_a_document_is_also_looked_for_in_the_current_folder_and_known_by_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "e.html").write_text(IRON)
    path = write(tmp_path / "mine", {"question": "When was it measured?", "answer": "3 May 1894", "document": "e.html"})
    tasks, _ = read_own_tasks(path)
    assert sources_of(tasks, path) == [str(tmp_path / "e.html")]
    check_documents(path)
    adopted, _ = adopt(tasks, CORPUS)  # where it is called e/iron.html
    assert [task.evidence.uri for task in adopted] == ["e/iron.html"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([{"question": "When?", "answer": "5"}], r"no line names a document; write \"document\": .* give a SOURCE"),
        (["{", {"question": "How?"}], r"no usable task; the first of 2 reasons: tasks.jsonl#1: the line is no JSON"),
        ([{"question": "When?", "answer": "5", "document": "no.html"}], r"was found: 'no.html'; it was looked for in"),
        ([{"question": f"{n}?", "answer": "5", "document": f"{n}"} for n in range(5)], r"'0', '1', '2' and 2 more; it"),
    ],
)
def test_a_file_without_documents_is_one_sentence_that_says_what_to_do(
    tmp_path: Path, lines: list[object], says: str
) -> None:
    path = write(tmp_path, *lines)
    with pytest.raises(ConfigError, match=says) as told:
        check_documents(path)
    assert str(path) in str(told.value)
    assert "looked for" not in says or f"{tmp_path} and in {Path.cwd()}" in str(told.value)


def test_a_folder_is_no_file_of_tasks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r" is a folder; name a JSONL file of tasks\.$"):
        read_own_tasks(tmp_path)


# --- adopting ---------------------------------------------------------------------------------------------------------


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
