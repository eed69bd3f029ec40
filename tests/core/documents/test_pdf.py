import io
from functools import cache

from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from reportlab.lib import colors
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Image, ListFlowable, ListItem, PageBreak, Paragraph, SimpleDocTemplate, Table

from taskcraft_core.documents.parse import parse_document
from taskcraft_core.models import Box, Document, Figure, Items, Passage
from taskcraft_core.models import Table as TableBlock

GRID = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]
LONG = (
    "The harbour of Arlen was opened on 12 March 1902 after seven years of work. It has three piers and a"
    " lighthouse that was built by Ida Kolm, and it handles 1,250 ships a year, most of them ferries."
)


def picture() -> io.BytesIO:
    image = Picture.new("RGB", (640, 400), "white")
    ImageDraw.Draw(image).text((40, 40), "Ferries a year", font=ImageFont.load_default(40), fill="black")
    out = io.BytesIO()
    image.save(out, "PNG")
    out.seek(0)
    return out


@cache
def made() -> bytes:
    style = getSampleStyleSheet()
    body = style["BodyText"]
    story = [
        Paragraph("Harbours of the North Coast", style["Title"]), Paragraph(LONG, body),
        Paragraph("Arlen harbour", style["Heading2"]), Paragraph(LONG, body),
        Table([["Harbour", "Opened", "Depth"], ["Arlen", "1902", "12 m"], ["Canto", "1934", "15 m"]],
              style=[*GRID, ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold")]),
        Paragraph("Table 1. Harbours and their depth", body),
        Paragraph("Opened: 12 March 1902<br/>Piers: 3<br/>Architect: Ida Kolm", body),
        Table([["Owner", "City of Arlen"], ["Ships a year", "1,250"]], style=GRID), PageBreak(),
        Paragraph("Traffic", style["Heading2"]), Image(picture(), width=320, height=200),
        Paragraph("Figure 1: Ferries by year", body),
        ListFlowable([ListItem(Paragraph(t, body)) for t in ("Ferries to Dell", "Freight")], bulletType="bullet"),
    ]  # fmt: skip
    out = io.BytesIO()

    def number(canvas, doc) -> None:  # type: ignore[no-untyped-def]
        canvas.drawString(280, 20, f"Page {doc.page}")

    SimpleDocTemplate(out, invariant=1).build(story, onFirstPage=number, onLaterPages=number)
    return out.getvalue()


def read() -> Document:
    return parse_document(made(), "0" * 64, "reports/a.pdf", "application/pdf")[0]


def test_title_text_and_sections() -> None:
    document = read()
    passages = [block for block in document.blocks if isinstance(block, Passage)]
    assert document.title == "Harbours of the North Coast"
    assert [p.text for p in passages] == [LONG, LONG]
    assert [p.section for p in passages] == ["", "Arlen harbour"]


def test_ruled_tables_and_label_value_lines() -> None:
    document = read()
    (table,) = (block for block in document.blocks if isinstance(block, TableBlock))
    assert table.caption == "Table 1. Harbours and their depth"
    assert table.header == ("Harbour", "Opened", "Depth")
    assert table.rows[1] == ("Canto", "1934", "15 m")
    boxes = [block.entries for block in document.blocks if isinstance(block, Box)]
    assert (("Opened", "12 March 1902"), ("Piers", "3"), ("Architect", "Ida Kolm")) in boxes
    assert (("Owner", "City of Arlen"), ("Ships a year", "1,250")) in boxes


def test_places_name_the_page_and_are_unique() -> None:
    places = [block.place for block in read().blocks]
    assert places[0] == "p1.b0" and places[-1].startswith("p2.b")
    assert len({place.partition("b")[2] for place in places}) == len(places)


def test_embedded_figures_become_documents_with_a_caption() -> None:
    document, figures = parse_document(made(), "0" * 64, "reports/a.pdf", "application/pdf")
    (block,) = (block for block in document.blocks if isinstance(block, Figure))
    (figure,) = figures
    assert block.caption == "Figure 1: Ferries by year"
    assert (block.document_id, figure.uri) == (figure.id, "reports/a.pdf#page=2&figure=1")
    assert Picture.open(io.BytesIO(figure.png)).size == (640, 400)


def test_lists_are_read_and_page_numbers_left_out() -> None:
    document = read()
    assert [b.items for b in document.blocks if isinstance(b, Items)] == [("Ferries to Dell", "Freight")]
    assert "Page" not in repr(document.blocks)


def test_figures_can_be_turned_off() -> None:
    document, figures = parse_document(made(), "0" * 64, "a.pdf", "application/pdf", max_figures=0)
    assert figures == []
    assert all(block.document_id is None for block in document.blocks if isinstance(block, Figure))
