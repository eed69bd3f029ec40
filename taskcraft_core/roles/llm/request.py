"""A chat request: what is asked of which model, and the key under which its answer is kept.

How an answer is made to fit its schema (see `Mode`) is no part of the key: an endpoint that takes strict schemas
tomorrow, and did not yesterday, still has its old answers found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from taskcraft_core.models import content_hash
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.llm.answers import schema_of

JsonMessage = dict[str, Any]
EXPECTED_ANSWER = 300
"""Tokens that an answer is expected to have."""
_WIDE = re.compile("[\u2e80-\U0010ffff]")
_IMAGE = 1_000
_TOOL = 120
_CALL = 50


class Mode(IntEnum):
    """How an endpoint is told the form of the answer, the strictest first."""

    SCHEMA = 0
    OBJECT = 1
    TEXT = 2


@dataclass(frozen=True)
class ChatRequest:
    """One chat request.

    Attributes:
        model: The model's name.
        role: author, solver or judge; booked with the call, and no part of its key.
        messages: In the form of OpenAI's chat completions.
        schema: The prompt whose answer is wanted (a key of `ANSWERS`); "" for any text.
        sampling: Parameters sent as they are.
        tools: OpenAI tool definitions.
        may_call: Whether tools may still be called.
        sample: Which vote or attempt this is.
    """

    model: str
    role: str
    messages: Sequence[JsonMessage]
    schema: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] = ()
    may_call: bool = True
    sample: int = 0

    def key(self, endpoint: str) -> str:
        """The hash of everything that could change the answer."""
        form = schema_of(self.schema) if self.schema else None
        return content_hash(
            ["chat", endpoint, self.model, dict(self.sampling), self.messages, form, self.tools, self.may_call,
             self.sample]
        )  # fmt: skip

    def payload(self, mode: Mode) -> dict[str, Any]:
        """The body that is sent."""
        messages = list(self.messages)
        body: dict[str, Any] = {"model": self.model, "messages": messages, **self.sampling}
        if self.tools:
            body["tools"] = self.tools
            if not self.may_call:
                body["tool_choice"] = "none"
        if not self.schema:
            return body
        if mode is Mode.SCHEMA:
            form = {"name": self.schema, "strict": True, "schema": schema_of(self.schema)}
            return body | {"response_format": {"type": "json_schema", "json_schema": form}}
        body["messages"] = _with_form(messages, self.schema)
        return body | {"response_format": {"type": "json_object"}} if mode is Mode.OBJECT else body

    def after(self, answer: str, fault: str) -> ChatRequest:
        """The request that shows the model an answer of its own that cannot be used, and why."""
        told = prompt("repair").render({"fault": fault})
        shown: list[JsonMessage] = [{"role": "assistant", "content": answer}, {"role": "user", "content": told}]
        return replace(self, messages=[*self.messages, *shown])

    @property
    def expected_prompt(self) -> int:
        """About how many tokens are read."""
        return int(sum(map(_size, self.messages))) + _TOOL * len(self.tools)


def tokens_of(text: str) -> float:
    """About how many tokens a text has: four characters make one, but each Chinese character is one."""
    wide = 0 if text.isascii() else len(_WIDE.findall(text))
    return (len(text) - wide) / 4 + wide


def _with_form(messages: list[JsonMessage], schema: str) -> list[JsonMessage]:
    """The form of the answer in words, at the end of the instructions, for endpoints that take no schema."""
    told = prompt("json_only").render({"schema": json.dumps(schema_of(schema), ensure_ascii=False)})
    first, *rest = messages
    return [{**first, "content": f"{first['content']}\n\n{told}"}, *rest]


def _size(message: JsonMessage) -> float:
    content = message.get("content")
    calls = _CALL * len(message.get("tool_calls") or ())
    if isinstance(content, list):
        return calls + sum(tokens_of(part["text"]) if "text" in part else _IMAGE for part in content)
    return calls + tokens_of(content or "")
