"""What only rules bring about: denials, and well-meant answers that are oddly made; and two habits of gateways."""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import pytest

from taskcraft_core.loopback.behaviour import CONTENT, ODDITIES, TRANSPORT, Behaviour, Denial
from taskcraft_core.loopback.oddities import odd
from taskcraft_core.loopback.process import Loopback

Ask = Callable[..., Awaitable[tuple[int, Any]]]
SEARCH = {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}


# --- denials ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "type_of", "code", "said"),
    [
        ("402", 402, "invalid_request_error", 402, "credits"),
        ("403", 403, "invalid_request_error", 403, "your input was flagged"),
        ("405", 405, "invalid_request_error", None, "Method Not Allowed"),
        ("429_quota", 429, "insufficient_quota", None, "quota"),
    ],
)
async def test_a_denial_comes_every_time(
    server: Loopback, ask: Ask, kind: str, status: int, type_of: str, code: object, said: str
) -> None:
    server.control(rules=f"{kind}:Ceres")
    for _ in range(2):
        got, body = await ask("How wide is Ceres?")
        assert (got, body["error"]["type"], body["error"]["code"]) == (status, type_of, code)
        assert said in body["error"]["message"]
    assert (await ask("Pallas"))[0] == 200
    assert server.stats()["faults"] == {kind: 2} and server.stats()["refused"] == {str(status): 2}


async def test_a_rule_without_a_text_holds_for_everything(server: Loopback, ask: Ask) -> None:
    server.control(rules="402:")
    assert [(await ask(case))[0] for case in ("Ceres", "", "Vesta")] == [402, 402, 402]


# --- odd answers --------------------------------------------------------------------------------------------


async def _odd(server: Loopback, ask: Ask, kind: str, **fields: Any) -> dict[str, Any]:
    server.control(rules=f"{kind}:Ceres")
    status, body = await ask("Ceres", **fields)
    assert status == 200 and server.stats()["faults"] == {kind: 1}
    return dict(body)


@pytest.mark.parametrize(
    ("kind", "number"),
    [("negative_usage", -5), ("fractional_usage", 1.5), ("huge_usage", 10**18), ("endless_usage", 10**400 - 1)],
)
async def test_usage_that_nothing_uses(server: Loopback, ask: Ask, kind: str, number: float) -> None:
    assert (await _odd(server, ask, kind))["usage"] == dict.fromkeys(
        ("prompt_tokens", "completion_tokens", "total_tokens"), number
    )
    assert 0 < server.stats()["prompt_tokens"] < 100, "what is counted here is what was used"


async def test_no_usage_and_no_choices(server: Loopback, ask: Ask) -> None:
    body = await _odd(server, ask, "no_usage")
    assert "usage" not in body and body["choices"]
    server.control(reset=True)
    assert (await _odd(server, ask, "no_choices"))["choices"] == []


async def test_content_in_parts(server: Loopback, ask: Ask) -> None:
    (choice,) = (await _odd(server, ask, "content_parts"))["choices"]
    assert choice["message"]["content"] == [{"type": "text", "text": '{"answers": ["7", "8"]}'}]


async def test_half_a_character_in_the_answer_and_in_its_json(server: Loopback, ask: Ask) -> None:
    raw = (await _odd(server, ask, "surrogate"))["choices"][0]["message"]["content"]
    server.control(reset=True)
    escaped = (await _odd(server, ask, "surrogate_escape"))["choices"][0]["message"]["content"]
    assert json.loads(raw) == json.loads(escaped) == {"answers": ["7\ud83d", "8\ud83d"]}
    assert escaped.isascii() and "\ud83d" in raw


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("surrogate_arguments", {"query": "moon\ud83d"}), ("self_argument", {"self": "7", "query": "moon"})],
)
async def test_odd_arguments_of_tool_calls(server: Loopback, ask: Ask, kind: str, arguments: dict[str, str]) -> None:
    server.control(tool_then="moon", two_tools=True)
    (choice,) = (await _odd(server, ask, kind, tools=[SEARCH]))["choices"]
    made = [call["function"]["arguments"] for call in choice["message"]["tool_calls"]]
    assert [json.loads(one) for one in made] == [arguments, arguments] and all(one.isascii() for one in made)


@pytest.mark.parametrize("kind", ODDITIES)
def test_an_answer_without_a_place_for_it_stays(kind: Any) -> None:
    answer = {"choices": [{"message": {"content": None, "refusal": "No."}}], "usage": {"prompt_tokens": 1}}
    changed = odd(kind, answer)
    assert (changed != answer) == (kind.endswith("_usage") or kind == "no_choices")


# --- habits of gateways -------------------------------------------------------------------------------------


async def test_tools_and_a_form_are_not_asked_for_together(server: Loopback, ask: Ask) -> None:
    both = {"tools": [SEARCH], "response_format": {"type": "json_object"}}
    assert (await ask("As JSON?", **both))[0] == 200
    server.control(form_with_tools=False)
    status, body = await ask("As JSON?", **both)
    assert (status, body["error"]["message"]) == (400, "json mode cannot be combined with tool/function calling")
    for name, value in both.items():
        assert (await ask("As JSON?", **{name: value}))[0] == 200
    assert (await ask("As JSON?", tools=[SEARCH], response_format={"type": "text"}))[0] == 200


async def test_errors_that_repeat_the_key(server: Loopback, ask: Ask) -> None:
    headers = {"Authorization": "Bearer sk-planted", "X-Gateway-Key": "gw-planted", "X-Other": "not-this"}
    server.control(key="another", echo_key=True, rules="500:Ceres")
    wrong = (await ask(headers=headers))[1]["error"]["message"]
    server.control(key="sk-planted")
    broken = (await ask("Ceres", headers=headers))[1]["error"]["message"]
    for said in (wrong, broken):
        assert "sk-planted" in said and "gw-planted" in said and "not-this" not in said
    server.control(echo_key=False)
    assert "planted" not in (await ask("Ceres", headers=headers))[1]["error"]["message"]


# --- where they are, and where not ---------------------------------------------------------------------------


def test_they_belong_to_no_group_and_happen_by_rules_only() -> None:
    only_by_rules = {*get_args(Denial), *ODDITIES}
    for group in ("all", "transport", "content"):
        assert not only_by_rules & set(Behaviour.model_validate({"faults": group}).faults)
    assert not only_by_rules & {*TRANSPORT, *CONTENT}
    for kind in only_by_rules:
        with pytest.raises(ValueError, match=kind):
            Behaviour.model_validate({"faults": kind})
        assert Behaviour.model_validate({"rules": f"{kind}:"}).rules[0].fault == kind


def test_the_manual_names_them() -> None:
    command = [sys.executable, "-m", "taskcraft_core.loopback", "--help"]
    manual = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    words = manual.replace(",", " ").split()
    assert {*get_args(Denial), *ODDITIES, "--no-form-with-tools", "--echo-key"} <= set(words)
