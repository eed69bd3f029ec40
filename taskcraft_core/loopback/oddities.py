"""Answers that are well meant and oddly made, as services, gateways and models now and then send them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from taskcraft_core.loopback.behaviour import Fault

_LONE = "\ud83d"
"""Half of an emoji: JSON can say it, no UTF-8 file can hold it."""
_USAGE: Mapping[str, Any] = {
    "negative_usage": -5,
    "fractional_usage": 1.5,
    "huge_usage": 10**18,
    "endless_usage": int("9" * 400),
}


def odd(fault: Fault, answer: dict[str, Any]) -> dict[str, Any]:
    """A good answer with an oddity in it.

    Args:
        fault: Of other sorts, and of oddities that this answer has no place for, nothing comes.
        answer: The body of a completion.
    """
    if fault == "no_usage":
        return {name: value for name, value in answer.items() if name != "usage"}
    if fault == "no_choices":
        return answer | {"choices": []}
    if fault in _USAGE:
        return answer | {"usage": dict.fromkeys(answer["usage"], _USAGE[fault])}
    choices = [choice | {"message": _said(fault, choice["message"])} for choice in answer["choices"]]
    return answer | {"choices": choices}


def _said(fault: Fault, message: dict[str, Any]) -> dict[str, Any]:
    content, calls = message["content"], message.get("tool_calls")
    if content is not None and fault == "content_parts":
        return message | {"content": [{"type": "text", "text": content}]}
    if content is not None and fault in {"surrogate", "surrogate_escape"}:
        return message | {"content": _rewritten(content, _broken, escaped=fault == "surrogate_escape")}
    if calls and fault in {"surrogate_arguments", "self_argument"}:
        change = _broken if fault == "surrogate_arguments" else _with_self
        return message | {"tool_calls": [_called(call, change) for call in calls]}
    return message


def _called(call: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    function = call["function"]
    return call | {"function": function | {"arguments": _rewritten(function["arguments"], change, escaped=True)}}


def _rewritten(written: str, change: Callable[[Any], Any], escaped: bool) -> str:
    """JSON with another value; what is no JSON is changed as the text that it is."""
    try:
        return json.dumps(change(json.loads(written)), ensure_ascii=escaped)
    except ValueError:
        return str(change(written))


def _broken(value: Any) -> Any:
    """The same with half a character at the end of every text."""
    if isinstance(value, dict):
        return {name: _broken(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_broken(one) for one in value]
    return value + _LONE if isinstance(value, str) else value


def _with_self(value: Any) -> Any:
    return {"self": "7", **value} if isinstance(value, dict) else value
