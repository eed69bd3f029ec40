"""Policy on a real Prefect server: what is computed again, what is tried again, and what one failure stops."""

from pathlib import Path

import pytest
from prefect import flow

from flows.gathering import SHARDS_AT_ONCE, run_shards
from flows.options import RunOptions
from flows.outcome import StageFailed, StageRun
from taskcraft_core.errors import BudgetExceeded, ConfigError, ProviderRefused, ProviderUnavailable
from taskcraft_core.models import Reason, Rejection, Task
from taskcraft_core.shards import Reference, rejected_path, result_path, write_result
from tasks.caching import kept, shard_task
from tasks.manifest import read_manifest
from tasks.progress import items_done, watched_by

pytestmark = pytest.mark.usefixtures("prefect")
STAGE = "verify"
NAMES = ("aaaa", "bbbb", "cccc")


class Work:
    """Counts what is computed, and fails where it is told to."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failures: dict[str, list[Exception]] = {}


@pytest.fixture
def work() -> Work:
    return Work()


async def run(work: Work, out: Path, names: tuple[str, ...] = NAMES, failed_shards: float = 0.0) -> StageRun:
    @shard_task
    async def compute(out: str, stage: str, fingerprint: str) -> Reference:
        if (there := kept(Path(out), stage, fingerprint)) is not None:
            return there
        if work.failures.get(fingerprint):
            raise work.failures[fingerprint].pop()
        work.done.append(fingerprint)
        items_done()
        left_out = Rejection(stage="verify", reason=Reason.GUESS, item=fingerprint, detail="none")
        return write_result(Path(out), stage, fingerprint, [], Task, [left_out])

    @flow(persist_result=False)
    async def stage() -> StageRun:
        quick, options = compute.with_options(retry_delay_seconds=0), RunOptions(failed_shards=failed_shards)
        return await run_shards(str(out), STAGE, quick, {n: {} for n in names}, options)

    return await stage()


async def test_a_second_run_computes_nothing(work: Work, tmp_path: Path) -> None:
    first = await run(work, tmp_path)
    second = await run(work, tmp_path)
    assert sorted(work.done) == list(NAMES)
    assert (first.computed, first.reused, second.computed, second.reused) == (3, 0, 0, 3)
    assert second.shards == first.shards and second.manifest == first.manifest
    assert sorted(read_manifest(tmp_path, first.manifest), key=str) == sorted(first.shards, key=str)


async def test_only_a_new_shard_is_computed(work: Work, tmp_path: Path) -> None:
    await run(work, tmp_path)
    grown = await run(work, tmp_path, (*NAMES, "dddd"))
    assert work.done[3:] == ["dddd"] and (grown.computed, grown.reused) == (1, 3)


async def test_damaged_and_missing_files_are_computed_again(work: Work, tmp_path: Path) -> None:
    first = await run(work, tmp_path)
    result_path(tmp_path, STAGE, "aaaa").unlink()
    cut = rejected_path(tmp_path, STAGE, "cccc")
    cut.write_bytes(cut.read_bytes()[:-40])
    again = await run(work, tmp_path)
    assert sorted(work.done[3:]) == ["aaaa", "cccc"] and again.shards == first.shards
    # What was made anew is remembered like anything else.
    assert (await run(work, tmp_path)).computed == 0
    assert len(work.done) == 5


async def test_output_folders_do_not_share_results(work: Work, tmp_path: Path) -> None:
    await run(work, tmp_path / "one")
    other = await run(work, tmp_path / "two")
    assert other.computed == 3 and len(work.done) == 6
    assert all((tmp_path / "two" / shard.path).exists() for shard in other.shards)


async def test_a_folder_that_was_moved_is_used_as_it_is(work: Work, tmp_path: Path) -> None:
    await run(work, tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    moved = await run(work, tmp_path / "there")
    assert moved.computed == 0 and len(work.done) == 3


async def test_one_failure_does_not_stop_the_others(work: Work, tmp_path: Path) -> None:
    work.failures["aaaa"] = [ValueError("a wrong number")]
    with pytest.raises(
        StageFailed, match=r"1 of 3 shards of the stage verify failed \(verify, \d of \d: ValueError: a wrong number\)"
    ):
        await run(work, tmp_path)
    assert sorted(work.done) == ["bbbb", "cccc"]
    recovered = await run(work, tmp_path)
    assert (recovered.computed, recovered.reused) == (1, 2) and work.done[2:] == ["aaaa"]


async def test_an_outage_is_tried_again_and_nothing_else(work: Work, tmp_path: Path) -> None:
    work.failures["bbbb"] = [ProviderUnavailable("down"), ProviderUnavailable("down")]
    assert (await run(work, tmp_path / "outage")).computed == 3
    work.failures["cccc"] = [ConfigError("not tried again"), ConfigError("tried")]
    with pytest.raises(StageFailed, match="tried"):
        await run(work, tmp_path / "fault")
    assert len(work.failures["cccc"]) == 1


async def test_a_cap_that_is_reached_stops_the_stage_and_is_not_tried_again(work: Work, tmp_path: Path) -> None:
    names = tuple(letter * 4 for letter in "abcdefgh")
    work.failures = {
        name: [BudgetExceeded("never reached"), BudgetExceeded("--max-usd 1 is reached.")] for name in names
    }
    with pytest.raises(BudgetExceeded, match=r"^--max-usd 1 is reached; the stage verify has taken 0 calls"):
        await run(work, tmp_path, names)
    begun = [name for name in names if len(work.failures[name]) == 1]
    assert len(begun) == SHARDS_AT_ONCE and not any(len(work.failures[name]) == 0 for name in names)
    work.failures = {}
    assert (await run(work, tmp_path, names)).computed == 8


@pytest.mark.parametrize("kind", [ProviderRefused, ProviderUnavailable, ConfigError])
async def test_what_the_next_shard_would_run_into_too_stops_the_stage(
    work: Work, tmp_path: Path, kind: type[Exception]
) -> None:
    names = tuple(letter * 4 for letter in "abcdef")
    work.failures = {name: [kind("the key is wrong.") for _ in range(9)] for name in names}
    with pytest.raises(
        StageFailed, match=r"^2 of 6 shards of the stage verify failed \(verify, \d of \d: the key is wrong\)"
    ):
        await run(work, tmp_path, names)
    assert sum(len(failures) < 9 for failures in work.failures.values()) == SHARDS_AT_ONCE
    work.failures = {}
    assert (await run(work, tmp_path, names)).computed == 6


async def test_what_is_in_flight_when_a_stage_stops_is_kept(work: Work, tmp_path: Path) -> None:
    work.failures["aaaa"] = [ConfigError("the key is wrong")]
    with pytest.raises(StageFailed, match="^1 of 3 shards"):
        await run(work, tmp_path)
    ended = len(work.done)
    assert "bbbb" in work.done
    assert (await run(work, tmp_path)).reused == ended


async def test_what_is_there_already_stays_in_when_a_stage_stops(work: Work, tmp_path: Path) -> None:
    there = ("eeee", "ffff", "gggg", "hhhh")
    await run(work, tmp_path, there)
    work.failures["aaaa"] = [ConfigError("the key is wrong")]
    gone_on = await run(work, tmp_path, ("aaaa", "bbbb", "cccc", "dddd", *there), failed_shards=50)
    assert gone_on.reused == 4 and gone_on.computed + len(gone_on.failed) == 4
    assert len(gone_on.shards) == 8 - len(gone_on.failed) >= 5


@pytest.mark.parametrize(("percent", "fail", "goes_on"), [(0, 1, False), (5, 1, True), (5, 2, False), (40, 2, True)])
async def test_a_percentage_of_shards_that_may_fail_is_rounded_up(
    work: Work, tmp_path: Path, percent: float, fail: int, goes_on: bool
) -> None:
    work.failures = {name: [ValueError("a wrong number")] for name in NAMES[:fail]}
    if goes_on:
        assert len((await run(work, tmp_path, failed_shards=percent)).failed) == fail
    else:
        with pytest.raises(StageFailed, match=f"^{fail} of 3 shards"):
            await run(work, tmp_path, failed_shards=percent)


@pytest.mark.parametrize(("percent", "goes_on"), [(5, False), (99, False), (100, True)])
async def test_only_a_hundred_percent_goes_on_with_nothing(
    work: Work, tmp_path: Path, percent: float, goes_on: bool
) -> None:
    work.failures = {"aaaa": [ValueError("a wrong number")]}
    if goes_on:
        assert (await run(work, tmp_path, ("aaaa",), percent)).shards == ()
    else:
        with pytest.raises(StageFailed, match="^1 of 1 shards"):
            await run(work, tmp_path, ("aaaa",), percent)


async def test_a_listener_hears_of_every_step(work: Work, tmp_path: Path) -> None:
    class Ear:
        def __init__(self) -> None:
            self.heard: list[object] = []

        def waits(self, sentence: str) -> None: ...

        def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None:
            self.heard.append((stage, shards, reused, items))

        def items_done(self, count: int) -> None:
            self.heard.append(count)

        def shard_done(self) -> None:
            self.heard.append("shard")

        def stage_ends(self) -> None:
            self.heard.append("end")

    ear = Ear()
    with watched_by(ear):
        await run(work, tmp_path, ("aaaa",))
    assert ear.heard == [(STAGE, 1, 0, None), 1, "shard", "end"]


async def test_a_file_that_another_build_made_anew_is_taken_as_it_is(work: Work, tmp_path: Path) -> None:
    first = await run(work, tmp_path)
    other = Rejection(stage="verify", reason=Reason.GUESS, item="other", detail="none")
    anew = write_result(tmp_path, STAGE, "bbbb", [other], Rejection, [])
    second = await run(work, tmp_path)
    assert second.computed == 0 and set(second.shards) - set(first.shards) == {anew}
