"""Every entry of every registry keeps its contract: the signature, a fixture that it works on, a row in the docs.

To add one is one file and one line; what else it needs, a failing test here says.
"""

import importlib
import inspect
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

import pytest
from PIL import Image, ImageDraw, ImageFont
from pydantic import SecretStr

from taskcraft_core.calls.budget import Budget, Caps
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.once import Once
from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.corpus import Corpus
from taskcraft_core.documents import READERS
from taskcraft_core.documents.draft import Draft, Hints
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.documents.render import render
from taskcraft_core.errors import ConfigError, DocumentError
from taskcraft_core.loopback.process import start
from taskcraft_core.models import Document, MediaType, Passage
from taskcraft_core.roles import AUTHORS, JUDGES, SOLVERS, Author, Judge, Solver
from taskcraft_core.roles.bench import make_role
from taskcraft_core.roles.own import fault_of
from taskcraft_core.tools import SEARCH, Hit, Search, Web

ROOT = Path(__file__).parent.parent.parent
ROLES: Mapping[str, tuple[Mapping[str, str], type]] = {
    "author": (AUTHORS, Author),
    "solver": (SOLVERS, Solver),
    "judge": (JUDGES, Judge),
}


# --- fixtures: for every media type a few bytes that say "Melting point" and "1,538" ----------------------------------


def picture(kind: str) -> bytes:
    image = Image.new("RGB", (560, 120), "white")
    draw = ImageDraw.Draw(image)
    draw.text((20, 15), "Iron", fill="black", font=ImageFont.load_default(36))
    draw.text((20, 70), "Melting point 1,538 K", fill="black", font=ImageFont.load_default(32))
    data = io.BytesIO()
    image.save(data, format=kind)
    return data.getvalue()


def pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    data = io.BytesIO()
    canvas = Canvas(data)
    canvas.drawString(72, 760, "Iron")
    canvas.drawString(72, 700, "Melting point: 1,538 K is what the data sheet of the works gives for iron.")
    canvas.save()
    return data.getvalue()


FIXTURES: Mapping[str, Callable[[], bytes]] = {
    "text/html": lambda: b"<title>Iron</title><h1>Iron</h1><table><tr><th>Melting point</th><td>1,538 K</td></table>",
    "application/pdf": pdf,
    "image/png": lambda: picture("PNG"),
    "image/jpeg": lambda: picture("JPEG"),
    "image/webp": lambda: picture("WEBP"),
    "image/gif": lambda: picture("GIF"),
    "image/tiff": lambda: picture("TIFF"),
    "image/bmp": lambda: picture("BMP"),
    "text/markdown": lambda: b"# Iron\n\nMelting point: 1,538 K\n\nIt is a metal.\n",
    "text/plain": lambda: b"Iron\n\nMelting point: 1,538 K\n\nIt is a metal that rusts.\n",
    "text/csv": lambda: b'Property,Value\nMelting point,"1,538 K"\nBoiling point,"2,862 K"\n',
    "text/tab-separated-values": lambda: b"Property\tValue\nMelting point\t1,538 K\nBoiling point\t2,862 K\n",
    "application/json": lambda: json.dumps(
        [{"Property": "Melting point", "Value": "1,538 K"}, {"Property": "Boiling point", "Value": "2,862 K"}]
    ).encode(),
}


# --- readers ----------------------------------------------------------------------------------------------------------


def test_every_media_type_has_a_reader_and_a_fixture() -> None:
    assert set(READERS) == set(get_args(MediaType)) == set(FIXTURES)


@pytest.mark.parametrize("media_type", READERS)
def test_a_reader_has_the_signature(media_type: MediaType) -> None:
    signature = inspect.signature(READERS[media_type], eval_str=True)
    assert [parameter.annotation for parameter in signature.parameters.values()] == [bytes, str, Hints]
    assert signature.return_annotation is Draft
    assert inspect.getdoc(READERS[media_type])


@pytest.mark.parametrize("media_type", READERS)
def test_a_reader_reads_its_fixture(media_type: MediaType) -> None:
    data = FIXTURES[media_type]()
    document, _ = parse_document(data, "1" * 64, "s/iron", media_type, "Iron")
    assert document.media_type == media_type
    text = render(document)
    assert re.search(r"melting ?point", text, re.I)
    assert "1,538" in text
    assert len({block.place for block in document.blocks}) == len(document.blocks)
    assert parse_document(data, "1" * 64, "s/iron", media_type, "Iron")[0] == document


@pytest.mark.parametrize("media_type", READERS)
@pytest.mark.parametrize("data", [b"", b"\x00\xff\xfe" * 40], ids=["empty", "noise"])
def test_a_reader_given_something_else_is_one_document_error(media_type: MediaType, data: bytes) -> None:
    with pytest.raises(DocumentError) as error:
        parse_document(data, "1" * 64, "s/iron", media_type)
    assert "s/iron" in error.value.detail


# --- search -----------------------------------------------------------------------------------------------------------


def corpus() -> Corpus:
    def page(key: str, title: str, text: str) -> Document:
        blocks = (Passage(place="b0", text=text),)
        return Document(
            id=key * 64, uri=f"s/{title}", title=title, media_type="text/html", language="en", blocks=blocks
        )

    return Corpus(
        [page("1", "Iron", "A metal that rusts."), page("2", "铁", "铁是一种金属。"), page("3", "Io", "A moon.")]
    )


def test_every_search_is_one_that_the_configuration_can_name() -> None:
    assert set(SEARCH) <= set(get_args(BuildConfig.model_fields["search"].annotation))


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    """A live web whose search finds the pages of the corpus, by the last part of their addresses."""
    pages = {
        "Iron": "<title>Iron</title><p>A metal that rusts.</p>",
        "铁": "<title>铁</title><p>铁是一种金属。</p>",
        "Io": "<title>Io</title><p>A moon.</p>",
    }
    with start(pages=pages) as server:
        given = {"tavily_api_key": SecretStr("key"), "tavily_base_url": server.address}
        journal = await open_journal(tmp_path, None)
        budget = Budget(Caps(), await journal.spent())
        live = Web(Settings().model_copy(update=given), journal, Once(journal), budget, tmp_path / "documents")
        yield live
        await live.close()
        await journal.close()


@pytest.mark.parametrize("name", SEARCH)
async def test_a_search_keeps_the_protocol(name: str, web: Web) -> None:
    engine = SEARCH[name](corpus(), web)
    same_methods(engine, Search)
    for query, uri in (("rusts", "s/Iron"), ("金属", "s/铁"), ("Io", "s/Io")):
        hits = await engine.search(query)
        assert all(isinstance(hit, Hit) for hit in hits)
        assert unquote(hits[0].uri).rpartition("/")[2] == uri.rpartition("/")[2]
        assert await engine.search(query) == hits
    assert await engine.search("zephyria") == []


# --- roles ------------------------------------------------------------------------------------------------------------


def same_methods(one: object, protocol: type) -> None:
    """Every method of the protocol is there, takes the same arguments and is a coroutine where it should be."""
    bound = 0 if isinstance(one, type) else 1
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if name.startswith("_"):
            continue
        mine = getattr(one, name)
        assert list(inspect.signature(mine).parameters) == list(inspect.signature(method).parameters)[bound:], name
        assert inspect.iscoroutinefunction(mine) == inspect.iscoroutinefunction(method), name
        assert inspect.getdoc(mine), name


EVERY_ROLE = [pytest.param(role, spec, id=f"{role}-{spec}") for role, (names, _) in ROLES.items() for spec in names]


@pytest.mark.parametrize(("role", "name"), EVERY_ROLE)
def test_a_role_keeps_the_protocol(role: str, name: str) -> None:
    module, _, kind = ROLES[role][0][name].partition(":")
    same_methods(getattr(importlib.import_module(module), kind), ROLES[role][1])


@pytest.mark.parametrize("role", ROLES)
def test_rules_are_made_from_their_name_alone(role: str) -> None:
    made = make_role(role, "extractive")
    assert fault_of(made, role) is None
    assert made.spec == "extractive"


@pytest.mark.parametrize("role", ROLES)
def test_the_default_of_a_role_is_registered(role: str) -> None:
    assert getattr(BuildConfig(), role) in ROLES[role][0]


@pytest.mark.parametrize("role", ROLES)
def test_an_unknown_name_is_told_with_the_nearest_known_one(role: str) -> None:
    with pytest.raises(ConfigError, match=f"There is no {role} 'extractve'; the nearest is 'extractive'"):
        make_role(role, "extractve")


# --- documentation ----------------------------------------------------------------------------------------------------

REGISTRIES: Mapping[str, Mapping[Any, Any]] = {
    "READERS": READERS, "SEARCH": SEARCH, "AUTHORS": AUTHORS, "SOLVERS": SOLVERS, "JUDGES": JUDGES,
}  # fmt: skip
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


@pytest.mark.skipif(not CONTRIBUTING.exists(), reason="CONTRIBUTING.md is not written yet")
@pytest.mark.parametrize("registry", REGISTRIES)
def test_a_registry_and_its_entries_are_documented(registry: str) -> None:
    text = CONTRIBUTING.read_text(encoding="utf-8") + (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{registry}`" in text, f"CONTRIBUTING.md does not say how to add to {registry}"
    missing = [name for name in REGISTRIES[registry] if f"`{name}`" not in text]
    assert not missing, f"no row for {missing} of {registry} in README.md or CONTRIBUTING.md"
