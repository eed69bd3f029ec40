"""Text that is long and says the same over and over takes no longer to look at than any other."""

import time

import pytest

from taskcraft_core.documents.media import sniff
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.models import MediaType
from taskcraft_core.roles.extractive.normalise import LONGEST, answer_type, fold, normalise

SECONDS = 4.0
MARKS = (
    "a", " ", "\t", "1", ".", "!", "[", "![", "`", "_", "*", "|", "|-", ":-", "-", "> ", "(", "“", "中", "a| ", "**a ",
    "`a ", "[a](b ", "# ", "a: ", "1. ", "<!--", "<a ",
)  # fmt: skip


@pytest.mark.parametrize("piece", [b"<!---->", b"<!-- -->", b" ", b"<?xml ?>", b"<!--"])
def test_a_row_of_comments_is_no_page_and_is_told_so_at_once(piece: bytes) -> None:
    began = time.monotonic()
    assert sniff(piece * 4096) is None
    assert time.monotonic() - began < SECONDS


def test_a_page_may_begin_with_comments() -> None:
    assert sniff(b"\xef\xbb\xbf<?xml version='1.0'?> <!-- a --><!-- b > c -->\n<html>") == "text/html"


@pytest.mark.parametrize("kind", ["text/markdown", "text/plain", "text/html"])
@pytest.mark.parametrize("mark", MARKS)
def test_one_mark_over_and_over_is_read_in_time(mark: str, kind: MediaType) -> None:
    line = mark * (10_000 // len(mark))
    text = f"# A title\n\n## a{line}x\n\nSome words.\n\n| a | b |\n{line}\n\n{line}x\n"
    page = f"<title>A title{line}</title><p>Some words.<p>{line}<li>{line}<pre>{line}</pre>"
    began = time.monotonic()
    data = (page if kind == "text/html" else text).encode()
    document, _ = parse_document(data, "0" * 64, "any/thing", kind)
    assert document.blocks and time.monotonic() - began < SECONDS


@pytest.mark.parametrize("mark", ["1", "1,111", "9.", ".", "(", "“", "a ", "-", "年"])
def test_a_long_answer_keeps_its_form(mark: str) -> None:
    text = (mark * 100_000).strip()
    began = time.monotonic()
    assert normalise(normalise(text)) == normalise(text)
    assert fold(text) == fold(normalise(text)) and answer_type(text) == answer_type(normalise(text))
    assert time.monotonic() - began < SECONDS


def test_a_long_number_is_still_grouped_while_it_may_be_one() -> None:
    assert normalise("1" * 30) == ",".join(["111"] * 10)
    assert normalise("1" * (LONGEST + 1)) == "1" * (LONGEST + 1)
