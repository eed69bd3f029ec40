"""How a chat model is named: `openai:<model>`, and after a `?` what it is sampled with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.errors import ConfigError
from taskcraft_core.models import content_hash

PREFIX = "openai"
_OURS = ("model", "messages", "response_format", "tools", "tool_choice", "stream", "n")


@dataclass(frozen=True)
class ModelSpec:
    """A chat model of an endpoint.

    Attributes:
        model: Its name, as the endpoint knows it.
        sampling: Parameters that are sent as they are, such as temperature; none means the model's own defaults.
        vision: Whether images go to it as image content, besides the text that OCR reads in them.
    """

    model: str
    sampling: dict[str, Any] = field(default_factory=dict)
    vision: bool = False


def is_model(spec: str) -> bool:
    """Whether a role's spec names a chat model."""
    return spec.partition(":")[0] == PREFIX


def pays(config: BuildConfig) -> bool:
    """Whether a build asks a service that costs money: a chat model, or one that searches the web."""
    return config.search == "tavily" or any(map(is_model, (config.author, config.solver, config.judge)))


def parse_spec(spec: str) -> ModelSpec:
    """Takes `openai:gpt-4o-mini?temperature=0&vision=true` apart.

    Raises:
        ConfigError: No model is named, or a parameter is one that the engine sets itself.
    """
    _, _, rest = spec.partition(":")
    model, _, query = rest.partition("?")
    if not model.strip():
        raise ConfigError(f"{spec!r} names no model; write {PREFIX}:<model>, for example {PREFIX}:gpt-4o-mini.")
    given = parse_qsl(query, keep_blank_values=True)
    values = {name: _value(text) for name, text in given}
    if query and (len(values) < max(len(given), 1) or "" in values.values()):
        raise ConfigError(f"{spec!r}: give every parameter once, with its value, as in {PREFIX}:{model}?temperature=0.")
    wrong = sorted(set(values) & set(_OURS))
    if wrong:
        raise ConfigError(f"{spec!r} sets {wrong[0]!r}, which the engine sets itself; leave it out.")
    vision = values.pop("vision", False)
    if not isinstance(vision, bool):
        raise ConfigError(f"{spec!r}: vision is true or false, not {vision!r}.")
    return ModelSpec(model.strip(), values, vision)


def endpoint_label(settings: Settings) -> str:
    """What the endpoint is called in the journal and in shard names: never its address, which may hold a secret.

    The label that is set, else "openai" for OpenAI's own address, else the host and port with a hash of the path.
    """
    if settings.endpoint_label:
        return settings.endpoint_label
    if not settings.openai_base_url:
        return "openai"
    parts = urlsplit(settings.openai_base_url)
    host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    path = parts.path.strip("/")
    return f"{host}/{content_hash(path)[:8]}" if path not in ("", "v1") else host


def missing_key(spec: str) -> str:
    """What is said when there is no key for a model."""
    return (
        f"{spec} needs the environment variable OPENAI_API_KEY, which is not set; for an endpoint of your own "
        "set OPENAI_BASE_URL too, and any text as the key if it asks for none."
    )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
