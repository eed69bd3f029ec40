import pytest

from taskcraft_core.documents.html import page_title
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.models import Box, Definitions, Document, Figure, Items, Lines, Passage, Table

PAGE = """<!doctype html><html lang="en-GB"><head><title>Arlen lighthouse — Coast Guide</title></head><body>
<div class="breadcrumbs"><a href="/">Home</a> &gt; Lighthouses</div>
<nav><a href="/a">All pages</a></nav><div class="cookie-banner">We use cookies</div>
<main><h1>Arlen lighthouse<a class="headerlink" href="#x">¶</a></h1>
<p>Arlen lighthouse stands on the <a href="north.html">north\u00a0coast</a>\u200b and was lit in 1902.</p>
<table class="infobox"><tr><th colspan="2">Key facts</th></tr><tr><th>Height</th><td>41 m</td></tr>
<tr><th>Keeper</th><td><a href="kolm.html">Ida Kolm</a></td></tr></table>
<h2>History</h2>
<table><caption>Lamps</caption><thead><tr><th>Year</th><th>Lamp</th></tr></thead>
<tr><td>1902</td><td><a href="argand.html">Argand</a></td></tr><tr><td>1951</td><td>Electric</td></tr></table>
<table><tr><th>Year</th><th>Lamp</th></tr><tr><td rowspan="2">1902</td><td>A</td></tr><tr><td>B</td></tr></table>
<table><tr><th>Owner</th><td>City</td></tr><tr><th>Range</th><td>18 nmi</td></tr></table>
<ul><li>First item</li><li>Second <a href="two.html">item</a><ul><li>Nested</li></ul></li></ul>
<dl><dt>Fresnel lens</dt><dd><p>A lens made of rings of prisms, which throws light far out to sea.</p><p>More.</p></dd>
</dl>
<dl><dt>Opened</dt><dd>12 March 1902</dd><dt>Piers</dt><dd>3</dd></dl>
<pre>if lit:\n    shine()</pre>
<figure><img src="img/tower.png" alt="tower"><figcaption>The tower in 1910</figcaption></figure>
<p style="display: none">Hidden words</p><p hidden>Also hidden</p>
</main><div class="related">Next page</div><footer>Imprint</footer></body></html>"""


def read(html: str) -> Document:
    return parse_document(html.encode(), "0" * 64, "site/page.html", "text/html")[0]


def of(document: Document, kind: type) -> list:
    return [block for block in document.blocks if isinstance(block, kind)]


def test_the_frame_of_the_page_is_left_out() -> None:
    text = repr(read(PAGE).blocks)
    for word in ("cookies", "All pages", "Home", "Next page", "Imprint", "idden", "¶"):
        assert word not in text


def test_title_language_and_sections() -> None:
    document = read(PAGE)
    assert (document.title, document.language) == ("Arlen lighthouse", "en")
    assert [block.section for block in of(document, Table)] == ["History"]
    assert of(document, Passage)[0].section == ""


def test_text_is_folded_and_clean() -> None:
    first = of(read(PAGE), Passage)[0].text
    assert first == "Arlen lighthouse stands on the north coast and was lit in 1902."


def test_tables_boxes_and_irregular_tables() -> None:
    document = read(PAGE)
    (table,) = of(document, Table)
    assert (table.caption, table.header) == ("Lamps", ("Year", "Lamp"))
    assert table.rows == (("1902", "Argand"), ("1951", "Electric"))
    boxes = of(document, Box)
    assert boxes[0].caption == "Key facts"
    assert boxes[0].entries == (("Height", "41 m"), ("Keeper", "Ida Kolm"))
    assert boxes[1].entries == (("Owner", "City"), ("Range", "18 nmi"))
    assert boxes[2].entries == (("Opened", "12 March 1902"), ("Piers", "3"))
    assert ("Year | Lamp", "1902 | A", "B") in [block.lines for block in of(document, Lines)]


def test_definitions_items_code_and_figures() -> None:
    document = read(PAGE)
    (definitions,) = of(document, Definitions)
    assert definitions.entries == (
        ("Fresnel lens", "A lens made of rings of prisms, which throws light far out to sea."),
    )
    assert of(document, Items)[0].items == ("First item", "Second item", "Nested")
    assert of(document, Lines)[-1].lines == ("if lit:", "    shine()")
    (figure,) = of(document, Figure)
    assert (figure.caption, figure.href) == ("The tower in 1910", "img/tower.png")


def test_links_name_the_row_that_they_stand_in() -> None:
    document = read(PAGE)
    places = {link.href: link.place for link in document.links}
    table, items = of(document, Table)[0], of(document, Items)[0]
    assert places["north.html"] == of(document, Passage)[0].place
    assert places["argand.html"] == f"{table.place}.r0"
    assert places["two.html"] == f"{items.place}.r1"
    assert places["kolm.html"] == f"{of(document, Box)[0].place}.r1"
    assert "/a" not in places


def test_places_are_unique_and_in_order() -> None:
    assert [block.place for block in read(PAGE).blocks] == [f"b{i}" for i in range(len(read(PAGE).blocks))]


def test_documented_functions_are_defined_by_their_dotted_name() -> None:
    html = """<html><head><title>json — Docs</title></head><body><div class="body" role="main"><h1>json</h1>
    <dl class="py function"><dt class="sig" id="json.dumps"><span class="sig-prename descclassname"><span
    class="pre">json.</span></span><span class="sig-name descname"><span class="pre">dumps</span></span>
    <span class="sig-paren">(</span><em class="sig-param">obj</em><span class="sig-paren">)</span></dt>
    <dd><p>Serialize <em>obj</em> to a JSON formatted string.</p><p>Second paragraph.</p></dd></dl></div></body>
    </html>"""
    document = read(html)
    assert of(document, Definitions)[0].entries == (("json.dumps", "Serialize obj to a JSON formatted string."),)
    assert of(document, Passage)[0].text == "Second paragraph."


def test_titles() -> None:
    assert page_title("Arlen", "Arlen — Coast Guide") == "Arlen"
    assert page_title("Welcome", "Arlen | Coast Guide") == "Arlen"
    assert page_title("Welcome", "Cassini-Huygens - Space - Wiki") == "Cassini-Huygens - Space"
    assert page_title("", "Plain name") == "Plain name"
    assert page_title("", "53.2. pg_aggregate") == "53.2. pg_aggregate"
    assert page_title("", "青海湖_旅游网") == "青海湖"
    assert page_title("Only a heading", "") == "Only a heading"


def test_a_wrong_language_attribute_is_corrected() -> None:
    german = "<p>Der Leuchtturm wurde im Jahre 1902 gebaut und ist heute ein Museum für die Schifffahrt.</p>" * 4
    assert read(f'<html lang="en"><title>Turm</title><body>{german}</body></html>').language == "de"
    chinese = "<p>这座灯塔建于1902年，现在是一座航海博物馆。</p>"
    assert read(f'<html lang="zh-Hans"><title>灯塔</title><body>{chinese}</body></html>').language == "zh"


def test_a_page_in_an_old_encoding_is_read() -> None:
    html = '<html><head><meta charset="gb18030"><title>灯塔</title></head><body><p>灯塔建于1902年。</p></body></html>'
    document, _ = parse_document(html.encode("gb18030"), "0" * 64, "a.html", "text/html")
    assert document.title == "灯塔"


@pytest.mark.parametrize("charset", ["hex", "undefined", "punycode", "no-such"])
def test_a_charset_that_cannot_be_used_is_detected(charset: str) -> None:
    html = (
        f'<html><head><meta charset="{charset}"><title>A café</title></head><body><p>A café of 1902.</p></body></html>'
    )
    document, _ = parse_document(html.encode("latin-1"), "0" * 64, "cafe.html", "text/html")
    assert document.title == "A café"


def test_a_page_without_any_optional_tag_is_whole() -> None:
    document, _ = parse_document(
        b"<title>Arlen</title><p>The harbour was opened in 1902.", "0" * 64, "a.html", "text/html"
    )
    assert document.title == "Arlen"
