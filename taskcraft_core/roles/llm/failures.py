"""What an endpoint refuses a request with, sorted: this is the one place that knows the vendor's exceptions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import openai

from taskcraft_core.errors import ProviderRefused, ResponseError, TaskCraftError
from taskcraft_core.models import Reason

LONGEST_MESSAGE = 300
_TOO_LONG = re.compile(
    r"context.{0,20}(?:length|window)|maximum.{0,20}(?:context|tokens|length)|too (?:long|many tokens)", re.I
)  # noqa: E501
_FORM = re.compile(r"response_format|json_schema|json_object|structured output|guided", re.I)
_FILTERED = re.compile(r"content.?(?:filter|policy|management)|safety", re.I)


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
    if isinstance(error, openai.APITimeoutError):
        return Failed("no answer in time")
    if isinstance(error, openai.APIConnectionError):
        return Failed(f"no connection ({_innermost(error)})")
    if not isinstance(error, openai.APIStatusError):
        return Failed(scrubbed(f"{type(error).__name__}: {error}", secrets))
    told = scrubbed(_message(error), secrets)
    status = error.status_code
    if status == 429 and error.code == "insufficient_quota":
        return ProviderRefused(f"The quota of the key at {endpoint} is used up: {told}", status)
    retry_after = _retry_after(error)
    if status == 429 or (status in (503, 529) and retry_after is not None):
        return Busy(told, retry_after)
    if status >= 500 or status in (408, 409):
        return Failed(f"{endpoint} answered {status}")
    return _refusal(status, told, model, endpoint, f"{error.code} {error.param}")


def _refusal(status: int, told: str, model: str, endpoint: str, code: str) -> TaskCraftError | FormRefused:
    if status in (401, 403):
        return ProviderRefused(
            f"{endpoint} does not accept the key ({status}); set OPENAI_API_KEY to a valid key, "
            "or OPENAI_BASE_URL to the endpoint that it belongs to.", status,
        )  # fmt: skip
    if status == 404:
        return ProviderRefused(
            f"{endpoint} knows no model {model!r}, or nothing is served there (404); correct the model's name "
            "in --model, --author, --solver or --judge, or OPENAI_BASE_URL.", status,
        )  # fmt: skip
    text = f"{told} {code}"
    if _TOO_LONG.search(text):
        return ResponseError(Reason.CONTEXT_LENGTH, f"the text is too long for {model}: {told}")
    if _FORM.search(text):
        return FormRefused()
    if _FILTERED.search(text):
        return ResponseError(Reason.MODEL_REFUSED, f"{endpoint} filters the text: {told}")
    return ResponseError(Reason.CALL_FAILED, f"{endpoint} answered {status}: {told}")


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
        return float(millis) / 1_000 if millis else max(0.0, float(stated))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(stated) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
