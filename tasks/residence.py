"""The one long-lived event loop of a worker process, on which all shards that come to it are computed.

Prefect runs each task that it was sent on an event loop of the task's own. But the engine, the journal and the
limits on calls belong to one loop: so the work of a shard is done on this one, and they are shared by all shards.
In the process of the build itself there is no such loop, and work is done where it is.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any, TypeVar

from taskcraft_core.errors import ConfigError, TaskCraftError
from tasks import workbench
from tasks.terms import Terms, adopt

T = TypeVar("T")

_starting = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_builds: dict[str, Terms] = {}
_faults: dict[str, str] = {}


class _Floor:
    """Shards of one build are worked on together, those of another when there are none: they share no engine."""

    def __init__(self) -> None:
        self.shards: set[asyncio.Task[Any]] = set()
        self.build = ""
        self._changed = asyncio.Condition()
        self._kept: dict[Any, Any] = {}
        self._closing = AsyncExitStack()

    @asynccontextmanager
    async def for_one_of(self, build: str) -> AsyncIterator[None]:
        """Waits for the build's turn."""
        task = asyncio.current_task()
        assert task is not None
        async with self._changed:
            await self._changed.wait_for(lambda: not self.shards or self.build == build)
            self.build = build
            self.shards.add(task)
        try:
            yield
        finally:
            self.shards.discard(task)
            if not self.shards:
                with suppress(TaskCraftError):  # the shard has its result, and a lease ends by itself
                    await workbench.rest()
            async with self._changed:
                self._changed.notify_all()

    async def keep(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> T:
        """What `make` gives, entered by whoever asks first."""
        if make not in self._kept:
            self._kept[make] = asyncio.ensure_future(self._closing.enter_async_context(make()))
        kept: T = await asyncio.shield(self._kept[make])
        return kept

    async def clear(self, build: str) -> None:
        """Ends the shards of a build and puts away what they used; calls under way get a few seconds."""
        if self.build != build:
            return
        stopped = tuple(self.shards)
        for shard in stopped:
            shard.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)
        self._kept.clear()
        with suppress(asyncio.CancelledError):
            try:
                if stopped:
                    raise asyncio.CancelledError  # the engine is left as it is after Ctrl-C
            finally:
                await workbench.put_away()
                await self._closing.aclose()


_floor: _Floor | None = None


def begin(terms: Terms, fault: str | None) -> None:
    """From now on this process computes shards of a build.

    Args:
        terms: What the build tells.
        fault: Why it can not, in one sentence; its shards then fail with that.
    """
    _start()
    _builds[terms.out] = terms
    _faults.pop(terms.out, None)
    if fault is not None:
        _faults[terms.out] = fault


def fault_of(build: str) -> str | None:
    """Why this process cannot compute shards of a build; None if it can."""
    return _faults.get(build)


async def end(build: str) -> None:
    """This process computes no more shards of a build: those under way are stopped, and nothing is left open."""
    if _builds.pop(build, None) is not None and _loop is not None and _floor is not None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_floor.clear(build), _loop))


async def at_home(work: Callable[..., Awaitable[T]], *arguments: Any, **named: Any) -> T:
    """What the work of a shard gives, done on the loop of this process if it has one, else right here.

    Raises:
        ConfigError: This process cannot compute it.
        Exception: What the work raised.
    """
    if _loop is None:
        return await work(*arguments, **named)
    build: str = inspect.signature(work).bind(*arguments, **named).arguments["out"]
    return await asyncio.wrap_future(
        asyncio.run_coroutine_threadsafe(_worked(build, lambda: work(*arguments, **named)), _loop)
    )


def is_home() -> bool:
    """Whether this runs on the long-lived loop of a worker process."""
    return _loop is not None and asyncio.get_running_loop() is _loop


async def keep(make: Callable[[], AbstractAsyncContextManager[T]]) -> T:
    """What `make` gives, once for all shards of a build here; it is left when the build ends."""
    assert _floor is not None, "there is something to keep at home only"
    return await _floor.keep(make)


async def _worked(build: str, work: Callable[[], Awaitable[T]]) -> T:
    assert _floor is not None
    async with _floor.for_one_of(build):
        if (terms := _builds.get(build)) is None:
            raise TaskCraftError("The build of this shard is over, so it is not computed any more.")
        if (fault := _faults.get(build)) is not None:
            raise ConfigError(fault)
        adopt(terms)
        return await work()


def _start() -> None:
    global _loop, _floor
    with _starting:
        if _loop is None:
            _loop, _floor = asyncio.new_event_loop(), _Floor()
            threading.Thread(target=_loop.run_forever, name="shards", daemon=True).start()
