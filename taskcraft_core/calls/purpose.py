"""What a call is made for. Whoever works on an item says so once; the calls made meanwhile are booked under it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Purpose:
    """The stage of the build, and the item of it (a task id, a question or a document's uri)."""

    stage: str = ""
    item: str = ""


_purpose: ContextVar[Purpose] = ContextVar("purpose", default=Purpose())  # noqa: B039 (frozen)


@contextmanager
def working_on(stage: str, item: str) -> Iterator[None]:
    """While this lasts, calls made here are for this item."""
    token = _purpose.set(Purpose(stage, item))
    try:
        yield
    finally:
        _purpose.reset(token)


def purpose() -> Purpose:
    """What is being worked on here."""
    return _purpose.get()
