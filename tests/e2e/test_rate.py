"""Limits as a server sees them, in real time."""

import asyncio
from pathlib import Path

import pytest

from taskcraft_core.config import Settings
from taskcraft_core.loopback.process import start
from taskcraft_core.roles.llm.answers import Answers
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.structured import ask

pytestmark = pytest.mark.soak
CALLS = 1_000


@pytest.mark.parametrize("retry_after", [None, 1.0])
async def test_a_run_settles_near_what_the_server_allows(tmp_path: Path, retry_after: float | None) -> None:
    given = {"requests_per_second": 20, "latency": 0.2, "jitter": 0.5, "retry_after": retry_after}
    with start(canned='{"answers": []}', **given) as server:
        settings = {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": server.base_url}
        engine = await Engine.open(Settings.model_validate(settings), tmp_path)
        model = engine.model("solver", "openai:m")
        questions = ({"question": f"Number {number}?"} for number in range(CALLS))
        await asyncio.gather(*(ask(model, Answers, "solver_guess", one) for one in questions))
        await engine.close()
        stats = server.stats()
    refused = sum(stats["refused"].values()) / stats["seen"]
    settled = [second["answered"] for second in stats["seconds"][5:-1]]
    rate = sum(settled) / len(settled)
    print(f"{refused:.1%} of {stats['seen']} calls refused, {rate:.1f} answered a second")
    assert stats["answered"] == CALLS
    assert refused < 0.05
    assert 17 <= rate <= 20.5
