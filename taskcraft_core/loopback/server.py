"""The server: chat completions, models, control and statistics, and the search in the shape of Tavily's."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from taskcraft_core.loopback import faults
from taskcraft_core.loopback.behaviour import ODDITIES, Behaviour, Fault
from taskcraft_core.loopback.oddities import odd
from taskcraft_core.loopback.protocol import Failure, Reply, completion, fault_of, too_long, unauthorised
from taskcraft_core.loopback.request import Request, read_request
from taskcraft_core.loopback.stats import Stats, Window
from taskcraft_core.loopback.tavily import add_search

_LARGEST = 64 * 2**20


class Server:
    """One server and all that it remembers.

    Args:
        behaviour: How it behaves until it is told otherwise.
        think: What answers a request where no canned answer is set; the brain, unless a test has its own.
    """

    def __init__(self, behaviour: Behaviour, think: Callable[[Request, bool], Reply] | None = None) -> None:
        """Nothing came in yet."""
        self.behaviour = self._initial = behaviour
        self.stats = Stats()
        self._kept: deque[dict[str, Any]] = deque(maxlen=behaviour.keep)
        self._think = think
        self.stats = Stats()
        self._reset()

    def app(self) -> web.Application:
        """The application; whoever serves it must let a client that goes cancel its handler."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post(r"/{prefix:.+}/chat/completions", self._chat)  # Azure and gateways have it elsewhere
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/control/stats", self._show_stats)
        app.router.add_get("/control/requests", self._show_requests)
        app.router.add_post("/control", self._control)
        add_search(app, self)
        return app

    async def _chat(self, http: web.Request) -> web.StreamResponse:
        self.stats.came(time.monotonic())
        answered = False
        try:
            response = await self._answer(http, await http.read())
            answered = response is not None
            return response or _cut_off(http)
        finally:
            self.stats.in_flight -= 1
            self.stats.broken += not answered

    async def _answer(self, http: web.Request, data: bytes) -> web.StreamResponse | None:
        """The response; None if the connection was broken off instead."""
        behaviour, body = self.behaviour, _json(data)
        self._keep(http, body)
        request = None
        wrong = unauthorised(
            behaviour.key, http.headers.get("Authorization", ""), http.headers.get("api-key", "")
        ) or fault_of(body, behaviour)
        if not wrong:
            request = read_request(body)
            wrong = too_long(request, behaviour)
        if wrong or request is None:
            return self._refuse(http, wrong or Failure(400, "unreadable"))
        self.stats.by_prompt[request.prompt or "other"] += 1
        if not self._window.admits(time.monotonic(), behaviour.requests_per_second):
            self._ledger.seen[request.logical] += 1
            self.stats.faults["rate_limit"] += 1
            return self._refuse(http, faults.rate_limited(behaviour.retry_after))
        fault = faults.deal(request, behaviour, self._ledger)
        if fault:
            self.stats.faults[fault] += 1
        return await self._respond(http, request, fault)

    async def _respond(self, http: web.Request, request: Request, fault: Fault | None) -> web.StreamResponse | None:
        behaviour = self.behaviour
        failed = faults.failure(fault, behaviour.retry_after) if fault else None
        if not failed or failed.status != 429:
            await asyncio.sleep(faults.delay(request, behaviour, self._ledger.seen[request.logical]))
        if failed:
            return self._refuse(http, failed)
        if fault == "hang":
            await asyncio.Event().wait()  # until the client gives up, which cancels this
        if fault == "disconnect":
            return None
        try:
            reply = self._reply(request)
        except Exception as error:  # a prompt that the rules cannot read must not look like an outage
            traceback.print_exc()
            said = f"The rules failed: {error!r}."
            return self._refuse(http, Failure(400, said, "loopback_error", code="loopback_error"))
        if fault and fault not in {"disconnect_midway", "truncated_body", *ODDITIES}:
            reply = faults.spoil(fault, reply, request)
        answer, tokens = completion(request, reply, int(time.time()))
        body = json.dumps(odd(fault, answer) if fault else answer).encode()
        if fault == "disconnect_midway":
            await _send_half(http, body)
            return None
        self.stats.was_answered(time.monotonic(), tokens)
        return _sent(body[: len(body) // 2] if fault == "truncated_body" else body)

    def _reply(self, request: Request) -> Reply:
        canned, then = self.behaviour.canned, self.behaviour.tool_then
        if canned is not None:
            if then is not None and "search" in request.tools and not request.steps:
                call = ("search", json.dumps({"query": then}, ensure_ascii=False))
                calls = (call, call) if self.behaviour.two_tools else (call,)
                return Reply(tool_calls=calls, finish_reason="tool_calls")
            return Reply(canned)
        if self._think is None:  # the rules of language take a second to load; a canned answer needs none
            from taskcraft_core.loopback.brain import think

            self._think = think
        return self._think(request, self.behaviour.two_tools)

    def _refuse(self, http: web.Request, failed: Failure) -> web.Response:
        self.stats.was_refused(time.monotonic(), failed.status)
        if self.behaviour.echo_key:
            failed = replace(failed, message=f"{failed.message} You sent {_keys_of(http)}.")
        headers = {} if failed.retry_after is None else {"Retry-After": f"{failed.retry_after:g}"}
        return _sent(failed.body, failed.status, headers)

    def _keep(self, http: web.Request, body: Any) -> None:
        if self._kept.maxlen:
            headers, query = dict(http.headers), dict(http.query)
            self._kept.append({"path": http.path, "query": query, "headers": headers, "body": body})

    async def _models(self, http: web.Request) -> web.Response:
        failed = unauthorised(
            self.behaviour.key, http.headers.get("Authorization", ""), http.headers.get("api-key", "")
        )
        if failed:
            return _sent(failed.body, failed.status)
        names = self.behaviour.models or ("loopback",)
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "loopback"} for name in names]
        return web.json_response({"object": "list", "data": listed})

    async def _show_stats(self, http: web.Request) -> web.Response:
        return web.json_response(self.stats.shown())

    async def _show_requests(self, http: web.Request) -> web.Response:
        return web.json_response(list(self._kept))

    async def _control(self, http: web.Request) -> web.Response:
        """Sets what is given; "defaults" first goes back to how it started, "reset" forgets all that was counted."""
        asked = _json(await http.read())
        if not isinstance(asked, dict):
            return web.json_response({"error": "send a JSON object"}, status=400)
        before = self._initial if asked.pop("defaults", False) else self.behaviour
        reset = asked.pop("reset", False)
        try:
            self.behaviour = Behaviour.model_validate(before.model_dump() | asked)
        except ValidationError as error:
            return web.json_response({"error": str(error)}, status=400)
        if self._kept.maxlen != self.behaviour.keep:
            self._kept = deque(self._kept, maxlen=self.behaviour.keep)
        if reset:
            self._reset()
        return web.json_response(self.behaviour.model_dump())

    def _reset(self) -> None:
        in_flight = self.stats.in_flight
        self._ledger, self._window = faults.Ledger(), Window()
        self.stats = Stats(by_request=self._ledger.seen, in_flight=in_flight, peak=in_flight)
        self._kept.clear()


def _keys_of(http: web.Request) -> str:
    sent = ((name.lower(), text) for name, text in http.headers.items())
    named = [f"{name}: {text}" for name, text in sent if name == "authorization" or name.endswith("-key")]
    return ", ".join(named) or "no key"


async def _send_half(http: web.Request, body: bytes) -> None:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(http)
    await response.write(body[: len(body) // 2])


def _cut_off(http: web.Request) -> web.Response:
    """Ends the connection; what is returned reaches nobody."""
    if http.transport is not None:
        http.transport.close()
    return web.Response()


def _sent(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
