"""The chat model that an agent is given: LangChain's interface over journalled, limited, checked calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from taskcraft_core.models import Reason
from taskcraft_core.roles.llm.answers import ANSWERS
from taskcraft_core.roles.llm.completion import Completion
from taskcraft_core.roles.llm.request import JsonMessage
from taskcraft_core.roles.llm.structured import RoleModel, Unusable, read, usable
from taskcraft_core.tools import READERS, Toolbox

ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
"""What OpenAI calls the senders that LangChain calls otherwise."""


class OutOfSteps(Exception):
    """The agent asked for more tool calls than it may make; `reply` is the message that does."""

    def __init__(self, messages: Sequence[BaseMessage], reply: AIMessage) -> None:
        super().__init__("more tool calls than allowed")
        self.messages = (*messages, reply)


@dataclass(frozen=True, eq=False)
class Desk:
    """Where an agent works.

    Attributes:
        model: The chat model and its role.
        prompt: The prompt that it follows, whose answer its last message has to be.
        tools: What it may call.
        max_steps: How many tool calls it may make.
        picture: The image behind a uri as a data URI, for a model that sees.
    """

    model: RoleModel
    prompt: str
    tools: Toolbox
    max_steps: int
    picture: Callable[[str], str | None] | None = None


class JournalledChat(BaseChatModel):
    """A chat model for one desk. What it says is checked before the agent acts on it, and repaired once."""

    desk: Any

    @property
    def _llm_type(self) -> str:
        return "taskcraft"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[Any, AIMessage]:
        """Itself: the tools of the desk are told to the model with every request, converted once."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> NoReturn:
        raise NotImplementedError("agents run on the event loop; use ainvoke")

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        desk: Desk = self.desk
        taken = sum(len(message.tool_calls) for message in messages if isinstance(message, AIMessage))
        request = desk.model.request(
            desk.prompt, shown(messages, desk), tools=desk.tools.schemas, may_call=taken < desk.max_steps
        )
        completion = await usable(desk.model.endpoint, request, lambda one: _check(one, desk))
        reply = _reply(completion, taken)
        if taken + len(reply.tool_calls) > desk.max_steps:
            raise OutOfSteps(messages, reply)
        return ChatResult(generations=[ChatGeneration(message=reply)])


def shown(messages: Sequence[BaseMessage], desk: Desk) -> list[JsonMessage]:
    """The messages as they are sent; a model that sees gets each viewed image after the tools' answers."""
    sent: list[JsonMessage] = []
    viewed: list[JsonMessage] = []
    uris: dict[str, str] = {}
    for message in messages:
        if viewed and not isinstance(message, ToolMessage):
            sent, viewed = sent + viewed, []
        sent.append(as_json(message))
        if isinstance(message, AIMessage):
            uris |= {call["id"] or "": str(call["args"].get("uri", "")) for call in message.tool_calls}
        if desk.picture and isinstance(message, ToolMessage) and message.name == READERS["image"]:
            uri = uris.get(message.tool_call_id, "")
            if (image := desk.picture(uri)) is not None:
                parts = [
                    {"type": "text", "text": f"The image {uri}:"},
                    {"type": "image_url", "image_url": {"url": image}},
                ]
                viewed.append({"role": "user", "content": parts})
    return sent + viewed


def as_json(message: BaseMessage) -> JsonMessage:
    """A LangChain message in the form of OpenAI's chat completions."""
    found: JsonMessage = {"role": ROLES[message.type], "content": message.content}
    if isinstance(message, ToolMessage):
        found["tool_call_id"] = message.tool_call_id
    if isinstance(message, AIMessage) and message.tool_calls:
        found["content"] = message.content or None
        found["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": text_of(call["args"])},
            }
            for call in message.tool_calls
        ]
    return found


def text_of(arguments: dict[str, Any]) -> str:
    """The arguments of a tool call as JSON text."""
    return json.dumps(arguments, ensure_ascii=False)


def _check(completion: Completion, desk: Desk) -> None:
    """An agent's message is a set of sound tool calls, or the answer."""
    calls = completion.said.tool_calls or ()
    if not calls:
        read(completion, ANSWERS[desk.prompt])
        return
    if completion.finish_reason == "length":
        raise Unusable(
            Reason.RESPONSE_INVALID, "the tool call was cut off at the length limit; call again, more briefly"
        )
    for call in calls:
        if call.function.name not in desk.tools.names:
            raise Unusable(
                Reason.RESPONSE_INVALID,
                f"there is no tool {call.function.name[:60]!r}; call one of {', '.join(desk.tools.names)}",
            )
        if _arguments(call.function.arguments) is None:
            raise Unusable(Reason.RESPONSE_INVALID, f"the arguments of {call.function.name} are no JSON object")


def _reply(completion: Completion, taken: int) -> AIMessage:
    """The message as the agent keeps it, its tool calls numbered: what a service calls them is chance.

    Nine letters and digits, which is the one form that every service takes.
    """
    message = completion.said
    calls = [
        ToolCall(name=call.function.name, args=_arguments(call.function.arguments) or {}, id=f"call{number:05d}")
        for number, call in enumerate(message.tool_calls or (), start=taken + 1)
    ]
    return AIMessage(content=message.content or "", tool_calls=calls)


def _arguments(text: str) -> dict[str, Any] | None:
    """The arguments of a tool call; half a character, which JSON can hold, becomes a question mark."""
    try:
        found = json.loads(text or "{}")
        clean = json.dumps(found, ensure_ascii=False).encode("utf-8", "replace").decode()
    except (ValueError, RecursionError):
        return None
    return json.loads(clean) if isinstance(found, dict) else None


class DeskTool(BaseTool):
    """A tool of a toolbox as LangChain knows tools; a wrong call is an observation, and no exception.

    LangChain passes arguments on by name and keeps some names for itself, but a model may make up any name. So the
    agent's arguments travel as one.
    """

    tools: Any

    async def ainvoke(self, input: Any, config: Any = None, **_: Any) -> Any:
        """Calls the tool with what the model said, whatever that is."""
        content = await self.tools.call(self.name, input["args"])
        return ToolMessage(content, tool_call_id=input["id"], name=self.name)

    def _run(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError("agents run on the event loop; use ainvoke")


def lang_tools(tools: Toolbox) -> list[BaseTool]:
    """The tools of a toolbox."""
    return [
        DeskTool(name=one["name"], description=one["description"], args_schema=one["parameters"], tools=tools)
        for one in (schema["function"] for schema in tools.schemas)
    ]
