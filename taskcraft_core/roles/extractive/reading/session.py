"""One attempt at a question: tool calls within a limit, each remembered, all recorded as chat messages."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from taskcraft_core.models import Message, ToolCall
from taskcraft_core.roles.extractive.reading.observation import Observation, observe
from taskcraft_core.tools import Toolbox

ERROR = "Error:"
_OTHER_READER = re.compile(r"(?<=; call )(?:read_page|read_pdf|view_image)(?=\.$)")


@dataclass(frozen=True)
class Found:
    """A document that a search came back with."""

    title: str
    uri: str
    media_type: str
    part: int
    parts: int

    @property
    def reader(self) -> str:
        """The tool that reads it."""
        if self.media_type == "application/pdf":
            return "read_pdf"
        return "view_image" if self.media_type.startswith("image/") else "read_page"


@dataclass
class Session:
    """The tools, how many calls may still be made, and what was said and seen so far."""

    tools: Toolbox
    left: int
    messages: list[Message] = field(default_factory=list)
    _known: dict[tuple[str, str], str] = field(default_factory=dict)

    async def search(self, query: str) -> list[Found]:
        """What the search tool finds; nothing when the limit is reached or the answer is no list of hits."""
        seen = await self._call("search", {"query": query})
        try:
            hits = json.loads(seen or "[]")
        except ValueError:
            return []
        return [found for hit in hits if (found := _hit(hit))] if isinstance(hits, list) else []

    async def read(self, tool: str, uri: str, part: int = 1) -> Observation | None:
        """A part of a document; None when the limit is reached or it cannot be read.

        A link does not say what it leads to: when the tool names another one for it, that one is called.
        """
        seen = await self._call(tool, _arguments(tool, uri, part))
        if seen and seen.startswith(ERROR) and (other := _OTHER_READER.search(seen)):
            seen = await self._call(other[0], _arguments(other[0], uri, part))
        return None if seen is None or seen.startswith(ERROR) else observe(seen)

    async def _call(self, name: str, arguments: dict[str, str | int]) -> str | None:
        """The observation of a call; the same call is not made twice."""
        written = json.dumps(arguments, ensure_ascii=False, sort_keys=True)
        if (name, written) not in self._known:
            if self.left <= 0:
                return None
            self.left -= 1
            seen = await self.tools.call(name, arguments)
            self._known[name, written] = seen
            self._record(name, written, seen)
        return self._known[name, written]

    def _record(self, name: str, written: str, seen: str) -> None:
        key = f"call_{len(self._known)}"
        call = ToolCall(id=key, name=name, arguments=written)
        self.messages.append(Message(role="assistant", content="", tool_calls=(call,)))
        self.messages.append(Message(role="tool", content=seen, tool_call_id=key, name=name))


def _arguments(tool: str, uri: str, part: int) -> dict[str, str | int]:
    return {"uri": uri} if tool == "view_image" else {"uri": uri, "part": part}


def _hit(hit: object) -> Found | None:
    if not isinstance(hit, dict) or not isinstance(hit.get("uri"), str):
        return None
    part, parts = hit.get("part"), hit.get("parts")
    return Found(
        str(hit.get("title", "")), hit["uri"], str(hit.get("media_type", "")),
        part if isinstance(part, int) else 1, parts if isinstance(parts, int) else 1,
    )  # fmt: skip
