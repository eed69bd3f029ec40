"""What a build with chat models will take, before it is paid for: calls, tokens and dollars by stage and role."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from taskcraft_core.calls.prices import Prices
from taskcraft_core.config import BuildConfig
from taskcraft_core.roles.llm.expected import DEFAULTS, PER, Sample, expected, items_of
from taskcraft_core.roles.llm.spec import is_model, parse_spec
from taskcraft_core.tools.web import SEARCH_USD


@dataclass(frozen=True)
class Measured:
    """What is known from what was built in this folder before.

    Attributes:
        rates: Instead of those in `DEFAULTS`.
        calls: Calls for each thing that a stage goes through (see `PER`), by stage and role.
        tokens: Tokens read and written in a call, by stage and role.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    calls: Mapping[tuple[str, str], float] = field(default_factory=dict)
    tokens: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """What one role will take in one stage; `usd` is None where the model's price is not known."""

    stage: str
    role: str
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None


@dataclass(frozen=True)
class Assumption:
    """A number that the estimate stands on, and whether it was measured in this folder."""

    name: str
    value: float
    measured: bool


@dataclass(frozen=True)
class Estimate:
    """What a build will take.

    Attributes:
        sample: The documents that it was worked out from.
        lines: By stage and role, in the order of the stages.
        assumptions: What it stands on.
    """

    sample: Sample
    lines: tuple[Line, ...]
    assumptions: tuple[Assumption, ...]

    @property
    def unpriced(self) -> bool:
        """Whether the price of a part of it is not known."""
        return any(line.usd is None for line in self.lines)


def estimate(
    sample: Sample, config: BuildConfig, prices: Prices, measured: Measured, own: int = 0, authors: bool = True
) -> Estimate:
    """Estimates a build.

    Args:
        sample: What is known of the documents.
        config: Names the roles, and how far tasks are extended.
        prices: What tokens cost.
        measured: What is known from earlier builds.
        own: Tasks that the user brings along.
        authors: Whether others are authored.
    """
    rates = {name: measured.rates.get(name, value) for name, value in DEFAULTS.items()}
    rates["questions a document"] = min(rates["questions a document"], config.max_tasks_per_document)
    sums: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for stage, name, calls, read, written in expected(sample, config, rates, own, authors):
        role = name.partition("_")[0]
        for place, number in enumerate((calls, calls * read, calls * written)):
            sums[stage, role][place] += number
    per = items_of(sample, rates, own, authors)
    lines: list[Line] = []
    for (stage, role), (calls, read, written) in sums.items():
        if calls and (role == "search" or is_model(getattr(config, role))):
            known = measured.calls.get((stage, role))
            tokens = measured.tokens.get((stage, role), (read / calls, written / calls))
            lines.append(_line(stage, role, calls if known is None else known * per[stage], tokens, config, prices))
    return Estimate(sample, tuple(lines), tuple(_assumptions(lines, rates, measured)))


def _assumptions(lines: Sequence[Line], rates: Mapping[str, float], measured: Measured) -> Iterator[Assumption]:
    """The two rates that everything depends on, and for each stage what was measured, or else what is assumed."""
    counted = {(line.stage, line.role) for line in lines} & set(measured.calls)
    for place, (name, value) in enumerate(rates.items()):
        if place < 2 or len(counted) < len(lines):
            yield Assumption(name, value, name in measured.rates)
    for stage, role in sorted(counted, key=lambda one: (list(PER).index(one[0]), one[1])):
        yield Assumption(f"calls of the {role} in {stage} for a {PER[stage]}", measured.calls[stage, role], True)


def _line(
    stage: str, role: str, calls: float, tokens: tuple[float, float], config: BuildConfig, prices: Prices
) -> Line:
    read, written = (round(calls * each) for each in tokens)
    if role == "search":
        return Line(stage, role, config.search, round(calls), 0, 0, calls * SEARCH_USD)
    model = parse_spec(getattr(config, role)).model
    return Line(stage, role, model, max(round(calls), 1), read, written, prices.usd(model, read, written))
