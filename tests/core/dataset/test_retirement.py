"""Which rows of earlier builds must not stay: what is gone, what is changed, and what nobody can tell."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.corpus import Corpus
from taskcraft_core.dataset.retirement import Listing, Stored, not_listed, retirements
from taskcraft_core.models import Document, Figure, Link, Passage, Reason, Rejection, Selector, Table

REPORT, CHART = "r" * 64, "f" * 64
FIGURE_URI = "report.pdf#page=2&figure=1"


def page(
    key: str, uri: str, title: str, *blocks: Any, links: Iterable[Link] = (), media: str = "text/html"
) -> Document:
    return Document.model_validate(
        {"id": key, "uri": uri, "title": title, "media_type": media, "language": "en", "blocks": blocks,
         "links": tuple(links)}
    )  # fmt: skip


MOONS = page(
    "m", "moons.html", "Moons",
    Table(place="b0", header=("Moon", "Known for"), rows=(("Io", "volcanoes"), ("Callisto", "craters"))),
    Passage(place="b1", text="Galileo saw Io and Europa in 1610."),
    links=[
        Link(place="b0.r0", text="Io", href="io.html"), Link(place="b0.r1", text="Callisto", href="callisto.html"),
        Link(place="b1", text="Io", href="io.html"), Link(place="b1", text="Europa", href="europa.html"),
    ],
)  # fmt: skip
IO, CALLISTO = page("i", "io.html", "Io"), page("c", "callisto.html", "Callisto")
PAGES = (MOONS, IO, CALLISTO)
BY_TABLE = Selector(document_id="m", kind="row", field="Known for", value="volcanoes")
BY_SENTENCE = Selector(document_id="m", kind="sentence", field="sentence", value="in 1610")
DOCUMENTS = {"m": "moons.html", "i": "io.html", "c": "callisto.html", CHART: FIGURE_URI}


def stored(name: str, *quoted: str, identifier: str, parents: tuple[str, ...] = (), **more: Any) -> Stored:
    kind = more.pop("kind", "depth" if more else "atomic")
    evidence = tuple((key, DOCUMENTS[key]) for key in quoted)
    return Stored(name, kind, f"{name}?", identifier, more.get("selector"), parents, evidence)


ROWS = {
    "radius": stored("radius", "i", identifier="Io"),
    "moon": stored("moon", "m", identifier="Moons"),
    "seen": stored("seen", "c", identifier="Callisto"),
    "chain": stored("chain", "m", "i", identifier="Moons", parents=("radius", "moon"), selector=BY_TABLE),
    "year": stored("year", "m", "i", identifier="Moons", parents=("radius", "moon"), selector=BY_SENTENCE),
    "pair": stored("pair", "i", "c", identifier="Io; Callisto", parents=("radius", "seen"), kind="width"),
}


def listing(*parsed: Document, unparsed: Mapping[str, str] | None = None) -> Listing:
    left = [left_out(Reason.TOO_SLOW, uri, key) for key, uri in (unparsed or {}).items()]
    return Listing.of({one.id: one.uri for one in parsed}, left, lambda: Corpus(parsed))


def left_out(reason: Reason, item: str, document_id: str | None = None) -> Rejection:
    return Rejection(stage="ingest", reason=reason, item=item, detail=f"{item}: {reason}.", document_id=document_id)


def reasons(sources: Listing, rows: Iterable[Stored] = ROWS.values(), ours: Iterable[str] = ()) -> dict[str, Reason]:
    """Why which of the rows leave; those that are `ours` are among the build's."""
    rows = list(rows)
    parents = {row.task_id: row.parent_ids for row in rows}
    identifiers = {row.task_id: row.identifier for row in rows}
    left = [row for row in rows if row.task_id not in set(ours)]
    return {one.item: one.reason for one in retirements(left, parents, identifiers, sources)}


def test_nothing_leaves_while_everything_is_there() -> None:
    assert reasons(listing(*PAGES)) == {}
    assert retirements([], {}, {}, listing()) == []


def test_what_quotes_a_document_that_is_gone_leaves_and_says_why() -> None:
    sources = listing(MOONS, CALLISTO)
    gone = dict.fromkeys(["radius", "chain", "year", "pair"], Reason.DOCUMENT_GONE)
    assert reasons(sources) == gone
    (told,) = retirements([ROWS["radius"]], {}, {}, sources)
    assert (told.stage, told.item, told.document_id) == ("publish", "radius", "i")
    assert told.detail == "radius? Retired: it quotes io.html, which is not among the documents any more."


def test_what_quotes_a_document_as_it_was_leaves() -> None:
    new = page("i2", "io.html", "Io")
    assert reasons(listing(MOONS, new, CALLISTO)) == dict.fromkeys(
        ["radius", "chain", "year", "pair"], Reason.DOCUMENT_CHANGED
    )


def test_a_row_of_the_build_is_not_looked_at_but_what_is_built_on_a_leaving_one_is() -> None:
    built = stored("on top", "c", identifier="Callisto", parents=("chain", "seen"), kind="width")
    rows = [*ROWS.values(), built]
    assert reasons(listing(MOONS, CALLISTO), rows, ours=["seen", "moon"])["on top"] == Reason.PARENT_LEFT
    assert "radius" not in reasons(listing(MOONS, CALLISTO), rows, ours=["radius"])


def test_a_document_that_could_not_be_parsed_is_not_gone() -> None:
    assert reasons(listing(MOONS, CALLISTO, unparsed={"i": "io.html"})) == {}
    assert reasons(listing(IO, CALLISTO, unparsed={"m": "moons.html"})) == {}
    assert reasons(listing(MOONS, unparsed={"i": "io.html", "c": "callisto.html"})) == {}


def test_an_identifier_that_names_two_documents_or_none_takes_along_what_is_built_on_it() -> None:
    second = page("i2", "other/io.html", "IO ")
    assert reasons(listing(*PAGES, second)) == {
        "radius": Reason.IDENTIFIER,
        "chain": Reason.PARENT_LEFT,
        "year": Reason.PARENT_LEFT,
        "pair": Reason.PARENT_LEFT,
    }
    renamed = IO.model_copy(update={"title": "The moon Io"})
    assert reasons(listing(MOONS, renamed, CALLISTO))["radius"] == Reason.IDENTIFIER
    assert reasons(listing(MOONS, renamed, CALLISTO, unparsed={"x": "x.html"})) == {}


def test_copies_among_the_sources_hide_nothing_and_keep_the_figures_in_them() -> None:
    renamed = IO.model_copy(update={"title": "The moon Io"})
    found = {one.id: one.uri for one in (MOONS, renamed, CALLISTO)}
    copy, slow = left_out(Reason.DUPLICATE_DOCUMENT, "z.html", "c"), left_out(Reason.TOO_SLOW, "y.html", "y")

    def sources(*left: Rejection) -> Listing:
        return Listing.of(found, left, lambda: Corpus([MOONS, renamed, CALLISTO]))

    assert reasons(sources(copy))["radius"] == Reason.IDENTIFIER
    assert reasons(sources(copy, slow)) == reasons(sources(slow, left_out(copy.reason, "z.html", "y"))) == {}
    other_name = report(None).model_copy(update={"uri": "a.pdf"})
    copied = left_out(Reason.DUPLICATE_DOCUMENT, "report.pdf", REPORT)
    assert reasons(Listing.of({REPORT: "a.pdf"}, [copied], lambda: Corpus([other_name])), [DEEP]) == {}


def test_a_relation_that_leads_to_a_second_target_leaves() -> None:
    europa = page("e", "europa.html", "Europa")
    assert reasons(listing(*PAGES, europa)) == {"year": Reason.SECOND_TARGET}
    assert reasons(listing(*PAGES, europa), ours=["year"]) == {}


def test_a_relation_that_leads_to_another_target_leaves() -> None:
    """The page moved, and another one lies where the links lead."""
    moved, other = IO.model_copy(update={"uri": "old/io.html"}), page("o", "io.html", "Io in myth")
    assert reasons(listing(MOONS, moved, CALLISTO, other)) == {
        "chain": Reason.SECOND_TARGET,
        "year": Reason.SECOND_TARGET,
    }


# --- figures -----------------------------------------------------------------------------------------------


def report(figure: str | None, key: str = REPORT) -> Document:
    block = Figure(place="p2.b5", caption="Figure 1. Depths.", document_id=figure)
    return page(key, "report.pdf", "Report", block, media="application/pdf")


PICTURE = page(CHART, FIGURE_URI, "Depths", Passage(place="b0", text="1,642 m"), media="image/png")
DEEP = stored("deep", CHART, identifier="Depths")


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        (listing(report(CHART), PICTURE), None),
        (listing(report(None)), None),
        (listing(unparsed={REPORT: "report.pdf"}), None),
        (listing(page("n", "report.pdf", "Report", media="application/pdf")), Reason.DOCUMENT_CHANGED),
        (listing(report("f2", "n"), page("f2", FIGURE_URI, "Depths", media="image/png")), Reason.DOCUMENT_CHANGED),
        (listing(IO, unparsed={"x": "another.pdf"}), Reason.DOCUMENT_GONE),
    ],
    ids=["read", "unread this time", "report unread", "taken out", "drawn anew", "report gone"],
)
def test_a_figure_is_there_as_long_as_the_document_around_it(sources: Listing, why: Reason | None) -> None:
    assert reasons(sources, [DEEP]) == ({"deep": why} if why else {})


def test_a_figure_asked_for_by_its_caption_leaves_with_the_page_that_shows_it() -> None:
    shown = Selector(document_id=REPORT, kind="figure", field="caption", value="Figure 1. Depths.")
    named = stored("named", CHART, identifier="Report")
    chain = stored("chain", CHART, CHART, identifier="Report", parents=("deep", "named"), selector=shown)
    alone = PICTURE.model_copy(update={"uri": "figures/depths.png"})
    assert reasons(listing(report(CHART), PICTURE), [DEEP, named, chain]) == {}
    assert reasons(listing(alone), [DEEP, named, chain]) == {
        "named": Reason.IDENTIFIER,
        "chain": Reason.DOCUMENT_GONE,
    }


# --- any rows ----------------------------------------------------------------------------------------------


@st.composite
def families(draw: st.DrawFn) -> list[Stored]:
    """Rows that quote one of six documents each, built on earlier ones as it comes."""
    rows: list[Stored] = []
    for number in range(draw(st.integers(1, 12))):
        key = draw(st.sampled_from("abcdef"))
        parents = draw(st.lists(st.sampled_from([row.task_id for row in rows]), max_size=2)) if rows else []
        rows.append(Stored(f"t{number:02}", "width", "?", key, None, tuple(parents), ((key, f"{key}.html"),)))
    return rows


@given(families(), st.sets(st.sampled_from("abcdef")), st.data())
def test_what_leaves_is_what_quotes_something_gone_and_all_that_is_built_on_it(
    rows: list[Stored], there: set[str], data: st.DataObject
) -> None:
    unparsed = data.draw(st.sets(st.sampled_from("abcdef")).map(lambda keys: keys - there))
    pages = [page(key, f"{key}.html", key) for key in there]
    left = reasons(listing(*pages, unparsed={key: f"{key}.html" for key in unparsed}), rows)
    for row in rows:
        gone = row.evidence[0][0] not in there | unparsed
        orphaned = any(parent in left for parent in row.parent_ids)
        expected = Reason.DOCUMENT_GONE if gone else Reason.PARENT_LEFT if orphaned else None
        assert left.get(row.task_id) == expected


# --- listing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ({}, None),
        ({"limit": 5}, "no more than 5 documents are looked at (limit)"),
        ({"failed": 1}, "1 shard of ingest failed"),
        ({"left_out": [left_out(Reason.FETCH_FAILED, "http://x/y")]}, "http://x/y: fetch_failed"),
        ({"left_out": [left_out(Reason.TOO_LARGE, "http://x/y")]}, "http://x/y: too_large"),
        (
            {"left_out": [left_out(Reason.PARSE_FAILED, "b.md"), left_out(Reason.PARSE_FAILED, "a.jsonl#3")]},
            "a.jsonl#3: parse_failed (and 1 more)",
        ),
        ({"left_out": [left_out(Reason.NO_CONTENT, "a.csv")]}, "a.csv: no_content"),
        ({"left_out": [left_out(Reason.NO_CONTENT, "a.csv#7")]}, None),
        ({"left_out": [left_out(Reason.EMPTY_FOLDER, "batch#1")]}, "batch#1: empty_folder"),
        ({"left_out": [left_out(Reason.TOO_LARGE, "a.pdf")]}, None),
        ({"left_out": [left_out(Reason.TOO_SLOW, "a.pdf", "a" * 64)]}, None),
        ({"left_out": [left_out(Reason.DUPLICATE_DOCUMENT, "a.pdf", "a" * 64)]}, None),
    ],
)
def test_sources_that_could_not_be_listed_are_named(why: dict[str, Any], says: str | None) -> None:
    assert not_listed(why.get("left_out", []), why.get("failed", 0), why.get("limit")) == says
