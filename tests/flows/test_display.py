"""The progress display on a terminal."""

import io

from rich.console import Console

from flows.display import Display


def test_a_line_fits_a_terminal_of_80_columns_with_all_its_counts() -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=80, color_system=None)
    with Display(console) as display:
        display.stage_begins("depth, balanced", shards=64, reused=12, items=2915)
        display.items_done(2915)
        display.shard_done()
        display.stage_ends()
    assert "1/64 shards, 12 reused, 2915 items" in drawn.getvalue()
