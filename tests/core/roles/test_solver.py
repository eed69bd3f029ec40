"""The extractive solver over a small world of documents and the real tools: every form of question."""

import json

import pytest

from taskcraft_core.models import Solution
from taskcraft_core.roles.extractive.reading.question import decompose, parse
from taskcraft_core.roles.extractive.solver import NOTHING, ExtractiveSolver
from taskcraft_core.tools import Toolbox

ATOMIC = [
    ("According to the page “Io (moon)”, what is the mean density?", "3.53 g/cm³"),
    ("According to the page “Io (moon)”, when was it discovered?", "1610-01-08"),
    ("According to the page “Io (moon)”, who discovered it?", "Galileo Galilei"),
    ("According to the page “Io (moon)”, who was the discoverer?", "Galileo Galilei"),
    ("According to the page “Io (moon)”, where is it?", "orbit of Jupiter"),
    ("According to the image “Ions near Europa”, what value is shown for Oxygen?", "35 %"),
    ("According to the image “Ions near Europa”, what is the “Share of all ions” shown for Sulphur?", "40 %"),
    ("According to the page “Moons of Jupiter”, what is the orbital period of Io?", "1.77"),
    ("According to the page “Moons of Jupiter”, what is the orbital period of Europa in days?", "3.55"),
    ("According to the page “Moons of Jupiter”, what is the “Discoverer” listed for Amalthea?", "E. E. Barnard"),
    ("According to the page “Moons of Jupiter”, which moon has a mean radius of 1,560.8 km?", "Europa"),
    ("According to the page “Moons of Jupiter”, which moon is described as “a smooth icy world”?", "Europa"),
    ("According to the page “Moons of Jupiter”, which moon has “1892” as its year of discovery?", "Amalthea"),
    ("According to the page “Moons of Jupiter”, which moon is listed with the discoverer E. E. Barnard?", "Amalthea"),
    ("According to the page “The json module”, which function is described as “Serialize obj to a JSON formatted str”?",
     "json.dumps"),
    ("According to the page “The json module”, which moon is described as “an icy moon with thin rings”?", "Rhea"),
    ("According to the page “The json module”, what is described as the largest moon of Saturn?", "Titan"),
    ("According to the page “The json module”, which moon is the largest moon of Saturn?", "Titan"),
    ("According to the PDF “Bridge report”, when was the Forth Bridge opened?", "1890-03-04"),
    ("According to the PDF “Bridge report”, on what date was the Forth Bridge opened?", "1890-03-04"),
    ("According to the PDF “Bridge report”, in what year was the Forth Bridge opened?", "1890"),
    ("According to the page “Io (moon)”, when did the Voyager probe fly past Io?", "1979-03-05"),
    ("According to the page “Io (moon)”, how high is the highest mountain?", "17.5 km"),
    ("According to the PDF “Bridge report”, what length does the Akashi bridge have?", "3,911 m"),
    ("According to the PDF “Bridge report”, what is the length of the Akashi bridge?", "3,911 m"),
    ("According to the PDF “Bridge report”, how tall is the tallest pier?", "150 m"),
    ("According to the PDF “Bridge report”, what is the total cost?", "$3.2 million"),
    ("根据《西湖》，面积是多少？", "6.39 平方公里"),
    ("根据《西湖》，位于哪里？", "浙江省杭州市"),
    ("根据《西湖》，何时列入世界遗产？", "2011-06-24"),
    ("根据《西湖》，雷峰塔的高度是什么？", "71.7 米"),
    ("根据《西湖》，雷峰塔由谁建造？", "钱俶"),
    ("根据《西湖》，哪个景点的特点是“砖石实心塔”？", "保俶塔"),
    ("根据《西湖》，哪一项对应“砖石实心塔”？", "保俶塔"),
    ("根据图片《西湖水深分布》，外湖是多少？", "2.4 米"),
]  # fmt: skip
DEPTH = [
    ("“Moons of Jupiter” lists a moon whose mean radius is 1,821.6 km. According to the page on that moon, "
     "when was it discovered?", "1610-01-08"),
    ("“Moons of Jupiter” lists an element described as “a smooth icy world”. According to the page on that element, "
     "what is it named after?", "Europa of Tyre"),
    ("“Moons of Jupiter” lists a moon with “a smooth icy world” under “Known for”. According to the page on that "
     "moon, when was it discovered?", "1610-01-08"),
    ("“Europa” contains a figure captioned “Ions near Europa”. According to that figure, what value is shown for "
     "Sulphur?", "40 %"),
    ("“Pages about planets” lists a page described as “a table of the satellites of the giant”. That page lists a "
     "moon described as “a smooth icy world”. According to the page on that moon, what is it named after?",
     "Europa of Tyre"),
    ("“Moons of Jupiter” lists a moon whose mean radius is 1,560.8 km. That page contains a figure captioned “Ions "
     "near Europa”. According to that figure, what value is shown for Oxygen?", "35 %"),
    ("“Sources” mentions a page described as “a study of an old cantilever bridge”. According to the PDF on that "
     "element, who was the printer?", "A. Bell"),
    ("“Sources” lists a page described as “A study of lost causes”. According to that page, who was the printer?",
     "C. Dee"),
    ("《西湖》列出了一个高度为“45.3米”的景点。根据关于该景点的页面，何时建成？", "1933"),
    ("《西湖》中有一项被描述为“砖石实心塔”。根据关于该项的页面，高度是多少？", "45.3 米"),
    ("《西湖》中有一幅图，图注为“西湖水深分布”。根据该图，岳湖是多少？", "2.0 米"),
]  # fmt: skip
WIDTH = [
    ("According to the pages “Io (moon)” and “Europa”, when was each discovered, in that order?",
     "1610-01-08; 1610-01-08"),
    ("According to the page “Io (moon)”, what are the mass and the mean density, in that order?",
     "8.93 × 10^22 kg; 3.53 g/cm³"),
    ("According to the page “Moons of Jupiter”, what is the orbital period of Io and of Europa, in that order?",
     "1.77; 3.55"),
    ("根据《西湖》和《保俶塔》，它们各自的高度依次是多少？", ""),
    ("根据《西湖》，面积和平均水深依次是多少？", "6.39 平方公里; 2.27 米"),
    ("根据《西湖》，雷峰塔和保俶塔的高度依次是多少？", "71.7 米; 45.3 米"),
]  # fmt: skip


async def solve(tools: Toolbox, question: str, max_steps: int = 10) -> Solution:
    return await ExtractiveSolver().solve(question, tools, max_steps)


@pytest.mark.parametrize(("question", "answer"), ATOMIC)
async def test_atomic_forms_are_answered_in_three_steps(world: Toolbox, question: str, answer: str) -> None:
    solution = await solve(world, question, max_steps=3)
    assert solution.answers == (answer,)
    assert solution.steps <= 3


@pytest.mark.parametrize(("question", "answer"), DEPTH)
async def test_statements_are_followed_forward(world: Toolbox, question: str, answer: str) -> None:
    assert (await solve(world, question)).answers == (answer,)


@pytest.mark.parametrize(("question", "answer"), WIDTH)
async def test_parts_are_answered_in_order(world: Toolbox, question: str, answer: str) -> None:
    assert (await solve(world, question, max_steps=12)).answers == ((answer,) if answer else ())


async def test_the_trajectory_is_a_chat_with_tool_calls(world: Toolbox) -> None:
    question = "According to the page “Io (moon)”, what is the mass?"
    solution = await solve(world, question)
    user, *turns, last = solution.trajectory
    assert (user.role, user.content) == ("user", question)
    assert (last.role, last.content) == ("assistant", solution.answers[0])
    calls = [message.tool_calls[0] for message in turns[::2]]
    assert [call.id for call in calls] == ["call_1", "call_2"]
    assert [call.name for call in calls] == ["search", "read_page"]
    assert json.loads(calls[1].arguments) == {"part": 1, "uri": "docs/io.html"}
    for call, result in zip(calls, turns[1::2], strict=True):
        assert (result.role, result.tool_call_id, result.name) == ("tool", call.id, call.name)
        assert result.content == await world.call_json(call.name, call.arguments)
    assert await solve(world, question) == solution


async def test_a_document_asked_twice_is_read_once(world: Toolbox) -> None:
    solution = await solve(
        world, "According to the page “Io (moon)”, what are the mass and the mean density, in that order?"
    )
    assert solution.steps == 2


@pytest.mark.parametrize(
    "question",
    [
        "According to the page “Ganymede”, what is the mass?",
        "According to the page “Europa”, what is the boiling point?",
        "According to the page “Moons of Jupiter”, what is the orbital period of Callisto?",
        "According to the page “Moons of Jupiter”, which moon is described as “a green world”?",
        "According to the page “Moons of Jupiter”, which moon has “1892” as its mean radius?",
        "According to the page “Moons of Jupiter”, which moon has a mean radius of 560.8 km?",
        "According to the PDF “Bridge report”, when was the Tay Bridge opened?",
        "“Moons of Jupiter” lists a moon described as “a red and irregular moon”. According to the page on that moon, "
        "what is the mass?",
        "“Moons of Jupiter” contains a figure captioned “Ions near Europa”. According to that figure, what value is "
        "shown for Oxygen?",
        "根据《西湖》，容积是多少？",
        "What is the mass of Io?",
        "",
    ],
)
async def test_nothing_is_answered_where_nothing_fits(world: Toolbox, question: str) -> None:
    solution = await solve(world, question)
    assert solution.answers == ()
    assert solution.trajectory[-1].content == NOTHING


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("question", [ATOMIC[0][0], DEPTH[4][0], WIDTH[0][0]])
async def test_the_step_limit_holds(world: Toolbox, question: str, limit: int) -> None:
    assert (await solve(world, question, max_steps=limit)).steps <= limit


@pytest.mark.parametrize("question", [q for q, _ in ATOMIC + DEPTH])
def test_every_single_form_is_understood_and_left_whole(question: str) -> None:
    assert parse(question) is not None
    assert decompose(question) == [question]
