"""What an endpoint answers a chat request with, as far as it matters; unknown fields are passed over.

Read leniently: what was answered was paid for, so an odd answer is one without content, which the model is shown,
and no failure on the way, which would be paid for again and again.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

MOST_TOKENS = 2**31
"""No call has more; a larger number counts nothing."""


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def _text(value: Any) -> str | None:
    """Content, which some services send in parts."""
    if isinstance(value, list):
        return "".join(str(part.get("text") or "") for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else None


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Function(_Part):
    """The function of a tool call; `arguments` is JSON text, or should be."""

    name: str
    arguments: str = ""


class Call(_Part):
    """A tool call; the id that the service gives it is not used."""

    function: Function


class Said(_Part):
    """The message: text, a refusal, or tool calls."""

    content: Annotated[str | None, BeforeValidator(_text)] = None
    refusal: Annotated[str | None, BeforeValidator(_text)] = None
    tool_calls: tuple[Call, ...] | None = None


class Choice(_Part):
    """The one choice that is asked for."""

    message: Said = Said()
    finish_reason: str | None = None


class Usage(_Part):
    """Tokens, if the service counts them."""

    prompt_tokens: Annotated[int | None, BeforeValidator(_count)] = None
    completion_tokens: Annotated[int | None, BeforeValidator(_count)] = None


class Completion(_Part):
    """A chat completion."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None

    @property
    def said(self) -> Said:
        """The message of the first choice; an empty one if there is none."""
        return self.choices[0].message if self.choices else Said()

    @property
    def finish_reason(self) -> str:
        """Why the model stopped."""
        return (self.choices[0].finish_reason if self.choices else None) or "stop"

    @property
    def tokens(self) -> tuple[int | None, int | None]:
        """Tokens read and written."""
        return (self.usage.prompt_tokens, self.usage.completion_tokens) if self.usage else (None, None)


def completion_of(text: str) -> Completion:
    """The completion that a body holds; one without content if it is JSON and nothing of the kind.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return Completion.model_validate_json(text)
    except ValidationError:
        found = json.loads(text)
    # half a character, which JSON can hold and text cannot, becomes a question mark
    clean = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    try:
        return Completion.model_validate(clean)
    except ValidationError:
        return Completion(usage=_usage(clean))


def _usage(found: Any) -> Usage | None:
    try:
        return Usage.model_validate(found["usage"])
    except (ValidationError, TypeError, KeyError):
        return None
