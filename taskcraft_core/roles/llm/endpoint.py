"""One chat call, from the journal or from the service: looked up, limited, sent, tried again, kept.

The answer is in the journal before it is used, and before the call's place is given to another: so the calls in
flight are exactly those that a crash can repeat.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Sequence

import httpx2
import openai

from taskcraft_core.calls.budget import Budget
from taskcraft_core.calls.journal import CallJournal
from taskcraft_core.calls.once import Once
from taskcraft_core.calls.prices import Prices
from taskcraft_core.calls.purpose import purpose
from taskcraft_core.calls.rate import LONGEST_RETRY_AFTER
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.calls.throttle import Throttle
from taskcraft_core.config import Settings
from taskcraft_core.errors import ProviderRefused, ProviderUnavailable, ResponseError
from taskcraft_core.models import Reason
from taskcraft_core.roles.llm.completion import Completion, completion_of
from taskcraft_core.roles.llm.failures import Busy, Failed, FormRefused, classified
from taskcraft_core.roles.llm.request import EXPECTED_ANSWER, ChatRequest, Mode, tokens_of

MOST_REFUSALS = 200
"""A call that is told so often to wait is given up; the throttle has slowed everything down long before."""
SHORTEST_SECRET = 12
"""A shorter text is the "any text" that servers of one's own take for a key."""
Modes = dict[tuple[str, bool], Mode]
_SECRET = re.compile(r"auth|key|token|secret|password|cookie|credential", re.I)
FIRST_WAIT, LONGEST_WAIT = 0.25, 20.0
"""Seconds before a lost call is made again, doubled each time; a random part of it is waited."""


class Endpoint:
    """The chat completions of one service.

    Args:
        client: The OpenAI client; its own retries are off.
        label: What the service is called in the journal.
        settings: Attempts.
        secrets: Texts that nothing may hold that is kept or shown.
        journal: Where answers are kept.
        once: Looks them up there.
        budget: What calls may cost.
        throttle: How many may be in flight, and how many a minute.
        prices: What a token costs.
        modes: How each model is told the form of its answer, with tools and without; shared by all roles, and filled
            in as it is found out.
    """

    def __init__(
        self, client: openai.AsyncOpenAI, label: str, settings: Settings, secrets: Sequence[str],
        modes: Modes, *, journal: CallJournal, once: Once, budget: Budget, throttle: Throttle, prices: Prices,
    ) -> None:  # fmt: skip
        self.label = label
        self._client = client
        self._attempts = settings.call_attempts
        self._secrets = secrets
        self.journal, self._once, self._budget = journal, once, budget
        self._throttle, self._prices = throttle, prices
        self._modes = modes

    async def complete(self, request: ChatRequest) -> Completion:
        """The completion of a request: the journal's, or a new one.

        Raises:
            ResponseError: The service will not answer this request, or fails over it alone.
            ProviderRefused: It will not answer us at all.
            ProviderUnavailable: It answers nobody.
            BudgetExceeded: A cap is reached.
        """
        key = request.key(self.label)
        return completion_of(await self._once.get(key, lambda: self._make(request, key)))

    async def check_key(self, model: str) -> None:
        """Asks for the list of models, which costs nothing, to learn whether the key is accepted.

        Raises:
            ProviderRefused: It is not. That there is no such list, or no service at present, says nothing.
        """
        try:
            await self._client.get("/models", cast_to=httpx2.Response)
        except Exception as error:
            failure = classified(error, model, self.label, self._secrets)
            if isinstance(failure, ProviderRefused) and failure.status == 401:
                raise failure from None

    async def _make(self, request: ChatRequest, key: str) -> str:
        read = request.expected_prompt
        expected = read + EXPECTED_ANSWER
        ticket = await self._budget.ask(expected, self._prices.usd(request.model, read, EXPECTED_ANSWER))
        try:
            record = await self._answered(request, key, expected)
        except BaseException:
            ticket.cancel()
            raise
        ticket.settle((record.prompt_tokens or 0) + (record.completion_tokens or 0), record.usd)
        return record.response

    async def _answered(self, request: ChatRequest, key: str, expected: int) -> CallRecord:
        """The record of the call, kept; however often it has to be made."""
        began = asyncio.get_running_loop().time()
        failures = refusals = 0
        while True:
            async with self._throttle.permit(expected) as permit:
                await self._once.room_for(key)
                mode = self._mode(request)
                try:
                    record = await self._sent(request, key, mode)
                    await self._once.keep(record)
                    permit.answered((record.prompt_tokens or 0) + (record.completion_tokens or 0))
                    return record
                except FormRefused:
                    permit.answered(None)
                    self._relax(request, mode)
                    continue
                except ResponseError:
                    permit.answered(None)
                    raise
                except Busy as busy:
                    permit.refused(busy.retry_after)
                    refusals += 1
                    lost: Busy | Failed = busy
                except Failed as failed:
                    permit.failed()
                    failures += 1
                    lost = failed
            if failures >= self._attempts or refusals >= MOST_REFUSALS:
                raise self._given_up(lost, failures + refusals, began)
            wait = random.uniform(0.5, 1.0) * min(LONGEST_WAIT, FIRST_WAIT * 2**failures)
            told = lost.retry_after or 0.0 if isinstance(lost, Busy) else 0.0
            await asyncio.sleep(max(wait, min(told, LONGEST_RETRY_AFTER)))

    async def _sent(self, request: ChatRequest, key: str, mode: Mode) -> CallRecord:
        """One round trip."""
        began = time.perf_counter()
        try:
            # Not `chat.completions.create`: it walks through every message again to transform it.
            response = await self._client.post(
                "/chat/completions", cast_to=httpx2.Response, body=request.payload(mode)
            )  # fmt: skip
            text = response.text
        except Exception as error:
            raise classified(error, request.model, self.label, self._secrets) from None
        return self._record(request, key, text, time.perf_counter() - began)

    def _record(self, request: ChatRequest, key: str, text: str, seconds: float) -> CallRecord:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        try:
            completion = completion_of(text)
        except (ValueError, RecursionError):
            raise Failed("the answer is no JSON") from None
        read, written = _counted(request, completion)
        meant = purpose()
        return CallRecord(
            key=key, kind="chat", endpoint=self.label, model=request.model, role=request.role, stage=meant.stage,
            item=meant.item, sample=request.sample, response=text, prompt_tokens=read, completion_tokens=written,
            usd=self._prices.usd(request.model, read, written), seconds=seconds, made_at=time.time(),
        )  # fmt: skip

    def _mode(self, request: ChatRequest) -> Mode:
        """The strictest form that the model is known to take, with tools or without."""
        return self._modes.get((request.model, bool(request.tools)), Mode.SCHEMA)

    def _relax(self, request: ChatRequest, refused: Mode) -> None:
        """From now on this model is asked for its form in a way that fewer endpoints refuse."""
        if not request.schema or refused is Mode.TEXT:
            raise ResponseError(Reason.CALL_FAILED, f"{self.label} takes no form of request that {request.model} needs")
        # many calls may be refused at once; the first of them speaks for all
        relaxed = max(self._mode(request), Mode(refused + 1))
        self._modes[request.model, bool(request.tools)] = relaxed

    def _given_up(self, lost: Exception, times: int, began: float) -> Exception:
        """One request that fails while others are answered is at fault itself; else the service is."""
        if self._throttle.answered_since(began):
            return ResponseError(Reason.CALL_FAILED, f"the call failed {times} times, the last time: {lost}")
        return ProviderUnavailable(
            f"{self.label} cannot be reached: {times} calls failed, the last one: {lost}; check OPENAI_BASE_URL and "
            "the network, and give the same command again."
        )


def secrets_of(settings: Settings) -> list[str]:
    """The texts that must never be kept or shown, the longest first.

    Of headers and query parameters those whose names say so: others may hold plain words, which answers hold too.
    """
    named = {**settings.openai_headers, **settings.openai_query}
    values = [value for name, value in named.items() if _SECRET.search(name)]
    keys = [value for value in (settings.openai_api_key, settings.tavily_api_key) if value is not None]
    found = {value.get_secret_value() for value in (*keys, *values)}
    return sorted((one for one in found if len(one) >= SHORTEST_SECRET), key=len, reverse=True)


def _counted(request: ChatRequest, completion: Completion) -> tuple[int, int]:
    """Tokens read and written, as the service counted them; about as many, where it does not."""
    read, written = completion.tokens
    said = completion.said.content or ""
    return request.expected_prompt if read is None else read, int(tokens_of(said)) if written is None else written
