"""An agent without a memory: its tool calls are answered from the messages so far, and the first new one is made."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from taskcraft_core.loopback.request import Request
from taskcraft_core.tools import Toolbox

T = TypeVar("T")
Call = tuple[str, str]
"""A tool call to be made: the tool, and its arguments as JSON."""


class Unanswered(Exception):
    """A tool call that was not made yet."""

    def __init__(self, name: str, arguments: Mapping[str, object]) -> None:
        super().__init__(name)
        self.call: Call = (name, json.dumps(arguments, ensure_ascii=False))


class Replay(Toolbox):
    """A toolbox that knows what came of earlier calls.

    Args:
        request: The request that holds them.
    """

    def __init__(self, request: Request) -> None:
        super().__init__([])
        self._seen = {_key(step.name, step.arguments): step.observation for step in request.steps}

    async def call(self, name: str, arguments: Mapping[str, object]) -> str:
        """What came of a call.

        Raises:
            Unanswered: It was not made yet.
        """
        return self.look(name, arguments)

    def look(self, name: str, arguments: Mapping[str, object]) -> str:
        """The same, at once."""
        observation = self._seen.get(_key(name, arguments))
        if observation is None:
            raise Unanswered(name, arguments)
        return observation


def _key(name: str, arguments: Mapping[str, object]) -> str:
    return json.dumps([name, arguments], sort_keys=True)


def finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("the rules wait for something")
