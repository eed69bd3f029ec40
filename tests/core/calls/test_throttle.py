"""The throttle in virtual time: the loop's clock jumps to whatever is due next, so a minute passes in milliseconds."""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskcraft_core.calls.throttle import Permit, Throttle
from taskcraft_core.errors import ProviderUnavailable

T = TypeVar("T")


class Clock(selectors.SelectSelector):
    """Instead of waiting, it says that the time has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits, and nothing will ever happen"
        self.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def run(work: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Server:
    """Accepts so many calls in any second and refuses the others at once; may be down for a while."""

    latency: float
    per_second: float = float("inf")
    retry_after: float | None = None
    down: Callable[[float], bool] = lambda moment: False
    window: deque[float] = field(default_factory=deque)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(3))
    in_flight: int = 0
    peak: int = 0

    async def call(self, permit: Permit) -> bool:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await asyncio.sleep(self.chance.uniform(0, 0.005))
            return await self._answer(permit)
        finally:
            self.in_flight -= 1

    async def _answer(self, permit: Permit) -> bool:
        moment = now()
        if self.down(moment):
            self.failed.append(moment)
            permit.failed()
            return False
        while self.window and moment - self.window[0] >= 1 - 1e-9:
            self.window.popleft()
        if len(self.window) >= self.per_second:
            self.refused.append(moment)
            permit.refused(self.retry_after)
            return False
        self.window.append(moment)
        self.accepted.append(moment)
        await asyncio.sleep(self.latency * self.chance.uniform(0.5, 1.5))
        permit.answered(100)
        return True


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


async def item(throttle: Throttle, call: Callable[[Permit], Awaitable[bool]], pause: float = 0.0) -> None:
    """Calls until it is answered; waits by itself before it calls again."""
    done = False
    while not done:
        async with throttle.permit(100) as permit:
            done = await call(permit)
        if not done and pause:
            await asyncio.sleep(pause)


async def items(throttle: Throttle, call: Callable[[Permit], Awaitable[bool]], number: int, pause: float = 0.0) -> None:
    await asyncio.gather(*(item(throttle, call, pause) for _ in range(number)))


def per_second(moments: list[float], since: float, until: float) -> float:
    return sum(since <= moment < until for moment in moments) / (until - since)


def most_within(moments: list[float], seconds: float) -> int:
    return max(sum(first <= moment < first + seconds for moment in moments) for first in moments)


# --- places ---


def test_slow_start_doubles_to_the_cap_and_never_exceeds_it() -> None:
    async def work() -> float:
        full: list[float] = []

        async def call(permit: Permit) -> bool:
            if throttle.in_flight == 128 and not full:
                full.append(now())
            return await server.call(permit)

        await items(throttle, call, 2000)
        return full[0]

    throttle, server = Throttle(128, 32), Server(0.2)
    assert run(work()) <= 0.6  # two round trips, jitter included
    assert server.peak == 128
    assert throttle.in_flight == 0


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    throttle, server = Throttle(128, 32), Server(0.2)

    async def one_by_one() -> None:
        for _ in range(100):
            await item(throttle, server.call)

    run(one_by_one())
    assert throttle.limit == 32


def test_start_above_the_cap_is_the_cap() -> None:
    throttle, server = Throttle(3, 32), Server(0.2)
    run(items(throttle, server.call, 50))
    assert server.peak == 3


def test_first_come_first_served() -> None:
    served: list[int] = []

    async def one(number: int) -> None:
        async with throttle.permit(1) as permit:
            served.append(number)
            await asyncio.sleep(0.1)
            permit.answered(1)

    async def work() -> None:
        await asyncio.gather(*(one(number) for number in range(200)))

    throttle = Throttle(4, 2)
    run(work())
    assert served == list(range(200))


def test_an_exception_frees_the_place_and_counts_as_nothing() -> None:
    async def work() -> None:
        for _ in range(50):
            with pytest.raises(ZeroDivisionError):
                async with throttle.permit(1):
                    raise ZeroDivisionError
        async with throttle.permit(1) as permit:
            permit.answered(None)
        assert now() == 0.0

    throttle = Throttle(1, 1)
    run(work())
    assert throttle.in_flight == 0


def test_only_the_first_outcome_counts() -> None:
    async def work() -> None:
        async with throttle.permit(1) as permit:
            permit.answered(1)
            permit.refused(100.0)
        async with throttle.permit(1):
            assert now() == 0.0

    throttle = Throttle(4, 4)
    run(work())


@settings(max_examples=150, deadline=None)
@given(
    cap=st.integers(1, 6),
    start=st.integers(1, 8),
    per_minute=st.none() | st.integers(60, 6000),
    workers=st.lists(
        st.tuples(
            st.floats(0, 3),  # comes
            st.floats(0, 1),  # takes
            st.none() | st.floats(0, 3),  # is cancelled
            st.sampled_from(["answered", "refused", "failed", "nothing", "error"]),
        ),
        min_size=1,
        max_size=40,
    ),
)
def test_no_place_is_lost_and_everybody_is_served(
    cap: int, start: int, per_minute: int | None, workers: list[tuple[float, float, float | None, str]]
) -> None:
    inside = 0
    served: set[int] = set()

    async def worker(number: int, comes: float, takes: float, outcome: str) -> None:
        nonlocal inside
        await asyncio.sleep(comes)
        async with throttle.permit(10) as permit:
            inside += 1
            assert inside <= throttle.in_flight <= cap
            try:
                await asyncio.sleep(takes)
                if outcome == "error":
                    raise ZeroDivisionError
                tell(permit, outcome)
            finally:
                inside -= 1
                served.add(number)

    def tell(permit: Permit, outcome: str) -> None:
        if outcome == "answered":
            permit.answered(5)
        elif outcome == "refused":
            permit.refused(None)
        elif outcome == "failed":
            permit.failed()

    async def work() -> None:
        tasks = []
        for number, (comes, takes, cancelled, outcome) in enumerate(workers):
            task = asyncio.ensure_future(worker(number, comes, takes, outcome))
            tasks.append(task)
            if cancelled is not None:
                asyncio.get_running_loop().call_later(cancelled, task.cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for number, result in enumerate(results):
            assert result is None or isinstance(result, ZeroDivisionError | asyncio.CancelledError)
            assert number in served or isinstance(result, asyncio.CancelledError)
        assert throttle.in_flight == 0
        async with throttle.permit(1) as permit:  # whatever happened, there is a place again
            permit.answered(1)

    throttle = Throttle(cap, start, requests_per_minute=per_minute, patience=1e9)
    run(work())


def test_cancelled_at_the_moment_the_place_comes() -> None:
    async def work() -> None:
        async with throttle.permit(1) as permit:
            waiting = asyncio.ensure_future(item(throttle, Server(0.1).call))
            await asyncio.sleep(0)
            permit.answered(1)
        await asyncio.sleep(0)  # the place has been handed on; its new holder has not run yet
        assert throttle.in_flight == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert throttle.in_flight == 0

    throttle = Throttle(1, 1)
    run(work())


# --- the adaptive rate ---


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


# --- outages ---


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


def test_when_it_is_stopped_those_who_wait_leave_and_those_under_way_end() -> None:
    ended: list[str] = []

    async def call(name: str, seconds: float) -> None:
        async with throttle.permit(1) as permit:
            await asyncio.sleep(seconds)
            permit.answered(1)
            ended.append(name)

    async def work() -> list[bool]:
        calls = [asyncio.ensure_future(call(name, 1)) for name in "abc"]
        await asyncio.sleep(0.5)
        throttle.stop()
        late = asyncio.ensure_future(call("d", 1))
        await asyncio.wait([*calls, late])
        return [one.cancelled() for one in (*calls, late)]

    throttle = Throttle(2, 2)
    assert run(work()) == [False, False, True, True]
    assert ended == ["a", "b"]


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
