"""Configuration: `BuildConfig` is everything that changes rows; `Settings` is everything that does not."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from taskcraft_core.errors import ConfigError

_SPEC: dict[str, Any] = {
    # For forms; elsewhere a spec that is wrong is told of in a sentence.
    "pattern": r"^(extractive|openai:[^\s?]+(\?\S+)?|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*)$",
    "examples": ["extractive", "openai:gpt-4o-mini"],
}


class BuildConfig(BaseModel):
    """Everything that changes the rows of a build. Frozen, hashed, and the parameter of the flow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str = Field(
        "extractive",
        description="Who writes questions: extractive (rules, no model), openai:MODEL, or a class of yours.",
        json_schema_extra=_SPEC,
    )
    solver: str = Field(
        "extractive", description="Who answers them, with and without tools; named likewise.", json_schema_extra=_SPEC
    )
    judge: str = Field("extractive", description="Who scores answers; named likewise.", json_schema_extra=_SPEC)
    search: Literal["local", "tavily"] = Field("local", description="What the search tool searches.")
    limit: int | None = Field(None, ge=1, description="Use at most this many documents.")
    buckets: int = Field(8, ge=1, le=4096, description="Shards a stage; 50 to 500 documents a shard is good.")
    max_conclusions: int = Field(20, ge=1, description="Conclusions kept a document.")
    max_tasks_per_document: int = Field(10, ge=1, description="Atomic tasks authored a document.")
    max_figures: int = Field(5, ge=0, description="Embedded figures taken from a document.")
    max_hops: int = Field(3, ge=1, le=6, description="Deepest chain; 1 turns depth extension off.")
    max_width: int = Field(3, ge=1, le=3, description="Most parts of a width task; 1 turns it off.")
    max_steps: int = Field(3, ge=1, description="Tool calls an agent may take for an atomic task.")
    superset_share: float = Field(
        0.1, gt=0, le=1, description="Largest share of the depth tasks that may use one superset."
    )
    acceptance: Literal["strict", "paper"] = Field(
        "strict", description="strict: no-tools 0 and agent at least 1; paper: agent better than no-tools."
    )

    @classmethod
    def load(cls, path: Path | None, **overrides: Any) -> BuildConfig:
        """Reads a TOML file (if any) and lays the given options over it; None means not given.

        Raises:
            ConfigError: The file cannot be read, or a key or value is wrong; names the nearest right key.
        """
        values: dict[str, Any] = {}
        if path is not None:
            try:
                values = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise ConfigError(f"{path}: cannot be read as TOML: {error}.") from None
        values |= {key: value for key, value in overrides.items() if value is not None}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(_explain(error, path)) from None


def _explain(error: ValidationError, path: Path | None) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    where = f"{path}: " if path else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, BuildConfig.model_fields, n=1, cutoff=0.0)
        return f"{where}There is no configuration key {key!r}; the nearest is {near[0]!r}."
    return f"{where}{key} = {first['input']!r} is not valid: {first['msg']}."


class Settings(BaseSettings):
    """Secrets, addresses, time-outs and concurrency: never hashed, never a task argument."""

    model_config = SettingsConfigDict(env_prefix="TASKCRAFT_", extra="ignore")

    parse_workers: int = Field(2, ge=1, description="Sandboxed parser processes.")
    parse_timeout: float = Field(20.0, gt=0, description="Seconds a document may take to parse.")
    parse_memory_mb: int = Field(2048, ge=256, description="Address space of a parser process, in MB.")
    fetch_timeout: float = Field(20.0, gt=0, description="Seconds a URL may take to answer.")
    fetch_max_mb: int = Field(50, ge=1, description="Largest body fetched from a URL, in MB.")
    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(None, validation_alias="OPENAI_BASE_URL")
    openai_api_version: str | None = Field(None, description="Sent as the query parameter api-version (Azure).")
    openai_headers: dict[str, SecretStr] = Field({}, description="Extra headers of every model call, as JSON.")
    openai_query: dict[str, SecretStr] = Field({}, description="Extra query parameters of every model call, as JSON.")
    endpoint_label: str | None = Field(
        None, description="What the endpoint is called in the journal; two addresses of one service share a label."
    )
    tavily_api_key: SecretStr | None = Field(None, validation_alias="TAVILY_API_KEY")
    tavily_base_url: str | None = Field(None, description="Where Tavily's API is, if not at its own address.")
    web_allow_private: bool = Field(False, description="Whether read_page may open private and loopback addresses.")
    journal_url: SecretStr | None = Field(
        None, description="postgresql://… for a journal that the workers of a cluster share."
    )
    calls_at_once: int = Field(64, ge=1, description="Model calls in flight at most, over all processes.")
    calls_at_start: int = Field(32, ge=1, description="Model calls in flight before the service has answered any.")
    processes: int = Field(
        1,
        ge=1,
        description="Processes that share calls_at_once, the limits a minute and the caps max_usd, max_tokens and "
        "max_calls; a build on a Dask cluster tells its workers how many they are.",
    )
    requests_per_minute: int | None = Field(None, ge=1, description="Model calls started in a minute at most.")
    tokens_per_minute: int | None = Field(None, ge=1, description="Tokens of model calls in a minute at most.")
    call_timeout: float = Field(120.0, gt=0, description="Seconds a model call may take.")
    call_attempts: int = Field(8, ge=1, description="How often a call that fails on the way is made.")
    outage_patience: float = Field(300.0, ge=0, description="Seconds of outage before a run gives up.")
    notify_url: SecretStr | None = Field(None, description="Where JSON is posted to when a build fails or is degraded.")
    max_usd: float | None = Field(None, ge=0, description="What the calls of an output folder may cost in all.")
    max_tokens: int | None = Field(None, ge=0, description="Tokens that they may take in all.")
    max_calls: int | None = Field(None, ge=0, description="How many there may be in all.")
    prices: Path | None = Field(None, description="A TOML file of prices, instead of the one that comes along.")
    cache: Path | None = Field(None, description="Where builds keep their copy of an --out that is a URL.")
    faults: Path | None = Field(None, description="For tests: a file that names shards which are to fail.")

    @property
    def journal_address(self) -> str | None:
        """The address of a shared journal, with its password; None for a file under the output folder."""
        return self.journal_url.get_secret_value() if self.journal_url else None
