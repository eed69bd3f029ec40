"""Parses documents in processes of their own: what hangs or bursts there is one rejection, not the end of a run."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from taskcraft_core.config import Settings
from taskcraft_core.documents import wire
from taskcraft_core.documents.media import sniff
from taskcraft_core.documents.parsed import Parsed
from taskcraft_core.documents.process import ParserProcess
from taskcraft_core.documents.sources import Listed
from taskcraft_core.errors import DocumentError, StorageError
from taskcraft_core.models import Document, Figure, Reason

IDLE_SECONDS: Final = 5.0
"""An image worker with nothing to do for so long ends: its models hold memory that others can use."""

_IMAGE_PATIENCE: Final = 3
"""A dense page takes the recogniser 5 to 10 s, more on a busy machine; reading text takes milliseconds."""

_MAX_JOBS: Final = 300
"""Documents after which a worker is replaced, so that what libraries leak stays small."""

_OUT_OF_MEMORY: Final = {-signal.SIGKILL, -signal.SIGABRT, -signal.SIGTRAP, -signal.SIGILL}
"""How a process ends that is refused memory: killed by the system, or by a library's own allocator."""


class _Pool:
    """Up to `size` workers, started when needed, ended when broken, old, or (if asked) idle."""

    def __init__(self, settings: Settings, size: int, timeout: float, idle_seconds: float | None = None) -> None:
        self.settings = settings
        self.timeout = timeout
        self.idle_seconds = idle_seconds
        self.permits = asyncio.Semaphore(size)
        self.free: list[ParserProcess] = []
        self.timer: asyncio.TimerHandle | None = None
        self.ending: set[asyncio.Task[None]] = set()

    async def ask(self, request: wire.Request) -> wire.Reply:
        """Has a document parsed; a worker that died over it is replaced and the document tried once more."""
        async with self.permits:
            try:
                return await self._ask_once(request)
            except _Died:
                try:
                    return await self._ask_once(request)
                except _Died as died:
                    return _explain(died.code, request)
            finally:
                self._end_when_idle()

    async def _ask_once(self, request: wire.Request) -> wire.Reply:
        worker = await self._take()
        keep = False
        try:
            reply = await asyncio.wait_for(worker.ask(request), self.timeout)
            keep = worker.jobs < _MAX_JOBS and reply.reusable
            return reply
        except TimeoutError:
            detail = f"{request.uri}: parsing took over {self.timeout:g} s; simplify or leave it out."
            return wire.Reply(reason=Reason.TOO_SLOW, detail=detail)
        except EOFError:
            raise _Died(await asyncio.wait_for(worker.process.wait(), 5)) from None
        finally:
            if keep:
                self.free.append(worker)
            else:
                await asyncio.shield(worker.kill())

    async def _take(self) -> ParserProcess:
        if self.timer:
            self.timer.cancel()
        while self.free:
            worker = self.free.pop()
            if worker.process.returncode is None:
                return worker
        return await ParserProcess.start(self.settings)

    def _end_when_idle(self) -> None:
        if self.idle_seconds is None:
            return
        if self.timer:
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(self.idle_seconds, self._end_now)

    def _end_now(self) -> None:
        ending = asyncio.ensure_future(self.end())
        self.ending.add(ending)
        ending.add_done_callback(self.ending.discard)

    async def end(self) -> None:
        """Ends every worker that is not at work."""
        if self.timer:
            self.timer.cancel()
        free, self.free = self.free, []
        await asyncio.gather(*(worker.kill() for worker in free))


class _Died(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


def _explain(code: int, request: wire.Request) -> wire.Reply:
    """What a process that died says about the document it was reading."""
    if code in _OUT_OF_MEMORY:
        detail = f"{request.uri}: parsing needs more memory than a parser may use; split it or scale it down."
        return wire.Reply(reason=Reason.TOO_LARGE, detail=detail)
    return wire.Reply(reason=Reason.PARSE_FAILED, detail=f"{request.uri}: the parser broke down over it.")


class Sandbox:
    """Parser processes, with limits on memory and time. Images have a process of their own: OCR needs much memory.

    Use as `async with Sandbox(settings) as sandbox: documents = await sandbox.parse(listed, path)`.
    """

    def __init__(self, settings: Settings) -> None:
        """Starts nothing yet: processes start with the first document."""
        self._readers = _Pool(settings, settings.parse_workers, settings.parse_timeout)
        self._images = _Pool(settings, 1, settings.parse_timeout * _IMAGE_PATIENCE, IDLE_SECONDS)

    async def __aenter__(self) -> Self:
        """Returns itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends all processes."""
        await asyncio.gather(self._readers.end(), self._images.end())

    async def parse(self, listed: Listed, data_path: Path, max_figures: int = 5) -> list[Document]:
        """Parses one document.

        Args:
            listed: What is known of it.
            data_path: The file that holds its bytes; embedded figures are stored beside it, named by their hash.
            max_figures: How many embedded figures to take out.

        Returns:
            The document, then the figures embedded in it that could be read. A figure that could not be read (a
            photograph without text, mostly) stays in its document as a caption without a `document_id`.

        Raises:
            DocumentError: It cannot be used.
        """
        parsed = await self.read(listed, data_path, max_figures)
        if parsed.reason is not None:
            raise DocumentError(parsed.reason, parsed.detail)
        return list(parsed.documents)

    async def read(self, listed: Listed, data_path: Path, max_figures: int) -> Parsed:
        """The same as `parse`, and an error is a result too.

        Raises:
            StorageError: A figure could not be stored.
        """
        reply = await self._ask(listed, data_path, max_figures)
        if reply.document is None:
            return Parsed(reason=reply.reason or Reason.PARSE_FAILED, detail=reply.detail)
        figures = [await self._figure(figure, data_path) for figure in reply.embedded]
        read = [figure.document for figure in figures if figure.document is not None]
        document = _keep_figures(reply.document, {f.id for f in reply.embedded} - {f.id for f in read})
        unread = tuple(figure.reason or Reason.PARSE_FAILED for figure in figures if figure.document is None)
        return Parsed(documents=(document, *read), unread=unread)

    async def _ask(self, listed: Listed, path: Path, max_figures: int) -> wire.Reply:
        request = wire.Request(
            path=str(path), document_id=listed.id, uri=listed.uri, media_hint=listed.media_hint,
            title_hint=listed.title_hint, max_figures=max_figures,
        )  # fmt: skip
        with path.open("rb") as file:
            kind = sniff(file.read(4096)) or ""
        reply = await (self._images if kind.startswith("image/") else self._readers).ask(request)
        if reply.not_stored:
            raise StorageError(reply.not_stored)
        return reply

    async def _figure(self, figure: wire.EmbeddedFigure, beside: Path) -> wire.Reply:
        listed = Listed(uri=figure.uri, id=figure.id, media_hint="image/png")
        return await self._ask(listed, beside.with_name(figure.id), 0)


def _keep_figures(document: Document, unread: set[str]) -> Document:
    """The document without references to figures that could not be read."""
    if not unread:
        return document
    blocks = tuple(
        block.model_copy(update={"document_id": None})
        if isinstance(block, Figure) and block.document_id in unread
        else block
        for block in document.blocks
    )
    return document.model_copy(update={"blocks": blocks})
