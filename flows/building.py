"""`taskcraft build`: checks what can be checked at once, runs the flow, and prints what came of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from flows.display import Display
from flows.embedded import use_server
from flows.terminating import run
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import ConfigError, TaskCraftError

if TYPE_CHECKING:
    from flows.summary import BuildSummary
    from taskcraft_core.roles.llm.estimate import Estimate


@dataclass(frozen=True)
class Request:
    """What `taskcraft build` was asked for.

    Attributes:
        sources: Files, folders, globs, URLs.
        out: The output folder, or its URL.
        config_file: A TOML file under the options.
        options: Keys of `BuildConfig`; None where not given.
        tasks: A file of tasks that are there already.
        caps: Settings of the budget by name; None where not given.
        dry_run: Only estimate.
        verbose: Prefect may write to the terminal.
        prune: Whether tasks whose documents are gone are retired.
        failed_shards: Percent of the shards of a stage that may fail.
        runner: Where shards are computed.
    """

    sources: tuple[str, ...]
    out: str
    config_file: Path | None
    options: Mapping[str, Any]
    tasks: Path | None
    caps: Mapping[str, float | None]
    dry_run: bool
    verbose: bool
    prune: bool = False
    failed_shards: float = 0.0
    runner: str = "local"


def run_build(request: Request) -> None:
    """Builds, with progress, and prints the summary; or estimates what a build would cost, and prints that.

    Raises:
        ConfigError: An option, key, source or folder is wrong.
        TaskCraftError: The build failed.
    """
    config = BuildConfig.load(request.config_file, **request.options)
    # Caps are settings and change no row, so they go where settings come from.
    os.environ.update({f"TASKCRAFT_{name}": str(value) for name, value in request.caps.items() if value is not None})
    _check(request, config)
    console = Console()
    with Display(console) as display:
        server = use_server(request.verbose)
        _check_roles(config, needs_key=not request.dry_run)
        import flows.build_dataset  # noqa: F401  (takes seconds, in which the server starts)

        server.ready()
        with _told(display):
            if request.dry_run:
                estimate = run(_estimate(request, config))
            else:
                summary = run(_build(request, config))
    if request.dry_run:
        from flows.estimating import print_estimate

        print_estimate(estimate, console)
        return
    from flows.tables import print_summary

    print_summary(summary, console)


async def _build(request: Request, config: BuildConfig) -> BuildSummary:
    from flows.build_dataset import build_dataset

    return await build_dataset(
        list(request.sources), request.out, config, _path(request.tasks),
        prune=request.prune, failed_shards=request.failed_shards, runner=request.runner,
    )  # fmt: skip


async def _estimate(request: Request, config: BuildConfig) -> Estimate:
    from flows.estimating import estimate_build
    from flows.mirror import mirrored

    async with mirrored(request.out, config, request.sources, write=False) as out:
        return await estimate_build(list(request.sources), str(out), config, _path(request.tasks))


def _path(tasks: Path | None) -> str | None:
    return str(tasks.absolute()) if tasks else None


@contextmanager
def _told(display: Display) -> Iterator[None]:
    """The display hears of every step, and a server that does not answer is told of in one sentence."""
    from tasks.progress import watched_by

    with watched_by(display):
        try:
            yield
        except RuntimeError as error:
            if "Failed to reach API" not in str(error):
                raise
            raise TaskCraftError(
                f"The Prefect server does not answer ({error}); start it, or unset PREFECT_API_URL."
            ) from error


def _check(request: Request, config: BuildConfig) -> None:
    """What needs no server is checked before one is started."""
    from taskcraft_core.dataset.remote.address import check_out, is_address
    from taskcraft_core.documents.fetch import is_url
    from taskcraft_core.documents.files import files_of
    from taskcraft_core.own_tasks import check_documents, read_own_tasks

    out = Path(request.out)
    _check_options(request)
    if not request.sources and request.tasks is None:
        raise ConfigError("Name a SOURCE (a file, folder, glob or URL), or --tasks FILE.jsonl.")
    for source in request.sources:
        if not is_url(source):
            next(files_of(source, out), None)
    if request.tasks is not None:
        (read_own_tasks if request.sources else check_documents)(request.tasks)
    check_out(request.out, request.sources)
    if is_address(request.out):
        _check_address(request, config)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be the output folder: {error.strerror}.") from None


def _check_options(request: Request) -> None:
    if not 0 <= request.failed_shards <= 100:
        raise ConfigError(f"--failed-shards {request.failed_shards:g}: give a percentage from 0 to 100.")
    if request.runner != "local":
        from flows.runners import check_runner

        check_runner(request.runner)


def _check_address(request: Request, config: BuildConfig) -> None:
    from flows.mirror import check_place

    if not request.dry_run:
        check_place(request.out, config, request.sources)


def _check_roles(config: BuildConfig, needs_key: bool) -> None:
    from flows.environment import read_settings
    from flows.preflight import check_roles, warnings_of

    check_roles(config, read_settings(), needs_key)
    for warning in warnings_of(config):
        print(f"taskcraft: warning: {warning}", file=sys.stderr)
