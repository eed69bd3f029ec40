"""A chat-completions request as the server sees it, and what makes two of them the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from taskcraft_core.prompts import PROMPTS, prompt

_IMAGE_TOKENS = 765
_NOT_ASKED = frozenset(
    "messages tools tool_choice parallel_tool_calls response_format stream stream_options max_tokens "
    "max_completion_tokens".split()
)
"""How an answer is to be given, which a client may change when it tries again; the rest is what is asked."""


@dataclass(frozen=True)
class Step:
    """A tool call that an agent made, and what came of it (None: nothing yet)."""

    name: str
    arguments: Mapping[str, Any]
    observation: str | None


@dataclass(frozen=True)
class Request:
    """What is asked, without any exchange about answers that were unusable.

    Attributes:
        logical: A hash of model, sampling, instructions, case and steps: the same when a call is sent again, and
            when the answer to it was unusable and the model is asked to mend it.
        repair: Whether this is such a request to mend.
        prompt: The name of TaskCraft's prompt; "" if the instructions are none of its.
        case: The first user message.
        steps: The tool calls so far, in order, without those that were malformed.
        tools: The names of the tools that may be called.
        may_call: Whether any may be called now.
        schema: The JSON schema that the answer must have, if one is given.
        json: Whether the answer must be JSON.
        tokens: About how many tokens the request has.
        calls: How many tool calls it holds, the malformed ones too.
    """

    model: str
    logical: str
    repair: bool
    prompt: str
    case: str
    steps: tuple[Step, ...]
    tools: tuple[str, ...]
    may_call: bool
    schema: Mapping[str, Any] | None
    json: bool
    tokens: int
    calls: int


def read_request(body: Mapping[str, Any]) -> Request:
    """Reads the body of a request that `protocol.fault_of` found sound."""
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    system = text_of(messages[0]) if messages[0]["role"] in {"system", "developer"} else ""
    first = next((at for at, message in enumerate(messages) if message["role"] == "user"), len(messages))
    case = text_of(messages[first]) if first < len(messages) else ""
    calls = list(_calls(messages))
    steps = tuple(step for step in calls if step is not None)
    asked = {name: value for name, value in body.items() if name not in _NOT_ASKED}
    parts = [asked, system, case, [(step.name, step.arguments, step.observation) for step in steps]]
    canonical = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return Request(
        model=body["model"],
        logical=hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        repair=_mended(messages[first + 1 :]) or len(steps) < len(calls),
        prompt=prompt_of(system),
        case=case,
        steps=steps,
        tools=tuple(tool["function"]["name"] for tool in body.get("tools") or ()),
        may_call=bool(body.get("tools")) and body.get("tool_choice") != "none",
        schema=_schema(body),
        json=(body.get("response_format") or {}).get("type") not in (None, "text"),
        tokens=_tokens(messages, body),
        calls=len(calls),
    )


def _mended(later: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an answer was sent back: what a tool showed as a picture comes from the user too, but after the tool."""
    pairs = zip(later, later[1:], strict=False)
    return any(
        (one["role"], other["role"]) == ("assistant", "user") and not one.get("tool_calls") for one, other in pairs
    )


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, whose content may be text, parts or nothing."""
    content = message.get("content")
    if isinstance(content, str) or content is None:
        return content or ""
    return "\n".join(part.get("text", "") for part in content if part.get("type") == "text")


@lru_cache(maxsize=256)
def prompt_of(system: str) -> str:
    """Which of TaskCraft's prompts a system message begins with; "" for none."""
    found = [name for name in PROMPTS if (said := prompt(name).instructions) and system.startswith(said)]
    return max(found, key=lambda name: len(prompt(name).instructions), default="")


def _calls(messages: Sequence[Mapping[str, Any]]) -> Iterator[Step | None]:
    """Every tool call with its result; None for one whose arguments are no JSON object."""
    results = {message["tool_call_id"]: text_of(message) for message in messages if message["role"] == "tool"}
    for message in messages:
        for call in message.get("tool_calls") or ():
            arguments = _object(call["function"]["arguments"])
            well_formed = arguments is not None
            yield Step(call["function"]["name"], arguments or {}, results.get(call["id"])) if well_formed else None


def _object(written: str) -> dict[str, Any] | None:
    try:
        found = json.loads(written or "{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    asked = body.get("response_format") or {}
    found: Mapping[str, Any] | None = (asked.get("json_schema") or {}).get("schema")
    return found


def _tokens(messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> int:
    """Four bytes a token, and what a message, a tool and an image take besides."""
    tokens = 3
    for message in messages:
        content = message.get("content")
        images = sum(part.get("type") == "image_url" for part in content) if isinstance(content, list) else 0
        called = sum(len(call["function"]["arguments"]) + 24 for call in message.get("tool_calls") or ())
        tokens += 4 + tokens_in(text_of(message)) + _IMAGE_TOKENS * images + called // 4
    return tokens + sum(tokens_in(json.dumps(tool)) for tool in body.get("tools") or ())


def tokens_in(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)
