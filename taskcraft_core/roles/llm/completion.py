"""What an endpoint answers a chat request with, as far as it matters; unknown fields are passed over."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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

    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[Call, ...] | None = None


class Choice(_Part):
    """The one choice that is asked for."""

    message: Said
    finish_reason: str | None = None


class Usage(_Part):
    """Tokens, if the service counts them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Completion(_Part):
    """A chat completion."""

    choices: tuple[Choice, ...] = Field(min_length=1)
    usage: Usage | None = None

    @property
    def said(self) -> Said:
        """The message of the first choice."""
        return self.choices[0].message

    @property
    def finish_reason(self) -> str:
        """Why the model stopped."""
        return self.choices[0].finish_reason or "stop"

    @property
    def tokens(self) -> tuple[int | None, int | None]:
        """Tokens read and written."""
        return (self.usage.prompt_tokens, self.usage.completion_tokens) if self.usage else (None, None)
