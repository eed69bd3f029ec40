"""The settings of this process, read from its environment: everything that is wrong with them, in sentences."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from taskcraft_core.config import Settings
from taskcraft_core.errors import ConfigError

PREFIX = "TASKCRAFT_"
_OBJECTS = ("openai_headers", "openai_query")
_WEB, _DATABASE = ("http", "https"), ("postgresql", "postgres")


class _Given(Settings):
    """The same fields, from arguments alone."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *others: Any, **more: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigError: One is wrong; it is named, and what it holds is not, for it may be a secret.
    """
    for fault in setting_faults():
        raise ConfigError(fault)
    return Settings()


def setting_faults() -> Iterator[str]:
    """What is wrong with the variables, a sentence each; none where everything is well."""
    given = {name.upper(): text for name, text in os.environ.items()}
    values: dict[str, Any] = {}
    for field, info in Settings.model_fields.items():
        name = variable_of(field)
        if name not in given:
            continue
        values[str(info.validation_alias or field)] = given[name]
        if field in _OBJECTS:
            values[field] = _object(given[name])
            if (why := _fault_of(field, values[field])) is not None:
                yield f"The environment variable {name} {why}."
                del values[field]
    try:
        yield from _addresses(_Given(**values))
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            field = str(one["loc"][0])
            name = variable_of(field) if field in Settings.model_fields else field
            yield f"The environment variable {name} is not valid: {one['msg']}."


def unknown_variables() -> Iterator[str]:
    """A sentence for each variable that looks like a setting and is none."""
    known = [variable_of(field) for field in Settings.model_fields]
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
            yield f"the environment variable {name} is no setting; the nearest is {near}."


def variable_of(field: str) -> str:
    """The environment variable that a setting is read from."""
    return str(Settings.model_fields[field].validation_alias or f"{PREFIX}{field.upper()}")


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _fault_of(field: str, value: Any) -> str | None:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        example = '{"api-key": "…"}' if field == "openai_headers" else '{"name": "…"}'
        return f"is no JSON object of texts; write {example}"
    if field == "openai_headers" and not all(map(_sendable, (*value, *value.values()))):
        return "holds a header that is not printable ASCII, and no other can be sent; correct it"
    return None


def _addresses(settings: Settings) -> Iterator[str]:
    """What is wrong with addresses and keys, as far as that can be told without a network."""
    journal, notify = settings.journal_address, settings.notify_url
    checked: Mapping[str, tuple[str | None, tuple[str, ...], str]] = {
        "OPENAI_BASE_URL": (settings.openai_base_url, _WEB, "it is no http:// or https:// address"),
        "TASKCRAFT_TAVILY_BASE_URL": (settings.tavily_base_url, _WEB, "it is no http:// or https:// address"),
        "TASKCRAFT_NOTIFY_URL": (
            notify.get_secret_value() if notify else None,
            _WEB,
            "it is no http:// or https:// address",
        ),
        "TASKCRAFT_JOURNAL_URL": (journal, _DATABASE, "it is no postgresql://user:password@host/database address"),
    }
    for variable, (address, schemes, why) in checked.items():
        if address and not _is_address(address, schemes):
            yield f"The environment variable {variable} is not valid: {why}."
    for variable, key in (("OPENAI_API_KEY", settings.openai_api_key), ("TAVILY_API_KEY", settings.tavily_api_key)):
        if key is not None and not _sendable(key.get_secret_value().strip()):
            yield f"The environment variable {variable} is not valid: it holds signs that are no printable ASCII."


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        host = schemes is _DATABASE or bool(parts.hostname)  # a database may be on this machine
        return parts.scheme in schemes and host and parts.port != 0
    except ValueError:  # a bracket that is not closed, a port that is no number
        return False


def _sendable(text: str) -> bool:
    return text.isascii() and text.isprintable()
