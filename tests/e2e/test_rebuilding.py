"""Building again computes only what changed, and the same documents give the same bytes wherever they are built."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "data" / "samples"
FIRST_STAGES = ("ingest", "generate")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each of the builds of `rebuilds.py` did, in a Prefect home of their own."""
    home, folder = tmp_path_factory.mktemp("prefect"), tmp_path_factory.mktemp("rebuilds")
    done = subprocess.run(
        [sys.executable, HERE / "rebuilds.py", SAMPLES, folder],
        env={**os.environ, "PREFECT_HOME": str(home)},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def work(build: dict[str, Any]) -> dict[str, str]:
    return {name: digest for name, digest in build["files"].items() if name.startswith("work/")}


def test_the_first_build_computes_and_publishes(told: dict[str, Any]) -> None:
    first = told["first"]
    assert all(first["computed"].values()), first["computed"]
    published = first["summary"]["published"]
    assert published["version"] == 1
    assert published["added"] > 100


def test_the_same_again_computes_nothing_and_makes_no_version(told: dict[str, Any]) -> None:
    again = told["again"]
    assert set(again["computed"].values()) == {0}
    assert again["summary"]["published"]["version"] == 1
    assert again["summary"]["published"]["added"] == 0
    assert (again["new"], again["changed"]) == ([], [])
    assert again["summary"]["solved"] == 0
    assert again["summary"]["seconds"] < told["first"]["summary"]["seconds"] / 2


def test_two_folders_hold_the_same_bytes(told: dict[str, Any]) -> None:
    assert told["elsewhere"]["files"] == told["first"]["files"]
    assert any(name.startswith("releases/") for name in told["first"]["files"])


def test_a_file_that_is_gone_and_one_that_is_cut_are_computed_again_and_nothing_else(told: dict[str, Any]) -> None:
    repaired = told["repaired"]
    computed = {stage: count for stage, count in repaired["computed"].items() if count}
    assert computed == {"generate": 1, "verify": 1}
    assert work(repaired) == work(told["first"])
    assert sorted(repaired["new"] + repaired["changed"]) == sorted(told["damage"])
    assert repaired["summary"]["solved"] == 0
    assert repaired["summary"]["published"]["version"] == 1


@pytest.mark.parametrize("stage", FIRST_STAGES)
def test_one_more_document_touches_one_shard_of_the_stages_that_do_not_search(told: dict[str, Any], stage: str) -> None:
    assert told["added"]["computed"][stage] == 1


def test_one_more_document_solves_again_only_what_it_could_change(told: dict[str, Any]) -> None:
    added = told["added"]["summary"]
    assert added["published"]["version"] == 2
    assert added["published"]["added"] > 0
    assert added["carried"] > 2 * added["solved"], (added["carried"], added["solved"])


def test_taking_the_document_back_finds_every_shard_as_it_was(told: dict[str, Any]) -> None:
    back = told["taken back"]
    assert {stage: back["computed"][stage] for stage in FIRST_STAGES} == dict.fromkeys(FIRST_STAGES, 0)
    assert set(back["computed"].values()) == {0}
