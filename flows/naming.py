"""What a build is called in the Prefect UI, and how names and texts from outside are fit to be shown there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from prefect.runtime import flow_run

BUILD = "build-dataset"
"""The flow that builds."""
STAGE = f"{BUILD}: {{}}"
"""The flows of its stages: on a server that others use too, a name tells whose a run is."""
DEGRADED = "taskcraft.build.degraded"
"""The event of a build that published although something was left out; its payload has a `message`."""

LONGEST_NAME = 80
SHOWN_SOURCES = 2
_MARKS = re.compile(r"[\\`*\[\]<>|~#&]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.")


def name_of_run() -> str:
    """The name of the run that begins: the output folder's, and what it reads."""
    return name_of_build(flow_run.parameters)


def name_of_build(parameters: dict[str, Any]) -> str:
    """What a build is called, as `build demo: data/samples`.

    Args:
        parameters: Those of `build_dataset`.
    """
    sources: Sequence[str] = parameters["sources"] or [parameters.get("tasks") or "no source"]
    shown = [name_of_source(source) for source in sources[:SHOWN_SOURCES]]
    more = f" and {len(sources) - SHOWN_SOURCES} more" if len(sources) > SHOWN_SOURCES else ""
    folder = Path(parameters["out"]).absolute().name
    name = f"build {folder}: {', '.join(shown)}"
    return f"{shortened(name, LONGEST_NAME - len(more))}{more}"


def name_of_source(source: str) -> str:
    """The end of a path, or a URL without what may be secret in it: user, password, query."""
    if "://" not in source:
        return "/".join(part for part in PurePath(source).parts[-2:] if part != "/") or source
    parts = urlsplit(source)
    return f"{parts.hostname or parts.scheme}{parts.path.rstrip('/')}"


def shortened(text: str, most: int) -> str:
    """A text in one line of at most so many characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = re.sub(r"\s+", " ", line).strip()
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def escaped(text: str, most: int = 200) -> str:
    """A text from outside, in one line, that Markdown shows as it is: no HTML, no image, no link.

    The UI takes the cells of tables for Markdown too, and would fetch an image from wherever it lies.
    """
    line = _MARKS.sub(r"\\\g<0>", shortened(text, most))
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", line)


def slug(text: str) -> str:
    """A text as a part of a key: lower-case letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
