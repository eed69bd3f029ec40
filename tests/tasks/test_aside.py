import asyncio
import threading

import pytest

from tasks.aside import aside


async def test_it_returns_and_raises_what_the_work_does() -> None:
    assert await aside(pow, 2, 10) == 1024
    with pytest.raises(ZeroDivisionError):
        await aside(divmod, 1, 0)


async def test_the_loop_stays_free_and_cancelling_does_not_wait() -> None:
    release = threading.Event()
    waiting = asyncio.create_task(aside(release.wait, 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    release.set()
