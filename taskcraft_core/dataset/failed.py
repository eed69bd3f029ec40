"""What a release may say about shards that failed: it is given to others, and errors name paths and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

LONGEST_REASON = 300
_ACCOUNT = re.compile(r"(?<=://)[^\s/@]+@")
_QUERY = re.compile(r"(://[^\s?#]+)\?[^\s'\"]+")
_FOLDERS = re.compile(r"(?<![\w:/.…])/(?:[^/\s'\":,;()]+/)+")
_FILE = re.compile(r"file://\S*/")


def publishable(failed: Iterable[Mapping[str, str]], out: Path, secrets: Sequence[str] = ()) -> list[dict[str, str]]:
    """Failed shards as a release records them: stage, shard, and a reason without secrets and folders of a machine.

    Args:
        failed: As the stages tell them.
        out: The output folder; paths below it are told from there.
        secrets: Texts that must not be told.
    """
    return [dict(one) | {"reason": _reason(one["reason"], out, secrets)} for one in failed]


def _reason(text: str, out: Path, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    text = text.replace(f"{out.absolute()}/", "").replace(str(out.absolute()), "the output folder")
    text = _QUERY.sub(r"\1?…", _ACCOUNT.sub("***@", text))
    text = _FOLDERS.sub("…/", _FILE.sub("…/", text))
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON].rstrip()} …"
