"""Agents over real HTTP: tool calls, limits, repairs, pictures, and a trajectory of the real messages."""

import json
from dataclasses import dataclass, field

import pytest

from taskcraft_core.errors import ResponseError
from taskcraft_core.loopback.process import Loopback
from taskcraft_core.models import Reason
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.llm.agent import Agents
from taskcraft_core.roles.llm.answers import Answers
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.runs import Run
from taskcraft_core.roles.llm.solver import ModelSolver
from taskcraft_core.tools import Parameter, Tool, Toolbox
from taskcraft_core.tools.replay import replay

CANNED = '{"answers": ["Phobos", "Phobos ", ""]}'
PICTURE = "data:image/png;base64,iVBORw0KGgo="


@dataclass
class Shelf:
    """Tools that say what they were asked, and count it."""

    asked: list[str] = field(default_factory=list)

    def toolbox(self) -> Toolbox:
        async def search(query: str) -> str:
            self.asked.append(query)
            return json.dumps([{"title": query, "uri": "a/chart.png"}])

        async def view_image(uri: str) -> str:
            return f"uri: {uri}"

        return Toolbox(
            [
                Tool("search", "Finds documents.", {"query": Parameter("string", "Words.")}, search),
                Tool("view_image", "Views an image.", {"uri": Parameter("string", "A uri.")}, view_image),
            ],
            picture=lambda uri: PICTURE if uri == "a/chart.png" else None,
        )


async def run(engine: Engine, shelf: Shelf, max_steps: int = 3, spec: str = "openai:m") -> Run[Answers]:
    values = {"question": "Which moon?", "most_steps": str(max_steps)}
    agents = Agents(engine.model("solver", spec))
    return await agents.run(Answers, "solver_solve", values, shelf.toolbox(), max_steps)


async def test_the_trajectory_is_the_real_messages_and_replays(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, tool_then="Phobos", keep=10)
    shelf = Shelf()
    found = await run(await engine_of(), shelf)
    roles = [message.role for message in found.trajectory]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]
    assert found.trajectory[0].content == prompt("solver_solve").instructions
    (call,) = found.trajectory[2].tool_calls
    assert (call.name, json.loads(call.arguments)) == ("search", {"query": "Phobos"})
    assert found.trajectory[3].tool_call_id == call.id and found.trajectory[3].name == "search"
    assert found.trajectory[4].content == CANNED
    assert shelf.asked == ["Phobos"]
    assert await replay(found.trajectory, shelf.toolbox())
    first, last = (request["body"] for request in server.requests())
    assert [tool["function"]["name"] for tool in first["tools"]] == ["search", "view_image"]
    assert last["messages"][:2] == first["messages"] and last["messages"][3]["role"] == "tool"


async def test_parallel_tool_calls_are_all_answered(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, tool_then="Phobos", two_tools=True)
    found = await run(await engine_of(), Shelf())
    assert [message.role for message in found.trajectory[2:]] == ["assistant", "tool", "tool", "assistant"]
    assert len(found.trajectory[2].tool_calls) == 2


async def test_an_agent_that_has_used_up_its_steps_may_only_answer(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, tool_then="Phobos", keep=10)
    await run(await engine_of(), Shelf(), max_steps=1)
    choices = [request["body"].get("tool_choice") for request in server.requests()]
    assert choices == [None, "none"]


async def test_an_agent_that_asks_for_more_than_it_may_is_stopped(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, tool_then="Phobos", two_tools=True)
    shelf = Shelf()
    engine = await engine_of()
    assert (await run(engine, shelf, max_steps=1)).answer is None and shelf.asked == []
    solution = await ModelSolver(engine, "openai:m").solve("Which moon?", shelf.toolbox(), 1)
    assert solution.answers == () and solution.steps == 2, "more than allowed, so verification says too many"


async def test_answers_are_given_once_and_blank_ones_left_out(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED)
    solution = await ModelSolver(await engine_of(), "openai:m").solve("Which moon?", Shelf().toolbox(), 3)
    assert solution.answers == ("Phobos",)


@pytest.mark.parametrize("fault", ["bad_arguments", "truncated_json", "prose", "null", "refusal", "length"])
async def test_an_unusable_message_of_an_agent_is_repaired_and_leaves_no_trace(
    server: Loopback, engine_of, fault: str
) -> None:
    server.control(canned=CANNED, tool_then="Phobos")
    plain = await run(await engine_of(), Shelf(), spec="openai:m")
    server.control(share=1, faults=[fault], reset=True)
    disturbed = await run(await engine_of(), Shelf(), spec="openai:m?seed=1")
    assert sum(server.stats()["faults"].values()) >= 1

    def said(found: Run[Answers]) -> list[object]:
        calls = [[(call.name, call.arguments) for call in one.tool_calls] for one in found.trajectory]
        return [[one.role, one.content] for one in found.trajectory] + calls

    assert said(disturbed) == said(plain)


async def test_an_agent_that_cannot_be_repaired_is_a_rejection(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, rules=["wrong_schema:Which moon?"])
    with pytest.raises(ResponseError) as error:
        await run(await engine_of(), Shelf())
    assert error.value.reason is Reason.RESPONSE_INVALID


async def test_a_run_is_found_again_whole(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, tool_then="Phobos")
    first = await run(await engine_of(), Shelf())
    seen = server.stats()["seen"]
    assert await run(await engine_of(), Shelf()) == first
    assert server.stats()["seen"] == seen
