"""Signals end a command, also where the cancellation that they cause is lost on the way."""

import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, os, signal
from flows import terminating
terminating.AGAIN = 0.05

async def work():
    os.kill(os.getpid(), signal.{sent})
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        pass
    {then}

try:
    print(terminating.run(work()))
except KeyboardInterrupt:
    print("interrupted")
except terminating.Terminated:
    print("terminated")
"""


@pytest.mark.parametrize(("sent", "says"), [("SIGINT", "interrupted"), ("SIGTERM", "terminated")])
@pytest.mark.parametrize("then", ["await asyncio.Event().wait()", "return 'done'", "raise ValueError('lost')"])
def test_what_goes_on_or_ends_otherwise_is_ended_all_the_same(sent: str, says: str, then: str) -> None:
    script = SCRIPT.format(sent=sent, then=then)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{says}\n", done.stderr
