"""Draws the sample figures and reports from `data/sources/`: `python data/render_samples.py`.

The texts and numbers are in TOML, so that they can be read and corrected; this script only lays them out.
The same sources give the same bytes on every run: no clock, no randomness without a seed, no metadata that
changes. Fonts come from the matplotlib wheel (images) and from the PDF standard (reports).
"""

from __future__ import annotations

import argparse
import io
import tomllib
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle
from reportlab.platypus import Image as PdfImage

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

HERE = Path(__file__).parent
SOURCES = HERE / "sources"
SAMPLES = HERE / "samples"
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SHEET = getSampleStyleSheet()
BODY = ParagraphStyle("body", parent=SHEET["BodyText"], fontSize=11, leading=15, spaceAfter=7)
TITLE = ParagraphStyle("title", parent=SHEET["Title"], fontSize=26, leading=31, spaceAfter=14)
HEADING = ParagraphStyle("heading", parent=SHEET["Heading2"], fontSize=15, leading=19, spaceBefore=10)
CAPTION = ParagraphStyle("caption", parent=BODY, fontSize=10, fontName="Helvetica-Oblique", spaceBefore=4)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=10, leading=13, spaceAfter=0)
HEADER_CELL = ParagraphStyle("header cell", parent=CELL, fontName="Helvetica-Bold")


def main() -> None:
    """Draws everything into `data/samples/`, or into another folder for a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SAMPLES, help="folder that holds figures/ and reports/")
    out = parser.parse_args().out
    for folder in ("figures", "reports"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    drawings = tomllib.loads((SOURCES / "figures.toml").read_text(encoding="utf-8"))
    for chart in drawings["chart"]:
        (out / "figures" / f"{chart['file']}.png").write_bytes(draw_chart(chart))
    for card in drawings["card"]:
        (out / "figures" / f"{card['file']}.png").write_bytes(draw_card(card))
    for source in sorted((SOURCES / "reports").glob("*.toml")):
        report = tomllib.loads(source.read_text(encoding="utf-8"))
        write_report(report, out / "reports" / f"{source.stem}.pdf")


# --- charts ------------------------------------------------------------------------------------------------


def draw_chart(chart: dict[str, Any]) -> bytes:
    """A bar chart as PNG bytes: title at the top, a label and a printed value for each bar."""
    labels = [label for label, _ in chart["bars"]]
    shown = [value for _, value in chart["bars"]]
    numbers = [float(value.split(" ")[0].replace(",", "")) for value in shown]
    matplotlib.rcParams["font.family"] = "DejaVu Serif"
    figure, axes = pyplot.subplots(figsize=(14, 9), dpi=100)
    figure.suptitle(chart["title"], fontsize=34, fontweight="bold", y=0.965)
    if chart.get("orientation") == "horizontal":
        _horizontal_bars(axes, labels, numbers, shown, chart)
    else:
        _vertical_bars(axes, labels, numbers, shown, chart)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout(rect=(0.01, 0.01, 0.99, 0.93))
    return _png(figure)


def _vertical_bars(axes: Any, labels: list[str], numbers: list[float], shown: list[str], chart: dict[str, Any]) -> None:
    # The axis title stands level above the bars: text turned by 90 degrees is read badly.
    bars = axes.bar(labels, numbers, color=chart.get("color", "#4878a8"), width=0.6)
    axes.set_title(chart["axis"], fontsize=24, loc="left", pad=22)
    axes.bar_label(bars, labels=shown, fontsize=24, padding=8)
    axes.tick_params(axis="x", labelsize=chart.get("label_size", 24), length=0, pad=10)
    if chart.get("log"):
        axes.set_yscale("log")
        axes.set_ylim(min(numbers) / 3, max(numbers) * 3)
    else:
        axes.set_ylim(0, max(numbers) * 1.12)
    axes.minorticks_off()
    axes.set_yticks([])


def _horizontal_bars(
    axes: Any, labels: list[str], numbers: list[float], shown: list[str], chart: dict[str, Any]
) -> None:
    bars = axes.barh(labels, numbers, color=chart.get("color", "#a86a48"), height=0.55)
    axes.invert_yaxis()
    axes.set_xlabel(chart["axis"], fontsize=24, labelpad=18)
    axes.bar_label(bars, labels=shown, fontsize=24, padding=12)
    axes.tick_params(axis="y", labelsize=24, length=0, pad=12)
    low = chart.get("start", 0)
    if chart.get("log"):
        axes.set_xscale("log")
        axes.set_xlim(min(numbers) / 3, max(numbers) * 12)
    else:
        axes.set_xlim(low, low + (max(numbers) - low) * 1.22)
    axes.minorticks_off()
    axes.set_xticks([])


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    pyplot.close(figure)
    return buffer.getvalue()


# --- scanned-looking cards ---------------------------------------------------------------------------------


def draw_card(card: dict[str, Any]) -> bytes:
    """A typewritten card, a little crooked and on greyish paper, as PNG bytes."""
    width, margin, leading = 1400, 110, 66
    height = 330 + leading * len(card["lines"])
    page = Image.new("L", (width, height), 226)
    pen = ImageDraw.Draw(page)
    pen.rectangle((50, 50, width - 50, height - 50), outline=110, width=3)
    pen.text((margin, 95), card["title"], font=_typewriter("DejaVuSansMono-Bold.ttf", 46), fill=35)
    pen.line((margin, 175, width - margin, 175), fill=90, width=3)
    for number, (label, value) in enumerate(card["lines"]):
        at = (margin, 215 + leading * number)
        pen.text(at, f"{label}: {value}", font=_typewriter("DejaVuSansMono.ttf", 38), fill=45)
    page = page.rotate(card["skew"], resample=Image.Resampling.BICUBIC, fillcolor=226)
    buffer = io.BytesIO()
    _grained(page, card["seed"]).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _typewriter(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / name, size)


def _grained(page: Image.Image, seed: int) -> Image.Image:
    grain = np.random.default_rng(seed).integers(-9, 10, (page.height // 2 + 1, page.width // 2 + 1))
    coarse = np.kron(grain, np.ones((2, 2), dtype=int))[: page.height, : page.width]
    return Image.fromarray(np.clip(np.asarray(page, dtype=int) + coarse, 0, 255).astype("uint8"))


# --- reports -----------------------------------------------------------------------------------------------


def write_report(report: dict[str, Any], path: Path) -> None:
    """A report of several pages as a PDF file with a fixed creation date."""
    story: list[Flowable] = [Spacer(1, 10 * mm), Paragraph(escape(report["title"]), TITLE)]
    for section in report["section"]:
        story += _section(section)
    document = SimpleDocTemplate(
        str(path), pagesize=A4, title=report["title"], author=report["author"], subject=report["subject"],
        leftMargin=22 * mm, rightMargin=22 * mm, topMargin=20 * mm, bottomMargin=20 * mm, invariant=1,
    )  # fmt: skip
    document.build(story, onFirstPage=_page_number, onLaterPages=_page_number)


def _section(section: dict[str, Any]) -> list[Flowable]:
    parts: list[Flowable] = [PageBreak()] if section.get("new_page") else []
    parts.append(Paragraph(escape(section["heading"]), HEADING))
    parts += [Paragraph(escape(text), BODY) for text in section.get("paragraphs", [])]
    parts += [Paragraph(escape(f"{label}: {value}"), BODY) for label, value in section.get("data", [])]
    if "table" in section:
        parts += _ruled_table(section["table"])
    if "figure" in section:
        parts += _embedded_chart(section["figure"])
    return parts


def _ruled_table(table: dict[str, Any]) -> list[Flowable]:
    rows = [[Paragraph(escape(cell), HEADER_CELL) for cell in table["header"]]]
    rows += [[Paragraph(escape(cell), CELL) for cell in row] for row in table["rows"]]
    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.8, colors.black),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e4e4e4")),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ]
    )
    widths = [width * mm for width in table["widths"]]
    drawn = Table(rows, colWidths=widths, style=style, repeatRows=1, hAlign="LEFT")
    return [Paragraph(escape(table["caption"]), CAPTION), drawn, Spacer(1, 5 * mm)]


def _embedded_chart(figure: dict[str, Any]) -> list[Flowable]:
    image = PdfImage(io.BytesIO(draw_chart(figure)), width=160 * mm, height=160 * mm * 9 / 14)
    return [image, Paragraph(escape(figure["caption"]), CAPTION)]


def _page_number(canvas: Any, document: Any) -> None:
    canvas.setFont("Helvetica", 9)
    canvas.drawCentredString(A4[0] / 2, 11 * mm, str(document.page))


if __name__ == "__main__":
    main()
