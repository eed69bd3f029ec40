"""Every way to misbehave, as a bare client sees it; which calls are disturbed; never two content faults."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.loopback.behaviour import CONTENT, TRANSPORT, Behaviour
from taskcraft_core.loopback.faults import Ledger, deal, delay, spoil
from taskcraft_core.loopback.process import Loopback
from taskcraft_core.loopback.protocol import Reply
from taskcraft_core.loopback.request import Request, read_request

Ask = Callable[..., Awaitable[tuple[int, Any]]]


def request(case: str, *more: dict[str, Any], **fields: Any) -> Request:
    messages = [{"role": "system", "content": "Answer."}, {"role": "user", "content": case}, *more]
    return read_request({"model": "m", "messages": messages} | fields)


def step(arguments: str, result: str, number: str = "1") -> list[dict[str, Any]]:
    made = {"id": number, "type": "function", "function": {"name": "search", "arguments": arguments}}
    return [{"role": "assistant", "tool_calls": [made]}, {"role": "tool", "tool_call_id": number, "content": result}]


REPAIR: list[dict[str, Any]] = [{"role": "assistant", "content": "{"}, {"role": "user", "content": "That is no JSON."}]


# --- on the way ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["429", "429_retry_after", "500", "502", "503", "529"])
async def test_an_error_status(server: Loopback, ask: Ask, kind: str) -> None:
    server.control(share=1, faults=[kind])
    status, body = await ask()
    assert status == int(kind[:3]) and set(body["error"]) == {"message", "type", "param", "code"}
    stats = server.stats()
    assert stats["faults"] == {kind: 1} and stats["refused"] == {kind[:3]: 1} and stats["answered"] == 0


@pytest.mark.parametrize(("kind", "after"), [("429", None), ("429_retry_after", "7.5")])
async def test_retry_after_is_sent_where_it_is_asked_for(server: Loopback, kind: str, after: str | None) -> None:
    server.control(share=1, faults=kind, retry_after=7.5)
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.base_url}/chat/completions", json=body) as response,
    ):
        assert response.headers.get("Retry-After") == after


async def test_disconnected_before_the_answer(server: Loopback, ask: Ask) -> None:
    server.control(share=1, faults="disconnect")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask()
    assert server.stats()["broken"] == 1


async def test_disconnected_in_the_middle_of_the_body(server: Loopback, ask: Ask) -> None:
    server.control(share=1, faults="disconnect_midway")
    with pytest.raises(aiohttp.ClientPayloadError):
        await ask()
    assert server.stats()["broken"] == 1


async def test_a_body_that_is_cut_and_no_json(server: Loopback, ask: Ask) -> None:
    server.control(share=1, faults="truncated_body")
    with pytest.raises(json.JSONDecodeError):
        await ask()


async def test_a_hanging_call_ends_when_the_client_gives_up(server: Loopback, ask: Ask) -> None:
    server.control(share=1, faults="hang")
    calling = asyncio.create_task(ask())
    while not server.stats()["in_flight"]:
        await asyncio.sleep(0)
    calling.cancel()
    while server.stats()["in_flight"]:
        await asyncio.sleep(0)
    assert server.stats()["broken"] == 1


async def test_a_rate_limit_refuses_what_is_too_much_at_once(server: Loopback, ask: Ask) -> None:
    server.control(requests_per_second=5, retry_after=2)
    statuses = [status for status, _ in await asyncio.gather(*(ask(str(number)) for number in range(20)))]
    assert statuses.count(200) == 5 and statuses.count(429) == 15
    assert server.stats()["faults"] == {"rate_limit": 15}


def test_latency_varies_by_request_and_is_the_same_again() -> None:
    behaviour = Behaviour(latency=0.2, jitter=0.5)
    delays = [delay(request(str(number)), behaviour, 1) for number in range(1_000)]
    assert delays == [delay(request(str(number)), behaviour, 1) for number in range(1_000)]
    assert 0.1 <= min(delays) < 0.11 and 0.29 < max(delays) <= 0.3
    assert delay(request("x"), Behaviour(latency=0.2), 1) == 0.2


async def test_an_answer_takes_its_time(server: Loopback, ask: Ask) -> None:
    server.control(latency=0.05)
    began = asyncio.get_running_loop().time()
    await ask()
    assert asyncio.get_running_loop().time() - began >= 0.05


# --- in the answer ------------------------------------------------------------------------------------------


async def _message(server: Loopback, ask: Ask, kind: str) -> tuple[dict[str, Any], str]:
    server.control(share=1, faults=kind)
    status, body = await ask()
    assert status == 200 and server.stats()["faults"] == {kind: 1}
    return body["choices"][0]["message"], body["choices"][0]["finish_reason"]


@pytest.mark.parametrize("kind", ["truncated_json", "prose", "length"])
async def test_content_that_is_no_json(server: Loopback, ask: Ask, kind: str) -> None:
    message, reason = await _message(server, ask, kind)
    assert reason == ("length" if kind == "length" else "stop")
    with pytest.raises(json.JSONDecodeError):
        json.loads(message["content"])


async def test_nothing_and_a_refusal(server: Loopback, ask: Ask) -> None:
    message, _ = await _message(server, ask, "null")
    assert message["content"] is None and message["refusal"] is None
    server.control(reset=True)
    message, _ = await _message(server, ask, "refusal")
    assert message["content"] is None and message["refusal"]


async def test_fields_that_are_missing_added_or_far_too_many(server: Loopback, ask: Ask) -> None:
    assert json.loads((await _message(server, ask, "wrong_schema"))[0]["content"]) == {}
    server.control(reset=True)
    assert set(json.loads((await _message(server, ask, "extra_fields"))[0]["content"])) == {"answers", "confidence"}
    server.control(reset=True)
    assert len(json.loads((await _message(server, ask, "flood"))[0]["content"])["answers"]) == 10_000


def test_arguments_that_are_no_json() -> None:
    good = Reply(tool_calls=(("search", '{"query": "moon"}'),), finish_reason="tool_calls")
    for kind in ("bad_arguments", "truncated_json", "flood"):
        (made,) = spoil(kind, good, request("x")).tool_calls
        with pytest.raises(json.JSONDecodeError):
            json.loads(made[1])


def test_an_answer_in_the_wrong_language() -> None:
    good = Reply('{"question": "How high is it?", "reason": ""}')
    english, chinese = (request(f"<language>\n{name}\n</language>") for name in ("English", "Chinese"))
    assert not json.loads(spoil("wrong_language", good, english).content or "")["question"].isascii()
    assert json.loads(spoil("wrong_language", good, chinese).content or "")["question"].isascii()
    assert spoil("wrong_language", Reply('{"valid": true}'), english).content == spoil("prose", good, english).content


@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize(
    "good",
    [
        Reply('{"conclusions": []}'), Reply('{"question": null, "reason": "no"}'), Reply("7"),
        Reply('{"reason": "", "score": 2}'), Reply(tool_calls=(("search", '{"query": "a"}'),)),
    ],
)  # fmt: skip
def test_every_content_fault_changes_every_answer(kind: Any, good: Reply) -> None:
    assert spoil(kind, good, request("x")) != good


# --- rules that always hold ---------------------------------------------------------------------------------


async def test_a_rule_holds_for_its_text_every_time_and_for_no_other(server: Loopback, ask: Ask) -> None:
    server.control(rules=[{"text": "Ceres", "fault": "content_filter"}, {"text": "Vesta", "fault": "refusal"}])
    for _ in range(3):
        status, body = await ask("How wide is Ceres?")
        assert (status, body["error"]["code"]) == (400, "content_filter")
        assert (await ask("Vesta", *REPAIR))[1]["choices"][0]["message"]["refusal"]
        assert (await ask("Pallas"))[1]["choices"][0]["message"]["content"]


def test_rules_can_be_written_short_and_hold_for_one_prompt() -> None:
    short = Behaviour.model_validate({"rules": "500:Ceres,wrong_schema:Vesta"})
    assert [(rule.fault, rule.text) for rule in short.rules] == [("500", "Ceres"), ("wrong_schema", "Vesta")]
    narrow = Behaviour.model_validate({"rules": [{"text": "Ceres", "fault": "500", "prompt": "judge_score"}]})
    assert deal(request("Ceres"), narrow, Ledger()) is None


# --- which calls --------------------------------------------------------------------------------------------


def dealt(behaviour: Behaviour, order: list[str]) -> dict[str, list[str | None]]:
    ledger, faults = Ledger(), dict[str, list[str | None]]()
    for case in order:
        faults.setdefault(case, []).append(deal(request(case), behaviour, ledger))
    return faults


@given(st.permutations([f"case {number % 20}" for number in range(60)]), st.integers(0, 5))
def test_the_same_calls_are_disturbed_whatever_the_order(order: list[str], seed: int) -> None:
    behaviour = Behaviour(share=0.5, faults=TRANSPORT + CONTENT, seed=seed)
    found = dealt(behaviour, order)
    assert found == dealt(behaviour, sorted(order))
    assert all(sum(kind in CONTENT for kind in kinds) <= 1 for kinds in found.values())


def test_the_share_is_held_and_the_seed_chooses() -> None:
    cases = [f"case {number}" for number in range(2_000)]
    found = dealt(Behaviour(share=0.25), cases)
    assert 430 < sum(kinds != [None] for kinds in found.values()) < 570
    assert {kinds[0] for kinds in found.values()} == {None, *TRANSPORT, *CONTENT}
    assert found != dealt(Behaviour(share=0.25, seed=1), cases)


def test_a_repair_gets_a_good_answer_and_so_does_the_same_call_again() -> None:
    behaviour, ledger = Behaviour(share=1, faults=("prose",)), Ledger()
    assert deal(request("x", *REPAIR), behaviour, ledger) is None
    assert [deal(request("x"), behaviour, ledger) for _ in range(3)] == ["prose", None, None]


def test_transport_faults_may_come_again_to_a_repair_too() -> None:
    behaviour, ledger = Behaviour(share=1, faults=("500",)), Ledger()
    assert [deal(request("x"), behaviour, ledger), deal(request("x", *REPAIR), behaviour, ledger)] == ["500", "500"]


# --- what is the same request -------------------------------------------------------------------------------


def test_a_repair_belongs_to_its_request() -> None:
    plain, repair = request("x"), request("x", *REPAIR, max_completion_tokens=900)
    assert repair.logical == plain.logical and repair.repair and not plain.repair


def test_an_agents_steps_make_new_requests_and_malformed_ones_do_not() -> None:
    first, later = request("x"), request("x", *step('{"query": "a"}', "[]"))
    assert first.logical != later.logical != request("x", *step('{"query": "a"}', "[1]")).logical
    assert request("x", *step('{"query": "a"}', "[]", "99")).logical == later.logical
    malformed = request("x", *step('{"que', "Error: no JSON"))
    assert malformed.logical == first.logical and malformed.repair
    mended = request("x", *step('{"que', "Error"), *step('{"query": "a"}', "[]", "2"), *REPAIR)
    assert mended.logical == later.logical and mended.repair


@pytest.mark.parametrize("fields", [{"seed": 1}, {"temperature": 0.5}, {"model": "n"}, {"user": "vote 2"}])
def test_other_sampling_is_another_request(fields: dict[str, Any]) -> None:
    assert request("x", **fields).logical != request("x").logical
