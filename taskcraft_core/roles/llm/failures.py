"""What an endpoint refuses a request with, sorted: this is the one place that knows the vendor's exceptions."""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import openai

from taskcraft_core.errors import ProviderRefused, ResponseError, TaskCraftError
from taskcraft_core.models import Reason

LONGEST_MESSAGE = 300
_TOO_LONG = re.compile(
    r"context.{0,20}(?:length|window)|maximum.{0,20}(?:context|tokens|length)|too (?:long|many tokens)", re.I
)
_FORM = re.compile(r"response.?format|response mime|json.?(?:schema|object|mode)|structured output|guided", re.I)
_FILTERED = re.compile(r"content.?(?:filter|policy|management)|safety|moderation|flagged", re.I)
_UNPAID = re.compile(r"credit|balance|billing|payment|insufficient_quota", re.I)


class Busy(Exception):
    """The service takes no more calls for now; `retry_after` in seconds, if it says so."""

    def __init__(self, detail: str, retry_after: float | None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Failed(Exception):
    """The call was lost on the way, or the service broke over it: trying again may work."""


class FormRefused(Exception):
    """The endpoint does not take this `response_format`."""


def classified(error: Exception, model: str, endpoint: str, secrets: Sequence[str]) -> Exception:
    """The failure that a vendor's exception stands for.

    Args:
        error: What the client raised.
        model: The model asked.
        endpoint: The label of the endpoint.
        secrets: Texts that no message may hold.

    Returns:
        `Busy`, `Failed` or `FormRefused`, which the endpoint deals with itself; ProviderRefused, if it will not answer
        us at all; ResponseError, if it will not answer this request.
    """
    if isinstance(error, openai.APIConnectionError):
        return Failed(_lost(error))
    if not isinstance(error, openai.APIStatusError):
        return Failed(scrubbed(f"{type(error).__name__}: {error}", secrets))
    told = scrubbed(_message(error), secrets)
    status = error.status_code
    code = f"{error.code} {error.type} {error.param}"
    if status == 402 or (status == 429 and "insufficient_quota" in code):
        return _unpaid(status, told, endpoint)
    retry_after = _retry_after(error)
    if status == 429 or (status in (503, 529) and retry_after is not None):
        return Busy(told, retry_after)
    if status >= 500 or status in (408, 409):
        return Failed(f"{endpoint} answered {status}")
    return _refusal(status, told, model, endpoint, f"{told} {code}")


def _refusal(status: int, told: str, model: str, endpoint: str, text: str) -> TaskCraftError | FormRefused:
    """What a status from 300 to 499 means, by all that the service says (`text`)."""
    if status in (400, 403) and _FILTERED.search(text):
        return ResponseError(Reason.MODEL_REFUSED, f"{endpoint} filters the text: {told}")
    if status in (400, 403) and _UNPAID.search(text):
        return _unpaid(status, told, endpoint)
    if status in (401, 403):
        return ProviderRefused(
            f"{endpoint} does not accept the key ({status}); set OPENAI_API_KEY to a valid key, "
            "or OPENAI_BASE_URL to the endpoint that it belongs to.", status,
        )  # fmt: skip
    if status < 400 or status in (404, 405):
        return ProviderRefused(
            f"{endpoint} knows no model {model!r}, or nothing is served there ({status}); correct the model's name "
            "in --model, --author, --solver or --judge, or OPENAI_BASE_URL.", status,
        )  # fmt: skip
    if _TOO_LONG.search(text):
        return ResponseError(Reason.CONTEXT_LENGTH, f"the text is too long for {model}: {told}")
    if _FORM.search(text):
        return FormRefused()
    return ResponseError(Reason.CALL_FAILED, f"{endpoint} answered {status}: {told}")


def _unpaid(status: int, told: str, endpoint: str) -> ProviderRefused:
    sentence = f"What the key may spend at {endpoint} is used up ({status}): {told}; give the same command again later."
    return ProviderRefused(sentence, status)


def scrubbed(text: str, secrets: Sequence[str]) -> str:
    """A text without secrets, on one line, bounded."""
    for secret in secrets:
        text = text.replace(secret, "***")
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]} …"


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    return error.message


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds to wait, from any of the headers in which services say so."""
    headers = error.response.headers
    millis, stated = headers.get("retry-after-ms", ""), headers.get("retry-after", "").strip()
    try:
        seconds = float(millis) / 1_000 if millis else float(stated)
    except ValueError:
        seconds = _until(stated)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(date: str) -> float:
    """Seconds until an HTTP date; not a number for any other text."""
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return math.nan


def _lost(error: openai.APIConnectionError) -> str:
    """How a call was lost; by its cause, for the client calls every failure to connect a time-out."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(cause, socket.gaierror):
        return "the name of the host is unknown"
    if isinstance(cause, TimeoutError) or isinstance(error, openai.APITimeoutError):
        return "no answer in time"
    return f"the connection broke ({type(cause).__name__})"
