"""Roles as users write them: good ones, and ones that lack something. Imported by name, as a user's would be."""

from collections.abc import AsyncIterator, Sequence


class Silent:
    """A whole author."""

    spec = "silent"
    version = 3

    async def conclude(self, document: object) -> tuple[list[object], list[object]]:
        return [], []

    async def ask(self, document: object, conclusion: object) -> object:
        raise NotImplementedError

    async def supersets(
        self, identifier: str, document: object, corpus: object, tools: object
    ) -> AsyncIterator[object]:
        for nothing in ():
            yield nothing

    async def merge_depth(self, core: object, superset: object, tries: Sequence[object], style: str = "") -> None:
        return None

    async def merge_width(self, parts: Sequence[object]) -> None:
        return None


class Awaited(Silent):
    async def supersets(self, identifier: str, document: object, corpus: object, tools: object) -> list[object]:
        return []


class Listing(Silent):
    def supersets(self, identifier: str, document: object, corpus: object, tools: object) -> list[object]:
        return []


class Stuck:
    """A whole solver."""

    spec = "stuck"

    async def solve(self, question: str, tools: object, max_steps: int) -> object:
        raise NotImplementedError

    async def guess(self, question: str) -> list[str]:
        return []


class Guessless:
    spec = "guessless"
    solve = Stuck.solve


class Blocking(Stuck):
    def solve(self, question: str, tools: object, max_steps: int) -> object:
        return None


class Short(Stuck):
    async def solve(self, question: str, tools: object) -> object:
        return None


class Demanding(Stuck):
    async def guess(self, question: str, temperature: float) -> list[str]:
        return []


class Nameless:
    solve, guess = Stuck.solve, Stuck.guess


class Costly(Stuck):
    def __init__(self, key: str) -> None:
        self.key = key


class Broken(Stuck):
    def __init__(self) -> None:
        raise RuntimeError("no weights here")


class Mild:
    """A whole judge."""

    spec = "mild"
    panel = 1

    async def score(self, question: str, golden: str, candidates: Sequence[str], vote: int = 0) -> int:
        return 2

    async def superset_fault(self, identifier: str, superset: object) -> str | None:
        return None

    async def merge_fault(self, question: str, core: object, superset: object) -> str | None:
        return None

    async def decomposes(self, question: str, parts: Sequence[str]) -> bool:
        return True


class Alone(Mild):
    panel = "three"


NOT_A_CLASS = Mild()
