"""Images: as image content to models that see, as the text in them to those that do not."""

import base64
import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from taskcraft_core.loopback.process import Loopback
from taskcraft_core.models import Document, Passage
from taskcraft_core.roles.llm.author import ModelAuthor
from taskcraft_core.roles.llm.chat import Desk, shown
from taskcraft_core.roles.llm.engine import MOST_IMAGE_BYTES
from taskcraft_core.tools import Toolbox

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
)
SHOWN = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def chart(data: bytes, out: Path, media: str = "image/png") -> Document:
    key = "7" * 64
    (out / "documents").mkdir(parents=True, exist_ok=True)
    (out / "documents" / key).write_bytes(data)
    text = Passage(place="b0", text="Peak 42 m")
    return Document.model_validate(
        {"id": key, "uri": "a/chart.png", "title": "Chart", "media_type": media, "language": "en", "blocks": (text,)}
    )


@pytest.mark.parametrize(("spec", "sees"), [("openai:m?vision=true", True), ("openai:m", False)])
async def test_an_author_that_sees_is_shown_the_image(
    server: Loopback, engine_of, tmp_path: Path, spec: str, sees: bool
) -> None:
    server.control(canned='{"conclusions": []}', keep=1)
    author = ModelAuthor(await engine_of(), spec)
    await author.conclude(chart(PNG, tmp_path))
    (request,) = server.requests()
    content = request["body"]["messages"][1]["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    assert "Peak 42 m" in parts[0]["text"]
    images = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    assert images == ([SHOWN] if sees else [])


async def test_what_models_do_not_take_is_told_by_its_text(engine_of, tmp_path: Path) -> None:
    engine = await engine_of()
    assert engine.picture(chart(PNG, tmp_path)) == SHOWN
    assert engine.picture(chart(PNG, tmp_path, "image/tiff")) is None
    assert engine.picture(chart(b"x" * (MOST_IMAGE_BYTES + 1), tmp_path)) is None
    assert engine.picture(chart(PNG, tmp_path).model_copy(update={"id": "8" * 64})) is None


async def test_an_agent_sees_what_it_viewed_after_all_tools_have_answered(engine_of) -> None:
    model = (await engine_of()).model("solver", "openai:m?vision=true")
    pictures = {"a/chart.png": SHOWN}
    desk = Desk(model, "solver_solve", Toolbox([]), 3, pictures.get)
    calls = [
        {"name": "view_image", "args": {"uri": uri}, "id": f"call{number}", "type": "tool_call"}
        for number, uri in enumerate(("a/chart.png", "a/missing.png"))
    ]
    answers = [ToolMessage(f"uri {number}", tool_call_id=f"call{number}", name="view_image") for number in range(2)]
    sent = shown(
        [HumanMessage("q"), AIMessage("", tool_calls=calls), *answers, AIMessage("So."), HumanMessage("Go.")], desk
    )
    assert [one["role"] for one in sent] == ["user", "assistant", "tool", "tool", "user", "assistant", "user"]
    assert SHOWN in json.dumps(sent[4]) and "a/chart.png" in json.dumps(sent[4])
    assert "image_url" not in json.dumps(sent[:4] + sent[5:])
