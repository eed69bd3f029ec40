"""The throttle's places, in virtual time."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual import Server, item, items, now, run

from taskcraft_core.calls.throttle import Permit, Throttle


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
