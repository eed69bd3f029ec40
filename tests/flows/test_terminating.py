"""Signals end a command, also where the cancellation that they cause is lost on the way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize(
    ("sent", "says"), [("SIGINT", "interrupted"), ("SIGTERM", "terminated"), ("SIGHUP", "terminated")]
)
@pytest.mark.parametrize("then", ["await asyncio.Event().wait()", "return 'done'", "raise ValueError('lost')"])
def test_what_goes_on_or_ends_otherwise_is_ended_all_the_same(sent: str, says: str, then: str) -> None:
    script = SCRIPT.format(sent=sent, then=then)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{says}\n", done.stderr


IN_A_FLOW = """
import asyncio, os, signal, threading
from prefect.utilities.engine import can_ack_control_intent, capture_sigterm
from flows import terminating
terminating.AGAIN = 2.0

async def shard():
    {shard}

async def main():
    async with terminating.cancelled_by_sigterm():
        print("can be told of a cancel", can_ack_control_intent())
        call = asyncio.create_task(asyncio.sleep(1, "answered"))
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        try:
            print(await asyncio.gather(shard(), shard(), return_exceptions=True))
        finally:
            print(await call, flush=True)

with capture_sigterm():
    asyncio.run(main())
"""

LOST = """try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        pass
    await asyncio.Event().wait()"""


@pytest.mark.parametrize("shard", ["await asyncio.Event().wait()", LOST])
def test_sigterm_in_a_flow_cancels_it_whatever_waits_and_calls_under_way_are_answered(shard: str) -> None:
    script = IN_A_FLOW.format(shard=shard)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "can be told of a cancel True\nanswered\n", done.stderr
    assert done.returncode == -signal.SIGTERM


def test_without_prefects_handler_sigterm_stays_what_it_is() -> None:
    script = IN_A_FLOW.format(shard="await asyncio.Event().wait()").replace("with capture_sigterm():", "if True:")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGTERM and "answered" not in done.stdout


IN_A_TERMINAL = """
import signal, sys, time
from pathlib import Path
from flows.terminating import Terminated, raise_when_terminated

raise_when_terminated()
try:
    print("started", flush=True)
    time.sleep(20)
except Terminated:
    print("This is lost.", flush=True)
    signal.raise_signal(signal.SIGHUP)
    Path(sys.argv[1]).write_text("put away")
"""


def test_a_terminal_that_is_closed_ends_a_command_in_good_order(tmp_path: Path) -> None:
    master, slave = os.openpty()
    kept = tmp_path / "kept"
    command = [sys.executable, "-c", IN_A_TERMINAL, str(kept)]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True) as process:
        os.close(slave)
        told = os.read(master, 1)
        while not told.endswith(b"\n"):
            told += os.read(master, 1)
        os.close(master)
        process.send_signal(signal.SIGHUP)
    assert told == b"started\r\n" and kept.read_text() == "put away" and process.returncode == 0


def test_a_command_that_is_to_outlive_its_terminal_does() -> None:
    script = (
        "import signal; from flows.terminating import raise_when_terminated as begin; begin(); "
        "signal.raise_signal(signal.SIGHUP); print('goes on')"
    )
    done = subprocess.run(["nohup", sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "goes on\n", done.stderr
