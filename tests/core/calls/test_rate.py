"""The throttle's rate, in virtual time: limits that it finds, refusals that say nothing of one, fixed limits."""

import asyncio
import random
from dataclasses import dataclass

import pytest
from virtual import Server, item, items, most_within, now, per_second, run

from taskcraft_core.calls.throttle import Permit, Throttle


@dataclass
class Noisy:
    """A gateway before the server that refuses a share of the calls whatever their rate."""

    server: Server
    noise: float
    refused: int = 0

    async def call(self, permit: Permit) -> bool:
        if self.server.chance.random() >= self.noise:
            return await self.server.call(permit)
        await asyncio.sleep(self.server.chance.uniform(0, 0.005))
        self.refused += 1
        permit.refused(self.server.retry_after)
        return False


@pytest.mark.parametrize(("number", "cap", "seed"), [(600, 64, 1), (600, 128, 2), (1000, 128, 3)])
@pytest.mark.parametrize("retry_after", [None, 1.0, 0.3])
@pytest.mark.parametrize("latency", [0.05, 0.2, 0.5, 1.5])
def test_it_settles_at_what_the_service_allows(
    latency: float, retry_after: float | None, number: int, cap: int, seed: int
) -> None:
    throttle, server = Throttle(cap, 32), Server(latency, 20, retry_after, chance=random.Random(seed))
    run(items(throttle, server.call, number))
    assert len(server.refused) < 0.05 * (len(server.refused) + number)
    assert per_second(server.accepted, 5.0, server.accepted[-1]) >= 17


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.05, 0.1])
@pytest.mark.parametrize(("latency", "retry_after"), [(0.02, None), (0.02, 1.0), (0.2, 0.05), (0.2, 1.0)])
def test_refusals_that_have_nothing_to_do_with_the_rate_do_not_lower_it(
    noise: float, latency: float, retry_after: float | None
) -> None:
    throttle, noisy = Throttle(64, 32), Noisy(Server(latency, retry_after=retry_after), noise)
    run(items(throttle, noisy.call, 5000, pause=retry_after or 0.2))
    # The unlucky few that are refused time and again end last, each waiting on its own; that is not the throttle's.
    most = sorted(noisy.server.accepted)[4900]
    alone = 5000 * latency / 64
    assert most < 2 * alone + (2 * retry_after if retry_after == 1.0 else 0.3)


@pytest.mark.parametrize("retry_after", [None, 0.3, 1.0])
@pytest.mark.parametrize("latency", [0.05, 0.2, 1.5])
def test_a_limit_is_found_among_refusals_that_have_nothing_to_do_with_it(
    latency: float, retry_after: float | None
) -> None:
    refused, rates = [], []
    for seed in range(3):
        server = Server(latency, 20, retry_after, chance=random.Random(seed))
        noisy = Noisy(server, 0.03)
        run(items(Throttle(64, 32), noisy.call, 1000, pause=retry_after or 0.2))
        number = len(server.refused) + noisy.refused
        refused.append(number / (number + 1000))
        rates.append(per_second(server.accepted, 5.0, server.accepted[-1]))
    assert sorted(refused)[1] < 0.09
    assert sorted(rates)[1] >= 15


def test_a_rate_once_measured_from_a_burst_grows_quickly() -> None:
    """The service takes no more than 20 at first, but 140 a second later on."""
    throttle, server = Throttle(128, 32), Server(0.2, per_second=20)

    async def work() -> None:
        asyncio.get_running_loop().call_later(0.5, setattr, server, "per_second", 140)
        await items(throttle, server.call, 3000)

    run(work())
    assert per_second(server.accepted, 10, 20) >= 110


def test_a_limit_that_rises_is_found() -> None:
    throttle, server = Throttle(128, 32), Server(0.2, per_second=20)

    async def work() -> None:
        asyncio.get_running_loop().call_later(15, setattr, server, "per_second", 60)
        await items(throttle, server.call, 4000)

    run(work())
    assert per_second(server.accepted, 60, 75) >= 50
    assert len(server.refused) < 0.03 * 4000


@pytest.mark.parametrize(("falls_to", "within"), [(20, 10), (17, 15), (5, 10)])
def test_a_limit_that_falls_is_respected(falls_to: int, within: float) -> None:
    throttle, server = Throttle(128, 32), Server(0.2, per_second=60 if falls_to > 17 else 20)

    async def work() -> None:
        asyncio.get_running_loop().call_later(20, setattr, server, "per_second", falls_to)
        await items(throttle, server.call, 60 * falls_to + int(server.per_second) * 19)

    run(work())
    assert per_second(server.accepted, 20 + within, 70) >= 0.8 * falls_to
    assert per_second(server.refused, 20 + within, 70) <= 0.1 * falls_to


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", [0.03, 0.1])
def test_refusals_in_lulls_say_nothing_about_what_the_service_can_take(share: float, seed: int) -> None:
    """A build in stages: many items at once, then a few stragglers that call one after the other, and again."""
    throttle, server, chance = Throttle(64, 32), Server(0.01), random.Random(seed)

    async def call(permit: Permit) -> bool:
        if chance.random() < share:
            permit.refused(chance.choice([None, 0.05]))
            return False
        return await server.call(permit)

    async def chain(calls: int) -> None:
        for _ in range(calls):
            await item(throttle, call, pause=0.2)

    async def stages() -> None:
        for _ in range(8):
            await asyncio.gather(*(chain(3) for _ in range(150)))
            await chain(8)

    run(stages())
    assert len(server.accepted) == 8 * (450 + 8)
    assert server.accepted[-1] < 20


def test_nobody_calls_before_the_service_said() -> None:
    async def work() -> None:
        async with throttle.permit(1) as permit:
            permit.refused(7.0)
        async with throttle.permit(1) as permit:
            assert 7.0 <= now() <= 7.5
            permit.refused(1e6)  # nobody waits for days
        async with throttle.permit(1) as permit:
            assert now() <= 7.5 + 130

    throttle = Throttle(8, 8)
    run(work())


def test_refused_again_and_again_it_waits_longer_and_asks_with_one_call() -> None:
    refused: list[float] = []

    async def call(permit: Permit) -> bool:
        if not 3 <= now() < 60:
            return await server.call(permit)
        await asyncio.sleep(0.5)
        refused.append(now())
        permit.refused(None)
        return False

    throttle, server = Throttle(64, 32), Server(0.2)
    run(items(throttle, call, 2000))
    later = [moment for moment in refused if moment > 7]
    assert 3 <= len(later) <= 12
    assert all(after - before > 1 for before, after in zip(later, later[1:], strict=False))
    assert sum(60 < moment < 120 for moment in server.accepted) > 500  # and it finds back


def test_the_pause_doubles_where_the_service_does_not_say() -> None:
    async def work() -> list[float]:
        asked = []
        for _ in range(5):
            async with throttle.permit(1) as permit:
                asked.append(now())
                permit.refused(None)
        return [after - before for before, after in zip(asked, asked[1:], strict=False)]

    throttle = Throttle(4, 4)
    assert run(work()) == pytest.approx([1, 2, 4, 8], abs=0.1)


def test_refusals_sent_before_the_drop_do_not_count_again() -> None:
    async def one() -> None:
        async with throttle.permit(1) as permit:
            await asyncio.sleep(1)
            permit.refused(None)

    async def work() -> None:
        calls = [asyncio.ensure_future(one()) for _ in range(33)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.1)
        assert throttle.limit == 24
        await asyncio.wait(calls)

    throttle = Throttle(64, 32)
    run(work())


# --- fixed limits ---


def test_requests_per_minute_hold_in_any_minute_and_are_used() -> None:
    throttle, server = Throttle(64, 32, requests_per_minute=300), Server(0.3)
    run(items(throttle, server.call, 900))
    assert most_within(server.accepted, 60) <= 300
    assert server.accepted[-1] < 190
    assert most_within(server.accepted, 1) <= 6  # evenly


def test_tokens_per_minute_are_settled_by_what_was_used() -> None:
    async def one(expected: int, used: int | None) -> float:
        async with throttle.permit(expected) as permit:
            began = now()
            permit.answered(used)
            return began

    async def work(expected: int, used: int | None) -> float:
        began = [await one(expected, used) for _ in range(11)]
        return began[-1] - began[0]

    for expected, used, seconds in [(1000, 1000, 10), (1000, None, 10), (1000, 500, 5), (1000, 2000, 20)]:
        throttle = Throttle(64, 32, tokens_per_minute=60_000)
        assert run(work(expected, used)) == pytest.approx(seconds, rel=0.05)


def test_a_call_larger_than_the_limit_goes_all_the_same() -> None:
    async def work() -> None:
        async with throttle.permit(100_000) as permit:
            permit.answered(100_000)
        async with throttle.permit(1) as permit:
            assert 99 < now() < 105

    throttle = Throttle(64, 32, tokens_per_minute=60_000)
    run(work())
