"""What is kept of a call: enough to never make it again, and to tell what it was for and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CallKind = Literal["chat", "search", "page", "run"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call that was answered.

    Attributes:
        key: The sha256 (hex) of everything that could change the answer.
        kind: A chat completion, a web search, a fetched page; or a whole agent run, which is no call and costs nothing
            beyond its calls.
        endpoint: The label of the service; never an address with a secret in it.
        model: The chat model; "" for other kinds.
        role: author, solver or judge; for web calls the tool.
        stage: The stage of the build that asked.
        item: What it was for: a task id, a question or a document's uri.
        sample: Votes and attempts that ask the same are told apart by it.
        response: The answer as it came, JSON text.
        prompt_tokens: Tokens read; None if the service does not say.
        completion_tokens: Tokens written; None if the service does not say.
        usd: Its price in US dollars; None if the price of the model is not known.
        seconds: How long it took.
        made_at: When it was answered, in seconds since 1970.
    """

    key: str
    kind: CallKind
    endpoint: str
    model: str
    role: str
    stage: str
    item: str
    sample: int
    response: str
    prompt_tokens: int | None
    completion_tokens: int | None
    usd: float | None
    seconds: float
    made_at: float
