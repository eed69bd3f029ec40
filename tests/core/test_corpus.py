"""The corpus: lookup, links, containers, and documents in parts."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.chunks import PART_CHARS, parts, split
from taskcraft_core.documents.render import render
from taskcraft_core.models import Document, Figure, Lines, Link, Passage, Table


def page(name, title="T", *, uri=None, blocks=(), links=()):
    uri = uri or f"{name}.html"
    return Document(
        id=name, uri=uri, title=title, media_type="text/html", language="en", blocks=tuple(blocks), links=tuple(links)
    )


def link(href, text="x", place="b0"):
    return Link(place=place, text=text, href=href)


def test_same_bytes_twice_are_one_document_and_both_uris_lead_to_it():
    corpus = Corpus([page("b"), page("a", uri="z.html"), page("a", uri="y.html")])
    assert list(corpus.documents) == ["a", "b"]
    assert corpus.documents["a"].uri == "y.html"
    assert corpus.by_uri("z.html") is corpus.heads["a"]
    assert corpus.by_uri("nowhere") is None


def test_fingerprint_is_of_the_contents_not_of_their_order():
    first, second = page("a"), page("b")
    assert Corpus([first, second]).fingerprint == Corpus([second, first]).fingerprint
    assert Corpus([first]).fingerprint != Corpus([page("a", title="Other")]).fingerprint


def test_titles_are_found_whatever_their_case_and_spacing():
    corpus = Corpus([page("b", "Iron  Age"), page("a", "IRON AGE"), page("c", "Iron")])
    assert [document.id for document in corpus.by_title(" iron age ")] == ["a", "b"]
    assert corpus.by_title("Steel") == []


URIS = {
    "iron": "samples/elements/iron.html",
    "io": "samples/moons/io.html",
    "index": "samples/moons/index.html",
    "odd": "a#b/100% x?.html",
    "odd2": "a#b/y.html",
    "zh": "元素/铁.html",
    "web": "https://Example.org/x/index.html",
    "q1": "https://example.org/x/q?id=1",
    "q2": "https://example.org/x/q?id=2",
    "bare": "https://example.org",
}


@pytest.mark.parametrize(
    ("source", "href", "target"),
    [
        ("iron", "../moons/io.html#top", "io"),
        ("iron", "../moons/io.html?print=1#x", "io"),
        ("iron", "../moons/", "index"),
        ("iron", "#melting", "iron"),
        ("iron", "", "iron"),
        ("io", "./", "index"),
        ("odd2", "100%25%20x%3F.html", "odd"),
        ("odd", "y.html", "odd2"),
        ("io", "/元素/铁.html", None),
        ("zh", "%E9%93%81.html", "zh"),
        ("zh", " 铁.html ", "zh"),
        ("q1", "q?id=2", "q2"),
        ("q1", ".", "web"),
        ("q1", "http://example.org/x/#top", "web"),
        ("web", "/", "bare"),
        ("bare", "x/", "web"),
        ("web", "http://[", None),
        ("web", "mailto:a@example.org", None),
        ("web", "javascript:void(0)", None),
        ("iron", "../../../../etc/passwd", None),
    ],
)
def test_links_resolve_inside_the_corpus(source, href, target):
    corpus = Corpus(page(name, uri=uri) for name, uri in URIS.items())
    found = corpus.resolve(corpus.documents[source], href)
    assert (found.id if found else None) == target


@given(st.text(max_size=60))
def test_resolving_any_text_never_raises(href):
    corpus = Corpus([page("a"), page("b", uri="https://example.org/b")])
    for document in corpus.documents.values():
        corpus.resolve(document, href)


@pytest.mark.parametrize("uri", ["http://[bad", "http://h]x/y", "http://exa\u2100mple.com/x", "x://["])
def test_a_document_may_call_itself_anything(uri):
    figure = Figure(place="b0", caption="A", href="a.png")
    corpus = Corpus([page("b", uri=uri, blocks=[figure], links=[link("a.html")]), page("a", uri="s/a.html")])
    assert corpus.resolve(corpus.documents["b"], "a.html") is None
    assert corpus.resolve(corpus.documents["a"], "a.html") is corpus.heads["a"]
    assert corpus.containers("a") == ()
    assert corpus.by_uri(uri) is corpus.heads["b"]


def test_an_entry_names_a_document_by_its_link_or_where_there_are_none_by_its_title():
    links = [
        Link(place="b0.r0", text="Short", href="a.html"),
        Link(place="b0.r1", text="more", href="b.html"),
        link("b.html", "B"),
    ]
    plain = page("plain", "P").model_copy(update={"media_type": "text/csv"})
    corpus = Corpus(
        [
            page("list", "L", links=links),
            plain,
            page("a", "A — the whole title"),
            page("b", "B"),
            page("twin", "Twin"),
            page("twin2", "Twin"),
        ]
    )
    page_, table = corpus.documents["list"], corpus.documents["plain"]
    cases = [
        (page_, "b0.r0", "Short"),
        (page_, "b0.r1", "b"),
        (page_, "b9", "B"),
        (table, "b9", "B"),
        (table, "b9", "b"),
        (table, "b9", "Twin"),
    ]
    found = [corpus.named(*case) for case in cases]
    assert [head.id if head else None for head in found] == ["a", "b", None, "b", None, None]


def test_containers_know_embedded_and_referenced_figures():
    embedded = Figure(place="b0", caption="Map", document_id="map")
    referenced = Figure(place="b1", caption="The map", href="map.html")
    corpus = Corpus([page("map"), page("b", blocks=[referenced]), page("a", blocks=[embedded])])
    assert corpus.containers("map") == ((corpus.documents["a"], embedded), (corpus.documents["b"], referenced))


def test_ten_thousand_links_are_fast_enough_to_print():
    documents = [
        page(f"d{i}", f"T{i}", links=[link(f"d{(i * 7 + k) % 2000}.html") for k in range(5)]) for i in range(2000)
    ]
    start = time.perf_counter()
    corpus = Corpus(documents)
    resolved = [corpus.resolve(source, found.href) for source in corpus.documents.values() for found in source.links]
    print(f"2,000 documents, {len(resolved)} links: {time.perf_counter() - start:.2f} s")
    assert len(resolved) == 10_000
    assert all(resolved)


def test_a_packed_document_comes_out_as_it_went_in():
    document = page("a", "A", blocks=[Figure(place="b0", caption="é 图", document_id="x")], links=[link("b.html")])
    corpus = Corpus([document])
    assert dict(corpus.documents) == {"a": document}
    assert "b" not in corpus.documents
    with pytest.raises(KeyError):
        corpus.documents["b"]


# --- parts ---------------------------------------------------------------------------------------------------


def squeezed(text):
    return "".join(text.split())


def test_a_short_document_is_one_part():
    document = page("a", "Iron", blocks=[Passage(place="b0", section="Uses", text="Steel.")])
    assert parts(document) == ("# Iron\n\n## Uses\n\nSteel.",)
    assert parts(page("a", "Iron")) == ("# Iron",)


def test_parts_are_cut_between_blocks():
    blocks = [Passage(place=f"b{n}", section=f"S{n // 3}", text=f"word{n} " * 900) for n in range(12)]
    document = page("a", blocks=blocks)
    found = parts(document)
    assert "\n\n".join(found) == render(document)
    assert len(found) > 3
    assert all(len(part) <= PART_CHARS for part in found)


def test_a_huge_table_is_cut_between_rows_and_each_part_knows_its_rows():
    table = Table(place="b1", caption="All", header=("k", "v"), rows=tuple((f"key {n}", "v" * 40) for n in range(900)))
    document = page("a", blocks=[Passage(place="b0", text="Intro."), table])
    found = split(document)
    assert "\n".join(part.text for part in found).replace("\n\n", "\n") == render(document).replace("\n\n", "\n")
    assert len(found) == 4
    holding = [number for number, part in enumerate(found) if part.holds("b1.r899")]
    assert holding == [3]
    assert "| key 899 |" in found[3].text
    assert found[0].holds("b0")
    assert found[0].holds("b1.r0")
    assert not found[1].holds("b0")


def test_a_line_without_end_is_cut_behind_sentences_or_hard():
    sentences = Passage(place="b0", text="A sentence of words. " * 2000)
    chinese = Passage(place="b1", text="铁" * 40_000)
    found = parts(page("a", blocks=[sentences, chinese]))
    assert all(len(part) <= PART_CHARS for part in found)
    assert squeezed("".join(found)) == squeezed(render(page("a", blocks=[sentences, chinese])))
    assert found[1].endswith("words.")


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["", "S", "T"]), st.text(max_size=80), st.integers(1, 600)), max_size=6))
def test_joined_parts_are_the_rendered_document(blocks):
    document = page(
        "a",
        blocks=[
            Lines(place=f"b{n}", section=section, lines=(line * times, line)) if n % 2
            else Passage(place=f"b{n}", section=section, text=line * times)
            for n, (section, line, times) in enumerate(blocks)
        ],
    )  # fmt: skip
    assert squeezed("".join(parts(document))) == squeezed(render(document))
