"""One writer at a time for an output folder at an address, on whatever machines: a turn that the Prefect server keeps.

It is the slot of a global concurrency limit, held by a lease that is renewed while the run writes; a variable of the
same name tells who has it, and is renewed too. A run that is killed renews nothing, so that others wait for minutes and
not for ever: not every server looks for leases that have run out, and one that was started again may have forgotten
them, but not that the slot is taken. Should a turn be lost, two may write at once, which destroys nothing: see
`taskcraft_core.dataset.remote.mirror`.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.exceptions import ObjectAlreadyExists, PrefectHTTPStatusError
from prefect.variables import Variable
from pydantic import ValidationError

from flows.naming import slug
from flows.waiting import Holder, Say, sentence, wait
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Record
from tasks.logs import run_logger

LEASE_SECONDS = 180.0
RENEW_SECONDS = 30.0
PATIENCE_SECONDS = LEASE_SECONDS
"""How long without a renewal before a turn is taken from whom it is noted for."""
LOOK_SECONDS = 5.0

LOCKED, GONE = 423, 410
BUSY = (408, 429)
_ONE = {"s3a": "s3", "gcs": "gs", "local": "file"}
"""Protocols that are two names of one."""


class Noted(Record):
    """Who has the turn, by which lease, and how often that was renewed."""

    holder: Holder
    lease: str
    renewals: int = 0


@asynccontextmanager
async def turn_at(out: str, say: Say, holder: Holder) -> AsyncIterator[None]:
    """Waits until no other run of the Prefect server writes to an address, and keeps others waiting while this lasts.

    Args:
        out: The URL of the output folder.
        say: Told that and for whom it waits, at the start and again every few minutes.
        holder: Who asks, for others to be told.

    Raises:
        TaskCraftError: The server refuses, as one would that is too old.
    """
    name = limit_of(out)
    async with get_client() as client:
        lease = await _wait(client, name, out, say, holder)
        noted = Noted(holder=holder, lease=str(lease))
        renewing = asyncio.create_task(_renew(client, name, noted, out))
        try:
            with _tolerated():
                await _note(name, noted)
            yield
        finally:
            renewing.cancel()
            with suppress(httpx.HTTPError):  # the lease runs out
                await asyncio.shield(_give_back(client, name, lease))


def limit_of(out: str) -> str:
    """What the concurrency limit of an address is called; a user name in it is in the hash alone."""
    protocol, place = out.rstrip("/").split("://", 1)
    protocol = _ONE.get(protocol.lower(), protocol.lower())
    digest = hashlib.sha256(f"{protocol}://{place}".encode()).hexdigest()[:12]
    readable = slug(f"{protocol} {place.rpartition('@')[2]}")[-60:].strip("-")
    return f"taskcraft-into-{readable}-{digest}"


async def _wait(client: PrefectClient, name: str, out: str, say: Say, holder: Holder) -> UUID:
    leases: list[UUID] = []
    patience = _Patience(holder)

    async def taken() -> bool:
        answered = False
        with _tolerated():
            if (lease := await _lease(client, name, holder)) is not None:
                leases.append(lease)
            elif patience.ends(noted := await _noted(name)):
                await _free(client, name, noted)
            answered = True
        if not answered:  # nor could the other renew its turn meanwhile
            patience.anew()
        return bool(leases)

    async def why() -> str:
        noted = None
        with _tolerated():
            noted = await _noted(name)
        bound = f"Should that run have been killed, its turn ends within {LEASE_SECONDS / 60 + 1:.0f} minutes."
        return f"{sentence(noted.holder if noted else None, out)} {bound}"

    await wait(taken, why, say, LOOK_SECONDS)
    return leases[0]


class _Patience:
    """How long a run has waited without a sign of life of the one that has the turn."""

    def __init__(self, ours: Holder) -> None:
        self._ours = ours
        self._seen: Noted | None = None
        self._since = time.monotonic()

    def anew(self) -> None:
        """Begins to wait once more."""
        self._since = time.monotonic()

    def ends(self, noted: Noted | None) -> bool:
        """Whether the turn is to be taken from whom it is noted for; an earlier attempt of the same run is over."""
        if noted != self._seen:
            self._seen = noted
            self.anew()
        if noted is not None and noted.holder.run_id == self._ours.run_id:
            return True
        return time.monotonic() - self._since >= PATIENCE_SECONDS


async def _lease(client: PrefectClient, name: str, holder: Holder) -> UUID | None:
    """The lease of the only slot; None while another has it. The limit is made if it is missing."""
    while True:
        try:
            answer = await client.increment_concurrency_slots_with_lease(
                names=[name], slots=1, mode="concurrency", lease_duration=LEASE_SECONDS,
                holder=ConcurrencyLeaseHolder(type="flow_run", id=UUID(holder.run_id)),
            )  # fmt: skip
        except PrefectHTTPStatusError as error:
            if error.response.status_code == LOCKED:
                return None
            raise
        granted = answer.json()
        if granted["limits"]:
            return UUID(granted["lease_id"])
        with suppress(ObjectAlreadyExists):
            await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))


async def _free(client: PrefectClient, name: str, noted: Noted | None) -> None:
    await Variable.aunset(name)  # first: whoever else has lost patience sees it and does not free the next one's slot
    if noted is not None:
        await client.release_concurrency_slots_with_lease(UUID(noted.lease))
    await client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(active_slots=0))


async def _give_back(client: PrefectClient, name: str, lease: UUID) -> None:
    if (noted := await _noted(name)) is not None and noted.lease == str(lease):
        await Variable.aunset(name)
    await client.release_concurrency_slots_with_lease(lease)


async def _noted(name: str) -> Noted | None:
    """Who has the turn; None where that is not known."""
    try:
        return Noted.model_validate(await Variable.aget(name))
    except ValidationError:
        return None


async def _note(name: str, noted: Noted) -> None:
    await Variable.aset(name, noted.model_dump(mode="json"), overwrite=True)


async def _renew(client: PrefectClient, name: str, noted: Noted, out: str) -> None:
    """Keeps the turn until it is stopped; a server that is away, or refuses, is asked again."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            with _tolerated():
                if not await _still_ours(client, name, noted.lease):
                    break
                noted = noted.model_copy(update={"renewals": noted.renewals + 1})
                await _note(name, noted)
        except TaskCraftError as error:
            run_logger().warning(str(error))
    run_logger().warning(
        f"The Prefect server was away for so long that the turn to write to {out} has gone to another run. Should that "
        "one publish first, this one fails in the end, and nothing is lost."
    )


async def _still_ours(client: PrefectClient, name: str, lease: str) -> bool:
    try:
        await client.renew_concurrency_lease(UUID(lease), LEASE_SECONDS)
    except PrefectHTTPStatusError as error:
        if error.response.status_code != GONE:
            raise
        noted = await _noted(name)
        return noted is not None and noted.lease == lease
    return True


@contextmanager
def _tolerated() -> Iterator[None]:
    """A server that is away, or too busy, will answer some time."""
    try:
        yield
    except httpx.TransportError:
        return
    except PrefectHTTPStatusError as error:
        if error.response.status_code < 500 and error.response.status_code not in BUSY:
            raise TaskCraftError(
                f"The Prefect server refuses to keep turns ({error.response.status_code}); bring it up to date, and "
                "let this run use concurrency limits and variables there."
            ) from error
