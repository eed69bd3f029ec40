"""Runs that write to one address take turns by their Prefect server, whatever machines they are on."""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client

from flows import address_turns
from flows.address_turns import limit_of, turn_at
from flows.waiting import Holder

pytestmark = pytest.mark.usefixtures("prefect")
NIGHTLY = Holder(
    run="build demo: docs", run_id=str(uuid.UUID(int=1)), attempt=1, host="builder-2", pid=7,
    since="2026-01-02 02:00:00 UTC",
)  # fmt: skip
LATER = NIGHTLY.model_copy(update={"run": "the later one", "run_id": str(uuid.UUID(int=2))})
WAITS = (
    "Waits for its turn: the run build demo: docs (builder-2, since 2026-01-02 02:00:00 UTC) writes to {out}. "
    "Should that run have been killed, its turn ends within 4 minutes."
)


class Heard(asyncio.Queue[str | None]):
    """What a run says while it waits."""

    async def __call__(self, sentence: str | None) -> None:
        self.put_nowait(sentence)


@pytest.fixture
def out() -> str:
    return f"s3://bucket/{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(address_turns, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(address_turns, "RENEW_SECONDS", 0.05)
    yield


async def take(out: str, said: Heard, holder: Holder = LATER) -> None:
    async with turn_at(out, said, holder):
        pass


async def slots(out: str) -> int:
    async with get_client() as client:
        return (await client.read_global_concurrency_limit_by_name(limit_of(out))).active_slots


async def test_the_later_waits_and_says_for_whom_and_for_how_long_at_most(out: str) -> None:
    said = Heard()
    async with turn_at(out, Heard(), NIGHTLY):
        waiting = asyncio.create_task(take(out, said))
        assert await asyncio.wait_for(said.get(), 30) == WAITS.format(out=out)
        assert await slots(out) == 1 and not waiting.done()
    await asyncio.wait_for(waiting, 30)
    assert said.get_nowait() is None
    assert await slots(out) == 0 and await address_turns._noted(limit_of(out)) is None


async def test_other_addresses_wait_for_nobody(out: str) -> None:
    async with turn_at(out, Heard(), NIGHTLY):
        await asyncio.wait_for(take(f"{out}-2", Heard()), 30)


async def test_a_cancelled_run_gives_its_turn_back(out: str) -> None:
    holds = asyncio.Event()

    async def hold() -> None:
        async with turn_at(out, Heard(), NIGHTLY):
            holds.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await asyncio.wait_for(holds.wait(), 30)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    said = Heard()
    await asyncio.wait_for(take(out, said), 30)
    assert said.empty()


async def test_a_turn_that_nobody_renews_ends_though_the_server_has_forgotten_the_lease(
    out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _left_behind(out, NIGHTLY)
    monkeypatch.setattr(address_turns, "PATIENCE_SECONDS", 0.2)
    said = Heard()
    await asyncio.wait_for(take(out, said), 30)
    assert [said.get_nowait(), said.get_nowait()] == [WAITS.format(out=out), None]
    assert await slots(out) == 0


async def test_a_run_that_is_tried_again_does_not_wait_for_its_killed_attempt(out: str) -> None:
    await _left_behind(out, NIGHTLY)
    await asyncio.wait_for(take(out, Heard(), NIGHTLY.model_copy(update={"attempt": 2})), 30)


async def test_who_renews_keeps_the_turn_though_the_server_has_forgotten_the_lease(
    out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Heard()
    async with turn_at(out, Heard(), NIGHTLY):
        first = await address_turns._noted(limit_of(out))
        assert first is not None
        await _forget(uuid.UUID(first.lease), out)
        waiting = asyncio.create_task(take(out, said))
        await asyncio.wait_for(said.get(), 30)
        async with asyncio.timeout(30):
            while (now := await address_turns._noted(limit_of(out))) is None or now.renewals < first.renewals + 1:
                await asyncio.sleep(0.02)
        assert now.lease == first.lease and not waiting.done()
        waiting.cancel()


async def test_a_server_that_is_away_for_a_while_is_asked_again(out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    really: Any = address_turns._lease

    async def lease(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise httpx.ConnectError("away")
        return await really(*arguments)

    monkeypatch.setattr(address_turns, "_lease", lease)
    await asyncio.wait_for(take(out, Heard()), 30)
    assert asked == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("s3://bucket/demo", "s3a://bucket/demo/", True),
        ("S3://bucket/demo", "s3://bucket/demo", True),
        ("s3://bucket/demo", "s3://bucket/Demo", False),
        ("abfs://one@account/demo", "abfs://other@account/demo", False),
    ],
)
def test_an_address_has_one_limit_that_names_no_user(one: str, other: str, same: bool) -> None:
    assert (limit_of(one) == limit_of(other)) is same
    assert "one" not in limit_of("sftp://one@host/demo")


async def _left_behind(out: str, holder: Holder) -> None:
    """What a killed run leaves on a server that was started again: a slot that is taken, and no lease."""
    async with turn_at(out, Heard(), holder):
        noted = await address_turns._noted(limit_of(out))
        assert noted is not None
        await _forget(uuid.UUID(noted.lease), out)
    await address_turns._note(limit_of(out), noted)


async def _forget(lease: uuid.UUID, out: str) -> None:
    from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate

    async with get_client() as client:
        await client.release_concurrency_slots_with_lease(lease)
        await client.update_global_concurrency_limit(limit_of(out), GlobalConcurrencyLimitUpdate(active_slots=1))
