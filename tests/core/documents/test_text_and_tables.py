import json

import pytest

from taskcraft_core.documents.parse import parse_document
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Box, Document, Figure, Items, Lines, MediaType, Passage, Reason, Table


def read(text: str, kind: MediaType, uri: str = "notes/some-name.x", title: str = "") -> Document:
    return parse_document(text.encode(), "0" * 64, uri, kind, title)[0]


def test_markdown() -> None:
    document = read(
        "---\ndraft: yes\n---\n# Arlen *harbour*\n\nOpened by **Ida Kolm** in [1902](y.html).\n\n## Depths\n\n"
        "| Pier | Depth |\n|---|--:|\n| [North](n.html) | 12 m |\n\n- one\n- two\n  more\n\n```\nx = 1\n```\n"
        "![The pier](p.png)\n",
        "text/markdown",
    )
    assert document.title == "Arlen harbour"
    assert [type(block) for block in document.blocks] == [Passage, Table, Items, Lines, Figure]
    passage, table, items, _, figure = document.blocks
    assert passage.text == "Opened by Ida Kolm in 1902."
    assert (table.section, table.header, table.rows) == ("Depths", ("Pier", "Depth"), (("North", "12 m"),))
    assert items.items == ("one", "two more")
    assert (figure.caption, figure.href) == ("The pier", "p.png")
    assert [(link.place, link.href) for link in document.links] == [("b0", "y.html"), ("b1.r0", "n.html")]


def test_snake_case_in_markdown_keeps_its_underscores() -> None:
    assert read("# T\n\nCall read_page_now twice.", "text/markdown").blocks[0].text == "Call read_page_now twice."


def test_a_heading_may_be_closed_and_may_end_in_a_number_sign() -> None:
    document = read("# C#\n\n## Closed ##\n\nWords.\n", "text/markdown")
    assert (document.title, document.blocks[0].section) == ("C#", "Closed")


def test_plain_text_takes_its_title_from_a_short_first_line() -> None:
    document = read("Arlen harbour\n=====\n\nIt was opened\nin 1902.\n\nOwner: City\nPiers: 3\n", "text/plain")
    assert document.title == "Arlen harbour"
    assert [type(block) for block in document.blocks] == [Passage, Box]
    assert document.blocks[0].text == "It was opened in 1902."
    assert document.blocks[1].entries == (("Owner", "City"), ("Piers", "3"))


def test_plain_text_without_a_title_is_named_after_its_file() -> None:
    assert read("A sentence that ends with a full stop.", "text/plain").title == "Some name"


def test_csv_with_a_title_comment() -> None:
    document = read('# Depths of lakes\nLake,Depth\nArlen,"1,250 m"\n', "text/csv")
    assert document.title == "Depths of lakes"
    assert document.blocks[0].header == ("Lake", "Depth")
    assert document.blocks[0].rows == (("Arlen", "1,250 m"),)


def test_semicolons_tabs_and_irregular_rows() -> None:
    assert read("a;b\n1,5;2\n", "text/csv").blocks[0].rows == (("1,5", "2"),)
    assert read("a\tb\n1\t2\n", "text/tab-separated-values").blocks[0].header == ("a", "b")
    assert isinstance(read("a,b\n1\n", "text/csv").blocks[0], Lines)


def test_json_of_flat_objects_is_a_table_and_an_object_a_box() -> None:
    rows = [{"lake": "Arlen", "depth": 12}, {"lake": "Canto", "depth": None}]
    assert read(json.dumps(rows), "application/json").blocks[0].rows == (("Arlen", "12"), ("Canto", ""))
    lines = "\n".join(map(json.dumps, rows))
    assert read(lines, "application/json").blocks[0].header == ("lake", "depth")
    document = read('{"title": "Arlen", "depth": 12, "piers": [{"n": 1, "m": 2}]}', "application/json")
    assert document.title == "Arlen"
    assert isinstance(document.blocks[0], Box) and isinstance(document.blocks[1], Table)


def test_broken_json_and_csv() -> None:
    for text, kind, reason in [
        ('{"a": 1, "b', "application/json", Reason.TRUNCATED),
        ('{"a": nonsense}', "application/json", Reason.PARSE_FAILED),
        ('a,b\n1,"2\n', "text/csv", Reason.TRUNCATED),
    ]:
        with pytest.raises(DocumentError) as caught:
            read(text, kind)  # type: ignore[arg-type]
        assert caught.value.reason == reason


def test_a_given_title_wins() -> None:
    assert read("Some line\n\ntext", "text/plain", title="Given").title == "Given"
