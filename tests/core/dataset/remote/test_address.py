"""An address is checked before anything is asked of a network, and no secret in it is repeated."""

from pathlib import Path

import pytest

from taskcraft_core.dataset.remote.address import check_out, copy_of, is_address, whole
from taskcraft_core.errors import ConfigError


@pytest.mark.parametrize("out", ["out/demo", "/data/out", "s3:/bucket/demo", "./s3", "C:out"])
def test_a_path_is_no_address(out: str) -> None:
    assert not is_address(out)
    check_out(out)
    assert whole(out) == str(Path(out).absolute())


@pytest.mark.parametrize("out", ["s3://bucket/demo", "S3://bucket", "file:///tmp/demo"])
def test_an_address_that_can_be_used_is_let_pass(out: str) -> None:
    check_out(out)
    assert whole(f"{out}/") == out


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("s5://bucket/demo", "s5:// is no storage that fsspec knows; s3, gs, abfs or file are"),
        ("abfs://box/demo", "is not installed: Install adlfs to access"),
        ("https://example.org/demo", "nothing can be kept at https://"),
        ("memory://demo", "nothing can be kept at memory://"),
        ("s3://", "it names no place"),
        ("s3://bucket/[a]", "it holds '['"),
        ("s3://bucket/a%20b", "it holds '%20'"),
        ("s3://bucket/../other", "it holds '..'"),
        ("zip://a.zip::s3://bucket", "it holds '::'"),
        ("file://tmp/demo", "is no whole path; write file:///folder"),
        ("out/[a]", "its path holds '['"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_that_names_it(out: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_out(out)
    assert says in str(error.value) and out in str(error.value)


@pytest.mark.parametrize(
    "out",
    [
        "s3://AKIA:pla/nted-secret@bucket/demo",
        "sftp://me:planted-secret@host/demo",
        "abfs://box/demo?sig=planted-secret",
        "s3://bucket/demo#planted-secret",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(out: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_out(out)
    assert "nted-secret" not in str(error.value)


def test_documents_and_dataset_cannot_lie_in_one_another_by_a_file_url(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for out in (f"file://{docs}/out", f"file://{docs}", f"file://{tmp_path}"):
        with pytest.raises(ConfigError, match="cannot lie in one another"):
            check_out(out, [str(docs)])
    check_out(f"file://{tmp_path}/out", [str(docs), "https://example.org/page.html"])


def test_every_address_has_a_copy_of_its_own_that_can_hold_tables(tmp_path: Path) -> None:
    addresses = ["s3://bucket/a/b", "s3://bucket/a-b", "gs://bucket/a/b", f"s3://bucket/{'long/' * 50}"]
    copies = {copy_of(one, tmp_path) for one in addresses}
    assert len(copies) == len(addresses)
    assert copy_of("S3://bucket/a/b/", tmp_path) in copies
    for copy in copies:
        check_out(str(copy))
        assert copy.parent == tmp_path and len(copy.name) < 100


def test_copies_lie_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert copy_of("s3://bucket/demo", None).parent == tmp_path / "taskcraft"
