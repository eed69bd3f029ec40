"""The throttle while the service is down, in virtual time."""

import asyncio

import pytest
from virtual import Server, VirtualLoop, item, items, most_within, now, per_second, run

from taskcraft_core.calls.throttle import Permit, Throttle
from taskcraft_core.errors import ProviderUnavailable


def test_an_outage_pauses_and_one_probe_ends_it() -> None:
    throttle = Throttle(64, 64)
    server = Server(0.2, down=lambda moment: 2 <= moment < 30)
    run(items(throttle, server.call, 3000))
    assert per_second(server.failed, 4, 30) <= 0.5  # probes only
    assert most_within(server.failed, 0.5) <= 128
    later = sorted(moment for moment in server.failed if moment > 4)
    assert all(after - before >= 1.5 for before, after in zip(later, later[1:], strict=False))
    assert len(server.accepted) == 3000
    assert min(moment for moment in server.accepted if moment > 25) < 30 + 32 * 1.2 + 1  # the last cool-down at most


def test_after_an_outage_it_begins_again_with_few() -> None:
    throttle = Throttle(128, 8)
    server = Server(0.2, down=lambda moment: 5 <= moment < 15)
    run(items(throttle, server.call, 4000))
    back = min(moment for moment in server.accepted if moment > 15)
    assert sum(back < moment < back + 0.5 for moment in server.accepted) < 100


def test_patience_ends() -> None:
    async def work() -> list[BaseException | None]:
        return await asyncio.gather(*(item(throttle, server.call) for _ in range(50)), return_exceptions=True)

    throttle, server = Throttle(8, 8, patience=120), Server(0.1, down=lambda moment: moment >= 0)
    loop = VirtualLoop()
    errors = loop.run_until_complete(work())
    assert all(isinstance(error, ProviderUnavailable) for error in errors)
    assert 119 < loop.time() < 125
    assert "120 seconds" in str(errors[0])
    assert len(server.failed) < 60
    throttle_and_recover(loop, throttle, server)


def throttle_and_recover(loop: VirtualLoop, throttle: Throttle, server: Server) -> None:
    """Who comes back at once is sent away at once; a little later one call probes, and all go on."""

    async def work() -> None:
        with pytest.raises(ProviderUnavailable):
            await item(throttle, server.call)
        server.down = lambda moment: False
        await asyncio.sleep(2)
        await items(throttle, server.call, 50)

    loop.run_until_complete(work())
    assert len(server.accepted) == 50
    assert loop.time() < 135
    loop.close()


def test_a_service_that_refuses_for_ever_is_an_outage_too() -> None:
    async def work() -> None:
        results = await asyncio.gather(*(item(throttle, server.call) for _ in range(20)), return_exceptions=True)
        assert all(isinstance(error, ProviderUnavailable) and "quota" in str(error) for error in results)
        assert 299 < now() < 310

    throttle, server = Throttle(32, 16), Server(0.1, per_second=0)
    run(work())
    assert len(server.refused) < 60


@pytest.mark.parametrize("fails_after", [0.01, 0.05, 0.4])
def test_one_poisoned_request_opens_nothing(fails_after: float) -> None:
    async def poisoned() -> None:
        while len(server.accepted) < 990:
            async with throttle.permit(1) as permit:
                await asyncio.sleep(fails_after)
                permit.failed()

    async def work() -> None:
        await asyncio.gather(poisoned(), items(throttle, server.call, 1000))

    throttle, server = Throttle(16, 16), Server(0.5)
    run(work())
    assert server.accepted[-1] < 1000 * 0.5 / 15 * 1.1  # as if it were not there


def test_an_older_call_that_may_still_be_answered_speaks_for_the_service() -> None:
    async def work() -> None:
        older = asyncio.ensure_future(item(throttle, Server(5.0).call))
        await asyncio.sleep(0.1)
        for _ in range(10):
            async with throttle.permit(1) as permit:
                await asyncio.sleep(0.1)
                permit.failed()
        assert now() < 1.2
        await older

    throttle = Throttle(16, 16)
    run(work())


def test_failures_among_answers_stop_nobody() -> None:
    async def call(permit: Permit) -> bool:
        if server.chance.random() < 0.2:
            await asyncio.sleep(0.01)
            permit.failed()
            return False
        return await server.call(permit)

    throttle, server = Throttle(32, 32), Server(0.2)
    run(items(throttle, call, 3000))
    assert server.accepted[-1] < 3000 * 0.2 / 32 * 1.2


def test_answered_since() -> None:
    async def work() -> None:
        assert not throttle.answered_since(0.0)
        async with throttle.permit(1) as permit:
            await asyncio.sleep(1)
            permit.answered(None)
        assert throttle.answered_since(0.5)
        await asyncio.sleep(1)
        assert not throttle.answered_since(1.5)
        async with throttle.permit(1) as permit:
            permit.failed()
        assert not throttle.answered_since(1.5)

    throttle = Throttle(4, 4)
    run(work())
