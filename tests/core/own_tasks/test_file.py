"""The file of tasks that people bring along, and the documents it names: read, or a sentence that says what to do."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metals import CORPUS, IRON, TIN, read, write

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.sources import list_sources
from taskcraft_core.errors import ConfigError
from taskcraft_core.models import Reason
from taskcraft_core.own_tasks import OwnTask, adopt, check_documents, read_own_tasks, sources_of

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


def test_a_folder_is_no_file_of_tasks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r" is a folder; name a JSONL file of tasks\.$"):
        read_own_tasks(tmp_path)


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
