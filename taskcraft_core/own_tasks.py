"""Tasks that people already have: read from a JSONL file, and given the evidence that verification asks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from taskcraft_core.checks import LONGEST_QUESTION
from taskcraft_core.corpus import Corpus, Head
from taskcraft_core.documents.fetch import is_url
from taskcraft_core.documents.files import unreadable, well_formed
from taskcraft_core.documents.sources import MAX_FILE_BYTES
from taskcraft_core.errors import ConfigError
from taskcraft_core.evidence import locate
from taskcraft_core.generation import LONGEST_TITLE, SUPPORTED_LANGUAGES
from taskcraft_core.models import AtomicTask, Evidence, Reason, Record, Rejection
from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.roles.extractive.writing.words import contains_words
from taskcraft_core.tools import LocalSearch

LONGEST_ANSWER = 200
LONGEST_LINE = 100_000
MOST_TASKS = 100_000
_LONGEST_NAME = 2_000
_SHOWN = 3  # names of documents in one sentence


class OwnTask(Record):
    """A task as its owner wrote it.

    Attributes:
        line: Where it stands: "FILE#line".
        identifier: What the question calls the document; "" if not given.
        document: A path, a URL, or the uri of a document of the build; "" if not given.
        document_id: The hash of the file that `document` is the path of, else None: names depend on the machine.
    """

    line: str
    question: str
    answer: str
    identifier: str = ""
    document: str = ""
    document_id: str | None = None


def read_own_tasks(path: Path) -> tuple[list[OwnTask], list[Rejection]]:
    """Reads tasks from a JSONL file of {question, answer, identifier?, document?}; other fields are left alone.

    Args:
        path: The file; the paths in it are relative to its folder or, where nothing is there, to the current one.

    Returns:
        The tasks in the order of the file, and what cannot be one.

    Raises:
        ConfigError: The file cannot be read, or holds nothing.
    """
    tasks: dict[str, OwnTask] = {}
    rejected: list[Rejection] = []
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder; name a JSONL file of tasks.")
        if (why := unreadable(path)) is not None:
            raise ConfigError(f"{path}: {why}; name a JSONL file of tasks.")
        for number, line in _lines(path):
            found = _task(line, f"{well_formed(path.name)}#{number}", path.parent)
            if isinstance(found, OwnTask) and found.question in tasks:
                earlier = tasks[found.question].line
                found = _reject(Reason.NEAR_DUPLICATE, found.question, f"{found.line} asks the same as {earlier}")
            if isinstance(found, OwnTask) and len(tasks) >= MOST_TASKS:
                rejected.append(_reject(Reason.LIMIT, found.line, f"from {found.line} on: split the file"))
                break
            if isinstance(found, OwnTask):
                tasks[found.question] = found
            else:
                rejected.append(found)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigError(f"{path}: cannot be read ({why}); name a JSONL file of tasks.") from None
    if not tasks and not rejected:
        raise ConfigError(f"{path}: holds no task; write one JSON object with question and answer a line.")
    return list(tasks.values()), rejected


def sources_of(own: Sequence[OwnTask], path: Path) -> list[str]:
    """The documents that tasks bring along: files, by their paths as `read_own_tasks` takes them, and URLs; each once.

    Args:
        own: The tasks.
        path: The file that they were read from.
    """
    named = (task.document if is_url(task.document) else _file(task.document, path.parent) for task in own)
    return list(dict.fromkeys(str(source) for source in named if source))


def check_documents(path: Path) -> None:
    """Checks that a file of tasks brings the documents along that its answers are looked for in.

    Args:
        path: The file, given without any source.

    Raises:
        ConfigError: It brings none; says which were looked for and where, or that none is named.
    """
    own, rejected = read_own_tasks(path)
    if not own:
        raise ConfigError(f"{path}: holds no usable task; the first of {len(rejected)} reasons: {rejected[0].detail}")
    if sources_of(own, path):
        return
    named = list(dict.fromkeys(well_formed(task.document) for task in own if task.document))
    if not named:
        raise ConfigError(
            f'{path}: no line names a document; write "document": "…" (a file or a URL) into each line, or give a '
            "SOURCE whose documents hold the answers."
        )
    shown = ", ".join(map(repr, named[:_SHOWN])) + (f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else "")
    places = " and in ".join(dict.fromkeys(str(folder) for folder in (path.absolute().parent, Path.cwd())))
    raise ConfigError(
        f"{path}: no document that it names was found: {shown}; it was looked for in {places}. Correct the paths, or "
        "give a SOURCE."
    )


def adopt(
    own: Sequence[OwnTask], corpus: Corpus, search: LocalSearch | None = None
) -> tuple[list[AtomicTask], list[Rejection]]:
    """Turns people's tasks into atomic tasks, ready to be verified.

    Args:
        own: The tasks.
        corpus: The documents of the build.
        search: The search over the corpus, if there is one already; else one is made when a task needs it.

    Returns:
        The tasks whose answer stands in a document, in their order, and why the others were left out.
    """

    @cache
    def searcher() -> LocalSearch:
        return search or LocalSearch(corpus)

    tasks: list[AtomicTask] = []
    rejected: list[Rejection] = []
    for task in own:
        adopted = _adopt(task, corpus, searcher)
        if isinstance(adopted, AtomicTask):
            tasks.append(adopted)
        else:
            rejected.append(adopted)
    return tasks, rejected


def _adopt(task: OwnTask, corpus: Corpus, searcher: Callable[[], LocalSearch]) -> AtomicTask | Rejection:
    candidates = _candidates(task, corpus, searcher)
    if isinstance(candidates, Rejection):
        return candidates
    for head in candidates:
        evidence = locate(task.answer, task.question, corpus.documents[head.id])
        if evidence is not None and evidence.quote in corpus.text(head.id):
            return _atomic(task, head, evidence)
    if not task.document and not corpus.by_title(task.identifier):
        why = (
            f"the answer {task.answer!r} stands in no document that a search for the question finds; name the document"
        )
        return _reject(Reason.EVIDENCE, task.question, why)
    only = candidates[0]
    why = f"the answer {task.answer!r} stands in no sentence or line of {only.uri}; write it as the document does"
    return _reject(Reason.EVIDENCE, task.question, why, only.id)


def _candidates(task: OwnTask, corpus: Corpus, searcher: Callable[[], LocalSearch]) -> list[Head] | Rejection:
    """Where the answer may stand, best first."""
    if task.document:
        named = corpus.heads.get(task.document_id or "") or corpus.by_uri(well_formed(task.document))
        if named is None:
            there = task.document_id or is_url(task.document)
            remedy = "see why it was left out" if there else "put the file where the tasks or you are"
            why = f"{task.document!r} is no document of the build; correct the name, or {remedy}"
            return _reject(Reason.EVIDENCE, task.question, why)
        return [named]
    titled = corpus.by_title(task.identifier) if task.identifier else []
    if len(titled) > 1:
        why = f"{len(titled)} documents are titled {task.identifier!r}; name the document and another identifier"
        return _reject(Reason.IDENTIFIER, task.question, why)
    found = titled or _searched(task.question, corpus, searcher())
    if not found:
        return _reject(Reason.EVIDENCE, task.question, "a search for it finds no document; name the document")
    return found


def _searched(question: str, corpus: Corpus, search: LocalSearch) -> list[Head]:
    """What a search for the question finds; a document whose title stands in the question comes first."""
    found = [corpus.heads[key] for key in search.top(question)]
    return sorted(found, key=lambda head: -len(head.title) if contains_words(question, head.title) else 0)


def _atomic(task: OwnTask, head: Head, evidence: Evidence) -> AtomicTask | Rejection:
    if head.language not in SUPPORTED_LANGUAGES:
        why = f"{head.uri} is in {head.language!r}; tasks are verified in English and Chinese"
        return _reject(Reason.LANGUAGE, task.question, why, head.id)
    return AtomicTask(
        question=task.question,
        answer=normalise(evidence.answer_span),
        identifier=task.identifier or head.title,
        relation=task.question,
        language=head.language,
        tool=head.tool,
        evidence=evidence,
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers; of one that is too long the beginning, which is no JSON."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number in count(1):
            line = file.readline(LONGEST_LINE)
            rest = line
            while rest and not rest.endswith("\n"):
                rest = file.readline(LONGEST_LINE)
            if not line:
                return
            if line.strip():
                yield number, line


def _task(line: str, name: str, folder: Path) -> OwnTask | Rejection:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return _reject(Reason.PARSE_FAILED, name, f"{name}: the line is no JSON object, or too long; correct it")
    question, answer, identifier, document = (_text(value, key) for key in _FIELDS)
    if not question or not answer:
        missing = " and ".join(key for key, text in (("question", question), ("answer", answer)) if not text)
        return _reject(
            Reason.NO_CONTENT, question or name, f"{name}: {missing} is missing or no text; give it as a string"
        )
    for key, text, most, reason in _limits(question, answer, identifier, document):
        if len(text) > most:
            return _reject(reason, question, f"{name}: the {key} has over {most} characters; shorten it")
    file = _file(document, folder)
    return OwnTask(
        line=name, question=question, answer=answer, identifier=identifier, document=document,
        document_id=_hash(file) if file else None,
    )  # fmt: skip


_FIELDS = ("question", "answer", "identifier", "document")


def _limits(question: str, answer: str, identifier: str, document: str) -> Iterable[tuple[str, str, int, Reason]]:
    yield "question", question, LONGEST_QUESTION, Reason.READABLE
    yield "answer", answer, LONGEST_ANSWER, Reason.NOT_ATOMIC
    yield "identifier", identifier, LONGEST_TITLE, Reason.TITLE
    yield "document", document, _LONGEST_NAME, Reason.EVIDENCE


def _text(value: dict[str, Any], key: str) -> str:
    """A field as one line of text; numbers are text too, and whatever else it is counts as missing."""
    found = value.get(key)
    if isinstance(found, int | float) and not isinstance(found, bool):
        found = json.dumps(found)
    text = found.encode("utf-8", "replace").decode() if isinstance(found, str) else ""
    return text.strip() if key == "document" else " ".join(text.split())


def _file(document: str, folder: Path) -> Path | None:
    """The file that a task's document is the path of, from the folder of the tasks or from the current one."""
    if not document or is_url(document):
        return None
    try:
        return next((path for path in (folder / document, Path.cwd() / document) if path.is_file()), None)
    except (OSError, ValueError):  # a name that no file can have
        return None


def _hash(file: Path) -> str | None:
    """What a file is called among the documents; None for one that is too large to become one."""
    try:
        known = file.stat()
        return _hash_of(file, known.st_size, known.st_mtime_ns) if known.st_size <= MAX_FILE_BYTES else None
    except OSError:  # it is listed as a source nevertheless, so that its rejection says why
        return None


@lru_cache(maxsize=4_096)
def _hash_of(file: Path, size: int, changed: int) -> str:
    """Many tasks may be about one document; it is read once as long as it stays as it is."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _reject(reason: Reason, item: str, why: str, document_id: str | None = None) -> Rejection:
    return Rejection(stage="generate", reason=reason, item=item[:200], detail=f"{why}.", document_id=document_id)
