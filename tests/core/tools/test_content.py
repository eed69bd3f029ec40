"""What tools tell of whether a document is still the same."""

from collections.abc import Callable

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.models import Document, Passage
from taskcraft_core.tools import local_toolbox, web_toolbox

PAGE = Document(
    id="a" * 64, uri="docs/a.html", title="A", media_type="text/html", language="en",
    blocks=(Passage(place="b0", text="Text."),),
)  # fmt: skip


def content_of(*documents: Document) -> Callable[[str], str | None]:
    content = local_toolbox(Corpus(documents)).content
    assert content is not None
    return content


def test_of_the_build_s_own_documents_it_follows_from_bytes_and_title_and_of_none_it_is_empty() -> None:
    content = content_of(PAGE)
    assert content("docs/a.html") == content("docs/a.html#part") != content("docs/b.html") == ""
    for change in ({"id": "b" * 64}, {"title": "B"}):
        assert content_of(PAGE.model_copy(update=change))("docs/a.html") not in ("", content("docs/a.html"))


async def test_of_a_page_of_the_web_nobody_knows(open_web, sandbox: Sandbox) -> None:
    content = web_toolbox(Corpus([PAGE]), await open_web(), sandbox).content
    assert content is not None
    assert [content("docs/a.html"), content("http://127.0.0.1/b.html")] == [content_of(PAGE)("docs/a.html"), None]
