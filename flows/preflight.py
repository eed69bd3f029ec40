"""What is checked before a document is read: the settings, the roles, and whether every model answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.errors import ConfigError
from taskcraft_core.roles.bench import check_spec, make_role
from taskcraft_core.roles.llm.spec import is_model, missing_key
from tasks.workbench import ROLES, engine_for


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigError: One is wrong; it is named, and what it holds is not, for it may be a secret.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        variable = name if name.startswith(("OPENAI_API_KEY", "OPENAI_BASE", "TAVILY_API")) else f"TASKCRAFT_{name}"
        raise ConfigError(f"The environment variable {variable} is not valid: {first['msg']}.") from None
    except SettingsError as error:
        raise ConfigError(f"An environment variable is no JSON: {str(error).rstrip('.')}.") from None
    addresses = {"OPENAI_BASE_URL": settings.openai_base_url, "TASKCRAFT_TAVILY_BASE_URL": settings.tavily_base_url}
    for variable, address in addresses.items():
        if address and not _is_address(address):
            raise ConfigError(
                f"The environment variable {variable} is not valid: it is no http:// or https:// address."
            )
    return settings


def check_roles(config: BuildConfig, settings: Settings, needs_key: bool = True) -> None:
    """Checks what needs no network: specs, classes of one's own, and that there is a key.

    Args:
        config: Names the roles and the search.
        settings: Hold the keys.
        needs_key: Whether a call will be made at all.

    Raises:
        ConfigError: The first thing that is wrong, and what to set.
    """
    for role in ROLES:
        spec = getattr(config, role)
        check_spec(role, spec)
        if not is_model(spec):
            make_role(role, spec)
        elif needs_key and _missing(settings.openai_api_key):
            raise ConfigError(missing_key(spec))
    if config.search == "tavily" and needs_key and _missing(settings.tavily_api_key):
        raise ConfigError("--search tavily needs the environment variable TAVILY_API_KEY, which is not set.")


def warnings_of(config: BuildConfig) -> Iterator[str]:
    """What is allowed and had better be known."""
    marked = [role for role in ("author", "solver") if getattr(config, role) == config.judge]
    if is_model(config.judge) and marked:
        yield (
            f"the judge is the same model as the {' and the '.join(marked)} ({config.judge}), so it marks its own "
            "work; --judge names another."
        )


async def preflight(out: Path, config: BuildConfig) -> None:
    """Makes one small call to every model.

    Raises:
        ConfigError: A key, a model or a parameter does not do.
        ProviderUnavailable: The endpoint cannot be reached.
        BudgetExceeded: The caps allow no call at all.
    """
    engine = await engine_for(out, config)
    if engine is not None:
        await engine.preflight({role: getattr(config, role) for role in ROLES})


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket that is not closed, a port that is no number
        return False


def _missing(key: SecretStr | None) -> bool:
    return key is None or not key.get_secret_value().strip()
