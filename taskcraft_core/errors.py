"""The exceptions of TaskCraft, drawn as a tree.

TaskCraftError (retryable = False)
├─ ConfigError            an option, a configuration key or an installed piece is wrong
├─ StorageError           a file or folder cannot be written: a full disk, one that may only be read
├─ DocumentError          one document cannot be used; becomes a Rejection, the run goes on
├─ ProviderError          a service we depend on answered with an error
│  ├─ ProviderUnavailable (retryable = True)
│  └─ ProviderRefused
├─ ResponseError          one model call that gives nothing to go on with; becomes a Rejection, never scored 0
└─ BudgetExceeded         a cap is reached; everything earned is kept
"""

from __future__ import annotations

from typing import Self

from taskcraft_core.models import Reason


class TaskCraftError(Exception):
    """Every error that TaskCraft raises on purpose; its text is one sentence for a person."""

    retryable = False


class ConfigError(TaskCraftError):
    """A wrong option, configuration key or missing piece of the installation."""


class StorageError(TaskCraftError):
    """A file or folder cannot be written; once that is mended, the same run goes on from there."""


class DocumentError(TaskCraftError):
    """One document cannot be used.

    Args:
        reason: The rejection code.
        detail: One sentence that names the input and what to do.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[Self], tuple[Reason, str]]:
        """It stays what it is on the way to another process."""
        return type(self), (self.reason, self.detail)


class ProviderError(TaskCraftError):
    """A service answered with an error.

    Args:
        detail: One sentence, without secrets.
        status: The HTTP status, if there was one.
    """

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status


class ProviderUnavailable(ProviderError):
    """An outage, a rate limit or a time-out: trying again later may work."""

    retryable = True


class ProviderRefused(ProviderError):
    """The service will not answer us at all: a wrong key, an unknown model, an address that is none."""


class ResponseError(TaskCraftError):
    """One model call that gives nothing to go on with: output that fits no schema, a refusal, a text too long.

    Args:
        reason: The rejection code.
        detail: One sentence about what came instead.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[Self], tuple[Reason, str]]:
        """It stays what it is on the way to another process."""
        return type(self), (self.reason, self.detail)


class BudgetExceeded(TaskCraftError):
    """A cap on money, tokens or calls is reached."""
