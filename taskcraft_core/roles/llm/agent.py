"""An agent run: LangChain's agent loop at a desk, from the prompt to the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langsmith import tracing_context

from taskcraft_core.models import Message, ToolCall
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.llm.answers import ANSWERS, Answer
from taskcraft_core.roles.llm.chat import ROLES, Desk, JournalledChat, OutOfSteps, lang_tools, text_of
from taskcraft_core.roles.llm.completion import Choice, Completion, Said
from taskcraft_core.roles.llm.runs import Asked, Run, carried
from taskcraft_core.roles.llm.structured import RoleModel, read
from taskcraft_core.tools import Toolbox

A = TypeVar("A", bound=Answer)


class Agents:
    """The agents of a role; each is built once for its prompt, tools and step limit.

    Args:
        model: The chat model and its role.
    """

    def __init__(self, model: RoleModel) -> None:
        self._model = model
        self._built: dict[tuple[str, Toolbox, int], Any] = {}

    async def run(
        self, answer: type[A], name: str, values: Mapping[str, str], tools: Toolbox, max_steps: int
    ) -> Run[A]:
        """What an agent run gives, carried over where it still stands (see `runs`).

        Args:
            answer: The record of `ANSWERS[name]`.
            name: The prompt.
            values: Its variables.
            tools: What the agent may call.
            max_steps: How many tool calls it may make; then it has to answer.

        Raises:
            ResponseError: A message could not be used, and neither could the repaired one.
            TaskCraftError: See `Endpoint.complete`.
        """
        assert ANSWERS[name] is answer
        asked = Asked(answer, name, values, tools, max_steps)
        return await carried(self._model, asked, lambda: self._make(asked))

    async def _make(self, asked: Asked[A]) -> Run[A]:
        graph = self._agent(asked.name, asked.tools, asked.max_steps)
        case = [SystemMessage(prompt(asked.name).instructions), HumanMessage(prompt(asked.name).render(asked.values))]
        try:
            with tracing_context(enabled=False):  # documents go nowhere that the user has not named
                state = await graph.ainvoke({"messages": case}, {"recursion_limit": 4 * asked.max_steps + 20})
        except OutOfSteps as stopped:
            return Run(None, trajectory_of(stopped.messages))
        messages: list[BaseMessage] = state["messages"]
        final = Completion(choices=(Choice(message=Said(content=str(messages[-1].content))),))
        return Run(read(final, asked.answer), trajectory_of(messages))

    def _agent(self, name: str, tools: Toolbox, max_steps: int) -> Any:
        known = (name, tools, max_steps)
        if known not in self._built:
            picture = tools.picture if self._model.spec.vision else None
            chat = JournalledChat(desk=Desk(self._model, name, tools, max_steps, picture))
            self._built[known] = create_agent(chat, lang_tools(tools))
        return self._built[known]


def trajectory_of(messages: Sequence[BaseMessage]) -> tuple[Message, ...]:
    """LangChain's messages as a trajectory."""
    return tuple(map(_message, messages))


def _message(message: BaseMessage) -> Message:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    answered = message if isinstance(message, ToolMessage) else None
    return Message.model_validate(
        {
            "role": ROLES[message.type],
            "content": str(message.content),
            "tool_calls": [
                ToolCall(id=call["id"] or "", name=call["name"], arguments=text_of(call["args"])) for call in calls
            ],
            "tool_call_id": answered.tool_call_id if answered else None,
            "name": answered.name if answered else None,
        }
    )
