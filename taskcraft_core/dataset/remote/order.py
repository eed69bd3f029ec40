"""In which order files are copied, so that whoever reads meanwhile finds everything that is pointed at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

FILES_AT_ONCE = 16
_COMMITS = r"(dataset|quarantine)/_delta_log/\d+\.json$"
_TURNS = (
    r"documents/",
    r"work/.*\.rejected\.parquet$",  # beside a shard, and looked for where the shard is
    r"work/.*\.parquet$",
    r"work/",
    r"(dataset|quarantine)/(?!_delta_log/)",
    _COMMITS,
    r"(dataset|quarantine)/_delta_log/\d",  # Checkpoints, which stand for the commits up to theirs.
    r"(dataset|quarantine)/",
    # After the commit: a release without its version would pass for that of another build's version of this number.
    r"releases/(?!.*/manifest\.json$)",
    r"releases/",
    r"",
)
"""Who comes before whom; the first that fits counts."""


def in_turns(work: Callable[[str], None], names: Iterable[str]) -> None:
    """Does something with every file, many at a time, and commits one after the other: each builds on those before.

    Raises:
        Exception: The first that the work raised; no file of a later turn was touched then.
    """
    for turn, some in groupby(sorted(names, key=lambda name: (_turn(name), name)), key=_turn):
        if _TURNS[turn] == _COMMITS:
            for name in some:
                work(name)
        else:
            together(work, list(some))


def is_commit(name: str) -> bool:
    """Whether it is a commit of a table: what it names comes before it, and what stands for it after it."""
    return _TURNS[_turn(name)] == _COMMITS


def before_commits(name: str) -> bool:
    """Whether it comes before every commit."""
    return _turn(name) < _TURNS.index(_COMMITS)


def together(work: Callable[[str], None], names: list[str]) -> None:
    """Does something with every file, many at a time, in no order.

    Raises:
        Exception: The first that the work raised; what was not begun is left.
    """
    if not names:
        return
    with ThreadPoolExecutor(min(FILES_AT_ONCE, len(names))) as pool:
        begun = [pool.submit(work, name) for name in names]
        try:
            for one in begun:
                one.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _turn(name: str) -> int:
    return next(turn for turn, pattern in enumerate(_TURNS) if re.match(pattern, name))
