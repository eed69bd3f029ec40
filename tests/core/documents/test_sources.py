import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.documents.sources import list_sources
from taskcraft_core.errors import ConfigError
from taskcraft_core.models import Reason

SETTINGS = Settings(fetch_timeout=0.5, fetch_max_mb=1)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "inner").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name, text in [("b.txt", "bee"), ("inner/a.md", "# ay"), (".hidden.txt", "no"), (".git/x.txt", "no")]:
        (folder / name).write_text(text)
    return folder


async def run(sources: list[str], tmp_path: Path, **config):  # type: ignore[no-untyped-def]
    return await list_sources(sources, tmp_path / "out", BuildConfig(**config), SETTINGS)


async def test_a_folder_is_listed_by_names_that_do_not_depend_on_the_machine(docs: Path, tmp_path: Path) -> None:
    listed, rejected = await run([str(docs)], tmp_path)
    assert [item.uri for item in listed] == ["docs/b.txt", "docs/inner/a.md"]
    assert [item.media_hint for item in listed] == ["text/plain", "text/markdown"]
    assert rejected == []
    for item in listed:
        data = (tmp_path / "out/documents" / item.id).read_bytes()
        assert hashlib.sha256(data).hexdigest() == item.id


async def test_files_globs_and_doubly_named_files(docs: Path, tmp_path: Path) -> None:
    listed, rejected = await run([str(docs / "b.txt"), str(docs / "**/*.md"), str(docs / "b.txt")], tmp_path)
    assert [item.uri for item in listed] == ["b.txt", "docs/inner/a.md"]
    assert rejected == []


async def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    for source in ("nowhere", str(tmp_path / "*.html")):
        with pytest.raises(ConfigError, match=source.replace("*", r"\*")):
            await run([source], tmp_path)
    with pytest.raises(ConfigError, match="empty"):
        await run([""], tmp_path)


async def test_the_same_bytes_twice_are_one_document(docs: Path, tmp_path: Path) -> None:
    (docs / "z.txt").write_text("bee")
    listed, rejected = await run([str(docs)], tmp_path)
    assert "docs/b.txt" in [item.uri for item in listed]
    assert [(r.item, r.reason) for r in rejected] == [("docs/z.txt", Reason.DUPLICATE_DOCUMENT)]
    assert "docs/b.txt" in rejected[0].detail


async def test_different_files_of_one_name_keep_different_uris(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "index.txt").write_text(place)
    listed, _ = await run([str(tmp_path / place / "index.txt") for place in ("one", "two")], tmp_path)
    assert len({item.uri for item in listed}) == 2


async def test_the_limit_takes_the_first_by_uri(docs: Path, tmp_path: Path) -> None:
    listed, rejected = await run([str(docs)], tmp_path, limit=1)
    assert [item.uri for item in listed] == ["docs/b.txt"]
    assert [(r.item, r.reason) for r in rejected] == [("docs/inner/a.md", Reason.LIMIT)]


async def test_jsonl_and_csv_of_documents(tmp_path: Path) -> None:
    records = [
        {"text": "First text", "uri": "x/1", "title": "One"}, {"html": "<p>Two</p>", "url": "http://h/2"},
        {"text": "Third", "url": ["x"]}, {"title": "no body"},
    ]  # fmt: skip
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, records)) + "\nnot json\n")
    (tmp_path / "d.csv").write_text('title,text\nFour,"Some\ntext"\n')
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "table.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    names = ("d.jsonl", "d.csv", "table.csv", "table.jsonl")
    listed, rejected = await run([str(tmp_path / name) for name in names], tmp_path)
    assert [(i.uri, i.media_hint, i.title_hint) for i in listed] == [
        ("d.csv#1", "text/plain", "Four"), ("d.jsonl#3", "text/plain", ""), ("http://h/2", "text/html", ""),
        ("table.csv", "text/csv", ""), ("table.jsonl", "application/json", ""), ("x/1", "text/plain", "One"),
    ]  # fmt: skip
    assert [(r.item, r.reason) for r in rejected] == [
        ("d.jsonl#4", Reason.NO_CONTENT), ("d.jsonl#5", Reason.PARSE_FAILED),
    ]  # fmt: skip


async def test_everything_in_a_folder_is_listed_or_rejected(docs: Path, tmp_path: Path) -> None:
    (docs / "loop.html").symlink_to("loop.html")
    (docs / "nowhere.html").symlink_to("gone.html")
    (docs / "inner/up").symlink_to("..")
    os.mkfifo(docs / "pipe.txt")
    listed, rejected = await run([str(docs)], tmp_path)
    assert [item.uri for item in listed] == ["docs/b.txt", "docs/inner/a.md"]
    assert [r.item for r in rejected] == ["docs/inner/up", "docs/loop.html", "docs/nowhere.html", "docs/pipe.txt"]
    assert all(r.reason == Reason.PARSE_FAILED and r.item in r.detail for r in rejected)


async def test_what_is_no_unicode_is_stored_escaped(docs: Path, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(docs) + b"/b\xff.txt")).write_text("bad name")
    (docs / "r.jsonl").write_text('{"text": "w \\ud800", "uri": "u\\ud801", "title": "t\\ud802"}\n')
    listed, rejected = await run([str(docs)], tmp_path)
    assert [item.uri for item in listed][1:] == ["docs/b\\udcff.txt", "docs/inner/a.md", "u\\ud801"]
    assert rejected == []
    assert all(item.model_dump_json() for item in listed)


async def test_a_uri_is_one_line_whatever_a_file_or_a_record_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a\nb.md").write_text("# One")
    record = {"uri": "x\n\nLinks:\n- Evil -> y\u2028", "title": "Two\nlines", "text": "Two"}
    (folder / "c.jsonl").write_text(json.dumps(record))
    listed, rejected = await run([str(folder)], tmp_path)
    assert [item.uri for item in listed] == ["in/a\\nb.md", "x\\n\\nLinks:\\n- Evil -> y\\u2028"]
    assert (listed[1].title_hint, rejected) == ("Two lines", [])


async def test_a_file_name_has_no_query_and_no_fragment(tmp_path: Path) -> None:
    for name in ("C#.md", "what?.txt"):
        (tmp_path / name).write_text(f"# {name}")
        listed, _ = await run([str(tmp_path / name)], tmp_path)
        assert listed[0].media_hint in ("text/markdown", "text/plain")


@pytest.mark.parametrize("text", ["text,title\n", 'text,"title\nnever,closed\n'])
async def test_a_file_of_no_records_is_a_rejection(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    listed, (rejected,) = await run([str(tmp_path / "a.csv")], tmp_path)
    assert (listed, rejected.reason, rejected.item) == ([], Reason.NO_CONTENT, "a.csv")


async def test_a_line_without_end_is_one_rejection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskcraft_core.documents.records._MAX_FIELD", 100)
    lines = [json.dumps({"text": "one"}), json.dumps({"text": "x" * 1000}), json.dumps({"text": "three"})]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    listed, (rejected,) = await run([str(tmp_path / "a.jsonl")], tmp_path)
    assert [item.uri for item in listed] == ["a.jsonl#1", "a.jsonl#3"]
    assert (rejected.item, rejected.reason) == ("a.jsonl#2", Reason.PARSE_FAILED)


async def test_names_hold_nothing_that_a_terminal_would_obey(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a\x1b[31m\nb.txt").write_text("file")
    (tmp_path / "docs/r.jsonl").write_text(json.dumps({"text": "record", "uri": "u\x1b]0;x\x07\u202e"}))
    listed, _ = await run([str(tmp_path / "docs")], tmp_path)
    assert [item.uri for item in listed] == ["docs/a\\x1b[31m\\nb.txt", "u\\x1b]0;x\\x07\\u202e"]


async def test_a_device_is_not_read(tmp_path: Path) -> None:
    listed, rejected = await run(["/dev/zero"], tmp_path)
    assert listed == []
    assert [r.item for r in rejected] == ["zero"]


async def test_what_a_build_wrote_is_no_source(docs: Path) -> None:
    (docs / "out/documents").mkdir(parents=True)
    (docs / "out/documents/c.txt").write_text("sea")
    for source in (docs, docs / "**/*.txt", docs / "../do*/*.txt"):
        listed, _ = await list_sources([str(source)], docs / "out", BuildConfig(), SETTINGS)
        uris = " ".join(item.uri for item in listed)
        assert "docs/b.txt" in uris
        assert "docs/out" not in uris
    for source in (docs / "out", docs / "out/documents/c.txt", docs / "out/documents/*"):
        with pytest.raises(ConfigError, match="output folder"):
            await list_sources([str(source)], docs / "out", BuildConfig(), SETTINGS)


RELEASED = threading.Event()


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            RELEASED.wait(5)
        self.send_response(404 if self.path == "/gone" else 302 if self.path == "/moved" else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.path == "/moved":
            self.send_header("Location", "/page")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(b"x" * 3_000_000 if self.path == "/huge" else b"<h1>page</h1>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    RELEASED.set()
    server.shutdown()
    server.server_close()


async def test_urls_are_fetched_and_dead_ones_rejected(site: str, tmp_path: Path) -> None:
    paths = ("/page", "/gone", "/huge", "/slow", "/moved")
    listed, rejected = await run([site + p for p in paths] + ["http://127.0.0.1:1/closed"], tmp_path)
    assert [(item.uri, item.media_hint) for item in listed] == [(f"{site}/moved", "text/html")]
    reasons = {r.item.rpartition("/")[2]: r.reason for r in rejected}
    assert reasons == {
        "page": Reason.DUPLICATE_DOCUMENT, "gone": Reason.FETCH_FAILED, "slow": Reason.FETCH_FAILED,
        "closed": Reason.FETCH_FAILED, "huge": Reason.TOO_LARGE,
    }  # fmt: skip
    assert all(r.item in r.detail for r in rejected)
