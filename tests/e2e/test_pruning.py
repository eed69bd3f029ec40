"""What nightly builds retire and what they keep, and what they go on without: real builds over documents that come,
change and go.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "data" / "samples"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each of the builds of `nights.py` did, in a Prefect home of their own."""
    home, folder = tmp_path_factory.mktemp("prefect"), tmp_path_factory.mktemp("nights")
    done = subprocess.run(
        [sys.executable, HERE / "nights.py", SAMPLES, folder],
        env={**os.environ, "PREFECT_HOME": str(home)},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def version(night: dict[str, Any]) -> int:
    return night["summary"]["published"]["version"]


def retired(night: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["item"]: one for one in night["left"] if one["stage"] == "publish"}


def quoting(night: dict[str, Any], uri: str) -> set[str]:
    return {key for key, row in night["rows"].items() if any(uri in item["uri"] for item in row["evidence"])}


# --- shards that failed ------------------------------------------------------------------------------------


def test_no_build_goes_on_without_its_audit(told: dict[str, Any]) -> None:
    assert told["the audit fails"].startswith("1 of 1 shards of the stage audit failed (audit, 1 of 1: ")


def test_a_release_names_the_shards_that_its_build_went_on_without(told: dict[str, Any]) -> None:
    night = told["a shard fails"]
    (failed,) = night["failed_shards"]
    assert (failed["stage"], version(night)) == ("verify", 1)
    assert failed["shard"].startswith("verify, 1 of ")
    assert failed["reason"] == "…/faults.txt asks for a fault here; take the line out and retry."
    assert failed["shard"] in " ".join(night["card"].split())
    assert [one["shard"] for one in night["summary"]["failed_shards"]] == [failed["shard"]]


def test_the_night_after_it_is_computed_and_the_version_that_it_makes_lacks_nothing(told: dict[str, Any]) -> None:
    night = told["it is there"]
    assert (version(night), night["failed_shards"], night["summary"]["failed_shards"]) == (2, [], [])
    assert night["rows"].keys() > told["a shard fails"]["rows"].keys()
    assert "Not everything was computed" not in night["card"]


# --- what is not pruned ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a limit", "no more than 1000 documents are looked at (limit)"),
        ("a server is down", "/xenon.html: cannot be fetched: "),
        ("not mounted", "empty#1: the folder holds no file"),
    ],
)
def test_nothing_is_retired_while_a_source_is_not_listed_completely(told: dict[str, Any], name: str, why: str) -> None:
    nights = list(told)
    before, night = told[nights[nights.index(name) - 1]], told[name]
    assert why in night["summary"]["not_pruned"]
    assert night["summary"]["published"]["retired"] == 0 and not night["summary"]["retired"]
    assert night["rows"].keys() >= before["rows"].keys() and not retired(night)


def test_a_document_whose_parse_took_too_long_keeps_its_tasks_and_those_of_its_figure(told: dict[str, Any]) -> None:
    night = told["a parse takes too long"]
    slow = {one["item"] for one in night["left"] if one["reason"] == "parse_timeout"}
    assert "in/lakes.pdf" in slow and night["summary"]["not_pruned"] is None
    assert night["rows"].keys() >= told["the same again"]["rows"].keys()
    assert quoting(night, "lakes.pdf#page=2") and quoting(night, "in/lakes.pdf")
    assert night["summary"]["retired"] == {} and not retired(night)


# --- what is -----------------------------------------------------------------------------------------------


def test_what_quotes_documents_that_are_gone_or_changed_leaves_and_stays_in_the_version_before(
    told: dict[str, Any],
) -> None:
    before, night = told["a server is down"], told["all is listed"]
    assert version(night) == version(before) + 1
    left = retired(night)
    assert left.keys() == before["rows"].keys() - night["rows"].keys()
    assert quoting(before, "gallium.html") and not quoting(night, "gallium.html")
    gone = {key for key in quoting(before, "gallium.html") if before["rows"][key]["kind"] == "atomic"}
    assert gone and {left[key]["reason"] for key in gone} == {"document_gone"}
    changed = {key for key in quoting(before, "copper.html") if left.get(key, {}).get("reason") == "document_changed"}
    assert changed and quoting(night, "copper.html")
    ids = {item["document_id"] for row in night["rows"].values() for item in row["evidence"] if "copper" in item["uri"]}
    assert len(ids) == 1


def test_what_a_second_document_of_the_name_makes_ambiguous_leaves_too(told: dict[str, Any]) -> None:
    left = retired(told["all is listed"])
    rows = told["a server is down"]["rows"]
    named = {key for key, one in left.items() if one["reason"] == "identifier_ambiguous"}
    assert named and {rows[key]["identifier"] for key in named} == {"Neon"}
    assert not any(row["identifier"] == "Neon" for row in told["all is listed"]["rows"].values())


def test_whatever_is_built_on_a_row_that_leaves_goes_with_it(told: dict[str, Any]) -> None:
    for night in (night for night in told.values() if isinstance(night, dict)):
        assert all(set(row["parent_ids"]) <= night["rows"].keys() for row in night["rows"].values())
    left = retired(told["all is listed"])
    orphans = {
        key: told["a server is down"]["rows"][key] for key, one in left.items() if one["reason"] == "parent_left"
    }
    assert orphans and all(set(row["parent_ids"]) & left.keys() for row in orphans.values())


def test_every_retired_task_is_written_down_and_counted(told: dict[str, Any]) -> None:
    before, night = told["a server is down"], told["all is listed"]
    left = retired(night)
    assert night["summary"]["retired"] == dict(Counter(one["reason"] for one in left.values()))
    assert night["summary"]["published"]["retired"] == len(left)
    assert all(before["rows"][key]["question"] in one["detail"] for key, one in left.items())
    assert night["commit"]["retired"] == night["summary"]["published"]["reasons"]["path"]
    assert not any(count["stage"] == "publish" for count in night["summary"]["rejections"])


def test_the_same_again_makes_no_version_and_a_release_that_is_missing_is_made(told: dict[str, Any]) -> None:
    night = told["the same again"]
    assert version(night) == version(told["all is listed"])
    assert not night["summary"]["published"]["new_version"] and night["computed"] == 0
    assert night["rows"] == told["all is listed"]["rows"] and night["card"] == told["all is listed"]["card"]


def test_a_retirement_that_is_due_is_not_skipped_because_the_rows_are_there_already(told: dict[str, Any]) -> None:
    """The build before published the same rows, and could not prune."""
    before, night = told["not mounted"], told["mounted"]
    assert night["computed"] == 0 and version(night) == version(before) + 1
    published = night["summary"]["published"]
    assert (published["added"], published["updated"]) == (0, 0) and published["retired"] > 0
    assert quoting(before, "germanium.html") and not quoting(night, "germanium.html")
    assert quoting(night, "lakes.pdf#page=2")
