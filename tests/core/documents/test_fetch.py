"""Compressed bodies, over HTTP on loopback: what is decoded, how much of it, and what is refused."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from taskcraft_core.config import Settings
from taskcraft_core.documents.fetch import Fetched, Outage, client, fetch, web_client
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Reason

SETTINGS = Settings(fetch_max_mb=1, web_allow_private=True)
MB = 2**20
WORDS = b"Io is a moon of Jupiter. " * 1000
Get = Callable[..., Awaitable[Fetched]]


@pytest.fixture(params=[client, web_client])
async def get(request: pytest.FixtureRequest) -> AsyncIterator[Get]:
    """Fetches what a server answers that compresses as it likes, whatever it is asked for."""
    answers: list[web.Response] = []
    asked: list[str | None] = []

    async def answer(http: web.Request) -> web.Response:
        asked.append(http.headers.get("Accept-Encoding"))
        return answers.pop()

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()

    async def got(body: bytes, encoding: str | None) -> Fetched:
        headers = {"Content-Encoding": encoding} if encoding is not None else {}
        answers.append(web.Response(body=body, headers=headers, content_type="text/plain"))
        async with request.param(SETTINGS) as http:
            return await fetch(http, f"http://127.0.0.1:{runner.addresses[0][1]}/", SETTINGS)

    yield got
    assert set(asked) == {"gzip"}
    await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (WORDS, None), (WORDS, "identity"), (gzip.compress(WORDS), "gzip"), (gzip.compress(WORDS), " X-GZIP"),
        (zlib.compress(WORDS), "gzip"), (gzip.compress(WORDS) + b"\0" * 100, "gzip"),
    ],
)  # fmt: skip
async def test_plain_and_gzipped_bodies_are_the_same(get: Get, body: bytes, encoding: str | None) -> None:
    assert (await get(body, encoding)).data == WORDS


async def test_an_empty_body_may_be_said_to_be_gzipped(get: Get) -> None:
    assert (await get(b"", "gzip")).data == b""


@pytest.mark.parametrize("compressed", [None, "gzip"])
@pytest.mark.parametrize("over", [0, 1])
async def test_the_limit_is_that_of_the_decoded_body(get: Get, compressed: str | None, over: int) -> None:
    body = b"x" * (MB + over)
    asking = get(gzip.compress(body) if compressed else body, compressed)
    if not over:
        assert (await asking).data == body
        return
    with pytest.raises(DocumentError, match="over 1 MB") as refused:
        await asking
    assert refused.value.reason == Reason.TOO_LARGE


async def test_a_bomb_is_not_decoded_beyond_the_limit(get: Get) -> None:
    bomb = gzip.compress(bytes(100 * MB))
    assert len(bomb) < 2 * 65536
    tracemalloc.start()
    try:
        with pytest.raises(DocumentError, match="over 1 MB"):
            await get(bomb, "gzip")
        assert tracemalloc.get_traced_memory()[1] < 8 * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["zstd", "br", "deflate", "gzip, gzip", "aes128gcm", "x" * 500])
async def test_other_encodings_are_refused_undecoded(get: Get, encoding: str) -> None:
    bomb = zlib.compress(bytes(100 * MB))
    tracemalloc.start()
    try:
        with pytest.raises(DocumentError, match="compressed as '") as refused:
            await get(bomb, encoding)
        assert tracemalloc.get_traced_memory()[1] < 8 * MB
    finally:
        tracemalloc.stop()
    assert not isinstance(refused.value, Outage)
    assert len(refused.value.detail) < 200


async def test_what_is_no_gzip_is_refused_and_what_is_cut_off_may_be_whole_later(get: Get) -> None:
    with pytest.raises(DocumentError, match="not compressed as it says") as refused:
        await get(WORDS, "gzip")
    assert not isinstance(refused.value, Outage)
    with pytest.raises(Outage, match="cut off"):
        await get(gzip.compress(WORDS)[:-20], "gzip")
