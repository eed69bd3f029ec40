"""The protocol, as OpenAI's own client and a bare one see it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import openai
import pytest

from taskcraft_core.loopback.process import Loopback, start
from taskcraft_core.roles.llm.answers import ANSWERS, schema_of

Ask = Callable[..., Awaitable[tuple[int, Any]]]
SEARCH = {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}


def call(name: str, arguments: str, number: str = "1") -> dict[str, Any]:
    return {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}


async def test_openais_client_understands_the_answer(server: Loopback) -> None:
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="any") as client:
        answer = await client.chat.completions.create(
            model="some-model", messages=[{"role": "user", "content": "Four thousand and one characters. " * 100}]
        )
        models = [model.id async for model in await client.models.list()]
    choice, usage = answer.choices[0], answer.usage
    assert (choice.message.content, choice.finish_reason) == ('{"answers": ["7", "8"]}', "stop")
    assert usage is not None and usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert 700 < usage.prompt_tokens < 1_000 and 4 < usage.completion_tokens < 12
    assert models == ["loopback"]


async def test_a_key_that_is_set_is_asked_for(server: Loopback, ask: Ask) -> None:
    server.control(key="the-key")
    status, body = await ask()
    assert status == 401 and set(body["error"]) == {"message", "type", "param", "code"}
    status, body = await ask(headers={"Authorization": "Bearer another"})
    assert (status, body["error"]["code"]) == (401, "invalid_api_key")
    assert (await ask(headers={"Authorization": "Bearer the-key"}))[0] == 200
    assert (await ask(headers={"api-key": "the-key"}))[0] == 200
    assert server.stats()["refused"] == {"401": 2}


async def test_only_listed_models_are_there(server: Loopback, ask: Ask) -> None:
    server.control(models=["good", "better"])
    status, body = await ask(model="best")
    assert (status, body["error"]["code"]) == (404, "model_not_found")
    assert (await ask(model="better"))[0] == 200


async def test_a_text_that_is_too_long_is_refused_and_images_count(server: Loopback, ask: Ask) -> None:
    server.control(context_tokens=500)
    status, body = await ask("word " * 500)
    assert (status, body["error"]["code"]) == (400, "context_length_exceeded")
    assert (await ask("word " * 100))[0] == 200
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert (await ask([{"type": "text", "text": "short"}, image]))[0] == 400


@pytest.mark.parametrize(
    ("supports", "asked", "status"),
    [
        ("json_schema", "json_schema", 200), ("json_object", "json_schema", 400), ("json_object", "json_object", 200),
        ("none", "json_object", 400), ("none", "text", 200),
    ],
)  # fmt: skip
async def test_response_format_may_ask_for_what_is_supported(
    server: Loopback, ask: Ask, supports: str, asked: str, status: int
) -> None:
    server.control(supports=supports)
    schema = {"name": "solver_guess", "strict": True, "schema": schema_of("solver_guess")}
    got, body = await ask("Give JSON.", response_format={"type": asked, "json_schema": schema})
    assert got == status
    assert status == 200 or body["error"]["param"] == "response_format"


async def test_our_schemas_are_strict_and_loose_ones_are_refused(ask: Ask) -> None:
    for name in ANSWERS:
        given = {"name": name, "strict": True, "schema": schema_of(name)}
        assert (await ask(response_format={"type": "json_schema", "json_schema": given}))[0] == 200
    given = {"name": "x", "strict": True, "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
    assert (await ask(response_format={"type": "json_schema", "json_schema": given}))[0] == 400


@pytest.mark.parametrize(
    "more",
    [
        [{"role": "assistant", "content": None}],
        [{"role": "tool", "tool_call_id": "1", "content": "7"}],
        [{"role": "assistant", "content": None, "tool_calls": [call("search", "{}")]}],
        [{"role": "assistant", "tool_calls": [call("search", "{}")]}, {"role": "user", "content": "well?"}],
        [{"role": "critic", "content": "no"}],
    ],
)
async def test_messages_that_openai_would_refuse_are_refused(ask: Ask, more: list[dict[str, Any]]) -> None:
    status, body = await ask("How many?", *more)
    assert (status, body["error"]["param"]) == (400, "messages")


async def test_a_body_that_is_no_request_is_refused(server: Loopback) -> None:
    async with aiohttp.ClientSession() as session:
        for body in (b"", b"[]", b"{", b'{"model": 3}', b'{"model": "m"}', b'{"model": "m", "messages": []}'):
            async with session.post(f"{server.base_url}/chat/completions", data=body) as response:
                assert response.status == 400


async def test_an_agents_first_call_can_be_a_search(server: Loopback, ask: Ask) -> None:
    server.control(tool_then="red moon")
    _, body = await ask(tools=[SEARCH])
    choice = body["choices"][0]
    made = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls" and choice["message"]["content"] is None
    assert made["function"] == {"name": "search", "arguments": '{"query": "red moon"}'}
    result = {"role": "tool", "tool_call_id": made["id"], "content": "[]"}
    _, body = await ask("How many?", {"role": "assistant", "tool_calls": [made]}, result, tools=[SEARCH])
    assert body["choices"][0]["message"]["content"] == '{"answers": ["7", "8"]}'


async def test_azures_address_headers_and_queries_are_seen(server: Loopback) -> None:
    server.control(keep=5, key="k")
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=server.address, azure_deployment="d", api_version="2026-01-01", api_key="k"
    ) as client:
        await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])
    seen = server.requests()[0]
    assert seen["query"] == {"api-version": "2026-01-01"} and seen["headers"]["api-key"] == "k"
    assert seen["body"]["messages"][0]["content"] == "hello"


async def test_stats_count_prompts_requests_seconds_and_the_peak(server: Loopback, ask: Ask) -> None:
    server.control(latency=0.05)
    await asyncio.gather(*(ask(f"case {number % 4}") for number in range(12)))
    stats = server.stats()
    assert (stats["seen"], stats["answered"], stats["in_flight"], stats["repeated"]) == (12, 12, 0, 8)
    assert sorted(stats["by_request"].values()) == [3, 3, 3, 3]
    assert sum(second["answered"] for second in stats["seconds"]) == 12
    assert stats["peak"] == 12 and stats["by_prompt"] == {"other": 12}
    assert stats["prompt_tokens"] > 0 and stats["completion_tokens"] > 0


def test_an_option_that_is_none_is_an_error(server: Loopback) -> None:
    with pytest.raises(ValueError, match="share"):
        server.control(share=2)
    with pytest.raises(ValueError, match="speed"):
        server.control(speed=1)
    assert server.control()["share"] == 0


def test_help_names_every_option() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "taskcraft_core.loopback", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--latency" in said and "429_retry_after" in said and "--tavily-fault" in said


def test_a_wrong_option_is_one_sentence() -> None:
    wrong = [sys.executable, "-m", "taskcraft_core.loopback", "--share", "3"]
    done = subprocess.run(wrong, capture_output=True, text=True)
    assert done.returncode == 2 and "--share: Input should be less than or equal to 1" in done.stderr


def test_the_server_ends_with_its_parent_even_if_that_is_killed() -> None:
    program = (
        "from taskcraft_core.loopback.process import start\nimport time\n"
        "with start(canned='') as running:\n    print(running.pid, flush=True)\n    time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    watched = os.pidfd_open(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    loop = asyncio.new_event_loop()
    ended = loop.create_future()
    loop.add_reader(watched, lambda: ended.done() or ended.set_result(True))
    assert loop.run_until_complete(asyncio.wait_for(ended, 10))
    loop.close()
    os.close(watched)


def test_it_ends_with_the_block() -> None:
    with start(canned="") as running:
        watched = os.pidfd_open(running.pid)
    with pytest.raises(ProcessLookupError):
        signal.pidfd_send_signal(watched, 0)
    os.close(watched)
