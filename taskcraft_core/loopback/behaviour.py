"""How the server behaves: one record, which the command line, `POST /control` and `start` all fill."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

TransportFault = Literal[
    "429", "429_retry_after", "500", "502", "503", "529", "disconnect", "disconnect_midway", "hang", "truncated_body"
]
ContentFault = Literal[
    "truncated_json", "prose", "null", "refusal", "length", "wrong_schema", "extra_fields", "bad_arguments",
    "wrong_language", "flood",
]  # fmt: skip
Denial = Literal["content_filter", "402", "403", "405", "429_quota"]
Oddity = Literal[
    "no_usage", "negative_usage", "fractional_usage", "huge_usage", "endless_usage", "no_choices", "content_parts",
    "surrogate", "surrogate_escape", "surrogate_arguments", "self_argument",
]  # fmt: skip
Fault = TransportFault | ContentFault | Denial | Literal["content_filter_stop"] | Oddity

TRANSPORT: tuple[TransportFault, ...] = get_args(TransportFault)
"""What happens on the way; the same call sent again may well be answered."""
CONTENT: tuple[ContentFault, ...] = get_args(ContentFault)
"""What a model does wrong; the call was answered, and paid for."""
ODDITIES: tuple[Oddity, ...] = get_args(Oddity)
"""Answers that are well meant, of which no client may die; for rules only, like the denials."""
_GROUPS: dict[str, tuple[str, ...]] = {"transport": TRANSPORT, "content": CONTENT, "all": (*TRANSPORT, *CONTENT)}


def _listed(value: Any) -> Any:
    """A list from "a,b"; the command line has nothing else."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _kinds(value: Any) -> Any:
    """Fault kinds from a list of kinds and groups of them, each once."""
    listed = _listed(value)
    if not isinstance(listed, list | tuple):
        return listed
    return tuple(dict.fromkeys(kind for name in listed for kind in _GROUPS.get(str(name), (str(name),))))


class Rule(BaseModel):
    """A fault that always happens to calls whose case holds a text; `prompt` narrows it to one prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    fault: Fault
    prompt: str | None = None


def _rules(value: Any) -> Any:
    """Rules from "fault:text,fault:text" too."""
    listed = _listed(value)
    if not isinstance(listed, list | tuple):
        return listed
    return [_rule(one) if isinstance(one, str) else one for one in listed]


def _rule(written: str) -> dict[str, str]:
    fault, _, text = written.partition(":")
    return {"fault": fault, "text": text}


class Behaviour(BaseModel):
    """Everything about the server that can be set; the descriptions are its manual."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str | None = Field(None, description="the key that callers must send; none: any, or none at all")
    models: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="the models there are, separated by commas; none: any"
    )
    supports: Literal["json_schema", "json_object", "none"] = Field(
        "json_schema", description="the most that response_format may ask for"
    )
    form_with_tools: bool = Field(True, description="whether response_format may be asked for together with tools")
    echo_key: bool = Field(
        False, description="errors repeat the header Authorization, and those whose names end in -key"
    )
    context_tokens: int | None = Field(None, gt=0, description="longer requests are refused; none: no limit")
    latency: float = Field(0.0, ge=0, description="seconds before an answer")
    jitter: float = Field(0.0, ge=0, le=1, description="share of the latency by which it varies, up and down")
    requests_per_second: int | None = Field(
        None, gt=0, description="requests let through in any second; others get 429 at once"
    )
    retry_after: float | None = Field(
        None, ge=0, description="Retry-After in seconds on those; also of the fault 429_retry_after (there 1 if none)"
    )
    share: float = Field(0.0, ge=0, le=1, description="share of the calls that are disturbed")
    faults: Annotated[tuple[TransportFault | ContentFault, ...], BeforeValidator(_kinds)] = Field(
        (*TRANSPORT, *CONTENT),
        description="by which of these faults, separated by commas; transport, content and all stand for "
        f"several. On the way: {', '.join(TRANSPORT)}. In the answer, once a request: {', '.join(CONTENT)}",
    )
    seed: int = Field(0, description="which calls are disturbed, and how")
    rules: Annotated[tuple[Rule, ...], BeforeValidator(_rules)] = Field(
        (),
        description="faults that always happen to cases with a text: 'refusal:Ceres,500:Vesta'; without a text, as in "
        f"'402:', to all. Besides those above: content_filter_stop, the denials {', '.join(get_args(Denial))} (no "
        "credit, flagged by moderation, no such method, no quota left), and answers with something odd in them: "
        f"{', '.join(ODDITIES)}",
    )
    canned: str | None = Field(None, description="the answer to everything; none: the embedded engine's")
    tool_then: str | None = Field(
        None, description="with --canned: an agent's first call is answered by a search for this"
    )
    two_tools: bool = Field(False, description="an agent is answered by two tool calls at once where one was due")
    keep: int = Field(0, ge=0, description="how many requests GET /control/requests shows, the latest")
    tavily_key: str | None = Field(None, description="the key of POST /search; none: any, or none at all")
    tavily_fault: Literal["401", "429", "432", "433", "500", "hang"] | None = Field(
        None, description="what happens to POST /search; none: it finds pages"
    )
    tavily_failures: int | None = Field(
        None, ge=0, description="how many searches that happens to, before they work; none: all"
    )
    pages: dict[str, str] | None = Field(
        None, description="HTML by name: what is served under /pages/ and found by POST /search; none: a few of ours"
    )
