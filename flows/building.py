"""`taskcraft build`: checks what can be checked at once, runs the flow, and prints what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from flows.display import Display
from flows.embedded import use_server
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import ConfigError, TaskCraftError

if TYPE_CHECKING:
    from flows.summary import BuildSummary


def run_build(
    sources: Sequence[str], out: Path, config_file: Path | None, options: Mapping[str, Any], verbose: bool
) -> None:
    """Builds, with progress, and prints the summary.

    Raises:
        ConfigError: An option, key, source or folder is wrong.
        TaskCraftError: The build failed.
    """
    config = BuildConfig.load(config_file, **options)
    _check(sources, out)
    console = Console()
    with Display(console) as display:
        server = use_server(verbose)
        _check_roles(config)
        import flows.build_dataset  # noqa: F401  (takes seconds, in which the server starts)

        server.ready()
        summary = asyncio.run(_build(list(sources), str(out), config, display))
    from flows.tables import print_summary

    print_summary(summary, console)


async def _build(sources: list[str], out: str, config: BuildConfig, display: Display) -> BuildSummary:
    from flows.build_dataset import build_dataset
    from tasks.progress import watched_by

    with watched_by(display):
        try:
            return await build_dataset(sources, out, config)
        except RuntimeError as error:
            if "Failed to reach API" not in str(error):
                raise
            raise TaskCraftError(
                f"The Prefect server does not answer ({error}); start it, or unset PREFECT_API_URL."
            ) from error


def _check(sources: Sequence[str], out: Path) -> None:
    """What needs no server is checked before one is started."""
    from taskcraft_core.dataset.folder import check_folder
    from taskcraft_core.documents.fetch import is_url
    from taskcraft_core.documents.files import files_of

    for source in sources:
        if not is_url(source):
            next(files_of(source, out), None)
    check_folder(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be the output folder: {error.strerror}.") from None


def _check_roles(config: BuildConfig) -> None:
    from taskcraft_core.roles.bench import make_role
    from taskcraft_core.tools import SEARCH

    if config.search not in SEARCH:
        raise ConfigError(f"There is no search {config.search!r} yet; there is {', '.join(SEARCH)}.")
    for role in ("author", "solver", "judge"):
        make_role(role, getattr(config, role))
