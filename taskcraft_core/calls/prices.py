"""What a model costs; a model that the table does not have has an unknown price, not none."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from taskcraft_core.errors import ConfigError

_SAME = re.compile(r"(-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest))?([:@].*)?")
"""What may follow the name of a model that is still the same: a date, and behind ":" or "@" where it is served."""
_OURS = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, read and written."""

    input: float
    output: float


class Prices:
    """Prices by the name of the model.

    Args:
        models: The prices; a name also stands for its dated versions, and for what a gateway hangs on it.
    """

    def __init__(self, models: dict[str, Price]) -> None:
        self._models = models
        self._price = lru_cache(maxsize=64)(self._look_up)

    @classmethod
    def load(cls, path: Path | None) -> Prices:
        """Reads a table of prices.

        Args:
            path: A TOML file in the form of prices.toml; None takes the table that comes along.

        Raises:
            ConfigError: The file cannot be read, or an entry is no price.
        """
        file = path or _OURS
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{file}: cannot be read as TOML: {error}.") from None
        models = table.get("models")
        if not isinstance(models, dict) or not models:
            raise ConfigError(
                f'{file}: has no prices; a line reads "gpt-4o" = {{ input = 2.5, output = 10 }}, [models] above.'
            )
        return cls({name: _price(file, name, entry) for name, entry in models.items()})

    def usd(self, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What a call costs, in US dollars; None if the model is not in the table."""
        price = self._price(model)
        if price is None:
            return None
        return (prompt_tokens * price.input + completion_tokens * price.output) / 1_000_000

    def _look_up(self, model: str) -> Price | None:
        """The price of the longest name that the model's begins with."""
        names = [name for name in self._models if _stands_for(name, model)]
        return self._models[max(names, key=len)] if names else None


def _stands_for(name: str, model: str) -> bool:
    """gpt-4o stands for gpt-4o-2024-08-06, and not for gpt-4o-audio-preview, which is another model."""
    return model.startswith(name) and _SAME.fullmatch(model, len(name)) is not None


def _price(file: Path, name: str, entry: Any) -> Price:
    if not isinstance(entry, dict) or set(entry) != {"input", "output"} or not all(map(_amount, entry.values())):
        raise ConfigError(
            f"{file}: the price of {name!r} is not {{ input = ..., output = ... }} in dollars per million tokens."
        )
    return Price(float(entry["input"]), float(entry["output"]))


def _amount(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0
