"""What the server counts: the proof of what a client did."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stats:
    """Counts since the start, or since they were last reset.

    Attributes:
        seen: Chat calls that came in.
        answered: Those answered with 200, whatever was in the answer.
        refused: Those answered with an error, by status.
        broken: Those that got no whole answer: disconnected, hung, or given up by the client.
        in_flight: Those being answered now; `peak` is the most there were at once.
        by_prompt: Calls by the name of the prompt.
        by_request: Calls by the hash of the logical request.
        faults: Faults dealt, by kind; a rate limit's 429 is under "rate_limit".
        seconds: Per second since the first call: calls seen, answered, and refused.
        prompt_tokens: Tokens that answers said were read; `completion_tokens` those written.
        searches: Calls of the Tavily-shaped search, `searches_failed` those of them that failed.
        pages: Pages served, by name.
    """

    seen: int = 0
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    in_flight: int = 0
    peak: int = 0
    by_prompt: Counter[str] = field(default_factory=Counter)
    by_request: Mapping[str, int] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    searches: int = 0
    searches_failed: int = 0
    pages: Counter[str] = field(default_factory=Counter)
    _seconds: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    _began: float | None = None

    def came(self, now: float) -> None:
        """A chat call came in."""
        self._began = now if self._began is None else self._began
        self.seen += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        self._second(now)[0] += 1

    def was_answered(self, now: float, tokens: tuple[int, int]) -> None:
        """It was answered with 200."""
        self.answered += 1
        self.prompt_tokens += tokens[0]
        self.completion_tokens += tokens[1]
        self._second(now)[1] += 1

    def was_refused(self, now: float, status: int) -> None:
        """It was answered with an error."""
        self.refused[str(status)] += 1
        self._second(now)[2] += 1

    def _second(self, now: float) -> list[int]:
        return self._seconds[max(0, int(now - (self._began or now)))]

    def shown(self) -> dict[str, Any]:
        """Everything, as `GET /control/stats` shows it."""
        last = max(self._seconds, default=-1)
        counts = [self._seconds.get(second, [0, 0, 0]) for second in range(last + 1)]
        shown = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return shown | {
            "repeated": sum(count - 1 for count in self.by_request.values()),
            "seconds": [dict(zip(("seen", "answered", "refused"), count, strict=True)) for count in counts],
        }


class Window:
    """Lets so many requests through in any second."""

    def __init__(self) -> None:
        """Nothing came through yet."""
        self._through: deque[float] = deque()

    def admits(self, now: float, most: int | None) -> bool:
        """Whether a request may come through now; counts it if so."""
        while self._through and self._through[0] <= now - 1.0:
            self._through.popleft()
        if most is not None and len(self._through) >= most:
            return False
        self._through.append(now)
        return True
