"""The workbench of this process: the corpus, its search index and the model engine, used by all shards."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from taskcraft_core.calls.once import Once
from taskcraft_core.config import BuildConfig
from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.models import Document
from taskcraft_core.roles import Author
from taskcraft_core.roles.bench import BY_RULE, Bench, bench_of, make_role
from taskcraft_core.roles.llm.spec import pays
from taskcraft_core.tools import Toolbox, Web, web_toolbox
from tasks.counts import Counts
from tasks.manifest import digest, read_all, read_manifest
from tasks.terms import settings, solutions_file

if TYPE_CHECKING:
    from taskcraft_core.roles.llm.engine import Engine

ROLES = ("author", "solver", "judge")
SPARE_ITEMS = 8
"""Items under way beyond the calls that may be in flight."""


@dataclass
class Held:
    """What this process keeps open, and what it was made for."""

    engine: Engine | None = None
    engine_for: tuple[str, ...] = ()
    calls_before: int = 0
    authors: dict[str, Author] = field(default_factory=dict)
    bench: Bench | None = None
    bench_for: tuple[str, ...] = ()
    journal: SolutionJournal | None = None
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)


_held = Held()
_before = Counts()
_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def waits(*specs: str) -> bool:
    """Whether one of these roles waits for an answer, so that several items under way make it faster.

    Rules compute and never wait; a class of the user's own is taken for one that waits.
    """
    return any(spec not in BY_RULE for spec in specs)


def items_at_once(*specs: str) -> int:
    """How many items of this process are under way for these roles: calls are limited elsewhere, this bounds memory.

    A few more than calls may be in flight, for an item computes a little between its calls.
    """
    if not waits(*specs):
        return 1
    limits = settings()
    return max(1, limits.calls_at_once // limits.processes) + SPARE_ITEMS


async def engine_for(out: Path, config: BuildConfig) -> Engine | None:
    """The engine of this process, opened by whoever asks first; None where no role is a model and no search is paid.

    Raises:
        ConfigError: A setting is missing or wrong, or the journal cannot be opened.
    """
    async with _lock():
        return await _engine(out, config)


async def author_for(out: Path, config: BuildConfig) -> Author:
    """The author, for the stage that has no corpus yet.

    Raises:
        ConfigError: No such role, or the engine cannot be opened.
    """
    async with _lock():
        engine = await _engine(out, config)
        if config.author not in _held.authors:
            _held.authors[config.author] = make_role("author", config.author, engine)
        return _held.authors[config.author]


async def bench_for(out: Path, documents: str, config: BuildConfig) -> Bench:
    """The bench over the documents of a manifest; the one made last is kept.

    Args:
        out: The output folder.
        documents: The manifest of the ingested documents.
        config: Names the roles and the search.

    Raises:
        ConfigError: No such role, or the engine cannot be opened.
    """
    async with _lock():
        shards = read_manifest(out, documents)
        roles = (config.author, config.solver, config.judge, config.search)
        made_for = (str(out.absolute()), digest(shards), *roles)
        if _held.bench is None or _held.bench_for != made_for:
            engine = await _engine(out, config)
            await _put_bench_away()
            corpus = Corpus(read_all(out, shards, Document))
            tools = await _web_tools(out, corpus, engine) if config.search == "tavily" else None
            _held.journal = SolutionJournal(out / solutions_file())
            _held.bench, _held.bench_for = bench_of(corpus, config, _held.journal, engine, tools), made_for
        return _held.bench


async def put_away() -> None:
    """Closes the bench and the engine of this process, if there are any; their counts stay."""
    async with _lock():
        await _put_bench_away()
        await _put_engine_away()


async def rest() -> None:
    """No shard is under way in this process: what it set aside of a shared budget others may have."""
    if _held.engine is not None:
        await _held.engine.budget.rest()


def counts() -> Counts:
    """What this process did since it began."""
    return _before + _of_bench() + _of_engine()


async def _engine(out: Path, config: BuildConfig) -> Engine | None:
    if not pays(config):
        return None
    made_for = (str(out.absolute()),)
    if _held.engine is None or _held.engine_for != made_for:
        await _put_bench_away()
        await _put_engine_away()
        from taskcraft_core.roles.llm.engine import Engine  # a second to import, and the embedded roles need none

        _held.engine, _held.engine_for = await Engine.open(settings(), out), made_for
        _held.calls_before = _held.engine.budget.spent.calls
    return _held.engine


async def _web_tools(out: Path, corpus: Corpus, engine: Engine | None) -> Toolbox:
    """The tools over the live web, which keep their answers where the engine keeps its own."""
    assert engine is not None, "searching the web opens the engine"
    sandbox = await _held.closing.enter_async_context(Sandbox(engine.settings))
    once = Once(engine.journal)  # of its own, as the engine's counts what models were asked
    web = Web(engine.settings, engine.journal, once, engine.budget, out / "documents")
    _held.closing.push_async_callback(web.close)  # before the sandbox: pages under way are still parsed
    return web_toolbox(corpus, web, sandbox, picture=engine.picture)


async def _put_bench_away() -> None:
    global _before
    _before = _before + _of_bench()
    if _held.journal is not None:
        _held.journal.close()
    _held.bench = _held.journal = None
    _held.bench_for = ()
    await _held.closing.aclose()


async def _put_engine_away() -> None:
    global _before
    _before = _before + _of_engine()
    engine, _held.engine = _held.engine, None
    _held.authors.clear()
    if engine is not None:
        await engine.close()


def _of_bench() -> Counts:
    if _held.bench is None:
        return Counts()
    solved, carried = _held.bench.solutions
    return Counts(solved=solved, carried=carried)


def _of_engine() -> Counts:
    if _held.engine is None:
        return Counts()
    spent = _held.engine.budget.own  # of the journal, others may spend too
    once = _held.engine.once
    return Counts(
        made=once.made,
        searches=max(spent.calls - once.made, 0),
        found=once.found if _held.calls_before else 0,  # else all of them are answers that askers shared
        tokens=spent.tokens,
        usd=spent.usd,
        unpriced=spent.unpriced,
    )


def _lock() -> asyncio.Lock:
    """One for each event loop: a lock that was waited for belongs to its loop for ever."""
    return _locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
