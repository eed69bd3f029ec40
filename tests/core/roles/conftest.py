"""A small world of documents for the solver: families, lists that lead to pages, a chart, PDFs, Chinese pages."""

import itertools
from collections.abc import Iterable

import pytest

from taskcraft_core.corpus import Corpus
from taskcraft_core.models import Box, Definitions, Document, Figure, Items, Lines, Link, Passage, Table
from taskcraft_core.tools import Toolbox, local_toolbox

_numbers = itertools.count(1)


def document(title: str, *blocks: object, uri: str = "", links: Iterable[Link] = (), **more: str) -> Document:
    number = next(_numbers)
    fields = {"media_type": "text/html", "language": "en"} | more
    return Document.model_validate(
        {"id": f"{number:064x}", "uri": uri or f"docs/{number}.html", "title": title, "links": tuple(links)}
        | {"blocks": blocks} | fields
    )  # fmt: skip


def box(*entries: tuple[str, str], place: str = "b0", caption: str = "") -> Box:
    return Box(place=place, entries=entries, caption=caption)


def text(*sentences: str, place: str = "b9") -> Passage:
    return Passage(place=place, text=" ".join(sentences))


MOONS = document(
    "Moons of Jupiter",
    text("Jupiter has 95 known moons.", place="b0"),
    Table(
        place="b1",
        caption="The largest moons",
        header=("Moon", "Mean radius (km)", "Orbital period (days)", "Year of discovery", "Discoverer", "Known for"),
        rows=(
            ("Io", "1,821.6", "1.77", "1610", "Galileo Galilei", "the most volcanic body of all"),
            ("Europa", "1,560.8", "3.55", "1610", "Galileo Galilei", "a smooth icy world"),
            ("Amalthea", "83.5", "0.5", "1892", "E. E. Barnard", "a red and irregular moon"),
        ),
    ),
    uri="docs/moons.html",
    links=[Link(place="b1.r0", text="Io", href="io.html")],
)
IO = document(
    "Io (moon)",
    box(
        ("Discovered", "8 January 1610"), ("Discovered by", "Galileo Galilei"), ("Mass", "8.93 × 10^22 kg"),
        ("Mean density", "3.53 g/cm³"), ("Location", "orbit of Jupiter"),
    ),
    text(
        "The Voyager probe flew past Io on 5 March 1979 and saw eight plumes.",
        "The probe was repaired in 1981. Its highest mountain, Boösaule, is 17.5 km high.",
    ),
    uri="docs/io.html",
)  # fmt: skip
CHART = document(
    "Ions near Europa",
    box(("Sulphur", "40 %"), ("Oxygen", "35 %"), caption="Share of all ions"),
    media_type="image/png",
    uri="docs/ions.png",
)
EUROPA = document(
    "Europa",
    box(("Discovered", "8 January 1610"), ("Named after", "Europa of Tyre")),
    Figure(place="b1", caption="Ions near Europa", href="ions.png"),
    uri="docs/europa.html",
)
BRIDGES = document(
    "Bridge report",
    Lines(place="p1.b0", lines=("Tallest pier 150 m", "Total cost: $3.2 million")),
    text("The Forth Bridge was opened on 4 March 1890.", "It is 2,467 m long and has 12 spans.", place="p1.b1"),
    text("The Akashi bridge has a length of 3,911 m.", place="p2.b2"),
    media_type="application/pdf",
    uri="docs/bridges.pdf",
)
JSON = document(
    "The json module",
    Definitions(
        place="b0",
        entries=(
            ("json.dumps", "Serialize obj to a JSON formatted str."),
            ("json.dump", "Serialize obj as a stream to a file."),
        ),
    ),
    Items(place="b1", items=("Titan: the largest moon of Saturn", "Rhea, an icy moon with thin rings")),
    text("Titan is the largest moon of Saturn.", "It was found long ago."),
)
LIST = document(
    "Pages about planets",
    Items(place="b0", items=("Moons of Jupiter — a table of the satellites of the giant",)),
)
LAKE = document(
    "西湖",
    box(
        ("位置", "浙江省杭州市"), ("面积", "6.39平方公里"),
        ("列入世界遗产时间", "2011年6月24日"), ("平均水深", "2.27米"),
    ),
    Table(
        place="b1",
        header=("景点", "特点", "高度", "建造者"),
        rows=(("雷峰塔", "塔中有电梯", "71.7米", "钱俶"), ("保俶塔", "砖石实心塔", "45.3米", "吴延爽")),
    ),
    Figure(place="b2", caption="西湖水深分布", href="depth.png"),
    language="zh",
    uri="docs/lake.html",
)  # fmt: skip
TOWER = document("保俶塔", box(("建成时间", "1933年"), ("高度", "45.3米")), language="zh")
DEPTHS = document(
    "西湖水深分布",
    box(("外湖", "2.4米"), ("岳湖", "2.0米")),
    media_type="image/png",
    language="zh",
    uri="docs/depth.png",
)
SOURCES = document(
    "Sources",
    text(
        "The Forth survey is a study of an old cantilever bridge, unlike the Tay survey.",
        "Both were printed in Fife.",
        place="b0",
    ),
    Items(place="b1", items=("A study of lost causes: Tay survey",)),
    uri="docs/sources.html",
    links=[Link(place="b0", text="Forth survey", href="f.pdf"), Link(place="b0", text="Tay survey", href="t")],
)
SURVEY = document("Forth survey", box(("Printer", "A. Bell"), place="p1.b0"), media_type="application/pdf",
                  uri="docs/f.pdf")  # fmt: skip
NAMESAKE = document("Forth survey", box(("Printer", "Nobody")), uri="docs/z.html")
TAY = document("Survey of the Tay", box(("Printer", "C. Dee"), place="p1.b0"), media_type="application/pdf",
               uri="docs/t")  # fmt: skip
CORPUS = Corpus([SOURCES, SURVEY, NAMESAKE, TAY, MOONS, IO, CHART, EUROPA, BRIDGES, JSON, LIST, LAKE, TOWER, DEPTHS])


@pytest.fixture(scope="session")
def world() -> Toolbox:
    """The tools over this world."""
    return local_toolbox(CORPUS)
