"""What a question asks and gives away, read from its words alone."""

import pytest

from taskcraft_core.roles.extractive.judge import ExtractiveJudge
from taskcraft_core.roles.extractive.reading.question import decompose, parse
from taskcraft_core.roles.extractive.solver import ExtractiveSolver


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("According to the pages “A”, “B” and “C”, what is the melting point of each, in that order?",
         [f"According to the page “{t}”, what is the melting point?" for t in "ABC"]),
        ("According to the pages “A” and “B”, when was each discovered, in that order?",
         [f"According to the page “{t}”, when was it discovered?" for t in "AB"]),
        ("According to the page “A” and the PDF “B”, what is the height of each, in that order?",
         ["According to the page “A”, what is the height?", "According to the PDF “B”, what is the height?"]),
        ("According to the images “A” and “B, or C”, what value is shown for Krypton for each, in that order?",
         [f"According to the image “{t}”, what value is shown for Krypton?" for t in ("A", "B, or C")]),
        ("According to the page “A”, what are the melting point, the uses and the atomic number, in that order?",
         ["According to the page “A”, what is the melting point?", "According to the page “A”, what are the uses?",
          "According to the page “A”, what is the atomic number?"]),
        ("According to the page “A”, what is the orbital period of Io and of Europa in days, in that order?",
         [f"According to the page “A”, what is the orbital period of {m} in days?" for m in ("Io", "Europa")]),
        ("According to the page “A”, what is the “First flight” listed for Saturn V and for Atlas V, in that order?",
         [f"According to the page “A”, what is the “First flight” listed for {r}?" for r in ("Saturn V", "Atlas V")]),
        ("根据《A》、《B》和《C》，它们各自的熔点依次是多少？", [f"根据《{t}》，熔点是多少？" for t in "ABC"]),
        ("根据图片《A》和《B》，它们各自的熔点依次是多少？", [f"根据图片《{t}》，熔点是多少？" for t in "AB"]),
        ("根据《A》，面积和海拔依次是多少？", ["根据《A》，面积是多少？", "根据《A》，海拔是多少？"]),
        ("According to the page “A”, what is the mass?", ["According to the page “A”, what is the mass?"]),
        ("According to the page “A, in that order”, what is the mass?",
         ["According to the page “A, in that order”, what is the mass?"]),
    ],
)  # fmt: skip
async def test_a_width_question_comes_apart_into_its_parts(question: str, parts: list[str]) -> None:
    assert decompose(question) == parts
    assert await ExtractiveJudge().decomposes(question, parts)


def test_a_chain_keeps_its_documents_hops_and_kinds() -> None:
    chain = parse(
        "“S, 2. According to us” lists a mission with “Mars. That page” under “Target”. That page lists a moon whose "
        "mean radius is 1,560.8 km. According to the PDF on that moon, when was it discovered?"
    )
    assert chain is not None
    assert (chain.document, chain.kind, chain.final_kind) == ("S, 2. According to us", "any", "pdf")
    assert [hop.quotes for hop in chain.hops] == [("Mars. That page",), ()]
    assert [word.surface for word in chain.hops[1].needed] == ["mean", "radius", "1560.8", "km"]
    assert chain.final.wants == "date"


@pytest.mark.parametrize(
    "question",
    ["", "?", "What is it?", "According to the page “A”", "根据", "“A” lists. According to that page, what?"],
)
def test_another_form_is_no_chain(question: str) -> None:
    assert parse(question) is None


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("According to the page “Battle of Borodino, 7 September 1812”, when was it fought?", "1812-09-07"),
        ("According to the page “The 2010 census of Malta”, in what year was it held?", "2010"),
        ("According to the page “Apollo 11”, how many crews came before?", "11"),
        ("According to the page “Json tools”, which function is described as “like json.loads”?", "json.loads"),
        ("According to the page “Red Sea”, what is the colour?", "Red"),
        ("According to the page “Works by Ada Lovelace”, who is the author?", "Ada Lovelace"),
        ("According to the page “A”, what is the material of the steel bridge?", "steel"),
        ("根据《1999年杭州西湖》，何时建成？", "1999"),
    ],
)
async def test_what_the_question_gives_away_is_guessed(question: str, answer: str) -> None:
    assert answer in await ExtractiveSolver().guess(question)


async def test_a_guess_needs_something_to_go_by() -> None:
    assert await ExtractiveSolver().guess("According to the page “Io”, when was it discovered?") == []
    assert await ExtractiveSolver().guess("") == []


@pytest.mark.parametrize(
    "question",
    [
        "根据页面《铁》，依次是什么？",
        "根据页面《铁》，分别率是多少？",
        "According to the page “A”, what are , in that order?",
        "According to the page “A”, what are the “”, and the “”, in that order?",
    ],
)
async def test_a_question_that_says_nothing_in_order_is_taken_apart_without_an_error(question: str) -> None:
    assert await ExtractiveJudge().score(question, "a; b", ["a", "c"]) == 0
    assert decompose(question)
    assert isinstance(await ExtractiveSolver().guess(question), list)
