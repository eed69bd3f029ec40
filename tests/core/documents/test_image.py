import io

import pytest
from PIL import Image, ImageDraw, ImageFont

from taskcraft_core.documents.chart import read_chart
from taskcraft_core.documents.ocr import TextLine
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.models import Box, Document, Table


def drawn(texts: list[tuple[int, int, str, int]], size: tuple[int, int] = (900, 600)) -> bytes:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for x, y, text, height in texts:
        draw.text((x, y), text, font=ImageFont.load_default(height), fill="black")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def read(data: bytes) -> Document:
    return parse_document(data, "0" * 64, "images/scan-1.png", "image/png")[0]


def test_a_scanned_card_gives_title_and_box() -> None:
    rows = ["Builder: Ida Kolm", "Opened: 12 March 1902", "Depth: 41 m"]
    texts = [(60, 160 + 70 * i, row, 32) for i, row in enumerate(rows)]
    document = read(drawn([(60, 40, "Card of the Arlen harbour", 44), *texts]))
    assert document.title == "Card of the Arlen harbour"
    (box,) = (block for block in document.blocks if isinstance(block, Box))
    assert box.entries == (("Builder", "Ida Kolm"), ("Opened", "12 March 1902"), ("Depth", "41 m"))


def test_a_grid_gives_a_table() -> None:
    cells = [("Harbour", "Opened", "Depth"), ("Arlen", "1902", "12 m"), ("Canto", "1934", "15 m")]
    texts = [(60 + 260 * c, 180 + 80 * r, t, 32) for r, row in enumerate(cells) for c, t in enumerate(row)]
    document = read(drawn([(60, 40, "Harbours of the coast", 44), *texts]))
    (table,) = (block for block in document.blocks if isinstance(block, Table))
    assert (table.header, table.rows) == (cells[0], tuple(cells[1:]))


def line(text: str, x: float, y: float, upright: bool = True) -> TextLine:
    half = 5 * len(text)
    return TextLine(text, x - half, y - 10, x + half, y + 10, upright)


def test_standing_bars_pair_category_and_value_and_leave_the_axis_out() -> None:
    ticks = [line(str(v), 20, 400 - v) for v in (0, 100, 200, 300)]
    labels = [line(t, 100 + 120 * i, 430) for i, t in enumerate(("Arlen", "Canto", "Dell"))]
    values = [line(t, 100 + 120 * i, 380 - int(t)) for i, t in enumerate(("120", "85", "310"))]
    chart = read_chart([*ticks, *labels, *values, line("Rain (mm)", 0, 200, upright=False)])
    assert chart is not None
    assert chart.entries == (("Arlen", "120"), ("Canto", "85"), ("Dell", "310"))
    assert chart.axis_title == "Rain (mm)"


def test_lying_bars_pair_label_and_value_even_if_a_label_begins_with_a_number() -> None:
    names = ("25 de Abril", "Forth Bridge", "Severn")
    labels = [TextLine(t, 200 - 10 * len(t), 100 + 60 * i, 200, 120 + 60 * i) for i, t in enumerate(names)]
    values = [line(t, 300 + 50 * i, 110 + 60 * i) for i, t in enumerate(("1,013 m", "1,006 m", "988 m"))]
    chart = read_chart([*labels, *values, line("Main span", 400, 320)])
    assert chart is not None
    assert chart.entries == (("25 de Abril", "1,013 m"), ("Forth Bridge", "1,006 m"), ("Severn", "988 m"))
    assert chart.axis_title == "Main span"


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_bar_without_its_value_is_no_chart(missing: int) -> None:
    labels = [line(t, 100 + 120 * i, 430) for i, t in enumerate(("Arlen", "Canto", "Dell"))]
    values = [line(str(100 + 90 * i), 100 + 120 * i, 300 - 90 * i) for i in range(3) if i != missing]
    assert read_chart([*labels, *values]) is None
