"""Every bad input becomes a rejection with its code and one sentence, and the rest is read."""

import io
import os
import signal
import zlib
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.documents.ingest import ingest
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.documents.sources import list_sources
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import MediaType, Reason


def pdf(password: str | None = None) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, encrypt=password, invariant=1)
    canvas.drawString(72, 700, "The harbour of Arlen was opened in 1902.")
    canvas.save()
    return out.getvalue()


def pdf_with_content(content: bytes) -> bytes:
    """A PDF of one page with a compressed content stream, without a cross-reference table."""
    stream = zlib.compress(content, 9)
    return (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<<>>>>endobj\n"
        b"4 0 obj<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%%%EOF\n"
        % (len(stream), stream)
    )


def image(width: int, height: int, mode: str = "L") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), 255 if mode == "L" else 1).save(out, "PNG")
    return out.getvalue()


DEEP = b"<html><body>" + b"<div>" * 400 + b"words" + b"</div>" * 400
HEAVY = b"0 0 m 1 1 l S\n" * 3_000_000

BAD: dict[str, tuple[bytes, Reason]] = {
    "empty.html": (b"", Reason.EMPTY),
    "blank.txt": (b" \n\n ", Reason.EMPTY),
    "cut.pdf": (pdf()[:-200], Reason.TRUNCATED),
    "cut.html": (b"<html><head><title>Arlen</title></head><body><p>The harbour was op", Reason.TRUNCATED),
    "cut.png": (image(900, 900)[:-900], Reason.TRUNCATED),
    "page.pdf": (b"<!DOCTYPE html><html><body>Not found</body></html>", Reason.TYPE_MISMATCH),
    "noise.pdf": (b"no such thing", Reason.TYPE_MISMATCH),
    "locked.pdf": (pdf("secret"), Reason.PASSWORD),
    "bomb.png": (image(9000, 9000, "1"), Reason.TOO_LARGE),
    "deep.html": (DEEP, Reason.TOO_DEEP),
    "large.html": (b"<p>word</p>" * 500_000, Reason.TOO_LARGE),
    "large.txt": (b"One more word. " * 400_000, Reason.TOO_LARGE),
    "thing.xyz": (b"some words", Reason.TYPE_UNKNOWN),
    "archive": (b"PK\x03\x04" + b"abc" * 50, Reason.TYPE_UNKNOWN),
    "archive.txt": (b"PK\x03\x04" + b"abc" * 50, Reason.TYPE_UNKNOWN),
    "binary.txt": (bytes(range(256)) * 40, Reason.NOT_TEXT),
    "binary.html": (bytes((i * 37 + 128) % 256 for i in range(5000)), Reason.NOT_TEXT),
    "white.png": (image(300, 200), Reason.NO_CONTENT),
    "menu.html": (b"<html><nav><a href='/'>Home</a></nav><body><script>1</script></body></html>", Reason.NO_CONTENT),
}


async def test_a_folder_of_bad_inputs_is_accounted_for(tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    for name, (data, _) in BAD.items():
        (folder / name).write_bytes(data)
    (folder / "good.txt").write_text("Arlen\n\nThe harbour was opened in 1902.")
    config, settings = BuildConfig(), Settings(parse_workers=1)
    listed, rejected = await list_sources([str(folder)], tmp_path / "out", config, settings)
    steps: list[int] = []
    async with Sandbox(settings) as sandbox:
        documents, more = await ingest(listed, tmp_path / "out", config, sandbox, steps.append)
        again, _ = await ingest(listed[-3:], tmp_path / "out", config, sandbox)
    reasons = {r.item.partition("/")[2]: r.reason for r in rejected + more}
    expected = {name: reason for name, (_, reason) in BAD.items()}
    expected["archive.txt"] = Reason.DUPLICATE_DOCUMENT
    assert reasons == expected
    assert [document.uri for document in documents] == ["bad/good.txt"]
    assert steps == list(range(1, len(listed) + 1))
    assert all(r.item in r.detail and r.detail.endswith(".") for r in rejected + more)
    assert again == []


@pytest.fixture
def stored(tmp_path: Path):  # type: ignore[no-untyped-def]
    async def keep(name: str, data: bytes, settings: Settings):  # type: ignore[no-untyped-def]
        (tmp_path / name).write_bytes(data)
        listed, _ = await list_sources([str(tmp_path / name)], tmp_path / "out", BuildConfig(), settings)
        return listed[0], tmp_path / "out/documents" / listed[0].id

    return keep


async def reason_of(sandbox: Sandbox, item, path: Path) -> Reason:  # type: ignore[no-untyped-def]
    with pytest.raises(DocumentError) as caught:
        await sandbox.parse(item, path)
    return caught.value.reason


async def test_a_document_that_takes_too_long_or_too_much_memory_is_stopped(stored) -> None:  # type: ignore[no-untyped-def]
    heavy = pdf_with_content(HEAVY)
    assert len(heavy) < 200_000
    for settings, reason in [
        (Settings(parse_workers=1, parse_timeout=0.3), Reason.TOO_SLOW),
        (Settings(parse_workers=1, parse_memory_mb=420, parse_timeout=60), Reason.TOO_LARGE),
    ]:
        bad, good = await stored("heavy.pdf", heavy, settings), await stored("a.txt", b"A title\n\nText.", settings)
        async with Sandbox(settings) as sandbox:
            assert await reason_of(sandbox, *bad) == reason
            assert (await sandbox.parse(*good))[0].title == "A title"


async def test_a_killed_worker_is_replaced_and_none_is_left_behind(stored) -> None:  # type: ignore[no-untyped-def]
    settings = Settings(parse_workers=1)
    good = await stored("a.txt", b"A title\n\nText.", settings)
    before = workers()
    async with Sandbox(settings) as sandbox:
        first = await sandbox.parse(*good)
        for pid in workers() - before:
            os.kill(pid, signal.SIGKILL)
        assert await sandbox.parse(*good) == first
        assert len(workers() - before) == 1
    assert workers() == before


def workers() -> set[int]:
    """Living parser processes whose parent is this process."""
    found = set()
    for folder in Path("/proc").iterdir():
        try:
            status = (folder / "status").read_text() if folder.name.isdigit() else ""
            command = (folder / "cmdline").read_text() if status else ""
        except OSError:
            continue
        if f"PPid:\t{os.getpid()}\n" in status and "documents.worker" in command and "zombie" not in status:
            found.add(int(folder.name))
    return found


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("page of a login wall", "application/pdf", Reason.TYPE_MISMATCH),
        ("<html>", "image/png", Reason.TYPE_MISMATCH),
        ("GIF89a", None, Reason.TRUNCATED),
    ],
)
def test_types_are_decided_by_bytes(name: str, kind: MediaType | None, reason: Reason) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(name.encode(), "0" * 64, "a.bin", kind)
    assert caught.value.reason in (reason, Reason.PARSE_FAILED)
