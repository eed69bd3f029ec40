"""What `taskcraft serve` starts can be stopped, however it was started itself."""

import signal
from pathlib import Path

from flows.serving import Child

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
