"""The tools an agent is given: their schemas, and a way of calling them that never raises for a wrong call."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from taskcraft_core.models import content_hash

MOST_CHARS = 4_000
"""A longer argument is no query and no address."""

MOST_NUMBER = 1_000_000
_NAME_SHOWN = 60


@dataclass(frozen=True)
class Parameter:
    """An argument of a tool; with a default it need not be given."""

    type: Literal["string", "integer"]
    description: str
    default: str | int | None = None

    def fault(self, value: object) -> str | None:
        """What is wrong with a value, as the end of a sentence; None if nothing is."""
        if not isinstance(value, str if self.type == "string" else int) or isinstance(value, bool):
            return f"must be of type {self.type}"
        if isinstance(value, str) and len(value) > MOST_CHARS:
            return f"is over {MOST_CHARS} characters long; shorten it"
        if isinstance(value, int) and abs(value) > MOST_NUMBER:  # of very long ones Python makes no text
            return f"must be a number from -{MOST_NUMBER} to {MOST_NUMBER}"
        return None


@dataclass(frozen=True)
class Tool:
    """A tool: `run` gets the arguments by name and returns an observation, "Error: ..." when it cannot help."""

    name: str
    description: str
    parameters: Mapping[str, Parameter]
    run: Callable[..., Awaitable[str]]

    @property
    def schema(self) -> dict[str, Any]:
        """The tool in the form of OpenAI's tool definitions."""
        properties: dict[str, dict[str, object]] = {
            name: {"type": parameter.type, "description": parameter.description}
            | ({"default": parameter.default} if parameter.default is not None else {})
            for name, parameter in self.parameters.items()
        }
        required = [name for name, parameter in self.parameters.items() if parameter.default is None]
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": {
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": False,
                },
            },
        }

    def fault(self, arguments: Mapping[str, object]) -> str | None:
        """What is wrong with the arguments of a call, in one sentence; None if nothing is."""
        takes = ", ".join(f"{name} ({parameter.type})" for name, parameter in self.parameters.items())
        for name in arguments:
            if name not in self.parameters:
                return f"{self.name} has no argument {name[:_NAME_SHOWN]!r}; it takes {takes}."
        for name, parameter in self.parameters.items():
            if name not in arguments and parameter.default is None:
                return f"{self.name} needs the argument {name!r}; it takes {takes}."
            if name in arguments and (why := parameter.fault(arguments[name])):
                return f"the argument {name!r} of {self.name} {why}."
        return None


class Toolbox:
    """The tools of one agent.

    Attributes:
        told: A hash of what agents are told of the tools, and of what these search.

    Args:
        tools: In the order in which the agent is told of them; names are unique.
        picture: The image behind a uri as a data URI, for models that see; None where there is none.
        content: What tells whether the document behind a uri is still the same: a hash of it, "" where there is no
            document, None where that cannot be told.
        searches: What the tools search, by its name in `SEARCH`: agents are told the same of all of them.
    """

    def __init__(
        self,
        tools: Iterable[Tool],
        picture: Callable[[str], str | None] | None = None,
        content: Callable[[str], str | None] | None = None,
        searches: str = "local",
    ) -> None:
        """Keeps the tools by name."""
        self._tools = {tool.name: tool for tool in tools}
        self._schemas = [tool.schema for tool in self._tools.values()]
        self.told = content_hash([self._schemas, searches])
        self.picture = picture
        self.content = content

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools."""
        return tuple(self._tools)

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The tools in the form of OpenAI's tool definitions."""
        return self._schemas

    async def call(self, name: str, arguments: Mapping[str, object]) -> str:
        """Calls a tool.

        Args:
            name: The tool's name.
            arguments: Its arguments by name, as a model or a solver made them up.

        Returns:
            The observation. A wrong call gives one that starts with "Error:" and says what to do. Text that is no
            Unicode (half of a surrogate pair) has question marks in its place, so that whatever it is can be stored.

        Raises:
            ProviderError: A service behind the tool failed; a local tool never raises.
        """
        tool = self._tools.get(name)
        if tool is None:
            return f"Error: there is no tool {name[:_NAME_SHOWN]!r}; call one of {', '.join(self._tools)}."
        if fault := tool.fault(arguments):
            return f"Error: {fault}"
        given = {key: _storable(value) if isinstance(value, str) else value for key, value in arguments.items()}
        return _storable(await tool.run(**given))

    async def call_json(self, name: str, arguments: str) -> str:
        """Calls a tool with its arguments as the JSON object of a chat message (see `call`)."""
        try:
            found = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            return f"Error: the arguments of {name[:_NAME_SHOWN]!r} must be a JSON object; send them as one."
        return await self.call(name, found)


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
