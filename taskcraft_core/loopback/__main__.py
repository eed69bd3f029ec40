"""Serves on this machine until it is stopped: `python -m taskcraft_core.loopback --help` says what it can do."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from contextlib import suppress

from aiohttp import web
from pydantic import ValidationError

from taskcraft_core.loopback.behaviour import Behaviour
from taskcraft_core.loopback.server import Server

_ABOUT = """\
A server that speaks the OpenAI chat-completions protocol, for tests and benchmarks. Its address is the first line
that it prints; give it to a client as OPENAI_BASE_URL with /v1 behind it. It answers TaskCraft's prompts by the
rules of the embedded engine, or everything with --canned. GET /control/stats shows what it saw; POST /control takes
the options below as a JSON object (latency, share, ...), besides "reset": true, which forgets what was counted, and
"defaults": true, which goes back to how it was started. POST /search is in the shape of Tavily's."""


def main() -> None:
    """Reads the command line, serves."""
    parser = _parser()
    given = vars(parser.parse_args())
    port, until, initial = given.pop("port"), given.pop("until_input_ends"), given.pop("initial")
    try:
        given = {name: value for name, value in given.items() if value is not None}
        behaviour = Behaviour.model_validate(initial | given)
    except ValidationError as error:
        first = error.errors()[0]
        parser.error(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(Server(behaviour), port, until))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m taskcraft_core.loopback", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--until-input-ends", action="store_true", help="stop when standard input closes")
    parser.add_argument("--initial", type=json.loads, default={}, metavar="JSON", help="the options below as an object")
    for name, field in Behaviour.model_fields.items():
        option, described = f"--{name.replace('_', '-')}", (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            switch = argparse.BooleanOptionalAction
            parser.add_argument(option, action=switch, default=None, help=described)
        else:
            parser.add_argument(option, type=json.loads if name == "pages" else str, metavar="VALUE", help=described)
    return parser


async def _serve(server: Server, port: int, until_input_ends: bool) -> None:
    runner = web.AppRunner(server.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    ended = asyncio.Event()
    if until_input_ends:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_end_with_input, args=(loop, ended), daemon=True).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await ended.wait()
    await runner.cleanup()


def _end_with_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    with suppress(RuntimeError):  # the loop may be closed already
        loop.call_soon_threadsafe(ended.set)


if __name__ == "__main__":
    main()
