"""What `taskcraft serve` starts can be stopped, however it was started itself."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flows.children import Child
from flows.ports import check_free
from taskcraft_core.errors import ConfigError

IGNORED = "SigIgn:"


def ignores_interrupts(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (mask,) = (int(line.split()[1], 16) for line in status if line.startswith(IGNORED))
    return bool(mask & 1 << (signal.SIGINT - 1))


def test_a_child_heeds_interrupts_where_the_command_ignores_them(tmp_path: Path) -> None:
    child = Child("child", ["http.server", "0", "--bind", "127.0.0.1"], {}, tmp_path / "child.log")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child.start()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert child.process is not None and not ignores_interrupts(child.process.pid)
    finally:
        signal.signal(signal.SIGINT, before)
        child.kill()
    assert not child.running


SERVES = """
import sys, time
from pathlib import Path
from flows.children import Child
child = Child("server", ["http.server", "0", "--bind", "127.0.0.1"], {"PYTHONUNBUFFERED": "1"}, Path(sys.argv[1]))
child.start()
while child.running and "port" not in child.log.read_text():
    time.sleep(0.02)
print(child.process.pid, flush=True)
sys.stdin.read()
"""


def test_a_child_ends_with_a_command_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVES, str(tmp_path / "child.log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            assert select.select([child], [], [], 20)[0], "the child lives on, and keeps its port"
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child, signal.SIGKILL)
            os.close(child)


def test_of_a_port_that_is_taken_the_error_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            check_free("127.0.0.1", port)
    said = str(refused.value)
    assert "stop what listens there" in said and f"PREFECT_API_URL=http://127.0.0.1:{port}/api" in said
    with pytest.raises(ConfigError, match="another --host or --port\\.$"):
        check_free("192.0.2.1", port)
