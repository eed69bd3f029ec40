"""What is checked before a document is read: the settings, the roles, and whether every model answers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from flows.environment import unknown_variables
from taskcraft_core.calls.once import Once
from taskcraft_core.calls.prices import Prices
from taskcraft_core.calls.purpose import working_on
from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.errors import ConfigError, ProviderRefused, ProviderUnavailable, ResponseError
from taskcraft_core.roles.bench import REGISTRIES, check_spec, make_role
from taskcraft_core.roles.llm.spec import is_model, missing_key, parse_spec
from taskcraft_core.roles.own import is_own
from taskcraft_core.tools import Web
from taskcraft_core.tools.web_search import TavilySearch
from tasks.workbench import ROLES, engine_for

if TYPE_CHECKING:
    from taskcraft_core.roles.llm.engine import Engine

PREFLIGHT = "preflight"
"""The stage that the first calls are booked under."""
SEARCH_SECONDS = 5.0
"""How long the first search may take; later ones have longer."""


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
        _check_known(role, spec)
        check_spec(role, spec)
        if not is_model(spec):
            make_role(role, spec)
        elif needs_key and _missing(settings.openai_api_key):
            raise ConfigError(missing_key(spec))
    models = [spec for spec in (getattr(config, role) for role in ROLES) if is_model(spec)]
    if models:
        _check_prices(models, settings, needs_key)
    if config.search == "tavily" and needs_key and _missing(settings.tavily_api_key):
        raise ConfigError("--search tavily needs the environment variable TAVILY_API_KEY, which is not set.")


def warnings_of(config: BuildConfig) -> Iterator[str]:
    """What is allowed and had better be known."""
    yield from unknown_variables()
    if not is_model(config.judge):
        return
    judge = parse_spec(config.judge).model
    specs = {role: getattr(config, role) for role in ("author", "solver")}
    marked = [role for role, spec in specs.items() if is_model(spec) and parse_spec(spec).model == judge]
    if marked:
        yield (
            f"the judge is the same model as the {' and the '.join(marked)} ({judge}), so it marks its own "
            "work; --judge names another."
        )


async def preflight(out: Path, config: BuildConfig) -> None:
    """Makes one small call to every model, and a search if the web is to be searched; kept like any other.

    Raises:
        ConfigError: A key, a model or a parameter does not do.
        ProviderUnavailable: A service cannot be reached.
        BudgetExceeded: The caps allow no call at all.
    """
    engine = await engine_for(out, config)
    if engine is None:
        return
    if config.search == "tavily":
        await _search(engine, out)
    await engine.preflight({role: getattr(config, role) for role in ROLES})


async def _search(engine: Engine, out: Path) -> None:
    """A search that costs a cent, before models are paid for questions that nobody could look up."""
    quick = {"call_attempts": 2, "fetch_timeout": min(engine.settings.fetch_timeout, SEARCH_SECONDS)}
    settings = engine.settings.model_copy(update=quick)
    web = Web(settings, engine.journal, Once(engine.journal), engine.budget, out / "documents")
    try:
        with working_on(PREFLIGHT, "tavily"):
            await TavilySearch(web).search("Wikipedia")
    except ProviderRefused as error:
        raise ConfigError(str(error)) from None
    except ResponseError as error:
        raise ConfigError(f"{error.detail.rstrip('.')}; check TASKCRAFT_TAVILY_BASE_URL.") from None
    except ProviderUnavailable as error:
        if error.status == 429 or not settings.tavily_base_url:
            raise
        why = f"answered with an error ({error.status})" if error.status else "cannot be reached"
        raise ProviderUnavailable(
            f"Tavily {why} at the address in TASKCRAFT_TAVILY_BASE_URL; correct or unset that, or try again later.",
            error.status,
        ) from None
    finally:
        await web.close()


def _check_prices(models: Iterable[str], settings: Settings, needs_key: bool) -> None:
    """The table can be read; and where dollars are capped, every model is in it."""
    prices = Prices.load(settings.prices)
    for spec in models if needs_key and settings.max_usd is not None else ():
        if prices.usd(parse_spec(spec).model, 0, 0) is None:
            raise ConfigError(
                f"{spec} has no price, so --max-usd cannot be kept; add it to a table and name that in "
                "TASKCRAFT_PRICES, or leave --max-usd out."
            )


def _check_known(role: str, spec: str) -> None:
    """A bare name is rather a model than a misspelt engine, unless it is close to one."""
    name = spec.partition("?")[0].partition(":")[0]
    known = REGISTRIES[role]
    if name not in known and not is_own(spec) and not difflib.get_close_matches(name, known):
        raise ConfigError(f"{spec!r} is no engine; for a chat model write openai:{spec}.")


def _missing(key: SecretStr | None) -> bool:
    return key is None or not key.get_secret_value().strip()
