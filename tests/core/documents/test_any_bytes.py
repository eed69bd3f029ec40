"""Whatever the bytes are, a reader gives a document or a DocumentError."""

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from taskcraft_core.documents.hygiene import clean, fold
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import MediaType

STARTS = (
    b"", b"<html>", b"<table><tr><th>a<td>b", b"<dl><dt>a<dd>b", b"%PDF-1.7\n%%EOF",
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff",
    b"BM\x00\x00\x00\x00\x00\x00\x00\x00", b"{\"a\":[", b"# x\n|a|b|\n|-|-|\n",
    b"a,b\n\"", b"\xff\xfe", b"\xef\xbb\xbf",
)  # fmt: skip
PIECES = st.sampled_from(
    [b"<ul>", b"<li>", b"</", b"<pre>", b"<a href=x>", b"|", b"\n", b"- ", b"[a](b)", b"\x00", b"{}"]
)
BODIES = st.one_of(
    st.binary(max_size=300), st.text(max_size=300).map(str.encode), st.lists(PIECES, max_size=40).map(b"".join)
)


@settings(max_examples=150, deadline=None)
@given(start=st.sampled_from(STARTS), body=BODIES, hint=st.sampled_from([None, *get_args(MediaType)]))
def test_any_bytes(start: bytes, body: bytes, hint: MediaType | None) -> None:
    try:
        document, _ = parse_document(start + body, "0" * 64, "any/thing", hint)
    except DocumentError as error:
        assert error.detail.startswith("any/thing") and error.detail.endswith((".", "]", ")"))
        return
    places = [block.place for block in document.blocks]
    assert document.title and places and len(set(places)) == len(places)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_folding_is_stable(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert clean(clean(text)) == clean(text)
    assert "\n" not in once and "\u00a0" not in once
