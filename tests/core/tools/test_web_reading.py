"""Reading pages of the live web: what is shown, what is refused, what is remembered; over HTTP on loopback."""

import asyncio
import gzip
import io

import pytest
from aiohttp import web as served
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from taskcraft_core.calls.purpose import working_on
from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.addresses import PublicTransport
from taskcraft_core.documents.fetch import web_client
from taskcraft_core.models import Document, Passage
from taskcraft_core.tools import WebPages, local_toolbox, web_toolbox

IO = Document(
    id="1" * 64, uri="m/io.html", title="Io", media_type="text/html", language="en",
    blocks=(Passage(place="b0", text="Io is a moon of Jupiter."),),
)  # fmt: skip
CORPUS = Corpus([IO, IO.model_copy(update={"id": "2" * 64, "uri": "https://corpus.example/europa", "title": "Europa"})])
PAGE = """<html><head><title>Moons</title></head><body><h1>Moons</h1>
<p>The <a href="../titan.html#top">largest moon</a> of Saturn was found in 1655. See
<a href="https://corpus.example/europa">Europa</a>, <a href="#here">this page</a> and <a href="mailto:a@b.c">us</a>.</p>
<p>Some more words stand here, so that this page has a main text worth reading, as pages have.</p></body></html>"""


@pytest.fixture
def toolbox(open_web, sandbox):
    async def made(**settings):
        return web_toolbox(CORPUS, await open_web(**settings), sandbox)

    return made


async def test_a_page_of_the_web_is_shown_like_one_of_the_corpus(site, toolbox):
    tools = await toolbox()
    url = site.page("/a/moons.html", PAGE)
    shown = await tools.call("read_page", {"uri": f" {url}#section "})
    assert shown.startswith(
        f"uri: {url}\ntitle: Moons\npart: 1 of 1\n\n# Moons\n\nThe largest moon of Saturn was found"
    )
    assert shown.endswith(
        f"Links:\n- largest moon -> {site.address}/titan.html\n- Europa -> https://corpus.example/europa"
    )


async def test_what_is_in_the_corpus_is_read_from_there_and_the_tools_are_the_same(site, toolbox):
    tools, local = await toolbox(), local_toolbox(CORPUS)
    assert tools.schemas == local.schemas
    for uri in (
        "m/io.html",
        "https://corpus.example/europa",
        "https://corpus.example/europa#x",
        "nowhere",
        "file:///etc/passwd",
    ):
        assert await tools.call("read_page", {"uri": uri}) == await local.call("read_page", {"uri": uri})
    assert not site.asked


async def test_a_long_page_comes_in_parts(site, toolbox):
    tools = await toolbox()
    text = "\n\n".join(f"Chapter {n} begins. " + "Nothing else is said here. " * 300 for n in range(4))
    url = site.file("/long.txt", text.encode(), "text/plain")
    assert "part: 4 of 4" in await tools.call("read_page", {"uri": url, "part": 4})
    assert await tools.call("read_page", {"uri": url, "part": 5}) == (
        f"Error: {url!r} has 4 part(s), not a part 5; ask for one from 1 to 4."
    )
    assert site.asked["/long.txt"] == 1


async def test_pdfs_and_images_have_tools_of_their_own(site, toolbox):
    tools = await toolbox()
    data = io.BytesIO()
    canvas = Canvas(data)
    canvas.drawString(72, 700, "Melting point: 1,538 K is what the data sheet of the works gives for iron.")
    canvas.save()
    pdf = site.file("/download?id=5".partition("?")[0], data.getvalue(), "application/pdf")
    image = Image.new("RGB", (560, 120), "white")
    ImageDraw.Draw(image).text((20, 40), "Melting point 1,538 K", fill="black", font=ImageFont.load_default(32))
    png = io.BytesIO()
    image.save(png, "PNG")
    picture = site.file("/chart.png", png.getvalue(), "image/png")
    assert "1,538 K is what the data sheet" in await tools.call("read_pdf", {"uri": pdf})
    assert "1,538" in await tools.call("view_image", {"uri": picture})
    assert await tools.call("read_page", {"uri": pdf}) == f"Error: {pdf!r} is a PDF; call read_pdf."
    assert await tools.call("read_page", {"uri": picture}) == f"Error: {picture!r} is an image; call view_image."
    assert site.asked["/download"] == site.asked["/chart.png"] == 1


async def test_a_model_that_sees_is_shown_pictures_of_the_web_and_of_the_corpus(site, open_web, sandbox):
    image = Image.new("RGB", (560, 120), "white")
    ImageDraw.Draw(image).text((20, 40), "Melting point 1,538 K", fill="black", font=ImageFont.load_default(32))
    png = io.BytesIO()
    image.save(png, "PNG")
    url = site.file("/chart.png", png.getvalue(), "image/png")
    used = await open_web()
    chart = IO.model_copy(update={"id": "3" * 64, "uri": "i/chart.png", "media_type": "image/png"})
    tools = web_toolbox(Corpus([IO, chart]), used, sandbox, picture=lambda document: document.id)
    assert tools.picture and tools.picture("i/chart.png") == chart.id
    assert tools.picture(url) is None and tools.picture("m/io.html") is None
    await tools.call("view_image", {"uri": url})
    assert (used.folder / (tools.picture(url) or "")).read_bytes() == png.getvalue()


async def test_of_images_those_that_were_shown_last_can_be_shown_again(site, open_web, sandbox):
    image = Image.new("RGB", (560, 120), "white")
    ImageDraw.Draw(image).text((20, 40), "Melting point 1,538 K", fill="black", font=ImageFont.load_default(32))
    png = io.BytesIO()
    image.save(png, "PNG")
    one, two, three = (site.file(f"/{n}.png", png.getvalue(), "image/png") for n in range(3))
    pages = WebPages(await open_web(), sandbox, images_kept=2)
    for url in (one, two):
        await pages.open(url, "view_image")
    assert pages.image(one)
    await pages.open(three, "view_image")
    assert [bool(pages.image(url)) for url in (one, two, three)] == [True, False, True]
    await pages.open(two, "view_image")
    assert [bool(pages.image(url)) for url in (one, two, three)] == [False, True, True]


async def test_a_page_is_fetched_once_and_not_again_after_a_restart(site, toolbox, open_web, sandbox):
    url = site.page("/moons.html", PAGE)
    tools = await toolbox()
    with working_on("depth", "Which moon?"):
        first, second = await asyncio.gather(*(tools.call("read_page", {"uri": url + end}) for end in ("", "#top")))
    site.page("/moons.html", PAGE.replace("1655", "1789"))
    again = await open_web()
    later = await web_toolbox(CORPUS, again, sandbox).call("read_page", {"uri": url})
    assert first == second == later and "1655" in first
    assert site.asked["/moons.html"] == 1
    [line] = await again.journal.costs()
    assert (line.stage, line.role, line.kind, line.calls, line.usd) == ("depth", "read_page", "page", 1, 0)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: served.Response(status=404),
        lambda: served.Response(status=403),
        lambda: served.Response(body=b"", content_type="text/html"),
        lambda: served.Response(body=b"<html><body></body></html>", content_type="text/html"),
        lambda: served.Response(body=b"no PDF", content_type="application/pdf"),
        lambda: served.Response(body=b"\x00\x01\x02", content_type="application/octet-stream"),
        lambda: served.Response(body=b"x" * 1_100_000, content_type="text/plain"),
        lambda: served.Response(
            body=gzip.compress(b"x" * 5_000_000), content_type="text/plain", headers={"Content-Encoding": "gzip"}
        ),
        lambda: served.Response(body=b"no gzip", content_type="text/plain", headers={"Content-Encoding": "gzip"}),
        lambda: served.Response(status=302, headers={"Location": "file:///etc/passwd"}),
        lambda: served.Response(status=302, headers={"Location": "/page"}),
        lambda: served.Response(status=302),
    ],
)
async def test_what_is_wrong_with_a_page_is_an_observation_that_is_remembered(site, toolbox, answer):
    url = site.put("/page", answer)
    first = await (await toolbox(fetch_max_mb=1)).call("read_page", {"uri": url})
    asked = site.asked["/page"]
    assert first.startswith(f"Error: {url}") and "\n" not in first
    assert asked <= 6
    site.page("/page", PAGE)
    assert await (await toolbox(fetch_max_mb=1)).call("read_page", {"uri": url}) == first
    assert site.asked["/page"] == asked


@pytest.mark.parametrize("answer", [*(lambda code=code: served.Response(status=code) for code in (429, 500, 503)),
                                    lambda: asyncio.Event().wait()])  # fmt: skip
async def test_an_outage_is_an_observation_that_is_forgotten(site, toolbox, answer):
    tools = await toolbox(fetch_timeout=0.2)
    url = site.put("/page", answer)
    assert (await tools.call("read_page", {"uri": url})).startswith(f"Error: {url}: cannot be fetched: ")
    site.page("/page", PAGE)
    assert "1655" in await tools.call("read_page", {"uri": url})


async def test_a_machine_without_a_network(toolbox):
    shown = await (await toolbox()).call("read_page", {"uri": "http://127.0.0.1:1/"})
    assert shown.startswith("Error: http://127.0.0.1:1/: cannot be fetched: ")


async def test_five_redirects_are_followed_and_links_are_relative_to_where_they_end(site, toolbox):
    tools = await toolbox()
    for n in range(6):
        site.redirect(f"/{n}", f"/{n + 1}" if n < 5 else "/x/y/moons.html")
    site.page("/x/y/moons.html", PAGE)
    shown = await tools.call("read_page", {"uri": f"{site.address}/1"})
    assert shown.startswith(f"uri: {site.address}/x/y/moons.html\n")
    assert f"-> {site.address}/x/titan.html" in shown
    refused = await tools.call("read_page", {"uri": f"{site.address}/0"})
    assert refused == f"Error: {site.address}/0: cannot be fetched: it is redirected over 5 times."


async def test_a_site_is_not_given_back_its_cookies(site, toolbox):
    tools = await toolbox()
    site.put("/a", lambda: served.Response(text=PAGE, content_type="text/html", headers={"Set-Cookie": "who=7"}))
    site.page("/b", PAGE)
    for path in ("/a", "/b"):
        await tools.call("read_page", {"uri": site.address + path})
    assert all("Cookie" not in headers for headers, _ in site.requests)


async def test_private_addresses_are_refused_unless_they_are_allowed(site, toolbox):
    url = site.page("/moons.html", PAGE)
    refused = await (await toolbox(web_allow_private=False)).call("read_page", {"uri": url})
    assert refused == f"Error: {url}: cannot be fetched: 127.0.0.1 is not on the public internet."
    assert not site.asked


@pytest.mark.parametrize(
    "uri",
    [
        "http://", "https:///x", "http://[", "http://a b.example/", "http://\ud800.example/", "http://x:y@a.example/",
        "http://a.example:99999/", "http://a.example:port/", "http://./", "http://%00/", "http://a.example/\r\nX: y",
        "HTTP://" + "a" * 300 + ".example/", "http://a.example/" + "b" * 3_000, "http://a.example/\x00",
    ],
)  # fmt: skip
async def test_an_address_that_is_none_is_one_line_that_says_so(nowhere, uri):
    shown = await nowhere.open(uri, "read_page")
    assert isinstance(shown, str) and shown.startswith("Error: ") and len(shown.splitlines()) == 1
    assert "x:y" not in shown


@pytest.fixture
async def nowhere(open_web, sandbox):
    """Pages of a web in which every host resolves to this machine's own network."""

    async def resolve(host, port):
        return []

    used = await open_web()
    return WebPages(used, sandbox, web_client(used.settings, PublicTransport(resolve)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(codec=None, categories=None), max_size=60))
async def test_any_text_as_an_address_is_an_observation(nowhere, text):
    shown = await nowhere.open(f"http://{text}", "read_page")
    assert isinstance(shown, str) and shown.startswith("Error: ") and len(shown.splitlines()) == 1
