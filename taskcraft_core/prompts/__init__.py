"""The prompts: one Markdown file each, the standing instructions above a line `---`, the case at hand below it.

Only the lower part has variables. So the upper part is the same in every call, which providers cache, and nothing
that a document says can get into it. Every variable stands between tags of its own name, and no value can close
them: what is fenced is data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent
_RULER = "\n---\n"
_TAG = re.compile(r"<(?=\s*/?\s*[a-z_]+\s*/?>)", re.I)

PROMPTS: tuple[str, ...] = tuple(sorted(path.stem for path in _FOLDER.glob("*.md")))
"""Every prompt there is."""


@dataclass(frozen=True)
class Prompt:
    """A prompt as it is in its file: instructions, and the template of the case."""

    name: str
    instructions: str
    case: str

    @property
    def variables(self) -> frozenset[str]:
        """The names of what the case has to be given."""
        return frozenset(Template(self.case).get_identifiers())

    @property
    def hash(self) -> str:
        """The version of the prompt: the sha256 (hex) of all its text."""
        return hashlib.sha256(f"{self.instructions}{_RULER}{self.case}".encode()).hexdigest()

    def render(self, values: Mapping[str, str]) -> str:
        """The case with its values in place.

        Raises:
            KeyError: A variable has no value.
        """
        return Template(self.case).substitute({name: fenced(value) for name, value in values.items()})


@cache
def prompt(name: str) -> Prompt:
    """A prompt by its name.

    Raises:
        KeyError: There is none of this name.
    """
    if name not in PROMPTS:
        raise KeyError(name)
    instructions, _, case = (_FOLDER / f"{name}.md").read_text(encoding="utf-8").partition(_RULER)
    return Prompt(name, instructions.strip(), case.strip())


def fenced(value: str) -> str:
    """A value that cannot open or close a tag: the angle bracket of one becomes a look-alike."""
    return _TAG.sub("‹", value)
