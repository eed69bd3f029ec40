"""The chat-completions protocol: what makes a request wrong, what an answer and an error look like."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from taskcraft_core.loopback.behaviour import Behaviour
from taskcraft_core.loopback.request import Request, tokens_in

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


@dataclass(frozen=True)
class Reply:
    """What the model says: a text or tool calls (name, arguments as written), and why it stopped."""

    content: str | None = None
    tool_calls: tuple[tuple[str, str], ...] = ()
    finish_reason: str = "stop"
    refusal: str | None = None


@dataclass(frozen=True)
class Failure:
    """An error answer, in OpenAI's form."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | int | None = None
    retry_after: float | None = None

    @property
    def body(self) -> bytes:
        """The JSON of it."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": error}).encode()


def unauthorised(key: str | None, authorization: str, api_key: str) -> Failure | None:
    """The answer to a caller without the right key, as Bearer token or in the header that Azure uses."""
    if key is None or authorization == f"Bearer {key}" or api_key == key:
        return None
    if not authorization and not api_key:
        return Failure(401, "You didn't provide an API key.")
    return Failure(401, "Incorrect API key provided.", code="invalid_api_key")


def fault_of(body: Any, behaviour: Behaviour) -> Failure | None:
    """What is wrong with a request, as far as it can be told before it is read."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return Failure(400, "you must provide a model parameter", param="model")
    if behaviour.models and body["model"] not in behaviour.models:
        return Failure(404, f"The model `{body['model']}` does not exist.", param="model", code="model_not_found")
    if body.get("stream"):
        return Failure(400, "This server does not stream.", param="stream", code="unsupported_value")
    wrong = _messages_fault(body.get("messages"))
    if wrong:
        return Failure(400, wrong, param="messages", code="invalid_value")
    return _format_fault(body, behaviour)


def too_long(request: Request, behaviour: Behaviour) -> Failure | None:
    """The answer to a request that does not fit into the context."""
    most = behaviour.context_tokens
    if most is None or request.tokens <= most:
        return None
    said = f"This model's maximum context length is {most} tokens. However, your messages have {request.tokens} tokens."
    return Failure(400, said, param="messages", code="context_length_exceeded")


def _messages_fault(messages: Any) -> str | None:
    """Every tool call must be answered right after it, and every message must say something."""
    if not isinstance(messages, list) or not messages:
        return "'messages' must be a list with at least one message."
    pending: set[str] = set()
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            return f"messages[{at}] has no valid role."
        if message["role"] == "tool":
            if message.get("tool_call_id") not in pending:
                return f"messages[{at}]: a 'tool' message must answer a tool call of the message before it."
            pending.discard(message["tool_call_id"])
            continue
        if pending:
            return f"messages[{at}]: an assistant message with 'tool_calls' must be followed by their results."
        calls = message.get("tool_calls") or ()
        pending = {call["id"] for call in calls}
        if message.get("content") is None and not calls:
            return f"messages[{at}]: invalid value for 'content': expected a string, got null."
    return "the last tool calls have no results." if pending else None


def _format_fault(body: Mapping[str, Any], behaviour: Behaviour) -> Failure | None:
    asked = body.get("response_format") or {"type": "text"}
    kind = asked.get("type")
    allowed = {"json_schema": ("text", "json_object", "json_schema"), "json_object": ("text", "json_object")}
    if kind not in allowed.get(behaviour.supports, ("text",)):
        said = f"Invalid parameter: 'response_format' of type '{kind}' is not supported with this model."
        return Failure(400, said, param="response_format")
    if kind != "text" and body.get("tools") and not behaviour.form_with_tools:
        return Failure(400, "json mode cannot be combined with tool/function calling")
    if kind == "json_object" and "json" not in json.dumps(body["messages"]).lower():
        return Failure(400, "'messages' must contain the word 'json' in some form.", param="messages")
    if kind == "json_schema":
        given = asked.get("json_schema") or {}
        loose = _loose(json.dumps(given.get("schema"), sort_keys=True)) if given.get("strict") else None
        if loose or not given.get("name"):
            said = f"Invalid schema for response_format '{given.get('name')}': {loose or 'it has no name'}."
            return Failure(400, said, param="response_format")
    return None


@lru_cache(maxsize=256)
def _loose(schema: str) -> str | None:
    """Why a schema is not strict: every object must be closed, and require all its properties."""

    def fault(node: Any) -> str | None:
        if isinstance(node, list):
            return next(filter(None, map(fault, node)), None)
        if not isinstance(node, dict):
            return None
        if node.get("type") == "object":
            if node.get("additionalProperties") is not False:
                return "'additionalProperties' is required to be false"
            if set(node.get("required", ())) != set(node.get("properties", ())):
                return "'required' must list every property"
        return next(filter(None, map(fault, node.values())), None)

    found = json.loads(schema)
    return fault(found) if isinstance(found, dict) else "it is no object"


def completion(request: Request, reply: Reply, created: int) -> tuple[dict[str, Any], tuple[int, int]]:
    """The body of an answer, and the (prompt, completion) tokens that it says were used."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
    if reply.tool_calls:
        message["tool_calls"] = _tool_calls(f"{request.logical[:20]}_{request.calls}", reply.tool_calls)
    written = tokens_in(reply.content or reply.refusal or "") + sum(
        tokens_in(name + arguments) + 4 for name, arguments in reply.tool_calls
    )
    body = {
        "id": f"chatcmpl-{request.logical}",
        "object": "chat.completion",
        "created": created,
        "model": request.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}],
        "usage": {
            "prompt_tokens": request.tokens,
            "completion_tokens": written,
            "total_tokens": request.tokens + written,
        },
    }
    return body, (request.tokens, written)


def _tool_calls(asked: str, calls: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Tool calls as the protocol has them; the same for a request however often it is sent, and for no other step."""
    return [
        {"id": f"call_{asked}_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(calls)
    ]
