"""Authors, judges and solvers of the world with something done otherwise, as a model might do it."""

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from taskcraft_core.models import Document, Rejection, Task
from taskcraft_core.roles import Superset


class Changed:
    """A role with some of what it does done otherwise."""

    def __init__(self, role: object, **methods: object) -> None:
        self._role = role
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> object:
        return getattr(self._role, name)


class Acting:
    """Makes roles for a world."""

    Changed = Changed

    def __init__(self, world) -> None:
        self.world = world

    @staticmethod
    def saying(proposals: Sequence[Superset | Rejection | Exception]) -> Callable[..., AsyncIterator[object]]:
        """The method of an author that proposes these, whatever it is asked for; an exception is raised."""

        async def supersets(*_: object) -> AsyncIterator[object]:
            for proposal in proposals:
                if isinstance(proposal, Exception):
                    raise proposal
                yield proposal

        return supersets

    def proposing(self, wanted: Callable[[Superset], bool]) -> Changed:
        """The world's author, who proposes only some of what it would."""

        async def supersets(*about: object) -> AsyncIterator[Superset]:
            async for superset in self.world.bench.author.supersets(*about):
                if wanted(superset):
                    yield superset

        return Changed(self.world.bench.author, supersets=supersets)

    async def proposals(self, identifier: str, target: Document) -> list[Superset]:
        """Everything that the world's author proposes."""
        bench = self.world.bench
        return [superset async for superset in bench.author.supersets(identifier, target, bench.corpus, bench.tools)]

    async def superset_of(self, task: Task, core: Task) -> Superset:
        """The superset that a depth task was made with."""
        target = self.world.bench.corpus.documents[self.world.bench.corpus.by_title(core.identifier)[0].id]
        return next(one for one in await self.proposals(core.identifier, target) if one.selector == task.selector)

    def author(self, *proposals: Superset | Rejection | Exception, **methods: object) -> Changed:
        """The world's author, who proposes these and does some things otherwise."""
        return Changed(self.world.bench.author, supersets=self.saying(proposals), **methods)


@pytest.fixture
def acting(world) -> Acting:
    """Roles that do something otherwise than those of the world."""
    return Acting(world)
