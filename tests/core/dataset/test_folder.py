from pathlib import Path
from typing import Any

import pytest

from taskcraft_core.dataset.folder import check_folder
from taskcraft_core.dataset.store import publish, read_dataset
from taskcraft_core.errors import ConfigError


@pytest.mark.parametrize("name", ["a b", "a%b", "a#b", "a?b", "数据", "a:b", "a&b+c", "a'b", "~{x}*"])
def test_a_folder_of_any_other_name_holds_a_dataset(tmp_path: Path, name: str, world: Any) -> None:
    check_folder(tmp_path / name)
    assert publish(world.rows, tmp_path / name, {}).version == 1
    assert read_dataset(tmp_path / name).num_rows == len(world.rows)
    assert (tmp_path / name / "dataset" / "_delta_log").is_dir()


@pytest.mark.parametrize("name", ["a[b", "a]b", "a|b", "a^b", "a\\b", "a%20b", "%5B"])
def test_a_folder_that_is_no_address_is_refused_before_anything_is_built(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the output folder"):
        check_folder(tmp_path / name / "out")
