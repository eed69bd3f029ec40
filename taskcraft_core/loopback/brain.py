"""Not written yet."""

from __future__ import annotations

from taskcraft_core.loopback.protocol import Reply
from taskcraft_core.loopback.request import Request


def think(request: Request, two_tools: bool) -> Reply:
    """Says nothing useful."""
    return Reply("{}")
