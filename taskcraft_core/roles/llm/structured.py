"""A prompt, and the record that answers it: read strictly, repaired once, and never made up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from pydantic import ValidationError

from taskcraft_core.errors import ResponseError
from taskcraft_core.models import Reason
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.llm.answers import ANSWERS, Answer
from taskcraft_core.roles.llm.completion import Completion, Said
from taskcraft_core.roles.llm.endpoint import Endpoint
from taskcraft_core.roles.llm.request import ChatRequest, JsonMessage
from taskcraft_core.roles.llm.spec import ModelSpec

A = TypeVar("A", bound=Answer)
Check = Callable[[Completion], object]
"""Raises Unusable where a completion cannot be used."""

LONGEST_SHOWN = 4_000
"""Characters of an unusable answer that the model is shown again."""
MOST_STARTS = 50
"""Braces of an answer at which its object is looked for."""
_FENCED = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.S)


class Unusable(Exception):
    """An answer that cannot be used; its text is one sentence that the model is told."""

    def __init__(self, reason: Reason, fault: str) -> None:
        super().__init__(fault)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class RoleModel:
    """A chat model in a role."""

    endpoint: Endpoint
    role: str
    spec: ModelSpec

    def request(self, name: str, messages: Sequence[JsonMessage], **more: Any) -> ChatRequest:
        """The request for the answer to a prompt; `more` are other fields of `ChatRequest`."""
        return ChatRequest(self.spec.model, self.role, messages, name, self.spec.sampling, **more)


def messages_of(name: str, values: Mapping[str, str], image: str | None = None) -> list[JsonMessage]:
    """The messages of a prompt: its instructions, and the case, with an image (a data URI) if there is one."""
    case = prompt(name).render(values)
    content: object = case
    if image is not None:
        content = [{"type": "text", "text": case}, {"type": "image_url", "image_url": {"url": image}}]
    return [{"role": "system", "content": prompt(name).instructions}, {"role": "user", "content": content}]


async def ask(
    model: RoleModel,
    answer: type[A],
    name: str,
    values: Mapping[str, str],
    *,
    sample: int = 0,
    image: str | None = None,
) -> A:
    """Asks a model, and reads its answer.

    Args:
        model: Whom to ask.
        answer: The record of `ANSWERS[name]`.
        name: The prompt.
        values: Its variables.
        sample: Which vote or attempt this is.
        image: What else the model is shown, as a data URI.

    Raises:
        ResponseError: The answer could not be used, and neither could the repaired one.
        TaskCraftError: See `Endpoint.complete`.
    """
    assert ANSWERS[name] is answer
    request = model.request(name, messages_of(name, values, image), sample=sample)
    completion = await usable(model.endpoint, request, lambda one: read(one, answer))
    return read(completion, answer)


async def usable(endpoint: Endpoint, request: ChatRequest, check: Check) -> Completion:
    """A completion that passes the check; one that does not is shown to the model once, with what is wrong.

    Raises:
        ResponseError: Neither the answer nor the repaired one passes.
    """
    completion = await endpoint.complete(request)
    try:
        check(completion)
        return completion
    except Unusable as fault:
        repaired = await endpoint.complete(request.after(_shown(completion.said), str(fault)))
    try:
        check(repaired)
        return repaired
    except Unusable as fault:
        raise ResponseError(
            fault.reason, f"{request.model} gives no answer to {request.schema} that can be used: {fault}"
        ) from None


def read(completion: Completion, answer: type[A]) -> A:
    """The record that a completion holds.

    Raises:
        Unusable: It holds none, was cut off, or is a refusal.
    """
    errors: list[ValidationError] = []
    for body in _bodies(said(completion)):
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            errors.append(error)
    # what is wrong with an object says more than that something is none
    telling = [error for error in errors if error.errors()[0]["type"] != "json_invalid"]
    raise Unusable(Reason.RESPONSE_INVALID, _wrong((telling or errors)[0])) from None


def _bodies(text: str) -> Iterator[str]:
    """Where the object may be: the whole text, in a fence, or between words; each is tried in turn."""
    yield text
    if found := _FENCED.search(text):
        yield found[1]
    end = text.rfind("}") + 1
    yield from (text[brace.start() : end] for brace in islice(re.finditer("{", text[:end]), MOST_STARTS))


def said(completion: Completion) -> str:
    """The text of a completion.

    Raises:
        Unusable: There is none, it was cut off, or it is a refusal.
    """
    message, why = completion.said, completion.finish_reason
    if message.refusal or why == "content_filter":
        refusal = (message.refusal or "content filter")[:200].rstrip(".")
        raise Unusable(Reason.MODEL_REFUSED, f"it was a refusal: “{refusal}”")
    if why == "length":
        raise Unusable(Reason.RESPONSE_INVALID, "it was cut off at the length limit; answer more briefly")
    if not (message.content or "").strip():
        raise Unusable(Reason.RESPONSE_INVALID, "it was empty")
    return message.content or ""


def _wrong(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else f"it is not the JSON object that was asked for: {first['msg']}"


def _shown(message: Said) -> str:
    """The unusable answer as the model is shown it: as text, for a tool call without its result is no valid history."""
    calls = [f"{call.function.name}({call.function.arguments})" for call in message.tool_calls or ()]
    text = "\n".join([message.content or message.refusal or "", *calls]).strip()
    return text[:LONGEST_SHOWN] or "(nothing)"
