"""What the server says: TaskCraft's prompts answered by the rules of the embedded engine, anything else by a trifle.

A pure function of the request. So a build over the server makes much the same tasks as the embedded engine, through
every layer that a real model would be asked through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from taskcraft_core.loopback import agents, authoring, judging
from taskcraft_core.loopback.authoring import Answer, Values
from taskcraft_core.loopback.protocol import Reply
from taskcraft_core.loopback.replaying import Replay, Unanswered
from taskcraft_core.loopback.request import Request

_KEPT = 4_096
_TAGGED = re.compile(r"^<(?P<name>[a-z_]+)>\n(?P<value>.*?)\n</(?P=name)>$", re.M | re.S)

_RULES: Mapping[str, Callable[[Values], Answer]] = {
    "author_conclude": authoring.conclude,
    "author_ask": authoring.ask_for,
    "author_auxiliary": authoring.auxiliary,
    "author_merge_depth": authoring.merge_depth,
    "author_merge_width": authoring.merge_width,
    "solver_guess": agents.guess,
    "judge_score": judging.score,
    "judge_superset": judging.superset,
    "judge_merge": judging.merge,
    "judge_parts": judging.parts,
}
_AGENTS: Mapping[str, Callable[[Values, Replay, int], Answer]] = {
    "solver_solve": agents.solve,
    "author_superset": agents.find_superset,
}
_said: dict[tuple[str, bool, bool], Reply] = {}


def think(request: Request, two_tools: bool) -> Reply:
    """The answer to a request; the same request is thought about once.

    Args:
        request: What is asked.
        two_tools: Whether an agent's first tool call has a second one beside it.
    """
    if not request.prompt:
        return Reply(json.dumps(_instance(request.schema)) if request.schema else "{}" if request.json else "Four.")
    key = (request.logical, request.may_call, two_tools)
    if key not in _said:
        if len(_said) >= _KEPT:
            _said.clear()
        _said[key] = _think(request, two_tools)
    return _said[key]


def _think(request: Request, two_tools: bool) -> Reply:
    values = variables(request.case)
    if request.prompt in _RULES:
        return _reply(_RULES[request.prompt](values))
    spent = 1 if two_tools else 0
    most = int(values["most_steps"]) if request.may_call else len(request.steps)
    try:
        return _reply(_AGENTS[request.prompt](values, Replay(request), most - spent))
    except Unanswered as wanted:
        beside = (agents.second_call(values),) if two_tools and not request.steps and most > 2 else ()
        return Reply(tool_calls=(wanted.call, *beside), finish_reason="tool_calls")


def variables(case: str) -> dict[str, str]:
    """The values of a case by their names; no value can close the tags that it stands between."""
    return {match["name"]: match["value"] for match in _TAGGED.finditer(case)}


def _reply(answer: Answer) -> Reply:
    return Reply(json.dumps(answer, ensure_ascii=False))


def _instance(schema: Any) -> Any:
    """The smallest thing that a schema allows, as far as simple schemas go."""
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        return {name: _instance(one) for name, one in schema.get("properties", {}).items()}
    empty: dict[object, object] = {"string": "", "array": [], "integer": 0, "number": 0, "boolean": True}
    return empty.get(kind)
