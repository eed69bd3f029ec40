"""Agent runs that are carried over: a run stands for as long as the documents that it read are unchanged.

Its calls are in the journal too, but under messages that hold what its searches brought, and that changes with every
new document. So the whole run is kept beside them. Whatever judges its answer is asked, or looked up, all the same.
"""

from __future__ import annotations

import base64
import json
import re
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from taskcraft_core.calls.purpose import purpose
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.fingerprint import STAGE_VERSIONS
from taskcraft_core.models import Message, ToolCall, content_hash
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.llm.answers import Answer, Answers, FoundSuperset, schema_of
from taskcraft_core.roles.llm.numbered import Numbered
from taskcraft_core.roles.llm.structured import RoleModel
from taskcraft_core.tools import READERS, Toolbox

A = TypeVar("A", bound=Answer)

_MESSAGES = TypeAdapter(tuple[Message, ...])
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, zlib.error)
"""What comes of a record in a form of another version."""


@dataclass(frozen=True)
class Run(Generic[A]):
    """What became of an agent run: its answer, None if it ran out of steps, and its messages."""

    answer: A | None
    trajectory: tuple[Message, ...]


@dataclass(frozen=True)
class Asked(Generic[A]):
    """What an agent is asked; with the model, everything that a run depends on besides the documents.

    Attributes:
        answer: The record of `ANSWERS[name]`.
        name: The prompt.
        values: Its variables.
        tools: What the agent may call.
        max_steps: How many tool calls it may make.
    """

    answer: type[A]
    name: str
    values: Mapping[str, str]
    tools: Toolbox
    max_steps: int

    def key(self, model: RoleModel, number: int) -> str:
        """Where the run of a number is kept: each is for other documents than those before it."""
        spec, versions = model.spec, [STAGE_VERSIONS["ingest"], STAGE_VERSIONS["verify"]]
        asked = [self.name, prompt(self.name).hash, schema_of(self.name), dict(self.values), self.max_steps]
        whom = [model.endpoint.label, spec.model, spec.sampling, spec.vision]
        return content_hash(["run", versions, whom, asked, self.tools.told, number])


async def carried(model: RoleModel, asked: Asked[A], make: Callable[[], Awaitable[Run[A]]]) -> Run[A]:
    """A kept run that still stands, or else a new one, which is then kept.

    A run that fails is not kept: nobody knows what it had read, and what it failed over may be gone next time.

    Args:
        model: Who makes it.
        asked: What is asked.
        make: Makes it; all its calls are looked up in the journal one by one.

    Raises:
        TaskCraftError: What `make` raises, or the journal.
    """
    journal, tools = model.endpoint.journal, asked.tools
    if tools.content is None:
        return await make()
    began = time.monotonic()
    kept = Numbered(lambda number: journal.get(asked.key(model, number)))
    if (standing := await kept.first(lambda one: _standing(one, asked))) is not None:
        return standing
    run = await make()
    if (written := _written(run, tools)) is not None:
        meant, number = purpose(), await kept.count()
        await journal.put(
            CallRecord(
                key=asked.key(model, number), kind="run", endpoint=model.endpoint.label, model=model.spec.model,
                role=model.role, stage=meant.stage, item=meant.item, sample=number, response=written,
                prompt_tokens=None, completion_tokens=None, usd=None,
                seconds=time.monotonic() - began, made_at=time.time(),
            )
        )  # fmt: skip
    return run


def _written(run: Run[A], tools: Toolbox) -> str | None:
    """A run as it is kept; None if it read what may change unnoticed."""
    shown = {uri: _content(tools, uri) for message in run.trajectory for uri in _hits(message)}
    read = {uri: _content(tools, uri) for uri in _read(run)} or shown
    if None in read.values():
        return None
    messages = zlib.compress(_MESSAGES.dump_json(run.trajectory))
    return json.dumps(
        {
            "answer": None if run.answer is None else run.answer.model_dump(),
            "read": read,
            "shown": shown if _nothing(run.answer) else {},
            "messages": base64.b64encode(messages).decode(),
        },
        ensure_ascii=False,
    )


async def _standing(kept: str, asked: Asked[A]) -> Run[A] | None:
    """The run that a record holds, if it stands."""
    try:
        found: dict[str, Any] = json.loads(kept)
        shown = dict(found["shown"])
        if any(_content(asked.tools, uri) != content for uri, content in found["read"].items()):
            return None
        answer = None if found["answer"] is None else asked.answer.model_validate(found["answer"])
        messages = _MESSAGES.validate_json(zlib.decompress(base64.b64decode(found["messages"])))
    except _UNREADABLE:
        return None
    if not await _shows_the_same(messages, asked.tools):
        return None
    if _nothing(answer) and await _more_to_see(messages, shown, asked.tools):
        return None
    return Run(answer, messages)


def _content(tools: Toolbox, uri: str) -> str | None:
    assert tools.content is not None
    return tools.content(uri)


def _read(run: Run[A]) -> Iterator[str]:
    """The documents that a run rests on: those that it read, and the one that its answer names."""
    for name, arguments in _calls(run.trajectory):
        if name in READERS.values() and isinstance(uri := arguments.get("uri"), str):
            yield uri.strip()
    if isinstance(run.answer, FoundSuperset) and run.answer.uri:
        yield run.answer.uri.strip()


async def _shows_the_same(trajectory: Sequence[Message], tools: Toolbox) -> bool:
    """Whether what a run read still looks as it did: where links and figures lead is no part of a document."""
    calls: dict[str, ToolCall] = {}
    for message in trajectory:
        calls |= {call.id: call for call in message.tool_calls}
        if message.name in READERS.values():
            call = calls.get(message.tool_call_id or "")
            if call is None or await tools.call_json(call.name, call.arguments) != message.content:
                return False
    return True


def _nothing(answer: Answer | None) -> bool:
    """Whether a run came back with nothing."""
    if isinstance(answer, FoundSuperset):
        return answer.uri is None
    return answer is None or (isinstance(answer, Answers) and not answer.answers)


async def _more_to_see(trajectory: Sequence[Message], shown: Mapping[str, str], tools: Toolbox) -> bool:
    """Whether a run that found nothing might now find something.

    That is where its first search, which says what it is after, brings a document with all the words of the query
    that is new or has changed.
    """
    first = next((arguments for name, arguments in _calls(trajectory) if name == "search"), None)
    if first is None or "search" not in tools.names:
        return False
    again = Message(role="tool", name="search", content=await tools.call("search", first))
    words = re.findall(r"\w+", str(first.get("query", "")).casefold())
    return any(
        all(word in text.casefold() for word in words) and shown.get(uri) != _content(tools, uri)
        for uri, text in _hits(again).items()
    )


def _calls(trajectory: Sequence[Message]) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in trajectory:
        yield from ((call.name, json.loads(call.arguments)) for call in message.tool_calls)


def _hits(message: Message) -> dict[str, str]:
    """What the observation of a search shows of each document, by its uri."""
    if message.name != "search":
        return {}
    try:
        return {hit["uri"]: f"{hit['title']} {hit['snippet']}" for hit in json.loads(message.content)}
    except (ValueError, TypeError, KeyError):  # the search took no such query
        return {}
