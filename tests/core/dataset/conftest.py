"""A small world of valid tasks: two moons, the list that names them, and what is built on their pages."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, get_args

import pytest
from hypothesis import strategies as st

from taskcraft_core.dataset.rows import Lineage, Named, Row, row_of
from taskcraft_core.models import Evidence, Message, Selector, Task, ToolCall, task_id_of

PAGES = {
    "moons.html": "# Moons\n\n| Moon | Known for |\n\n| Io | volcanoes |\n\n| Callisto | craters |",
    "io.html": "# Io\n\nRadius: 1,821.6 km\n\nDiscovered: 1610-01-08",
    "callisto.html": "# Callisto\n\nRadius: 2,410.3 km\n\nDiscovered: 1610-01-07",
}


def id_of(uri: str) -> str:
    return hashlib.sha256(PAGES[uri].encode()).hexdigest()


@dataclass(frozen=True)
class Texts:
    """The documents of the world, by id; a document can be taken away."""

    pages: dict[str, str]

    def text(self, document_id: str) -> str:
        return self.pages[document_id]

    def without(self, uri: str) -> "Texts":
        return replace(self, pages={key: text for key, text in self.pages.items() if key != id_of(uri)})


def with_id(task: Task, **changes: Any) -> Task:
    """The task with changes, and the id that goes with them."""
    task = task.model_copy(update=changes)
    task_id = task_id_of(task.question, task.answers, task.identifier, task.relation, task.parent_ids, task.evidence)
    return task.model_copy(update={"task_id": task_id})


def solved(question: str, uri: str, quote: str, answer: str) -> tuple[Message, ...]:
    call = ToolCall(id="call_1", name="read_page", arguments=f'{{"uri": "{uri}"}}')
    return (
        Message(role="user", content=question),
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content=quote, tool_call_id="call_1", name="read_page"),
        Message(role="assistant", content=answer),
    )


def atomic(question: str, answer: str, identifier: str, relation: str, uri: str, quote: str) -> Task:
    evidence = Evidence(
        document_id=id_of(uri),
        uri=uri,
        media_type="text/html",
        quote=quote,
        answer_span=answer,
        place="b1.r0",
    )
    return with_id(
        Task(
            task_id="",
            kind="atomic",
            question=question,
            answer=answer,
            answers=(answer,),
            hops=1,
            width=1,
            tools=("page",),
            identifier=identifier,
            relation=relation,
            selector=None,
            language="en",
            parent_ids=(),
            evidence=(evidence,),
            trajectory=solved(question, uri, quote, answer),
            trajectory_kind="solved",
            agent_score=2,
            no_tools_score=0,
            agent_steps=1,
            judge_votes=(2, 2),
            checks=("guess", "rival"),
        )
    )


def depth(question: str, core: Task, auxiliary: Task, value: str) -> Task:
    return with_id(
        core,
        kind="depth",
        question=question,
        hops=core.hops + 1,
        identifier=auxiliary.identifier,
        relation=auxiliary.relation,
        selector=Selector(document_id=auxiliary.evidence[0].document_id, kind="row", field="Known for", value=value),
        parent_ids=(core.task_id, auxiliary.task_id),
        evidence=auxiliary.evidence + core.evidence,
        trajectory=_composed(auxiliary, core),
        trajectory_kind="composed",
        agent_score=None,
        agent_steps=None,
    )


def width(question: str, *parts: Task) -> Task:
    answers = tuple(answer for part in parts for answer in part.answers)
    return with_id(
        parts[0],
        kind="width",
        question=question,
        answers=answers,
        answer="; ".join(answers),
        hops=max(part.hops for part in parts),
        width=len(parts),
        identifier="; ".join(part.identifier for part in parts),
        relation="; ".join(part.relation for part in parts),
        parent_ids=tuple(part.task_id for part in parts),
        evidence=tuple(evidence for part in parts for evidence in part.evidence),
        trajectory=_composed(*parts),
        trajectory_kind="composed",
        agent_score=None,
        agent_steps=None,
    )


def _composed(*tasks: Task) -> tuple[Message, ...]:
    return tuple(message for task in tasks for message in task.trajectory)


@dataclass(frozen=True)
class World:
    """Valid tasks by name, and the documents that they quote."""

    radius: Task
    moon: Task
    seen: Task
    chain: Task
    pair: Task
    texts: Texts

    @property
    def tasks(self) -> list[Task]:
        return [self.radius, self.moon, self.seen, self.chain, self.pair]

    @property
    def rows(self) -> list[Row]:
        return [self.row(task) for task in self.tasks]

    @staticmethod
    def row(task: Task, config_hash: str = "c1") -> Row:
        roles = (Named(name="author", value="extractive"), Named(name="solver", value="extractive"))
        return row_of(task, Lineage(config_hash=config_hash, code_version="0.1.0", roles=roles))

    @staticmethod
    def changed(task: Task, **changes: Any) -> Task:
        return with_id(task, **changes)

    @staticmethod
    def depth(question: str, core: Task, auxiliary: Task, value: str) -> Task:
        return depth(question, core, auxiliary, value)


@pytest.fixture(scope="session")
def world() -> World:
    radius = atomic("What is the radius of Io?", "1,821.6 km", "Io", "radius", "io.html", "Radius: 1,821.6 km")
    moon = atomic(
        "Which moon is known for volcanoes?",
        "Io",
        "Moons",
        "known for volcanoes",
        "moons.html",
        "| Io | volcanoes |",
    )
    seen = atomic(
        "When was Callisto discovered?",
        "1610-01-07",
        "Callisto",
        "discovered",
        "callisto.html",
        "Discovered: 1610-01-07",
    )
    chain = depth(
        "The list of moons names one that is known for volcanoes. What is its radius?",
        radius,
        moon,
        "volcanoes",
    )
    pair = width("What is the radius of Io, and when was Callisto discovered?", radius, seen)
    texts = Texts({id_of(uri): text for uri, text in PAGES.items()})
    return World(radius, moon, seen, chain, pair, texts)


@pytest.fixture(scope="session")
def any_task() -> st.SearchStrategy[Task]:
    """Any task that the model admits, whether it makes sense or not."""
    text, number = st.text(max_size=20), st.integers(-(2**31), 2**31 - 1)
    texts = st.lists(text, max_size=3).map(tuple)
    places = st.from_regex(r"(p[0-9]{1,2}\.)?b[0-9]{1,3}(\.r[0-9]{1,2})?", fullmatch=True)
    evidence = st.builds(
        Evidence,
        document_id=text,
        uri=text,
        media_type=st.sampled_from(["text/html", "application/pdf", "image/png"]),
        quote=text,
        answer_span=text,
        place=places,
    )
    calls = st.lists(st.builds(ToolCall, id=text, name=text, arguments=text), max_size=2).map(tuple)
    message = st.builds(
        Message,
        role=st.sampled_from(["system", "user", "assistant", "tool"]),
        content=text,
        tool_calls=calls,
        tool_call_id=st.none() | text,
        name=st.none() | text,
    )
    selector = st.builds(
        Selector,
        document_id=text,
        kind=st.sampled_from(get_args(Selector.model_fields["kind"].annotation)),
        field=text,
        value=text,
    )
    return st.builds(
        Task,
        task_id=text,
        kind=st.sampled_from(["atomic", "depth", "width"]),
        question=text,
        answer=text,
        answers=texts,
        hops=number,
        width=number,
        tools=st.lists(st.sampled_from(["page", "pdf", "image"]), max_size=3).map(tuple),
        identifier=text,
        relation=text,
        selector=st.none() | selector,
        language=text,
        parent_ids=texts,
        evidence=st.lists(evidence, max_size=3).map(tuple),
        trajectory=st.lists(message, max_size=4).map(tuple),
        trajectory_kind=st.sampled_from(["solved", "composed"]),
        agent_score=st.none() | number,
        no_tools_score=number,
        agent_steps=st.none() | number,
        judge_votes=st.lists(number, max_size=3).map(tuple),
        checks=texts,
    )
