"""Selectors: which documents does a superset relation lead to, in the corpus as it is now?"""

import pytest

from taskcraft_core.corpus import Corpus
from taskcraft_core.extension.selector import targets
from taskcraft_core.models import Box, Definitions, Document, Figure, Items, Link, Passage, Selector, Table


def document(key: str, title: str, *blocks, media_type: str = "text/markdown") -> Document:
    return Document(id=key * 64, uri=f"s/{title.lower()}.html", title=title, media_type=media_type, language="en",
                    blocks=blocks or (Box(place="b0", entries=(("Kind", title),)),))  # fmt: skip


MOONS = Table(
    place="b0",
    header=("Moon", "Found by", "Radius (km)", "Found in"),
    rows=(
        ("Io", "Galilei", "1,821", "1610"),
        ("Titan", "Huygens", "2,574", "1655"),
        ("Rhea", "Cassini", "764", "1672"),
    ),
)
TERMS = Definitions(place="b1", entries=(("Io", "Full of volcanoes. It is yellow."), ("Titan", "Under orange haze.")))
NOTES = Items(place="b2", items=("Rhea — torn by bright wisps", "Dione — cratered all over"))
CHART = Figure(place="b3", caption="Radii of the moons", href="chart.html")
LIST = document("1", "List", MOONS, TERMS, NOTES, CHART)
IO, TITAN, RHEA = document("2", "Io"), document("3", "Titan"), document("4", "Rhea")
SHOWN = document("5", "Chart")


def selector(kind, field, value) -> Selector:
    return Selector(document_id=LIST.id, kind=kind, field=field, value=value)


ROW = selector("row", "Found by", "Huygens")
ITEM = selector("item", "description", "Under orange haze")
ITEM_OF_LIST = selector("item", "description", "torn by bright wisps")
HIGHEST = selector("highest", "Radius (km)", "2,574")
LOWEST = selector("lowest", "Found in", "1610")
FIGURE = selector("figure", "caption", "Radii of the moons")
EACH = [(ROW, TITAN), (ITEM, TITAN), (ITEM_OF_LIST, RHEA), (HIGHEST, TITAN), (LOWEST, IO), (FIGURE, SHOWN)]
IDS = [f"{one.kind}-{one.field}" for one, _ in EACH]


def corpus(superset: Document = LIST, *more: Document) -> Corpus:
    return Corpus([superset, IO, TITAN, RHEA, SHOWN, *more])


def with_blocks(*blocks) -> Document:
    return LIST.model_copy(update={"blocks": (*LIST.blocks, *blocks)})


@pytest.mark.parametrize(("wanted", "target"), EACH, ids=IDS)
def test_a_relation_leads_to_exactly_its_target(wanted: Selector, target: Document) -> None:
    assert targets(wanted, corpus()) == {target.id}


SECOND = [
    (ROW, Table(place="b4", header=("Moon", "Found by"), rows=(("Rhea", "Huygens"),)), RHEA),
    (ROW, Table(place="b4", header=("Moon", "Found by"), rows=(("Rhea", "Christiaan Huygens of The Hague"),)), RHEA),
    (ITEM, Definitions(place="b4", entries=(("Rhea", "Under orange haze, they say."),)), RHEA),
    (ITEM_OF_LIST, Items(place="b4", items=("Io — torn by bright wisps of light",)), IO),
    (HIGHEST, Table(place="b4", header=("Moon", "Radius (km)"), rows=(("Rhea", "2,574"),)), RHEA),
    (LOWEST, Table(place="b4", header=("Moon", "Found in"), rows=(("Rhea", "1610"),)), RHEA),
    (FIGURE, Figure(place="b4", caption="Radii of the moons", document_id=RHEA.id), RHEA),
]


@pytest.mark.parametrize(("wanted", "added", "second"), SECOND)
def test_a_second_entry_that_fits_is_a_second_target(wanted: Selector, added, second: Document) -> None:
    first = targets(wanted, corpus())
    assert targets(wanted, corpus(with_blocks(added))) == first | {second.id}


@pytest.mark.parametrize(
    ("wanted", "beaten_by"),
    [(HIGHEST, ("Ganymede", "2,634", "1655")), (LOWEST, ("Moon", "1,737", "1609"))],
    ids=["highest", "lowest"],
)
def test_an_extreme_that_another_row_beats_leads_nowhere(wanted: Selector, beaten_by: tuple[str, ...]) -> None:
    more = Table(place="b4", header=("Moon", "Radius (km)", "Found in"), rows=(beaten_by,))
    assert targets(wanted, corpus(with_blocks(more))) == set()


def test_an_extreme_needs_values_that_compare() -> None:
    more = Table(place="b4", header=("Moon", "Radius (km)"), rows=(("Hyperion", "uncertain"),))
    assert targets(HIGHEST, corpus(with_blocks(more))) == set()


def test_an_entry_that_leads_to_no_document_is_a_target_of_its_own() -> None:
    alone = Corpus([LIST, IO])
    assert targets(ROW, alone) == {"Titan"}
    assert targets(FIGURE, alone) == {"chart.html"}


def test_a_name_that_two_documents_carry_is_no_document() -> None:
    twin = document("6", "Titan").model_copy(update={"uri": "t/titan.html"})
    assert targets(ROW, corpus(LIST, twin)) == {"Titan"}


@pytest.mark.parametrize(
    "wanted",
    [
        selector("row", "Found by", "Herschel"),
        selector("row", "Colour", "Huygens"),
        selector("row", "Moon", "Titan"),
        selector("highest", "Found by", "Huygens"),
        selector("item", "description", "full of oceans"),
        selector("figure", "caption", "Masses of the moons"),
        Selector(document_id="9" * 64, kind="row", field="Found by", value="Huygens"),
    ],
)
def test_what_is_not_there_leads_nowhere(wanted: Selector) -> None:
    assert targets(wanted, corpus()) == set()


# --- sentences ------------------------------------------------------------------------------------------------


def told(*texts: str, links: tuple[tuple[int, str, str], ...]) -> Document:
    """The list, with passages; each link is the number of its passage, its text and where it leads."""
    passages = tuple(Passage(place=f"b{9 + n}", text=text) for n, text in enumerate(texts))
    written = tuple(Link(place=f"b{9 + n}", text=text, href=href) for n, text, href in links)
    return with_blocks(*passages).model_copy(update={"links": written})


SAID = selector("sentence", "sentence", "the largest of all of its moons")
ABOUT_TITAN = "Saturn is far away. Titan is the largest of all of its moons."
TO_TITAN, TO_RHEA = (0, "Titan", "titan.html"), (0, "Rhea", "rhea.html")


@pytest.mark.parametrize(
    ("texts", "links", "found"),
    [
        ([ABOUT_TITAN], [TO_TITAN], {TITAN.id}),
        ([ABOUT_TITAN.upper()], [TO_TITAN], {TITAN.id}),
        ([f"{ABOUT_TITAN} Rhea is smaller."], [TO_TITAN, TO_RHEA], {TITAN.id}),
        (["Titan orbits Saturn. It is the largest of all of its moons."], [TO_TITAN], {TITAN.id}),
        (["Titan and Rhea are the largest of all of its moons."], [TO_TITAN, TO_RHEA], {TITAN.id, RHEA.id}),
        ([ABOUT_TITAN, "Rhea was the largest of all of its moons."], [TO_TITAN, (1, "Rhea", "rhea.html")],
         {TITAN.id, RHEA.id}),
        ([ABOUT_TITAN], [(0, "Titan", "elsewhere.html")], set()),
        ([ABOUT_TITAN], [(0, "Titan", "#titan")], set()),
        ([ABOUT_TITAN], [], set()),
        ([ABOUT_TITAN, "Rhea is not."], [(1, "Rhea", "rhea.html")], set()),
        (["Titan is the largest of all of its moonstones."], [TO_TITAN], set()),
    ],
    ids=["linked", "case", "its sentence", "its passage", "two in one", "two passages", "not here", "itself",
         "no link", "another passage", "part of a word"],
)  # fmt: skip
def test_a_sentence_leads_where_it_links(texts: list[str], links: list[tuple[int, str, str]], found: set[str]) -> None:
    assert targets(SAID, corpus(told(*texts, links=tuple(links)))) == found
