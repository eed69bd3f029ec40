"""A search in the shape of Tavily's API, over a few pages that the same server serves."""

from __future__ import annotations

import asyncio
import html
import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from taskcraft_core.loopback.server import Server

_MOST = 5
_CONTENT_CHARS = 400
_ERRORS = {
    "401": "Unauthorized: missing or invalid API key.",
    "429": "Your request has been blocked due to excessive requests.",
    "432": "This request exceeds your plan's set usage limit.",
    "433": "This request exceeds the pay-as-you-go limit.",
    "500": "Internal Server Error",
}
PAGES = {
    "harbour-lights.html": (
        "<html><head><title>Harbour lights of Port Selby</title></head><body><h1>Harbour lights of Port Selby</h1>"
        "<p>Three lighthouses mark the approach to Port Selby. The oldest of them was lit on 14 March 1871.</p>"
        "<table><tr><th>Lighthouse</th><th>Height in metres</th><th>First lit</th></tr>"
        "<tr><td>Gannet Rock Light</td><td>41</td><td>1871</td></tr>"
        "<tr><td>Mole Head Light</td><td>17</td><td>1902</td></tr>"
        "<tr><td>Sandgate Light</td><td>28</td><td>1934</td></tr></table></body></html>"
    ),
    "gannet-rock-light.html": (
        "<html><head><title>Gannet Rock Light</title></head><body><h1>Gannet Rock Light</h1>"
        "<p>Gannet Rock Light stands on a reef four miles off Port Selby. It was designed by Ada Thornbury.</p>"
        "<dl><dt>Range</dt><dd>19 nautical miles</dd><dt>Steps</dt><dd>186</dd></dl></body></html>"
    ),
    "selby-ferry.html": (
        "<html><head><title>Selby ferry</title></head><body><h1>Selby ferry</h1>"
        "<p>The Selby ferry crosses the harbour in 12 minutes. It carries 240 passengers.</p></body></html>"
    ),
}
"""What is found when no other pages are given."""


def add_search(app: web.Application, server: Server) -> None:
    """Adds POST /search and GET /pages/<name> to an application."""

    async def search(http: web.Request) -> web.Response:
        behaviour, stats = server.behaviour, server.stats
        stats.searches += 1
        asked = json.loads(await http.read())
        wrong_key = behaviour.tavily_key and http.headers.get("Authorization") != f"Bearer {behaviour.tavily_key}"
        fault = "401" if wrong_key else behaviour.tavily_fault
        if fault and not wrong_key and behaviour.tavily_failures is not None:
            fault = fault if stats.searches_failed < behaviour.tavily_failures else None
        if fault:
            stats.searches_failed += 1
            if fault == "hang":
                await asyncio.Event().wait()
            return web.json_response({"detail": {"error": _ERRORS[fault]}}, status=int(fault))
        if not str(asked.get("query") or "").strip():
            return web.json_response({"detail": {"error": "Query is missing."}}, status=400)
        root = f"http://{http.host}/pages/"
        return web.json_response(found(asked, behaviour.pages if behaviour.pages is not None else PAGES, root))

    async def page(http: web.Request) -> web.Response:
        pages = server.behaviour.pages if server.behaviour.pages is not None else PAGES
        name = http.match_info["name"]
        if name not in pages:
            return web.Response(status=404, text="There is no such page.")
        server.stats.pages[name] += 1
        return web.Response(text=pages[name], content_type="text/html", charset="utf-8")

    app.router.add_post("/search", search)
    app.router.add_get("/pages/{name}", page)


def found(asked: dict[str, Any], pages: dict[str, str], root: str) -> dict[str, Any]:
    """The answer to a search: pages with words of the query, those with most of them first."""
    query = str(asked["query"])
    wanted = set(_words(query))
    scored = []
    for name, page in pages.items():
        title, text = _title(page), _text(page)
        share = len(wanted & set(_words(f"{title} {text}"))) / max(1, len(wanted))
        in_title = len(wanted & set(_words(title))) / max(1, len(wanted))
        if share:
            scored.append((round(0.7 * share + 0.3 * in_title, 6), name, title, text))
    scored.sort(key=lambda one: (-one[0], one[1]))
    most = int(asked.get("max_results") or _MOST)
    results = [
        {"title": title, "url": root + name, "content": text[:_CONTENT_CHARS], "score": score, "raw_content": None}
        for score, name, title, text in scored[:most]
    ]
    return {
        "query": query,
        "follow_up_questions": None,
        "answer": None,
        "images": [],
        "results": results,
        "response_time": 0.01,
        "request_id": "loopback",
    }


def _words(text: str) -> list[str]:
    return re.findall(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+", text.casefold())


def _title(page: str) -> str:
    match = re.search(r"<title>(.*?)</title>", page, re.I | re.S)
    return html.unescape(match[1].strip()) if match else ""


def _text(page: str) -> str:
    body = re.sub(r"<head>.*?</head>|<script.*?</script>|<style.*?</style>", " ", page, flags=re.I | re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())
