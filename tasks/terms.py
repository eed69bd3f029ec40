"""What a build tells the processes that compute its shards elsewhere. No secret is among it.

Secrets, addresses and files are a process's own; how much it may do at a time, and in all, is the build's.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from taskcraft_core.config import Settings
from taskcraft_core.errors import ConfigError

TRAVELLING = (
    "calls_at_once", "calls_at_start", "requests_per_minute", "tokens_per_minute", "call_timeout", "call_attempts",
    "outage_patience", "max_usd", "max_tokens", "max_calls", "parse_workers", "parse_timeout", "parse_memory_mb",
)  # fmt: skip
"""The settings that are the build's, wherever a shard is computed."""
Limit = int | float | None
_FIELD = re.compile(r'field "(\w+)"')


@dataclass(frozen=True)
class Terms:
    """What a worker process is told before it computes a shard of a build.

    Attributes:
        out: The output folder.
        mark: A file in it, by which the worker knows that it sees the same folder.
        limits: Settings of the build, instead of the process's own.
        version: The version of TaskCraft.
        api: The address of the Prefect server.
        endpoint: The label of the service that models are asked at; None where no model is asked.
        journal: Whether the journal of calls is at an address of its own.
        machine: Where the build itself runs.
        owned: Whether the process was started for the build, and ends with it.
    """

    out: str
    mark: str
    limits: Mapping[str, Limit]
    version: str
    api: str
    endpoint: str | None
    journal: bool
    machine: str
    owned: bool


_current: Terms | None = None


def adopt(terms: Terms) -> None:
    """From now on this process works on these terms."""
    global _current
    _current = terms


def own_settings() -> Settings:
    """The settings that this process was started with.

    Raises:
        ConfigError: Some are wrong; they are named, and what they hold is not, for it may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [str(one["loc"][0]) for one in error.errors(include_input=False, include_url=False)]
    except SettingsError as error:  # what should be JSON is none, and no other setting was looked at
        wrong = _FIELD.findall(str(error))
    raise ConfigError(f"Settings in the environment are not valid, correct them: {', '.join(dict.fromkeys(wrong))}.")


def settings() -> Settings:
    """The settings of this process: its own, and the limits of the build that it works for.

    Raises:
        ConfigError: See `own_settings`.
    """
    own = own_settings()
    return own if _current is None else own.model_copy(update=dict(_current.limits))


def machine() -> str:
    """A name for this machine, the same for all processes on it, in containers too."""
    kernel = Path("/proc/sys/kernel/random/boot_id")
    return kernel.read_text().strip() if kernel.is_file() else socket.gethostname()


def solutions_file() -> str:
    """Where solutions are remembered, under the output folder; SQLite's files are never shared by machines."""
    here = _current is None or _current.machine == machine()
    return "solutions.sqlite" if here else f"solutions-{socket.gethostname()}.sqlite"
