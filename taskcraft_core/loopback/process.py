"""Starting the server in a process of its own, which ends when its parent does, however that ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

_PATIENCE = 30.0
_direct = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Loopback:
    """A server that runs.

    Attributes:
        address: Where: "http://127.0.0.1:40123"; it is also the base URL for Tavily's client.
        pid: Its process.
    """

    address: str
    pid: int

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL is set to."""
        return f"{self.address}/v1"

    def control(self, **changes: Any) -> dict[str, Any]:
        """Changes how it behaves (see `Behaviour`).

        `reset=True` forgets what was counted, `defaults=True` what was set since the start.

        Returns:
            How it behaves now.

        Raises:
            ValueError: There is no such option or value.
        """
        asked = Request(f"{self.address}/control", json.dumps(changes).encode(), method="POST")
        try:
            behaviour: dict[str, Any] = _fetch(asked)
        except HTTPError as error:
            raise ValueError(json.loads(error.read())["error"]) from None
        return behaviour

    def stats(self) -> dict[str, Any]:
        """What it counted (see `Stats`)."""
        stats: dict[str, Any] = _fetch(Request(f"{self.address}/control/stats"))
        return stats

    def requests(self) -> list[dict[str, Any]]:
        """The latest requests, as many as the option `keep` says: path, query, headers, body."""
        requests: list[dict[str, Any]] = _fetch(Request(f"{self.address}/control/requests"))
        return requests


@contextmanager
def start(**behaviour: Any) -> Iterator[Loopback]:
    """Starts a server on a free port; it ends with the block, or with this process.

    Args:
        **behaviour: How it behaves at first (see `Behaviour`).

    Raises:
        ValueError: There is no such option or value.
        RuntimeError: It did not start.
    """
    command = [
        sys.executable,
        "-m",
        "taskcraft_core.loopback",
        "--until-input-ends",
        "--initial",
        json.dumps(behaviour),
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("the loopback server did not start; what it said is above.")
        yield Loopback(address, process.pid)
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _fetch(asked: Request) -> Any:
    with _direct.open(asked, timeout=_PATIENCE) as answer:
        return json.loads(answer.read())
