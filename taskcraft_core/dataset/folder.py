"""Which folders can hold a dataset. Imports nothing heavy, for it is asked before a build begins."""

from __future__ import annotations

import re
from pathlib import Path

from taskcraft_core.errors import ConfigError

# Delta takes its folder for an address: it breaks down over some signs, and reads "%20" as a space.
_NO_ADDRESS = re.compile(r"[\[\]|^\\]|%[0-9A-Fa-f]{2}")


def check_folder(out: Path) -> None:
    """Refuses an output folder that Delta tables cannot lie in.

    Args:
        out: The output folder; it need not be there.

    Raises:
        ConfigError: Its path holds a sign that an address cannot.
    """
    sign = unusable_sign(str(out.absolute()))
    if sign:
        raise ConfigError(f"{out}: cannot be the output folder: its path holds {sign!r}; choose another name.")


def unusable_sign(path: str) -> str | None:
    """The first sign of a path that Delta tables cannot lie under; None where there is none."""
    found = _NO_ADDRESS.search(path)
    return found[0] if found else None
