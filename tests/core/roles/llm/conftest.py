"""A loopback server and engines that call it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from taskcraft_core.config import Settings
from taskcraft_core.loopback.process import Loopback, start
from taskcraft_core.roles.llm.engine import Engine

KEY = "sk-planted-0123456789"
MakeEngine = Callable[..., Awaitable[Engine]]


@pytest.fixture(scope="session")
def running() -> Iterator[Loopback]:
    with start() as server:
        yield server


@pytest.fixture
def server(running: Loopback) -> Loopback:
    """The server as it was started, with nothing counted yet."""
    running.control(defaults=True, reset=True)
    return running


@pytest.fixture
async def engine_of(server: Loopback, tmp_path: Path) -> AsyncIterator[MakeEngine]:
    """Opens engines on one output folder, with settings of their own."""
    opened: list[Engine] = []

    async def make(**given: object) -> Engine:
        values: dict[str, object] = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url, **given}
        engine = await Engine.open(Settings.model_validate(values), tmp_path)
        opened.append(engine)
        return engine

    yield make
    for engine in opened:
        await engine.close()
