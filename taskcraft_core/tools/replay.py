"""Making the tool calls of a trajectory again."""

from __future__ import annotations

from collections.abc import Sequence

from taskcraft_core.models import Message, ToolCall
from taskcraft_core.tools.toolbox import Toolbox


async def replay(trajectory: Sequence[Message], tools: Toolbox) -> bool:
    """Whether a trajectory's tool calls still give the observations that it holds.

    Args:
        trajectory: Chat messages; every tool message answers one call, by its id.
        tools: What to call.

    Returns:
        True if every call has exactly one observation and each is the same again; also for no calls at all.

    Raises:
        ProviderError: A service behind a tool failed.
    """
    calls: dict[str, ToolCall] = {}
    for message in trajectory:
        for call in message.tool_calls:
            if call.id in calls:  # two calls under one id: which observation is whose cannot be told
                return False
            calls[call.id] = call
        if message.role == "tool":
            answered = calls.pop(message.tool_call_id or "", None)
            if answered is None or await tools.call_json(answered.name, answered.arguments) != message.content:
                return False
    return not calls
