"""Prices by the name of the model."""

import pytest

from taskcraft_core.calls.prices import Prices
from taskcraft_core.errors import ConfigError


def table(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_table_that_comes_along_knows_the_common_models():
    prices = Prices.load(None)
    assert prices.usd("gpt-4o-mini", 1_000_000, 0) == pytest.approx(0.15)
    assert prices.usd("gpt-4o-mini-2024-07-18", 0, 1_000_000) == pytest.approx(0.60)
    assert prices.usd("gpt-4o-2024-08-06", 500_000, 100_000) == pytest.approx(2.25)
    assert prices.usd("gpt-5-nano", 0, 0) == 0.0
    assert prices.usd("loopback", 10, 10) is None


def test_a_file_replaces_the_table(tmp_path):
    mine = Prices.load(table(tmp_path, '[models]\n"my-model" = { input = 1, output = 2.5 }\n'))
    assert mine.usd("my-model", 1_000_000, 2_000_000) == 6.0
    assert mine.usd("gpt-4o", 1, 1) is None


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("gpt-4", 4), ("gpt-4-0613", 4), ("gpt-4-turbo", 5), ("gpt-4-turbo-2024-04-09", 5), ("gpt-4:free", 4),
        ("gpt-4@eu", 4), ("gpt-4-latest", 4), ("gpt-4-20240613", 4), ("gpt-4-0613:free", 4), ("gpt-4-turbo-2024", 5),
        ("gpt-4-audio-preview", None), ("gpt-4-mini", None), ("gpt-4-061", None), ("gpt-4-2024-05-13-x", None),
        ("gpt-4o", None), ("gpt-4.1", None), ("gpt", None), ("", None), ("openai/gpt-4", None),
    ],
)  # fmt: skip
def test_the_longest_name_counts_and_a_name_stands_for_no_other_model(tmp_path, model, price):
    text = '[models]\n"gpt-4-turbo" = { input = 5, output = 0 }\n"gpt-4" = { input = 4, output = 0 }\n'
    assert Prices.load(table(tmp_path, text)).usd(model, 1_000_000, 0) == price


@pytest.mark.parametrize(
    "text",
    [
        "", "not TOML", "[models]\n", "models = 3\n", '[models]\n"m" = 3\n', '[models]\n"m" = { input = 1 }\n',
        '[models]\n"m" = { input = 1, output = "2" }\n', '[models]\n"m" = { input = 1, output = -2 }\n',
        '[models]\n"m" = { input = 1, output = nan }\n', '[models]\n"m" = { input = 1, output = true }\n',
        '[models]\n"m" = { input = 1, output = 2, cached = 1 }\n',
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_of_prices_is_one_sentence(tmp_path, text):
    with pytest.raises(ConfigError, match=r"mine\.toml: "):
        Prices.load(table(tmp_path, text))


def test_a_file_that_is_missing_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        Prices.load(tmp_path / "nowhere.toml")
