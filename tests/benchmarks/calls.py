"""What a model call costs on this side of the wire: `make bench` prints ratios, and nothing is asserted.

Every loop makes the same calls to the same loopback server, in this run: `engine` is TaskCraft's whole path (lookup,
limits, call, check, journal), `langchain` a plain ChatOpenAI.with_structured_output, `aiohttp` a bare client that only
reads the bytes. Ideal is calls * latency / calls at once.
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from langchain_openai import ChatOpenAI
from rich.console import Console
from rich.table import Table

from taskcraft_core.config import Settings
from taskcraft_core.loopback.process import Loopback, start
from taskcraft_core.roles.llm.agent import Agents
from taskcraft_core.roles.llm.answers import Answers
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.structured import ask, messages_of
from taskcraft_core.tools import Parameter, Tool, Toolbox

ANSWER = '{"answers": ["1877-08-18", "Asaph Hall"]}'
LATENCY = 0.2
QUESTION = "According to the page “Phobos”, when was it discovered? " + "The page is long and tells many things. " * 20
Work = Callable[[int], Awaitable[object]]


async def timed(work: Work, calls: int, at_once: int) -> tuple[float, float]:
    """Wall seconds and CPU seconds of all calls, `at_once` of them under way."""
    numbers = itertools.count()

    async def worker() -> None:
        while (number := next(numbers)) < calls:
            await work(number)

    await work(-1)  # connections and caches are warm, as in a long run
    began, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
    return time.perf_counter() - began, time.process_time() - cpu


async def engine_loop(server: Loopback, calls: int, at_once: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        engine = await Engine.open(settings(server, at_once), Path(folder))
        model = engine.model("solver", "openai:canned")
        try:
            return await timed(
                lambda number: ask(model, Answers, "solver_guess", {"question": f"{number}. {QUESTION}"}),
                calls,
                at_once,
            )
        finally:
            await engine.close()


async def agent_loop(server: Loopback, runs: int, at_once: int) -> tuple[float, float]:
    """Agent runs of two calls: one that searches, one that answers."""

    async def search(query: str) -> str:
        return json.dumps([{"title": query, "uri": "a/b.html"}])

    tools = Toolbox([Tool("search", "Finds documents.", {"query": Parameter("string", "Words.")}, search)])
    with tempfile.TemporaryDirectory() as folder:
        engine = await Engine.open(settings(server, at_once), Path(folder))
        agents = Agents(engine.model("solver", "openai:canned"))

        async def run(number: int) -> object:
            values = {"question": f"{number}. {QUESTION}", "most_steps": "3"}
            return await agents.run(Answers, "solver_solve", values, tools, 3)

        try:
            return await timed(run, runs, at_once)
        finally:
            await engine.close()


async def langchain_loop(server: Loopback, calls: int, at_once: int) -> tuple[float, float]:
    chat = ChatOpenAI(model="canned", api_key="bench", base_url=server.base_url, max_retries=0)  # type: ignore[arg-type]
    structured = chat.with_structured_output(Answers, strict=True)
    instructions = messages_of("solver_guess", {"question": ""})[0]["content"]
    return await timed(
        lambda number: structured.ainvoke([("system", instructions), ("user", f"{number}. {QUESTION}")]), calls, at_once
    )  # fmt: skip


async def aiohttp_loop(server: Loopback, calls: int, at_once: int) -> tuple[float, float]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:

        async def call(number: int) -> object:
            values = {"question": f"{number}. {QUESTION}"}
            body: dict[str, Any] = {"model": "canned", "messages": messages_of("solver_guess", values)}
            async with session.post(f"{server.base_url}/chat/completions", json=body) as response:
                return await response.read()

        return await timed(call, calls, at_once)


def settings(server: Loopback, at_once: int) -> Settings:
    """The engine as it is set by default, pointed to the server, with as many calls at once as the others make."""
    given = {"OPENAI_API_KEY": "bench-key", "OPENAI_BASE_URL": server.base_url, "calls_at_once": at_once}
    return Settings.model_validate(given)


LOOPS = {"engine": engine_loop, "langchain": langchain_loop, "aiohttp": aiohttp_loop}


def main() -> None:
    """Runs every loop at fixed latency and with jitter, then the agents, and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--at-once", type=int, default=128)
    parser.add_argument("--runs", type=int, default=1_000, help="agent runs of two calls")
    given = parser.parse_args()
    ideal = given.calls * LATENCY / given.at_once
    table = Table("loop", "latency", "calls", "wall / ideal", "CPU ms a call", title=f"{given.at_once} at once, 200 ms")
    for jitter, name in itertools.product((0.0, 0.5), LOOPS):
        with start(canned=ANSWER, latency=LATENCY, jitter=jitter) as server:
            wall, cpu = asyncio.run(LOOPS[name](server, given.calls, given.at_once))
        latency = "fixed" if not jitter else f"±{jitter:.0%}"
        table.add_row(name, latency, str(given.calls), f"{wall / ideal:.2f}", f"{cpu / given.calls * 1e3:.2f}")
    with start(canned=ANSWER, tool_then="Phobos", latency=LATENCY) as server:
        wall, cpu = asyncio.run(agent_loop(server, given.runs, given.at_once))
    agents = 2 * given.runs * LATENCY / given.at_once
    table.add_row(
        "agent runs", "fixed", f"{given.runs} x 2", f"{wall / agents:.2f}", f"{cpu / given.runs * 1e3:.2f} a run"
    )
    Console().print(table)


if __name__ == "__main__":
    main()
