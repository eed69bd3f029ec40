"""An output folder given as a URL (`s3://bucket/demo`): builds and commands work in a copy of it on this machine.

The copy lies in the user's cache folder, or in TASKCRAFT_CACHE, which has to be a shared folder where shards are
computed on other machines. Builds into one URL take turns, on whatever machines they run, if they share a Prefect
server. Where they do not, nothing is destroyed either: the later of two that publish at once fails, and is run again.

Imports Prefect only where it is running already: commands that read do without, and it has to be set up before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from flows.environment import read_settings
from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.remote.address import check_out, copy_of, is_address
from taskcraft_core.dataset.remote.files import Remote
from taskcraft_core.dataset.remote.mirror import pull, push, sole_user
from taskcraft_core.errors import ConfigError, TaskCraftError
from taskcraft_core.roles.llm.spec import pays
from tasks.aside import aside


def check_place(out: str, config: BuildConfig, sources: Sequence[str] = ()) -> None:
    """Checks what can be told without a network of where a build is to write.

    Args:
        out: The output folder, or its URL.
        config: What is built; chat models need a journal that outlives this machine.
        sources: What the documents are read from.

    Raises:
        ConfigError: No dataset can lie there, or its journal cannot.
    """
    check_out(out, sources)
    if is_address(out) and pays(config) and read_settings().journal_address is None:
        raise ConfigError(
            f"{out}: calls that are paid for have to be journalled where a crash cannot lose them; name a PostgreSQL "
            "database in TASKCRAFT_JOURNAL_URL, or give a folder as --out."
        )


@asynccontextmanager
async def mirrored(
    out: str, config: BuildConfig, sources: Sequence[str] = (), write: bool = True
) -> AsyncIterator[Path]:
    """The folder that a build works in: `out` itself, or an up-to-date copy that is written back in the end.

    It is written back after a failure or a cancellation too, so that nothing earned is lost.

    Args:
        out: The output folder, or its URL.
        config: What is built.
        sources: What the documents are read from.
        write: Whether anything is written back.

    Raises:
        ConfigError: No dataset can lie at `out`, or the journal cannot.
        TaskCraftError: The store does not answer or does not take what was built, which is kept here then.
    """
    if write:
        check_place(out, config, sources)
    else:
        check_out(out, sources)
    if not is_address(out):
        yield Path(out).absolute()
        return
    folder = folder_of(out)
    remote = Remote(out)
    with _named(folder, out):
        async with _turn(out) if write else nullcontext(), _alone(folder, out):
            if write:
                await aside(remote.prove_writable)
            await aside(pull, remote, folder)
            try:
                yield folder
            except BaseException:
                if write:
                    await _kept(remote, folder)
                raise
            if write:
                await _written_back(remote, folder)


@contextmanager
def reading(out: str, part: str = "") -> Iterator[Path]:
    """The folder that a command reads: `out` itself, or a copy that is brought up to date.

    Args:
        out: The output folder, or its URL.
        part: The beginning of the names of the files that are read.

    Raises:
        ConfigError: No dataset can lie at `out`.
        TaskCraftError: The store does not answer.
    """
    check_out(out)
    if not is_address(out):
        yield Path(out)
        return
    folder = folder_of(out)
    with _named(folder, out):
        with sole_user(folder) as ours:
            if ours:  # else a build of this machine is at work there, and the copy is as new as can be
                pull(Remote(out), folder, part)
        yield folder


def folder_of(out: str) -> Path:
    """The folder on this machine that stands for an output folder, as it is; nothing is copied."""
    return copy_of(out, read_settings().cache) if is_address(out) else Path(out).absolute()


@asynccontextmanager
async def _alone(folder: Path, out: str) -> AsyncIterator[None]:
    """Waits until no other process of this machine works in the copy."""
    from flows.waiting import tell, wait

    with ExitStack() as lasting:

        async def ours() -> bool:
            with ExitStack() as trying:
                if not trying.enter_context(sole_user(folder)):
                    return False
                lasting.enter_context(trying.pop_all())
                return True

        async def why() -> str:
            return f"Waits for its turn: another command works in the copy of {out}."

        await wait(ours, why, tell)
        yield


def _turn(out: str) -> AbstractAsyncContextManager[None]:
    """The turn of this run to write to the URL; outside of a flow there is no server that others would ask."""
    from prefect.context import FlowRunContext

    from flows.address_turns import turn_at
    from flows.waiting import holder_of, tell

    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return nullcontext()
    return turn_at(out, tell, holder_of(context.flow_run))


async def _kept(remote: Remote, folder: Path) -> None:
    """Writes back what a build earned that failed; what is raised is why it failed, and not why this did."""
    from tasks.logs import run_logger

    try:
        await _written_back(remote, folder)
    except TaskCraftError as error:
        run_logger().warning(str(error))


async def _written_back(remote: Remote, folder: Path) -> None:
    try:
        await _to_the_end(push, remote, folder)
    except TaskCraftError as error:
        kept = f"What was built is kept under {folder.parent}, and the next build there writes it back."
        raise TaskCraftError(f"{error} {kept}") from error


async def _to_the_end(work: Callable[..., Any], *arguments: Any) -> None:
    """Does something beside the loop that no cancellation stops; the cancellation comes after it."""
    doing = asyncio.ensure_future(aside(work, *arguments))
    stopped: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError as error:
            stopped = error
    doing.result()
    if stopped is not None:
        raise stopped


@contextmanager
def _named(folder: Path, out: str) -> Iterator[None]:
    """Errors name what the user gave, and not the copy."""
    try:
        yield
    except TaskCraftError as error:
        error.args = tuple(str(one).replace(str(folder), out.rstrip("/")) for one in error.args)
        raise
