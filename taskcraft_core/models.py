"""The records that flow through the pipeline, in the order in which they arise.

Document -> Conclusion -> AtomicTask -> Task (with its Verdict), and a Rejection for whatever falls out.
Records are frozen and closed: an unknown field is an error. Terms are those of the paper (arXiv 2506.10055).
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from taskcraft_core.reasons import Reason as Reason

MediaType = Literal[
    "text/html", "application/pdf", "image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff",
    "image/bmp", "text/markdown", "text/plain", "text/csv", "text/tab-separated-values", "application/json",
]  # fmt: skip
Tool = Literal["page", "pdf", "image"]
Kind = Literal["atomic", "depth", "width"]

Place = Annotated[str, Field(pattern=r"^(p\d+\.)?b\d+(\.r\d+)?$")]
"""Where something stands: page (PDF only, from 1), block (from 0), row or entry in the block (from 0): p3.b12.r4."""


class Record(BaseModel):
    """Base of every record: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- documents ---------------------------------------------------------------------------------------------


class Passage(Record):
    """A paragraph of running text."""

    kind: Literal["passage"] = "passage"
    place: Place
    section: str = ""
    text: str


class Table(Record):
    """A table with one header row; every row has as many cells as the header. Irregular tables are `Lines`."""

    kind: Literal["table"] = "table"
    place: Place
    section: str = ""
    caption: str = ""
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Box(Record):
    """A key-value box (infobox, data sheet, label: value lines)."""

    kind: Literal["box"] = "box"
    place: Place
    section: str = ""
    caption: str = ""
    entries: tuple[tuple[str, str], ...]


class Definitions(Record):
    """A definition list: (term, description) pairs."""

    kind: Literal["definitions"] = "definitions"
    place: Place
    section: str = ""
    entries: tuple[tuple[str, str], ...]


class Items(Record):
    """A bulleted or numbered list."""

    kind: Literal["items"] = "items"
    place: Place
    section: str = ""
    items: tuple[str, ...]


class Lines(Record):
    """Text lines with no structure that could be trusted: code, irregular tables, loose image text."""

    kind: Literal["lines"] = "lines"
    place: Place
    section: str = ""
    lines: tuple[str, ...]


class Figure(Record):
    """A figure with its caption; `href` as written in the page, or `document_id` when it was embedded."""

    kind: Literal["figure"] = "figure"
    place: Place
    section: str = ""
    caption: str = ""
    href: str = ""
    document_id: str | None = None


Block = Annotated[Passage | Table | Box | Definitions | Items | Lines | Figure, Field(discriminator="kind")]


class Link(Record):
    """A link as written; `place` is the block, and the row or entry, that it stands in. Resolved by Corpus."""

    place: Place
    text: str
    href: str


class Document(Record):
    """A parsed document. `id` is the sha256 (hex) of its bytes."""

    id: str
    uri: str
    title: str
    media_type: MediaType
    language: str
    blocks: tuple[Block, ...]
    links: tuple[Link, ...] = ()

    @property
    def tool(self) -> Tool:
        """The tool that reads this document."""
        return tool_for(self.media_type)


def tool_for(media_type: MediaType) -> Tool:
    """The tool that reads documents of a media type."""
    if media_type == "application/pdf":
        return "pdf"
    return "image" if media_type.startswith("image/") else "page"


# --- tasks -------------------------------------------------------------------------------------------------


class Evidence(Record):
    """A verbatim quote of a document (as `render` shows it) and the verbatim answer inside the quote."""

    document_id: str
    uri: str
    media_type: MediaType
    quote: str
    answer_span: str
    place: Place


Source = Literal[
    "box", "row_cell", "row_name", "definition", "item", "date", "measure", "defining_name", "caption", "model"
]
"""Which kind of structure a conclusion was read from; "model" when a model picked it."""


class Conclusion(Record):
    """Something a document states that can be asked: answer a, relation R, evidence (paper, section 3.1)."""

    answer: str
    relation: str
    source: Source
    evidence: Evidence


class AtomicTask(Record):
    """An authored question, not verified yet: q = f(i_T, R) -> a."""

    question: str
    answer: str
    identifier: str
    relation: str
    language: str
    tool: Tool
    evidence: Evidence


class ToolCall(Record):
    """A tool call in a chat message; `arguments` is a JSON string."""

    id: str
    name: str
    arguments: str


class Message(Record):
    """One chat message of a trajectory, in the OpenAI tool-call form."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


class Solution(Record):
    """What a solver came back with: every candidate answer that fits (best first) and how it got there."""

    answers: tuple[str, ...]
    trajectory: tuple[Message, ...]

    @property
    def steps(self) -> int:
        """Tool calls made, searching included."""
        return sum(len(message.tool_calls) for message in self.trajectory)


class Selector(Record):
    """A superset relation a machine can check: in document S, the entry whose `field` is `value` leads to the target.

    row: a table row whose cell under `field` is `value`; highest, lowest: the row with the extreme `value` in the
    column `field`; item: a list item or definition (field = "description"); figure: a figure (field = "caption");
    sentence: a sentence that `value` is a part of and that links to the target (field = "sentence").
    """

    document_id: str
    kind: Literal["row", "highest", "lowest", "item", "figure", "sentence"]
    field: str
    value: str


class Verdict(Record):
    """How a task fared: scores, votes, steps, and the names of the checks it passed."""

    agent_score: int | None
    no_tools_score: int
    agent_steps: int | None
    judge_votes: tuple[int, ...] = ()
    checks: tuple[str, ...] = ()


class Task(Record):
    """A verified task; `task_id` is a content hash (see `task_id_of`)."""

    task_id: str
    kind: Kind
    question: str
    answer: str
    answers: tuple[str, ...]
    hops: int
    width: int
    tools: tuple[Tool, ...]
    identifier: str
    relation: str
    selector: Selector | None
    language: str
    parent_ids: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    trajectory: tuple[Message, ...]
    trajectory_kind: Literal["solved", "composed"]
    agent_score: int | None
    no_tools_score: int
    agent_steps: int | None
    judge_votes: tuple[int, ...]
    checks: tuple[str, ...]


Stage = Literal["ingest", "generate", "verify", "depth", "width", "audit", "publish"]


class Rejection(Record):
    """Something that was left out, and why. `item` is a uri, a question or an id; `detail` is one sentence."""

    stage: Stage
    reason: Reason
    item: str
    detail: str
    document_id: str | None = None


def content_hash(value: Any) -> str:
    """The sha256 (hex) of a JSON-able value in canonical form: equal values, equal hash, on every machine."""
    canonical = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def task_id_of(
    question: str,
    answers: tuple[str, ...],
    identifier: str,
    relation: str,
    parent_ids: tuple[str, ...],
    evidence: tuple[Evidence, ...],
) -> str:
    """The content hash that names a task (where a document lies, its uri, is left out)."""
    places = [(e.document_id, e.place, e.quote, e.answer_span) for e in evidence]
    return content_hash([question, answers, identifier, relation, parent_ids, places])
